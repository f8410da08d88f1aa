"""Coordinates as fractions of the image size that mean the same pixels when they are read.

A reader of YOLO labels multiplies a fraction by width or height, and the COCO rasteriser
(maskApi.c, rleFrPoly) rounds what it gets to fifths of a pixel, halves up. A fraction is
written such that this ends where the coordinate itself would, in IEEE doubles all the way.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from converter.errors import ShapeError

__all__ = ["fifths", "normalised"]

# As many as everybody writes.
_DIGITS = 6
_SIX = f"%.{_DIGITS}f"
# A double has no more.
_MOST_DIGITS = 17


def fifths(values: list[float] | NDArray[np.float64]) -> NDArray[np.int64]:
    """Where the COCO rasteriser puts coordinates, (n,) int64: floor(5 v + 0.5) in doubles.

    It cuts off the fraction, so this holds from zero on.
    """
    return np.floor(5 * np.asarray(values, np.float64) + 0.5).astype(np.int64)


def normalised(values: list[float] | NDArray[np.float64], size: int) -> list[str]:
    """Coordinates in pixels, 0 to `size`, as decimal fractions d of `size`, 0 to 1.

    `fifths` of float(d) * size is `fifths` of the value, for every one of them. Six digits after
    the point, less trailing zeros, unless none that is near will do. What came from a
    fraction of six digits becomes that fraction. ShapeError for a value outside.
    """
    array = np.asarray(values, np.float64)
    if size <= 0 or not ((array >= 0) & (array <= size)).all():
        raise ShapeError(f"coordinates are not all in 0 to {size}")
    unit = 10**_DIGITS
    # Quotients and decimal texts are both rounded correctly, so these are what will be read.
    fractions = np.rint(array / size * unit) / unit
    targets = fifths(array)
    texts = [_shortest(_SIX % fraction) for fraction in fractions.tolist()]
    for i in np.flatnonzero(fifths(fractions * size) != targets).tolist():
        texts[i] = _single(float(array[i]) / size, int(targets[i]), size)
    return texts


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
    return _shortest(f"{fraction:.{digits}f}")


def _shortest(text: str) -> str:
    return text.rstrip("0").rstrip(".") if text[-1] == "0" else text
