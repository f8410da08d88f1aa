"""Where bytes come from: a folder, or a ZIP file that is read in place.

    source = open_source("export.zip")
    for path in source.names():
        data = source.read(path)

Paths are relative, have `/`, and sort by code point. Whatever is wrong with a file is a
SourceError that says which, by a name that the user can find.
"""

from __future__ import annotations

import hashlib
import os
import stat
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Protocol, TypeVar

from converter.errors import SourceError
from converter.stand_ins import HEAD, stand_in
from converter.storage.folder_store import FolderStore
from converter.storage.limits import Limits, current_limits
from converter.storage.listing import place_among
from converter.storage.zip_store import ZipStore

__all__ = ["Source", "Store", "hash_file", "open_source"]

T = TypeVar("T")


_PIECE = 1 << 20
_KEPT = 8  # files: that of each split


class Store(Protocol):
    """What lies behind a source. Picklable; safe in threads and after a fork."""

    @property
    def remarks(self) -> list[str]: ...
    @property
    def special(self) -> dict[str, str]: ...
    def names(self) -> Sequence[str]: ...
    def label(self, path: str) -> str: ...
    def size(self, path: str) -> int: ...
    def read(self, path: str) -> bytes: ...
    def open(self, path: str) -> BinaryIO: ...
    def local(self, path: str) -> Path | None: ...
    def verify(self, path: str) -> None: ...


class _Memory:
    """The files that were read last, and what was made of them and of all, for as long as somebody wants that."""

    def __init__(self) -> None:
        self.wanted = False
        self.facts: dict[tuple[str, Callable[[Any], Any]], Any] = {}
        self.files: dict[str, tuple[bytes, dict[Callable[[bytes, str], Any], Any]]] = {}

    def file(self, store: Store, path: str) -> tuple[bytes, dict[Callable[[bytes, str], Any], Any]]:
        found = self.files.pop(path, None) or (store.read(path), {})
        if self.wanted:
            self.files[path] = found  # as the last
            if len(self.files) > _KEPT:
                del self.files[next(iter(self.files))]
        return found


class Source:
    """The files of a store, or of one folder in it.

    `entry` is the file that the user named, when it was a file. Left out throughout are
    hidden files and folders, and what systems leave behind (`__MACOSX/`, `Thumbs.db`).
    """

    def __init__(self, store: Store, prefix: str = "", entry: str | None = None, memory: _Memory | None = None) -> None:
        self._store, self._prefix, self.entry = store, prefix, entry
        self._memory = memory or _Memory()
        self._names: Sequence[str] | None = None

    def __getstate__(self) -> tuple[Store, str, str | None]:
        return self._store, self._prefix, self.entry

    def __setstate__(self, state: tuple[Store, str, str | None]) -> None:
        self.__init__(*state)  # type: ignore[misc]

    def __repr__(self) -> str:
        return f"<Source {self.name}>"

    # ------------------------------------------------------------ what there is

    @property
    def name(self) -> str:
        """For messages: as the user typed it."""
        return self._store.label(self._prefix.rstrip("/"))

    @property
    def remarks(self) -> list[str]:
        """What was assumed while listing, as sentences without the name of the source."""
        return self._store.remarks

    @property
    def special(self) -> dict[str, str]:
        """Path -> why it is not read, for what lies there and is no file of the dataset."""
        start = len(self._prefix)
        return {p[start:]: why for p, why in self._store.special.items() if p.startswith(self._prefix)}

    def names(self) -> Sequence[str]:
        """Every file, listed once."""
        if self._names is None:
            names, start = self._store.names(), len(self._prefix)
            self._names = [name[start:] for name in _below(names, self._prefix)] if start else names
        return self._names

    def listed(self) -> Sequence[str]:
        """Every file, and what is none: reading that says why."""
        return sorted({*self.names(), *self.special}) if self.special else self.names()

    def __contains__(self, path: object) -> bool:
        return isinstance(path, str) and self.place(path) is not None

    def place(self, path: str) -> int | None:
        """Where a path stands among `names`, which is all that need be kept of it; None when it is not there."""
        names = self.names()
        at = place_among(names, path)
        return at if at < len(names) and names[at] == path else None

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def under(self, folder: str) -> Sequence[str]:
        """Every file below a folder, at any depth; "" is the whole source."""
        return _below(self.names(), f"{folder}/") if folder else self.names()

    def files_in(self, folder: str = "") -> list[str]:
        """The files that lie in a folder itself, as paths of this source."""
        names, prefix = self.names(), f"{folder}/" if folder else ""
        files, at = [], place_among(names, prefix)
        while at < len(names) and names[at].startswith(prefix):
            name = names[at]
            below, inside, _ = name[len(prefix) :].partition("/")
            if inside:
                at = _end_of(names, f"{prefix}{below}/")
            else:
                files.append(name)
                at += 1
        return files

    def top_folder(self) -> str | None:
        """The one folder that every file lies below; None when there is no such folder."""
        names = self.names()
        tops = {name.partition("/")[0] for name in (names[0], names[-1])} if names else set()
        # Sorted names between two that begin alike begin like them.
        return tops.pop() if len(tops) == 1 and "/" in names[0] else None

    def below(self, folder: str) -> Source:
        """The view from a folder of this source: its path is taken off, the bytes are the same."""
        below = folder.strip("/")
        return Source(self._store, f"{self._prefix}{below}/", memory=self._memory) if below else self

    # ------------------------------------------------------------ one file

    def label(self, path: str) -> str:
        """For messages: the path with the source's name in front."""
        return self._store.label(self._prefix + path)

    def size(self, path: str) -> int:
        """In bytes, unpacked."""
        return self._store.size(self._prefix + path)

    def read(self, path: str) -> bytes:
        return self._memory.file(self._store, self._prefix + path)[0]

    def once(self, path: str, make: Callable[[bytes, str], T]) -> T:
        """`make(content, label)` of a file; within `remembering` made once, by whomever it is asked for."""
        data, made = self._memory.file(self._store, self._prefix + path)
        if make not in made:
            made[make] = make(data, self.label(path))
        value: T = made[make]
        return value

    def known(self, make: Callable[[Source], T]) -> T:
        """`make(source)`; within `remembering` made once, by whomever it is asked for."""
        key = (self._prefix, make)
        if key in self._memory.facts:
            value: T = self._memory.facts[key]
            return value
        value = make(self)
        if self._memory.wanted:
            self._memory.facts[key] = value
        return value

    @contextmanager
    def remembering(self) -> Iterator[None]:
        """Keep what is read last: many formats look at one file, which may be large, to see whose it is."""
        self._memory.wanted = True
        try:
            yield
        finally:
            self._memory.wanted = False
            self._memory.files.clear()
            self._memory.facts.clear()

    def open(self, path: str) -> BinaryIO:
        """A stream that is read forward; use it for files that need not fit in memory."""
        return self._store.open(self._prefix + path)

    def local(self, path: str) -> Path | None:
        """The real file, for links to it; None inside a ZIP."""
        return self._store.local(self._prefix + path)

    def verify(self, paths: Iterable[str]) -> None:
        """SourceError if one of the files is not what its archive says; costs nothing in a folder.

        Reading does the same, so this is for files that nobody reads.
        """
        for path in paths:
            self._store.verify(self._prefix + path)

    def stamps(self) -> array[int]:
        """What `changed` compares: sizes and times of all files, in 8 bytes each."""
        return array("q", self._stamps())

    def changed(self, before: array[int]) -> list[str]:
        """The files, as labels, that were written or replaced since `before` was taken; of a ZIP the ZIP."""
        now = self.stamps()
        names = self._store.names() if len(now) == len(self._store.names()) > 1 else [""]
        return [self._store.label(n) for n, a, b in zip(names, before, now, strict=False) if a != b]

    def _stamps(self) -> Iterable[int]:
        """Stores that only stand before another have none."""
        return self._store.stamps() if isinstance(self._store, FolderStore | ZipStore) else []


def _below(names: Sequence[str], prefix: str) -> Sequence[str]:
    return names[place_among(names, prefix) : _end_of(names, prefix)]


def _end_of(names: Sequence[str], prefix: str) -> int:
    """The place after the last name below a folder; "0" is the character after "/"."""
    return place_among(names, prefix[:-1] + "0")


def hash_file(source: Source, path: str) -> str:
    """SHA-256 of a file, in hex; memory stays small."""
    with source.open(path) as stream:
        digest = hashlib.sha256()
        while piece := stream.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()


# ---------------------------------------------------------------- opening


def open_source(path: str | Path, limits: Limits | None = None, *, name: str | None = None) -> Source:
    """The source at a folder, a ZIP file (known by its content), or any other file.

    Of another file, such as a coco.json, it is the source of the folder around it, with
    `entry` set. `name` replaces the path in messages. Raises SourceError for what is not
    there, cannot be read, or is a ZIP file that is not safe to read.
    """
    shown, limits = name or os.fspath(path), limits or current_limits()
    try:
        mode = os.stat(path).st_mode
        if stat.S_ISDIR(mode):
            return Source(_folder(path, shown, limits))
        if not stat.S_ISREG(mode):
            raise SourceError(shown, "is neither a folder nor a file")
        if _is_zip(path):
            return Source(ZipStore(os.path.abspath(path), shown, limits))
    except (OSError, ValueError) as error:
        raise SourceError(shown, _reason(error)) from None
    if os.fspath(path).lower().endswith(".zip"):
        with open(path, "rb") as file:
            if (told := stand_in(file.read(HEAD), shown)) is not None:
                raise told
        raise SourceError(shown, "is not a ZIP file: it does not begin like one", remedy="copy or download it again")
    parent, entry = os.path.split(path)
    return Source(_folder(parent or ".", os.path.dirname(shown) or ".", limits), entry=entry)


def _folder(path: str | Path, shown: str, limits: Limits) -> FolderStore:
    return FolderStore(os.path.realpath(path), shown.rstrip("/") or "/", limits)


def _is_zip(path: str | Path) -> bool:
    with open(path, "rb") as file:
        return file.read(4) in {b"PK\3\4", b"PK\5\6", b"PK\6\6"}


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return "there is no such file or folder"
    if isinstance(error, OSError):
        return f"cannot be read: {(error.strerror or str(error)).lower()}"
    return "is no path: it has a zero byte in it"
