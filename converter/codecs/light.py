"""How a picture looks as a whole: how bright, how rich in contrast, how sharp.

All of it is worked out in whole numbers from gray values 0..255, so that it is the same on
every machine. Brightness and contrast are those of all pixels. Sharpness is that of the
picture at a common size, because that is how a network sees it: the same photograph stored
larger is no sharper.
"""

from __future__ import annotations

import math

import msgspec
import numpy as np
from PIL import Image

__all__ = ["Light", "measure"]

SIDE = 512
"""Pixels of the longer side to which larger pictures are reduced before sharpness is measured."""


class Light(msgspec.Struct, frozen=True):
    """Mean and standard deviation of gray, and the variance of its Laplacian (Pech-Pacheco et al., ICPR 2000)."""

    brightness: float
    contrast: float
    sharpness: float


def measure(gray: Image.Image) -> Light:
    """The light of a picture of mode L."""
    counts = gray.histogram()
    pixels = gray.width * gray.height
    total = sum(value * n for value, n in enumerate(counts))
    squares = sum(value * value * n for value, n in enumerate(counts))
    return Light(total / pixels, math.sqrt(_variance(total, squares, pixels)), _sharpness(gray))


def _sharpness(gray: Image.Image) -> float:
    """Of the pixels that have four neighbours; 0 when there are none."""
    by = SIDE / max(gray.size)
    if by < 1:
        gray = gray.resize((max(1, round(gray.width * by)), max(1, round(gray.height * by))), Image.Resampling.BOX)
    g = np.asarray(gray).astype(np.int64)
    if min(g.shape) < 3:
        return 0.0
    around = g[:-2, 1:-1] + g[2:, 1:-1] + g[1:-1, :-2] + g[1:-1, 2:]
    laplacian = 4 * g[1:-1, 1:-1] - around
    return _variance(int(laplacian.sum()), int((laplacian * laplacian).sum()), laplacian.size)


def _variance(total: int, squares: int, count: int) -> float:
    return (count * squares - total * total) / (count * count)
