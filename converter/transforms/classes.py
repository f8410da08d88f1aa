"""What a class file makes of a dataset: the classes that it will have, and where every old one goes.

Entries without `id` share the ids that they stand for; classes that the file does not
mention stay as they are. What is dropped is a loss.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from converter.errors import SourceError, UsageError, some_of
from converter.format import ClassEntry, ClassTable
from converter.layouts.classes import called_twice, check_ids, is_background, is_ignore, namesakes
from converter.ledger import Ledger
from converter.model import GREATEST, IGNORE, ClassInfo, Header, Image, LabelMap, Sample

__all__ = ["ClassMap", "apply", "is_reserved", "plan"]

ClassMap = dict[int, int | None]
# Of an image of LVIS, class ids: those that are surely not in it, and those of which only some objects were drawn.
ABSENT, IN_PART = "neg_category_ids", "not_exhaustive_category_ids"
SHOWN = 8


# ---------------------------------------------------------------- plan


def plan(header: Header, table: ClassTable, *, by_source: bool = False) -> tuple[Header, ClassMap]:
    """The header with the classes of `table`, and where each old class id goes (None: dropped).

    `by_source`: ids in `from` are those that the source's files hold, not the header's.
    """
    found = _Finder(header, table.file, by_source=by_source)
    mapping: ClassMap = {found.one(old, "drop"): None for old in table.drop}
    pending = [(entry, found.all_of(entry)) for entry in table.entries]
    _check_once(pending, mapping, header, table.file)
    mentioned = {id for _, ids in pending for id in ids} | set(mapping)
    kept = [c for c in header.classes if c.id not in mentioned]
    header, pending = _reserve(header, pending, mapping)
    made: list[ClassInfo] = []
    for (entry, ids), id in zip(pending, _ids(pending, {c.id for c in kept}, header), strict=True):
        made.append(_made(entry, id, ids, header))
        mapping |= dict.fromkeys(ids, id)
    classes = sorted([*made, *kept], key=lambda c: c.id)
    _check_names(made, kept, table.file, by_source=by_source)
    check_ids(classes, table.file)
    mapping |= {c.id: c.id for c in kept}
    return _settled(header, classes, mapping, table.file), mapping


def _check_once(pending: Sequence[tuple[ClassEntry, list[int]]], dropped: ClassMap, header: Header, file: str) -> None:
    """An old class goes to one place, whether it was called by name or by id."""
    names = {c.id: c.name for c in header.classes}
    taken = dict.fromkeys(dropped, "drop")
    for entry, ids in pending:
        for id in ids:
            if taken.setdefault(id, entry.name) != entry.name:
                raise SourceError(
                    file,
                    f"class {id} '{names[id]}' goes to both '{taken[id]}' and '{entry.name}'",
                    remedy="name it in one place",
                )


def _check_names(made: Sequence[ClassInfo], kept: Sequence[ClassInfo], file: str, *, by_source: bool) -> None:
    """No name may stand for two classes: of those that the file leaves as they are, and those that it makes."""
    for name, ids in namesakes(kept, by_source=by_source).items():
        raise SourceError(file, called_twice(name, ids), code="duplicate-class-name")
    names = {c.name: c for c in made}
    for c in kept:
        if c.name in names:
            old = c.source_id if by_source else c.id
            problem = (
                f"two classes are called '{c.name}', one of the file and {old} of the set, which it leaves as it is"
            )
            remedy = f"add {old} to its 'from', or rename that one too"
            raise SourceError(file, problem, remedy=remedy, code="duplicate-class-name")


def _reserve(
    header: Header, pending: list[tuple[ClassEntry, list[int]]], mapping: ClassMap
) -> tuple[Header, list[tuple[ClassEntry, list[int]]]]:
    """Entries that are background or to be ignored taken out: values of pixels, and no classes.

    Instances of them are dropped: around objects everything is background. A list of names that
    begins with background means nothing by it where no class is called so.
    """
    rest = []
    for entry, ids in pending:
        if is_reserved(entry) and entry.id == 0:
            mapping |= dict.fromkeys(ids, 0 if header.task == "semantic" else None)
            header = msgspec.structs.replace(header, background_id=0)
        elif is_reserved(entry):
            mapping |= dict.fromkeys(ids, IGNORE if header.task == "semantic" else None)
            if header.task == "semantic":
                header = msgspec.structs.replace(header, ignore_id=IGNORE)
        elif ids or entry.place != 0 or not is_background(entry.name):
            rest.append((entry, ids))
    return header, rest


def is_reserved(entry: ClassEntry) -> bool:
    """Whether an entry is no class: background, or pixels to be ignored."""
    return (entry.id == 0 and is_background(entry.name)) or (entry.id == IGNORE and is_ignore(entry.name))


def _ids(pending: Sequence[tuple[ClassEntry, list[int]]], kept: set[int], header: Header) -> list[int]:
    """An id for every entry: its own, or its place among those that the others stand for."""
    fixed = {entry.id for entry, _ in pending if entry.id is not None} | kept
    if header.task == "semantic":
        fixed |= {v for v in (header.background_id, header.ignore_id) if v is not None}
    free: list[int] = []
    for entry, ids in pending:
        if entry.id is None:
            free.append(_free(ids, fixed))
            fixed.add(free[-1])
    ascending = iter(sorted(free))
    return [entry.id if entry.id is not None else next(ascending) for entry, _ in pending]


def _made(entry: ClassEntry, id: int, ids: Sequence[int], header: Header) -> ClassInfo:
    """The class of an entry; what else is known of it comes from the first class it stands for."""
    by_id = {c.id: c for c in header.classes}
    first = by_id[ids[0]] if ids else ClassInfo(id, entry.name)
    return msgspec.structs.replace(first, id=id, name=entry.name, color=entry.color or first.color)


def _settled(header: Header, classes: Sequence[ClassInfo], mapping: ClassMap, file: str) -> Header:
    """The header with its new classes; UsageError and SourceError where values of pixels would mean two things."""
    taken = {c.id: c.name for c in classes}
    if header.task == "instance":
        background = None if 0 in taken else 0
        return msgspec.structs.replace(header, classes=tuple(classes), background_id=background)
    large = next((new for old, new in mapping.items() if new is not None and new != old and new > GREATEST), None)
    if large is not None:
        problem = f"the id of '{taken[large]}' is {large}, and pixels of masks hold 0 to {GREATEST}"
        raise SourceError(file, problem, remedy="use another id")
    for id, what in ((header.background_id, "the background"), (header.ignore_id, "to be ignored")):
        if id is not None and id in taken:
            raise SourceError(file, f"{id} is {what} in this set and cannot be '{taken[id]}'", remedy="use another id")
    if header.background_id is None and None in mapping.values():
        gone = next(c for c in header.classes if mapping.get(c.id, c.id) is None)
        raise UsageError(
            f"{file}: class {gone.id} '{gone.name}' cannot be dropped: every pixel of this set has a class; "
            "merge it into another, or make it background with {id: 0, name: background, from: [...]}"
        )
    return msgspec.structs.replace(header, classes=tuple(classes))


def _free(ids: Sequence[int], taken: set[int]) -> int:
    """The lowest old id that is free, else the lowest free id from 1."""
    for id in sorted(ids):
        if id not in taken:
            return id
    return next(i for i in range(1, len(taken) + 2) if i not in taken)


class _Finder:
    """Finds the classes of a dataset by old name or id."""

    def __init__(self, header: Header, file: str, *, by_source: bool) -> None:
        self.file = file
        self.by_name = {c.name: c.id for c in header.classes}
        self.namesakes = namesakes(header.classes, by_source=by_source)
        self.by_id = {c.id: c.id for c in header.classes}
        self.reserved = {header.background_id, header.ignore_id}
        if by_source:
            self.by_id = {c.source_id: c.id for c in header.classes if c.source_id is not None}

    def one(self, old: str | int, place: str) -> int:
        found = self.by_id.get(old) if isinstance(old, int) else None
        if found is None:
            found = self._named(str(old))
        if found is None:
            raise self._unknown(old, place)
        return found

    def _named(self, name: str, id: int | None = None) -> int | None:
        """The class of this name, of several that with this id; SourceError where it may be either."""
        ids = self.namesakes.get(name, ())
        if id is not None and id in ids:
            return self.by_id[id]
        if ids:
            problem = f"'{name}' may be either of the set's classes {some_of(ids, SHOWN)}"
            raise SourceError(self.file, problem, remedy=f"name them by id, as in from: [{ids[0]}]")
        return self.by_name.get(name)

    def all_of(self, entry: ClassEntry) -> list[int]:
        """Old classes of an entry: those of `from`; else the class of its name, else of its id.

        SourceError for a name that no class has; with an id it may be one that does not occur.
        """
        if entry.place is not None:
            found = self._named(entry.name, entry.place)
            found = self.by_id.get(entry.place) if found is None else found
            return [] if found is None else [found]
        if is_reserved(entry):
            sources = [s for s in entry.sources or (entry.name,) if not self._means_nothing(s)]
            return list(dict.fromkeys(self.one(old, entry.name) for old in sources))
        if entry.sources:
            return list(dict.fromkeys(self.one(old, entry.name) for old in entry.sources))
        if (named := self._named(entry.name, entry.id)) is not None:
            return [named]
        if entry.id in self.by_id:
            return [self.by_id[entry.id]]
        if entry.id is None:
            raise self._unknown(entry.name, "")
        return []

    def _means_nothing(self, old: str | int) -> bool:
        """Whether `old` is the background, or ignored, already: no class of the dataset, by its own words."""
        if isinstance(old, int):
            return old in self.reserved and old not in self.by_id
        return old not in self.by_name and (is_background(old) or is_ignore(old))

    def _unknown(self, old: str | int, place: str) -> SourceError:
        known = some_of(list(self.by_name), SHOWN)
        if self.file.lower().endswith(".csv") and isinstance(old, str) and re.search("[,;]", old):
            known += "; several stand with | between"
        return SourceError(
            self.file,
            f"the dataset has no class {old!r}{self._nearest(old)}",
            place=place,
            remedy=f"use one of {known}" if known else "mend the file",
        )

    def _nearest(self, old: str | int) -> str:
        folded = {name.casefold(): name for name in self.by_name}
        near = difflib.get_close_matches(str(old).casefold(), list(folded), n=1)
        return f" (is '{folded[near[0]]}' meant?)" if near else ""


# ---------------------------------------------------------------- apply


def apply(sample: Sample, mapping: ClassMap, background: int | None, ledger: Ledger) -> Sample:
    """The sample with its class ids mapped; what is dropped is a loss."""
    sample = msgspec.structs.replace(sample, image=_map_marks(sample.image, mapping))
    if sample.labels is not None:
        return msgspec.structs.replace(sample, labels=_map_labels(sample, mapping, background, ledger))
    kept = [i for i in sample.instances if mapping.get(i.class_id, i.class_id) is not None]
    gone = len(sample.instances) - len(kept)
    if gone:
        ledger.lose("class-dropped", sample.image.path, f"{gone} instances of dropped classes", amount=gone)
    moved = tuple(
        msgspec.structs.replace(i, class_id=mapping.get(i.class_id, i.class_id))
        if mapping.get(i.class_id) != i.class_id
        else i
        for i in kept
    )
    return msgspec.structs.replace(sample, instances=moved)


def _map_marks(image: Image, mapping: ClassMap) -> Image:
    """The image with the class ids among its extras mapped: a class of several is absent where all of these are."""
    changed: dict[str, Any] = {}
    for key in (ABSENT, IN_PART):
        old = image.extra.get(key)
        if isinstance(old, list) and old and all(isinstance(id, int) for id in old):
            others = {new for id, new in mapping.items() if id not in old} if key == ABSENT else set()
            new = dict.fromkeys(mapping.get(id, id) for id in old)
            changed[key] = [id for id in new if id is not None and id not in others]
    return msgspec.structs.replace(image, extra={**image.extra, **changed}) if changed else image


def _map_labels(sample: Sample, mapping: ClassMap, background: int | None, ledger: Ledger) -> LabelMap:
    labels = sample.labels
    assert labels is not None
    size = 256 if labels.dtype == np.uint8 else 65536
    # An id that no pixel can hold is of a class without pixels; one over 255 may be, in an image of 8 bits.
    mapping = {old: new for old, new in mapping.items() if 0 <= old < size and 0 <= (new or 0) <= GREATEST}
    targets = [v for v in mapping.values() if v is not None]
    table = np.arange(size, dtype=np.uint16 if max([0, *targets]) > 255 or size > 256 else np.uint8)
    for old, new in mapping.items():
        if new is None:
            gone = int(np.count_nonzero(labels == old))
            if gone:
                _lose_pixels(old, gone, sample, background, ledger)
        table[old] = (background or 0) if new is None else new
    mapped: LabelMap = table[labels]
    return mapped


def _lose_pixels(old: int, gone: int, sample: Sample, background: int | None, ledger: Ledger) -> None:
    """Pixels of a class that is dropped become background; UsageError where there is none."""
    if background is None:
        raise UsageError(
            f"{sample.image.path}: {gone} pixels of {old} would be left without a class, and every pixel of "
            "this set has one; merge that class into another, or begin with the set as it was before it was merged"
        )
    ledger.lose("class-dropped", sample.image.path, f"{gone} pixels of class {old}", amount=gone)
