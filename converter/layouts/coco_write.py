"""Writing COCO instances: one image's entries in a worker, and the files that join them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Any

from converter.codecs import json
from converter.errors import UsageError
from converter.format import Encoded, Record, Writing
from converter.geometry import polygons, rle, runlengths, shapes
from converter.model import Box, ClassInfo, Image, Instance, Polygons, Rle, Sample, Shape
from converter.storage import Target

__all__ = ["CocoAssembler", "Part", "encode"]


def encode(writing: Writing, sample: Sample) -> Encoded:
    """The image's entry and its annotations, as JSON that still lacks its ids."""
    image = sample.image
    entry: dict[str, Any] = {"file_name": image.path, "width": image.width, "height": image.height}
    if image.split:
        entry["split"] = image.split
    entry |= image.extra
    drawn = zip(sample.instances, _segmentations(writing, sample), strict=True)
    tails = [json.encode(_annotation(instance, shape, image))[1:] for instance, shape in drawn]
    return Encoded([], (json.encode(entry)[1:], tails), [i.id for i in sample.instances])


def _annotation(instance: Instance, segmentation: Any, image: Image) -> dict[str, Any]:
    shape, area, box = instance.shape, instance.area, instance.box
    if isinstance(shape, Box):
        area = shape.w * shape.h if area is None else area
        box = shape
    elif area is None or box is None:
        mask = shapes.mask_of(shape, image.height, image.width)
        area = rle.area(mask) if area is None else area
        box = Box(*rle.tight_box(mask)) if box is None else box
    return {
        "category_id": instance.class_id,
        "segmentation": segmentation,
        "area": area,
        "bbox": [box.x, box.y, box.w, box.h],
        "iscrowd": int(instance.iscrowd),
        **instance.extra,
    }


def _segmentations(writing: Writing, sample: Sample) -> Iterator[Any]:
    how, image = writing.options.segmentation, sample.image
    regions = [i.shape for i in sample.instances if isinstance(i.shape, Rle)] if how == "polygon" else []
    traced = iter(polygons.all_exact_polygons(regions))
    for instance in sample.instances:
        if how == "polygon" and isinstance(instance.shape, Rle):
            yield next(traced)
        else:
            yield _segmentation(instance.shape, how, image)


def _segmentation(shape: Shape, how: str, image: Image) -> Any:
    if isinstance(shape, Box):
        return []
    if isinstance(shape, Polygons) and how != "rle":
        return shape.rings
    if isinstance(shape, Rle) and shape.listed and how == "auto":
        return {"size": [shape.height, shape.width], "counts": runlengths.to_counts(shape).tolist()}
    mask = shapes.mask_of(shape, image.height, image.width)
    return {"size": [mask.height, mask.width], "counts": mask.counts.decode()}


class CocoAssembler:
    """Joins records into coco.json and, with splits, <split>.json; annotations wait on disk."""

    def __init__(self, writing: Writing, out: Target) -> None:
        self.writing, self.out = writing, out
        _check_splits(writing)
        self.parts = {"": Part(out)} | {split: Part(out) for split in writing.header.splits}

    def add(self, record: Record) -> None:
        entry, tails = record.value
        image = b'{"id":%d,' % record.image_id + entry
        annotations = [
            b'{"id":%d,"image_id":%d,' % (id, record.image_id) + tail
            for id, tail in zip(record.ids, tails, strict=True)
        ]
        self.parts[""].add(image, annotations)
        if record.image.split:
            self.parts[record.image.split].add(image, annotations)

    def finish(self) -> None:
        top = _top(self.writing)
        for split, part in self.parts.items():
            if part.empty:
                continue
            with self.out.stream(f"{self.writing.prefix}{split or 'coco'}.json") as stream:
                part.write(stream, top)


def _check_splits(writing: Writing) -> None:
    """The file of a split may not be that of all images, also where capitals are the same."""
    for split in writing.header.splits:
        if split.lower() == "coco":
            raise UsageError(
                f"a split is called {split}, and coco.json is the file of all images; "
                "call it otherwise, or give other splits with --split or --split-from"
            )


class Part:
    """One JSON file in the making: entries in files without a name, so that memory stays flat.

    Where all images of a split are left out it stays `empty`, and there is no file of it.
    """

    def __init__(self, out: Target) -> None:
        self.images, self.annotations = out.spool(), out.spool()
        self.empty = True

    def add(self, image: bytes, annotations: list[bytes]) -> None:
        self.empty = False
        self.images.entry(image)
        for annotation in annotations:
            self.annotations.entry(annotation)

    def write(self, stream: IO[bytes], top: dict[str, Any]) -> None:
        """The whole file; `top` are its other entries, "categories" among them."""
        head = json.encode({k: v for k, v in top.items() if k != "categories"})
        stream.write(head[:-1] + (b"," if len(head) > 2 else b"") + b'"images":[')
        self.images.pour(stream)
        stream.write(b'\n],"annotations":[')
        self.annotations.pour(stream)
        stream.write(b'\n],"categories":' + json.encode(top["categories"]) + b"}\n")


def _top(writing: Writing) -> dict[str, Any]:
    """Everything of the file but images and annotations."""
    return marked_extra(writing) | {"categories": [_category(c) for c in writing.header.classes]}


def marked_extra(writing: Writing) -> dict[str, Any]:
    """The top-level entries that are kept, with the mark of a set that was semantic."""
    top = dict(writing.header.extra)
    mark = _semantic_mark(writing)
    if mark:
        info = top.get("info")
        top["info"] = (info if isinstance(info, dict) else {}) | {"segpack": mark}
    return top


def _semantic_mark(writing: Writing) -> dict[str, Any]:
    """What COCO cannot say of a set that was semantic, so that it can become one again."""
    if writing.was_semantic is None:
        return {}
    background, ignore = writing.was_semantic
    return {"task": "semantic", "background_id": background, "ignore_id": ignore}


def _category(c: ClassInfo) -> dict[str, Any]:
    entry = {"id": c.id, "name": c.name, **c.extra}
    return entry | ({"color": list(c.color)} if c.color else {})
