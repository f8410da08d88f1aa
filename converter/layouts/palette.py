"""PNGs with the palette of the Pascal VOC challenge, whose indices are the values.

The colour of an index takes its bits in turn for red, green and blue, the highest first
(VOCdevkit, VOClabelcolormap). Index 255 is void, and its colour is (224, 224, 192).
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from converter.codecs import images, png_write
from converter.errors import SourceError
from converter.layouts.legend import LEGEND
from converter.layouts.masks import by_colors
from converter.model import Rgb

__all__ = ["VOID", "color_of", "encode_palette", "read_indices"]

VOID = 255


@functools.cache
def color_of(index: int) -> Rgb:
    """The colour of an index, 0 to 2^24 - 1: no two have the same."""
    rgb = [0, 0, 0]
    for place in range(8):
        for channel in range(3):
            rgb[channel] |= (index >> (3 * place + channel) & 1) << (7 - place)
    return rgb[0], rgb[1], rgb[2]


def encode_palette(indices: NDArray[Any]) -> bytes:
    """A palette PNG of (height, width) uint8; 16-bit gray for uint16, which no palette can hold."""
    if indices.dtype != np.uint8:
        return png_write.encode_gray(indices)
    return png_write.encode_palette(indices, bytes(v for i in range(256) for v in color_of(i)))


def read_indices(data: bytes, file: str, legend: Mapping[Rgb, int]) -> NDArray[Any]:
    """The values (height, width) of a mask: of palette and gray files as stored, of colours by `legend`.

    Colours outside the legend are looked up in the palette of the challenge. SourceError for
    a colour of neither.
    """
    raw = images.read_labels(data, file)
    array: NDArray[Any] = raw.array
    if array.ndim == 2:
        return array if array.dtype == np.uint16 else array.astype(np.uint8, copy=False)
    if array.shape[2] < 3 or array.dtype != np.uint8:
        raise SourceError(file, "is neither a palette, gray nor RGB mask", remedy="save it with a palette")
    return by_colors(array[..., :3], file, {color_of(i): i for i in range(256)} | dict(legend), LEGEND)
