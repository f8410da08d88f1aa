"""All or nothing: output is made under a hidden name beside its target, then moved there.

While a run lives it holds a lock (flock) on what it has staged. What a dead run has left is
found by its name at the next run to the same target, and removed. Two runs to one target
do not disturb each other; whoever comes second finds the target taken.

    .NAME.segpack-PID-RANDOM.partial    being made; or an old target about to be deleted
    .NAME.segpack-PID-RANDOM.old        the target of before, only where two names cannot be
                                        swapped in one step. If a run dies between its two
                                        steps, the next run to this target puts it back.
    .NAME.segpack-kept.partial          being made by a run with --resume, with its journal
    .NAME.segpack-kept.journal          beside it; both stay until such a run has finished, or
                                        one without --resume writes to this target

A forked worker inherits the lock, so what it may still be writing to is not taken for dead.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from converter.errors import TargetError
from converter.storage.moves import exchange, move_new, sync

__all__ = ["Place", "failed", "staged"]

KEPT = "kept"  # where others have process and random number
PATIENCE = 2.0  # seconds

_NAME_BYTES = 200  # leaves room for the rest of a staging name in the 255 that file systems have

_REASONS = {
    errno.ENOSPC: "no space is left on the disk",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.ENAMETOOLONG: "the name is too long for this file system",
    errno.ENOENT: "the folder it is written to has vanished",
    errno.EFBIG: "the file is too large for this file system",
    errno.ENOTDIR: "something on the way to it is no folder",
    errno.EEXIST: "exists; use --overwrite to replace it",
    errno.ENOTEMPTY: "exists; use --overwrite to replace it",
}


def failed(label: str, error: OSError) -> TargetError:
    """One line about what the system said when `label` was to be written."""
    reason = _REASONS.get(error.errno or 0) or (error.strerror or str(error)).lower()
    return TargetError(f"{label}: {reason}")


class Place:
    """Where the output is to appear: its real path, and whether something there may be replaced.

    Raises TargetError at once for places where a finished output could not be put.
    """

    def __init__(self, path: str, *, folder: bool, overwrite: bool, resume: bool = False) -> None:
        self.label, self.folder, self.overwrite, self.resume = path, folder, overwrite, resume
        self.path = os.path.realpath(path)
        self.parent, self.name = os.path.split(self.path)
        try:
            _recover(self)
            self._check()
        except OSError as error:
            raise failed(path, error) from None

    @property
    def prefix(self) -> str:
        """How the names of all that is staged for this place begin."""
        name = self.name
        if len(os.fsencode(name)) > _NAME_BYTES:
            name = hashlib.sha256(os.fsencode(name)).hexdigest()[:32]
        return f".{name}.segpack-"

    def _check(self) -> None:
        mode = _mode(self.path)
        if mode is None:
            return
        if stat.S_ISDIR(mode) != self.folder or not (self.folder or stat.S_ISREG(mode)):
            raise TargetError(
                f"{self.label}: exists and is not a {'folder' if self.folder else 'file'}; choose another name"
            )
        if self.folder:
            self._check_folder()
        if not self.overwrite and not self._is_empty():
            raise TargetError(f"{self.label}: exists; use --overwrite to replace it")

    def _check_folder(self) -> None:
        """Folders that may not be swapped for another, full or empty."""
        if os.path.ismount(self.path):
            raise TargetError(f"{self.label}: is a mount point; name a folder inside it")
        for what, kept in (("the current folder", os.getcwd()), ("your home folder", os.path.expanduser("~"))):
            if _contains(self.path, os.path.realpath(kept)):
                raise TargetError(f"{self.label}: is {what} or one above it; name a folder inside it")

    def _is_empty(self) -> bool:
        if not self.folder:
            return False
        with os.scandir(self.path) as entries:
            return next(entries, None) is None

    def put(self, staging: str) -> None:
        """Moves what is staged to its place, and the old content away. TargetError if the place is taken."""
        try:
            if not self.overwrite:
                os.rename(staging, self.path) if self.folder else move_new(staging, self.path)
            elif not self.folder:
                os.replace(staging, self.path)
            else:
                self._replace_folder(staging)
            with suppress(PermissionError):  # one may write to a folder and yet not open it
                sync(self.parent)
        except OSError as error:
            raise failed(self.label, error) from None

    def _replace_folder(self, staging: str) -> None:
        """After this the old folder, if there was one, has the name of the staging and is gone soon."""
        try:
            os.rename(staging, self.path)  # there is nothing, or an empty folder
        except OSError as error:
            if error.errno not in {errno.EEXIST, errno.ENOTEMPTY}:
                raise
            self._check_folder()
            if not exchange(staging, self.path):
                _replace_in_two_steps(staging, self.path)
            shutil.rmtree(staging, ignore_errors=True)


def _replace_in_two_steps(staging: str, target: str) -> None:
    aside = staging.removesuffix(".partial") + ".old"
    os.rename(target, aside)
    try:
        os.rename(staging, target)
    except BaseException:
        os.rename(aside, target)
        raise
    os.rename(aside, staging)  # from here on it is rubbish, and not to be put back


def _mode(path: str) -> int | None:
    try:
        return os.lstat(path).st_mode
    except FileNotFoundError:
        return None


def _contains(folder: str, path: str) -> bool:
    return os.path.commonpath([folder, path]) == folder


# ---------------------------------------------------------------- staging


@contextmanager
def staged(place: Place, *, resume: bool = False) -> Iterator[str]:
    """A locked file or folder beside the place, to be filled; its path. It is new and empty,
    unless `resume` finds what an earlier run with `resume` has left.

    Whatever is left of it at the end is removed, and so are parent folders made for it,
    unless something has come to lie in them. With `resume` it stays for the next run.
    """
    owner = os.getpid()
    made = _make_parents(place)
    path, lock = "", -1
    try:
        if resume:
            path, lock = _claim_kept(place)
        while lock < 0:
            path = os.path.join(place.parent, f"{place.prefix}{owner}-{os.urandom(4).hex()}.partial")
            lock = _claim(place, path)
        yield path
    finally:
        if lock >= 0:
            os.close(lock)
        # A forked child that unwinds must not take away what its parent is working on.
        if os.getpid() == owner and not (resume and os.path.lexists(path)):
            _remove(path)
            for folder in made:
                with suppress(OSError):
                    os.rmdir(folder)


def _make_parents(place: Place) -> list[str]:
    """The folders that had to be made, the innermost first."""
    missing = []
    folder = place.parent
    while not os.path.lexists(folder):
        missing.append(folder)
        folder = os.path.dirname(folder)
    if not os.path.isdir(folder):
        raise TargetError(f"{place.label}: {folder} is not a folder")
    try:
        os.makedirs(place.parent, exist_ok=True)
    except OSError as error:
        for folder in missing:
            with suppress(OSError):
                os.rmdir(folder)
        raise failed(place.label, error) from None
    return missing


def _claim(place: Place, path: str) -> int:
    """Makes the staging at `path`; the descriptor that holds its lock, or -1 when another name has to be tried.

    The caller knows the path before anything is made: a signal in between leaves nothing behind.
    """
    try:
        if place.folder:
            os.mkdir(path)
        else:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666))
    except FileExistsError:
        return -1
    except OSError as error:
        raise failed(place.label, error) from None
    lock = _locked(path)
    return -1 if lock is None else lock


def _claim_kept(place: Place) -> tuple[str, int]:
    """The staging that is kept between runs, and the descriptor that holds its lock."""
    path = os.path.join(place.parent, f"{place.prefix}{KEPT}.partial")
    try:
        if not os.path.lexists(path):
            with suppress(FileNotFoundError):
                os.unlink(journal_of(path))  # of a staging that somebody removed
            if place.folder:
                os.mkdir(path)
            else:
                os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666))
        if stat.S_ISDIR(os.lstat(path).st_mode) != place.folder or os.path.islink(path):
            raise TargetError(f"{path}: is not what a run with --resume has left; remove it")
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise failed(place.label, error) from None
    if not _is_free(fd):
        os.close(fd)
        raise TargetError(f"{place.label}: another run with --resume is writing it; wait for its end")
    return path, fd


def _is_free(fd: int) -> bool:
    """Whether the lock is had, or there are none; the workers of a killed run may keep it a moment longer than it."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                return False
            time.sleep(PATIENCE / 100)
        except OSError:
            return True  # no locks here (some network file systems)
        else:
            return True


def _locked(path: str) -> int | None:
    """A descriptor with the lock on our own new staging; None when another run has just removed it as dead."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    # Where locks are not to be had (some network file systems) nobody gets one, and nothing is removed.
    with suppress(OSError):
        fcntl.flock(fd, fcntl.LOCK_EX)
    if _mode(path) is None:
        os.close(fd)
        return None
    return fd


def _remove(path: str) -> None:
    if os.path.isdir(path):
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            os.unlink(path)


# ---------------------------------------------------------------- what others have left


def _recover(place: Place) -> None:
    """Removes what dead runs have staged for this place, and puts back what they had moved aside."""
    kept = "" if place.resume else rf"|{KEPT}\.partial"
    pattern = re.compile(re.escape(place.prefix) + rf"(?:\d+-[0-9a-f]+\.(?:partial|old){kept})")
    try:
        found = sorted(name for name in os.listdir(place.parent) if pattern.fullmatch(name))
    except OSError:
        return  # no such folder, or one that is not ours to clean
    _forget(os.path.join(place.parent, f"{place.prefix}{KEPT}.partial"))
    for name in found:
        if name.endswith(".partial"):
            _remove_if_dead(os.path.join(place.parent, name))
    for name in found:
        if name.endswith(".old"):
            _put_back(os.path.join(place.parent, name), place.path)


def journal_of(staging: str) -> str:
    """Where the journal of a staging that is kept between runs lies."""
    return staging.removesuffix(".partial") + ".journal"


def _forget(staging: str) -> None:
    """Removes the journal of a run that was killed after its output had come to its place."""
    if not os.path.lexists(staging):
        with suppress(OSError):
            os.unlink(journal_of(staging))


def _remove_if_dead(path: str) -> None:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _remove(path)
        with suppress(OSError):
            os.unlink(journal_of(path))
    except OSError:
        pass  # its owner lives
    finally:
        os.close(fd)


def _put_back(aside: str, target: str) -> None:
    """Restores a target whose run died between its two steps. If another has come since, both stay."""
    if not os.path.lexists(aside.removesuffix(".old") + ".partial"):
        with suppress(OSError):
            os.rename(aside, target)
