"""Class files: rename, merge, drop, order and fix the ids of classes.

    - {id: 1, name: vehicle, from: [car, truck, 7]}     YAML or JSON: a list of these,
    - {name: person}                                    or {classes: [...], drop: [sky]}
    - {id: 255, name: void, from: [unlabeled]}

    id,name,from[,color]                                CSV; several old names with | between
    1,vehicle,car|truck                                 "in quotes" for a name of digits, or with | in it

`from` takes old names and ids. Without it an entry stands for the class of its name, or
else of its id. Entries without `id` share the ids that they stand for, ascending in the
order of the file. Classes that the file does not mention stay as they are.

An entry of id 0 called background (or unlabeled, bg) makes background of what it stands
for, one of id 255 called ignore (or void) pixels that are to be ignored.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from typing import Any

from converter.codecs import csvs, json, text
from converter.errors import SourceError
from converter.format import ClassEntry, ClassTable
from converter.layouts.class_files import HEX
from converter.layouts.classes import check_name
from converter.model import Rgb

__all__ = ["parse", "parse_colors", "template"]

MOST_ID = 2**31 - 1  # an id is held in 32 bits somewhere downstream
QUOTED = re.compile(r'"(?:[^"]|"")*"')
OLD = re.compile(r'\s*("(?:[^"]|"")*"|[^|]*[^|\s])\s*(?:\||$)')  # one of several with | between
RGB = re.compile(r"\[?\s*([0-9]{1,3})[\s,;]+([0-9]{1,3})[\s,;]+([0-9]{1,3})\s*\]?")  # in a cell of a CSV


# ---------------------------------------------------------------- parse


def parse(data: bytes, file: str) -> ClassTable:
    """A class file as a table; SourceError names the entry that is wrong."""
    ending = posixpath.splitext(file)[1].lower()
    drop: Sequence[Any] = ()
    if ending == ".csv":
        entries: Any = [_csv_entry(row) for row in _csv_rows(data, file)]
    else:
        entries = json.decode_named(data, file)
        if isinstance(entries, Mapping) and "name" in entries:
            entries = [entries]  # a single entry, without the list around it
        if isinstance(entries, Mapping) and "classes" not in entries and "drop" not in entries:
            entries = [{"id": k, "name": v} for k, v in entries.items()]
        elif isinstance(entries, Mapping):
            _check_keys(entries, {"classes", "drop"}, file, "")
            drop = entries.get("drop") or ()
            entries = entries.get("classes") or []
    if not isinstance(drop, list | tuple):
        raise SourceError(file, f"{drop!r} is no list", place="drop", remedy="write drop: [old names or ids]")
    if not isinstance(entries, list) or not (entries or drop):
        problem = "names no class" if isinstance(entries, list) else "is no list of classes"
        raise SourceError(file, problem, remedy="write a list of {id, name, from: [old names or ids]}")
    parsed = tuple(_entry(e, i, file) for i, e in enumerate(entries))
    table = ClassTable(file, parsed, tuple(_source(v, file, "drop") for v in drop))
    _check_entries(table)
    return table


def parse_colors(data: bytes, file: str) -> tuple[tuple[str, Rgb], ...]:
    """A legend `{name: [r, g, b]}`, `{name: "#rrggbb"}` or `{"#rrggbb": name}`, in JSON or YAML."""
    value = json.decode_named(data, file)
    if not isinstance(value, Mapping) or not value:
        raise SourceError(file, "is no mapping of names to colours", remedy="write {name: [r, g, b]}")
    legend = []
    for key, other in value.items():
        by_color = HEX.fullmatch(str(key)) and isinstance(other, str) and not HEX.fullmatch(other)
        name, rgb = (other, key) if by_color else (key, other)
        legend.append((check_name(name, file, str(name)), _color(rgb, file, str(name))))
    return tuple(legend)


def _csv_rows(data: bytes, file: str) -> list[dict[str, str]]:
    rows = csvs.rows(data, file)
    if not rows:
        raise SourceError(file, "names no class", remedy="write a header id,name,from and a row a class")
    if "drop" in {column.lower() for column in rows[0]}:
        remedy = "write YAML or JSON with drop: [names]"
        raise SourceError(file, "a CSV drops no classes", place="the column drop", remedy=remedy)
    return rows


def _csv_entry(row: Mapping[str, str]) -> dict[str, Any]:
    plain = {k.strip().lower(): v.strip() for k, v in row.items()}
    old = OLD.findall(plain.get("from", ""))
    entry: dict[str, Any] = {"name": _unquoted(plain.get("name", ""))}
    entry |= {key: plain[key] for key in ("id", "color") if plain.get(key)}
    return entry | ({"from": [_unquoted(v) if (id := text.whole(v)) is None else id for v in old]} if old else {})


def _unquoted(cell: str) -> str:
    """The text of a cell; within quotes it is taken as it stands."""
    return cell[1:-1].replace('""', '"') if QUOTED.fullmatch(cell) else cell


def _quoted(name: str) -> str:
    """The name as a cell that reads back the same: in quotes where it could be taken for something else."""
    plain = OLD.findall(name) == [name] and text.whole(name) is None and not QUOTED.fullmatch(name)
    return name if plain else '"' + name.replace('"', '""') + '"'


def _entry(value: Any, index: int, file: str) -> ClassEntry:
    place = f"entry {index + 1}"
    if isinstance(value, str):
        return ClassEntry(check_name(value, file, place), place=index)
    if not isinstance(value, Mapping):
        raise SourceError(file, f"{value!r} is no class", place=place, remedy="write {id, name, from: [...]}")
    _check_keys(value, {"id", "name", "from", "color"}, file, place)
    name, id, color = check_name(value.get("name"), file, place), value.get("id"), value.get("color")
    if isinstance(id, str):
        id = -1 if (number := text.whole(id)) is None else number
    if id is not None and (isinstance(id, bool) or not isinstance(id, int) or not 0 <= id <= MOST_ID):
        problem = f"the id {value['id']!r} is not a whole number from 0"
        raise SourceError(file, problem, place=place, remedy="use 1, 2, 3, ...")
    old = value.get("from")
    old = [] if old is None else old
    sources = tuple(_source(v, file, place) for v in (old if isinstance(old, list) else [old]))
    return ClassEntry(name, id, sources, None if color is None else _color(color, file, place))


def _check_keys(entry: Mapping[Any, Any], known: set[str], file: str, place: str) -> None:
    """SourceError for a key that would go unread: a `drops` drops nothing."""
    unknown = sorted(set(entry) - known, key=str)
    if unknown:
        remedy = f"use {', '.join(sorted(known))}"
        raise SourceError(file, f"the key '{unknown[0]}' is unknown", place=place, remedy=remedy)


def _color(rgb: Any, file: str, place: str) -> Rgb:
    if isinstance(rgb, str) and (match := HEX.fullmatch(rgb)):
        rgb = [int(part, 16) for part in match.groups()]
    elif isinstance(rgb, str) and (match := RGB.fullmatch(rgb)):
        rgb = [int(part) for part in match.groups()]
    if not isinstance(rgb, list) or len(rgb) != 3 or not all(type(v) is int and 0 <= v <= 255 for v in rgb):
        raise SourceError(
            file, f"{rgb!r} is no colour", place=place, remedy="write [r, g, b], each 0 to 255, or #rrggbb"
        )
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


# ---------------------------------------------------------------- template


def template(classes: Sequence[tuple[int, str, int]], file: str, *, counted: str = "instances") -> bytes:
    """A class file of (id, name, count) that changes nothing, for people to edit: JSON, CSV or YAML by its ending."""
    ending = posixpath.splitext(file)[1].lower()
    olds = [id if name == f"class_{id}" else name for id, name, _ in classes]  # a made-up name is none to go by
    entries = [{"id": id, "name": name, "from": [old]} for (id, name, _), old in zip(classes, olds, strict=True)]
    if ending == ".csv":
        cells = [_quoted(old) if isinstance(old, str) else old for old in olds]
        rows = [(id, _quoted(name), cell) for (id, name, _), cell in zip(classes, cells, strict=True)]
        return csvs.encode(("id", "name", "from"), rows)
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
