"""The end of a ZIP file, which says where its directory lies and how much is in it.

Only one end may fit, to the last byte of the file, and everything before has to add up: else
two programs could find two directories in it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NamedTuple, NoReturn

from converter.errors import SourceError
from converter.storage.limits import Limits
from converter.storage.zip_format import END, END64, END64_MARK, END_MARK, LOCATOR, LOCATOR_MARK, MAX_16, MAX_32

__all__ = ["REPACK", "WHOLE", "Archive", "End", "find_end"]

WHOLE = "copy or download it again"
REPACK = "pack it again with a current tool"


class Archive(NamedTuple):
    """An open file, and how to speak of it."""

    fd: int
    size: int
    label: str

    def bytes_at(self, offset: int, length: int) -> bytes:
        return os.pread(self.fd, length, offset) if 0 <= offset <= self.size else b""

    def refuse(self, problem: str, remedy: str, place: str = "") -> NoReturn:
        raise SourceError(self.label, problem, place=place, remedy=remedy)


class End(NamedTuple):
    """What it says of the directory: its entries, its size in bytes, and where it begins."""

    entries: int
    size: int
    offset: int
    at: int  # where the end records begin


def find_end(archive: Archive, limits: Limits) -> End:
    """The end records: the one place where they fit to the last byte of the file. SourceError for any that do not."""
    start = max(0, archive.size - END.size - MAX_16)
    tail = archive.bytes_at(start, archive.size - start)
    found = [at for at in _occurrences(tail, END_MARK) if _fits(tail, at)]
    if not found:
        archive.refuse("is not a whole ZIP file: its end is missing", WHOLE)
    if len(found) > 1:
        archive.refuse("has two directories in it", REPACK)
    at = start + found[0]
    _, disk, first_disk, here, count, size, offset, _ = END.unpack_from(tail, found[0])
    end = _end64(archive, at, End(count, size, offset, at))
    if disk or first_disk or (here != count):
        archive.refuse("is one part of several", "join the parts first")
    _check(archive, end, limits)
    return end


def _occurrences(data: bytes, mark: bytes) -> Iterator[int]:
    at = data.find(mark)
    while at >= 0:
        yield at
        at = data.find(mark, at + 1)


def _fits(tail: bytes, at: int) -> bool:
    return len(tail) - at >= END.size and at + END.size + END.unpack_from(tail, at)[7] == len(tail)


def _end64(archive: Archive, at: int, small: End) -> End:
    """`small` with the 64-bit numbers, if the file has such a record before its end at `at`."""
    locator = archive.bytes_at(at - LOCATOR.size, LOCATOR.size)
    if not locator.startswith(LOCATOR_MARK):
        if small.entries == MAX_16 or MAX_32 in {small.size, small.offset}:
            archive.refuse("says that it has a ZIP64 directory, which is missing", WHOLE)
        return small
    _, disk, start, disks = LOCATOR.unpack(locator)
    record = archive.bytes_at(start, END64.size)
    if len(record) < END64.size or record[:4] != END64_MARK or disk or disks > 1:
        archive.refuse("has a damaged ZIP64 directory", WHOLE)
    _, rest, _, _, disk, first_disk, here, count, size, offset = END64.unpack(record)
    pairs = [(small.entries, count, MAX_16), (small.size, size, MAX_32), (small.offset, offset, MAX_32)]
    agree = all(narrow in {wide, most} for narrow, wide, most in pairs)
    if disk or first_disk or here != count or start + 12 + rest != at - LOCATOR.size or not agree:
        archive.refuse("has two directories that disagree", REPACK)
    return End(count, size, offset, start)


def _check(archive: Archive, end: End, limits: Limits) -> None:
    if end.offset + end.size > end.at:
        archive.refuse("is not a whole ZIP file: bytes are missing in front of its directory", WHOLE)
    if end.offset + end.size < end.at:
        archive.refuse("has bytes that belong to no entry, perhaps another ZIP file joined to it", REPACK)
    if end.entries > limits.zip_entries:
        problem = f"says that it has {end.entries:,} entries, more than {limits.zip_entries:,} (--max-zip-entries)"
        archive.refuse(problem, "unpack it and give the folder")
    if end.size > limits.zip_directory:
        archive.refuse(f"has a directory of {end.size:,} bytes", "unpack it and give the folder")
    if end.entries == 0:
        archive.refuse("is a ZIP file without files", "pack the dataset again")
