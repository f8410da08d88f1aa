"""Many records in little memory: what was lost and noted of a million images.

As objects they take some 250 bytes each, most of it texts that differ by a number.
"""

from __future__ import annotations

import pickle
import zlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import TypeVar, overload

__all__ = ["Records"]

Record = TypeVar("Record")

_BLOCK = 1024


class Records(Sequence[Record]):
    """Records in the order they came, packed in blocks; the last ones wait until there are enough for one.

    The block that was looked into last stays unpacked, so that going through them in order is quick.
    """

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self._blocks: list[bytes] = []
        self._waiting: list[Record] = []
        self._last: tuple[int, list[Record]] = (-1, [])
        self.extend(records)

    def extend(self, records: Iterable[Record]) -> None:
        """Add records at the end."""
        self._waiting += records
        while len(self._waiting) >= _BLOCK:
            self._blocks.append(zlib.compress(pickle.dumps(self._waiting[:_BLOCK]), 1))
            del self._waiting[:_BLOCK]

    def __len__(self) -> int:
        return _BLOCK * len(self._blocks) + len(self._waiting)

    @overload
    def __getitem__(self, at: int) -> Record: ...
    @overload
    def __getitem__(self, at: slice) -> list[Record]: ...
    def __getitem__(self, at: int | slice) -> Record | list[Record]:
        if isinstance(at, slice):
            return [self[i] for i in range(len(self))[at]]
        block, place = divmod(range(len(self))[at], _BLOCK)
        return self._block(block)[place]

    def __iter__(self) -> Iterator[Record]:
        return chain(chain.from_iterable(map(_unpacked, self._blocks)), self._waiting)

    def __eq__(self, other: object) -> bool:
        """As lists, and with lists."""
        return isinstance(other, Records | list) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # as of lists

    def __repr__(self) -> str:
        return f"Records({list(self)!r})"

    def _block(self, number: int) -> list[Record]:
        if number == len(self._blocks):
            return self._waiting
        if self._last[0] != number:
            self._last = number, _unpacked(self._blocks[number])
        return self._last[1]


def _unpacked(block: bytes) -> list[Record]:
    records: list[Record] = pickle.loads(zlib.decompress(block))  # noqa: S301 -- of this very process
    return records
