"""The classes of maps of classes: what the files beside them declare, and what their pixels hold."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence

import msgspec

from converter.errors import SourceError, some_of
from converter.format import ClassTable, Reading
from converter.layouts.class_files import LABEL_COLORS, find_class_file, read_class_file
from converter.layouts.classes import black_first, check_classes, is_background, is_ignore, legend_colors, of_colors
from converter.layouts.undeclared import settled_ids, unnamed
from converter.ledger import Ledger
from converter.model import IGNORE, ClassInfo, Header, Rgb

__all__ = ["Present", "by_grays", "declared", "in_colors", "settled"]

NUMBERS = "; if the values number objects, read them with --from instance-map"
SHADES = "; if black and white with soft edges is meant, save the masks cut at 128"
MANY = 16  # values beside 0 and 255, from which they may be shades of gray


class Present(msgspec.Struct, frozen=True):
    """The values in a mask, ascending; `blurred` when a lossy file holds more than two, which are mostly noise.

    `colors` are those that its palette gives them; `looked_up`: they come from a legend, by the colours of pixels.
    `deep`: pixels have 16 bits.
    """

    values: list[int]
    blurred: bool
    looked_up: bool
    colors: list[Rgb] = []
    deep: bool = False


def declared(reading: Reading, pairs: Sequence[tuple[str, str]]) -> tuple[list[ClassInfo], dict[Rgb, int], str]:
    """Classes declared for masks of images, the legend of colours, and the file they come from ("": there is none).

    `pairs` are images and their masks.
    """
    source = reading.source
    if reading.options.colors:
        black = any(rgb == (0, 0, 0) for _, rgb in reading.options.colors)
        found = [ClassInfo(i, name, rgb) for i, (name, rgb) in enumerate(reading.options.colors, 0 if black else 1)]
        return _real(found), legend_colors(of_colors(found)), "--colors"
    folders = ["", *dict.fromkeys(f for image, mask in pairs[:50] for f in _folders(image, mask))]
    path = find_class_file(source, folders)
    if path is None:
        return [], {}, ""
    found = list(read_class_file(source, path).values())
    found = black_first(found) if posixpath.basename(path) == LABEL_COLORS else found
    return _real(found), legend_colors(of_colors(found)), source.label(path)


def _folders(image: str, mask: str) -> list[str]:
    parents = [posixpath.dirname(mask), posixpath.dirname(image)]
    return [*parents, *(posixpath.dirname(p) for p in parents)]


def _real(found: Sequence[ClassInfo]) -> list[ClassInfo]:
    """Ascending by id, each remembering what it was."""
    return sorted((msgspec.structs.replace(c, source_id=c.id, source_name=c.name) for c in found), key=lambda c: c.id)


def by_grays(header: Header, found: Sequence[Present | None], colors: Mapping[Rgb, int]) -> list[Present | None] | None:
    """What masks hold where their values are no ids but the grays of a legend `colors`, as 255 of a white class is.

    None unless that is so of all values, and some are no ids.
    """
    ids = {(0, 0, 0): 0, **colors}
    plain = [each for each in found if each and not each.looked_up]
    values = {value for each in plain for value in each.values}
    if values <= {0, *(c.id for c in header.classes)} or any(each.colors for each in plain):
        return None
    if not all(ids.get((value, value, value), -1) >= 0 for value in values):
        return None
    return [
        Present(sorted(ids[v, v, v] for v in each.values), each.blurred, looked_up=True)
        if each and not each.looked_up
        else each
        for each in found
    ]


def in_colors(header: Header, found: Sequence[Present | None], reading: Reading, ledger: Ledger) -> Header:
    """The header with 0 left to black where masks are in colours; a legend for others is noted.

    SourceError where 0 is black in some masks, and a class in others, which hold ids.
    """
    looked_up = [each.looked_up for each in found if each]
    if any(looked_up):
        classes = of_colors(header.classes)
        if not all(looked_up) and [c.id for c in classes] != [c.id for c in header.classes]:
            problem = "some masks are in colours and others hold ids, so that 0 is two things"
            raise SourceError(reading.source.name, problem, remedy="save all masks in one way")
        return msgspec.structs.replace(header, classes=tuple(_real(classes)))
    origin = str(header.extra.get("classes_from") or "")
    if posixpath.basename(origin) == LABEL_COLORS and all(c.id for c in header.classes):
        ledger.note("background-added", origin, "no line is black or background: 0 is, and the first line is class 1")
    if reading.options.colors:
        named = some_of([f"{c.id} {c.name}" for c in header.classes], 3)
        ledger.note("colors-unused", reading.source.name, f"no mask is in colours: --colors only names ids ({named})")
    return header


def settled(
    header: Header, found: Sequence[Present | None], reading: Reading, ledger: Ledger
) -> tuple[list[ClassInfo], int | None, int | None]:
    """The classes of a set with `found` in its masks, its background, and what is to be ignored."""
    sound = [each for each in found if each and not each.blurred]
    present = {v for each in sound for v in each.values}
    table = reading.options.classes
    named = {c.id: c for c in header.classes}
    background = _background(named, table)
    ignore = _ignored(named, sound, reading, ledger)
    loose = present - {background, ignore} - named.keys()
    if not header.classes:
        if table is not None:
            others = set(table.names_of_ids()) - {background, ignore} - named.keys()
            loose = {v for v in loose if table.declares(v)} | others
        named |= _unnamed(loose, reading, ledger, shades=IGNORE in present)
    elif table is not None:
        named |= {c.id: c for c in settled_ids(loose, table)}
    classes = sorted(named.values(), key=lambda c: c.id)
    check_classes(classes, header.extra.get("classes_from") or reading.source.name, table=table)
    return classes, background, ignore


def _background(named: dict[int, ClassInfo], table: ClassTable | None) -> int | None:
    """0, which is then taken from `named`, unless a class has it: that of a file, or the user's."""
    background: int | None = 0
    if 0 in named:
        background = 0 if is_background(named[0].name) else None
    elif table is not None and table.declares(0):
        names = table.names_of_ids()
        background = 0 if 0 in names and is_background(names[0]) else (None if 0 in names else 0)
        if background is None:
            named[0] = ClassInfo(0, "class_0", source_id=0)
    if background == 0:
        named.pop(0, None)
    return background


def _ignored(named: dict[int, ClassInfo], sound: Sequence[Present], reading: Reading, ledger: Ledger) -> int | None:
    """255, then taken from `named`, where it is declared so, or undeclared and present beside other values."""
    table = reading.options.classes
    present = {v for each in sound for v in each.values}
    names = table.names_of_ids() if table is not None else {}
    ignore = IGNORE if is_ignore(named[IGNORE].name if IGNORE in named else names.get(IGNORE, "")) else None
    declared_255 = IGNORE in named or (table is not None and table.declares(IGNORE))
    last = not any(each.deep for each in sound if IGNORE in each.values)  # of 16 bits it is a value as any other
    if not declared_255 and IGNORE in present and last and max(present) <= IGNORE and present - {0, IGNORE}:
        ignore = IGNORE
        ledger.note("ignore-255", reading.source.name, "255 is declared as no class: its pixels are to be ignored")
    if ignore is not None:
        named.pop(IGNORE, None)
    return ignore


def _unnamed(ids: set[int], reading: Reading, ledger: Ledger, *, shades: bool) -> dict[int, ClassInfo]:
    """Classes of values that nothing names; many, white among them (`shades`), may be no classes, as is told."""
    table, name = reading.options.classes, reading.options.class_name
    if ids == {IGNORE} and name:
        return {IGNORE: ClassInfo(IGNORE, name, source_id=IGNORE)}
    unless = NUMBERS if len(ids) > 1 else ""
    if len(ids) > MANY and shades:
        unless += SHADES
    return {c.id: c for c in unnamed(ids, table, ledger, reading.source.name, unless=unless)}
