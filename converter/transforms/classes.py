"""Class files: rename, merge, drop, order and fix the ids of classes.

    - {id: 1, name: vehicle, from: [car, truck, 7]}     YAML or JSON: a list of these,
    - {name: person}                                    or {classes: [...], drop: [sky]}

    id,name,from                                        CSV; several old names with | between
    1,vehicle,car|truck

`from` takes old names and the ids of the source. Without it an entry stands for the class
of its name, or else of its id. Classes that the file does not mention stay as they are.
"""

from __future__ import annotations

import difflib
import posixpath
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from converter.codecs import csvs, json, yaml
from converter.errors import SourceError, UsageError
from converter.format import ClassEntry, ClassTable
from converter.layouts.classes import check_classes, check_name
from converter.layouts.images import shown_name
from converter.ledger import Ledger
from converter.model import ClassInfo, Header, LabelMap, Sample

__all__ = ["ClassMap", "apply", "parse", "parse_colors", "plan"]

ClassMap = dict[int, int | None]


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
        if not isinstance(rgb, list) or len(rgb) != 3 or not all(isinstance(v, int) and 0 <= v <= 255 for v in rgb):
            raise SourceError(file, f"{rgb!r} is no colour", place=str(name), remedy="write [r, g, b], each 0 to 255")
        legend.append((check_name(name, file, str(name)), (rgb[0], rgb[1], rgb[2])))
    return tuple(legend)


def _csv_entry(row: Mapping[str, str]) -> dict[str, Any]:
    plain = {k.strip().lower(): v.strip() for k, v in row.items()}
    old = [s.strip() for s in plain.get("from", "").split("|") if s.strip()]
    entry: dict[str, Any] = {"name": plain.get("name", "")}
    if plain.get("id"):
        entry["id"] = plain["id"]
    return entry | ({"from": [int(s) if s.isdigit() else s for s in old]} if old else {})


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
    if isinstance(id, str) and id.lstrip("-").isdigit():
        id = int(id)
    if id is not None and (isinstance(id, bool) or not isinstance(id, int) or id < 0):
        raise SourceError(file, f"the id {id!r} is not a whole number from 0", place=place, remedy="use 1, 2, 3, ...")
    old = value.get("from", ())
    old = [old] if isinstance(old, str | int) else old
    color = value.get("color")
    return ClassEntry(
        name=check_name(value.get("name"), file, place),
        id=id,
        sources=tuple(_source(v, file, place) for v in old),
        color=tuple(color) if isinstance(color, list) and len(color) == 3 else None,
    )


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


def plan(header: Header, table: ClassTable) -> tuple[Header, ClassMap]:
    """The header with the classes of `table`, and where each old class id goes (None: dropped)."""
    found = _Finder(header, table.file)
    mapping: ClassMap = {found.one(old, "drop"): None for old in table.drop}
    made: dict[int, ClassInfo] = {}
    pending = [(entry, found.all_of(entry)) for entry in table.entries]
    fixed = {entry.id for entry, _ in pending if entry.id is not None}
    mentioned = {id for _, ids in pending for id in ids} | set(mapping)
    kept = [c for c in header.classes if c.id not in mentioned]
    fixed |= {c.id for c in kept}
    for entry, ids in pending:
        id = entry.id if entry.id is not None else _free(ids, fixed)
        fixed.add(id)
        first = next((c for c in header.classes if c.id in ids), None)
        made[id] = ClassInfo(
            id,
            entry.name,
            color=entry.color or (first.color if first else None),
            source_id=first.source_id if first else None,
            source_name=first.source_name if first else None,
            extra=first.extra if first else {},
        )
        mapping |= dict.fromkeys(ids, id)
    classes = sorted([*made.values(), *kept], key=lambda c: c.id)
    check_classes(classes, table.file)
    mapping |= {c.id: c.id for c in kept}
    zero = any(c.id == 0 for c in classes)
    background = (None if zero else 0) if header.task == "instance" else header.background_id
    if header.task == "semantic" and zero and header.background_id == 0:
        raise SourceError(table.file, "class 0 is the background of this set", remedy="use another id")
    return msgspec.structs.replace(header, classes=tuple(classes), background_id=background), mapping


def _free(ids: Sequence[int], taken: set[int]) -> int:
    """The lowest old id that is free, else the lowest free id from 1."""
    for id in sorted(ids):
        if id not in taken:
            return id
    return next(i for i in range(1, len(taken) + 2) if i not in taken)


class _Finder:
    """Finds the classes of a dataset by old name or source id."""

    def __init__(self, header: Header, file: str) -> None:
        self.file = file
        self.by_name = {c.name: c.id for c in header.classes}
        self.by_source = {c.source_id: c.id for c in header.classes if c.source_id is not None}
        self.by_id = {c.id: c.id for c in header.classes}

    def one(self, old: str | int, place: str) -> int:
        if isinstance(old, int):
            found = self.by_source.get(old, None if self.by_source else self.by_id.get(old))
        else:
            found = self.by_name.get(old)
        if found is None:
            raise SourceError(
                self.file,
                f"the dataset has no class {old!r}{self._nearest(old)}",
                place=place,
                remedy="mend the file",
            )
        return found

    def all_of(self, entry: ClassEntry) -> list[int]:
        """Old classes of an entry: those of `from`; else the class of its name, else of its id."""
        if entry.sources == (entry.name, *entry.sources[1:]) and len(entry.sources) == 2 and entry.id is None:
            name, index = entry.sources
            found = self.by_name.get(str(name), self.by_source.get(int(index)))
            return [] if found is None else [found]
        if entry.sources:
            return list(dict.fromkeys(self.one(old, entry.name) for old in entry.sources))
        if entry.name in self.by_name:
            return [self.by_name[entry.name]]
        by_id = self.by_source or self.by_id
        if entry.id in by_id:
            return [by_id[entry.id]]
        return []

    def _nearest(self, old: str | int) -> str:
        near = difflib.get_close_matches(str(old), list(self.by_name), n=1)
        return f" (is '{near[0]}' meant?)" if near else ""


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
