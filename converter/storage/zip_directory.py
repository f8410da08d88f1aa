"""What a ZIP file says it holds, and whether that can be believed: its entries, and that they share no bytes.

The central directory is read here and not by `zipfile`, which takes each entry for what
it says, costs half a kilobyte an entry before anything can be checked, and cuts names at
a zero byte. Nothing is accepted that two programs could read differently: then what
was checked would not be what somebody else unpacks.
"""

from __future__ import annotations

import os
import stat
from array import array
from struct import iter_unpack
from typing import NamedTuple

from converter.storage.limits import Limits
from converter.storage.names import is_ignored
from converter.storage.zip_end import REPACK, WHOLE, Archive, End, find_end
from converter.storage.zip_format import (
    CENTRAL,
    CENTRAL_MARK,
    ENCRYPTED,
    EXTRA64,
    LOCAL,
    MAX_16,
    MAX_32,
    METHODS,
    STORED,
    extra_field,
)
from converter.storage.zip_names import check_names, name_of, remarks

__all__ = ["MOST_DEFLATE", "Table", "read_directory"]

# deflate codes at most 258 bytes in two bits.
MOST_DEFLATE = 1032

_DOS_FOLDER = 0x10

_KINDS = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
}


class Table(NamedTuple):
    """The files of an archive, sorted by name, in columns: small to keep and to pickle.

    `ends` are upper bounds of the data: where the next entry, or the directory, begins.
    """

    names: list[str]
    offsets: array[int]
    ends: array[int]
    packed: array[int]
    sizes: array[int]
    crcs: array[int]
    methods: array[int]
    remarks: list[str]


class _Entries:
    """Every entry in the order of the directory, folders too, in columns."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.folders = bytearray()
        self.offsets, self.packed, self.sizes = array("Q"), array("Q"), array("Q")
        self.headers = array("L")  # least length of the local header
        self.crcs, self.methods = array("L"), array("H")
        self.guessed: list[str] = []


def read_directory(fd: int, label: str, limits: Limits) -> Table:
    """The table of the archive open at `fd`; SourceError, with `label` and the entry, for one that is refused."""
    archive = Archive(fd, os.fstat(fd).st_size, label)
    end = find_end(archive, limits)
    entries = _entries(archive, archive.bytes_at(end.offset, end.size), end)
    ends = _extents(archive, entries, end.offset)
    _check_total(archive, entries, limits)
    table = _table(entries, ends)
    check_names(archive, table.names)
    return table


# ---------------------------------------------------------------- the entries


def _entries(archive: Archive, directory: bytes, end: End) -> _Entries:
    """All entries, each one that can be read. A name that occurs twice ends the reading at once."""
    entries = _Entries()
    files: set[str] = set()
    folders: set[str] = set()
    at = 0
    while at < len(directory):
        fields, raw, extra, at = _record(archive, directory, at)
        name = name_of(archive, raw, fields[3], extra, entries.guessed)
        folder = _add(archive, entries, name, fields, raw, extra)
        if name in files or (not folder and name in folders):
            archive.refuse("occurs twice", REPACK, name)
        (folders if folder else files).add(name)
    if len(entries.names) != end.entries:
        archive.refuse(f"says that it has {end.entries:,} entries, and lists {len(entries.names):,}", WHOLE)
    return entries


def _record(archive: Archive, directory: bytes, at: int) -> tuple[tuple[int, ...], bytes, bytes, int]:
    """The fields, name and extra fields of the entry at `at`, and where the next one begins."""
    if len(directory) - at < CENTRAL.size or directory[at : at + 4] != CENTRAL_MARK:
        archive.refuse("has a damaged directory", WHOLE)
    fields = CENTRAL.unpack_from(directory, at)
    start = at + CENTRAL.size
    middle = start + fields[10]
    after = middle + fields[11]
    following = after + fields[12]
    if following > len(directory):
        archive.refuse("has a damaged directory", WHOLE)
    return fields, directory[start:middle], directory[middle:after], following


def _add(archive: Archive, entries: _Entries, name: str, fields: tuple[int, ...], raw: bytes, extra: bytes) -> bool:
    """Adds an entry once it is one that can be read, and says whether it is a folder."""
    _, _, _, flags, method, _, _, crc, packed, size, _, _, _, disk, _, attributes, offset = fields
    if MAX_32 in {packed, size, offset}:
        packed, size, offset = _wide(archive, name, extra, packed, size, offset)
    kind = stat.S_IFMT(attributes >> 16)
    if kind in _KINDS:
        archive.refuse(f"is {_KINDS[kind]}, not a file", "pack the files themselves", name)
    if disk not in {0, MAX_16}:
        archive.refuse("lies in another part of the archive", "join the parts first", name)
    folder = raw.endswith(b"/") or (size == 0 and (kind == stat.S_IFDIR or bool(attributes & _DOS_FOLDER)))
    if folder and size:
        archive.refuse("is a folder with content of its own", REPACK, name)
    if not folder:
        _check_data(archive, name, flags, method, packed, size)
    entries.names.append(name)
    entries.folders.append(folder)
    entries.offsets.append(offset)
    entries.headers.append(LOCAL.size + len(raw))
    entries.packed.append(packed)
    entries.sizes.append(size)
    entries.crcs.append(crc)
    entries.methods.append(method)
    return folder


def _check_data(archive: Archive, name: str, flags: int, method: int, packed: int, size: int) -> None:
    if flags & ENCRYPTED:
        archive.refuse("is encrypted", "pack it again without a password", name)
    if method not in METHODS:
        archive.refuse(f"is compressed by method {method}, which is not read", "pack it again with deflate", name)
    if packed != size if method == STORED else size > MOST_DEFLATE * packed:
        archive.refuse(f"cannot be {size:,} bytes unpacked from {packed:,}", REPACK, name)


def _wide(archive: Archive, name: str, extra: bytes, packed: int, size: int, offset: int) -> tuple[int, int, int]:
    """Packed size, size and offset, with those of the ZIP64 field for the ones that do not fit 32 bits."""
    values = [size, packed, offset]
    missing = [i for i, value in enumerate(values) if value == MAX_32]
    field = extra_field(extra, EXTRA64) or b""
    if len(field) < 8 * len(missing):
        archive.refuse("has a damaged ZIP64 size", WHOLE, name)
    for i, (value,) in zip(missing, iter_unpack("<Q", field[: 8 * len(missing)]), strict=True):
        values[i] = value
    size, packed, offset = values
    return packed, size, offset


# ---------------------------------------------------------------- sizes


def _extents(archive: Archive, entries: _Entries, stop: int) -> array[int]:
    """For each entry where the next one in the file begins.

    Entries may not share bytes: such files unpack to thousands of times their size
    (David Fifield, A better zip bomb, 2019). Bytes before the first are another file.
    """
    offsets, ends = entries.offsets, array("Q", bytes(8 * len(entries.offsets)))
    ordered = sorted(range(len(offsets)), key=offsets.__getitem__)
    if offsets[ordered[0]]:
        archive.refuse("has bytes in front of its first entry, perhaps another ZIP file", REPACK)
    for row, following in zip(ordered, [*(offsets[i] for i in ordered[1:]), stop], strict=True):
        if offsets[row] + entries.headers[row] + entries.packed[row] > following:
            archive.refuse("overlaps with what follows it", REPACK, entries.names[row])
        ends[row] = following
    return ends


def _check_total(archive: Archive, entries: _Entries, limits: Limits) -> None:
    size, packed = sum(entries.sizes), sum(entries.packed)
    if size > limits.zip_ratio_from and size > limits.zip_ratio * packed:
        problem = f"would unpack to {size:,} bytes {size // max(1, packed)} times its size (--max-zip-ratio)"
        archive.refuse(problem, "no dataset shrinks like that: unpack it by hand")


def _table(entries: _Entries, ends: array[int]) -> Table:
    names = entries.names
    kept = [i for i, folder in enumerate(entries.folders) if not folder and not is_ignored(names[i])]
    kept.sort(key=names.__getitem__)

    def column(values: array[int]) -> array[int]:
        return array(values.typecode, map(values.__getitem__, kept))

    return Table(
        list(map(names.__getitem__, kept)),
        column(entries.offsets),
        column(ends),
        column(entries.packed),
        column(entries.sizes),
        column(entries.crcs),
        column(entries.methods),
        remarks(entries.guessed),
    )
