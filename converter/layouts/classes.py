"""What makes a list of classes usable: names and ids that stand for one class each, colours, and what is no class."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from converter.codecs import json
from converter.errors import SourceError, printable
from converter.format import ClassTable
from converter.model import ClassInfo, Rgb

__all__ = [
    "BACKGROUND_NAMES",
    "black_first",
    "called_twice",
    "check_classes",
    "check_ids",
    "check_name",
    "color_in",
    "is_background",
    "is_ignore",
    "legend_colors",
    "namesakes",
    "of_colors",
    "raised",
]

BACKGROUND_NAMES = frozenset({"background", "_background_", "__background__", "bg", "unlabeled", "unlabelled"})
IGNORE_NAMES = frozenset({"ignore", "void", "__ignore__", "_ignore_", "ignored", "dontcare"})
BLACK: Rgb = (0, 0, 0)


def is_background(name: str) -> bool:
    """Whether a class of id 0 and this name is the background by its own words."""
    return name.strip().lower() in BACKGROUND_NAMES


def is_ignore(name: str) -> bool:
    """Whether a class of this name says that its pixels are to be left out of training."""
    return name.strip().lower() in IGNORE_NAMES


def check_name(name: Any, file: str, place: str) -> str:
    """`name` if it can name a class in every format: text, not empty, on one line."""
    if not isinstance(name, str):
        raise SourceError(file, f"a class name is {name!r}, not text", place=place, remedy="put it in quotes")
    if not name.strip():
        raise SourceError(file, "a class name is empty", place=place, remedy="name the class")
    if not name.isprintable():
        raise SourceError(
            file,
            f"the class name '{printable(name)}' holds a control character",
            place=place,
            remedy="rename the class",
        )
    return name


def check_classes(
    classes: Sequence[ClassInfo],
    file: str,
    place: str = "classes",
    *,
    table: ClassTable | None = None,
    by_source: bool = False,
) -> None:
    """No id may stand for two classes, and no name, which is left to the class file of the user where there is one.

    `by_source`: ids in a class file are those that the source's files hold, not the header's.
    """
    check_ids(classes, file, place)
    twice = None if table is not None else next(iter(namesakes(classes, by_source=by_source).items()), None)
    if twice is not None:
        raise SourceError(file, called_twice(*twice), place=place, code="duplicate-class-name")


def check_ids(classes: Sequence[ClassInfo], file: str, place: str = "classes") -> None:
    """No id may stand for two classes."""
    ids: dict[int, str] = {}
    for c in classes:
        if c.id in ids:
            raise SourceError(
                file,
                f"id {c.id} is declared twice, as '{ids[c.id]}' and as '{c.name}'",
                place=place,
                remedy="give each class an id of its own",
                code="duplicate-class-name",
            )
        ids[c.id] = c.name


def namesakes(classes: Iterable[ClassInfo], *, by_source: bool = False) -> dict[str, list[int]]:
    """The names that stand for several classes, each with the ids by which a class file tells these apart."""
    found: dict[str, list[int]] = {}
    for c in classes:
        found.setdefault(c.name, []).append(c.source_id if by_source and c.source_id is not None else c.id)
    return {name: ids for name, ids in found.items() if len(ids) > 1}


def called_twice(name: str, ids: Sequence[int]) -> str:
    """What to say of classes of one name: their ids, and how --classes settles it."""
    last = ids[-1]
    return (
        f"{'two' if len(ids) == 2 else len(ids)} classes are called '{name}', "
        f"ids {', '.join(map(str, ids[:-1]))} and {last}; merge them with --classes FILE holding "
        f"'- {{name: {json.encode(name).decode()}, from: {list(ids)}}}', "
        f"or rename one with '- {{name: ..., from: [{last}]}}'"
    )


def color_in(values: Any) -> Rgb | None:
    """The colour that a list of three numbers is, whole ones from 0 to 255; None for anything else."""
    if not isinstance(values, list) or len(values) != 3 or not all(type(v) in {int, float} for v in values):
        return None
    if not all(0 <= v <= 255 and v == int(v) for v in values):
        return None
    return int(values[0]), int(values[1]), int(values[2])


def legend_colors(classes: Iterable[ClassInfo]) -> dict[Rgb, int]:
    """Colour -> class id for the classes that have one; -1 for a colour of two classes, which tells neither."""
    found: dict[Rgb, int] = {}
    for c in classes:
        if c.color is not None:
            found[c.color] = -1 if c.color in found else c.id
    return found


def of_colors(classes: Sequence[ClassInfo]) -> list[ClassInfo]:
    """The classes with the ids that they have where pixels are colours: there black is 0, as no id stands in a mask.

    A background that is black has it, wherever it stands in its legend; where no class is black, none has it.
    """
    late = next((c for c in classes if c.id and c.color == BLACK and is_background(c.name)), None)
    colors = [c.color for c in classes if c.color is not None]
    if not any(c.id == 0 and not is_background(c.name) for c in classes):
        return list(classes)
    if late is not None:
        moved = {c.id: 0 if c is late else c.id + (c.id < late.id) for c in classes}
        return [msgspec.structs.replace(c, id=moved[c.id]) for c in classes]
    return raised(classes) if colors and BLACK not in colors else list(classes)


def raised(classes: Sequence[ClassInfo]) -> list[ClassInfo]:
    """The classes with 0 left to black."""
    return [msgspec.structs.replace(c, id=c.id + 1) for c in classes]


def black_first(classes: Sequence[ClassInfo]) -> list[ClassInfo]:
    """Classes numbered by their lines as Datumaro paints them: from 1 where none is black or the background."""
    known = any(c.color == (0, 0, 0) or is_background(c.name) for c in classes)
    return list(classes) if known else raised(classes)
