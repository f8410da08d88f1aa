"""PNG without Pillow's opinions: the samples of a file as they were stored.

Pillow scales gray of 1, 2 and 4 bits to 0..255, cuts 16-bit colour to 8 bits and loads a
palette image that has no palette. Where samples are class ids all of that is loss, so
`png_chunks` walks the chunks and inflates them, and `png_rows` asks Pillow's decoder only to undo the
row filters that numpy is slow at.

Rules are those of the PNG specification, third edition (https://www.w3.org/TR/png-3/).
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec
import numpy as np

from converter.codecs import deflate
from converter.codecs.pixels import pixel_limit
from converter.codecs.png_chunks import Content, Header, Kind, inflate, inflated_pieces, parse, wrong_amount
from converter.codecs.png_rows import Samples, ends, filtered_rows, lit, samples_of, unpack_bits
from converter.errors import SourceError

__all__ = ["Crop", "RawPng", "read_crop", "read_raw", "verify"]


class RawPng(msgspec.Struct, frozen=True, eq=False):
    """Samples as stored: never scaled, never looked up in the palette.

    `array` is (height, width) for gray and palette, else (height, width, channels);
    uint8 up to 8 bits, native uint16 for 16. It may be read-only and need not be
    contiguous. `palette` are the colours of kind "palette"; a sample may point past
    its end.
    """

    array: Samples
    kind: Kind
    bit_depth: int
    palette: list[tuple[int, int, int]] | None = None


class Crop(NamedTuple):
    """Samples from column `x` and row `y` on of an image of (height, width); all others are 0.

    It need not be the smallest one. With several channels it is the whole image.
    """

    array: Samples
    x: int
    y: int
    height: int
    width: int

    @classmethod
    def of(cls, array: Samples) -> Crop:
        """The rows and columns that hold anything."""
        height, width = array.shape[:2]
        if array.ndim > 2:
            return cls(array, 0, 0, height, width)
        top, bottom = ends(np.bitwise_or.reduce(array, axis=1))
        left, right = ends(np.bitwise_or.reduce(array[top:bottom], axis=0))
        return cls(array[top:bottom, left:right], left, top, height, width)


def read_raw(data: bytes, file: str, *, max_pixels: int | None = None) -> RawPng:
    """The samples of a PNG as they are stored.

    SourceError for anything that is not a whole PNG (a wrong checksum in a critical
    chunk, pixel data that inflates to fewer or more bytes than the header asks for,
    a palette image without palette, no IEND), and for more than `max_pixels` (the limit that is set), or than
    four bytes for each of those. Ancillary chunks are not opened, and what follows
    IEND does not matter.
    """
    header, palette, pixels = _open(data, file, max_pixels)
    array = samples_of(inflate(pixels, header.inflated(), file), header, file)
    return RawPng(array, header.kind, header.bit_depth, palette if header.kind == "palette" else None)


def read_crop(data: bytes, file: str) -> Crop:
    """The samples as in read_raw, without the rows and columns around that hold nothing and so cost little."""
    header, _, pixels = _open(data, file, None)
    size, row = header.inflated(), 1 + header.row_bytes(header.width)
    plain = header.channels == 1 and header.bit_depth <= 8 and not header.interlaced
    above, raw = deflate.between_zeros(bytes(pixels), size) if plain else (0, b"")
    if not raw or above % row or len(raw) % row:
        above, raw = 0, inflate(pixels, size, file)
    rows = filtered_rows(raw, header) if plain else None
    if rows is None:
        return Crop.of(samples_of(raw if len(raw) == size else inflate(pixels, size, file), header, file))
    x, y, samples = lit(rows)
    in_byte = 8 // header.bit_depth
    array = unpack_bits(samples, min(header.width - x * in_byte, samples.shape[1] * in_byte), header.bit_depth)
    return Crop(array, x * in_byte, y + above // row, header.height, header.width)


def verify(data: bytes, file: str, *, max_pixels: int | None = None) -> Header:
    """As read_raw, but keeps no pixels, and the ancillary chunks must be whole as well.

    Text and profiles that unpack to more than 4 MB are refused: viewers and trainers
    unpack them on opening.
    """
    header, _, pixels = parse(data, file, max_pixels, thorough=True)
    row = 1 + header.row_bytes(header.width)
    expected, size = header.inflated(), 0
    for piece in inflated_pieces(pixels, file):
        if not header.interlaced and piece[-size % row :: row].translate(None, b"\0\1\2\3\4"):
            raise SourceError(file, "the pixel data has a row filter that does not exist")
        size += len(piece)
        if size > expected:
            break
    if size != expected:
        raise wrong_amount(file, size, expected)
    return header


def _open(data: bytes, file: str, max_pixels: int | None) -> Content:
    """What there is, if it is no more than is read."""
    max_pixels = max_pixels or pixel_limit()
    content = parse(data, file, max_pixels, thorough=False)
    if (size := content.header.inflated()) > 4 * max_pixels:
        raise SourceError(file, f"{size:,} bytes of pixels are more than are read")
    return content
