"""Classes that a format knows by name only: numbered from 1, in the order of a list where there is one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from converter.format import ClassTable, Scan, Writing
from converter.layouts.classes import check_classes, check_name
from converter.model import ClassInfo, Header, Rgb

__all__ = ["ids_by_name", "mentions", "named_classes", "ordered_names", "with_classes"]


def named_classes(
    declared: Sequence[str],
    used: Iterable[str],
    file: str,
    colors: Mapping[str, Rgb] | None = None,
    *,
    table: ClassTable | None = None,
) -> tuple[ClassInfo, ...]:
    """Classes 1, 2, 3, ...: those declared in their order, then others that are used, by name.

    What is used and can name no class is left out: the object that uses it is refused, not the set.
    """
    others = set(used) - set(declared)
    names = [*declared, *sorted(n for n in others if n.strip() and n.isprintable())]
    colors = colors or {}
    classes = [ClassInfo(i, check_name(n, file, "class"), colors.get(n), i, n) for i, n in enumerate(names, 1)]
    check_classes(classes, file, table=table, by_source=True)
    return tuple(classes)


def with_classes(scan: Scan, classes: Sequence[ClassInfo], *, ignore: bool = False) -> Scan:
    """The scan with the classes that a survey has settled; `ignore`: the set has regions to be ignored."""
    header = msgspec.structs.replace(scan.header, classes=tuple(classes), ignore_id=255 if ignore else None)
    return msgspec.structs.replace(scan, header=header)


def ids_by_name(header: Header) -> dict[str, int]:
    return {c.name: c.id for c in header.classes}


def ordered_names(writing: Writing) -> list[str]:
    """The names of all classes in ascending order of their ids: so they get the same places when read."""
    return [c.name for c in sorted(writing.header.classes, key=lambda c: c.id)]


def mentions(table: ClassTable | None, name: str) -> bool:
    """Whether the user's class file speaks of a class of this name."""
    if table is None:
        return False
    return name in table.drop or any(e.name == name or name in e.sources for e in table.entries)
