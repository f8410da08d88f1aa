"""Deflating pixels: the same bytes for the same pixels, in every process.

ISA-L deflates several times faster, and inflates what is read here, but it does not always write
the same: it takes the second hash of a stream from an address in memory instead of from the
data (igzip/igzip_icf_body_h1_gr_bt.asm, write_first_byte), and its code differs with the
processor. So zlib deflates, which is told to look for nothing but a byte that repeats
(Z_RLE): all there is to find in rows of masks, and smaller there than what ISA-L makes of them.
"""

from __future__ import annotations

import zlib
from functools import lru_cache

from isal import isal_zlib

__all__ = ["between_zeros", "stream"]

_HEAD = b"\x78\x01"
_ENDED = b"\0\0\xff\xff"  # how all blocks made here end: with a stored block of nothing
_LAST = b"\x03\x00"  # a block of nothing, with fixed codes
_NOTHING = 0, b""
_LONGEST = 1 << 14  # bytes that a block of zeros may take to be looked at
# The stubs have an instance where the module has the class.
_IsalError: type[Exception] = isal_zlib.IsalError  # type: ignore[assignment]
_SYMBOLS = 6  # memLevel: a new set of codes every 4,096 symbols, as rows differ along an image


def stream(data: bytes | memoryview, above: int = 0, below: int = 0) -> bytes:
    """A zlib stream of `data` (of any shape, C-contiguous) with so many zeros in front of it and behind it.

    The zeros are whole deflate blocks, which all that have as many of them share.
    """
    if above or below:
        middle = b"".join((_zeros(above), _packed(data, zlib.Z_FULL_FLUSH), _zeros(below), _LAST))
    else:
        middle = _packed(data, zlib.Z_FINISH)
    return b"".join((_HEAD, middle, _adler32(above, data, below).to_bytes(4)))


def between_zeros(packed: bytes, expected: int) -> tuple[int, bytes]:
    """Of a zlib stream of so many bytes how many zeros `stream` put in front, and what follows up to those behind.

    The zeros are known by their blocks, and are not unpacked. Nothing when there are no such, or
    something is wrong with the stream.
    """
    end = len(packed) - len(_LAST) - 4
    if packed[:2] != _HEAD or packed[end:-4] != _LAST:
        return _NOTHING
    begin = packed.find(_ENDED, 2, end) + len(_ENDED)
    above = _zeros_in(packed[2:begin])
    begin = begin if above else 2
    last = packed.rfind(_ENDED, begin, end - 1)
    below = _zeros_in(packed[last + len(_ENDED) : end]) if last >= 0 else 0
    size = expected - above - below
    if above + below == 0 or size < 0:
        return _NOTHING
    unpacker = isal_zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        found = unpacker.decompress(packed[begin : last + len(_ENDED) if below else end] + _LAST, size + 1)
    except _IsalError:
        return _NOTHING
    whole = len(found) == size and unpacker.eof and not unpacker.unused_data
    return (above, found) if whole and _adler32(above, found, below) == int.from_bytes(packed[-4:]) else _NOTHING


@lru_cache(maxsize=1024)
def _zeros(size: int) -> bytes:
    """Deflate blocks that end on a byte and refer to nothing before them; none is the last."""
    return _packed(bytes(size), zlib.Z_FULL_FLUSH) if size else b""


def _packed(data: bytes | memoryview, end: int) -> bytes:
    packer = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS, _SYMBOLS, zlib.Z_RLE)
    return packer.compress(data) + packer.flush(end)


@lru_cache(maxsize=1024)
def _zeros_in(packed: bytes) -> int:
    """How many zeros these are the blocks of; 0 when they are something else."""
    if len(packed) > _LONGEST:
        return 0
    try:
        size = len(isal_zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed))
    except _IsalError:
        return 0
    return size if _zeros(size) == packed else 0


def _adler32(above: int, data: bytes | memoryview, below: int) -> int:
    """The checksum of bytes with so many zeros in front of them and behind them.

    Zeros leave the low half of the sum as it is and add it to the high half once a byte
    (RFC 1950, section 8.2).
    """
    found = isal_zlib.adler32(data, above % 65521 << 16 | 1)
    low = found & 0xFFFF
    return ((found >> 16) + low * below) % 65521 << 16 | low
