"""Formats that share the top level of COCO's JSON: which files are theirs, and which split each is."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from typing import Any

import msgspec

from converter.errors import SourceError
from converter.layouts.coco_files import CocoFile, read_top
from converter.layouts.images import is_split_name, split_name
from converter.storage import Source

__all__ = ["marked", "open_marked"]

DEPTH = 2


def marked(source: Source, *marks: str) -> list[str]:
    """JSON files that hold one of the keys `marks`: the one that was named, or those not too far down."""
    keys = [f'"{mark}"'.encode() for mark in marks]
    if source.entry is not None:
        names: Sequence[str] = [source.entry]
    else:
        names = [n for n in source.names() if n.count("/") <= DEPTH]
    paths = [n for n in names if n.lower().endswith(".json")]
    return [path for path in paths if _holds(source.read(path), keys)]


def _holds(data: bytes, keys: Sequence[bytes]) -> bool:
    return b'"images"' in data and any(key in data for key in keys)


def open_marked(source: Source, paths: Sequence[str], prefix: str) -> list[CocoFile]:
    """The files opened as far as their top level; `prefix`, a pattern, is no part of a split's name.

    One may hold the images of no split, but not all images once more.
    """
    raws = {path: _raw_split(path, prefix) for path in paths}
    files = [_open(source, path, raw, alone=len(paths) == 1) for path, raw in raws.items()]
    distinct = len({split_name(raw) for raw in raws.values()}) == len(paths)
    if len(paths) > 1 and (not distinct or ("" in raws.values() and _share_images(files))):
        raise SourceError(
            source.name,
            f"several files, and nothing says which is meant: {', '.join(paths[:6])}",
            remedy="name the one file instead of the folder",
        )
    return files


def _raw_split(path: str, prefix: str) -> str:
    """The split that the name of a file tells, else that of a folder above, as in `train/panoptic_annotations.json`."""
    name = re.sub(f"^(?:{prefix})", "", posixpath.basename(path).rpartition(".")[0])
    above = [part for part in posixpath.dirname(path).split("/") if is_split_name(part)]
    return name if is_split_name(name) or not above else above[-1]


class _Id(msgspec.Struct):
    id: Any = None


def _share_images(files: Sequence[CocoFile]) -> bool:
    """Whether an image id stands in two files, or something that is no image in one."""
    try:
        ids = [str(image.id) for file in files for image in msgspec.json.decode(file.top["images"], type=list[_Id])]
    except msgspec.ValidationError:
        return True
    return len(set(ids)) < len(ids)


def _open(source: Source, path: str, raw: str, *, alone: bool) -> CocoFile:
    label = source.label(path)
    read = read_top(source.read(path), label)
    top = read.entries
    for key in ("images", "annotations"):
        if key not in top or bytes(memoryview(top[key])[:1]) != b"[":
            raise SourceError(label, "is not a list", place=key, remedy="is the file whole?")
    split = split_name(raw) if raw and (not alone or is_split_name(raw)) else None
    return CocoFile(path, label, split, raw, top, read.endless)
