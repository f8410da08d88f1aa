"""Inputs made from good ones by a few changes, of what the bytes mean where that is known.

Bytes that are changed blindly are mostly refused at the first comma. So JSON, XML, tables, PNG and
ZIP files are taken apart, changed where it means something, and put together again: keys, numbers
and elements, pixels and chunks with their checksums, entries with their headers, and what is
packed inside them (a PNG in base64 in JSON in a ZIP). One change in four is blind all the same.
"""

from __future__ import annotations

import random
import re

from tests.fuzz.blind import blindly
from tests.fuzz.containers import change_png, change_zip
from tests.fuzz.trees import change_json, change_table, change_xml
from tests.fuzz.words import TOKENS, VALUES

__all__ = ["mutated", "renamed"]


def mutated(data: bytes, chance: random.Random) -> bytes:
    """`data` with one change, or a few; now and then a few random bytes instead."""
    if chance.random() < 0.01:
        return chance.randbytes(chance.randrange(40))
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
        data = blindly(data, chance) if chance.random() < 0.25 else _knowingly(data, chance)
    return data


def renamed(path: str, chance: random.Random) -> str:
    """Another path for a file: other numbers, words, endings or folders."""
    odd = re.sub(r"[\0/\n\t\ud800]", "", str(chance.choice(VALUES)))[:100] or "x"
    folders, base = path.rpartition("/")[0], path.rpartition("/")[2]
    name, dot, ending = base.rpartition(".")
    match chance.randrange(6):
        case 0:
            word = chance.choice(("9" * 60, "\u00b2", "\u0663", "", "-1", "0", odd))
            base = re.sub(r"\d+", lambda _: word, base)
        case 1:
            base = odd + dot + ending
        case 2:
            base = name + odd + dot + ending
        case 3:
            base = name + dot + chance.choice(("txt", "json", "png", "PNG", "csv", "xml", "yaml", odd))
        case 4:
            folders = chance.choice(("", odd, folders + "/" + odd, folders.upper()))
        case _:
            base = chance.choice(base.replace("-", "_").split("_")) or odd
    return f"{folders}/{base[-120:]}".strip("/")


def _knowingly(data: bytes, chance: random.Random) -> bytes:
    """A change of the content; blind where the bytes are not what they look like."""
    try:
        if data.startswith(b"\x89PNG"):
            return change_png(data, chance)
        if data.startswith(b"PK"):
            return change_zip(data, mutated, chance)
        start = data.lstrip()[:1]
        if start in {b"{", b"["}:
            return change_json(data, mutated, chance)
        if start == b"<":
            return change_xml(data, mutated, chance)
        if b"\n" in data and data.isascii():
            return change_table(data, chance) if data.count(b",") > data.count(b"\n") else _change_tokens(data, chance)
    except (LookupError, ValueError, SyntaxError, RecursionError, OverflowError):
        pass
    return blindly(data, chance)


def _change_tokens(data: bytes, chance: random.Random) -> bytes:
    """Text with one word, number or line in another's place."""
    lines = data.split(b"\n")
    at = chance.randrange(len(lines))
    words = re.split(rb"([\s:=,\[\]]+)", lines[at])
    match chance.randrange(6):
        case 0:
            lines.insert(at, chance.choice(lines))
        case 1:
            del lines[at]
        case 2:
            lines[at] = chance.choice(TOKENS) + lines[at]
        case 3:
            words[chance.randrange(len(words))] = chance.choice(re.split(rb"\s+", data))
            lines[at] = b"".join(words)
        case _:
            words[chance.randrange(len(words))] = chance.choice(TOKENS)
            lines[at] = b"".join(words)
    return b"\n".join(lines)
