"""What a JPEG has made of a mask in black and white, and when that can be undone.

A JPEG is compressed in blocks of 8 x 8 pixels, each by itself, from the upper left corner on
(ISO/IEC 10918-1, A.2). A block of one value comes out as it was; noise is only in those
that an edge runs through. So there is one reading where every block without bright pixels is
0 throughout, every block without dark ones 255, and all pixels of the others are near
either. Small ids, such as 1 and 2, make whole blocks that are neither, and stay what they are.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["black_and_white"]

BLOCK = 8
NEAR = 32  # how far noise may be from black or white: with quality 90 it reaches 13


def black_and_white(array: NDArray[Any]) -> NDArray[np.bool_] | None:
    """Where a mask of uint8, (height, width) or (height, width, channels), was white; None where that is in doubt."""
    if array.dtype != np.uint8:
        return None
    planes = array.reshape(*array.shape[:2], -1)
    white = planes[..., 0] > 255 // 2
    for plane in np.moveaxis(planes, 2, 0):
        if not _noise_along_edges(plane, white):
            return None
    return white


def _noise_along_edges(plane: NDArray[np.uint8], white: NDArray[np.bool_]) -> bool:
    off = np.where(white, 255 - plane, plane)
    if off.max(initial=0) > NEAR:
        return False
    brightest, darkest = (_in_blocks(plane, merge) for merge in (np.maximum, np.minimum))
    plain = (brightest < 255 - NEAR) | (darkest > NEAR)
    return not (_in_blocks(off, np.maximum)[plain]).any()


def _in_blocks(plane: NDArray[np.uint8], merge: np.ufunc) -> NDArray[np.uint8]:
    """The greatest, or least, of each block; those at the right and lower edge may be smaller."""
    rows = merge.reduceat(plane, np.arange(0, plane.shape[0], BLOCK), axis=0)
    merged: NDArray[np.uint8] = merge.reduceat(rows, np.arange(0, plane.shape[1], BLOCK), axis=1)
    return merged
