"""Which masks of many overlap, and in how many pieces a mask lies; without full bitmaps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco

from converter.geometry import rle
from converter.model import Rle

__all__ = ["count_parts", "iou_table", "overlapping_pairs"]

_ROWS = 256  # masks compared with all others at a time: bounds the table


def iou_table(a: Sequence[Rle], b: Sequence[Rle]) -> NDArray[np.float64]:
    """Intersection over union of every mask of `a` with every one of `b`, (len(a), len(b)).

    Never COCO's crowd variant. Masks are of one size; two empty ones give 0.
    """
    if not a or not b:
        return np.zeros((len(a), len(b)))
    codes = [[{"size": [m.height, m.width], "counts": m.counts} for m in masks] for masks in (a, b)]
    return np.nan_to_num(np.asarray(coco.iou(*codes, [0] * len(b)), np.float64))


def overlapping_pairs(masks: Sequence[Rle]) -> Iterator[tuple[int, int, float]]:
    """(i, j, IoU), i < j, of the masks that have a pixel in common, in order."""
    for start in range(0, len(masks), _ROWS):
        table = iou_table(masks[start : start + _ROWS], masks[start:])
        for row, column in np.argwhere(np.triu(table, 1) > 0).tolist():
            yield start + row, start + column, float(table[row, column])


def count_parts(mask: Rle) -> int:
    """How many 8-connected parts a mask has."""
    starts, ends = rle.to_runs(mask)
    if len(starts) < 2:
        return len(starts)
    if _stacked(starts, ends, mask.height):
        return 1
    from skimage.measure import label  # noqa: PLC0415 - slow to import and seldom needed

    _, parts = label(rle.decode_crop(mask)[0], connectivity=2, return_num=True)  # type: ignore[no-untyped-call]
    return int(parts)


def _stacked(starts: rle.Positions, ends: rle.Positions, height: int) -> bool:
    """Whether each column has one run that touches that of the column before: then it is one part."""
    columns = starts // height
    if (np.diff(columns) != 1).any() or ((ends - 1) // height != columns).any():
        return False
    top, bottom = starts - columns * height, ends - columns * height
    return bool(((top[1:] <= bottom[:-1]) & (bottom[1:] >= top[:-1])).all())
