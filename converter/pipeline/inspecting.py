"""`inspect`: what a dataset is, from a look at all of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec

from converter import engine
from converter.format import ReadOptions
from converter.geometry import labelmap
from converter.ledger import Ledger, OnError
from converter.model import Box, ClassInfo, Header, Instance, Loss, Marks, Note, Polygons, Ref
from converter.pipeline.opening import Opened, Progress, open_dataset, silent
from converter.pipeline.shown import as_stored
from converter.transforms.classes import ClassMap, apply

__all__ = ["ClassCount", "Inspection", "inspect"]


class ClassCount(msgspec.Struct, frozen=True):
    """A class, how many instances it has (semantic: images it occurs in), and how many images."""

    id: int
    name: str
    instances: int
    images: int


class Inspection(msgspec.Struct, frozen=True):
    """What `segpack inspect` shows."""

    source: str
    format: str
    evidence: str
    task: str
    images: int
    images_without_annotations: int
    instances: int
    splits: dict[str, int]
    sizes: dict[str, int]
    classes: list[ClassCount]
    encodings: dict[str, int]
    crowds: int
    background_id: int | None
    ignore_id: int | None
    losses: list[Loss]
    notes: list[Note]


class _Facts(msgspec.Struct, frozen=True):
    """What one image adds to the counts."""

    split: str | None
    size: tuple[int, int]
    classes: dict[int, int]
    encodings: dict[str, int]
    crowds: int
    losses: list[Loss]
    notes: list[Note]


class _Look(msgspec.Struct, frozen=True):
    """Loads an image and counts what is on it; `mapping` is what the user's class file makes of the classes."""

    opened: Opened
    header: Header
    mapping: ClassMap | None

    def __call__(self, ref: Ref) -> _Facts | list[Loss]:
        ledger = Ledger(self.opened.reading.on_error)
        framed = as_stored(self.opened, ref, ledger)
        if framed is None:
            return ledger.losses
        sample = framed.sample
        if self.mapping is not None:
            sample = apply(sample, self.mapping, self.header.background_id, ledger)
        size = (sample.image.width, sample.image.height)
        if sample.labels is not None:
            values, _ = labelmap.values(sample.labels)
            present = {int(v): 1 for v in values}
            kind = "label map, 16 bit" if sample.labels.dtype.itemsize > 1 else "label map, 8 bit"
            return _Facts(sample.image.split, size, present, {kind: 1}, 0, ledger.losses, ledger.notes)
        classes = Counter(i.class_id for i in sample.instances)
        kinds = Counter(_kind(i) for i in sample.instances)
        crowds = sum(i.iscrowd for i in sample.instances)
        return _Facts(sample.image.split, size, dict(classes), dict(kinds), crowds, ledger.losses, ledger.notes)


def _kind(instance: Instance) -> str:
    match instance.shape:
        case Box():
            return "box"
        case Polygons():
            return "polygon"
        case Marks():
            return instance.shape.kind
        case rle:
            return "uncompressed RLE" if rle.listed else "mask"


def inspect(
    path: str,
    *,
    format: str | None = None,
    options: ReadOptions,
    on_error: OnError = "stop",
    workers: int = 1,
    progress: Progress = silent,
) -> Inspection:
    """Load every image of the dataset and count what is in it. Image files are measured, not copied."""
    opened = open_dataset(path, format=format, options=options, on_error=on_error, workers=workers, progress=progress)
    refs = opened.scan.refs
    header, mapping = opened.classed()
    look = _Look(opened, header, mapping)
    facts = list(progress("inspect", len(refs), engine.run(look, refs, workers=workers)))
    return _sum_up(
        path, opened, header, [f for f in facts if isinstance(f, _Facts)], [f for f in facts if isinstance(f, list)]
    )


def _sum_up(
    path: str, opened: Opened, header: Header, facts: Sequence[_Facts], skipped: Sequence[list[Loss]]
) -> Inspection:
    instances: Counter[int] = Counter()
    images: Counter[int] = Counter()
    kinds: Counter[str] = Counter()
    for fact in facts:
        instances.update(fact.classes)
        images.update(fact.classes.keys())
        kinds.update(fact.encodings)
    splits = Counter(f.split for f in facts if f.split)
    sizes = Counter(f"{w}x{h}" for w, h in (f.size for f in facts))
    return Inspection(
        source=path,
        format=opened.format.name,
        evidence=opened.evidence.text,
        task=header.task,
        images=len(facts),
        images_without_annotations=sum(not f.classes for f in facts),
        instances=sum(instances[c.id] for c in header.classes),
        splits={s: splits[s] for s in header.splits if s in splits},
        sizes=dict(sorted(sizes.items(), key=lambda item: (-item[1], item[0]))),
        classes=[_count(c, instances, images) for c in header.classes],
        encodings=dict(sorted(kinds.items())),
        crowds=sum(f.crowds for f in facts),
        background_id=header.background_id,
        ignore_id=header.ignore_id,
        losses=[
            *opened.ledger.losses,
            *(loss for f in facts for loss in f.losses),
            *(x for s in skipped for x in s),
        ],
        notes=[*opened.ledger.notes, *(note for f in facts for note in f.notes)],
    )


def _count(c: ClassInfo, instances: Counter[int], images: Counter[int]) -> ClassCount:
    return ClassCount(c.id, c.name, instances[c.id], images[c.id])
