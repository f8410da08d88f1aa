"""Ids of classes that a set uses and does not declare: what to say of them, and how a class file settles them."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Sequence

from converter.errors import some_of
from converter.format import ClassEntry, ClassTable
from converter.layouts.classes import is_background, is_ignore
from converter.ledger import Ledger
from converter.model import IGNORE, ClassInfo

__all__ = ["settled_ids", "told_ids", "undeclared", "unnamed", "with_told"]


def undeclared(ids: Iterable[int], declared: Iterable[int]) -> str:
    """What to say of ids that no class has: the ids, and how --classes settles it."""
    known = sorted(declared)
    found = sorted(ids)
    shown = some_of(found, 5)
    first, used = found[0], f"class {shown} is" if len(found) == 1 else f"classes {shown} are"
    void = " (name: ignore, where it is no class)" if first == IGNORE else ""
    return (
        f"{used} used and not declared (declared: {_span(known)}); "
        f"name it with --classes FILE holding '- {{id: {first}, name: ..., from: [{first}]}}'{void}, "
        f"or drop it with 'drop: [{first}]'"
    )


def _span(known: Sequence[int]) -> str:
    if not known:
        return "none"
    if len(known) > 2 and known[-1] - known[0] == len(known) - 1:
        return f"{known[0]} to {known[-1]}"
    return some_of(known, 8)


def settled_ids(ids: Iterable[int], table: ClassTable | None) -> list[ClassInfo]:
    """Classes for those of `ids`, in use and not declared, that the class file of the user settles."""
    settled = [] if table is None else [id for id in ids if table.declares(id)]
    return [ClassInfo(id, f"class_{id}", source_id=id) for id in sorted(settled)]


def told_ids(
    table: ClassTable | None, ids: Container[int | None], names: Container[str], ledger: Ledger, where: str
) -> list[int]:
    """The ids that only the class file of the user speaks of, beside the `ids` and `names` of a set, with a note.

    An entry with the name of a class of the set and another id moves that class, and speaks of no other.
    """
    if table is None:
        return []
    told = [id for e in table.entries if e.sources or e.name not in names for id in e.old_ids if not _is_void(e, id)]
    told += [id for id in table.drop if isinstance(id, int)]
    found = sorted({id for id in told if id >= 0 and id not in ids})
    if found:
        said = f"the set declares no class {some_of(found, 5)}: what is of it is what {table.file} says"
        ledger.note("class-undeclared", where, said)
    return found


def _is_void(entry: ClassEntry, id: int) -> bool:
    """Whether an entry says that pixels of this value are background, or are to be ignored."""
    return id == entry.id and (is_ignore(entry.name) if id else is_background(entry.name))


def with_told(
    classes: Iterable[ClassInfo],
    table: ClassTable | None,
    ledger: Ledger,
    where: str,
    reserved: Collection[int | None],
) -> list[ClassInfo]:
    """The classes of a set whose values are not known yet, and those that the user's class file speaks of by id.

    `reserved`: ids that are no classes, as that of the background.
    """
    declared = list(classes)
    told = told_ids(table, {*reserved, *(c.id for c in declared)}, {c.name for c in declared}, ledger, where)
    return sorted([*declared, *(ClassInfo(i, f"class_{i}", source_id=i) for i in told)], key=lambda c: c.id)


def unnamed(
    ids: Iterable[int], table: ClassTable | None, ledger: Ledger, where: str, *, unless: str = ""
) -> tuple[ClassInfo, ...]:
    """Classes for ids that nothing names: from the class file of the user, else class_3 and so on.

    `unless`: what to do where the ids are something else than classes, for the note.
    """
    names = table.names_of_ids() if table else {}
    missing = [i for i in ids if i not in names]
    if missing and table is None:
        shown = some_of([f"class_{i}" for i in sorted(missing)], 4)
        ledger.note(
            "class-names-unknown",
            where,
            f"no class names were found: they are {shown}; name them with --classes FILE{unless}",
        )
    return tuple(ClassInfo(i, f"class_{i}", source_id=i) for i in sorted(ids))
