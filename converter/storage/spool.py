"""Entries that wait for their turn in a file: in memory at first, on disk when they are many."""

from __future__ import annotations

from contextlib import suppress
from typing import IO

from converter.storage.staging import failed

__all__ = ["Spool"]

IN_MEMORY = 1 << 18
BLOCK = 1 << 20


class Spool:
    """Bytes written one after the other, and poured out once, or closed when a run ends early.

    They wait where the output is made, in a file without a name: what /tmp is, and how large, is
    nothing that the user was asked for. TargetError, with the output's `label`, when the disk is full.
    """

    def __init__(self, folder: str, label: str) -> None:
        import tempfile  # noqa: PLC0415 -- slow to import, for random names that are never seen

        self.label = label
        self._file = tempfile.SpooledTemporaryFile(IN_MEMORY, dir=folder)  # noqa: SIM115 -- lives until poured

    def close(self) -> None:
        with suppress(OSError):  # what did not fit on the disk still does not
            self._file.close()

    def write(self, data: bytes) -> None:
        try:
            self._file.write(data)
        except OSError as error:
            raise failed(self.label, error) from None

    def entry(self, data: bytes) -> None:
        """An element of a JSON list, on a line of its own."""
        self.write((b",\n" if self._file.tell() else b"\n") + data)

    def pour(self, stream: IO[bytes]) -> None:
        """Everything written, into `stream`."""
        with self._file as waiting:
            try:
                waiting.seek(0)  # which writes what is still in a buffer
            except OSError as error:
                raise failed(self.label, error) from None
            while block := waiting.read(BLOCK):
                stream.write(block)
