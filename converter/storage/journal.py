"""What a long run has done so far, so that another can go on where it was killed.

A file of records beside the staging, each with its length and checksum; a record that was
being written when the run died ends the journal. It begins with a key: whoever goes on must
want the same, from the same source, or begins anew.

Records are pickles. So a journal is only ever read when it belongs to the user who runs the
program, is not a link, and nobody else may write to it.
"""

from __future__ import annotations

import os
import pickle
import stat
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

__all__ = ["Journal"]

_HEAD = struct.Struct("<II")
_MARK = b"segpack journal 1\n"
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
_PRIVATE = 0o600


class Journal:
    """The journal at `path`, opened or made; `close` leaves it there, `remove` does not."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._fd = os.open(path, _FLAGS, _PRIVATE)
        about = os.fstat(self._fd)
        mine = about.st_uid == os.geteuid() and not stat.S_IMODE(about.st_mode) & 0o077
        self.trusted = mine and stat.S_ISREG(about.st_mode) and about.st_nlink == 1

    def replay(self, key: bytes) -> Iterator[Any]:
        """The records of a run with the same key, in order; none, and an empty journal, otherwise.

        Exhaust it before anything is added: what follows the last whole record is cut off.
        """
        head = _MARK + key
        if not self.trusted:
            self._begin_anew()
        if os.pread(self._fd, len(head), 0) != head:
            os.ftruncate(self._fd, 0)
            os.pwrite(self._fd, head, 0)
        at = len(head)
        while (record := self._record(at)) is not None:
            yield pickle.loads(record)  # noqa: S301 -- written by this user, see above
            at += _HEAD.size + len(record)
        os.ftruncate(self._fd, at)
        os.lseek(self._fd, at, os.SEEK_SET)

    def add(self, value: Any) -> None:
        """Append a record; it counts once it is whole."""
        record = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
        rest = memoryview(_HEAD.pack(len(record), zlib.crc32(record)) + record)
        while rest:
            rest = rest[os.write(self._fd, rest) :]

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def remove(self) -> None:
        self.close()
        with suppress(OSError):
            os.unlink(self.path)

    def _begin_anew(self) -> None:
        os.close(self._fd)
        os.unlink(self.path)
        self._fd = os.open(self.path, _FLAGS | os.O_EXCL, _PRIVATE)
        self.trusted = True

    def _record(self, at: int) -> bytes | None:
        head = os.pread(self._fd, _HEAD.size, at)
        if len(head) < _HEAD.size:
            return None
        length, checksum = _HEAD.unpack(head)
        if at + _HEAD.size + length > os.fstat(self._fd).st_size:
            return None
        record = os.pread(self._fd, length, at + _HEAD.size)
        return record if len(record) == length and zlib.crc32(record) == checksum else None
