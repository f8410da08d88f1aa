"""Rings and boxes to masks, under the rules of the COCO API.

The rasteriser is pycocotools' own (maskApi.c, rleFrPoly), because every consumer of a
COCO file uses it: vertices are rounded to fifths of a pixel, toward zero below it;
within a ring the rule is even-odd, and rings are united. It trusts its input, so what it
would misread (four numbers are a box to it), crash on or drown in is refused here first.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco

from converter.errors import ShapeError
from converter.geometry import rle
from converter.model import Rle

__all__ = ["Extent", "box_to_rle", "check_rings", "polygons_to_rle", "tight_box"]

# The rasteriser keeps up to 80 bytes for each pixel of a ring's length.
_PIECE = 1_000_000
# Rounded to fifths, coordinates and their differences must fit 32 bits.
_FARTHEST = 100_000_000
# Up to here halves of a pixel are exact in a double.
_BEYOND = 1e15
_NUMBERS = frozenset({int, float})


class Extent(NamedTuple):
    """Of checked rings: an upper bound of the longest one's length, and their least and greatest number."""

    longest: float
    least: float
    most: float


def polygons_to_rle(rings: list[list[float]], height: int, width: int) -> Rle:
    """The union of closed rings [x0, y0, x1, y1, ...], in pixels.

    Equal to `merge(frPyObjects(rings, height, width))` of pycocotools byte for byte, also
    outside the image; no rings are an empty mask. ShapeError as `check_rings` has it.
    """
    longest = check_rings(rings, height, width).longest
    if not rings or not rle.pixels(height, width):
        return rle.empty(height, width)
    if longest > _PIECE:
        return rle.union([_in_pieces(ring, height, width) for ring in rings])
    return _draw(rings, height, width)


def tight_box(rings: list[list[float]], height: int, width: int) -> tuple[int, int, int, int]:
    """Left, top, width and height of what `polygons_to_rle` draws; zeros when that is nothing.

    It is the box around the boxes of the rings, which need not be united for it.
    """
    longest = check_rings(rings, height, width).longest
    if not rings or longest > _PIECE or not rle.pixels(height, width):
        return rle.tight_box(polygons_to_rle(rings, height, width))
    boxes = coco.toBbox(coco.frPyObjects(rings, height, width))
    if len(rings) > 1:
        drawn = boxes[boxes[:, 2] > 0]
        if not len(drawn):
            return 0, 0, 0, 0
        corner = drawn[:, :2].min(axis=0)
        boxes = np.concatenate((corner, (drawn[:, :2] + drawn[:, 2:]).max(axis=0) - corner))[None]
    x, y, w, h = boxes[0].tolist()
    return int(x), int(y), int(w), int(h)


def box_to_rle(x: float, y: float, w: float, h: float, height: int, width: int) -> Rle:
    """The pixels whose centre is in a box, left and top edges included, right and bottom not.

    ShapeError for a number that is not finite (or of 16 digits), or a negative extent.
    """
    rle.pixels(height, width)
    if not all(-_BEYOND < number < _BEYOND for number in (x, y, w, h)):
        raise ShapeError("a number of the box is not finite, or absurd")
    if w < 0 or h < 0:
        raise ShapeError(f"the box has a negative extent ({w:g} x {h:g})")
    left, right = _centres(x, w, width)
    top, bottom = _centres(y, h, height)
    if left >= right or top >= bottom:
        return rle.empty(height, width)
    columns = np.arange(left, right, dtype=np.int64) * height
    return rle.from_runs(columns + top, columns + bottom, height, width)


def check_rings(rings: Any, height: int, width: int) -> Extent:
    """Refuses what is no list of rings for an image of this size; else how far they reach (0 without any).

    ShapeError, with the place counted from 1, unless every ring is a list of at least three pairs
    of finite numbers (no bool), none of them absurdly far from the image. The outlines together
    may be four times as long as all edges of the image's pixels: a mask has no longer ones,
    even with its holes bridged.
    """
    if not isinstance(rings, list):
        raise ShapeError(f"a polygon is a list of rings, not {_kind(rings)}")
    farthest = min(10 * max(height, width) + 10_000, _FARTHEST)
    checked = [_check_ring(ring, place, farthest) for place, ring in enumerate(rings, 1)]
    if not checked:
        return Extent(0.0, 0.0, 0.0)
    lengths, least, most = zip(*checked, strict=True)
    allowed = 2_000_000 + 8 * rle.pixels(height, width)
    if sum(lengths) > allowed:
        lengths = tuple(float(_steps(ring).sum()) for ring in rings)
        if sum(lengths) > allowed:
            raise ShapeError(f"the outline is {sum(lengths):.0f} pixels long, absurd for {width} x {height}")
    return Extent(max(lengths), min(least), max(most))


def _check_ring(ring: Any, place: int, farthest: int) -> Extent:
    """As check_rings, of one ring; its length is bounded cheaply."""
    if not isinstance(ring, list):
        remedy = ": the polygon lacks its outer list" if _is_number(ring) else ""
        raise ShapeError(f"ring {place} is not a list of numbers but {_kind(ring)}{remedy}")
    n = len(ring)
    if n % 2:
        raise ShapeError(f"ring {place} has an odd number of coordinates ({n})")
    if n < 6:
        raise ShapeError(f"ring {place} has {n // 2} points, and three are the fewest")
    if not set(map(type, ring)) <= _NUMBERS and not all(map(_is_number, ring)):
        i, bad = next((i, v) for i, v in enumerate(ring, 1) if not _is_number(v))
        raise ShapeError(f"ring {place}, number {i}: not a number but {_kind(bad)}")
    least, most = min(ring), max(ring)
    # A NaN slips through comparisons, but not through a sum of what is finite.
    if not (-farthest <= least and most <= farthest and math.isfinite(sum(ring))):
        i, bad = next((i, v) for i, v in enumerate(ring, 1) if not -farthest <= v <= farthest)
        raise ShapeError(f"ring {place}, number {i}: {_shown(bad)} is no place near the image")
    return Extent(float(most - least + 0.2) * (n // 2), least, most)


def _draw(rings: list[list[float]], height: int, width: int) -> Rle:
    drawn = [Rle(height, width, code["counts"]) for code in coco.frPyObjects(rings, height, width)]
    return drawn[0] if len(drawn) == 1 else rle.union(drawn)


def _in_pieces(ring: list[float], height: int, width: int) -> Rle:
    """A ring as the sum modulo 2 of a fan of shorter ones, which takes less memory.

    Each piece is closed through the first point. Every line to that point is drawn twice,
    through the same subpixels in both directions, and so leaves no trace.
    """
    along = np.cumsum(_steps(ring))
    if along[-1] <= _PIECE:
        return _draw([ring], height, width)
    cuts = [0, *(np.flatnonzero(np.diff(along // _PIECE)) + 1).tolist(), len(along)]
    odd = np.zeros(height * width + 1, np.bool_)
    for a, b in pairwise(cuts):
        piece = ring[:2] + ring[2 * a : 2 * b + 2]
        piece += piece[-2:]  # draws nothing, and three points are the fewest
        for edges in rle.to_runs(_draw([piece], height, width)):
            odd[edges] ^= True
    flips = np.flatnonzero(odd)
    return rle.from_runs(flips[0::2], flips[1::2], height, width)


def _steps(ring: list[float]) -> NDArray[np.float64]:
    """How many pixels each edge of a ring passes, (n,) for n points; the last edge closes it.

    Rounded up by the subpixel that the rasteriser keeps for an edge without length.
    """
    xy = np.array(ring, np.float64).reshape(-1, 2)
    steps: NDArray[np.float64] = np.abs(np.roll(xy, -1, axis=0) - xy).max(axis=1) + 0.2
    return steps


def _centres(start: float, extent: float, size: int) -> tuple[int, int]:
    """The pixels of an axis, first and past the last, whose centres are in [start, start + extent)."""
    first, past = math.ceil(start - 0.5), math.ceil(start + extent - 0.5)
    return min(max(first, 0), size), min(max(past, 0), size)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _shown(number: float) -> str:
    """The number, unless it is an integer of so many digits that Python will not write it."""
    try:
        return f"{number:.6g}"
    except OverflowError:
        return "a huge number"


def _kind(value: Any) -> str:
    return "null" if value is None else type(value).__name__
