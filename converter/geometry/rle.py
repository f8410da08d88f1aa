"""Masks as sets of pixels, kept as run-length codes: made from bitmaps and runs, measured and combined.

No full bitmap is made but by `decode`. Most of what follows works on the flips of
`runlengths`, the places where a mask changes between background and foreground; the
rest is left to pycocotools, whose results are the measure of all.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco

from converter.errors import ShapeError
from converter.geometry import runlengths
from converter.geometry.runlengths import Positions
from converter.model import Rle

__all__ = [
    "area",
    "areas",
    "changes",
    "complement",
    "decode",
    "decode_crop",
    "decode_crops",
    "difference",
    "empty",
    "encode",
    "encode_crop",
    "from_runs",
    "full",
    "intersection",
    "iou",
    "measures",
    "overlap",
    "tight_box",
    "to_runs",
    "union",
    "xor",
]

# So many pixels are transposed before anything else is done.
_SMALL = 1 << 15
# pycocotools goes through the union so far once for each further mask.
_AT_ONCE = 16
# The areas that pycocotools gives at once: it puts their number into a byte, which numpy 2 refuses for more.
_MOST_AREAS = 255


def encode(mask: NDArray[np.bool_] | NDArray[np.uint8]) -> Rle:
    """The code of a (height, width) bitmap, bool or uint8, in any memory order.

    Every value but 0 is foreground. Equal to `pycocotools.mask.encode` byte for byte.
    ShapeError for other dimensions or dtypes.
    """
    if mask.ndim != 2 or mask.dtype not in (np.bool_, np.uint8):
        raise ShapeError(f"a bitmap has 2 axes of bool or uint8, not {mask.ndim} of {mask.dtype}")
    height, width = mask.shape
    runlengths.pixels(height, width)
    bitmap = mask if mask.dtype == np.bool_ else mask != 0
    flips = changes(bitmap)
    if bitmap.size and bitmap[0, 0]:
        flips = np.concatenate(([0], flips))
    return runlengths.from_flips(flips, height, width)


def encode_crop(crop: NDArray[np.bool_], x: int, y: int, height: int, width: int) -> Rle:
    """The code of a (height, width) mask with the bitmap `crop` at column `x`, row `y` and nothing around it.

    ShapeError when the crop does not lie wholly inside.
    """
    h, w = crop.shape
    runlengths.pixels(height, width)
    if not (0 <= x <= width - w and 0 <= y <= height - h):
        raise ShapeError(f"a crop of {w} x {h} at {x}, {y} does not fit into {width} x {height}")
    # One more row keeps runs from going on into the next column.
    padded = np.zeros((h + 1, w), np.bool_)
    padded[:h] = crop
    flips = changes(padded)
    if crop.size and crop[0, 0]:
        flips = np.concatenate(([0], flips))
    flips += flips // (h + 1) * (height - h - 1) + (x * height + y)
    if y + h == height:  # runs may touch across columns
        flips = runlengths.odd_flips(flips, height * width)
    return runlengths.from_flips(flips, height, width)


def decode(rle: Rle) -> NDArray[np.bool_]:
    """The (height, width) bitmap of a code, C-contiguous."""
    bitmap = np.zeros((rle.height, rle.width), np.bool_)
    columns, x, y = _columns(rle, _flips(rle))
    bitmap[y : y + columns.shape[1], x : x + columns.shape[0]] = columns.T
    return bitmap


def decode_crop(rle: Rle) -> tuple[NDArray[np.bool_], int, int]:
    """What lies in the tight box, C-contiguous, and the column and row of its first pixel.

    An empty mask gives a (0, 0) array at 0, 0.
    """
    return decode_crops([rle])[0]


def decode_crops(rles: Sequence[Rle]) -> list[tuple[NDArray[np.bool_], int, int]]:
    """As decode_crop, of each mask."""
    found = (_columns(rle, mine) for rle, mine in zip(rles, runlengths.flips(rles), strict=True))
    return [(np.ascontiguousarray(columns.T), x, y) for columns, x, y in found]


def changes(array: NDArray[Any]) -> Positions:
    """Column-major positions of a (height, width) array whose value is not that of the position before.

    Ascending int64; position 0 is never among them. The array is not transposed, which
    would cost more than all the rest, unless so much changes that sorting costs more.
    """
    height, width = array.shape
    if array.size < 2:
        return np.empty(0, np.int64)
    if array.flags.f_contiguous or array.size < _SMALL:
        return _changes_along(array.T.reshape(-1))
    # Whole words let a stretch without changes be skipped eight pixels at a time.
    buffer = np.zeros(-(-array.size // 8) * 8, np.bool_)
    differs = buffer[: array.size].reshape(height, width)
    np.not_equal(array[1:], array[:-1], out=differs[1:])
    np.not_equal(array[0, 1:], array[-1, :-1], out=differs[0, 1:])
    words = buffer.view(np.uint64)
    some = np.flatnonzero(words != 0)
    eights = words[some].view(np.bool_)
    if np.count_nonzero(eights) * 32 > array.size:
        return _changes_along(array.T.reshape(-1))
    at = np.flatnonzero(eights)
    found = some[at >> 3] * 8 + (at & 7)
    rows = found // width
    columns = found - rows * width
    # The rows ascend already; for up to 65,536 columns this is a radix sort.
    order = np.argsort(columns.astype(np.min_scalar_type(width)), kind="stable")
    positions: Positions = (columns * height + rows)[order]
    return positions


def from_runs(starts: Positions, ends: Positions, height: int, width: int) -> Rle:
    """The code of foreground runs [start, end), two (n,) arrays of column-major positions.

    Runs ascend and may touch; ShapeError when they overlap, are empty, or leave the mask.
    """
    total = runlengths.pixels(height, width)
    flips = np.empty(2 * len(starts), np.int64)
    flips[0::2], flips[1::2] = starts, ends
    if flips.size:
        steps = flips[1:] - flips[:-1]
        if flips[0] < 0 or flips[-1] > total or steps.min() < 0 or not steps[0::2].all():
            raise ShapeError("runs are not ascending within the mask")
        if not steps.all() or flips[-1] == total:
            flips = runlengths.odd_flips(flips, total)
    return runlengths.from_flips(flips, height, width)


def to_runs(rle: Rle) -> tuple[Positions, Positions]:
    """Where foreground runs start and end (exclusive): two (n,) arrays of column-major positions."""
    edges = np.cumsum(runlengths.to_counts(rle))
    return edges[0:-1:2], edges[1::2]


def empty(height: int, width: int) -> Rle:
    """The code of a mask without a pixel."""
    runlengths.pixels(height, width)
    return runlengths.from_flips(np.empty(0, np.int64), height, width)


def full(height: int, width: int) -> Rle:
    """The code of a mask that covers everything."""
    return runlengths.from_flips(np.zeros(min(1, runlengths.pixels(height, width)), np.int64), height, width)


def area(rle: Rle) -> int:
    """How many pixels are foreground."""
    return int(coco.area(_to_coco(rle)))


def areas(rles: Sequence[Rle]) -> list[int]:
    """`area` of each of many masks."""
    return _areas([_to_coco(rle) for rle in rles])


def tight_box(rle: Rle) -> tuple[int, int, int, int]:
    """Left, top, width and height in pixels of the smallest box around the foreground; zeros without any."""
    x, y, w, h = coco.toBbox(_to_coco(rle)).tolist()
    return int(x), int(y), int(w), int(h)


def measures(rles: Sequence[Rle]) -> tuple[list[int], list[tuple[int, int, int, int]]]:
    """`area` and `tight_box` of each of many masks."""
    if not rles:
        return [], []
    codes = [_to_coco(rle) for rle in rles]
    boxes = coco.toBbox(codes).astype(np.int64).tolist()
    return _areas(codes), [(x, y, w, h) for x, y, w, h in boxes]


def _areas(codes: Sequence[Any]) -> list[int]:
    found: list[int] = []
    for first in range(0, len(codes), _MOST_AREAS):
        found += coco.area(codes[first : first + _MOST_AREAS]).tolist()
    return found


def union(rles: Sequence[Rle]) -> Rle:
    """What is in any of the masks; ShapeError when there are none or their sizes differ."""
    if not rles:
        raise ShapeError("no masks to unite")
    _check_sizes(*rles)
    while len(rles) > 1:
        rles = [_merge(rles[i : i + _AT_ONCE], intersect=False) for i in range(0, len(rles), _AT_ONCE)]
    return Rle(rles[0].height, rles[0].width, rles[0].counts)


def intersection(a: Rle, b: Rle) -> Rle:
    """What is in both masks; ShapeError when their sizes differ."""
    _check_sizes(a, b)
    return _merge([a, b], intersect=True)


def xor(a: Rle, b: Rle) -> Rle:
    """What is in one mask and not in the other; ShapeError when their sizes differ."""
    _check_sizes(a, b)
    flips = np.concatenate((_flips(a), _flips(b)))
    flips.sort(kind="stable")  # which merges what is sorted already
    return runlengths.from_flips(runlengths.odd_flips(flips, a.height * a.width), a.height, a.width)


def difference(a: Rle, b: Rle) -> Rle:
    """What is in `a` and not in `b`; ShapeError when their sizes differ."""
    return xor(a, intersection(a, b))


def complement(rle: Rle) -> Rle:
    """What is not in the mask."""
    return xor(rle, full(rle.height, rle.width))


def overlap(a: Rle, b: Rle) -> int:
    """How many pixels two masks have in common; ShapeError when their sizes differ."""
    return area(intersection(a, b))


def iou(a: Rle, b: Rle) -> float:
    """Intersection over union of two masks, never COCO's crowd variant; 1 when both are empty.

    ShapeError when their sizes differ.
    """
    common = overlap(a, b)
    both = area(a) + area(b) - common
    return common / both if both else 1.0


def _changes_along(flat: NDArray[Any]) -> Positions:
    return np.flatnonzero(flat[1:] != flat[:-1]) + 1


def _flips(rle: Rle) -> Positions:
    return np.cumsum(runlengths.to_counts(rle))[:-1]


def _columns(rle: Rle, flips: Positions) -> tuple[NDArray[np.bool_], int, int]:
    """The tight box transposed, (box width, box height), and its left and top."""
    x, y, w, h = tight_box(rle)
    if not w:
        return np.zeros((0, 0), np.bool_), 0, 0
    edges = np.empty(len(flips) + len(flips) % 2 + 2, np.int64)
    edges[-2] = rle.height * rle.width
    edges[1 : len(flips) + 1] = flips
    starts, ends = edges[1:-1:2], edges[2:-1:2]
    # Either the box is as high as the mask or no run goes on into the next column;
    # both ways a run stays one run when the rows outside the box are taken out.
    before = starts // rle.height * (rle.height - h) + (x * h + y) if h < rle.height else x * h
    starts -= before
    ends -= before
    edges[0], edges[-1] = 0, w * h
    return _foreground(len(edges) - 1).repeat(edges[1:] - edges[:-1]).reshape(w, h), x, y


def _foreground(runs: int) -> NDArray[np.bool_]:
    """Which of so many runs, background first, are foreground."""
    found = np.zeros(runs, np.bool_)
    found[1::2] = True
    return found


def _merge(rles: Sequence[Rle], *, intersect: bool) -> Rle:
    code = coco.merge([_to_coco(rle) for rle in rles], intersect)
    return Rle(rles[0].height, rles[0].width, code["counts"])


def _to_coco(rle: Rle) -> dict[str, Any]:
    return {"size": [rle.height, rle.width], "counts": rle.counts}


def _check_sizes(*rles: Rle) -> None:
    for a, b in pairwise(rles):
        if (a.height, a.width) != (b.height, b.width):
            raise ShapeError(f"masks of {a.width} x {a.height} and {b.width} x {b.height} cannot be combined")
