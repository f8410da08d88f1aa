"""The names of many files, kept packed: a set may have millions."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from os.path import commonprefix
from typing import overload

__all__ = ["Names", "place_among"]

_BLOCK = 64  # names; all of a block are unpacked to see one


class Names(Sequence[str]):
    """Paths in code point order; as strings they would take 60 bytes and more for each beside its own.

    They are kept in blocks, without the beginning that all of a block have in common. Those of the
    block that was looked at last are found at once. No path has a zero byte.
    """

    def __init__(self, paths: Iterable[str]) -> None:
        self._blocks: list[tuple[str, bytes]] = []  # the beginning of all, and how they go on
        self._firsts: list[str] = []
        self._count = 0
        waiting = iter(paths)
        while block := list(islice(waiting, _BLOCK)):
            common = commonprefix((block[0], block[-1]))  # noqa: RUF071 -- of characters
            self._blocks.append((common, "\0".join(path[len(common) :] for path in block).encode()))
            self._firsts.append(block[0])
            self._count += len(block)
        self._last: tuple[int, list[str]] = (-1, [])

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> list[str]: ...
    def __getitem__(self, at: int | slice) -> str | list[str]:
        if isinstance(at, slice):
            return [self[i] for i in range(self._count)[at]]
        block, place = divmod(range(self._count)[at], _BLOCK)
        return self._names_of(block)[place]

    def __iter__(self) -> Iterator[str]:
        return chain.from_iterable(map(_unpacked, self._blocks))

    def place(self, path: str) -> int:
        """Where a path is, or would be put in."""
        block = max(0, bisect_right(self._firsts, path) - 1)
        return block * _BLOCK + bisect_left(self._names_of(block), path) if self._blocks else 0

    def _names_of(self, block: int) -> list[str]:
        at, names = self._last
        if at != block:
            names = _unpacked(self._blocks[block])
            self._last = block, names  # both at once: others may look at it
        return names


def _unpacked(block: tuple[str, bytes]) -> list[str]:
    common, rest = block
    return (common + rest.decode().replace("\0", f"\0{common}")).split("\0")


def place_among(names: Sequence[str], path: str) -> int:
    """Where a path is, or would be put in, among names in order."""
    return names.place(path) if isinstance(names, Names) else bisect_left(names, path)
