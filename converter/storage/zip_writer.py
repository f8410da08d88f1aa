"""Writing a ZIP file whose bytes depend on nothing but what is put in, and in what order.

Times, modes and the system of origin are constant, sizes stand in front of the data, and
ZIP64 is used where a number needs it and nowhere else. (The bytes of deflated data are
those of the zlib that Python was built with, and the same for the same zlib.)
"""

from __future__ import annotations

import io
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from struct import pack, unpack_from
from typing import TYPE_CHECKING, BinaryIO

from converter.storage.zip_format import (
    CENTRAL,
    CENTRAL_MARK,
    DEFLATED,
    END,
    END64,
    END64_MARK,
    END_MARK,
    EXTRA64,
    LOCAL,
    LOCAL_MARK,
    LOCATOR,
    LOCATOR_MARK,
    MAX_16,
    MAX_32,
    STORED,
    UTF8,
)

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer  # collections.abc.Buffer is of Python 3.12

__all__ = ["ZipWriter"]

_PACKED = (".png", ".jpg", ".jpeg", ".jp2", ".webp", ".gif", ".avif", ".heic", ".zip", ".gz")
_LEVEL = 6

_UNIX = 3 << 8
_PLAIN_FILE = 0o100644 << 16
_DATE = 1 << 5 | 1  # 1980-01-01, the first that the format has
_PLAIN, _WIDE = 20, 45  # version needed: folders and deflate, ZIP64

_PIECE = 1 << 20


class ZipWriter:
    """Fills the file at `path`. Paths must be checked and not repeat; nobody looks here.

    A write that fails leaves no trace in the archive: the next one begins at the same place.
    """

    def __init__(self, path: str) -> None:
        self._folder = os.path.dirname(path)
        self._fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        self._at = self._count = 0
        self._directory = bytearray()

    @property
    def size(self) -> int:
        """Bytes of the entries written so far."""
        return self._at

    def rewind(self, size: int) -> list[str]:
        """Go on behind the entries that fill the first `size` bytes of the file; their names.

        The directory is made again from the headers of the entries, which say all that it does.
        """
        if os.fstat(self._fd).st_size < size:
            raise ValueError("is shorter than it was")
        os.ftruncate(self._fd, size)
        names = []
        while self._at < size:
            head = os.pread(self._fd, LOCAL.size + 2 * MAX_16, self._at)
            _, _, _, method, _, _, crc, packed, plain, name_length, extra_length = LOCAL.unpack_from(head)
            end = LOCAL.size + name_length + extra_length
            if MAX_32 in {packed, plain}:
                plain, packed = unpack_from("<2Q", head, end - 16)
            names.append(head[LOCAL.size : LOCAL.size + name_length].decode())
            again, record = self._headers(names[-1], method, crc, packed, plain)
            if again != head[:end]:
                raise ValueError("holds an entry that was not written here")
            self._add(record, end + packed)
        return names

    def write(self, path: str, data: bytes) -> None:
        method, packed = _packed(path, data)
        head, record = self._headers(path, method, zlib.crc32(data), len(packed), len(data))
        self._put(head + packed, self._at)
        self._add(record, len(head) + len(packed))

    @contextmanager
    def stream(self, path: str) -> Iterator[BinaryIO]:
        """An entry whose size is not known yet; it is kept in a nameless file until then."""
        import tempfile  # noqa: PLC0415 -- slow to import, for random names that are never seen

        with tempfile.TemporaryFile(dir=self._folder, buffering=0) as spool:
            raw = _Packing(spool, _method(path))
            try:
                file = io.BufferedWriter(raw, _PIECE)
                yield file
                file.close()  # unless a TextIOWrapper around it has
            finally:
                raw.close()  # after a failure the rest in the buffer is not wanted
            raw.end()
            self._take_over(path, raw, spool)

    def finish(self) -> None:
        """Writes the directory and closes the file."""
        size, offset = len(self._directory), self._at
        end = self._directory
        if self._count >= MAX_16 or size >= MAX_32 or offset >= MAX_32:
            rest = END64.size - 12
            numbers = (self._count, self._count, size, offset)
            end += END64.pack(END64_MARK, rest, _UNIX | _WIDE, _WIDE, 0, 0, *numbers)
            end += LOCATOR.pack(LOCATOR_MARK, 0, offset + size, 1)
        count = min(self._count, MAX_16)
        end += END.pack(END_MARK, 0, 0, count, count, min(size, MAX_32), min(offset, MAX_32), 0)
        self._put(end, offset)
        os.ftruncate(self._fd, offset + len(end))  # a larger write may have failed before
        self.close()

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _take_over(self, path: str, raw: _Packing, spool: io.FileIO) -> None:
        head, record = self._headers(path, raw.method, raw.crc, raw.packed, raw.size)
        self._put(head, self._at)
        at = self._at + len(head)
        spool.seek(0)
        while piece := spool.read(_PIECE):
            self._put(piece, at)
            at += len(piece)
        self._add(record, at - self._at)

    def _headers(self, path: str, method: int, crc: int, packed: int, size: int) -> tuple[bytes, bytes]:
        """The local header of the entry that comes next, and its record in the directory."""
        name = path.encode()
        flags = 0 if path.isascii() else UTF8
        sizes = [size, packed] if max(size, packed) >= MAX_32 else []
        offsets = [self._at] if self._at >= MAX_32 else []
        local, central = _extra64(sizes), _extra64(sizes + offsets)
        if sizes:
            packed = size = MAX_32
        about = (flags, method, 0, _DATE, crc, packed, size, len(name))
        head = LOCAL.pack(LOCAL_MARK, _WIDE if local else _PLAIN, *about, len(local))
        needed = _WIDE if central else _PLAIN
        where = (len(central), 0, 0, 0, _PLAIN_FILE, min(self._at, MAX_32))
        record = CENTRAL.pack(CENTRAL_MARK, _UNIX | needed, needed, *about, *where)
        return head + name + local, record + name + central

    def _add(self, record: bytes, length: int) -> None:
        self._directory += record
        self._count += 1
        self._at += length

    def _put(self, data: bytes | bytearray, at: int) -> None:
        written = os.pwrite(self._fd, data, at)
        while written < len(data):
            with memoryview(data) as view:
                written += os.pwrite(self._fd, view[written:], at + written)


def _method(path: str) -> int:
    return STORED if path.lower().endswith(_PACKED) else DEFLATED


def _packed(path: str, data: bytes) -> tuple[int, bytes]:
    """The method, and the data as they are to be stored; never longer than they were."""
    if _method(path) == STORED:
        return STORED, data
    packer = _packer()
    packed = packer.compress(data) + packer.flush()
    return (DEFLATED, packed) if len(packed) < len(data) else (STORED, data)


def _packer() -> zlib._Compress:
    return zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)


def _extra64(values: list[int]) -> bytes:
    return pack(f"<2H{len(values)}Q", EXTRA64, 8 * len(values), *values) if values else b""


class _Packing(io.RawIOBase):
    """Packs what is written into `spool`, and keeps count."""

    def __init__(self, spool: io.FileIO, method: int) -> None:
        super().__init__()
        self._spool, self.method = spool, method
        self._packer = _packer() if method == DEFLATED else None
        self.crc = self.packed = self.size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: ReadableBuffer, /) -> int:
        plain = bytes(data)
        self.crc = zlib.crc32(plain, self.crc)
        self.size += len(plain)
        self._spool_all(self._packer.compress(plain) if self._packer else plain)
        return len(plain)

    def end(self) -> None:
        if self._packer:
            self._spool_all(self._packer.flush())

    def _spool_all(self, packed: bytes) -> None:
        self.packed += len(packed)
        while packed:
            packed = packed[self._spool.write(packed) :]
