"""Where bytes go: a folder or a ZIP file that appears whole or not at all.

    with open_target("out.zip") as target:
        target.write("images/a.png", data)
        with target.stream("coco.json") as file:
            ...
        target.finish()          # target.staged() can be read and checked from here on
        target.commit()          # now it is there

Leaving the block without commit leaves nothing. Whatever the system refuses (no space, no
permission) is a TargetError of one line.

A ZIP file is on the disk before it gets its name, and so is what was written to a folder as
a stream. Of the many small files in a folder that is not made sure, as it would cost a disk
access each: they outlast a program that is killed, but perhaps not a power cut.
"""

from __future__ import annotations

import functools
import os
import struct
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import BinaryIO

from converter.errors import TargetError
from converter.storage.folder_writer import Digest, FolderWriter, How, check_path
from converter.storage.journal import Journal
from converter.storage.moves import sync
from converter.storage.names import Portable
from converter.storage.source import Source
from converter.storage.spool import Spool
from converter.storage.staging import Place, failed, journal_of, staged
from converter.storage.zip_writer import ZipWriter

__all__ = ["FolderTarget", "Target", "ZipTarget", "check_apart", "check_spared", "open_target"]

# Larger files are copied piece by piece.
_WHOLE = 8 << 20


class Target(ABC):
    """Output in the making. Paths are clean, relative, with `/`; each is written once."""

    def __init__(self, place: Place, staging: str) -> None:
        self._place, self._staging = place, staging
        self._finished = self._committed = False
        self._spools: list[Spool] = []
        self.journal: Journal | None = Journal(journal_of(staging)) if place.resume else None

    @property
    def name(self) -> str:
        """For messages: as the user typed it."""
        return self._place.label

    @abstractmethod
    def write(self, path: str, data: bytes) -> None:
        """Writes a whole file."""

    @abstractmethod
    def copy(
        self, path: str, source: Source, source_path: str, how: How = "copy", digest: Digest | None = None
    ) -> None:
        """Takes a file over from a source, byte for byte; `digest` is updated with what was copied."""

    @abstractmethod
    def stream(self, path: str) -> AbstractContextManager[BinaryIO]:
        """A file that is written bit by bit; several may be open. An exception leaves no such file."""

    @abstractmethod
    def writer(self) -> FolderWriter | None:
        """What a worker process may write with by itself; None when all has to come through here."""

    def spool(self) -> Spool:
        """A place for what is to become part of a file later; what is more than a little waits on the same disk."""
        self._spools.append(Spool(os.path.dirname(self._staging), self.name))
        return self._spools[-1]

    def mark(self) -> int:
        """How much has been written; `rewind` takes back what was written after it."""
        return 0

    @abstractmethod
    def rewind(self, mark: int) -> None:
        """Go on from `mark` of an earlier run. What that run wrote later may be written again."""

    def staged(self) -> Path:
        """Where the output lies until commit; complete after finish."""
        return Path(self._staging)

    def finish(self) -> None:
        """Completes what is staged, so that it can be read back; nothing can be written after it."""
        if not self._finished:
            self._finished = True
            try:
                self._complete()
            except OSError as error:
                raise failed(self.name, error) from None

    def commit(self) -> None:
        """Puts the output in its place. TargetError, and everything as before, if that has been taken since."""
        if self._committed:
            return
        self.finish()
        try:
            self._sync()
        except OSError as error:
            raise failed(self.name, error) from None
        self._place.put(self._staging)
        self._committed = True
        if self.journal is not None:
            self.journal.remove()

    def close(self) -> None:
        """Lets go of open files; what is staged stays."""
        for spool in self._spools:
            spool.close()
        if self.journal is not None:
            self.journal.close()

    @abstractmethod
    def _complete(self) -> None: ...

    @abstractmethod
    def _sync(self) -> None: ...

    def _expect_open(self) -> None:
        if self._finished:
            raise RuntimeError(f"{self.name}: written to after finish")


class FolderTarget(Target):
    """A folder. Its names are whatever this file system can hold: it held those of the source."""

    def __init__(self, place: Place, staging: str) -> None:
        super().__init__(place, staging)
        self._writer = FolderWriter(staging, place.label)

    def write(self, path: str, data: bytes) -> None:
        self._expect_open()
        self._writer.write(path, data)

    def copy(
        self, path: str, source: Source, source_path: str, how: How = "copy", digest: Digest | None = None
    ) -> None:
        self._expect_open()
        self._writer.copy(path, source, source_path, how, digest)

    def stream(self, path: str) -> AbstractContextManager[BinaryIO]:
        self._expect_open()
        return self._writer.stream(path)

    def writer(self) -> FolderWriter:
        return self._writer

    def rewind(self, mark: int) -> None:
        del mark  # files are found again by their names
        self._writer.replace = True

    def _complete(self) -> None:
        pass

    def _sync(self) -> None:
        sync(self._staging)


class ZipTarget(Target):
    """A ZIP file. It travels, so its names have to be possible on every system."""

    def __init__(self, place: Place, staging: str) -> None:
        super().__init__(place, staging)
        self._names = Portable()
        self._zip = ZipWriter(staging)

    def write(self, path: str, data: bytes) -> None:
        self._expect_open()
        self._take(path)
        try:
            self._zip.write(path, data)
        except OSError as error:
            raise self._failed(path, error) from None

    def copy(
        self, path: str, source: Source, source_path: str, how: How = "copy", digest: Digest | None = None
    ) -> None:
        if how != "copy":
            raise TargetError(f"{self.name}: a ZIP file holds no {how}s; use --image-files copy, or a folder")
        if source.size(source_path) <= _WHOLE:
            data = source.read(source_path)
            if digest is not None:
                digest.update(data)
            self.write(path, data)
            return
        with source.open(source_path) as file, self.stream(path) as out:
            while piece := file.read(_WHOLE):
                if digest is not None:
                    digest.update(piece)
                out.write(piece)

    @contextmanager
    def stream(self, path: str) -> Iterator[BinaryIO]:
        self._expect_open()
        self._take(path)
        try:
            with self._zip.stream(path) as file:
                yield file
        except OSError as error:
            raise self._failed(path, error) from None

    def writer(self) -> None:
        return None

    def _take(self, path: str) -> None:
        """Refuses a path that is not clean, taken, or not portable, before a byte is written."""
        check_path(self.name, path)
        for problem in self._names.add(path):
            names = ", ".join(problem.names)
            raise TargetError(f"{self.name}: {names}: {problem.problem}; rename in the source")

    def _failed(self, path: str, error: OSError) -> TargetError:
        return failed(f"{self.name}/{path}", error)

    def mark(self) -> int:
        return self._zip.size

    def rewind(self, mark: int) -> None:
        try:
            names = self._zip.rewind(mark)
        except (ValueError, struct.error) as error:
            raise TargetError(f"{self._staging}: {error}; run once without --resume to begin anew") from None
        except OSError as error:
            raise failed(self.name, error) from None
        for name in names:
            self._names.add(name)

    def close(self) -> None:
        self._zip.close()
        super().close()

    def _complete(self) -> None:
        self._zip.finish()

    def _sync(self) -> None:
        sync(self._staging)


@contextmanager
def open_target(path: str | Path, *, overwrite: bool = False, resume: bool = False) -> Iterator[Target]:
    """A ZIP file if the name ends in .zip, else a folder; parent folders are made as needed.

    Raises TargetError on entering if something lies there: with `overwrite` a file gives
    way to a file and a folder, with all that is in it, to a folder. An empty folder always does.
    With `resume` what was written is kept when the block ends without commit; see `Target.journal`.
    """
    label = os.fspath(path)
    if not label or "\0" in label:
        raise TargetError(f"{label!r} is not the name of a file or folder")
    folder = not label.lower().endswith(".zip")
    place = Place(label, folder=folder, overwrite=overwrite, resume=resume)
    with staged(place, resume=resume) as staging:
        target = _opened(place, staging)
        try:
            yield target
        finally:
            target.close()


def _opened(place: Place, staging: str) -> Target:
    try:
        return FolderTarget(place, staging) if place.folder else ZipTarget(place, staging)
    except OSError as error:
        raise failed(place.label, error) from None


def check_apart(source: str | Path, target: str | Path) -> None:
    """TargetError if writing the target would change what is read.

    The source is as the user named it. Beside a single file a target may be made; in a folder
    that is the source it may not.
    """
    one, other = os.path.realpath(source), os.path.realpath(target)
    above = os.path.commonpath([one, other])
    if one == other:
        raise TargetError(f"{target}: is what is read; choose another name")
    if above == other:
        raise TargetError(f"{target}: contains what is read, {source}; choose another name")
    if above == one and os.path.isdir(one):
        raise TargetError(f"{target}: lies in the folder that is read, {source}; choose a place outside")


def check_spared(target: str | Path, files: Iterable[str]) -> None:
    """TargetError if what gives way to the target is, or holds, one of the files that are read."""
    if not os.path.lexists(target):
        return
    place, folders = os.path.realpath(target), functools.cache(os.path.realpath)
    for file in files:
        folder, name = os.path.split(file)
        real = os.path.join(folders(folder), name)
        if real == place or real.startswith(os.path.join(place, "")):
            raise TargetError(f"{target}: would take the place of {file}, which is read; choose another name")
