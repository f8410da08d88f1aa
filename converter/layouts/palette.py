"""PNGs with the palette of the Pascal VOC challenge, whose indices are the values.

The colour of an index takes its bits in turn for red, green and blue, the highest first
(VOCdevkit, VOClabelcolormap). Index 255 is void, and its colour is (224, 224, 192).
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from converter.codecs import images, png_write
from converter.errors import SourceError
from converter.geometry import labelmap
from converter.layouts.legend import LEGEND
from converter.layouts.masks import by_colors
from converter.model import Rgb

__all__ = ["VOID", "color_of", "encode_palette", "read_by_color", "read_indices", "read_objects_by_color"]

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
    known = {color_of(i): i for i in range(256)} | dict(legend)
    if legend:
        return by_colors(array[..., :3], file, known, LEGEND)
    return by_colors(array[..., :3], file, known, "the palette of Pascal VOC", "give the legend with --colors FILE")


def read_by_color(data: bytes, file: str, legend: Mapping[Rgb, int], where: str) -> NDArray[Any]:
    """The values (height, width) of a mask by its colours, also where it has a palette, as each file has its own.

    Black is 0, and the colour of void void. `where`: what messages call the legend. SourceError for a colour
    that is not in it.
    """
    return by_colors(images.decode(data, file), file, {color_of(VOID): VOID} | dict(legend), where)


def read_objects_by_color(data: bytes, file: str) -> NDArray[np.uint16]:
    """A mask (height, width) whose colours say no more than that objects are others: they are numbered from 1.

    Black is 0, and the colour of void void, which no object has as its number. SourceError for more than 65,534.
    """
    rgb = images.decode(data, file)
    colors, lengths = labelmap.stretches(labelmap.numbered(rgb))
    found, places = np.unique(colors, return_inverse=True)
    r, g, b = color_of(VOID)
    known = {0: 0, r << 16 | g << 8 | b: VOID}
    numbers = itertools.chain(range(1, VOID), range(VOID + 1, 1 << 16))
    values = [known[code] if code in known else next(numbers, -1) for code in found.tolist()]
    if -1 in values:
        raise SourceError(
            file, f"has {len(found)} colours, more than objects can be told apart", remedy="mend the mask"
        )
    return np.asarray(values, np.uint16)[places].repeat(lengths).reshape(rgb.shape[:2])
