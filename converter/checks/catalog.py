"""Every finding there is: its severity, the question it answers, and what to do about it.

Codes are stable; people write them into scripts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypeAlias

import msgspec

from converter.model import Finding

__all__ = ["CATALOG", "RANK", "Entry", "Severity", "finding", "in_order"]

Severity: TypeAlias = Literal["error", "warning", "info"]
RANK: dict[str, int] = {"error": 0, "warning": 1, "info": 2}


class Entry(msgspec.Struct, frozen=True):
    """A code: how bad it is, which question it belongs to, and the usual remedy."""

    severity: Severity
    question: str
    fix: str


ALIGNMENT, VALUES, EMPTY, CLASSES = "alignment", "unique values", "empty masks", "class mapping"
OVERLAPS, FILES, GEOMETRY, PACKAGE = "overlaps and instances", "files", "geometry", "package"

CATALOG: dict[str, Entry] = {
    "size-mismatch": Entry("error", ALIGNMENT, "use the images that were annotated, in the size they had"),
    "exif-orientation": Entry(
        "warning",
        ALIGNMENT,
        "convert with --exif bake to turn images upright; viewers and trainers disagree about the tag",
    ),
    "out-of-bounds": Entry("warning", ALIGNMENT, "cut the shape at the edge of the image; converting does"),
    "shifted-masks": Entry(
        "warning", ALIGNMENT, "put images and masks through the same resizing, cropping and padding"
    ),
    "unexpected-value": Entry("error", VALUES, "declare the value with --classes FILE, or mend the mask"),
    "lossy-mask": Entry("warning", VALUES, "save masks as PNG, resize them by nearest neighbour only"),
    "palette-mask": Entry(
        "warning", VALUES, "give the legend with --colors FILE, or save class ids instead of colours"
    ),
    "empty-mask": Entry("warning", EMPTY, "draw the object, or remove it"),
    "no-annotations": Entry("info", EMPTY, "nothing, if there is nothing to see in the image"),
    "tiny-instance": Entry("info", EMPTY, "look whether it is a slip of the mouse"),
    "unmapped-class": Entry("error", CLASSES, "name the class, or drop it, with --classes FILE"),
    "duplicate-class-name": Entry("error", CLASSES, "merge or rename the classes with --classes FILE"),
    "unused-class": Entry("info", CLASSES, "drop it with --classes FILE if it is not needed"),
    "class-imbalance": Entry("info", CLASSES, "weigh the classes in training, or merge rare ones with --classes FILE"),
    "overlap": Entry("info", OVERLAPS, "nothing for instance masks; in a semantic mask the smaller one lies on top"),
    "duplicate-instance": Entry("warning", OVERLAPS, "remove one of the two"),
    "disconnected-instance": Entry("info", OVERLAPS, "look whether it is one object behind another, or two"),
    "missing-image": Entry("error", FILES, "add the file, or say where images lie with --images DIR"),
    "missing-mask": Entry("warning", FILES, "add the file, or take the image out"),
    "orphan-mask": Entry("warning", FILES, "add the image, or remove the annotation"),
    "orphan-image": Entry("info", FILES, "annotate the image, or remove it"),
    "unreadable-image": Entry("error", FILES, "copy or download the file again"),
    "duplicate-image": Entry("warning", FILES, "remove one of the two"),
    "split-leak": Entry("warning", FILES, "keep the picture in one split only"),
    "invalid-polygon": Entry("error", GEOMETRY, "mend or remove the annotation"),
    "invalid-rle": Entry("error", GEOMETRY, "mend or remove the annotation"),
    "box-mismatch": Entry("warning", GEOMETRY, "compute the box from the mask; converting does"),
    "area-mismatch": Entry("warning", GEOMETRY, "compute the area from the mask; converting does"),
    "encoding-disagreement": Entry("error", PACKAGE, "pack the dataset again from its source"),
    "index-mismatch": Entry("error", PACKAGE, "pack the dataset again from its source"),
    "meta-invalid": Entry("error", PACKAGE, "pack the dataset again from its source"),
    "checksum-mismatch": Entry("error", PACKAGE, "the file was changed after packing: pack the dataset again"),
}
_PLACE = {code: i for i, code in enumerate(CATALOG)}


def finding(
    code: str,
    message: str,
    *,
    image: str = "",
    instance: int | None = None,
    file: str = "",
    fix: str = "",
    details: Mapping[str, Any] | None = None,
) -> Finding:
    """A finding of a known code; severity and, without `fix`, the remedy are the catalog's."""
    entry = CATALOG[code]
    where: dict[str, Any] = {"image": image, "instance": instance, "file": file}
    known = {k: v for k, v in where.items() if v is not None and v != ""}
    return Finding(code, entry.severity, known, message, fix or entry.fix, dict(details or {}))


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Without repetition: errors first, then by code as in the catalog, then as they came."""
    once: dict[tuple[Any, ...], Finding] = {}
    for each in findings:
        where = each.where
        once.setdefault((each.code, where.get("image"), where.get("instance"), where.get("file"), each.message), each)
    return sorted(once.values(), key=lambda f: (RANK[f.severity], _PLACE[f.code]))
