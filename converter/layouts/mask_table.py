"""The mask files of a set with one for each object: whose they are, and what is known of them unopened."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from converter.layouts.coco_beside import Beside
from converter.layouts.groups import Groups
from converter.layouts.images import order_splits
from converter.model import ClassInfo, Header, Image, Ref
from converter.storage import Source

__all__ = ["NO_ID", "Finds", "MaskFile", "Masks", "Table", "header_of", "mask_paths"]

NO_ID = -(1 << 63)  # of a mask that has none
AT_ONCE = 4096  # masks that wait for their columns


class MaskFile(NamedTuple):
    """A mask of an image: where it lies and what is known of it without opening it."""

    path: str
    class_id: int
    id: int | None = None
    iscrowd: bool = False


class Table(msgspec.Struct, frozen=True):
    """The masks of all images, in columns: there may be millions, so that none has an object of its own.

    `names` are the files of the source, `places` those of the masks among them; `beside` is what a
    package says of its objects elsewhere.
    """

    names: Sequence[str]
    places: NDArray[np.integer]
    class_ids: NDArray[Any]
    ids: NDArray[Any]
    crowds: NDArray[np.integer]
    groups: Groups
    beside: Beside | None = None

    def paths(self) -> Iterator[str]:
        """Of all masks."""
        return (self.names[at] for at in self.places)


class Masks(msgspec.Struct, frozen=True, gc=False):
    """The masks of the image at a place."""

    table: Table
    at: int

    def __len__(self) -> int:
        return len(self.table.groups[self.at])

    def __iter__(self) -> Iterator[MaskFile]:
        table, mine = self.table, self.table.groups[self.at]
        columns = (column[mine].tolist() for column in (table.places, table.class_ids, table.ids, table.crowds))
        for place, class_id, id, iscrowd in zip(*columns, strict=True):
            yield MaskFile(table.names[place], class_id, None if id == NO_ID else id, bool(iscrowd))


class Finds:
    """Images and their masks as they are found, on their way into a Table."""

    def __init__(self, source: Source, beside: Beside | None = None) -> None:
        self.source, self.beside = source, beside
        self.images: list[Image] = []
        self._rows: list[int] = []  # owner, place, class, id and crowd of masks
        self._packed: list[list[NDArray[Any]]] = []  # columns of earlier rows

    def add(self, image: Image, masks: Iterable[tuple[str, int]] = ()) -> None:
        """The next image, with path and class id of its masks."""
        self.images.append(image)
        for path, class_id in masks:
            place = self.source.place(path)
            assert place is not None  # it was listed
            self.add_mask(len(self.images) - 1, place, class_id)

    def add_mask(self, image: int, place: int, class_id: int, id: int | None = None, *, iscrowd: bool = False) -> None:
        """Another mask of the image at a place, by its own among the files."""
        self._rows.extend((image, place, class_id, NO_ID if id is None else id, iscrowd))
        if len(self._rows) >= 5 * AT_ONCE:
            self._pack()

    def refs(self) -> list[Ref]:
        """All images. The masks are `table` of any payload."""
        self._pack()
        owners, places, class_ids, ids, crowds = map(np.concatenate, zip(*self._packed, strict=True))
        groups = Groups.of(owners, len(self.images))
        table = Table(self.source.names(), places, class_ids, ids, crowds, groups, self.beside)
        return [Ref(image, Masks(table, at)) for at, image in enumerate(self.images)]

    def _pack(self) -> None:
        self._packed.append([_narrow(self._rows[at::5]) for at in range(5)])
        self._rows = []


def _narrow(numbers: Sequence[int]) -> NDArray[Any]:
    """The numbers in as few bytes as they fit with a sign; as they are where 64 bits do not hold one of them."""
    try:
        exact = np.array(numbers, np.int64)
    except OverflowError:
        return np.array(numbers, object)
    least = min(int(exact.min(initial=0)), -1 - int(exact.max(initial=0)))
    return exact.astype(np.min_scalar_type(least))


def mask_paths(refs: Sequence[Ref]) -> Iterable[str]:
    """Those of all masks."""
    return refs[0].payload.table.paths() if refs else ()


def header_of(classes: Sequence[ClassInfo], refs: Sequence[Ref]) -> Header:
    """The header of a set of masks."""
    zero = any(c.id == 0 for c in classes)
    splits = order_splits(r.image.split for r in refs)
    return Header("instance-png", "instance", tuple(classes), splits, background_id=None if zero else 0)
