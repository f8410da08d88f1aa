"""Changes of JSON, XML and tables at a value of them."""

from __future__ import annotations

import base64
import binascii
import copy
import csv
import io
import json
import random
import zlib
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree as ET

from tests.fuzz.words import HUGE, TOKENS, VALUES

__all__ = ["Change", "change_json", "change_table", "change_xml"]

Change = Callable[[bytes, random.Random], bytes]
LEAST_PACKED = 40  # characters of base64 that may hold a file
DEEP = (3, 30, 500)


# ---------------------------------------------------------------- JSON


def change_json(data: bytes, inner: Change, chance: random.Random) -> bytes:
    """The JSON with one value or key changed, moved, doubled or gone; ValueError when it is none."""
    root = [json.loads(data)]
    spots = list(_spots(root))
    holder, key = chance.choice(spots)
    value = holder[key]
    match chance.randrange(12):
        case 0:
            del holder[key]
        case 1 if isinstance(holder, list):
            holder[key:key] = [copy.deepcopy(value)] * chance.choice((1, 1, 2, 40))
        case 2 if isinstance(holder, dict):
            holder[str(chance.choice(VALUES))] = holder.pop(key)
        case 3:
            other, place = chance.choice(spots)
            holder[key] = copy.deepcopy(other[place])
        case 4:
            for _ in range(chance.choice(DEEP)):
                value = [value] if chance.random() < 0.5 else {"x": value}
            holder[key] = value
        case 5:
            holder[key] = str(value)
        case 6 if isinstance(value, list):
            chance.shuffle(value)
        case 7 | 8 | 9:
            holder[key] = _nudged(value, inner, chance)
        case _:
            holder[key] = copy.deepcopy(chance.choice(VALUES))
    return _written(root[0] if root else None, chance)


def _spots(value: Any) -> Any:
    """Every place of a value, as what holds it and the key there."""
    for key in range(len(value)) if isinstance(value, list) else list(value):
        yield value, key
        if isinstance(value[key], list | dict):
            yield from _spots(value[key])


def _nudged(value: Any, inner: Change, chance: random.Random) -> Any:
    """A value that is nearly the same."""
    if isinstance(value, bool | None):
        return chance.choice((0, 1, "0", "true", None, not value))
    if isinstance(value, int | float):
        return chance.choice(
            (value + 1, value - 1, -value, value * 1000, value + 0.5, float(value), str(value), [value])
        )
    if isinstance(value, str):
        return unpacked(value, inner, chance) or _nudged_text(value, chance)
    if isinstance(value, list):
        return chance.choice((value[:1], value[1:], value * 2, [value], {str(i): v for i, v in enumerate(value)}))
    return chance.choice((list(value), list(value.values()), [value], {"x": value}))


def _nudged_text(value: str, chance: random.Random) -> str:
    at = chance.randrange(len(value) + 1)
    odd = chance.choice([v for v in VALUES if isinstance(v, str)])
    return chance.choice((value[:at] + odd + value[at:], value[:at], value.upper(), value * 2, "../" + value))


def unpacked(value: str, inner: Change, chance: random.Random) -> str:
    """`value` with the file changed that it holds in base64, perhaps deflated; "" when it holds none."""
    if len(value) < LEAST_PACKED:
        return ""
    try:
        data = base64.b64decode(value, validate=True)
    except (ValueError, binascii.Error):
        return ""
    try:
        data = zlib.compress(inner(zlib.decompress(data), chance))
    except zlib.error:
        data = inner(data, chance)
    return base64.b64encode(data).decode()


def _written(value: Any, chance: random.Random) -> bytes:
    text = json.dumps(value, ensure_ascii=chance.random() < 0.5)
    return text.replace(f'"{HUGE}"', "9" * 5000).encode("utf-8", "surrogatepass")


# ---------------------------------------------------------------- XML


def change_xml(data: bytes, inner: Change, chance: random.Random) -> bytes:
    """The XML with one element changed, doubled, moved or gone; SyntaxError when it is none."""
    root = ET.fromstring(data)
    parents = [(parent, child) for parent in root.iter() for child in parent]
    parent, child = chance.choice(parents) if parents else (root, root)
    odd = _xml_text(str(chance.choice(VALUES)))
    match chance.randrange(8):
        case 0 if child is not root:
            parent.remove(child)
        case 1 if child is not root:
            parent.append(copy.deepcopy(child))
        case 2:
            child.append(copy.deepcopy(chance.choice([c for _, c in parents] or [root])))
        case 3 if child.attrib:
            child.attrib.pop(chance.choice(list(child.attrib)))
        case 4 | 5 if child.attrib:
            child.set(chance.choice(list(child.attrib)), odd)
        case 6:
            child.text = _xml_text(unpacked(child.text or "", inner, chance) or _nudged_text(child.text or "", chance))
        case _:
            child.text = odd
    return ET.tostring(root, encoding="unicode").replace(HUGE, "9" * 5000).encode()


def _xml_text(text: str) -> str:
    """`text` without what no XML can hold."""
    return "".join(c for c in text if c in "\t\n\r" or " " <= c < "\ud800" or "\ue000" <= c < "\ufffe" or c > "\uffff")


# ---------------------------------------------------------------- tables


def change_table(data: bytes, chance: random.Random) -> bytes:
    """The CSV with one cell, row or column changed; ValueError when it is none."""
    try:
        rows = list(csv.reader(io.StringIO(data.decode(), newline="")))
    except csv.Error as error:
        raise ValueError(str(error)) from None
    row = chance.choice(rows)
    if not row:
        raise ValueError("an empty row")
    at = chance.randrange(len(row))
    match chance.randrange(8):
        case 0:
            del row[at]
        case 1:
            rows.append(list(row))
        case 2:
            rows.remove(row)
        case 3:
            other = chance.choice(rows)
            row[at] = other[at] if at < len(other) else ""
        case 4:
            for line in rows:
                line[:] = [*line[:at], *line[at + 1 :], *line[at : at + 1]]
        case 5:
            row[at] = _nudged_text(row[at], chance)
        case _:
            row[at] = chance.choice(TOKENS).decode("utf-8", "replace")
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator=chance.choice(("\n", "\r\n"))).writerows(rows)
    return out.getvalue().encode("utf-8", "replace")
