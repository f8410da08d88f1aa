"""Deflating pixels: the same bytes for the same pixels, in every process.

ISA-L deflates several times faster, and inflates what is read here, but it does not always write
the same: it takes the second hash of a stream from an address in memory instead of from the
data (igzip/igzip_icf_body_h1_gr_bt.asm, write_first_byte), and its code differs with the
processor. So zlib deflates, which is told to look for nothing but a byte that repeats
(Z_RLE): all there is to find in rows of masks, and smaller there than what ISA-L makes of them.
"""

from __future__ import annotations

import zlib

__all__ = ["block", "stream"]

_SYMBOLS = 6  # memLevel: a new set of codes every 4,096 symbols, as rows differ along an image


def stream(data: bytes | memoryview) -> bytes:
    """A zlib stream of `data` (of any shape, C-contiguous)."""
    packer = _packer(zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


def block(data: bytes | memoryview) -> bytes:
    """Deflate blocks without header that end on a byte and refer to nothing before them; none is the last."""
    packer = _packer(-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush(zlib.Z_FULL_FLUSH)


def _packer(wbits: int) -> zlib._Compress:
    return zlib.compressobj(1, zlib.DEFLATED, wbits, _SYMBOLS, zlib.Z_RLE)
