"""JPEG without decoding: what the headers say, and whether the file is whole.

Rules are those of ITU T.81, annex B.
"""

from __future__ import annotations

import re
import struct
from io import BytesIO
from typing import BinaryIO, NamedTuple

from converter.codecs import exif
from converter.codecs.pixels import check_size
from converter.errors import SourceError

__all__ = ["MAGIC", "Header", "check_scans", "header"]

MAGIC = b"\xff\xd8\xff"

_SCAN_END = re.compile(rb"\xff[^\x00\xd0-\xd7]")
_NO_FRAME = {0xC4, 0xC8, 0xCC}  # DHT, JPG and DAC, among the codes of frame headers
_NO_LENGTH = {0x01, *range(0xD0, 0xD9)}
_START_OF_SCAN, _END_OF_IMAGE, _APP1 = 0xDA, 0xD9, 0xE1
_MODES = {1: "L", 3: "RGB", 4: "CMYK"}
_MAX_JUNK = 1 << 16


class Header(NamedTuple):
    """Stored size in pixels, the mode in Pillow's words, and the EXIF orientation."""

    width: int
    height: int
    mode: str
    orientation: int = 1


def header(stream: BinaryIO, file: str) -> tuple[Header, int]:
    """Segments up to the data of the first scan (ITU T.81, annex B), and where that begins."""
    info: Header | None = None
    orientation: int | None = None
    stream.seek(2)
    while True:
        marker = _marker(stream, file)
        if marker == _END_OF_IMAGE:
            raise SourceError(file, "the JPEG has no picture in it")
        if marker in _NO_LENGTH:
            continue
        segment = _segment(stream, file)
        if marker == _START_OF_SCAN:
            if info is None:
                raise SourceError(file, "the JPEG has a scan before its frame header")
            return info._replace(orientation=orientation or 1), stream.tell()
        if 0xC0 <= marker <= 0xCF and marker not in _NO_FRAME:
            if info is not None:
                raise SourceError(file, "the JPEG has two frame headers")
            info = _frame(segment, file)
        elif marker == _APP1 and orientation is None and segment.startswith(b"Exif\0"):
            orientation = exif.orientation(segment[6:])


def check_scans(data: bytes, at: int, file: str) -> None:
    """From the data of the first scan to the end marker; raises SourceError."""
    stream = BytesIO(data)
    marker = _START_OF_SCAN
    while marker != _END_OF_IMAGE:
        if marker == _START_OF_SCAN:
            after = _SCAN_END.search(data, at)
            if after is None:
                raise SourceError(file, "the JPEG is cut: it ends in the picture", place=f"byte {len(data)}")
            if after.start() == at:
                raise SourceError(file, "the JPEG has a scan without data", place=f"byte {at}")
            stream.seek(after.start())
        marker = _marker(stream, file)
        if marker not in _NO_LENGTH and marker != _END_OF_IMAGE:
            _segment(stream, file)
        at = stream.tell()


def _marker(stream: BinaryIO, file: str) -> int:
    """The next marker; up to 64 KB of junk before it are skipped, as libjpeg does."""
    before = b""
    for _ in range(_MAX_JUNK):
        byte = stream.read(1)
        if not byte:
            raise SourceError(file, "the JPEG is cut: it ends without end marker")
        if before == b"\xff" and byte not in {b"\0", b"\xff"}:
            return byte[0]
        before = byte
    raise SourceError(file, "the JPEG has no marker where one should be", place=f"byte {stream.tell()}")


def _segment(stream: BinaryIO, file: str) -> bytes:
    length = int.from_bytes(stream.read(2))
    segment = stream.read(max(length - 2, 0))
    if length < 2 or len(segment) != length - 2:
        raise SourceError(file, "the JPEG is cut, or a segment has a wrong length", place=f"byte {stream.tell()}")
    return segment


def _frame(segment: bytes, file: str) -> Header:
    if len(segment) < 6:
        raise SourceError(file, "the JPEG frame header is too short")
    precision, height, width, components = struct.unpack_from(">BHHB", segment)
    if precision != 8 or components not in _MODES or len(segment) != 6 + 3 * components:
        raise SourceError(file, f"a JPEG of {precision} bits and {components} components is not read")
    check_size(width, height, file)
    return Header(width, height, _MODES[components])
