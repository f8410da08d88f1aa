"""Minimal PNG files of masks and maps: the same bytes for the same pixels.

Rules are those of the PNG specification, third edition (https://www.w3.org/TR/png-3/).
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from converter.codecs import deflate, png_chunks, png_rows

__all__ = ["chunk", "encode_gray", "encode_mask", "encode_palette", "encode_rgb", "pack_pixels", "whole"]


def encode_gray(array: NDArray[Any]) -> bytes:
    """A grayscale PNG of a (height, width) array: the same bytes for the same pixels.

    bool becomes 8 bits with 0 and 255, uint8 stays, uint16 becomes 16 bits. Anything
    else raises ValueError.
    """
    if array.ndim != 2 or array.dtype not in (np.bool_, np.uint8, np.uint16):
        raise ValueError(f"not a gray image: {array.dtype} of shape {array.shape}")
    height, width = array.shape
    samples = np.negative(array.view(np.uint8)) if array.dtype == np.bool_ else array
    return whole(width, height, 8 * samples.itemsize, pack_pixels(samples))


def encode_rgb(array: NDArray[np.uint8]) -> bytes:
    """A colour PNG of 8 bits of a (height, width, 3) array: the same bytes for the same pixels.

    ValueError for anything else.
    """
    if array.ndim != 3 or array.shape[2] != 3 or array.dtype != np.uint8:
        raise ValueError(f"not a colour image: {array.dtype} of shape {array.shape}")
    height, width, _ = array.shape
    return whole(width, height, 8, pack_pixels(array), color_type=2)


def pack_pixels(array: png_rows.Samples) -> bytes:
    """The image data (IDAT) of a (height, width[, channels]) array of uint8 or uint16, not interlaced.

    Pixels of one byte repeat as they are. Of longer ones the differences to the pixel on the
    left are stored (filter Sub, section 9.2), which are zeros where it is the same.
    """
    height = array.shape[0]
    pixels = np.ascontiguousarray(array, array.dtype.newbyteorder(">")).view(np.uint8).reshape(height, -1)
    rows = np.zeros((height, 1 + pixels.shape[1]), np.uint8)
    rows[:, 1:] = pixels
    size = pixels.shape[1] // array.shape[1]
    if size > 1:
        rows[:, 0] = 1
        rows[:, 1 + size :] -= pixels[:, :-size]
    return deflate.stream(rows.data)


def encode_mask(crop: NDArray[np.bool_], x: int, y: int, height: int, width: int) -> bytes:
    """An 8-bit gray PNG of (height, width), 255 where `crop` is true, 0 elsewhere.

    `crop` (h, w) lies with its first pixel at column `x`, row `y`, wholly inside;
    ValueError otherwise. Only its rows are deflated: the empty ones above and below
    are whole deflate blocks that every mask of that width shares.
    """
    h, w = crop.shape
    if crop.dtype != np.bool_:
        raise ValueError(f"a mask is bool, not {crop.dtype}")
    if not (0 <= x <= width - w and 0 <= y <= height - h):
        raise ValueError(f"a crop of {w}x{h} at ({x}, {y}) does not fit into {width}x{height}")
    # Multiples of 16 rows, so that few different blocks are needed.
    above, below = y // 16 * 16, (height - y - h) // 16 * 16
    row = width + 1
    rows = np.zeros((height - above - below, row), np.uint8)
    np.negative(crop.view(np.uint8), out=rows[y - above : y - above + h, x + 1 : x + 1 + w])
    return whole(width, height, 8, deflate.stream(rows.data, above * row, below * row))


def encode_palette(indices: NDArray[np.uint8], colors: bytes) -> bytes:
    """A palette PNG of (height, width) indices into `colors`, three bytes each."""
    height, width = indices.shape
    return whole(width, height, 8, pack_pixels(indices), color_type=3, between=chunk(b"PLTE", colors))


def whole(width: int, height: int, depth: int, data: bytes, *, color_type: int = 0, between: bytes = b"") -> bytes:
    """A PNG file of this image data, not interlaced; `between` are the chunks before it. ValueError for no size."""
    if not (0 < width < 1 << 31 and 0 < height < 1 << 31):
        raise ValueError(f"a PNG cannot be {width}x{height}")
    header = struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, 0)
    return b"".join((png_chunks.SIGNATURE, chunk(b"IHDR", header), between, chunk(b"IDAT", data), _IEND))


def chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk with its length and checksum (section 5.3)."""
    crc = isal_zlib.crc32(data, isal_zlib.crc32(kind))
    return b"".join((struct.pack(">I4s", len(data), kind), data, struct.pack(">I", crc)))


_IEND = chunk(b"IEND", b"")
