"""The .data file of Darknet: where its names and its lists of images are.

    classes = 2
    train = data/train.txt
    valid = data/test.txt
    names = data/obj.names

Paths begin in the folder that Darknet was started from, on the author's machine: what counts is
the longest end of one that is there, beside the .data file or from the top.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

import msgspec

from converter.codecs import text
from converter.errors import SourceError
from converter.storage import Source

__all__ = ["DATA", "NAMES", "Darknet", "bare_darknet", "ends", "find_darknet"]

DATA, NAMES = "obj.data", "obj.names"
LISTS = ("train", "valid", "val", "test")
LARGEST = 1 << 16  # bytes; other programs call their gigabytes .data


class Darknet(msgspec.Struct, frozen=True):
    """A .data file, the file of names, and subset -> list of images, as paths."""

    data: str
    names: str
    lists: dict[str, str]


def find_darknet(source: Source) -> Darknet | None:
    """obj.data and obj.names at the top; else the one .data file that names a list and names that are there."""
    if source.entry is not None and not source.entry.endswith(".data"):
        return None
    if source.entry in {None, DATA} and DATA in source and NAMES in source:
        return _read(source, DATA, NAMES)
    candidates = [source.entry] if source.entry else _candidates(source)
    found = [read for path in candidates if (read := _read(source, path)) is not None and read.lists]
    return found[0] if len(found) == 1 else None


def bare_darknet(source: Source) -> Darknet | None:
    """obj.names and lists of the usual names, without the .data file."""
    return Darknet(DATA, NAMES, _usual_lists(source, "", {})) if NAMES in source else None


def _candidates(source: Source) -> list[str]:
    return [n for n in source.names() if n.endswith(".data") and n.count("/") <= 1 and source.size(n) <= LARGEST]


def _read(source: Source, path: str, names: str | None = None) -> Darknet | None:
    """None for a .data file that is another's, or whose names are not there."""
    try:
        content = text.decode_text(source.read(path), source.label(path))
    except SourceError:
        if names is None:
            return None
        raise
    entries = {key.strip(): value.strip() for key, _, value in (line.partition("=") for line in content.splitlines())}
    folder = posixpath.dirname(path)
    names = names or _beside(source, folder, entries.get("names", ""))
    if names is None:
        return None
    lists = {key: found for key, value in entries.items() if (found := _list(source, folder, value)) is not None}
    return Darknet(path, names, lists | _usual_lists(source, folder, lists))


def _usual_lists(source: Source, folder: str, named: dict[str, str]) -> dict[str, str]:
    lists = {name: posixpath.join(folder, f"{name}.txt") for name in LISTS if name not in named}
    return {name: path for name, path in lists.items() if path in source and path not in named.values()}


def _list(source: Source, folder: str, value: str) -> str | None:
    return _beside(source, folder, value) if value.endswith(".txt") else None


def _beside(source: Source, folder: str, value: str) -> str | None:
    tails = [*ends(value)]
    places = (*(posixpath.join(folder, tail) for tail in tails), *tails)
    return next((place for place in places if place in source), None)


def ends(path: str) -> Iterator[str]:
    """A path without its first folder, without its first two, and so on, from the whole on."""
    parts = [part for part in path.replace("\\", "/").split("/") if part not in {"", "."}]
    return ("/".join(parts[at:]) for at in range(len(parts)) if ".." not in parts[at:])
