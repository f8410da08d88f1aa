"""Rings and boxes to masks, under the rules of the COCO API.

The rasteriser is pycocotools' own (maskApi.c, rleFrPoly), because every consumer of a
COCO file uses it: vertices are rounded to fifths of a pixel, toward zero below it;
within a ring the rule is even-odd, and rings are united. It trusts its input, so what it
would misread (four numbers are a box to it), crash on or drown in is refused here first.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Sequence
from itertools import accumulate, chain, islice, pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco

from converter.errors import ShapeError
from converter.geometry import rle, runlengths
from converter.model import Rle

__all__ = [
    "Extent",
    "all_to_rle",
    "are_within",
    "box_to_rle",
    "check_rings",
    "is_surely_drawn",
    "polygons_to_rle",
    "tight_boxes",
]

# The rasteriser keeps up to 80 bytes for each pixel of a ring's length.
_PIECE = 1_000_000
# Rounded to fifths, coordinates and their differences must fit 32 bits.
_FARTHEST = 100_000_000
# Coordinates of a ring: with fewer it is a box to the rasteriser, or nothing.
_FEWEST = 6
# Up to here halves of a pixel are exact in a double.
_BEYOND = 1e15
# Borders as far apart as this, in fifths, are noted in different rows: each may be 1.5 off, and a row is 5.
_TWO_ROWS = 10
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
    if not rings or not runlengths.pixels(height, width):
        return rle.empty(height, width)
    if longest > _PIECE:
        return rle.union([_in_pieces(ring, height, width) for ring in rings])
    return _draw(rings, height, width)


def all_to_rle(polygons: Sequence[list[list[float]]], height: int, width: int) -> list[Rle]:
    """As `polygons_to_rle`, of all polygons of an image: rings are checked and drawn together, in half of the time."""
    rings = _sound([ring for polygon in polygons for ring in polygon], height, width)
    if rings is None or not all(polygons):
        return [polygons_to_rle(polygon, height, width) for polygon in polygons]
    codes = iter(coco.frPyObjects(rings, height, width))
    return [_united(islice(codes, len(polygon)), height, width) for polygon in polygons]


def tight_boxes(polygons: Sequence[list[list[float]]], height: int, width: int) -> list[tuple[int, int, int, int]]:
    """Of each polygon, given by its rings: left, top, width and height of what `polygons_to_rle` draws.

    Zeros when that is nothing. It is the box around the boxes of the rings, which need not be
    united for it, and are drawn all at once.
    """
    rings = _sound([ring for polygon in polygons for ring in polygon], height, width)
    if rings is None:
        return [rle.tight_box(polygons_to_rle(polygon, height, width)) for polygon in polygons]
    boxes = iter(coco.toBbox(coco.frPyObjects(rings, height, width)).astype(np.int64).tolist())
    return [_around([next(boxes) for _ in polygon]) for polygon in polygons]


def is_surely_drawn(ring: list[float], height: int, width: int) -> bool:
    """Whether a ring that `check_rings` accepts has pixels, as far as its middle column says: True is certain.

    That there is one follows from two borders in a column that no third can cancel. It takes a third of drawing.
    """
    xs, ys = ring[0::2], ring[1::2]
    left, right = min(xs), max(xs)
    if left < 0 or right > width or min(ys) < 0 or max(ys) > height:
        return False
    before = 5 * int((left + right) / 2) + 2  # the fifth before the centre of the column
    past = [5 * x + 0.5 >= before + 1 for x in xs]
    borders = []
    for i, is_past in enumerate(past):
        if is_past != past[i - 1]:
            u, to_u = int(5 * xs[i] + 0.5), int(5 * xs[i - 1] + 0.5)
            v, to_v = int(5 * ys[i] + 0.5), int(5 * ys[i - 1] + 0.5)
            borders.append(v + (before + 0.5 - u) * (to_v - v) / (to_u - u))
    borders.sort()
    return len(borders) > 1 and borders[1] - borders[0] > _TWO_ROWS


def box_to_rle(x: float, y: float, w: float, h: float, height: int, width: int) -> Rle:
    """The pixels whose centre is in a box, left and top edges included, right and bottom not.

    ShapeError for a number that is not finite (or of 16 digits), or a negative extent.
    """
    runlengths.pixels(height, width)
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


def check_rings(rings: Any, height: int, width: int, *, typed: bool = False) -> Extent:
    """Refuses what is no list of rings for an image of this size; else how far they reach (0 without any).

    ShapeError, with the place counted from 1, unless every ring is a list of at least three pairs
    of finite numbers (no bool), none of them absurdly far from the image. The outlines together
    may be four times as long as all edges of the image's pixels: a mask has no longer ones,
    even with its holes bridged. `typed`: they come from a decoder that lets nothing but lists
    of finite numbers pass.
    """
    if not isinstance(rings, list):
        raise ShapeError(f"a polygon is a list of rings, not {_kind(rings)}")
    farthest = _farthest(height, width)
    longest = total = least = most = 0.0
    for place, ring in enumerate(rings, 1):
        low, high = _check_ring(ring, place, farthest, typed=typed)
        length = (high - low + 0.2) * (len(ring) // 2)
        total += length
        if place == 1:
            longest, least, most = length, low, high
        else:
            longest, least, most = max(longest, length), min(least, low), max(most, high)
    allowed = _longest(height, width)
    if total > allowed:
        lengths = [float(_steps(ring).sum()) for ring in rings]
        if sum(lengths) > allowed:
            raise ShapeError(f"the outline is {sum(lengths):.0f} pixels long, absurd for {width} x {height}")
        longest = max(lengths)
    return Extent(longest, least, most)


def are_within(rings: Sequence[list[float]], height: int, width: int) -> bool:
    """Whether `check_rings` accepts any of these rings together, and none reaches outside the image.

    False is no verdict. The numbers have to come from a decoder that lets nothing but finite ones pass.
    """
    sizes = set(map(len, rings))
    if not sizes or min(sizes) < _FEWEST or any(n & 1 for n in sizes):
        return False
    numbers = list(chain.from_iterable(rings))
    try:
        longest = _longest(height, width)
    except ShapeError:
        return False
    if len(numbers) * (max(height, width) + 1) > 2 * longest:
        return False
    return min(numbers) >= 0 and max(numbers[0::2]) <= width and max(numbers[1::2]) <= height


def _longest(height: int, width: int) -> int:
    """How long the outlines of a polygon may be together."""
    return 2_000_000 + 8 * runlengths.pixels(height, width)


def _farthest(height: int, width: int) -> int:
    """How far from the image a coordinate may be."""
    return min(10 * max(height, width) + 10_000, _FARTHEST)


def _check_ring(ring: Any, place: int, farthest: int, *, typed: bool) -> tuple[float, float]:
    """As check_rings, of one ring: its least and greatest number."""
    if not isinstance(ring, list):
        remedy = ": the polygon lacks its outer list" if _is_number(ring) else ""
        raise ShapeError(f"ring {place} is not a list of numbers but {_kind(ring)}{remedy}")
    n = len(ring)
    if n % 2:
        raise ShapeError(f"ring {place} has an odd number of coordinates ({n})")
    if n < _FEWEST:
        raise ShapeError(f"ring {place} has {n // 2} points, and three are the fewest")
    if not typed and not set(map(type, ring)) <= _NUMBERS and not all(map(_is_number, ring)):
        i, bad = next((i, v) for i, v in enumerate(ring, 1) if not _is_number(v))
        raise ShapeError(f"ring {place}, number {i}: not a number but {_kind(bad)}")
    least, most = min(ring), max(ring)
    # A NaN slips through comparisons, but not through a sum of what is finite.
    if not (-farthest <= least and most <= farthest and (typed or math.isfinite(sum(ring)))):
        i, bad = next((i, v) for i, v in enumerate(ring, 1) if not -farthest <= v <= farthest)
        raise ShapeError(f"ring {place}, number {i}: {_shown(bad)} is no place near the image")
    return least, most


def _around(boxes: list[list[int]]) -> tuple[int, int, int, int]:
    """The box around boxes; those without an extent take no part."""
    if len(boxes) == 1:
        x, y, w, h = boxes[0]
        return x, y, w, h
    drawn = [box for box in boxes if box[2]]
    if not drawn:
        return 0, 0, 0, 0
    x, y = min(box[0] for box in drawn), min(box[1] for box in drawn)
    return x, y, max(box[0] + box[2] for box in drawn) - x, max(box[1] + box[3] for box in drawn) - y


def _sound(rings: list[list[float]], height: int, width: int) -> list[NDArray[np.float64]] | None:
    """The rings as arrays; None when any of them needs a closer look than all can have at once."""
    try:
        sizes = list(map(len, rings))
        numbers = list(chain.from_iterable(rings))
        flat = np.frombuffer(array("d", numbers), np.float64)
    except (TypeError, ValueError, OverflowError):
        return None
    if not sizes or not set(map(type, numbers)) <= _NUMBERS or not runlengths.pixels(height, width):
        return None
    if min(sizes) < _FEWEST or any(n & 1 for n in sizes):
        return None
    least, most = float(np.minimum.reduce(flat)), float(np.maximum.reduce(flat))
    # NaN is neither within reach nor beyond it.
    if not max(-least, most) <= _farthest(height, width):
        return None
    ends = list(accumulate(sizes))
    begins = [0, *ends[:-1]]
    if (most - least + 1) * len(flat) > _PIECE:  # no ring reaches as far as all of them
        reach = np.maximum.reduceat(flat, begins) - np.minimum.reduceat(flat, begins)
        lengths = (reach + 1) * sizes
        if np.maximum.reduce(lengths) > _PIECE or np.add.reduce(lengths) > _longest(height, width):
            return None
    return [flat[a:b] for a, b in zip(begins, ends, strict=True)]


def _draw(rings: list[list[float]], height: int, width: int) -> Rle:
    return _united(coco.frPyObjects(rings, height, width), height, width)


def _united(codes: Iterable[Any], height: int, width: int) -> Rle:
    drawn = [Rle(height, width, code["counts"]) for code in codes]
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
