"""What lies where a file should be when it was not fetched: a pointer of Git LFS, a web page, nothing.

They are asked for where a file turns out not to be what its name says, never before.
"""

from __future__ import annotations

from converter.errors import SourceError

__all__ = ["HEAD", "stand_in"]

HEAD = 512  # bytes that are enough to know one
_POINTER = b"version https://git-lfs.github.com/spec/"
_PAGES = (b"<!doctype html", b"<html")
_AGAIN = "download it again, and see in a browser what comes"


def stand_in(head: bytes, file: str, *, place: str = "") -> SourceError | None:
    """What to say of a file that begins with `head` and stands for another; None for any other file."""
    if not head.strip():
        return SourceError(file, "is empty", place=place, remedy="copy or download it again")
    if head.startswith(_POINTER):
        problem = "is a pointer of Git LFS, and not the file that it stands for"
        return SourceError(file, problem, place=place, remedy="fetch the files with git lfs pull")
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(_PAGES):
        problem = "is a web page, as failed downloads leave"
        return SourceError(file, problem, place=place, remedy=_AGAIN)
    return None
