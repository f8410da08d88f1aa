"""Writing Label Studio: tasks.json and the labelling configuration that shows it."""

from __future__ import annotations

import math
from typing import Any
from urllib.parse import quote

from converter.codecs import json, xml
from converter.format import Encoded, Record, Writing
from converter.geometry import shapes
from converter.layouts import brush
from converter.layouts.figures import restored_box, restored_ellipse, turned_box
from converter.model import Box, Image, Instance, Marks, Polygons, Sample
from converter.storage import Target

__all__ = ["LabelStudioAssembler", "encode", "image_path", "percent"]

CONTROLS = {
    "rectangle": "RectangleLabels", "polygon": "PolygonLabels", "ellipse": "EllipseLabels",
    "brush": "BrushLabels", "keypoint": "KeyPointLabels",
}  # fmt: skip


def image_path(writing: Writing, image: Image) -> str:
    return writing.images + image.path


def encode(writing: Writing, sample: Sample) -> Encoded:
    """The task of one image, without its id."""
    image, names = sample.image, {c.id: c.name for c in writing.header.classes}
    data = {"image": "/data/local-files/?d=" + quote(image_path(writing, image))}
    if image.split:
        data["split"] = image.split
    by_annotation: dict[Any, list[dict[str, Any]]] = {}
    kinds: set[str] = set()
    for number, instance in enumerate(sample.instances, 1):
        results = by_annotation.setdefault(instance.extra.get("annotation_id"), [])
        for part, (kind, value) in enumerate(_regions(instance, image)):
            kinds.add(kind)
            results.append(_result(image, f"r{number}" + (f"-{part}" if part else ""), kind, value, names, instance))
        if isinstance(instance.shape, Marks) and len(results) > 1:
            _tie(results, number, instance.shape)
    first = next(iter(by_annotation.values()), None)
    tags = image.extra.get("tags", [])
    if tags:
        first = first if first is not None else by_annotation.setdefault(None, [])
        choice = {"id": "tags", "type": "choices", "from_name": "tags", "to_name": "image"}
        first.append(choice | {"value": {"choices": tags}})
    annotations = [
        ({} if id is None else {"id": id}) | {"result": results, "was_cancelled": False}
        for id, results in by_annotation.items()
    ]
    task = {"data": data, "annotations": annotations or [{"result": [], "was_cancelled": False}]}
    return Encoded([], (json.encode(task)[1:], kinds, tags), [i.id for i in sample.instances])


def _tie(results: list[dict[str, Any]], number: int, shape: Marks) -> None:
    """Points of one object share a parent that is no region."""
    count = len(shape.points) // 2
    if shape.kind == "points" and count > 1:
        for result in results[-count:]:
            result["parentID"] = f"points-{number}"


def _result(
    image: Image, id: str, kind: str, value: dict[str, Any], names: dict[int, str], instance: Instance
) -> dict[str, Any]:
    note = instance.extra.get("description")
    meta = {"meta": {"text": [note]}} if note else {}
    return {
        "id": id,
        "type": f"{kind}labels",
        "value": {**value, f"{kind}labels": [names[instance.class_id]]},
        "from_name": kind,
        "to_name": "image",
        "original_width": image.width,
        "original_height": image.height,
        "image_rotation": 0,
        **meta,
    }


def _regions(instance: Instance, image: Image) -> list[tuple[str, dict[str, Any]]]:
    """The regions of an instance: one, or one for each point."""
    shape = instance.shape
    if isinstance(shape, Box):
        return [("rectangle", _rectangle(shape.x, shape.y, shape.w, shape.h, 0, image))]
    if isinstance(shape, Marks):
        if shape.kind == "polyline":
            return [("polygon", {"points": _points(shape.points, image), "closed": False})]
        pairs = zip(shape.points[0::2], shape.points[1::2], strict=True)
        return [("keypoint", {"x": _x(x, image), "y": _y(y, image), "width": 0.5}) for x, y in pairs]
    drawn = restored_ellipse(instance, image)
    if drawn is not None:
        cx, cy, rx, ry, degrees = drawn
        figure = {"x": _x(cx, image), "y": _y(cy, image), "radiusX": _x(rx, image), "radiusY": _y(ry, image)}
        return [("ellipse", figure | {"rotation": degrees})]
    turned = restored_box(instance, image)
    if turned is not None:
        box, degrees = turned
        centre = (box.x + box.w / 2, box.y + box.h / 2)
        x, y = turned_box(box.x, box.y, box.w, box.h, degrees, about=centre)[:2]
        return [("rectangle", _rectangle(x, y, box.w, box.h, degrees, image))]
    if isinstance(shape, Polygons) and len(shape.rings) == 1:
        return [("polygon", {"points": _points(shape.rings[0], image), "closed": True})]
    mask = shapes.mask_of(shape, image.height, image.width)
    return [("brush", {"format": "rle", "rle": brush.encode(mask)})]


def _rectangle(x: float, y: float, w: float, h: float, degrees: float, image: Image) -> dict[str, Any]:
    sides = {"x": _x(x, image), "y": _y(y, image), "width": _x(w, image), "height": _y(h, image)}
    return sides | {"rotation": degrees}


def _points(flat: list[float], image: Image) -> list[list[float]]:
    return [[_x(x, image), _y(y, image)] for x, y in zip(flat[0::2], flat[1::2], strict=True)]


def _x(value: float, image: Image) -> float:
    return percent(value, image.width)


def _y(value: float, image: Image) -> float:
    return percent(value, image.height)


def percent(value: float, size: int) -> float:
    """A number p such that p / 100 * size is `value`, or at least the same fifth of a pixel.

    The rasteriser of the COCO API rounds to fifths, so the pixels stay the same.
    """
    start = value * 100 / size
    if start / 100 * size == value:
        return start
    tries = [start]
    for direction in (math.inf, -math.inf):
        near = start
        for _ in range(4):
            near = math.nextafter(near, direction)
            tries.append(near)
    exact = next((p for p in tries if p / 100 * size == value), None)
    if exact is not None:
        return exact
    return next((p for p in tries if _fifth(p / 100 * size) == _fifth(value)), start)


def _fifth(value: float) -> int:
    return int(5 * value + 0.5)


class LabelStudioAssembler:
    """Writes tasks.json and label_config.xml; tasks wait on disk."""

    def __init__(self, writing: Writing, out: Target) -> None:
        self.writing, self.out = writing, out
        self.tasks = out.spool()
        self.kinds: set[str] = set()
        self.tags: set[str] = set()

    def add(self, record: Record) -> None:
        task, kinds, tags = record.value
        self.kinds.update(kinds)
        self.tags.update(tags)
        self.tasks.entry(b'{"id":%d,' % record.image_id + task)

    def finish(self) -> None:
        with self.out.stream(f"{self.writing.prefix}tasks.json") as stream:
            stream.write(b"[")
            self.tasks.pour(stream)
            stream.write(b"\n]\n")
        # Label Studio reads it as text, and refuses text that declares an encoding.
        configuration = xml.encode(self._configuration(), declaration=False)
        self.out.write(f"{self.writing.prefix}label_config.xml", configuration)

    def _configuration(self) -> xml.Element:
        """The tools that the tasks use: Label Studio's exports take a declared one for one in use."""
        root = xml.Element("View")
        xml.element(root, "Image", name="image", value="$image")
        for name, control in CONTROLS.items():
            if name not in (self.kinds or {"polygon"}):
                continue
            made = xml.element(root, control, name=name, toName="image")
            for c in sorted(self.writing.header.classes, key=lambda c: c.id):
                label = xml.element(made, "Label", value=c.name)
                if c.color is not None:
                    label.set("background", "#" + bytes(c.color).hex())
        if self.tags:
            choices = xml.element(root, "Choices", name="tags", toName="image", choice="multiple")
            for tag in sorted(self.tags):
                xml.element(choices, "Choice", value=tag)
        return root
