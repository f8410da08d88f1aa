"""Writing CVAT for images: annotations.xml."""

from __future__ import annotations

from xml.etree.ElementTree import indent, tostring

import msgspec
import numpy as np

from converter.codecs import xml
from converter.format import Encoded, Record, Writing
from converter.geometry import rle, shapes
from converter.layouts.figures import GroupNumbers, far_edge, restored_box, restored_ellipse
from converter.model import Box, Image, Instance, Marks, Polygons, Rle, Sample
from converter.storage import Target

__all__ = ["CvatAssembler", "encode", "image_path"]


class CvatRecord(msgspec.Struct, frozen=True):
    """An <image> element without its id, and the attributes that its figures have, by class."""

    element: bytes
    attributes: dict[int, set[str]]


def image_path(writing: Writing, image: Image) -> str:
    return writing.images + image.path


def encode(writing: Writing, sample: Sample) -> Encoded:
    """The <image> element with its figures."""
    image, names = sample.image, {c.id: c.name for c in writing.header.classes}
    node = xml.Element("image", {"name": image.name})
    if image.split:
        node.set("subset", image.split)
    node.set("width", str(image.width))
    node.set("height", str(image.height))
    groups = GroupNumbers(sample)
    attributes: dict[int, set[str]] = {}
    for instance in sample.instances:
        for tag, figure in _figures(instance, image):
            _append(node, tag, figure, instance, names[instance.class_id], groups)
        attributes.setdefault(instance.class_id, set()).update(map(str, instance.extra.get("attributes", ())))
    for tag in image.extra.get("tags", ()):
        xml.element(node, "tag", label=tag, source="manual")
    indent(node, level=1)
    return Encoded([], CvatRecord(tostring(node, encoding="utf-8"), attributes), [i.id for i in sample.instances])


def _figures(instance: Instance, image: Image) -> list[tuple[str, dict[str, str]]]:
    """The elements of an instance: one, or a polygon for each ring."""
    shape = instance.shape
    if isinstance(shape, Box):
        return [("box", _box(shape))]
    if isinstance(shape, Marks):
        return [(shape.kind, {"points": _points(shape.points)})]
    drawn = restored_ellipse(instance, image)
    if drawn is not None:
        keys = ("cx", "cy", "rx", "ry")
        figure = {k: _number(v) for k, v in zip(keys, drawn[:4], strict=True)}
        return [("ellipse", figure | ({"rotation": _number(drawn[4])} if drawn[4] else {}))]
    turned = restored_box(instance, image)
    if turned is not None:
        return [("box", _box(turned[0]) | {"rotation": _number(turned[1])})]
    if isinstance(shape, Polygons) and shape.rings:
        return [("polygon", {"points": _points(ring)}) for ring in shape.rings]
    return [("mask", _mask(shapes.mask_of(shape, image.height, image.width)))]


def _box(box: Box) -> dict[str, str]:
    right, bottom = far_edge(box.x, box.w), far_edge(box.y, box.h)
    return {k: _number(v) for k, v in (("xtl", box.x), ("ytl", box.y), ("xbr", right), ("ybr", bottom))}


def _number(value: float) -> str:
    """The shortest text that reads back as the same double."""
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def _points(flat: list[float]) -> str:
    return ";".join(f"{_number(x)},{_number(y)}" for x, y in zip(flat[0::2], flat[1::2], strict=True))


def _mask(region: Rle) -> dict[str, str]:
    """Runs along the rows of the tight box, zeros first."""
    crop, x, y = rle.decode_crop(region)
    flat = crop.reshape(-1)
    edges = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    counts = np.diff([0, *edges.tolist(), flat.size]).tolist()
    if flat.size and flat[0]:
        counts = [0, *counts]
    height, width = crop.shape
    numbers = {"left": x, "top": y, "width": width, "height": height}
    return {"rle": ", ".join(map(str, counts))} | {k: str(v) for k, v in numbers.items()}


def _append(
    node: xml.Element, tag: str, figure: dict[str, str], instance: Instance, name: str, groups: GroupNumbers
) -> None:
    extra = instance.extra
    made = xml.element(node, tag, label=name, source=extra.get("source", "manual"))
    made.set("occluded", "1" if extra.get("occluded") else "0")
    for key, value in figure.items():
        made.set(key, value)
    made.set("z_order", str(extra.get("z_order", 0)))
    group = groups.of(instance)
    if group:
        made.set("group_id", str(group))
    for key, value in extra.get("attributes", {}).items():
        xml.element(made, "attribute", str(value).lower() if isinstance(value, bool) else value, name=key)


class CvatAssembler:
    """Writes annotations.xml: the labels of the task, then the images, which wait on disk."""

    def __init__(self, writing: Writing, out: Target) -> None:
        self.writing, self.out = writing, out
        self.images = out.spool()
        self.attributes: dict[int, set[str]] = {}
        self.count = 0

    def add(self, record: Record) -> None:
        mine: CvatRecord = record.value
        element = mine.element.rstrip()
        self.images.write(b'  <image id="%d" ' % record.image_id + element.removeprefix(b"<image ") + b"\n")
        self.count += 1
        for class_id, names in mine.attributes.items():
            self.attributes.setdefault(class_id, set()).update(names)

    def finish(self) -> None:
        head = xml.encode(self._head()).rstrip().removesuffix(b"</annotations>")
        with self.out.stream(f"{self.writing.prefix}annotations.xml") as stream:
            stream.write(head)
            self.images.pour(stream)
            stream.write(b"</annotations>\n")

    def _head(self) -> xml.Element:
        root = xml.Element("annotations")
        xml.element(root, "version", "1.1")
        task = xml.element(xml.element(root, "meta"), "task")
        xml.element(task, "name", self.writing.header.name)
        xml.element(task, "size", self.count)
        xml.element(task, "mode", "annotation")
        labels = xml.element(task, "labels")
        for c in sorted(self.writing.header.classes, key=lambda c: c.id):
            label = xml.element(labels, "label")
            xml.element(label, "name", c.name)
            if c.color is not None:
                xml.element(label, "color", "#" + bytes(c.color).hex())
            xml.element(label, "type", "any")
            specs = xml.element(label, "attributes")
            for name in sorted(self.attributes.get(c.id, ())):
                spec = xml.element(specs, "attribute")
                for key, value in (("name", name), ("mutable", "False"), ("input_type", "text")):
                    xml.element(spec, key, value)
                xml.element(spec, "default_value", "")
                xml.element(spec, "values", "")
        return root
