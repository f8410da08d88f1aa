"""From a job to its plan: sources, classes, names and splits are settled before the first pixel is written."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import msgspec

from converter import engine
from converter.errors import SourceError, UsageError
from converter.layouts.images import order_splits, stem
from converter.layouts.splits import stems_in_two
from converter.ledger import Ledger
from converter.model import Header, Image
from converter.package import meta
from converter.pipeline.opening import Opened, Progress, open_dataset
from converter.pipeline.plan import Item, Job, Part, Plan
from converter.storage import check_spared
from converter.storage.names import unportable
from converter.transforms import classes as class_files
from converter.transforms import origins, resize, select, split, unite
from converter.transforms.classes import ClassMap
from converter.transforms.split import Facts
from converter.transforms.split_lists import from_lists

__all__ = ["prepare"]


Loader = Callable[[Plan, Item, Ledger], Any]


def prepare(job: Job, progress: Progress, loader: Loader) -> Plan:
    """Open the sources of `job` and settle everything that does not need pixels.

    `loader` gives the sample of an item, for splits that look at what is in the images.
    """
    plan = _one(job, progress) if len(job.sources) == 1 else _several(job, progress)
    for part in plan.parts:
        check_spared(job.target, part.opened.files())
    plan = _apart(_filtered(plan))
    header, pad = resize.margin(job.steps.resize, plan.header, plan.ledger)
    plan = msgspec.structs.replace(plan, header=header, pad=pad)
    if job.steps.split is not None:
        plan = _split(plan, job, progress, loader)
    elif job.steps.split_from is not None:
        file, lists = job.steps.split_from
        plan = _with_splits(plan, from_lists([i.image.path for i in plan.items], lists, file))
    return _portable(_renamed(plan))


# ---------------------------------------------------------------- sources


def _open(job: Job, source: str, format: str | None, progress: Progress) -> Opened:
    return open_dataset(
        source,
        format=format,
        options=job.read,
        on_error=job.on_error,
        workers=job.workers,
        guard=job.guard,
        progress=progress,
    )


def _one(job: Job, progress: Progress) -> Plan:
    if job.tags:
        raise UsageError("--source tags tell several datasets apart, and there is one")
    opened = _open(job, job.sources[0], job.format, progress)
    titled = _titled(opened.scan.header, opened.reading.source.name)
    header, mapping = _classes(titled, job, by_source=opened.format.indexed_classes)
    items = [Item(0, ref, ref.image) for ref in opened.scan.refs]
    return Plan(
        opened.reading.source.name,
        opened.format.name,
        (Part(opened, mapping),),
        items,
        header,
        job.steps,
        opened.ledger,
        ids_kept=opened.scan.ids_kept and job.steps.tile is None,
    )


def _titled(header: Header, path: str) -> Header:
    """A set without a name has that of its folder or ZIP file, in whatever way it was pointed at (`.`)."""
    if header.name:
        return header
    base = os.path.basename(os.path.abspath(path))
    return msgspec.structs.replace(header, name=base[:-4] if base.lower().endswith(".zip") else base)


def _classes(header: Header, job: Job, *, by_source: bool = False) -> tuple[Header, ClassMap | None]:
    """The header after the class file and conditions on classes, and where each class id goes."""
    table, before, mapping = job.read.classes, header, None
    if table is not None:
        header, mapping = class_files.plan(header, table, by_source=by_source)
    dropped = select.dropped_classes(job.steps.conditions, header)
    if dropped:
        mapping = mapping if mapping is not None else {c.id: c.id for c in header.classes}
        mapping = {old: None if new in dropped else new for old, new in mapping.items()}
        header = msgspec.structs.replace(header, classes=tuple(c for c in header.classes if c.id not in dropped))
    if mapping is not None:
        header = origins.follow(before, header, mapping, renumbered=table is not None)
    return header, mapping


def _several(job: Job, progress: Progress) -> Plan:
    """Sources with their names in folders of their own, and their classes united by name."""
    if job.read.images is not None:
        raise UsageError(
            "--images says where the files of one dataset lie; with several, convert that one by itself, with --images"
        )
    given = list(job.tags)
    tags = unite.check_tags(given, len(job.sources)) if given else unite.tags_of(job.sources)
    opened = [_open(job, source, format, progress) for source, format in zip(job.sources, _formats(job), strict=True)]
    ledger = Ledger(job.on_error)
    for each in opened:
        ledger.losses += each.ledger.losses
        ledger.notes += each.ledger.notes
    united, maps = unite.unite([o.scan.header for o in opened], tags, job.read.classes, ledger)
    header, last = _classes(_titled(united, job.target), job)
    parts, items = [], []
    for number, (each, tag, first) in enumerate(zip(opened, tags, maps, strict=True)):
        parts.append(Part(each, first).followed_by(last or {}))
        items += [Item(number, ref, _tagged(ref.image, tag), tag) for ref in each.scan.refs]
    formats = "+".join(dict.fromkeys(o.format.name for o in opened))
    name = " and ".join(o.reading.source.name for o in opened)
    return Plan(name, formats, tuple(parts), items, header, job.steps, ledger)


def _formats(job: Job) -> Sequence[str | None]:
    """The format of each source: one for all, or a list with commas that may leave some to be detected."""
    named: list[str | None] = [name.strip() or None for name in (job.format or "").split(",")]
    if len(named) == 1:
        return named * len(job.sources)
    if len(named) != len(job.sources):
        raise UsageError(
            f"--from {job.format}: {len(named)} formats for {len(job.sources)} datasets; name one, or each"
        )
    return named


def _tagged(image: Image, tag: str) -> Image:
    return msgspec.structs.replace(image, name=f"{tag}/{image.name}")


# ---------------------------------------------------------------- which images, and where to


def _filtered(plan: Plan) -> Plan:
    """Without the images that conditions on names, splits and sources take out; each is told."""
    conditions = plan.steps.conditions
    if not conditions:
        return plan
    areas = [c for c in conditions if c.key == "area"]
    if areas and plan.header.task == "semantic":
        raise UsageError(f"--filter {areas[0]}: {plan.name} is a map of classes without instances; use --min-area")
    tags = [s.tag for s in meta.merged_sets(plan.header.extra)]
    select.check_sources(conditions, tags)
    kept = []
    for item in plan.items:
        folder = origins.folder_of(item.image.name)
        sourced = msgspec.structs.replace(item, source=folder) if item.source is None and folder in tags else item
        stopped = select.keeps_ref(conditions, item.image, sourced.source)
        if stopped is None:
            kept.append(sourced)
        else:
            plan.ledger.lose("filtered-image", item.image.path, f"not {stopped}")
    if not kept:
        shown = " and ".join(map(str, conditions))
        raise UsageError(f"{plan.name}: no image is left with --filter {shown}")
    splits = order_splits(i.image.split for i in kept)
    header = msgspec.structs.replace(plan.header, splits=splits) if len(kept) < len(plan.items) else plan.header
    return msgspec.structs.replace(plan, items=kept, header=header)


def _apart(plan: Plan) -> Plan:
    """A merged dataset without the sets that conditions on the source take out; one alone is what it was."""
    asked = [c for c in plan.steps.conditions if c.key == "source"]
    sets = meta.merged_sets(plan.header.extra) if asked else []
    if not sets:
        return plan
    kept = [s for s in sets if all(c.names(s.tag) for c in asked)]
    header, mapping = origins.reduced(plan.header, kept)
    parts = tuple(part.followed_by(mapping) for part in plan.parts)
    items = [_untagged(i, kept[0]) for i in plan.items] if len(kept) == 1 else plan.items
    return msgspec.structs.replace(plan, header=header, parts=parts, items=items)


def _untagged(item: Item, alone: meta.MergedSet) -> Item:
    """The image as it was called in its set; where that was merged as well, it has a tag of its own."""
    if item.source is None:
        return item
    name = item.image.name.removeprefix(f"{alone.tag}/")
    folder = origins.folder_of(name)
    source = folder if any(m.tag == folder for m in alone.merged) else ""
    return msgspec.structs.replace(item, image=msgspec.structs.replace(item.image, name=name), source=source)


class _Survey(msgspec.Struct, frozen=True):
    """What splitting has to know of one item; runs in a worker."""

    plan: Plan
    loader: Loader

    def __call__(self, item: Item) -> Facts | None:
        found: Facts | None = self.loader(self.plan, item, Ledger(self.plan.ledger.on_error))
        return found


def _unknown(_: Item, __: str) -> None:
    """What is known of an image that cannot be looked at; drawing it will say why."""


def _split(plan: Plan, job: Job, progress: Progress, loader: Loader) -> Plan:
    how = job.steps.split
    assert how is not None
    work = _Survey(plan, loader)
    lost = _unknown if job.on_error == "skip" else None
    looking = engine.run(work, plan.items, workers=job.workers, guard=job.guard, lost=lost)
    found = list(progress("look", len(plan.items), looking))
    facts = [f for f in found if f is not None]
    made = split.assign(facts, how)
    _tell_split(plan, how, made, len(facts))
    given = iter(made.splits)
    names = [next(given) if f is not None else how.shares[0][0] for f in found]
    return _with_splits(plan, names)


def _tell_split(plan: Plan, how: split.Splitting, made: split.Assignment, images: int) -> None:
    tell = partial(plan.ledger.note, where=plan.name)
    if made.together:
        message = (
            f"{sum(made.together)} images are in {len(made.together)} groups of duplicates, near duplicates or "
            f"--group-by, the largest of {max(made.together)}, and no group is split"
        )
        tell("kept-together", message=message)
    if made.ungrouped:
        tell("ungrouped", message=f"--group-by finds nothing in the names of {made.ungrouped} of {images} images")
    if bare := [name for name, _ in how.shares if name not in made.splits]:
        tell("empty-split", message=f"{', '.join(bare)}: none of the {images} images")


def _with_splits(plan: Plan, splits: Sequence[str]) -> Plan:
    """Every image in its split; those that then have one path get the folder of their old split."""
    moved = [
        msgspec.structs.replace(item, image=msgspec.structs.replace(item.image, split=s))
        for item, s in zip(plan.items, splits, strict=True)
    ]
    taken = Counter((i.image.split, i.image.name) for i in moved)
    for n, (old, new) in enumerate(zip(plan.items, moved, strict=True)):
        if taken[new.image.split, new.image.name] > 1 and old.image.split:
            image = msgspec.structs.replace(new.image, name=f"{old.image.split}/{new.image.name}")
            plan.ledger.note("image-renamed", old.image.path, f"it became {image.path}, as another has its name")
            moved[n] = msgspec.structs.replace(new, image=image)
    header = msgspec.structs.replace(plan.header, splits=order_splits(splits))
    return msgspec.structs.replace(plan, items=moved, header=header)


def _renamed(plan: Plan) -> Plan:
    """Names with the extensions that their files will have, and which differ in those only."""
    if not plan.steps.redraws:
        return plan
    named = [
        msgspec.structs.replace(i, image=msgspec.structs.replace(i.image, name=plan.steps.name(i.image.name)))
        for i in plan.items
    ]
    shared = stems_in_two([i.image for i in named])
    items = [msgspec.structs.replace(i, shared=(i.image.split, stem(i.image.name)) in shared) for i in named]
    return msgspec.structs.replace(plan, items=items)


def _portable(plan: Plan) -> Plan:
    """The items whose images can be written everywhere; the others are refused, or left out one by one."""
    kept = []
    for item in plan.items:
        name = item.image.path
        if why := unportable(name):
            plan.ledger.bad_image(name, SourceError(plan.name, why, place=name, remedy="rename the image"))
        else:
            kept.append(item)
    return plan if len(kept) == len(plan.items) else msgspec.structs.replace(plan, items=kept)
