"""The elements of a long JSON list as slices of the one document that they stand in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias, overload

import msgspec
import numpy as np
from numpy.typing import NDArray

__all__ = ["Slices"]

Places: TypeAlias = NDArray[np.int64]
Kept: TypeAlias = NDArray[np.unsignedinteger]

_list = msgspec.json.Decoder(list[msgspec.Raw])
_BETWEEN = b" \t\r\n,"
_WIDEST = 64  # bytes between two elements that are worth looking at all at once


class Slices(Sequence[bytes]):
    """Elements as bytes, in 8 bytes each (16 beyond 4 GB): nothing of the document is copied until one is asked for.

    A list of a million would else be held twice, and its pieces would cost more than what is in them.
    """

    def __init__(self, document: bytes | memoryview, starts: Kept, ends: Kept) -> None:
        self._document, self._starts, self._ends = document, starts, ends

    @classmethod
    def of(cls, raw: msgspec.Raw) -> Slices:
        """The elements of a list; msgspec.DecodeError when it is none."""
        elements = _list.decode(raw)
        lengths = np.fromiter(map(len, elements), np.int64, len(elements))
        del elements  # several times what is kept
        document = memoryview(raw)
        starts = _starts(document, lengths)
        kept = np.min_scalar_type(len(document))
        return cls(document, starts.astype(kept), (starts + lengths).astype(kept))

    def __len__(self) -> int:
        return len(self._starts)

    @overload
    def __getitem__(self, at: int) -> bytes: ...
    @overload
    def __getitem__(self, at: slice) -> list[bytes]: ...
    def __getitem__(self, at: int | slice) -> bytes | list[bytes]:
        if isinstance(at, slice):
            return [self[i] for i in range(len(self))[at]]
        return bytes(self._document[self._starts[at] : self._ends[at]])

    def document(self, begin: int, end: int) -> bytes:
        """Elements begin to end as a list of their own; there must be some."""
        return b"".join((b"[", self._document[self._starts[begin] : self._ends[end - 1]], b"]"))

    def gathered(self, places: Sequence[int] | NDArray[np.integer]) -> bytes:
        """The elements at these places as a list of their own."""
        bounds = zip(self._starts[places].tolist(), self._ends[places].tolist(), strict=True)
        return b"[" + b",".join([self._document[start:end] for start, end in bounds]) + b"]"

    def __reduce__(self) -> tuple[object, ...]:
        return Slices, (bytes(self._document), self._starts, self._ends)


def _starts(document: memoryview, lengths: Places) -> Places:
    """Where elements of these lengths start. Nearly every writer puts the same between any two."""
    if not len(lengths):
        return lengths
    first = _after(document, 1)
    gap = _after(document, first + int(lengths[0])) - first - int(lengths[0])
    starts = np.cumsum(lengths + gap) - lengths - gap + first
    return starts if gap <= _WIDEST and _apart(document, starts, gap) else _one_by_one(document, lengths)


def _apart(document: memoryview, starts: Places, gap: int) -> bool:
    """Whether `gap` bytes of white space and commas stand before every start but the first, and none at one.

    The first start being right, so are then all: more of them would reach into the
    element before or stand at the next, fewer would leave one at the start.
    """
    if starts[-1] >= len(document):
        return False
    apart = np.zeros(256, np.bool_)
    apart[list(_BETWEEN)] = True
    text = np.frombuffer(document, np.uint8)
    before = all(apart[text[starts[1:] - back]].all() for back in range(1, gap + 1))
    return before and not apart[text[starts]].any()


def _one_by_one(document: memoryview, lengths: Places) -> Places:
    starts, at = np.empty_like(lengths), 1
    for i, length in enumerate(lengths.tolist()):
        starts[i] = at = _after(document, at)
        at += length
    return starts


def _after(document: memoryview, at: int) -> int:
    """The first place from `at` on that is neither white space nor a comma."""
    while document[at] in _BETWEEN:
        at += 1
    return at
