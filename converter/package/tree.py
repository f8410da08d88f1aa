"""The tree of a package: where images and masks lie, and the files that describe them.

    meta.json
    index.csv
    images/[<split>/]<path>
    masks/[<split>/]<path without extension>/0001_<class id>.png    binary: 0 or 255
    masks/[<split>/]<path without extension>.png                    multi-class: pixel = class id

If two images differ in their extension only, it stays in the mask path.
"""

from __future__ import annotations

import hashlib
import posixpath
import sys
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache

import msgspec

from converter.codecs.text import whole
from converter.format import Encoded, Record, Writing
from converter.geometry import labelmap
from converter.model import IGNORE, Image, Sample
from converter.package import index, meta
from converter.release import VERSION
from converter.storage import Source, Target

__all__ = ["PackageAssembler", "describe", "image_path", "indexed_image", "mask_stem", "rows_only", "to_meta"]

SENTENCES = {
    "binary": "One 8-bit gray PNG an instance, masks/<image>/<number>_<class id>.png: 255 is the instance, 0 is not.",
    "multi-class": "One gray PNG an image, masks/<image>.png: a pixel is the id of its class.",
    "coco": "COCO instances for all images; file_name is the path below images/.",
    "yolo": "YOLO labels, class index = place in the list of classes; put yolo/ and images/ into one folder to train.",
}


def image_path(writing: Writing, image: Image) -> str:
    return writing.images + image.path


def mask_stem(writing: Writing, image: Image) -> str:
    """The mask path of an image without what follows it: a folder of masks, or the name of one."""
    bare = posixpath.splitext(image.name)[0]
    name = image.name if (image.split, bare) in writing.shared_stems else bare
    return "masks/" + (f"{image.split}/{name}" if image.split else name)


class PackageRecord(msgspec.Struct, frozen=True):
    """What the index and meta.json need of one image. `ignored`: pixels of it are, and no class has their value."""

    rows: list[index.Row]
    per_class: dict[int, int]
    size: tuple[int, int]
    instances: int
    ignored: bool = False


def describe(writing: Writing, sample: Sample, masks: list[tuple[str, bytes]]) -> PackageRecord:
    """The record of an image whose masks are `masks` (paths and PNG bytes; none, one, or one an instance)."""
    names = {c.id: c.name for c in writing.header.classes}
    size = (sample.image.width, sample.image.height)
    if sample.labels is not None:
        path, data = masks[0] if masks else ("", b"")
        digest = hashlib.sha256(data).hexdigest() if masks else ""
        values = labelmap.values(sample.labels)[0].tolist()
        present = {v: 1 for v in values if v in names}
        ignored = IGNORE in values and IGNORE not in names
        return PackageRecord([index.image_row(sample, path, digest)], present, size, len(present), ignored)
    placed = masks or [("", b"")] * len(sample.instances)
    rows = [
        index.instance_row(
            sample, instance, names[instance.class_id], path, hashlib.sha256(data).hexdigest() if path else ""
        )
        for instance, (path, data) in zip(sample.instances, placed, strict=True)
    ]
    per_class = Counter(i.class_id for i in sample.instances)
    return PackageRecord(rows or [index.image_row(sample)], dict(per_class), size, len(sample.instances))


def rows_only(writing: Writing, sample: Sample) -> Encoded:
    """A package without masks/: rows of the index, no files."""
    return Encoded([], describe(writing, sample, []), [i.id for i in sample.instances])


class PackageAssembler:
    """Writes index.csv and meta.json."""

    def __init__(self, writing: Writing, out: Target) -> None:
        self.writing, self.out = writing, out
        self.rows = index.Writer(out)
        self.sizes: set[tuple[int, int]] = set()
        self.per_class: Counter[int] = Counter()
        self.per_split: Counter[str] = Counter()
        self.images = 0
        self.instances = 0
        self.ignored = False
        self.losses: dict[str, int] = {}

    def add(self, record: Record) -> None:
        mine: PackageRecord = record.value
        ids: Iterator[str] = iter(map(str, record.ids))
        for row in mine.rows:
            self.rows.add(
                msgspec.structs.replace(
                    row,
                    image=record.image_path,
                    image_sha256=record.image_sha256,
                    instance_id=next(ids) if row.class_id else "",
                )
            )
        self.images += 1
        self.instances += mine.instances
        self.ignored |= mine.ignored
        self.sizes.add(mine.size)
        self.per_class.update(mine.per_class)
        if record.image.split:
            self.per_split[record.image.split] += 1

    def finish(self) -> None:
        with self.out.stream(index.INDEX) as stream:
            self.rows.pour(stream)
        self.out.write(meta.META, meta.encode(self.meta()))

    def meta(self) -> meta.Meta:
        header = self.writing.header
        splits = tuple(split for split in header.splits if self.per_split[split])
        counts = meta.Counts(
            images=self.images,
            instances=self.instances,
            per_class={c.name: self.per_class[c.id] for c in header.classes},
            per_split={split: self.per_split[split] for split in splits},
        )
        ignore = IGNORE if self.ignored else header.ignore_id
        settled = msgspec.structs.replace(header, splits=splits, ignore_id=ignore)
        writing = msgspec.structs.replace(self.writing, header=settled)
        return to_meta(writing, counts, self.sizes, self.losses)


def to_meta(writing: Writing, counts: meta.Counts, sizes: set[tuple[int, int]], losses: dict[str, int]) -> meta.Meta:
    """meta.json of what `writing` writes."""
    header = writing.header
    return meta.Meta(
        format="segmentation-dataset",
        format_version="1.0",
        name=header.name,
        task=header.task,
        mask_encoding=writing.mask_encoding,
        classes=[meta.ClassMeta(c.id, c.name, c.color, c.source_id, c.source_name) for c in header.classes],
        background_id=0 if header.background_id == 0 else None,
        ignore_id=255 if header.ignore_id == 255 else None,
        image_size=meta.image_size(sizes),
        resize=meta.settled(writing.resize, sizes),
        splits=list(header.splits),
        counts=counts,
        encodings=dict(writing.encodings),
        source=meta.Origin(writing.source_format, losses, meta.merged_sets(header.extra)),
        generator=meta.Generator("segpack", VERSION),
    )


def indexed_image(images: Source, row: index.Row) -> Image:
    """The image that a row of the index speaks of; its file when it is there."""
    below = row.image.removeprefix("images/")
    name = below.removeprefix(f"{row.split}/") if row.split else below
    known = row.image in images or row.image in images.special
    split = sys.intern(row.split) if row.split else None
    return Image(name, split, _side(row.width), _side(row.height), file=row.image if known else None)


@lru_cache(maxsize=1024)
def _side(text: str) -> int:
    """A width or height of the index, 0 when it is none; one number for all images that have it."""
    return max(0, whole(text) or 0)
