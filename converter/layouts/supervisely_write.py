"""Writing Supervisely projects."""

from __future__ import annotations

import base64
import posixpath
from collections.abc import Iterable
from typing import Any

import msgspec

from converter.codecs import deflate, json, png_write
from converter.format import Encoded, Record, Writing
from converter.geometry import rle, shapes
from converter.layouts.palette import color_of
from converter.model import Box, Image, Instance, Marks, Polygons, Rgb, Rle, Sample
from converter.storage import Target

__all__ = ["SuperviselyAssembler", "encode", "image_path", "label_path"]

DATASET = "ds0"
KINDS = ("none", "any_number", "any_string")  # of tags: a later one wins where values differ in kind


class Used(msgspec.Struct, frozen=True):
    """What meta.json has to declare for one image.

    The names of its tags, with the kind of their values as its place in KINDS; the ids of
    classes that are drawn as points, with the names of these.
    """

    kinds: dict[str, int]
    points: dict[int, list[str]]


def image_path(writing: Writing, image: Image) -> str:
    return f"{_dataset(writing, image)}/img/{posixpath.basename(image.name)}"


def label_path(writing: Writing, image: Image) -> str:
    return f"{_dataset(writing, image)}/ann/{posixpath.basename(image.name)}.json"


def _dataset(writing: Writing, image: Image) -> str:
    """The split, and for images in folders the datasets nested in it."""
    folders = posixpath.dirname(image.name).split("/") if "/" in image.name else []
    return writing.prefix + "/datasets/".join([image.split or DATASET, *folders])


def encode(writing: Writing, sample: Sample) -> Encoded:
    """The annotation of one image."""
    image, names = sample.image, {c.id: c.name for c in writing.header.classes}
    used: dict[str, int] = {}
    tags = _tags([(tag, None) for tag in image.extra.get("tags", ())], used)
    tags += _tags(_pairs_of(image.extra.get("attributes", {})), used)
    objects = [_object(instance, names[instance.class_id], image, used) for instance in sample.instances]
    document = {
        "description": image.extra.get("description", ""),
        "tags": tags,
        "size": {"height": image.height, "width": image.width},
        "objects": objects,
    }
    files = [(label_path(writing, image), json.encode_pretty(document))]
    return Encoded(files, Used(used, _points_of(sample)), [i.id for i in sample.instances])


def _pairs_of(attributes: dict[Any, Any]) -> list[tuple[Any, Any]]:
    """Name and value of each attribute; several values are so many tags of one name."""
    return [
        (name, value)
        for name, given in attributes.items()
        for value in (given if isinstance(given, list) and given else [given])
    ]


def _tags(values: Iterable[tuple[Any, Any]], used: dict[str, int]) -> list[dict[str, Any]]:
    """Tags have a number, a text or nothing as value."""
    made = []
    for name, value in values:
        plain = (
            value
            if value is None or (isinstance(value, int | float | str) and not isinstance(value, bool))
            else (str(value).lower() if isinstance(value, bool) else json.encode(value).decode())
        )
        made.append({"name": str(name), "value": plain})
        kind = 0 if plain is None else 2 if isinstance(plain, str) else 1
        used[str(name)] = max(used.get(str(name), 0), kind)
    return made


def _points_of(sample: Sample) -> dict[int, list[str]]:
    """Class id -> the names of its points, of objects drawn as a graph."""
    found: dict[int, dict[str, None]] = {}
    for instance in sample.instances:
        if isinstance(instance.shape, Marks) and _is_graph(instance, instance.shape):
            found.setdefault(instance.class_id, {}).update(dict.fromkeys(_joints(instance, instance.shape)))
    return {id: list(names) for id, names in found.items()}


def _is_graph(instance: Instance, shape: Marks) -> bool:
    """Whether points are drawn as a graph: one without a name is a point."""
    return shape.kind == "points" and (len(shape.points) > 2 or "joints" in instance.extra)


def _joints(instance: Instance, shape: Marks) -> list[str]:
    """The names of points: those of joints, else their numbers."""
    count, names = len(shape.points) // 2, instance.extra.get("joints", [])
    return names if len(set(names)) == count else [str(n) for n in range(1, count + 1)]


def _object(instance: Instance, title: str, image: Image, used: dict[str, int]) -> dict[str, Any]:
    return {
        "description": instance.extra.get("description", ""),
        "tags": _tags(_pairs_of(instance.extra.get("attributes", {})), used),
        "classTitle": title,
        **_figure(instance, image),
    }


def _figure(instance: Instance, image: Image) -> dict[str, Any]:
    shape = instance.shape
    if isinstance(shape, Box):
        corners = [[shape.x, shape.y], [shape.x + shape.w - 1, shape.y + shape.h - 1]]
        return _points("rectangle", corners)
    if isinstance(shape, Marks):
        pairs = _pairs(shape.points)
        if shape.kind == "polyline":
            return _points("line", pairs)
        if not _is_graph(instance, shape):
            return _points("point", pairs)
        nodes = zip(_joints(instance, shape), pairs, strict=True)
        return {"geometryType": "graph", "nodes": {name: {"loc": place} for name, place in nodes}}
    if isinstance(shape, Polygons) and len(shape.rings) == 1:
        return _points("polygon", _pairs(shape.rings[0]))
    return {"geometryType": "bitmap", "bitmap": _bitmap(shapes.mask_of(shape, image.height, image.width))}


def _points(kind: str, exterior: list[list[float]]) -> dict[str, Any]:
    return {"geometryType": kind, "points": {"exterior": exterior, "interior": []}}


def _pairs(flat: list[float]) -> list[list[float]]:
    return [flat[i : i + 2] for i in range(0, len(flat), 2)]


def _bitmap(region: Rle) -> dict[str, Any]:
    crop, x, y = rle.decode_crop(region)
    packed = deflate.stream(png_write.encode_gray(crop))
    return {"data": base64.b64encode(packed).decode(), "origin": [x, y]}


class SuperviselyAssembler:
    """Writes meta.json: classes of any shape, and the tags in use."""

    def __init__(self, writing: Writing, out: Target) -> None:
        self.writing, self.out = writing, out
        self.tags: dict[str, int] = {}
        self.points: dict[int, dict[str, None]] = {}

    def add(self, record: Record) -> None:
        for name, kind in record.value.kinds.items():
            self.tags[name] = max(self.tags.get(name, 0), kind)
        for id, names in record.value.points.items():
            self.points.setdefault(id, {}).update(dict.fromkeys(names))

    def finish(self) -> None:
        classes = sorted(self.writing.header.classes, key=lambda c: c.id)
        meta = {
            "classes": [
                {"title": c.name, "shape": "any", "color": _hex(c.color or color_of(place)), **self._nodes(c.id)}
                for place, c in enumerate(classes, 1)
            ],
            "tags": [
                {"name": n, "value_type": KINDS[self.tags[n]], "color": _hex(color_of(place))}
                for place, n in enumerate(sorted(self.tags), 1)
            ],
            "projectType": "images",
        }
        self.out.write(f"{self.writing.prefix}meta.json", json.encode_pretty(meta))

    def _nodes(self, class_id: int) -> dict[str, Any]:
        """The nodes that graphs of a class may have: its SDK refuses others."""
        names = enumerate(self.points.get(class_id, ()), 1)
        nodes = {name: {"label": name, "loc": [n, 0]} for n, name in names}
        return {"geometry_config": {"nodes": nodes, "edges": []}} if nodes else {}


def _hex(color: Rgb) -> str:
    return "#" + bytes(color).hex().upper()
