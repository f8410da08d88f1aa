"""What COCO files say of the set beside its images, annotations and categories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from converter.codecs import json as codec
from converter.layouts.coco_files import CocoFile
from converter.ledger import Ledger
from converter.model import ClassInfo, Header

__all__ = ["tell_other_entries", "told_header", "top_extra"]

TOP_KEYS = frozenset({"images", "annotations", "categories"})


def _top_entries(files: Sequence[CocoFile]) -> dict[str, Any]:
    """The entries of the files beside images, annotations and categories, each as it counts."""
    return {k: codec.decode(v, file.label, place=k) for k, (v, file) in _counting(files).items()}


def _counting(files: Sequence[CocoFile]) -> dict[str, tuple[msgspec.Raw, CocoFile]]:
    """Of the entries of each name the first that says anything, and the file of it."""
    found: dict[str, tuple[msgspec.Raw, CocoFile]] = {}
    for file in files:
        for key, value in file.top.items():
            if key not in TOP_KEYS and (key not in found or (_says(value) and not _says(found[key][0]))):
                found[key] = value, file
    return found


def _says(value: msgspec.Raw) -> bool:
    return bytes(value) not in {b"null", b'""', b"[]", b"{}"}


def tell_other_entries(files: Sequence[CocoFile], ledger: Ledger) -> None:
    """Entries that a file has otherwise than the one that counts."""
    counting = _counting(files)
    for file in files:
        mine = {k: (bytes(counting[k][0]), bytes(v)) for k, v in file.top.items() if k in counting and _says(v)}
        other = [
            k for k, (a, b) in mine.items() if a != b and codec.decode(a, file.label) != codec.decode(b, file.label)
        ]
        if other:
            said = f"it has another {', '.join(sorted(other))} than the files before, which count"
            ledger.note("metadata-dropped", file.label, said)


def told_header(
    format: str,
    files: Sequence[CocoFile],
    classes: tuple[ClassInfo, ...],
    background: int | None,
    splits: tuple[str, ...],
) -> Header:
    """The header with what the files say of themselves; that of a map of classes where they were one."""
    said = _top_entries(files)
    mark, extra = _semantic_mark(said), _without_mark(said)
    if mark is not None:
        return Header(format, "semantic", classes, splits, "", mark.get("background_id"), mark.get("ignore_id"), extra)
    return Header(format, "instance", classes, splits, background_id=background, extra=extra)


def top_extra(files: Sequence[CocoFile]) -> dict[str, Any]:
    """What files say of themselves, without the mark of a set that was semantic."""
    return _without_mark(_top_entries(files))


def _without_mark(said: dict[str, Any]) -> dict[str, Any]:
    if _semantic_mark(said) is None:
        return said
    info = {k: v for k, v in said["info"].items() if k != "segpack"}
    return {k: v for k, v in said.items() if k != "info"} | ({"info": info} if info else {})


def _semantic_mark(extra: Mapping[str, Any]) -> dict[str, Any] | None:
    """What the writer left in `info` of a set that was semantic."""
    info = extra.get("info")
    mark = info.get("segpack") if isinstance(info, dict) else None
    if not isinstance(mark, dict) or mark.get("task") != "semantic":
        return None
    values = mark.get("background_id"), mark.get("ignore_id")
    return mark if all(v is None or type(v) is int for v in values) else None
