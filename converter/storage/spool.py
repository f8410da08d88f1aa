"""Entries that wait for their turn in a file: in memory at first, on disk when they are many."""

from __future__ import annotations

import io
import tempfile
from typing import IO

__all__ = ["Spool"]

IN_MEMORY = 1 << 26
BLOCK = 1 << 20


class Spool:
    """Bytes written one after the other, and poured out once; nothing stays open when a run ends early."""

    _file: IO[bytes] = io.BytesIO()  # until there is one of its own: a signal may come first

    def __init__(self, in_memory: int = IN_MEMORY) -> None:
        self._file = tempfile.SpooledTemporaryFile(in_memory)  # noqa: SIM115 -- lives until poured

    def __del__(self) -> None:
        self._file.close()

    def write(self, data: bytes) -> None:
        self._file.write(data)

    def entry(self, data: bytes) -> None:
        """An element of a JSON list, on a line of its own."""
        self._file.write(b",\n" if self._file.tell() else b"\n")
        self._file.write(data)

    def pour(self, stream: IO[bytes]) -> None:
        """Everything written, into `stream`."""
        with self._file as waiting:
            waiting.seek(0)
            while block := waiting.read(BLOCK):
                stream.write(block)
