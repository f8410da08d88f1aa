"""Which masks of many overlap, and in how many pieces a mask lies; without full bitmaps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco

from converter.geometry import runlengths
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
    table = np.asarray(coco.iou(*codes, [0] * len(b)), np.float64)
    table[np.isnan(table)] = 0
    return table


def overlapping_pairs(masks: Sequence[Rle], areas: Sequence[int]) -> Iterator[tuple[int, int, int, float]]:
    """(i, j, pixels in common, IoU), i < j, of the masks that have a pixel in common, in order; `areas` are theirs."""
    for start in range(0, len(masks) - 1, _ROWS):
        table = iou_table(masks[start : start + _ROWS], masks[start:])
        rows, columns = table.nonzero()
        later = columns > rows
        for row, column in zip(rows[later].tolist(), columns[later].tolist(), strict=True):
            i, j, iou = start + row, start + column, float(table[row, column])
            # Of whole numbers below 2^29 a double gives back the numerator of the fraction.
            yield i, j, round(iou * (areas[i] + areas[j]) / (1 + iou)), iou


def count_parts(masks: Sequence[Rle]) -> list[int]:
    """How many 8-connected parts each mask has; masks are of one size.

    Parts are counted by runs down the columns, those of all masks side by side. A run that touches none
    in the column before begins a part, unless further right it meets one that has begun already.
    """
    if not masks:
        return []
    starts, ends, owner = _column_runs(masks)
    stride = masks[0].height + 2  # so that nothing touches around the end of a column
    first = np.searchsorted(ends + stride, starts)  # of the runs in the column before that touch one
    past = np.searchsorted(starts + stride, ends, side="right")
    begins = first >= past
    parts: list[int] = np.bincount(owner[begins], minlength=len(masks)).tolist()
    if max(parts) > 1:
        for run in _meetings(first, past, begins):
            parts[owner[run]] -= 1
    return parts


def _column_runs(masks: Sequence[Rle]) -> tuple[runlengths.Positions, runlengths.Positions, runlengths.Positions]:
    """The runs of all masks, cut at the ends of columns, each with the place of its mask.

    [start, end) as if columns had two rows more, and each mask a column more and came after the one before.
    """
    height, width = masks[0].height, masks[0].width
    flips = [each if len(each) % 2 == 0 else np.append(each, height * width) for each in runlengths.flips(masks)]
    edges = np.concatenate(flips)
    owner = np.arange(len(masks)).repeat([len(each) // 2 for each in flips])
    starts, ends = edges[0::2], edges[1::2]
    first, last = starts // height, (ends - 1) // height
    columns = last - first + 1
    if (columns > 1).any():
        run = np.repeat(np.arange(len(starts)), columns)
        column = np.arange(len(run)) - np.repeat(np.cumsum(columns) - columns, columns) + first[run]
        starts, ends = np.maximum(starts[run], column * height), np.minimum(ends[run], (column + 1) * height)
        owner, first = owner[run], column
    moved = 2 * first + owner * (width + 1) * (height + 2)
    return starts + moved, ends + moved, owner


def _meetings(first: runlengths.Positions, past: runlengths.Positions, begins: NDArray[np.bool_]) -> Iterator[int]:
    """A run for each time that two parts, which began apart, turn out to be one."""
    runs = np.arange(len(first))
    root = np.where(begins, runs, first)
    while (root != (further := root[root])).any():
        root = further
    more = np.maximum(past - first - 1, 0)
    left = np.repeat(first - np.cumsum(more) + more, more) + np.arange(more.sum())
    one, other = root[left], root[left + 1]
    apart = one != other
    parent: dict[int, int] = {}

    def top(run: int) -> int:
        while (above := parent.get(run, run)) != run:
            run = above
        return run

    for a, b in dict.fromkeys(zip(one[apart].tolist(), other[apart].tolist(), strict=True)):
        low, high = sorted((top(a), top(b)))
        if low != high:
            parent[high] = low
            yield high
