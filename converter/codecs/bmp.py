"""BMP files with a palette, as they are stored."""

from __future__ import annotations

import struct

import numpy as np

from converter.codecs.pixels import check_size
from converter.codecs.png import RawPng
from converter.codecs.png_rows import unpack_bits
from converter.errors import SourceError

__all__ = ["read_indexed"]


def read_indexed(data: bytes, file: str) -> RawPng | None:
    """An uncompressed BMP with a palette, None for any other file.

    Not left to Pillow, which takes 8 bits for one bit where the palette is just black
    and white, and fails on 4 bits of gray.
    """
    if not data.startswith(b"BM") or len(data) < 54:
        return None
    offset, header = struct.unpack_from("<II", data, 10)
    compression = used = 0
    if header == 12:
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
    else:
        width, height, _, bits, compression = struct.unpack_from("<iiHHI", data, 18)
        (used,) = struct.unpack_from("<I", data, 46)
    if compression or bits not in {1, 4, 8} or offset < 14 + header:
        return None
    check_size(width, abs(height), file)
    row = (width * bits + 31) // 32 * 4
    if offset + row * abs(height) > len(data):
        raise SourceError(file, "the BMP is cut", place=f"byte {len(data)}")
    rows = np.frombuffer(data, np.uint8, row * abs(height), offset).reshape(abs(height), row)
    array = unpack_bits(rows if height < 0 else rows[::-1], width, bits)
    palette = _palette(data[14 + header : offset], 3 if header == 12 else 4, min(used, 256) or 1 << bits)
    gray = [(i, i, i) for i in range(len(palette))]
    if palette == gray or (bits == 1 and palette == [(0, 0, 0), (255, 255, 255)]):
        return RawPng(array, "gray", bits)
    return RawPng(array, "palette", bits, palette)


def _palette(data: bytes, step: int, count: int) -> list[tuple[int, int, int]]:
    whole = data[: len(data) // step * step][: step * count]
    return list(zip(whole[2::step], whole[1::step], whole[::step], strict=True))
