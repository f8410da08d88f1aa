"""What a ZIP file says it holds, and whether that can be believed.

The central directory is read here and not by `zipfile`, which takes each entry for what
it says, costs half a kilobyte an entry before anything can be checked, and cuts names at
a zero byte. Nothing is accepted that two programs could read differently: then what
was checked would not be what somebody else unpacks.
"""

from __future__ import annotations

import os
import stat
import zlib
from array import array
from collections.abc import Iterator
from itertools import islice
from struct import iter_unpack, unpack_from
from typing import NamedTuple, NoReturn

from converter.errors import SourceError
from converter.storage.limits import Limits
from converter.storage.names import Portable, clean, is_ignored
from converter.storage.zip_format import (
    CENTRAL,
    CENTRAL_MARK,
    ENCRYPTED,
    END,
    END64,
    END64_MARK,
    END_MARK,
    EXTRA64,
    LOCAL,
    LOCATOR,
    LOCATOR_MARK,
    MAX_16,
    MAX_32,
    METHODS,
    STORED,
    UTF8,
)

__all__ = ["MOST_DEFLATE", "Table", "decoded_name", "read_directory"]

# deflate codes at most 258 bytes in two bits.
MOST_DEFLATE = 1032

_SHOWN = 4  # problems named in one message

_UNICODE_PATH = 0x7075  # Info-ZIP's extra field; APPNOTE 4.6.9
_DOS_FOLDER = 0x10

_KINDS = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
}

_WHOLE = "copy or download it again"
_REPACK = "pack it again with a current tool"


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


class _End(NamedTuple):
    entries: int
    size: int
    offset: int
    at: int  # where the end records begin


class _Archive(NamedTuple):
    """An open file, and how to speak of it."""

    fd: int
    size: int
    label: str

    def bytes_at(self, offset: int, length: int) -> bytes:
        return os.pread(self.fd, length, offset) if 0 <= offset <= self.size else b""

    def refuse(self, problem: str, remedy: str, place: str = "") -> NoReturn:
        raise SourceError(self.label, problem, place=place, remedy=remedy)


def read_directory(fd: int, label: str, limits: Limits) -> Table:
    """The table of the archive open at `fd`; SourceError, with `label` and the entry, for one that is refused."""
    archive = _Archive(fd, os.fstat(fd).st_size, label)
    end = _find_end(archive)
    _check_end(archive, end, limits)
    entries = _entries(archive, archive.bytes_at(end.offset, end.size), end)
    ends = _extents(archive, entries, end.offset)
    _check_total(archive, entries, limits)
    table = _table(entries, ends)
    _check_names(archive, table.names)
    return table


# ---------------------------------------------------------------- the end of the file


def _find_end(archive: _Archive) -> _End:
    """The end records: the one place where they fit to the last byte of the file."""
    start = max(0, archive.size - END.size - MAX_16)
    tail = archive.bytes_at(start, archive.size - start)
    found = [at for at in _occurrences(tail, END_MARK) if _fits(tail, at)]
    if not found:
        archive.refuse("is not a whole ZIP file: its end is missing", _WHOLE)
    if len(found) > 1:
        archive.refuse("has two directories in it", _REPACK)
    at = start + found[0]
    _, disk, first_disk, here, count, size, offset, _ = END.unpack_from(tail, found[0])
    end = _end64(archive, at, _End(count, size, offset, at))
    if disk or first_disk or (here != count):
        archive.refuse("is one part of several", "join the parts first")
    return end


def _occurrences(data: bytes, mark: bytes) -> Iterator[int]:
    at = data.find(mark)
    while at >= 0:
        yield at
        at = data.find(mark, at + 1)


def _fits(tail: bytes, at: int) -> bool:
    return len(tail) - at >= END.size and at + END.size + END.unpack_from(tail, at)[7] == len(tail)


def _end64(archive: _Archive, at: int, small: _End) -> _End:
    """`small` with the 64-bit numbers, if the file has such a record before its end at `at`."""
    locator = archive.bytes_at(at - LOCATOR.size, LOCATOR.size)
    if not locator.startswith(LOCATOR_MARK):
        if small.entries == MAX_16 or MAX_32 in {small.size, small.offset}:
            archive.refuse("says that it has a ZIP64 directory, which is missing", _WHOLE)
        return small
    _, disk, start, disks = LOCATOR.unpack(locator)
    record = archive.bytes_at(start, END64.size)
    if len(record) < END64.size or record[:4] != END64_MARK or disk or disks > 1:
        archive.refuse("has a damaged ZIP64 directory", _WHOLE)
    _, rest, _, _, disk, first_disk, here, count, size, offset = END64.unpack(record)
    pairs = [(small.entries, count, MAX_16), (small.size, size, MAX_32), (small.offset, offset, MAX_32)]
    agree = all(narrow in {wide, most} for narrow, wide, most in pairs)
    if disk or first_disk or here != count or start + 12 + rest != at - LOCATOR.size or not agree:
        archive.refuse("has two directories that disagree", _REPACK)
    return _End(count, size, offset, start)


def _check_end(archive: _Archive, end: _End, limits: Limits) -> None:
    if end.offset + end.size > end.at:
        archive.refuse("is not a whole ZIP file: bytes are missing in front of its directory", _WHOLE)
    if end.offset + end.size < end.at:
        archive.refuse("has bytes that belong to no entry, perhaps another ZIP file joined to it", _REPACK)
    if end.entries > limits.zip_entries:
        problem = f"says that it has {end.entries:,} entries, more than {limits.zip_entries:,} (--max-zip-entries)"
        archive.refuse(problem, "unpack it and give the folder")
    if end.size > limits.zip_directory:
        archive.refuse(f"has a directory of {end.size:,} bytes", "unpack it and give the folder")
    if end.entries == 0:
        archive.refuse("is a ZIP file without files", "pack the dataset again")


# ---------------------------------------------------------------- the entries


def _entries(archive: _Archive, directory: bytes, end: _End) -> _Entries:
    """All entries, each one that can be read. A name that occurs twice ends the reading at once."""
    entries = _Entries()
    files: set[str] = set()
    folders: set[str] = set()
    at = 0
    while at < len(directory):
        fields, raw, extra, at = _record(archive, directory, at)
        name = _name(archive, raw, fields[3], extra, entries.guessed)
        folder = _add(archive, entries, name, fields, raw, extra)
        if name in files or (not folder and name in folders):
            archive.refuse("occurs twice", _REPACK, name)
        (folders if folder else files).add(name)
    if len(entries.names) != end.entries:
        archive.refuse(f"says that it has {end.entries:,} entries, and lists {len(entries.names):,}", _WHOLE)
    return entries


def _record(archive: _Archive, directory: bytes, at: int) -> tuple[tuple[int, ...], bytes, bytes, int]:
    """The fields, name and extra fields of the entry at `at`, and where the next one begins."""
    if len(directory) - at < CENTRAL.size or directory[at : at + 4] != CENTRAL_MARK:
        archive.refuse("has a damaged directory", _WHOLE)
    fields = CENTRAL.unpack_from(directory, at)
    start = at + CENTRAL.size
    middle = start + fields[10]
    after = middle + fields[11]
    following = after + fields[12]
    if following > len(directory):
        archive.refuse("has a damaged directory", _WHOLE)
    return fields, directory[start:middle], directory[middle:after], following


def _add(archive: _Archive, entries: _Entries, name: str, fields: tuple[int, ...], raw: bytes, extra: bytes) -> bool:
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
        archive.refuse("is a folder with content of its own", _REPACK, name)
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


def _check_data(archive: _Archive, name: str, flags: int, method: int, packed: int, size: int) -> None:
    if flags & ENCRYPTED:
        archive.refuse("is encrypted", "pack it again without a password", name)
    if method not in METHODS:
        archive.refuse(f"is compressed by method {method}, which is not read", "pack it again with deflate", name)
    if packed != size if method == STORED else size > MOST_DEFLATE * packed:
        archive.refuse(f"cannot be {size:,} bytes unpacked from {packed:,}", _REPACK, name)


def _wide(archive: _Archive, name: str, extra: bytes, packed: int, size: int, offset: int) -> tuple[int, int, int]:
    """Packed size, size and offset, with those of the ZIP64 field for the ones that do not fit 32 bits."""
    values = [size, packed, offset]
    missing = [i for i, value in enumerate(values) if value == MAX_32]
    field = _field(extra, EXTRA64) or b""
    if len(field) < 8 * len(missing):
        archive.refuse("has a damaged ZIP64 size", _WHOLE, name)
    for i, (value,) in zip(missing, iter_unpack("<Q", field[: 8 * len(missing)]), strict=True):
        values[i] = value
    size, packed, offset = values
    return packed, size, offset


def _field(extra: bytes, kind: int) -> bytes | None:
    at = 0
    while at + 4 <= len(extra):
        found, length = unpack_from("<2H", extra, at)
        if found == kind:
            return extra[at + 4 : at + 4 + length]
        at += 4 + length
    return None


# ---------------------------------------------------------------- names


def _name(archive: _Archive, raw: bytes, flags: int, extra: bytes, guessed: list[str]) -> str:
    """The clean name; also added to `guessed` when its encoding is not certain."""
    if raw == b"./":
        return "."
    shown = raw.decode("utf-8", "backslashreplace") or "entry without a name"
    try:
        name, sure = decoded_name(raw, flags, extra)
        if "\\" in name:
            remedy = "pack it again with '/' between folders"
            archive.refuse("has a backslash in its name, as old Windows tools write it", remedy, shown)
        if ".." in name and ".." in name.split("/"):
            archive.refuse("climbs with '..'", "pack the dataset folder itself", shown)
        if not sure:
            guessed.append(name)
        return clean(name)
    except ValueError as error:
        archive.refuse(str(error), _REPACK, shown)


def decoded_name(raw: bytes, flags: int, extra: bytes) -> tuple[str, bool]:
    """The name of an entry as text, and whether its encoding is certain.

    Bit 11 means UTF-8, and so does Info-ZIP's Unicode path when it belongs to this name.
    Without them the standard says code page 437, but most tools of today leave UTF-8: so
    UTF-8 where the bytes are that, else 437. Raises ValueError when bit 11 lies.
    """
    if raw.isascii():
        return raw.decode("ascii"), True
    if flags & UTF8:
        return _utf8(raw), True
    path = _field(extra, _UNICODE_PATH) or b""
    if path[:1] == b"\1" and path[1:5] == zlib.crc32(raw).to_bytes(4, "little"):
        return _utf8(path[5:]), True
    try:
        return raw.decode("utf-8"), False
    except UnicodeDecodeError:
        return raw.decode("cp437"), False


def _utf8(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError("is marked as UTF-8 and is not") from None


def _check_names(archive: _Archive, names: list[str]) -> None:
    """Refuses archives that do not unpack to the same files everywhere, or hold no dataset at this level."""
    if not names:
        archive.refuse("is a ZIP file without files", "pack the dataset again")
    tree = Portable()
    problems = list(islice((problem for name in names for problem in tree.add(name)), _SHOWN))
    if problems:
        first, *others = problems
        also = ", and more names are refused: " + ", ".join(name for p in others for name in p.names) if others else ""
        archive.refuse(first.problem + also, "rename and pack again", ", ".join(first.names))
    if all(name.lower().endswith(".zip") for name in names):
        archive.refuse(f"holds nothing but ZIP files ({names[0]})", "an inner ZIP file is not unpacked: do that first")


def _remarks(guessed: list[str]) -> list[str]:
    if not guessed:
        return []
    names = "1 name is" if len(guessed) == 1 else f"{len(guessed):,} names are"
    return [f"{names} not marked as UTF-8 and read as such where possible, else as code page 437: {guessed[0]}"]


# ---------------------------------------------------------------- sizes


def _extents(archive: _Archive, entries: _Entries, stop: int) -> array[int]:
    """For each entry where the next one in the file begins.

    Entries may not share bytes: such files unpack to thousands of times their size
    (David Fifield, A better zip bomb, 2019). Bytes before the first are another file.
    """
    offsets, ends = entries.offsets, array("Q", bytes(8 * len(entries.offsets)))
    ordered = sorted(range(len(offsets)), key=offsets.__getitem__)
    if offsets[ordered[0]]:
        archive.refuse("has bytes in front of its first entry, perhaps another ZIP file", _REPACK)
    for row, following in zip(ordered, [*(offsets[i] for i in ordered[1:]), stop], strict=True):
        if offsets[row] + entries.headers[row] + entries.packed[row] > following:
            archive.refuse("overlaps with what follows it", _REPACK, entries.names[row])
        ends[row] = following
    return ends


def _check_total(archive: _Archive, entries: _Entries, limits: Limits) -> None:
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
        _remarks(entries.guessed),
    )
