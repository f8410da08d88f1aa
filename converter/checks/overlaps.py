"""Are instances apart from each other and in one piece."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np

from converter.checks.catalog import finding
from converter.checks.subject import Drawn, Subject
from converter.geometry.overlaps import count_parts, overlapping_pairs
from converter.model import Box, Finding, Rle

__all__ = ["SAME", "check"]

SAME = 0.9  # IoU from which two objects of a class are one

Twins: TypeAlias = dict[int, list[tuple[int, float]]]  # place of an object -> those before it that are the same, IoUs


def check(subject: Subject) -> Iterator[Finding]:
    """Objects that share pixels, that are drawn twice, that lie in several pieces.

    Crowds are left out, and regions of classes, which are no objects.
    """
    if subject.header.task == "semantic":
        return
    singles = [d for d in subject.drawn if not d.instance.iscrowd]
    masks = [d for d in singles if d.mask is not None and d.area]
    yield from _shared(subject, masks)
    yield from _boxes_twice(subject, [d for d in singles if isinstance(d.instance.shape, Box) and d.area])
    for each, parts in zip(masks, count_parts(_codes(masks)), strict=True):
        if parts > 1:
            message = f"the mask lies in {parts} pieces"
            yield finding("disconnected-instance", message, **_where(subject, each), details={"pieces": parts})


def _codes(masks: Sequence[Drawn]) -> list[Rle]:
    return [d.mask for d in masks if d.mask is not None]


def _where(subject: Subject, each: Drawn) -> dict[str, Any]:
    return {"image": subject.name, "instance": each.told, "file": each.file}


def _shared(subject: Subject, masks: Sequence[Drawn]) -> Iterator[Finding]:
    """Twins, and for the smaller of two that overlap how many pixels it shares."""
    over: dict[int, list[tuple[int, int]]] = defaultdict(list)
    twins: Twins = defaultdict(list)
    for i, j, common, iou in overlapping_pairs(_codes(masks), [d.area for d in masks]):
        a, b = masks[i], masks[j]
        if iou >= SAME and a.instance.class_id == b.instance.class_id:
            twins[j].append((i, iou))
            continue
        small, large = (i, j) if a.area < b.area else (j, i)
        over[small].append((common, large))
    yield from _twice(subject, masks, twins, "the same as")
    for small, others in sorted(over.items()):
        pixels, largest = max(others)
        each = masks[small]
        more = f", and pixels with {len(others) - 1} more" if len(others) > 1 else ""
        message = f"shares {pixels} of its {each.area} px with instance {masks[largest].told}{more}"
        yield finding("overlap", message, **_where(subject, each), details={"pixels": pixels})


def _boxes_twice(subject: Subject, boxes: Sequence[Drawn]) -> Iterator[Finding]:
    if len(boxes) < 2:
        return
    sides = np.array([[d.box.x, d.box.y, d.box.x + d.box.w, d.box.y + d.box.h] for d in boxes])
    area = (sides[:, 2] - sides[:, 0]) * (sides[:, 3] - sides[:, 1])
    twins: Twins = defaultdict(list)
    for i in range(len(boxes) - 1):
        low, high = np.maximum(sides[i, :2], sides[i + 1 :, :2]), np.minimum(sides[i, 2:], sides[i + 1 :, 2:])
        common = np.prod(np.clip(high - low, 0, None), axis=1)
        iou = common / (area[i] + area[i + 1 :] - common)
        for j in np.flatnonzero(iou >= SAME).tolist():
            if boxes[i].instance.class_id == boxes[i + 1 + j].instance.class_id:
                twins[i + 1 + j].append((i, float(iou[j])))
    yield from _twice(subject, boxes, twins, "the same box as")


def _twice(subject: Subject, drawn: Sequence[Drawn], twins: Twins, same: str) -> Iterator[Finding]:
    """One finding for each object that is there before it, however many these are."""
    for j, earlier in sorted(twins.items()):
        first, iou = earlier[0]
        more = f", and as {len(earlier) - 1} more" if len(earlier) > 1 else ""
        message = f"{same} instance {drawn[first].told}: IoU {iou:.3f} in one class{more}"
        yield finding("duplicate-instance", message, **_where(subject, drawn[j]), details={"iou": round(iou, 6)})
