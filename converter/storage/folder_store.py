"""Files in a folder: which there are, and reading them without leaving the folder or hanging.

Links are followed as long as they end inside the folder, as DVC and git-annex lay
datasets out. What a link, a FIFO or a device would bring in from elsewhere is never read.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

from converter.errors import SourceError
from converter.storage.limits import LISTS, Limits
from converter.storage.listing import Names
from converter.storage.names import is_ignored

__all__ = ["UNREADABLE", "FolderStore"]

# Not to hang on a FIFO; a link as the last part of a path is looked at before it is followed.
_SAFELY = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NOCTTY

_PIECE = 1 << 24
_KNOWN = 64  # folders whose real places are kept: files of one folder are read one after the other

_OUTSIDE = "is a link that points outside the dataset"
_BRING_IN = "copy the file into the dataset, or name the folder where the images really lie with --images DIR"
UNREADABLE = "cannot be read"  # the beginning of the reason

_KINDS = {
    stat.S_IFDIR: "is a folder, not a file",
    stat.S_IFIFO: "is a FIFO, not a file",
    stat.S_IFSOCK: "is a socket, not a file",
    stat.S_IFCHR: "is a device, not a file",
    stat.S_IFBLK: "is a device, not a file",
}


class _Refused(Exception):  # noqa: N818  -- an answer; it does not leave this module
    """Why a path is not read; the text continues "PATH ..."."""


class _Listing(NamedTuple):
    names: Names
    special: dict[str, str]


class FolderStore:
    """The files below `root` (absolute, without links). `name` is how the user calls it.

    A pickled store leaves its listing behind: a worker that only reads never lists.
    """

    remarks: list[str]

    def __init__(self, root: str, name: str, limits: Limits) -> None:
        self.root, self.name, self._limits = root, name, limits
        self.remarks = []
        self._listing: _Listing | None = None
        self._folders = {"": root}
        self._within = "/" if limits.links_outside else root  # where links may end

    def __getstate__(self) -> tuple[str, str, Limits]:
        return self.root, self.name, self._limits

    def __setstate__(self, state: tuple[str, str, Limits]) -> None:
        self.__init__(*state)  # type: ignore[misc]

    def label(self, path: str) -> str:
        return os.path.join(self.name, path) if path and self.name != "." else path or self.name

    def names(self) -> Sequence[str]:
        return self._list().names

    @property
    def special(self) -> dict[str, str]:
        """What lies there and is not read, with the reason."""
        return self._list().special

    def size(self, path: str) -> int:
        fd = self._open(path)
        try:
            return os.fstat(fd).st_size
        finally:
            os.close(fd)

    def read(self, path: str) -> bytes:
        fd = self._open(path)
        try:
            size = os.fstat(fd).st_size
            if size > self._limits.alone and not path.lower().endswith(LISTS):
                raise self._error(path, f"holds {size:,} bytes, too many for one image or what is drawn on it")
            return _read_all(fd, size)
        except OSError as error:
            raise self._error(path, _reason(error)) from None
        except MemoryError:
            raise self._error(path, f"holds {size:,} bytes, more than there is memory for") from None
        finally:
            os.close(fd)

    def open(self, path: str) -> BinaryIO:
        """SourceError for what is no plain file, or not inside."""
        return open(self._open(path), "rb")

    def stamps(self) -> Iterator[int]:
        """A number for each file, in the order of names: another when the file was written or replaced."""
        return (_stamp(f"{self.root}/{name}") for name in self.names())

    def local(self, path: str) -> Path:
        """Where the content really lies, links resolved."""
        os.close(self._open(path))
        try:
            return Path(_resolved(self._plain(path), self._within))
        except _Refused as refused:
            raise self._error(path, str(refused)) from None

    def verify(self, path: str) -> None:
        """Nothing to compare with: a file system keeps no checksums."""

    def _error(self, path: str, reason: str) -> SourceError:
        remedy = _BRING_IN if reason == _OUTSIDE else ""
        return SourceError(self.label(path), reason, remedy=remedy)

    def _list(self) -> _Listing:
        if self._listing is None:
            self._listing = _listed(self.root, self._within, self.name, self._limits)
        return self._listing

    # ------------------------------------------------------------ one path

    def _open(self, path: str) -> int:
        try:
            return self._descriptor(self._plain(path))
        except _Refused as refused:
            raise self._error(path, str(refused)) from None

    def _plain(self, path: str) -> str:
        """The place of a path, links resolved but for the last part."""
        folder, _, name = path.rpartition("/")
        if self._listing is not None and path in self._listing.special:
            raise _Refused(self._listing.special[path])
        if name in {"", ".", ".."} or "\0" in path or not _encodable(path):
            raise _Refused("there is no such file")
        found = self._folders.get(folder)
        if found is None:
            if len(self._folders) == _KNOWN:
                self._folders.clear()
            found = self._folders[folder] = _resolved(os.path.join(self.root, folder), self._within)
        return f"{found}/{name}"

    def _descriptor(self, plain: str) -> int:
        try:
            fd = os.open(plain, _SAFELY)
        except OSError as error:
            if error.errno == errno.ELOOP:  # a link; what it ends at is none, if nobody changes it now
                return self._descriptor(_resolved(plain, self._within))
            raise _Refused(_kind_of(plain) or _reason(error)) from None
        kind = stat.S_IFMT(os.fstat(fd).st_mode)
        if kind != stat.S_IFREG:
            os.close(fd)
            raise _Refused(_KINDS.get(kind, "is not a file"))
        return fd


def _encodable(path: str) -> bool:
    """Whether a path can be given to the system; JSON can hold surrogates that stand for no byte."""
    try:
        return path.isascii() or bool(os.fsencode(path))
    except UnicodeEncodeError:
        return False


def _stamp(path: str) -> int:
    try:
        about = os.stat(path)
    except OSError:
        return 0
    return hash((about.st_size, about.st_mtime_ns, about.st_ino, about.st_dev))


def _read_all(fd: int, size: int) -> bytes:
    data = os.read(fd, size + 1)
    if len(data) == size:
        return data
    pieces = [data]  # large, or growing
    while piece := os.read(fd, _PIECE):
        pieces.append(piece)
    return b"".join(pieces)


def _kind_of(real: str) -> str | None:
    try:
        return _KINDS.get(stat.S_IFMT(os.lstat(real).st_mode))
    except OSError:
        return None


def _resolved(path: str, within: str) -> str:
    """Where a path ends when links are followed; refused when that is not within."""
    try:
        real = os.path.realpath(path, strict=True)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise _Refused("is a link that leads back to itself") from None
        if error.errno == errno.ENOENT and os.path.islink(path):
            raise _Refused("is a link to nothing") from None
        raise _Refused(_reason(error)) from None
    if not _inside(real, within):
        raise _Refused(_OUTSIDE)
    return real


def _inside(real: str, folder: str) -> bool:
    return real == folder or real.startswith(folder.rstrip("/") + "/")


def _reason(error: OSError) -> str:
    if error.errno in {errno.ENOENT, errno.ENOTDIR}:
        return "there is no such file"
    return f"{UNREADABLE}: {(error.strerror or str(error)).lower()}"


# ---------------------------------------------------------------- the listing


class _Folder(NamedTuple):
    """A folder to be looked into. `above` are the real places of the folders that lead here, and its own."""

    path: str
    real: str
    above: tuple[str, ...]


def _listed(root: str, within: str, name: str, limits: Limits) -> _Listing:
    walk = _Walk(within, name, limits)
    return _Listing(Names(walk.files(_Folder("", root, (root,)))), walk.special)


class _Walk:
    """The way through all folders; `special` is what was met that is not read."""

    def __init__(self, within: str, name: str, limits: Limits) -> None:
        self.within, self.name, self.limits = within, name, limits
        self.special: dict[str, str] = {}
        self.met = 0

    def files(self, folder: _Folder) -> Iterator[str]:
        """The files below a folder, in code point order of their whole paths."""
        way = [iter(self._sorted(folder))]
        while way:
            found = next(way[-1], None)
            if found is None:
                way.pop()
            elif isinstance(found, str):
                yield found
            else:
                way.append(iter(self._sorted(found)))

    def _sorted(self, folder: _Folder) -> list[str | _Folder]:
        """Files and folders, each folder where the files in it belong."""
        found: list[str | _Folder] = []
        for entry in _entries(folder, self.name, self.special):
            self.met += 1
            if self.met > self.limits.files:
                problem = f"holds more than {self.limits.files:,} files"
                raise SourceError(self.name, problem, remedy="name a folder inside it")
            path = f"{folder.path}/{entry.name}" if folder.path else entry.name
            if is_ignored(entry.name):
                continue
            try:
                below = _look(entry, path, folder, self.within)
            except _Refused as refused:
                self.special[_printable(path)] = str(refused)
                continue
            found.append(path if below is None else below)
        found.sort(key=lambda each: each if isinstance(each, str) else f"{each.path}/")
        return found


def _entries(folder: _Folder, name: str, special: dict[str, str]) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder.real) as entries:
            yield from entries
    except OSError as error:
        if not folder.path:
            raise SourceError(name, _reason(error)) from None
        special[folder.path] = _reason(error)


def _look(entry: os.DirEntry[str], path: str, folder: _Folder, within: str) -> _Folder | None:
    """None for a file, else the folder that it is; _Refused for anything else."""
    if not path.isascii() and _printable(path) != path:
        raise _Refused("has a name that is not valid UTF-8")
    try:
        if entry.is_file(follow_symlinks=False):
            return None
        if entry.is_dir(follow_symlinks=False):
            return _Folder(path, entry.path, (*folder.above, entry.path))
        mode = os.stat(real := _end(entry, within), follow_symlinks=False).st_mode
    except OSError as error:
        raise _Refused(_reason(error)) from None
    if stat.S_ISREG(mode):
        return None
    if not stat.S_ISDIR(mode):
        raise _Refused(_KINDS.get(stat.S_IFMT(mode), "is not a file"))
    if real in folder.above:
        raise _Refused("is a link to a folder that it lies in")
    return _Folder(path, real, (*folder.above, real))


def _end(entry: os.DirEntry[str], within: str) -> str:
    return _resolved(entry.path, within) if entry.is_symlink() else entry.path


def _printable(path: str) -> str:
    """Lone surrogates, which stand for bytes that are no UTF-8, as escapes: they fit no output."""
    return path.encode("utf-8", "backslashreplace").decode()
