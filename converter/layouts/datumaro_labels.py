"""The labels of Datumaro's JSON, by their places, as classes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from converter.codecs import json
from converter.errors import SourceError
from converter.format import ClassTable
from converter.layouts.by_name import named_classes
from converter.layouts.classes import check_name, color_in, is_background
from converter.model import ClassInfo, Rgb

__all__ = ["PARENT", "VISIBILITY", "classes_of", "first_class", "labels_of", "united", "unread_of"]

PARENT = "supercategory"  # what other formats call the parent of a label
VISIBILITY = "point_visibility"  # of an object that is points: 0 outside, 1 hidden, 2 seen


class Labelled(msgspec.Struct):
    """The label of an annotation, whatever it is."""

    label_id: Any = None


def first_class(labels: Sequence[ClassInfo], annotations: Iterable[bytes]) -> int:
    """The class id of label 0: no class where it is called background, and nothing bears it."""
    if not labels or not is_background(labels[0].name):
        return 1
    return int(any(_label(raw) == 0 for raw in annotations))


def _label(raw: bytes) -> Any:
    try:
        return msgspec.json.decode(raw, type=Labelled).label_id
    except msgspec.MsgspecError:
        return None  # loading will say why


def classes_of(labels: Sequence[ClassInfo], first: int, file: str, table: ClassTable | None) -> tuple[ClassInfo, ...]:
    """The classes; the parent of a label is its supercategory."""
    kept = labels if first else labels[1:]
    colors = {c.name: c.color for c in kept if c.color is not None}
    classes = named_classes([c.name for c in kept], (), file, colors, table=table)
    return tuple(msgspec.structs.replace(c, extra=label.extra) for c, label in zip(classes, kept, strict=True))


def united(label: ClassInfo, before: ClassInfo) -> ClassInfo:
    """A label as this file has it, with the colour and the parent that only files before it tell."""
    return msgspec.structs.replace(label, color=label.color or before.color, extra=label.extra or before.extra)


def labels_of(top: dict[str, msgspec.Raw], file: str) -> list[ClassInfo]:
    """The labels by their places, with the colours of masks."""
    categories = json.decode(top.get("categories", msgspec.Raw(b"{}")), file, dict[str, Any], place="categories")
    listed = categories.get("label", {}).get("labels", []) if isinstance(categories.get("label", {}), dict) else []
    if not isinstance(listed, list) or not all(isinstance(v, dict) for v in listed):
        raise SourceError(file, "is no list of labels", place="categories.label.labels")
    mask = categories.get("mask")
    entries = mask.get("colormap", []) if isinstance(mask, dict) else []
    colors: dict[int, Rgb] = {}
    for entry in entries:
        said = entry if isinstance(entry, dict) else {}
        id, color = said.get("label_id"), color_in([said.get(k) for k in "rgb"])
        if isinstance(id, int) and color is not None:
            colors[id] = color
    found = []
    for place, value in enumerate(listed):
        name, parent = check_name(value.get("name"), file, f"categories.label.labels[{place}]"), value.get("parent")
        extra = {PARENT: parent} if isinstance(parent, str) and parent else {}
        found.append(ClassInfo(place, name, colors.get(place), extra=extra))
    return found


def unread_of(top: dict[str, msgspec.Raw], file: str) -> list[str]:
    """What a file says of itself and its categories beside labels and colours, where it says anything."""
    categories = json.decode(top.get("categories", msgspec.Raw(b"{}")), file, dict[str, Any], place="categories")
    parts = {key: part for key, part in categories.items() if isinstance(part, dict)}
    found: list[str] = [key for key in ("info", "infos") if key in top and json.decode(top[key], file, place=key)]
    found += ["categories.label.label_groups"] if parts.get("label", {}).get("label_groups") else []
    others = parts.keys() - {"label", "mask"}
    return found + [f"categories.{key}" for key in sorted(others) if any(parts[key].values())]
