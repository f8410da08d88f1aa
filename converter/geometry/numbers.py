"""Coordinates as fractions of the image size that mean the same pixels when they are read.

A reader of YOLO labels multiplies a fraction by width or height, and the COCO rasteriser
(maskApi.c, rleFrPoly) rounds what it gets to fifths of a pixel, halves up. A fraction is
written such that this ends where the coordinate itself would, in IEEE doubles all the way.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache

import numpy as np
from numpy.typing import NDArray

from converter.errors import ShapeError

__all__ = ["fifths", "normalised"]

# As many as everybody writes.
_DIGITS = 6
# A double has no more.
_MOST_DIGITS = 17


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
    array = np.asarray(values, np.float64)
    if not ((array >= 0) & (array <= size)).all() or np.min(size, initial=1) <= 0:
        raise ShapeError(f"coordinates are not all in 0 to {np.max(size)}")
    unit = 10**_DIGITS
    parts = np.rint(array / size * unit)
    targets = fifths(array)
    texts = _six_digits(parts.astype(np.int64))
    # Quotients and decimal texts are both rounded correctly, so this is what will be read.
    for i in np.flatnonzero(fifths(parts / unit * size) != targets).tolist():
        extent = int(size if isinstance(size, int) else size[i])
        texts[i] = _single(float(array[i]) / extent, int(targets[i]), extent)
    return texts


def _six_digits(parts: NDArray[np.int64]) -> list[str]:
    """Millionths, 0 to a whole, as text: three digits at a time by table, as there are many of them."""
    firsts, seconds, alone = _three_digits()
    first, second = np.divmod(parts, 1000)
    return [firsts[a] + seconds[b] if b else alone[a] for a, b in zip(first.tolist(), second.tolist(), strict=True)]


@cache
def _three_digits() -> tuple[list[str], list[str], list[str]]:
    """By number: the first three digits of a fraction, its last three, and three with none after them."""
    digits = [f"{n:03d}" for n in range(1000)]
    alone = ["0", *("0." + text.rstrip("0") for text in digits[1:]), "1"]
    return ["0." + text for text in digits], [text.rstrip("0") for text in digits], alone


def _single(fraction: float, target: int, size: int) -> str:
    """The first text near the fraction that ends in the target."""
    for text in _texts_near(fraction):
        read = float(text)
        if 0 <= read <= 1 and math.floor(5 * (read * size) + 0.5) == target:
            return text
    # The middle of what is rounded to the target cannot miss it.
    return _text(target / (5 * size), _MOST_DIGITS)


def _texts_near(fraction: float) -> Iterator[str]:
    for digits in range(_DIGITS, _MOST_DIGITS + 1):
        for nudge in (0, 1, -1):
            yield _text(fraction + nudge / 10**digits, digits)


def _text(fraction: float, digits: int) -> str:
    return f"{fraction:.{digits}f}".rstrip("0").rstrip(".")
