"""Writing files below a folder, from one process or from many."""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO, Literal, Protocol, TypeAlias, TypeVar

from converter.errors import TargetError
from converter.storage.moves import sync
from converter.storage.names import clean, too_long
from converter.storage.source import Source
from converter.storage.staging import failed

__all__ = ["Digest", "FolderWriter", "How", "check_path"]

How: TypeAlias = Literal["copy", "hardlink", "symlink"]

_T = TypeVar("_T")

# Exclusive: that a file is written twice is found out even between processes.
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC

_PIECE = 1 << 20

_LINKING = {
    errno.EXDEV: "lies on another file system",
    errno.EPERM: "may not be linked to",
    errno.EMLINK: "has too many links",
    errno.ENOTSUP: "lies on a file system without links",
}


class Digest(Protocol):
    """What hashlib makes."""

    def update(self, data: bytes, /) -> None: ...


def check_path(label: str, path: str) -> None:
    """TargetError unless `path` is a clean path below the target that is called `label`."""
    try:
        why = too_long(path) if clean(path) == path else "is not in its shortest form"
    except ValueError as error:
        why = str(error)
    if why:
        raise TargetError(f"{label}: {path!r} {why}")


class FolderWriter:
    """Makes new files below `root`; picklable. `label` is what the user calls that folder.

    Folders are made as they are needed, `root` itself never: if it has gone, so has the run.
    With `replace` a file that is there gives way: it was left by a run that did not end.
    """

    def __init__(self, root: str, label: str) -> None:
        self.root, self.label, self.replace = root, label, False

    def remove(self, path: str) -> None:
        """Take away a file that was begun, if it is there."""
        with suppress(OSError):
            os.unlink(self._real(path))

    def write(self, path: str, data: bytes) -> None:
        with self._writing(path):
            fd = self._create(path)
            try:
                _write_all(fd, data)
            finally:
                os.close(fd)

    @contextmanager
    def stream(self, path: str) -> Iterator[BinaryIO]:
        """A file that is on the disk when the block ends, and is gone if an exception ends it."""
        with self._writing(path), open(self._create(path), "wb") as file:
            try:
                yield file
                file.close()  # unless a TextIOWrapper around it has
                sync(self._real(path))
            except BaseException:
                with suppress(OSError):
                    os.unlink(self._real(path))
                raise

    def copy(
        self, path: str, source: Source, source_path: str, how: How = "copy", digest: Digest | None = None
    ) -> None:
        """As Target.copy."""
        if how != "copy":
            self._link(path, source, source_path, how, digest)
            return
        with source.open(source_path) as file, self._writing(path):
            fd = self._create(path)
            try:
                _copy(file, fd, digest)
            finally:
                os.close(fd)

    def _link(self, path: str, source: Source, source_path: str, how: How, digest: Digest | None) -> None:
        real = source.local(source_path)
        if real is None:
            raise TargetError(
                f"{source.label(source_path)}: lies in a ZIP file, which nothing can link to; use --image-files copy"
            )
        check_path(self.label, path)
        link = os.link if how == "hardlink" else os.symlink
        with self._writing(path):
            try:
                self._with_folder(path, lambda target: link(real, target))
            except OSError as error:
                if error.errno not in _LINKING:
                    raise
                reason = f"{_LINKING[error.errno]}, so a {how} cannot be made; use --image-files copy"
                raise TargetError(f"{source.label(source_path)}: {reason}") from None
        if digest is not None:
            with source.open(source_path) as file:
                _copy(file, None, digest)

    @contextmanager
    def _writing(self, path: str) -> Iterator[None]:
        try:
            yield
        except FileExistsError:
            raise TargetError(
                f"{self.label}/{path}: is written twice, or this file system takes two names for one"
            ) from None
        except OSError as error:
            raise failed(f"{self.label}/{path}", error) from None

    def _create(self, path: str) -> int:
        check_path(self.label, path)
        return self._with_folder(path, lambda target: os.open(target, _NEW, 0o666))

    def _with_folder(self, path: str, make: Callable[[str], _T]) -> _T:
        """`make` for the real path, with its folder made when it turns out to be missing."""
        target = self._real(path)
        try:
            return make(target)
        except FileExistsError:
            if not self.replace:
                raise
            os.unlink(target)
            return make(target)
        except FileNotFoundError:
            self._make_folder(path.rpartition("/")[0])
            return make(target)

    def _make_folder(self, folder: str) -> None:
        os.stat(self.root)
        parts = folder.split("/") if folder else []
        for end in range(1, len(parts) + 1):
            with suppress(FileExistsError):
                os.mkdir(self._real("/".join(parts[:end])))

    def _real(self, path: str) -> str:
        return f"{self.root}/{path}"


def _write_all(fd: int, data: bytes) -> None:
    written = os.write(fd, data)
    if written < len(data):
        rest = memoryview(data)
        while written < len(data):
            written += os.write(fd, rest[written:])


def _copy(file: BinaryIO, fd: int | None, digest: Digest | None) -> None:
    """All of `file`; by the kernel where nobody wants to see the bytes, without copying where it can share them."""
    if fd is not None and digest is None:
        _copy_in_kernel(file, fd)
    while piece := file.read(_PIECE):
        if digest is not None:
            digest.update(piece)
        if fd is not None:
            _write_all(fd, piece)


def _copy_in_kernel(file: BinaryIO, fd: int) -> None:
    """As much as the kernel will copy; both files then stand where it stopped."""
    # No such call outside Linux; no such file in a ZIP; not between all file systems.
    with suppress(AttributeError, io.UnsupportedOperation, OSError):
        while os.copy_file_range(file.fileno(), fd, 1 << 30):
            pass
