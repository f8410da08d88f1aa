"""Filtered rows of a PNG to samples, and the quick way where rows or columns hold nothing.

Filters None, Sub and Up of pixels of at most a byte are undone here; all else, and Adam7, is left to Pillow's
decoder with modes that leave the bits alone. Sections are those of the PNG specification, third edition
(https://www.w3.org/TR/png-3/).
"""

from __future__ import annotations

import struct
from typing import Any, TypeAlias

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from converter.codecs.png_chunks import Header, damaged

__all__ = ["Samples", "ends", "filtered_rows", "lit", "samples_of", "unpack_bits"]

Samples: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16]


def samples_of(raw: bytes, header: Header, file: str) -> Samples:
    """All filtered rows, or all passes of Adam7, to samples of the shape and dtype `png.RawPng` has."""
    rows = filtered_rows(raw, header)
    if rows is None:
        return _through_pillow(raw, header, file)
    return _unpack(_unfilter(rows[:, 0], rows[:, 1:]), header)


def filtered_rows(raw: bytes, header: Header) -> NDArray[np.uint8] | None:
    """Rows with the filter byte in front, where those can be undone without Pillow."""
    if header.interlaced:
        return None
    rows = np.frombuffer(raw, np.uint8).reshape(-1, 1 + header.row_bytes(header.width))
    highest = rows[:, 0].max()
    return rows if highest == 0 or (highest <= 2 and header.bit_depth * header.channels <= 8) else None


def lit(rows: NDArray[np.uint8]) -> tuple[int, int, NDArray[np.uint8]]:
    """Of rows with their filters the column and row where something begins, and the unfiltered bytes from there on.

    Where the filtered bytes are 0 a pixel is as the one beside or above it: so nothing lies
    above or on the left of the first that is not, and what lies on the right of the last
    goes on as it is.
    """
    filters, filtered = rows[:, 0], rows[:, 1:]
    height, width = filtered.shape
    top, bottom = ends(np.bitwise_or.reduce(filtered, axis=1))
    if (filters == 2).any():
        bottom = height
    left, right = ends(np.bitwise_or.reduce(filtered[top:bottom], axis=0))
    right = min(right + 1, width)
    samples = _unfilter(filters[top:bottom], filtered[top:bottom, left:right])
    if right < width and samples.size and samples[:, -1].any():
        samples = np.concatenate((samples, samples[:, -1:].repeat(width - right, axis=1)), axis=1)
    return left, top, samples


def ends(values: NDArray[Any]) -> tuple[int, int]:
    """The first place of a row of values that holds anything, and the place after the last; 0, 0 without any."""
    places = values.nonzero()[0]
    return (int(places[0]), int(places[-1]) + 1) if len(places) else (0, 0)


def unpack_bits(rows: NDArray[np.uint8], width: int, depth: int) -> NDArray[np.uint8]:
    """(height, row bytes) to (height, width) samples of 1, 2, 4 or 8 bits, the high bits first."""
    if depth == 1:
        return np.unpackbits(rows, axis=1, count=width)
    if depth == 8:
        return rows[:, :width]
    shifts = np.arange(8 - depth, -1, -depth, dtype=np.uint8)
    samples: NDArray[np.uint8] = (rows[:, :, None] >> shifts) & np.uint8((1 << depth) - 1)
    return samples.reshape(len(rows), rows.shape[1] * len(shifts))[:, :width]


def _unfilter(filters: NDArray[np.uint8], filtered: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Undo the filters None, Sub and Up (section 9.2) where a pixel is at most a byte."""
    if not filters.any():
        return filtered
    samples = filtered.copy()
    sub = np.flatnonzero((filters == 1) & samples.any(axis=1))
    if sub.size:
        samples[sub] = np.add.accumulate(samples[sub], axis=1, dtype=np.uint8)
    for y in np.flatnonzero(filters == 2).tolist():
        if y:
            samples[y] += samples[y - 1]
    return samples


def _unpack(rows: NDArray[np.uint8], header: Header) -> Samples:
    """(height, row bytes) to samples, in the layout of section 7.2."""
    if header.bit_depth < 8:
        return unpack_bits(rows, header.width, header.bit_depth)
    samples = rows.view(">u2").astype(np.uint16) if header.bit_depth == 16 else rows
    if header.channels == 1:
        return samples
    return samples.reshape(header.height, header.width, header.channels)


def _stored(raw: bytes) -> bytes:
    """A zlib stream of stored blocks (RFC 1951, section 3.2.4): nothing is left to inflate.

    zlib's own level 0 takes longer for it than the filters do.
    """
    parts: list[bytes | memoryview] = [b"\x78\x01"]
    for start in range(0, len(raw), 0xFFFF):
        block = memoryview(raw)[start : start + 0xFFFF]
        last = start + len(block) == len(raw)
        parts += (struct.pack("<BHH", last, len(block), len(block) ^ 0xFFFF), block)
    return b"".join((*parts, struct.pack(">I", isal_zlib.adler32(raw))))


def _through_pillow(raw: bytes, header: Header, file: str) -> Samples:
    """Any filter and Adam7, by Pillow's decoder with modes that leave the bits alone.

    Filters work on bytes, so 16-bit gray passes as 8-bit gray with alpha, and the same
    with four bytes. Six and eight bytes have no such twin: high and low bytes are
    fetched one after the other.
    """
    from PIL import Image  # noqa: PLC0415 -- slow to import, and masks are mostly written without such filters

    depth, channels = header.bit_depth, header.channels
    packed = _stored(raw)

    def decode(mode: str, rawmode: str) -> NDArray[np.uint8]:
        size = (header.width, header.height)
        try:
            return np.asarray(Image.frombytes(mode, size, packed, "zip", rawmode, int(header.interlaced)))
        except ValueError as error:
            raise damaged(file, error) from error

    if depth < 8:
        return decode("P", f"P;{depth}")
    if depth == 8:
        mode = ("L", "LA", "RGB", "RGBA")[channels - 1]
        return decode(mode, mode)
    if channels <= 2:
        mode = "LA" if channels == 1 else "RGBA"
        samples = decode(mode, mode).view(">u2").astype(np.uint16)
        return samples[:, :, 0] if channels == 1 else samples
    mode = "RGB" if channels == 3 else "RGBA"
    high, low = decode(mode, f"{mode};16B"), decode(mode, f"{mode};16L")
    return high.astype(np.uint16) << np.uint16(8) | low
