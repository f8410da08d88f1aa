"""The categories of COCO files as classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from converter.errors import SourceError, some_of
from converter.extras import SILENCE
from converter.format import ClassTable
from converter.layouts.classes import check_classes, check_name, color_in, is_background
from converter.layouts.coco_files import CocoFile
from converter.layouts.coco_images import number
from converter.ledger import Ledger
from converter.model import ClassInfo

__all__ = ["categories", "settle_classes"]

CATEGORY_KEYS = frozenset({"id", "name", "color"})


def categories(files: Sequence[CocoFile], ledger: Ledger) -> dict[int, ClassInfo]:
    """Declared classes by id, the same in every file; of what files say differently of one the first counts."""
    declared: dict[int, ClassInfo] = {}
    for file in files:
        other: dict[str, set[str]] = {}
        raw = file.top.get("categories", msgspec.Raw(b"[]"))
        try:
            entries = msgspec.json.decode(raw, type=list[dict[str, Any]])
        except msgspec.MsgspecError as error:
            raise SourceError(file.label, str(error), place="categories", remedy="each is {id, name}") from None
        for i, entry in enumerate(entries):
            c = _category(entry, file.label, f"categories[{i}]")
            known = declared.setdefault(c.id, c)
            if known.name != c.name:
                raise SourceError(
                    file.label,
                    f"id {c.id} is '{c.name}' here and '{known.name}' before",
                    place="categories",
                    remedy="give both files the same categories",
                    code="duplicate-class-name",
                )
            if known != c:
                declared[c.id], differing = _united(known, c)
                other |= {c.name: differing} if differing else {}
        if other:
            keys = sorted(set().union(*other.values()))
            said = f"of {some_of(list(other), 3)} it says another {', '.join(keys)} than the files before, which count"
            ledger.note("metadata-dropped", file.label, said)
    return dict(sorted(declared.items()))


def _category(entry: dict[str, Any], file: str, place: str) -> ClassInfo:
    id = number(entry.get("id"))
    if id is None:
        problem = f"the id is {entry.get('id')!r}, not a whole number"
        raise SourceError(file, problem, place=place, remedy="number the categories")
    name = check_name(entry.get("name"), file, place)
    rgb = color_in(entry.get("color"))
    extra = {k: v for k, v in entry.items() if k not in CATEGORY_KEYS or (k == "color" and rgb is None)}
    return ClassInfo(id, name, color=rgb, source_id=id, source_name=name, extra=extra)


def _united(first: ClassInfo, other: ClassInfo) -> tuple[ClassInfo, set[str]]:
    """A class with what either file says of it, and the keys of which they say different things."""
    extra = other.extra | {k: v for k, v in first.extra.items() if v not in SILENCE or k not in other.extra}
    differing = {k for k, v in other.extra.items() if v not in SILENCE and extra[k] != v}
    if first.color is not None and other.color not in {None, first.color}:
        differing.add("color")
    return msgspec.structs.replace(first, color=first.color or other.color, extra=extra), differing


def settle_classes(
    declared: dict[int, ClassInfo],
    used: set[int],
    files: Sequence[CocoFile],
    table: ClassTable | None,
    ledger: Ledger,
) -> tuple[tuple[ClassInfo, ...], int | None]:
    """The classes without a dummy or background class 0, and the background's id (None: 0 is a real class)."""
    zero = declared.get(0)
    others = [c for c in declared.values() if c.id != 0]
    if zero is not None and 0 not in used and _is_dummy(zero, others):
        where = files[0].label
        ledger.note("dummy-class", where, f"class 0 '{zero.name}' is used by nothing and was left out")
        declared = {c.id: c for c in others}
        zero = None
    elif zero is not None and 0 not in used and is_background(zero.name):
        declared = {c.id: c for c in others}
        zero = None
    classes = tuple(sorted(declared.values(), key=lambda c: c.id))
    check_classes(classes, files[0].label, "categories", table=table)
    return classes, (None if zero is not None else 0)


def _is_dummy(zero: ClassInfo, others: Sequence[ClassInfo]) -> bool:
    """Roboflow adds a class 0 that only serves as the supercategory of the others, or repeats a name."""
    names = {c.name for c in others}
    if zero.name in names:
        return True
    if zero.extra.get("supercategory") != "none" or not others:
        return False
    return all(c.extra.get("supercategory") == zero.name for c in others)
