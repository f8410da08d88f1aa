"""A PNG's chunks: walked, checked and inflated to filtered rows.

Rules are those of the PNG specification, third edition (https://www.w3.org/TR/png-3/).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import suppress
from typing import Literal, NamedTuple, TypeAlias

from isal import isal_zlib

from converter.codecs.pixels import check_size
from converter.errors import SourceError

__all__ = [
    "SIGNATURE",
    "Content",
    "Header",
    "Kind",
    "begins_palette",
    "chunks",
    "damaged",
    "inflate",
    "inflated_pieces",
    "parse",
    "read_header",
    "wrong_amount",
]

Kind: TypeAlias = Literal["gray", "gray-alpha", "rgb", "rgba", "palette"]

SIGNATURE = b"\x89PNG\r\n\x1a\n"
# The stubs have an instance where the module has the class.
_IsalError: type[Exception] = isal_zlib.IsalError  # type: ignore[assignment]

_MAX_TEXT = 4 << 20
_PIECE = 1 << 16
_NEAR = 4096  # bytes in which a palette begins, unless a profile of colours goes before it
_PACKED = (b"zTXt", b"iTXt", b"iCCP")
_DEFLATE_RATIO = 1032  # 258 bytes from two bits: no deflate stream can unpack to more

# Colour types with their samples a pixel and the bit depths they allow (section 11.2.1).
_COLORS: dict[int, tuple[Kind, int, tuple[int, ...]]] = {
    0: ("gray", 1, (1, 2, 4, 8, 16)),
    2: ("rgb", 3, (8, 16)),
    3: ("palette", 1, (1, 2, 4, 8)),
    4: ("gray-alpha", 2, (8, 16)),
    6: ("rgba", 4, (8, 16)),
}
# First column and row, and the steps, of the seven passes (section 8.1).
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


class Header(NamedTuple):
    """What IHDR says; `channels` are samples a pixel."""

    width: int
    height: int
    bit_depth: int
    kind: Kind
    channels: int
    interlaced: bool

    def row_bytes(self, width: int) -> int:
        return (width * self.bit_depth * self.channels + 7) // 8

    def inflated(self) -> int:
        """Bytes of the image data before deflate: rows, each with its filter byte."""
        passes = _ADAM7 if self.interlaced else ((0, 0, 1, 1),)
        sizes = [(-(-(self.width - x) // dx), -(-(self.height - y) // dy)) for x, y, dx, dy in passes]
        return sum(h * (1 + self.row_bytes(w)) for w, h in sizes if w > 0 and h > 0)


class Content(NamedTuple):
    """Header, palette if there is one, and the deflated image data of all IDAT chunks."""

    header: Header
    palette: list[tuple[int, int, int]] | None
    pixels: bytes | memoryview


def read_header(data: bytes, file: str, *, max_pixels: int | None = None) -> Header:
    """The IHDR chunk, which must be the first, checked for sense, size and its CRC."""
    kind, start, length = next(chunks(data, file))
    if kind != b"IHDR" or length != 13:
        raise SourceError(file, "the PNG does not begin with its header", place="byte 8")
    _check_crc(data, kind, start, length, file)
    width, height, depth, color, compression, filtering, interlace = struct.unpack_from(">IIBBBBB", data, start)
    name, channels, depths = _COLORS.get(color, ("gray", 0, ()))
    if depth not in depths or compression or filtering or interlace > 1:
        raise SourceError(
            file,
            f"the PNG header makes no sense (bit depth {depth}, colour type {color}, "
            f"methods {compression}, {filtering}, {interlace})",
        )
    check_size(width, height, file, max_pixels=max_pixels)
    return Header(width, height, depth, name, channels, interlace == 1)


def begins_palette(data: bytes, colors: bytes) -> int:
    """The bytes of a PNG's palette that gives these colours, three bytes each, to its first indices; 0 for others."""
    at = data.find(b"PLTE" + colors, 0, _NEAR) if data.startswith(SIGNATURE) and data[25:26] == b"\x03" else -1
    return int.from_bytes(data[at - 4 : at]) if at > 0 else 0


def chunks(data: bytes, file: str) -> Iterator[tuple[bytes, int, int]]:
    """Type, start and length of the data of each chunk up to IEND; SourceError if one is cut."""
    if not data.startswith(SIGNATURE):
        raise SourceError(file, "is not a PNG" if data else "is empty")
    at, kind = len(SIGNATURE), b""
    while kind != b"IEND":
        if at + 12 > len(data):
            raise SourceError(file, "the PNG is cut: it ends without IEND", place=f"byte {len(data)}")
        length, kind = struct.unpack_from(">I4s", data, at)
        if at + 12 + length > len(data):
            raise SourceError(file, f"the PNG is cut in chunk {_name(kind)}", place=f"byte {len(data)}")
        yield kind, at + 8, length
        at += 12 + length


def parse(data: bytes, file: str, max_pixels: int | None, *, thorough: bool) -> Content:
    """All critical chunks, each in its place and with its CRC, or SourceError.

    `thorough`: ancillary chunks must be whole as well, and none may unpack to more than 4 MB.
    """
    header = read_header(data, file, max_pixels=max_pixels)
    palette: list[tuple[int, int, int]] | None = None
    pixels: list[memoryview] = []
    pixels_end = 0
    for kind, start, length in chunks(data, file):
        if thorough or not kind[0] & 0x20:
            _check_crc(data, kind, start, length, file)
        place = f"byte {start - 8}"
        if kind == b"IDAT":
            if pixels and start - 8 != pixels_end:
                raise SourceError(file, "the pixel data is in pieces with something between", place=place)
            pixels.append(memoryview(data)[start : start + length])
            pixels_end = start + length + 4
        elif kind == b"PLTE":
            if palette is not None or pixels or length % 3 or not 0 < length <= 768:
                raise SourceError(file, "the palette is damaged, doubled or late", place=place)
            palette = list(struct.iter_unpack("BBB", data[start : start + length]))
        elif kind == b"IHDR":
            if start != 16:
                raise SourceError(file, "the PNG has two headers", place=place)
        elif kind in _PACKED:
            if thorough:
                _check_text(kind, data[start : start + length], file, place)
        elif not kind[0] & 0x20 and kind != b"IEND":
            raise SourceError(file, f"chunk {_name(kind)} is unknown and marked as necessary", place=place)
    if not pixels:
        raise SourceError(file, "the PNG has no pixel data")
    if header.kind == "palette" and palette is None:
        raise SourceError(file, "the palette image has no palette (PLTE)")
    return Content(header, palette, pixels[0] if len(pixels) == 1 else b"".join(pixels))


def inflate(packed: bytes | memoryview, expected: int, file: str) -> bytes:
    """The image data, `expected` bytes of filtered rows; SourceError when it is damaged, cut or of another length."""
    # Tested first, so that a large header over little data takes no memory.
    if expected > _DEFLATE_RATIO * len(packed):
        raise SourceError(file, f"{len(packed)} bytes of pixel data are too few for the size in the header")
    stream = isal_zlib.decompressobj()
    try:
        raw: bytes = stream.decompress(packed, expected + 1)
    except _IsalError as error:
        raise damaged(file, error) from error
    if len(raw) != expected:
        raise wrong_amount(file, len(raw), expected)
    if not stream.eof:
        raise SourceError(file, "the pixel data is cut")
    return raw


def inflated_pieces(packed: bytes | memoryview, file: str) -> Iterator[bytes]:
    """What a zlib stream holds, up to 1 MB at a time; SourceError when it is damaged or cut."""
    stream = isal_zlib.decompressobj()
    limit = 16 * _PIECE
    try:
        for start in range(0, len(packed), _PIECE):
            piece, full = packed[start : start + _PIECE], True
            # A full buffer may have left output waiting when the input is used up.
            while not stream.eof and (piece or full):
                out = stream.decompress(piece, limit)
                yield out
                piece, full = stream.unconsumed_tail, len(out) == limit
    except _IsalError as error:
        raise damaged(file, error) from error
    if not stream.eof:
        raise SourceError(file, "the pixel data is cut")


def damaged(file: str, error: Exception) -> SourceError:
    return SourceError(file, f"the pixel data is damaged ({error})")


def wrong_amount(file: str, size: int, expected: int) -> SourceError:
    amount = "more" if size > expected else f"{size}"
    return SourceError(file, f"the pixel data unpacks to {amount} bytes where the header asks for {expected}")


def _name(kind: bytes) -> str:
    return kind.decode("latin-1")


def _check_crc(data: bytes, kind: bytes, start: int, length: int, file: str) -> None:
    end = start + length
    if isal_zlib.crc32(memoryview(data)[start - 4 : end]) != int.from_bytes(data[end : end + 4]):
        raise SourceError(file, f"chunk {_name(kind)} is damaged (wrong CRC)", place=f"byte {start - 8}")


def _check_text(kind: bytes, data: bytes, file: str, place: str) -> None:
    """Sections 11.3.2.3 (iCCP), 11.3.3.3 (zTXt) and 11.3.3.4 (iTXt)."""
    _, _, rest = data.partition(b"\0")
    if kind == b"iTXt":
        packed = rest[:1] == b"\1"
        rest = rest[2:].split(b"\0", 2)[-1]
        if not packed:
            return
    else:
        rest = rest[1:]
    size = 0
    # One that is only damaged is skipped by readers.
    with suppress(SourceError):
        for piece in inflated_pieces(rest, file):
            size += len(piece)
            if size > _MAX_TEXT:
                break
    if size > _MAX_TEXT:
        raise SourceError(file, f"chunk {_name(kind)} unpacks to more than 4 MB", place=place)
