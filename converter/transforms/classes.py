"""Class files: rename, merge, drop, order and fix the ids of classes.

    - {id: 1, name: vehicle, from: [car, truck, 7]}     YAML or JSON: a list of these,
    - {name: person}                                    or {classes: [...], drop: [sky]}
    - {id: 255, name: void, from: [unlabeled]}

    id,name,from                                        CSV; several old names with | between
    1,vehicle,car|truck

`from` takes old names and ids. Without it an entry stands for the class of its name, or
else of its id. Entries without `id` share the ids that they stand for, ascending in the
order of the file. Classes that the file does not mention stay as they are.

An entry of id 0 called background (or unlabeled, bg) makes background of what it stands
for, one of id 255 called ignore (or void) pixels that are to be ignored.
"""

from __future__ import annotations

import difflib
import posixpath
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from converter.codecs import csvs, json, text, yaml
from converter.errors import SourceError, UsageError
from converter.format import ClassEntry, ClassTable
from converter.layouts.classes import check_classes, check_name, is_background, is_ignore
from converter.layouts.images import shown_name
from converter.ledger import Ledger
from converter.model import ClassInfo, Header, LabelMap, Sample

__all__ = ["ClassMap", "apply", "parse", "parse_colors", "plan", "template"]

ClassMap = dict[int, int | None]
IGNORE = 255
SHOWN = 8
MOST_ID = 2**31 - 1  # an id is held in 32 bits somewhere downstream


# ---------------------------------------------------------------- parse


def parse(data: bytes, file: str) -> ClassTable:
    """A class file as a table; SourceError names the entry that is wrong."""
    ending = posixpath.splitext(file)[1].lower()
    drop: Sequence[Any] = ()
    if ending == ".csv":
        entries: Any = [_csv_entry(row) for row in csvs.rows(data, file)]
    else:
        entries = json.decode(data, file) if ending == ".json" else yaml.decode(data, file)
        if isinstance(entries, Mapping) and "classes" not in entries and "drop" not in entries:
            entries = [{"id": k, "name": v} for k, v in entries.items()]
        elif isinstance(entries, Mapping):
            drop = entries.get("drop") or ()
            entries = entries.get("classes") or []
    if not isinstance(entries, list) or not isinstance(drop, list | tuple):
        raise SourceError(file, "is no list of classes", remedy="write a list of {id, name, from: [old names or ids]}")
    parsed = tuple(_entry(e, i, file) for i, e in enumerate(entries))
    table = ClassTable(file, parsed, tuple(_source(v, file, "drop") for v in drop))
    _check_entries(table)
    return table


def parse_colors(data: bytes, file: str) -> tuple[tuple[str, tuple[int, int, int]], ...]:
    """A legend `{name: [r, g, b]}` in JSON or YAML."""
    value = json.decode(data, file) if file.lower().endswith(".json") else yaml.decode(data, file)
    if not isinstance(value, Mapping) or not value:
        raise SourceError(file, "is no mapping of names to colours", remedy="write {name: [r, g, b]}")
    legend = []
    for name, rgb in value.items():
        legend.append((check_name(name, file, str(name)), _color(rgb, file, str(name))))
    return tuple(legend)


def _csv_entry(row: Mapping[str, str]) -> dict[str, Any]:
    plain = {k.strip().lower(): v.strip() for k, v in row.items()}
    old = [s.strip() for s in plain.get("from", "").split("|") if s.strip()]
    entry: dict[str, Any] = {"name": plain.get("name", "")}
    if plain.get("id"):
        entry["id"] = plain["id"]
    return entry | ({"from": [s if (id := text.whole(s)) is None else id for s in old]} if old else {})


def _entry(value: Any, index: int, file: str) -> ClassEntry:
    place = f"entry {index + 1}"
    if isinstance(value, str):
        return ClassEntry(check_name(value, file, place), sources=(value, index))
    if not isinstance(value, Mapping):
        raise SourceError(file, f"{value!r} is no class", place=place, remedy="write {id, name, from: [...]}")
    unknown = sorted(set(value) - {"id", "name", "from", "color"}, key=str)
    if unknown:
        raise SourceError(file, f"the key '{unknown[0]}' is unknown", place=place, remedy="use id, name, from, color")
    id = value.get("id")
    name, id, color = check_name(value.get("name"), file, place), value.get("id"), value.get("color")
    if isinstance(id, str):
        id = -1 if (number := text.whole(id)) is None else number
    if id is not None and (isinstance(id, bool) or not isinstance(id, int) or not 0 <= id <= MOST_ID):
        problem = f"the id {value['id']!r} is not a whole number from 0"
        raise SourceError(file, problem, place=place, remedy="use 1, 2, 3, ...")
    old = value.get("from", [])
    sources = tuple(_source(v, file, place) for v in (old if isinstance(old, list) else [old]))
    return ClassEntry(name, id, sources, None if color is None else _color(color, file, place))


def _color(rgb: Any, file: str, place: str) -> tuple[int, int, int]:
    if not isinstance(rgb, list) or len(rgb) != 3 or not all(type(v) is int and 0 <= v <= 255 for v in rgb):
        raise SourceError(file, f"{rgb!r} is no colour", place=place, remedy="write [r, g, b], each 0 to 255")
    return rgb[0], rgb[1], rgb[2]


def _source(value: Any, file: str, place: str) -> str | int:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise SourceError(file, f"{value!r} is neither a name nor an id", place=place, remedy="name old classes or ids")
    return value


def _check_entries(table: ClassTable) -> None:
    """An old class goes to one new class; names and ids of new ones differ."""
    taken: dict[str | int, str] = {}
    for entry in table.entries:
        for old in entry.sources:
            if taken.setdefault(old, entry.name) != entry.name:
                raise SourceError(
                    table.file,
                    f"{old!r} goes to both '{taken[old]}' and '{entry.name}'",
                    remedy="name it in one place",
                )
    names = [e.name for e in table.entries]
    twice = next((n for n in names if names.count(n) > 1), None)
    if twice is not None:
        raise SourceError(
            table.file, f"two entries are called '{twice}'", remedy="make one of them, with all in 'from'"
        )


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
    check_classes(classes, table.file)
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


def _reserve(
    header: Header, pending: list[tuple[ClassEntry, list[int]]], mapping: ClassMap
) -> tuple[Header, list[tuple[ClassEntry, list[int]]]]:
    """Entries that are background or to be ignored taken out: values of pixels, and no classes.

    Instances of them are dropped: around objects everything is background.
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
        else:
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
        self.by_id = {c.id: c.id for c in header.classes}
        self.reserved = {header.background_id, header.ignore_id}
        if by_source:
            self.by_id = {c.source_id: c.id for c in header.classes if c.source_id is not None}

    def one(self, old: str | int, place: str) -> int:
        found = self.by_id.get(old) if isinstance(old, int) else self.by_name.get(old)
        if found is None:
            found = self.by_name.get(str(old))
        if found is None:
            raise self._unknown(old, place)
        return found

    def all_of(self, entry: ClassEntry) -> list[int]:
        """Old classes of an entry: those of `from`; else the class of its name, else of its id.

        SourceError for a name that no class has; with an id it may be one that does not occur.
        """
        if entry.sources == (entry.name, *entry.sources[1:]) and len(entry.sources) == 2 and entry.id is None:
            name, index = entry.sources
            found = self.by_name.get(str(name), self.by_id.get(int(index)))
            return [] if found is None else [found]
        if is_reserved(entry):
            sources = [s for s in entry.sources or (entry.name,) if not self._means_nothing(s)]
            return list(dict.fromkeys(self.one(old, entry.name) for old in sources))
        if entry.sources:
            return list(dict.fromkeys(self.one(old, entry.name) for old in entry.sources))
        if entry.name in self.by_name:
            return [self.by_name[entry.name]]
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
        known = ", ".join(list(self.by_name)[:SHOWN]) + (", ..." if len(self.by_name) > SHOWN else "")
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
    if sample.labels is not None:
        return msgspec.structs.replace(sample, labels=_map_labels(sample, mapping, background, ledger))
    kept = [i for i in sample.instances if mapping.get(i.class_id, i.class_id) is not None]
    gone = len(sample.instances) - len(kept)
    if gone:
        ledger.lose("class-dropped", shown_name(sample.image), f"{gone} instances of dropped classes", amount=gone)
    moved = tuple(
        msgspec.structs.replace(i, class_id=mapping.get(i.class_id, i.class_id))
        if mapping.get(i.class_id) != i.class_id
        else i
        for i in kept
    )
    return msgspec.structs.replace(sample, instances=moved)


def _map_labels(sample: Sample, mapping: ClassMap, background: int | None, ledger: Ledger) -> LabelMap:
    labels = sample.labels
    assert labels is not None
    size = 256 if labels.dtype == np.uint8 else 65536
    targets = [v for v in mapping.values() if v is not None]
    table = np.arange(size, dtype=np.uint16 if max([0, *targets]) > 255 or size > 256 else np.uint8)
    for old, new in mapping.items():
        if new is None:
            gone = int(np.count_nonzero(labels == old))
            if gone:
                ledger.lose("class-dropped", shown_name(sample.image), f"{gone} pixels of class {old}", amount=gone)
        target = background if new is None else new
        if target is None:
            raise UsageError(
                f"class {old} cannot be dropped: every pixel of this set has a class; merge it into another"
            )
        table[old] = target
    mapped: LabelMap = table[labels]
    return mapped


# ---------------------------------------------------------------- template


def template(classes: Sequence[tuple[int, str, int]], file: str, *, counted: str = "instances") -> bytes:
    """A class file of (id, name, count) that changes nothing, for people to edit: JSON, CSV or YAML by its ending."""
    ending = posixpath.splitext(file)[1].lower()
    olds = [id if name == f"class_{id}" else name for id, name, _ in classes]  # a made-up name is none to go by
    entries = [{"id": id, "name": name, "from": [old]} for (id, name, _), old in zip(classes, olds, strict=True)]
    if ending == ".csv":
        return csvs.encode(
            ("id", "name", "from"), [(e["id"], e["name"], old) for e, old in zip(entries, olds, strict=True)]
        )
    if ending == ".json":
        return json.encode_pretty({"classes": entries, "drop": []})
    width = max((len(_flow(e)) for e in entries), default=0)
    lines = [
        "# Edit and use with --classes: change name or id; put several old names into one 'from' to merge them;",
        "# move a name from 'classes' to 'drop' to leave it out. Entries without 'id' are numbered in their order.",
        "classes:",
        *(f"  - {_flow(entry):<{width}}  # {n} {counted}" for entry, (_, _, n) in zip(entries, classes, strict=True)),
        "drop: []",
    ]
    return ("\n".join(lines) + "\n").encode()


def _flow(entry: Mapping[str, Any]) -> str:
    """An entry on one line; text in double quotes, where YAML and JSON agree."""
    name, old = (json.encode(v).decode() for v in (entry["name"], entry["from"]))
    return f"{{id: {entry['id']}, name: {name}, from: {old}}}"
