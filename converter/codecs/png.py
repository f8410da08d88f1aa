"""PNG without Pillow's opinions: the samples of a file as they were stored.

Pillow scales gray of 1, 2 and 4 bits to 0..255, cuts 16-bit colour to 8 bits and loads a
palette image that has no palette. Where samples are class ids all of that is loss, so
the chunks are walked and inflated here; Pillow's decoder only undoes the row filters
that numpy is slow at.

Rules are those of the PNG specification, third edition (https://www.w3.org/TR/png-3/).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Literal, NamedTuple, TypeAlias

import msgspec
import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray
from PIL import Image

from converter.codecs import deflate
from converter.codecs.pixels import check_size, pixel_limit
from converter.errors import SourceError

__all__ = [
    "SIGNATURE",
    "Crop",
    "Header",
    "Kind",
    "RawPng",
    "Samples",
    "chunks",
    "read_crop",
    "read_header",
    "read_raw",
    "unpack_bits",
    "verify",
]

Kind: TypeAlias = Literal["gray", "gray-alpha", "rgb", "rgba", "palette"]
Samples: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16]

SIGNATURE = b"\x89PNG\r\n\x1a\n"
# The stubs have an instance where the module has the class.
_IsalError: type[Exception] = isal_zlib.IsalError  # type: ignore[assignment]

_MAX_TEXT = 4 << 20
_PIECE = 1 << 16
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
        top, bottom = _ends(np.bitwise_or.reduce(array, axis=1))
        left, right = _ends(np.bitwise_or.reduce(array[top:bottom], axis=0))
        return cls(array[top:bottom, left:right], left, top, height, width)


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


class _Content(NamedTuple):
    header: Header
    palette: list[tuple[int, int, int]] | None
    pixels: bytes | memoryview


def read_raw(data: bytes, file: str, *, max_pixels: int | None = None) -> RawPng:
    """The samples of a PNG as they are stored.

    SourceError for anything that is not a whole PNG (a wrong checksum in a critical
    chunk, pixel data that inflates to fewer or more bytes than the header asks for,
    a palette image without palette, no IEND), and for more than `max_pixels` (the limit that is set), or than
    four bytes for each of those. Ancillary chunks are not opened, and what follows
    IEND does not matter.
    """
    header, palette, pixels = _open(data, file, max_pixels)
    array = _samples(_inflate(pixels, header.inflated(), file), header, file)
    return RawPng(array, header.kind, header.bit_depth, palette if header.kind == "palette" else None)


def read_crop(data: bytes, file: str) -> Crop:
    """The samples as in read_raw, without the rows and columns around that hold nothing and so cost little."""
    header, _, pixels = _open(data, file, None)
    size, row = header.inflated(), 1 + header.row_bytes(header.width)
    plain = header.channels == 1 and header.bit_depth <= 8 and not header.interlaced
    above, raw = deflate.between_zeros(bytes(pixels), size) if plain else (0, b"")
    if not raw or above % row or len(raw) % row:
        above, raw = 0, _inflate(pixels, size, file)
    rows = _rows(raw, header) if plain else None
    if rows is None:
        return Crop.of(_samples(raw if len(raw) == size else _inflate(pixels, size, file), header, file))
    x, y, samples = _lit(rows)
    in_byte = 8 // header.bit_depth
    array = unpack_bits(samples, min(header.width - x * in_byte, samples.shape[1] * in_byte), header.bit_depth)
    return Crop(array, x * in_byte, y + above // row, header.height, header.width)


def verify(data: bytes, file: str, *, max_pixels: int | None = None) -> Header:
    """As read_raw, but keeps no pixels, and the ancillary chunks must be whole as well.

    Text and profiles that unpack to more than 4 MB are refused: viewers and trainers
    unpack them on opening.
    """
    header, _, pixels = _parse(data, file, max_pixels, thorough=True)
    row = 1 + header.row_bytes(header.width)
    expected, size = header.inflated(), 0
    for piece in _inflated_pieces(pixels, file):
        if not header.interlaced and piece[-size % row :: row].translate(None, b"\0\1\2\3\4"):
            raise SourceError(file, "the pixel data has a row filter that does not exist")
        size += len(piece)
        if size > expected:
            break
    if size != expected:
        raise _wrong_amount(file, size, expected)
    return header


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


def _name(kind: bytes) -> str:
    return kind.decode("latin-1")


def _check_crc(data: bytes, kind: bytes, start: int, length: int, file: str) -> None:
    end = start + length
    if isal_zlib.crc32(memoryview(data)[start - 4 : end]) != int.from_bytes(data[end : end + 4]):
        raise SourceError(file, f"chunk {_name(kind)} is damaged (wrong CRC)", place=f"byte {start - 8}")


def _open(data: bytes, file: str, max_pixels: int | None) -> _Content:
    """What there is, if it is no more than is read."""
    max_pixels = max_pixels or pixel_limit()
    content = _parse(data, file, max_pixels, thorough=False)
    if (size := content.header.inflated()) > 4 * max_pixels:
        raise SourceError(file, f"{size:,} bytes of pixels are more than are read")
    return content


def _parse(data: bytes, file: str, max_pixels: int | None, *, thorough: bool) -> _Content:
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
    return _Content(header, palette, pixels[0] if len(pixels) == 1 else b"".join(pixels))


_PACKED = (b"zTXt", b"iTXt", b"iCCP")


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
        for piece in _inflated_pieces(rest, file):
            size += len(piece)
            if size > _MAX_TEXT:
                break
    if size > _MAX_TEXT:
        raise SourceError(file, f"chunk {_name(kind)} unpacks to more than 4 MB", place=place)


def _inflate(packed: bytes | memoryview, expected: int, file: str) -> bytes:
    # Tested first, so that a large header over little data takes no memory.
    if expected > _DEFLATE_RATIO * len(packed):
        raise SourceError(file, f"{len(packed)} bytes of pixel data are too few for the size in the header")
    stream = isal_zlib.decompressobj()
    try:
        raw: bytes = stream.decompress(packed, expected + 1)
    except _IsalError as error:
        raise _damaged(file, error) from error
    if len(raw) != expected:
        raise _wrong_amount(file, len(raw), expected)
    if not stream.eof:
        raise SourceError(file, "the pixel data is cut")
    return raw


def _inflated_pieces(packed: bytes | memoryview, file: str) -> Iterator[bytes]:
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
        raise _damaged(file, error) from error
    if not stream.eof:
        raise SourceError(file, "the pixel data is cut")


def _damaged(file: str, error: Exception) -> SourceError:
    return SourceError(file, f"the pixel data is damaged ({error})")


def _wrong_amount(file: str, size: int, expected: int) -> SourceError:
    amount = "more" if size > expected else f"{size}"
    return SourceError(file, f"the pixel data unpacks to {amount} bytes where the header asks for {expected}")


# ---------------------------------------------------------------- rows to samples


def _samples(raw: bytes, header: Header, file: str) -> Samples:
    rows = _rows(raw, header)
    if rows is None:
        return _through_pillow(raw, header, file)
    return _unpack(_unfilter(rows[:, 0], rows[:, 1:]), header)


def _rows(raw: bytes, header: Header) -> NDArray[np.uint8] | None:
    """Rows with the filter byte in front, where those can be undone without Pillow."""
    if header.interlaced:
        return None
    rows = np.frombuffer(raw, np.uint8).reshape(-1, 1 + header.row_bytes(header.width))
    highest = rows[:, 0].max()
    return rows if highest == 0 or (highest <= 2 and header.bit_depth * header.channels <= 8) else None


def _lit(rows: NDArray[np.uint8]) -> tuple[int, int, NDArray[np.uint8]]:
    """Of rows with their filters the column and row where something begins, and the unfiltered bytes from there on.

    Where the filtered bytes are 0 a pixel is as the one beside or above it: so nothing lies
    above or on the left of the first that is not, and what lies on the right of the last
    goes on as it is.
    """
    filters, filtered = rows[:, 0], rows[:, 1:]
    height, width = filtered.shape
    top, bottom = _ends(np.bitwise_or.reduce(filtered, axis=1))
    if (filters == 2).any():
        bottom = height
    left, right = _ends(np.bitwise_or.reduce(filtered[top:bottom], axis=0))
    right = min(right + 1, width)
    samples = _unfilter(filters[top:bottom], filtered[top:bottom, left:right])
    if right < width and samples.size and samples[:, -1].any():
        samples = np.concatenate((samples, samples[:, -1:].repeat(width - right, axis=1)), axis=1)
    return left, top, samples


def _ends(values: NDArray[Any]) -> tuple[int, int]:
    """The first place of a row of values that holds anything, and the place after the last; 0, 0 without any."""
    places = values.nonzero()[0]
    return (int(places[0]), int(places[-1]) + 1) if len(places) else (0, 0)


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


def unpack_bits(rows: NDArray[np.uint8], width: int, depth: int) -> NDArray[np.uint8]:
    """(height, row bytes) to (height, width) samples of 1, 2, 4 or 8 bits, the high bits first."""
    if depth == 1:
        return np.unpackbits(rows, axis=1, count=width)
    if depth == 8:
        return rows[:, :width]
    shifts = np.arange(8 - depth, -1, -depth, dtype=np.uint8)
    samples: NDArray[np.uint8] = (rows[:, :, None] >> shifts) & np.uint8((1 << depth) - 1)
    return samples.reshape(len(rows), rows.shape[1] * len(shifts))[:, :width]


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
    depth, channels = header.bit_depth, header.channels
    packed = _stored(raw)

    def decode(mode: str, rawmode: str) -> NDArray[np.uint8]:
        size = (header.width, header.height)
        try:
            return np.asarray(Image.frombytes(mode, size, packed, "zip", rawmode, int(header.interlaced)))
        except ValueError as error:
            raise _damaged(file, error) from error

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
