"""Several datasets as one: classes united by name, what each was kept in mind.

Classes of one name are one class. It keeps the id of the first dataset that has it; an id
that is taken by then moves to a free one, with a note. Names that differ only in case,
blanks or hyphens may be one class or two: a class file has to say which.

Datasets that are one in task stay so; a map of classes among instances is cut into
regions. 0 is the background as soon as one of them has a background, and a class 0 of
another moves.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import msgspec

from converter.codecs import json
from converter.errors import UsageError, some_of
from converter.format import ClassTable
from converter.layouts.classes import namesakes
from converter.layouts.images import order_splits
from converter.ledger import Ledger
from converter.model import GREATEST, IGNORE, ClassInfo, Header, Task
from converter.package.meta import SETS
from converter.transforms.classes import ClassMap
from converter.transforms.origins import of_header, with_sets

__all__ = ["check_tags", "tags_of", "unite"]

ALONE = "convert that one by itself, with --classes FILE, and merge what comes out"
TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


def tags_of(names: Sequence[str]) -> list[str]:
    """A tag for each dataset from its name, all different: they become folders of image names."""
    tags: list[str] = []
    for name in names:
        bare = name.rstrip("/").rpartition("/")[2].removesuffix(".zip").removesuffix(".json")
        tag = re.sub(r"[^A-Za-z0-9_.-]+", "_", bare).strip("._-") or "set"
        number, free = 2, tag
        while free in tags:
            free, number = f"{tag}_{number}", number + 1
        tags.append(free)
    return tags


def check_tags(tags: Sequence[str], count: int) -> list[str]:
    """Tags that a user gave, one for each dataset."""
    if len(tags) != count:
        raise UsageError(f"{len(tags)} --source tags for {count} datasets; give each one, in their order")
    for tag in tags:
        if not TAG.fullmatch(tag):
            raise UsageError(f"--source {tag}: is no tag; use letters, digits, - and _")
        if list(tags).count(tag) > 1:
            raise UsageError(f"--source {tag}: stands twice; give each dataset a tag of its own")
    return list(tags)


def unite(
    headers: Sequence[Header], tags: Sequence[str], table: ClassTable | None, ledger: Ledger
) -> tuple[Header, list[ClassMap]]:
    """The header of all, and for each dataset where its class ids go.

    Ids in `table` are those of all: UsageError for classes of one dataset that it cannot tell from others by these.
    """
    for header, tag in zip(headers, tags, strict=True):
        for name, ids in namesakes(header.classes).items():
            raise UsageError(f"{tag}: classes {some_of(ids, 5)} are all called '{name}'; {ALONE}")
    _check_meanings(headers, tags, table)
    task: Task = "semantic" if all(h.task == "semantic" for h in headers) else "instance"
    background = _background(headers, task)
    ignore = IGNORE if task == "semantic" and any(h.ignore_id is not None for h in headers) else None
    reserved = {v for v in (background if task == "semantic" else None, ignore) if v is not None}
    greatest = GREATEST if any(h.task == "semantic" for h in headers) else None
    classes = _united(headers, reserved, greatest)
    maps: list[ClassMap] = [{c.id: classes[c.name].id for c in header.classes} for header in headers]
    for header, tag, mapping in zip(headers, tags, maps, strict=True):
        _check_made_up(header, tag, mapping, table)
        _tell(header, tag, classes, ledger)
    united = Header(
        "+".join(dict.fromkeys(h.format for h in headers)),
        task,
        tuple(sorted(classes.values(), key=lambda c: c.id)),
        order_splits(s for h in headers for s in h.splits),
        background_id=background if task == "semantic" or not any(c.id == 0 for c in classes.values()) else None,
        ignore_id=ignore,
        extra=_entries(headers, tags, ledger),
    )
    return with_sets(united, [of_header(h, tag) for h, tag in zip(headers, tags, strict=True)]), maps


def _united(headers: Sequence[Header], reserved: set[int], greatest: int | None) -> dict[str, ClassInfo]:
    """The classes of all by name, in the order in which the datasets have them."""
    classes: dict[str, ClassInfo] = {}
    for header in headers:
        for c in header.classes:
            if c.name not in classes:
                classes[c.name] = _placed(c, {k.id for k in classes.values()} | reserved, headers, greatest)
    return classes


def _tell(header: Header, tag: str, classes: Mapping[str, ClassInfo], ledger: Ledger) -> None:
    """What becomes of a dataset's classes among all: ids that move, and what another dataset has said before."""
    moved = [f"{c.name} {c.id} -> {classes[c.name].id}" for c in header.classes if classes[c.name].id != c.id]
    if moved:
        ledger.note("class-ids-united", tag, f"ids of classes moved: {', '.join(moved)}")
    other = {k: c.name for c in header.classes for k, v in c.extra.items() if classes[c.name].extra.get(k) != v}
    for key, name in sorted(other.items()):
        ledger.lose("metadata-dropped", tag, f"the '{key}' of its class '{name}' is not that of the sets before it")


def _check_made_up(header: Header, tag: str, mapping: ClassMap, table: ClassTable | None) -> None:
    """UsageError where `table` speaks of the number of a class that has no name, and that is another one in all."""
    for c in header.classes:
        number = c.source_id
        if number is None or c.source_name or c.name != f"class_{number}" or mapping[c.id] == number:
            continue
        if table is not None and table.declares(number):
            raise UsageError(f"{tag}: nothing names its class {number}, which is {mapping[c.id]} among all; {ALONE}")


def _background(headers: Sequence[Header], task: Task) -> int | None:
    if task == "instance":
        return 0
    return 0 if any(h.background_id is not None for h in headers) else None


def _placed(c: ClassInfo, taken: set[int], headers: Sequence[Header], greatest: int | None) -> ClassInfo:
    """The class with its id, or with one that no class of any dataset has; from 0 to `greatest`, as pixels hold."""
    id = c.id
    if id in taken or (greatest is not None and not 0 <= id <= greatest):
        used = taken | {k.id for h in headers for k in h.classes}
        id = next(i for i in range(1, len(used) + 2 + IGNORE) if i not in used and i != IGNORE)
    return msgspec.structs.replace(c, id=id)


def _check_meanings(headers: Sequence[Header], tags: Sequence[str], table: ClassTable | None) -> None:
    settled = {str(s) for entry in table.entries for s in (*entry.sources, entry.name)} if table else set()
    settled |= {str(s) for s in table.drop} if table else set()
    seen: dict[str, tuple[str, str]] = {}
    for header, tag in zip(headers, tags, strict=True):
        for c in header.classes:
            key = re.sub(r"[\s_-]+", "", c.name).casefold()
            name, other = seen.setdefault(key, (c.name, tag))
            if other != tag and name != c.name and not {name, c.name} <= settled:
                old, new = (json.encode(n).decode() for n in (name, c.name))
                raise UsageError(
                    f"'{name}' in {other} and '{c.name}' in {tag}: one class or two? say so with --classes FILE, as "
                    f"'- {{name: {old}, from: [{old}, {new}]}}', or an entry for each"
                )


def _entries(headers: Sequence[Header], tags: Sequence[str], ledger: Ledger) -> dict[str, object]:
    """Top-level entries of the datasets: the first of each; one that says something else is lost."""
    entries: dict[str, object] = {}
    for header, tag in zip(headers, tags, strict=True):
        for key, value in header.extra.items():
            if key != SETS and entries.setdefault(key, value) != value:
                ledger.lose("metadata-dropped", tag, f"its entry '{key}' is not that of the sets before it")
    return entries
