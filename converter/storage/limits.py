"""How much of a source is taken on trust."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import msgspec

__all__ = ["LISTS", "Limits", "current_limits", "within"]

LISTS = (".csv", ".json", ".jsonl", ".xml")  # files that may describe a whole dataset


class Limits(msgspec.Struct, frozen=True):
    """Above these a source is refused, before it has cost time or memory.

    `links_outside`: whether links in a folder may lead out of it. Off, because who made the
    dataset would choose which of the reader's files are packed and published.
    `files`: files and folders met while listing a folder, through links as well.
    `alone`: bytes of a file that holds one image, or what is drawn on one, and is read at once.
    `zip_entries`, `zip_directory`: entries of a ZIP file, and bytes of its directory.
    `zip_ratio`: declared size over packed size of a whole ZIP file, looked at when the
    former exceeds `zip_ratio_from` bytes. One entry cannot exceed 1032, which is deflate's own limit.
    """

    links_outside: bool = False
    files: int = 10_000_000
    alone: int = 1 << 31
    zip_entries: int = 2_000_000
    zip_directory: int = 1 << 28
    zip_ratio: int = 200
    zip_ratio_from: int = 1_000_000_000


_current: ContextVar[Limits] = ContextVar("limits", default=Limits())  # noqa: B039 -- it is frozen


def current_limits() -> Limits:
    """What a source is opened with that is opened without limits of its own."""
    return _current.get()


@contextmanager
def within(limits: Limits) -> Iterator[None]:
    """Open sources with `limits` in this block."""
    token = _current.set(limits)
    try:
        yield
    finally:
        _current.reset(token)
