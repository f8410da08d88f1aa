"""Putting a finished file or folder in its place in one step, and making it last.

Every move is one that the kernel does whole. What the kernel cannot do in one step is
done in two, in an order from which `converter.storage.staging` can recover.
"""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Callable
from functools import cache

__all__ = ["exchange", "move_new", "sync"]

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2  # linux/fs.h

_NOT_HERE = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}


def move_new(file: str, target: str) -> None:
    """Renames a file to a name that nothing may have; FileExistsError if something has it."""
    try:
        os.link(file, target)
    except OSError as error:
        if error.errno not in _NOT_HERE:
            raise
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target) from None
        os.rename(file, target)  # a file system without hard links: there is nothing better
    else:
        os.unlink(file)


def exchange(one: str, other: str) -> bool:
    """Swaps two names; False where the system or the file system cannot (then nothing has happened)."""
    rename = _renameat2()
    if rename is None:
        return False
    return rename(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0


@cache
def _renameat2() -> Callable[[int, bytes, int, bytes, int], int] | None:
    """The C library's renameat2 (Linux 3.15, glibc 2.28), which Python does not offer."""
    try:
        function = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError, TypeError):
        return None
    function.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint]
    return function


def sync(path: str) -> None:
    """Waits until a file, or the names in a folder, are on the disk."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    except OSError as error:
        # Some network file systems cannot do this for folders; a real failure is EIO or ENOSPC.
        if error.errno not in {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP}:
            raise
    finally:
        os.close(fd)
