"""How samples will be lowered: the header that the target will have, and where class ids go."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec

from converter.errors import UsageError
from converter.format import Holds, WriteOptions
from converter.layouts.legend import LEGEND, legend_names
from converter.ledger import Ledger
from converter.model import GREATEST, IGNORE, ClassInfo, Header

__all__ = ["Lowering", "plan"]


class Lowering(msgspec.Struct, frozen=True):
    """How samples of `source` become samples of `target`: class ids mapped, shapes fitted to `holds`."""

    source: Header
    target: Header
    holds: Holds
    options: WriteOptions
    ids: dict[int, int]
    fill: int = 0

    @property
    def ignored_before(self) -> int | None:
        """The value of pixels to be ignored in label maps of the source."""
        return _ignored(self.source, {c.id for c in self.source.classes})

    @property
    def ignored_after(self) -> int | None:
        """The same in those that are painted: 255 where nobody declares it and no class has it."""
        return _ignored(self.source, self.ids.values())


def plan(source: Header, holds: Holds, options: WriteOptions, ledger: Ledger) -> Lowering:
    """The header that the target will have. Class ids move only where they must, with a note."""
    _tell_metadata(source, holds, ledger)
    if holds.task == "semantic":
        return _plan_semantic(source, holds, options, ledger)
    ids = {c.id: c.id for c in source.classes}
    if source.task == "semantic" and options.instances is None:
        ledger.note(
            "instances-by-class",
            source.format,
            "every class of an image became one instance; --instances components makes one of each connected region",
        )
    classes = source.classes
    if holds.last_id is not None:
        ids = _free_ids(classes, None, ledger, holds.last_id)
        classes = tuple(sorted((msgspec.structs.replace(c, id=ids[c.id]) for c in classes), key=lambda c: c.id))
    if holds.legend:
        classes = _renamed(classes, ledger)
    background = None if 0 in ids.values() else 0
    target = msgspec.structs.replace(source, task="instance", classes=classes, background_id=background, ignore_id=None)
    return Lowering(source, target, holds, options, ids)


def _ignored(header: Header, taken: Collection[int]) -> int | None:
    if header.ignore_id is not None:
        return header.ignore_id
    return IGNORE if IGNORE not in taken else None


def _renamed(classes: tuple[ClassInfo, ...], ledger: Ledger) -> tuple[ClassInfo, ...]:
    """The classes by names that a legend can hold, with a note for each that is another."""
    names = legend_names([c.name for c in classes])
    for c, name in zip(classes, names, strict=True):
        if name != c.name:
            ledger.note(
                "class-renamed",
                c.name,
                f"class {c.id} '{c.name}' became '{name}': {LEGEND} has no place for a colon, for # in front "
                "and for blanks at the ends of names",
            )
    return tuple(msgspec.structs.replace(c, name=name) for c, name in zip(classes, names, strict=True))


def _tell_metadata(source: Header, holds: Holds, ledger: Ledger) -> None:
    """Facts about the set that are no annotations, and that the target has no place for."""
    keys = {*source.extra, *(key for c in source.classes for key in c.extra)}
    lost = sorted(key for key in keys if not holds.keeps_fact(key))
    where = source.format
    if lost:
        said = f"the target has no place for {', '.join(lost)}, nor for such facts of images"
        ledger.note("metadata-dropped", where, said)
    if not holds.colors and any(c.color is not None for c in source.classes):
        ledger.note("metadata-dropped", where, "the target has no place for colours of classes")


def _plan_semantic(source: Header, holds: Holds, options: WriteOptions, ledger: Ledger) -> Lowering:
    if source.task == "semantic":
        taken = {c.id for c in source.classes}
        fill = source.background_id
        if fill is None:
            ignore = _ignored(source, taken)
            fill = ignore if ignore is not None else max(taken) + 1
        return Lowering(source, source, holds, options, {c.id: c.id for c in source.classes}, fill)
    ids = _free_ids(source.classes, source.ignore_id, ledger)
    classes = tuple(sorted((msgspec.structs.replace(c, id=ids[c.id]) for c in source.classes), key=lambda c: c.id))
    target = msgspec.structs.replace(source, task="semantic", classes=classes, background_id=0)
    return Lowering(source, target, holds, options, ids)


def _free_ids(classes: Sequence[ClassInfo], ignore: int | None, ledger: Ledger, last: int = GREATEST) -> dict[int, int]:
    """Ids that fit a pixel (16 bits, or up to `last`) and mean nothing else there: others move to free ones."""
    ids = {c.id: c.id for c in classes if 0 < c.id <= last and c.id != ignore}
    taken = {*ids, ignore}
    for c in classes:
        if c.id not in ids:
            free = next((i for i in range(1, last + 1) if i not in taken), None)
            if free is None:
                problem = f"there are {len(classes)} classes, and the target numbers {last}"
                raise UsageError(f"{problem}; unite or drop some with --classes FILE")
            taken.add(free)
            ids[c.id] = free
            ledger.note(
                "class-id-moved",
                c.name,
                f"class {c.id} '{c.name}' became {free}: 0 is the background"
                + (f", {ignore} is to be ignored," if ignore is not None else "")
                + f" and ids end at {last}",
            )
    return ids
