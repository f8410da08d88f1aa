"""Writing Datumaro's JSON: one file a subset."""

from __future__ import annotations

import posixpath
from typing import Any

import msgspec

from converter.codecs import json
from converter.format import Encoded, Record, Writing
from converter.geometry import shapes
from converter.layouts.datumaro_labels import PARENT, VISIBILITY
from converter.layouts.figures import GroupNumbers, restored_box
from converter.model import Box, Image, Instance, Marks, Polygons, Sample
from converter.storage import Target
from converter.storage.spool import Spool

__all__ = ["DatumaroAssembler", "encode", "image_path"]

DEFAULT = "default"
PROMOTED = ("occluded", "truncated", "difficult")


class ItemRecord(msgspec.Struct, frozen=True):
    """An item without its annotations, and these by instance, each without its id."""

    head: bytes
    annotations: list[list[bytes]]


def image_path(writing: Writing, image: Image) -> str:
    return f"{writing.images}{image.split or DEFAULT}/{image.name}"


def encode(writing: Writing, sample: Sample) -> Encoded:
    """The item of one image."""
    image = sample.image
    places = {c.id: i for i, c in enumerate(sorted(writing.header.classes, key=lambda c: c.id))}
    size = [image.height, image.width]
    item = {
        "id": posixpath.splitext(image.name)[0],
        "attr": image.extra.get("attributes", {}),
        "image": {"path": image.name, "size": size},
        "media": {"path": image.name},
    }
    groups = GroupNumbers(sample)
    annotations = [
        [
            json.encode(_annotation(instance, places, figure, groups, restored_box(instance, image) is not None))[1:]
            for figure in _figures(instance, image)
        ]
        for instance in sample.instances
    ]
    record = ItemRecord(json.encode(item)[:-1], annotations)
    return Encoded([], record, [i.id for i in sample.instances])


def _annotation(
    instance: Instance, places: dict[int, int], figure: dict[str, Any], groups: GroupNumbers, turned: bool
) -> dict[str, Any]:
    extra = instance.extra
    attributes = dict(extra.get("attributes", {})) | {k: True for k in PROMOTED if extra.get(k)}
    if turned:
        attributes["rotation"] = extra["rotation"]
    if instance.iscrowd:
        attributes["is_crowd"] = True
    return {
        "type": figure["type"],
        "attributes": attributes,
        "group": groups.of(instance),
        "label_id": places[instance.class_id],
        "z_order": extra.get("z_order", 0),
        **figure,
    }


def _figures(instance: Instance, image: Image) -> list[dict[str, Any]]:
    """One annotation, or one for each ring of an object of several parts."""
    shape = instance.shape
    if isinstance(shape, Box):
        return [{"type": "bbox", "bbox": [shape.x, shape.y, shape.w, shape.h]}]
    if isinstance(shape, Marks):
        figure: dict[str, Any] = {"type": shape.kind, "points": shape.points}
        count, said = len(shape.points) // 2, instance.extra.get(VISIBILITY, [])
        visible = {"visibility": said if len(said) == count else [2] * count} if shape.kind == "points" else {}
        return [figure | visible]
    if isinstance(shape, Polygons) and shape.rings:
        return [{"type": "polygon", "points": ring} for ring in shape.rings]
    mask = shapes.mask_of(shape, image.height, image.width)
    return [{"type": "mask", "rle": {"counts": mask.counts.decode(), "size": [mask.height, mask.width]}}]


class DatumaroAssembler:
    """Writes annotations/<subset>.json; items wait on disk."""

    def __init__(self, writing: Writing, out: Target) -> None:
        self.writing, self.out = writing, out
        self.items: dict[str, Spool] = {}

    def add(self, record: Record) -> None:
        subset = record.image.split or DEFAULT
        if subset not in self.items:
            self.items[subset] = self.out.spool()
        spool = self.items[subset]
        mine: ItemRecord = record.value
        listed = [
            b'{"id":%d,' % id + tail for id, tails in zip(record.ids, mine.annotations, strict=True) for tail in tails
        ]
        spool.entry(mine.head + b',"annotations":[' + b",".join(listed) + b"]}")

    def finish(self) -> None:
        classes = sorted(self.writing.header.classes, key=lambda c: c.id)
        labels = [{"name": c.name, "parent": str(c.extra.get(PARENT) or ""), "attributes": []} for c in classes]
        categories: dict[str, Any] = {"label": {"labels": labels, "attributes": []}}
        colors = [(i, c.color) for i, c in enumerate(classes) if c.color is not None]
        if colors:
            entries = [{"label_id": i, "r": r, "g": g, "b": b} for i, (r, g, b) in colors]
            categories["mask"] = {"colormap": entries}
        head = json.encode({"info": {}, "categories": categories})[:-1]
        for subset, spool in self.items.items():
            with self.out.stream(f"{self.writing.prefix}annotations/{subset}.json") as stream:
                stream.write(head + b',"items":[')
                spool.pour(stream)
                stream.write(b"\n]}\n")
