"""`diff`: what two datasets, of whatever formats, do not have in common.

Images are matched by split and name, and where splits differ by the name alone; classes by
name; objects by class and best IoU. Masks are the same when their run-length codes are. Of
datasets of which one is semantic, regions of classes are compared: what the instance dataset
would look like as a label map. Ids, attributes and what files claim of shapes are not compared.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from converter import engine
from converter.errors import UsageError, some_of
from converter.format import Holds, ReadOptions, WriteOptions
from converter.layouts.classes import namesakes
from converter.ledger import Ledger, OnError
from converter.lower import Lowering, plan
from converter.model import Header, Loss, Note, Ref
from converter.pipeline.comparing import Compare, ImageDiff, Pair
from converter.pipeline.opening import Opened, Progress, open_dataset, silent

__all__ = ["Compared", "Diff", "Side", "compare"]

NOT_COMPARED = ("ids", "attributes", "scores", "facts of images and of the set")
SEMANTIC = Holds(task="semantic", overlaps=False)


class Side(msgspec.Struct, frozen=True):
    """One of the two datasets."""

    source: str
    format: str
    task: str
    images: int
    classes: int


class Renamed(msgspec.Struct, frozen=True):
    """A class that has another name on the other side, and the same id."""

    id: int
    a: str
    b: str


class Diff(msgspec.Struct, frozen=True):
    """What two datasets differ in. `compared`: objects, or regions of classes.

    `not_compared`: what may differ all the same. `moved`: images that are in other splits, (in a, in b).
    `images` holds those that differ.
    """

    equal: bool
    a: Side
    b: Side
    compared: Literal["instances", "regions"]
    not_compared: tuple[str, ...]
    images_compared: int
    instances_equal: int
    images_only_a: list[str]
    images_only_b: list[str]
    moved: list[tuple[str, str]]
    classes_only_a: list[str]
    classes_only_b: list[str]
    renamed: list[Renamed]
    images: list[ImageDiff]
    counts: dict[str, int]
    losses: list[Loss]
    notes: list[Note]


class Compared(msgspec.Struct, frozen=True):
    """A comparison with what it was made from, for those who want to show more of it."""

    diff: Diff
    work: Compare
    pairs: list[Pair]


def compare(
    a: str,
    b: str,
    *,
    formats: tuple[str | None, str | None] = (None, None),
    options: tuple[ReadOptions, ReadOptions],
    on_error: OnError = "stop",
    workers: int = 1,
    progress: Progress = silent,
) -> Compared:
    """Compare the datasets at `a` and `b`. Image files may be absent on either side."""
    opened = [
        open_dataset(path, format=format, options=option, on_error=on_error, workers=workers, progress=progress)
        for path, format, option in zip((a, b), formats, options, strict=True)
    ]
    one, two = opened
    for each in opened:
        _check_names(each)
    pairs, only_a, only_b, moved = _match(one.scan.refs, two.scan.refs)
    renamed = _renamed(one.scan.header, two.scan.header)
    work = Compare(one, two, {r.b: r.a for r in renamed}, *_plans(one, two))
    found: list[tuple[ImageDiff | None, list[Loss]]] = list(
        progress("diff", len(pairs), engine.run(work, pairs, workers=workers))
    )
    names_a, names_b = ({c.name for c in o.scan.header.classes} for o in opened)
    classes_only_a = sorted(names_a - names_b - {r.a for r in renamed})
    classes_only_b = sorted(names_b - names_a - {r.b for r in renamed})
    images = [d for d, _ in found if d is not None and d.differs]
    counts = _counts(images, only_a, only_b, moved, classes_only_a, classes_only_b, renamed)
    losses = [*one.ledger.losses, *two.ledger.losses, *(loss for _, mine in found for loss in mine)]
    told = Diff(
        equal=not counts and not losses,
        a=_side(a, one),
        b=_side(b, two),
        compared="instances" if work.plan_a is None else "regions",
        not_compared=NOT_COMPARED,
        images_compared=sum(d is not None for d, _ in found),
        instances_equal=sum(d.equal for d, _ in found if d is not None),
        images_only_a=only_a,
        images_only_b=only_b,
        moved=moved,
        classes_only_a=classes_only_a,
        classes_only_b=classes_only_b,
        renamed=renamed,
        images=images,
        counts=counts,
        losses=losses,
        notes=[*one.ledger.notes, *two.ledger.notes],
    )
    return Compared(told, work, pairs)


def _side(path: str, opened: Opened) -> Side:
    header = opened.scan.header
    return Side(path, opened.format.name, header.task, len(opened.scan.refs), len(header.classes))


def _counts(images: Sequence[ImageDiff], *others: Sequence[Any]) -> dict[str, int]:
    names = ("image-only-a", "image-only-b", "split", "class-only-a", "class-only-b", "class-renamed")
    found = Counter({name: len(each) for name, each in zip(names, others, strict=True)})
    for each in images:
        found["size"] += each.size_a != each.size_b
        found["picture"] += each.content != 0
        found.update(f"instance-{d.kind}" for d in each.instances)
    return {k: n for k, n in found.items() if n}


# ---------------------------------------------------------------- what belongs together


def _match(a: Sequence[Ref], b: Sequence[Ref]) -> tuple[list[Pair], list[str], list[str], list[tuple[str, str]]]:
    """Images on both sides, those on one, and those in different splits.

    A dataset without any splits says nothing about them: there is no difference in that.
    """
    theirs = {r.image.path: r for r in b}
    partner = {r.image.path: theirs[r.image.path] for r in a if r.image.path in theirs}
    bare_a = _by_bare_name(r for r in a if r.image.path not in partner)
    taken = {r.image.path for r in partner.values()}
    bare_b = _by_bare_name(r for r in b if r.image.path not in taken)
    silent_splits = not any(r.image.split for r in a) or not any(r.image.split for r in b)
    moved = []
    for name, mine in bare_a.items():
        other = bare_b.get(name)
        if mine is not None and other is not None:
            partner[mine.image.path] = other
            taken.add(other.image.path)
            if not silent_splits:
                moved.append((mine.image.path, other.image.path))
    pairs = [Pair(r, partner[r.image.path]) for r in a if r.image.path in partner]
    only_a = [r.image.path for r in a if r.image.path not in partner]
    only_b = [r.image.path for r in b if r.image.path not in taken]
    return pairs, only_a, only_b, moved


def _by_bare_name(refs: Any) -> dict[str, Ref | None]:
    """Name without split -> its one image, None where several have it."""
    found: dict[str, Ref | None] = {}
    for ref in refs:
        found[ref.image.name] = None if ref.image.name in found else ref
    return found


def _check_names(opened: Opened) -> None:
    """UsageError for two classes of one name: classes are compared by these, and a class file only names ids here."""
    for name, ids in namesakes(opened.scan.header.classes, by_source=opened.format.indexed_classes).items():
        problem = f"{opened.reading.source.name}: classes {some_of(ids, 5)} are all called '{name}'"
        raise UsageError(f"{problem}; convert it with --classes FILE that merges or renames them, and compare that")


def _renamed(a: Header, b: Header) -> list[Renamed]:
    names_a, names_b = {c.name for c in a.classes}, {c.name for c in b.classes}
    left = {c.id: c.name for c in a.classes if c.name not in names_b}
    right = {c.id: c.name for c in b.classes if c.name not in names_a}
    return [Renamed(id, left[id], right[id]) for id in sorted(left.keys() & right.keys())]


def _plans(a: Opened, b: Opened) -> tuple[Lowering | None, Lowering | None]:
    """How both become label maps, when one of them is one."""
    if a.scan.header.task == b.scan.header.task == "instance":
        return None, None
    return plan(a.scan.header, SEMANTIC, WriteOptions(), Ledger()), plan(
        b.scan.header, SEMANTIC, WriteOptions(), Ledger()
    )
