"""Files inside a ZIP, read in place.

Every read says where it reads (`pread`), so threads and forked processes share one
open file without moving each other's position; a pickled store opens the file anew.
"""

from __future__ import annotations

import io
import os
import zlib
from bisect import bisect_left
from collections.abc import Sequence
from typing import BinaryIO

from converter.errors import SourceError
from converter.storage.limits import Limits
from converter.storage.names import clean
from converter.storage.zip_directory import Table, read_directory
from converter.storage.zip_format import DEFLATED, ENCRYPTED, LOCAL, LOCAL_MARK, STORED
from converter.storage.zip_names import decoded_name

__all__ = ["ZipStore"]

_CHUNK = 1 << 18

# Names and extra fields of this length come along when a header is read.
_HEADER_GUESS = LOCAL.size + 512

Fingerprint = tuple[int, int, int]


class _Handle:
    """A file descriptor that is closed with its last user, streams included."""

    fd = -1

    def __init__(self, path: str) -> None:
        self.fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)

    def fingerprint(self) -> Fingerprint:
        found = os.fstat(self.fd)
        return found.st_size, found.st_mtime_ns, found.st_ino

    def close(self) -> None:
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)

    def __del__(self) -> None:
        self.close()


class ZipStore:
    """The files of one archive. `name` is how the user calls it, `path` where it lies, absolute."""

    special: dict[str, str]

    def __init__(self, path: str, name: str, limits: Limits) -> None:
        self.path, self.name = path, name
        self._handle: _Handle | None = _Handle(path)
        self._print = self._handle.fingerprint()
        try:
            self._table = read_directory(self._handle.fd, name, limits)
        except BaseException:
            self._handle.close()
            raise
        self.remarks = self._table.remarks
        self.special = {}

    def __getstate__(self) -> tuple[str, str, Fingerprint, Table]:
        return self.path, self.name, self._print, self._table

    def __setstate__(self, state: tuple[str, str, Fingerprint, Table]) -> None:
        self.path, self.name, self._print, self._table = state
        self._handle = None
        self.remarks = self._table.remarks
        self.special = {}

    def label(self, path: str) -> str:
        return f"{self.name}/{path}" if path else self.name

    def names(self) -> Sequence[str]:
        return self._table.names

    def size(self, path: str) -> int:
        return self._table.sizes[self._row(path)]

    def stamps(self) -> list[int]:
        """One number for the archive: another when it was written or replaced."""
        try:
            about = os.stat(self.path)
        except OSError:
            return [0]
        return [hash((about.st_size, about.st_mtime_ns, about.st_ino, about.st_dev))]

    def local(self, path: str) -> None:
        """None: an entry has no file of its own."""
        self._row(path)

    def read(self, path: str) -> bytes:
        row = self._row(path)
        packed = self._packed(row, path)
        data: bytes | None = packed
        if self._table.methods[row] == DEFLATED:
            data = _inflated(packed, self._table.sizes[row])
        if data is None or len(data) != self._table.sizes[row] or zlib.crc32(data) != self._table.crcs[row]:
            raise self.damaged(path)
        return data

    def open(self, path: str) -> BinaryIO:
        row = self._row(path)
        table, handle = self._table, self._open()
        _, start = self._data_start(handle, row, path, LOCAL.size)
        raw = _Stored(self, handle, path, start, table.sizes[row], table.crcs[row])
        if table.methods[row] != STORED:
            raw = _Deflated(self, handle, path, start, table.packed[row], table.crcs[row], table.sizes[row])
        return io.BufferedReader(raw, _CHUNK)

    def verify(self, path: str) -> None:
        """SourceError unless the entry unpacks to the size and checksum that it claims; memory stays small."""
        with self.open(path) as stream:
            while stream.read(_CHUNK):
                pass

    def damaged(self, path: str) -> SourceError:
        """What to raise for data that are not what the directory says."""
        if self._handle is not None and self._handle.fingerprint() != self._print:
            return SourceError(self.name, "was changed while it was read", remedy="run again")
        problem = "is damaged: its data do not match its size and checksum"
        return SourceError(self.name, problem, place=path, remedy="copy or download the archive again")

    def _row(self, path: str) -> int:
        names = self._table.names
        row = bisect_left(names, path)
        if row == len(names) or names[row] != path:
            raise SourceError(self.label(path), "there is no such file in the archive")
        return row

    def _open(self) -> _Handle:
        if self._handle is None:
            try:
                self._handle = _Handle(self.path)
            except OSError as error:
                raise SourceError(self.name, f"cannot be read: {error.strerror}") from None
            if self._handle.fingerprint() != self._print:
                self._handle = None
                raise SourceError(self.name, "was changed while it was read", remedy="run again")
        return self._handle

    def _packed(self, row: int, path: str) -> bytes:
        """The bytes of an entry as they are stored, header and data in one read where that is possible."""
        packed = self._table.packed[row]
        head, start = self._data_start(self._open(), row, path, _HEADER_GUESS + packed)
        begin = start - self._table.offsets[row]
        if len(head) < begin + packed:
            return self.pread(self._open(), start, packed, path)
        return head[begin : begin + packed]

    def _data_start(self, handle: _Handle, row: int, path: str, length: int) -> tuple[bytes, int]:
        """The first `length` bytes of an entry, at most, and where in the file its data begin.

        The header there has to tell the same as the directory: others go by it.
        """
        table = self._table
        offset = table.offsets[row]
        head = self.pread(handle, offset, min(length, table.ends[row] - offset), path)
        if len(head) < LOCAL.size or not head.startswith(LOCAL_MARK):
            raise self.damaged(path)
        _, _, flags, method, _, _, _, _, _, name_length, extra_length = LOCAL.unpack_from(head)
        size = LOCAL.size + name_length + extra_length
        if offset + size + table.packed[row] > table.ends[row]:
            raise self.damaged(path)
        header = head if len(head) >= size else self.pread(handle, offset, size, path)
        name = header[LOCAL.size : LOCAL.size + name_length]
        if method != table.methods[row] or flags & ENCRYPTED or not _same(path, name, flags, header[:size]):
            problem = "has two headers that disagree"
            raise SourceError(self.name, problem, place=path, remedy="pack it again with a current tool")
        return head, offset + size

    def pread(self, handle: _Handle, offset: int, length: int, path: str) -> bytes:
        try:
            data = os.pread(handle.fd, length, offset)
            while len(data) < length and (more := os.pread(handle.fd, length - len(data), offset + len(data))):
                data += more
        except OSError as error:
            raise SourceError(self.name, f"cannot be read: {error.strerror}", place=path) from None
        return data


def _same(path: str, raw: bytes, flags: int, header: bytes) -> bool:
    """Whether the name in a local header is the one in the directory."""
    if raw == path.encode():
        return True
    try:
        return clean(decoded_name(raw, flags, header[LOCAL.size + len(raw) :])[0]) == path
    except ValueError:
        return False


def _inflated(packed: bytes, size: int) -> bytes | None:
    """Never more than `size` bytes, whatever is packed; None when they are not exactly that."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        data = inflater.decompress(packed, size + 1)
    except zlib.error:
        return None
    return data if inflater.eof and not inflater.unused_data else None


class _Stored(io.RawIOBase):
    """The data of an entry as a stream; the checksum is compared at its end."""

    def __init__(self, store: ZipStore, handle: _Handle, path: str, start: int, length: int, crc: int) -> None:
        super().__init__()
        self._store, self._handle, self._path = store, handle, path
        self._at, self._left, self._crc, self._wanted = start, length, 0, crc

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # BufferedReader passes no other
        data = self._next(len(buffer))
        if not data and self._crc != self._wanted:
            raise self._store.damaged(self._path)
        self._crc = zlib.crc32(data, self._crc)
        buffer[: len(data)] = data
        return len(data)

    def _next(self, most: int) -> bytes:
        return self._stored(most)

    def _stored(self, most: int) -> bytes:
        """The next bytes as they are in the file."""
        data = self._store.pread(self._handle, self._at, min(most, self._left), self._path)
        if not data and self._left:
            raise self._store.damaged(self._path)
        self._at += len(data)
        self._left -= len(data)
        return data


class _Deflated(_Stored):
    """As _Stored, unpacked on the way, and never to more than `size` bytes."""

    def __init__(
        self, store: ZipStore, handle: _Handle, path: str, start: int, packed: int, crc: int, size: int
    ) -> None:
        super().__init__(store, handle, path, start, packed, crc)
        self._inflater: zlib._Decompress = zlib.decompressobj(-zlib.MAX_WBITS)
        self._unpacked, self._size = 0, size

    def _next(self, most: int) -> bytes:
        data = b""
        while not data and not self._inflater.eof:
            packed = self._inflater.unconsumed_tail or self._stored(_CHUNK)
            data = self._inflate(packed, most)
            if not data and not packed:
                raise self._store.damaged(self._path)
        self._unpacked += len(data)
        more = self._left or self._inflater.unused_data
        if self._unpacked > self._size or (not data and (more or self._unpacked != self._size)):
            raise self._store.damaged(self._path)
        return data

    def _inflate(self, packed: bytes, most: int) -> bytes:
        try:
            return self._inflater.decompress(packed, most)
        except zlib.error:
            raise self._store.damaged(self._path) from None
