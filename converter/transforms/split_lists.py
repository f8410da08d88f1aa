"""Splits from lists that a user has: which image goes where.

    {train: [a.jpg, ...], val: [...]}      JSON or YAML
    image,split                            CSV, as the index.csv of a package
    train.txt, val.txt, ...                a folder of lists, a name a line (VOC, YOLO, CamVid)

An entry is the path of an image or the end of it, with or without the extension; what
stands before it (`images/`, /data/set/) and, in a line of text, after it does not matter.
Every image is listed once, and every entry is an image.
"""

from __future__ import annotations

import difflib
import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence

from converter.codecs import csvs, json, text
from converter.errors import SourceError
from converter.layouts.images import is_image, split_name, stem

__all__ = ["SPLIT", "from_lists", "parse_lists"]

SPLIT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
"""What may name a split: it becomes a folder."""
Pairs = list[tuple[str, str]]


def parse_lists(files: Mapping[str, bytes], shown: str) -> dict[str, str]:
    """Entry -> split, from files by name; SourceError for what is no list, or an entry of two splits."""
    if not files:
        raise SourceError(shown, "holds no lists", remedy="name a file, or a folder of train.txt, val.txt, ...")
    found: dict[str, str] = {}
    for name, split in (pair for file, data in files.items() for pair in _pairs(data, file)):
        if not SPLIT.fullmatch(split):
            raise SourceError(shown, f"'{split}' is no name of a split", remedy="use letters, digits, - and _")
        entry = posixpath.normpath(name.replace("\\", "/")).lstrip("/")
        if found.setdefault(entry, split_name(split)) != split_name(split):
            raise SourceError(shown, f"{name} is in both {found[entry]} and {split}", remedy="list it once")
    return found


def _pairs(data: bytes, file: str) -> Pairs:
    """What a file lists: an entry and its split."""
    ending = posixpath.splitext(file)[1].lower()
    if ending in {".csv", ".txt"}:
        return _rows(data, file) if ending == ".csv" else _lines(data, file)
    lists = json.decode_named(data, file)
    if not isinstance(lists, Mapping) or not all(isinstance(v, list) for v in lists.values()):
        raise SourceError(file, "is no mapping of splits to lists", remedy="write {train: [a.jpg], val: [b.jpg]}")
    return [(str(name), str(split)) for split, names in lists.items() for name in names]


def _rows(data: bytes, file: str) -> Pairs:
    rows = [{k.lower(): v.strip() for k, v in row.items()} for row in csvs.records(data, file)]
    if not rows or not {"image", "split"} <= rows[0].keys():
        raise SourceError(file, "has no columns image and split", remedy="write image,split in the first line")
    return [(row["image"], row["split"]) for row in rows if row["split"]]


def _lines(data: bytes, file: str) -> Pairs:
    """The lines of a text file, whose name is that of the split. A mask may follow the image in its line."""
    lines = (line.strip() for line in text.decode_text(data, file).splitlines())
    split = stem(posixpath.basename(file))
    return [(first if is_image(first := line.split()[0]) else line, split) for line in lines if line]


def from_lists(names: Sequence[str], lists: Mapping[str, str], file: str) -> list[str]:
    """The split of every image by its path; SourceError unless each has one entry, and each entry an image."""
    claimed = {entry: name for name in names for entry in (name, stem(name)) if entry in lists}
    ends, listed = _ends(lists), set(claimed.values())
    for name in sorted((n for n in names if n not in listed), key=lambda n: -n.count("/")):
        entries = next(
            (free for tail in _tails(name) if (free := [e for e in ends.get(tail, ()) if e not in claimed])), []
        )
        if not entries:
            raise SourceError(file, f"the image {name} is in none of the lists", remedy="list every image")
        if len(entries) > 1:
            problem = f"{' and '.join(entries[:2])} may both be the image {name}"
            raise SourceError(file, problem, remedy="write more of the paths")
        claimed[entries[0]] = name
    unknown = sorted(lists.keys() - claimed.keys())
    if unknown:
        near = difflib.get_close_matches(unknown[0], list(names), n=1)
        hint = f" (is '{near[0]}' meant?)" if near else ""
        raise SourceError(file, f"the dataset has no image '{unknown[0]}'{hint}", remedy="mend the list")
    of = {name: lists[entry] for entry, name in claimed.items()}
    return [of[name] for name in names]


def _ends(lists: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Every end of every entry, from one folder to the next, and the entries that end so."""
    found: dict[str, tuple[str, ...]] = {}
    for entry in lists:
        parts = entry.split("/")
        for at in range(len(parts)):
            end = "/".join(parts[at:])
            found[end] = (*found.get(end, ()), entry)
    return found


def _tails(name: str) -> Iterator[str]:
    """A path, with and without its extension, and what is left of it without its first folders."""
    while name:
        yield name
        yield stem(name)
        name = name.partition("/")[2]
