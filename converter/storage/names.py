"""Which names a file of a dataset may have, and which of them other systems cannot hold.

A dataset-internal path is relative, has `/` between its parts, and stays inside. Names come
from strangers (a `file_name` in JSON, an entry of a ZIP), so each is cleaned before it
touches a file system.
"""

from __future__ import annotations

import re
import unicodedata
from array import array
from collections.abc import Hashable, Iterable
from typing import NamedTuple

import numpy as np

__all__ = [
    "Portable",
    "Problem",
    "all_differ",
    "clean",
    "is_ignored",
    "portable_problems",
    "surely_portable",
    "too_long",
    "unportable",
]

# What operating systems, and version control, leave beside the data of a user. Hidden files
# are among it: they include the staging of runs that were killed.
_IGNORED = re.compile(r"(?:^|/)(?:\.|(?:__MACOSX|@eaDir)(?:/|$)|(?i:thumbs\.db|desktop\.ini|icon\r)$)")

_DRIVE = re.compile(r"[A-Za-z]:")

# https://learn.microsoft.com/windows/win32/fileio/naming-a-file
_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]) *(?:\.|$)", re.IGNORECASE)
_CHARACTER = re.compile(r'[<>:"|?*\\\x00-\x1f]')

# NAME_MAX of Linux and macOS (NTFS counts 255 UTF-16 units, which is never less), and
# PATH_MAX of macOS. Without the last two, a name of 64 KB in a ZIP costs a gigabyte of folder names.
_PART_BYTES, _PATH_BYTES, _DEPTH = 255, 1024, 64


def clean(name: str) -> str:
    """`name` without `.`, empty parts and inner `..`: the one spelling of a path inside a dataset.

    A backslash is an ordinary character, as on POSIX, unless Windows would see a way out
    in it. Raises ValueError, whose text continues the sentence "NAME ...", for a name that
    is empty, absolute, has a drive letter or a zero byte, is not Unicode, or climbs out.
    """
    if _is_clean(name):
        return name
    if "\0" in name:
        raise ValueError("has a zero byte in it")
    if not name.isascii() and any("\ud800" <= c <= "\udfff" for c in name):
        raise ValueError("is not valid Unicode")
    if name.startswith(("/", "\\")):
        raise ValueError("is an absolute path")
    if _DRIVE.match(name):
        raise ValueError("begins with a drive letter")
    if "\\" in name:
        _inside(name.replace("\\", "/"))
    parts = _inside(name)
    if not parts:
        raise ValueError("is empty")
    return "/".join(parts)


def _is_clean(name: str) -> bool:
    """The quick answer for nearly every name; False means no more than that it takes a closer look."""
    odd = "\0" in name or "\\" in name or "//" in name or "/." in name or name[1:2] == ":"
    return name.isascii() and not odd and not name.startswith((".", "/")) and not name.endswith("/") and name != ""


def _inside(name: str) -> list[str]:
    parts: list[str] = []
    for part in name.split("/"):
        if part == "..":
            if not parts:
                raise ValueError("climbs out of the dataset with '..'")
            parts.pop()
        elif part not in {"", "."}:
            parts.append(part)
    return parts


def is_ignored(name: str) -> bool:
    """Whether a path is left by the system rather than the user: hidden, or a thumbnail cache and the like."""
    return _IGNORED.search(name) is not None


class Problem(NamedTuple):
    """Why `names` cannot be unpacked everywhere; the text continues the sentence "NAMES ..."."""

    problem: str
    names: tuple[str, ...]


def unportable(name: str) -> str | None:
    """Why some system cannot hold a file of this name by itself; None when all can."""
    return too_long(name) or next(filter(None, map(_unportable_part, name.split("/"))), None)


def too_long(name: str) -> str | None:
    """Why a path is out of all proportion; None when it is not."""
    if len(name) > _DEPTH and (len(name.encode()) > _PATH_BYTES or name.count("/") > _DEPTH):
        return f"is longer than {_PATH_BYTES:,} bytes or lies more than {_DEPTH} folders deep"
    return None


def _unportable_part(part: str) -> str | None:
    if device := _DEVICE.match(part):
        return f"cannot be made on Windows, where {device[1]} is a device"
    if character := _CHARACTER.search(part):
        return f"cannot be made on Windows, which does not allow {character[0]!r} in a name"
    if part.endswith((".", " ")):
        return "cannot be made on Windows, where a name does not end in a dot or a space"
    if len(part) > _PART_BYTES // 4 and len(part.encode()) > _PART_BYTES:
        return f"has a part of more than {_PART_BYTES} bytes, which no file system can hold"
    return None


def _unportable_below(name: str, part: str, *, known: bool) -> str | None:
    """As unportable; where its folder is `known`, what is wrong with that has been said of another file."""
    return _unportable_part(part) if known and len(name) <= _PART_BYTES else unportable(name)


class Portable:
    """The names of one tree as they come, each tested against all before it.

    Names are compared as the least discerning file systems do: without case (NTFS, APFS)
    and without the difference between composed and decomposed letters (APFS, HFS+).
    """

    def __init__(self) -> None:
        self._files: dict[str, str] = {}
        self._folders: dict[str, str] = {"": ""}

    def add(self, name: str) -> list[Problem]:
        """What stands against `name`, usually nothing. The name must be clean."""
        key = _folded(name)
        folder, _, part = key.rpartition("/")
        if why := _unportable_below(name, part, known=folder in self._folders):
            return [Problem(why, (name,))]
        problems = []
        if key in self._files:
            problems.append(_twins(self._files[key], name))
        if key in self._folders:
            problems.append(_clash(name, self._folders[key]))
        self._files[key] = name
        while folder not in self._folders:
            self._folders[folder] = name
            if folder in self._files:
                problems.append(_clash(self._files[folder], name))
            folder = folder.rpartition("/")[0]
        return problems


def portable_problems(names: Iterable[str]) -> list[Problem]:
    """Everything that keeps a tree of these files from being unpacked on every system."""
    tree = Portable()
    return [problem for name in names for problem in tree.add(name)]


def surely_portable(trees: Iterable[Iterable[str]]) -> bool:
    """Whether files of all these trees can be unpacked everywhere, in one tree; False where that takes a closer look.

    Of a name no more is kept than 8 bytes. Trees that are equal are one.
    """
    folders = {""}
    found: dict[bytes, array[int]] = {}
    for names in trees:
        hashes = array("q")
        for name in names:
            key = _folded(name)
            folder, _, part = key.rpartition("/")
            if _unportable_below(name, part, known=folder in folders):
                return False
            hashes.append(hash(key))
            while folder not in folders:
                folders.add(folder)
                folder = folder.rpartition("/")[0]
        found[hashes.tobytes()] = hashes
    return _differ([*found.values(), array("q", map(hash, folders))])


def all_differ(values: Iterable[Hashable]) -> bool:
    """Whether no two are equal; False where two may be. Of a value no more is kept than 8 bytes."""
    return _differ([array("q", map(hash, values))])


def _differ(hashes: Iterable[array[int]]) -> bool:
    ordered = np.concatenate([np.array(h, np.int64) for h in hashes])
    ordered.sort()
    return not (ordered[1:] == ordered[:-1]).any()


def _folded(name: str) -> str:
    if name.isascii():
        lowered = name.lower()
        return name if lowered == name else lowered  # of a million names most are kept once
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())


def _twins(one: str, other: str) -> Problem:
    if one == other:
        return Problem("occurs twice", (one,))
    if unicodedata.normalize("NFC", one) == unicodedata.normalize("NFC", other):
        return Problem("are one file on macOS: the same letters, composed and decomposed", (one, other))
    return Problem("are one file on Windows and macOS: they differ only in upper and lower case", (one, other))


def _clash(file: str, below: str) -> Problem:
    return Problem("want one name for a file and for a folder", (file, below))
