"""Coordinates as fractions of the image size that mean the same pixels when they are read.

A reader of YOLO labels multiplies a fraction by width or height, and the COCO rasteriser
(maskApi.c, rleFrPoly) rounds what it gets to fifths of a pixel, halves up. A fraction is
written such that this ends where the coordinate itself would, in IEEE doubles all the way.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from converter.errors import ShapeError

__all__ = ["fifths", "normalised", "normalised_rows"]

# As many as everybody writes.
_DIGITS = 6
_UNIT = 10**_DIGITS
# A double has no more.
_MOST_DIGITS = 17
_SPELLED = np.dtype([("head", np.uint64), ("tail", np.uint32)])


def fifths(values: list[float] | NDArray[np.float64]) -> NDArray[np.int64]:
    """Where the COCO rasteriser puts coordinates, (n,) int64: floor(5 v + 0.5) in doubles.

    It cuts off the fraction, so this holds from zero on.
    """
    return np.floor(5 * np.asarray(values, np.float64) + 0.5).astype(np.int64)


def normalised(values: list[float] | NDArray[np.float64], size: int | NDArray[np.int64]) -> list[str]:
    """Coordinates in pixels, 0 to `size`, as decimal fractions d of `size`, 0 to 1; one size for all, or (n,) sizes.

    `fifths` of float(d) * size is `fifths` of the value, for every one of them. Six digits after
    the point, less trailing zeros, unless none that is near will do. What came from a
    fraction of six digits becomes that fraction. ShapeError for a value outside.
    """
    return normalised_rows(values, size, range(1, len(values) + 1))


def normalised_rows(
    values: list[float] | NDArray[np.float64], size: int | NDArray[np.int64], ends: Sequence[int]
) -> list[str]:
    """As `normalised`, as many to a text as there are up to each of the ascending `ends`, with spaces between them."""
    array = np.asarray(values, np.float64)
    if not ((array >= 0) & (array <= size)).all() or not np.greater(size, 0).all():
        raise ShapeError(f"coordinates are not all in 0 to {np.max(size)}")
    parts, others = _millionths(array, size)
    begins = [begin for begin, end in pairwise([0, *ends]) if end > begin]
    lines = _spelled(parts, begins)
    for i, other in others.items():
        line = bisect_right(begins, i) - 1
        texts = lines[line].split(" ")
        texts[i - begins[line]] = other
        lines[line] = " ".join(texts)
    if len(lines) == len(ends):
        return lines
    full = iter(lines)
    return [next(full) if end > begin else "" for begin, end in pairwise([0, *ends])]


def _millionths(array: NDArray[np.float64], size: int | NDArray[np.int64]) -> tuple[NDArray[np.int64], dict[int, str]]:
    """The nearest millionths that mean the same pixels, and by place what takes more digits than that."""
    parts = np.rint(array / size * _UNIT)
    targets = fifths(array)
    others = {}
    # Quotients and decimal texts are both rounded correctly, so this is what will be read.
    for i in (fifths(parts / _UNIT * size) != targets).nonzero()[0].tolist():
        extent, target = int(size if isinstance(size, int) else size[i]), int(targets[i])
        near = float(parts[i])
        nudged = (part for part in (near + 1, near - 1) if _is_read_as(target, part / _UNIT, extent))
        parts[i] = next(nudged, near)
        if parts[i] == near:
            others[i] = _single(float(array[i]) / extent, target, extent)
    return parts.astype(np.int64), others


def _spelled(parts: NDArray[np.int64], begins: Sequence[int]) -> list[str]:
    """Millionths, 0 to a whole, as lines that begin where it is said, the first at 0; with spaces between them.

    Three digits at a time by table and all of them at once, as there are many of them.
    """
    heads, tails = _three_digits()
    first, second = np.divmod(parts, 1000)
    first[second == 0] += 1001
    first[begins] += 2002
    spelled = np.empty(len(parts), _SPELLED)
    spelled["head"] = heads[first]
    spelled["tail"] = tails[second]
    return spelled.tobytes().translate(None, b"\0").decode().split("\n")[1:]


@cache
def _three_digits() -> tuple[NDArray[np.uint64], NDArray[np.uint32]]:
    """How a number begins and how it goes on, in bytes, by three digits at a time.

    The first has four rows of 1001 one after the other: with a space in front and with more to
    come, or with nothing after it; and both with the end of a line in front. 0 is no byte.
    """
    digits = [f"{n:03d}" for n in range(1000)]
    more = ["0." + text for text in digits] + ["1"]
    alone = ["0", *("0." + text.rstrip("0") for text in digits[1:]), "1"]
    heads = [(front + text).ljust(8, "\0") for front in " \n" for text in more + alone]
    tails = [text.rstrip("0").ljust(4, "\0") for text in digits]
    return np.frombuffer("".join(heads).encode(), np.uint64), np.frombuffer("".join(tails).encode(), np.uint32)


def _single(fraction: float, target: int, size: int) -> str:
    """The first text near the fraction that ends in the target."""
    for text in _texts_near(fraction):
        if _is_read_as(target, float(text), size):
            return text
    # The middle of what is rounded to the target cannot miss it.
    return _text(target / (5 * size), _MOST_DIGITS)


def _is_read_as(target: int, read: float, size: int) -> bool:
    return 0 <= read <= 1 and math.floor(5 * (read * size) + 0.5) == target


def _texts_near(fraction: float) -> Iterator[str]:
    for digits in range(_DIGITS, _MOST_DIGITS + 1):
        for nudge in (0, 1, -1):
            yield _text(fraction + nudge / 10**digits, digits)


def _text(fraction: float, digits: int) -> str:
    return f"{fraction:.{digits}f}".rstrip("0").rstrip(".")
