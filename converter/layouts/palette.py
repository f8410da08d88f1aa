"""PNGs with the palette of the Pascal VOC challenge, whose indices are the values.

The colour of an index takes its bits in turn for red, green and blue, the highest first
(VOCdevkit, VOClabelcolormap). Index 255 is void, and its colour is (224, 224, 192).
"""

from __future__ import annotations

import functools
import struct
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from converter.codecs import images, png_chunks, png_write
from converter.errors import SourceError
from converter.layouts.legend import LEGEND
from converter.layouts.masks import by_colors
from converter.model import Rgb

__all__ = ["VOID", "color_of", "encode_palette", "read_indices"]

VOID = 255
_HEADER = 33  # signature and IHDR, which are all that comes before the pixels


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
    gray = png_write.encode_gray(indices)
    if indices.dtype != np.uint8:
        return gray
    height, width = indices.shape
    colors = bytes(v for i in range(256) for v in color_of(i))
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    return png_chunks.SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"PLTE", colors) + gray[_HEADER:]


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


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
