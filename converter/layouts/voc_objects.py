"""The objects of a Pascal VOC XML file: boxes and outlines with what is said of them."""

from __future__ import annotations

import posixpath
from typing import Any

import numpy as np

from converter.codecs import xml
from converter.errors import ShapeError, SourceError
from converter.format import Reading
from converter.layouts.figures import check_polygon, turned_box
from converter.layouts.images import (
    shown_name,
)
from converter.ledger import Ledger
from converter.model import Box, Header, Instance, Polygons, Ref

__all__ = ["Objects"]


class Objects:
    """Reads the objects of one XML file."""

    def __init__(self, reading: Reading, header: Header, ref: Ref, ledger: Ledger) -> None:
        self.image, self.payload, self.ledger = ref.image, ref.payload, ledger
        self.file = reading.source.label(ref.payload.xml)
        self.class_file = reading.source.label(ref.payload.class_file) if ref.payload.class_file else ""
        self.ids = {c.name: c.id for c in header.classes}

    def read(self, root: xml.Element) -> list[tuple[int, Instance]]:
        """Objects with their places, from 1."""
        found = []
        for number, node in enumerate(root.iter("object"), 1):
            place = f"object {number}"
            try:
                found.append((number, self._instance(node, place)))
            except ShapeError as error:
                wrong = SourceError(self.file, str(error), place=place, remedy="mend or remove it")
                self.ledger.bad_annotation(shown_name(self.image), number, wrong)
            except SourceError as error:
                self.ledger.bad_annotation(shown_name(self.image), number, error)
        return found

    def _instance(self, node: xml.Element, place: str) -> Instance:
        name = xml.text(node, "name")
        if name not in self.ids:
            where = posixpath.basename(self.class_file) or "the classes"
            problem = f"the class '{name}' is not in {where}" if name else "it has no name"
            raise SourceError(self.file, problem, place=place, remedy="declare it, or name it with --classes FILE")
        extra = _extra(node)
        parts = node.findall("part")
        if parts:
            message = f"{len(parts)} parts of an object have no place"
            self.ledger.lose("parts-dropped", shown_name(self.image), message, amount=len(parts))
        ring = _ring(node, self.payload.first)
        box = self._box(node) if node.find("bndbox") is not None or ring is None else None
        if ring is None:
            assert box is not None
            return Instance(self.ids[name], box, extra=extra)
        turned = node.find("robndbox") is not None
        if turned:
            extra["rotation"] = np.degrees(_number_at(node, "robndbox/angle")).item()
        polygon: Polygons = check_polygon(ring, self.image, "robndbox" if turned else "polygon")
        return Instance(self.ids[name], polygon, box=box, extra=extra)

    def _box(self, node: xml.Element) -> Box:
        x0, y0, x1, y1 = (_number_at(node, f"bndbox/{side}") for side in ("xmin", "ymin", "xmax", "ymax"))
        for low, high, axis in ((x0, x1, "x"), (y0, y1, "y")):
            if low > high:
                raise ShapeError(f"{axis}min {low:g} is greater than {axis}max {high:g}")
        first, last = self.payload.first, int(self.payload.inclusive)
        return Box(x0 - first, y0 - first, x1 - x0 + last, y1 - y0 + last)


def _number_at(node: xml.Element, path: str) -> float:
    raw, key = xml.text(node, path), path.rpartition("/")[2]
    try:
        value = float(raw)
    except ValueError:
        raise ShapeError(f"{key} is '{raw}', not a number") from None
    if not abs(value) < 1e9:
        raise ShapeError(f"{key} is {raw}, no place near the image")
    return value


def _ring(node: xml.Element, first: int) -> list[float] | None:
    """The outline that some exporters give beside the box: <polygon> with x1, y1, ..., or a turned box."""
    polygon = node.find("polygon")
    if polygon is not None and polygon.find("x1") is not None:
        count = sum(child.tag.startswith("x") for child in polygon)
        return [_number_at(polygon, f"{axis}{n}") - first for n in range(1, count + 1) for axis in "xy"]
    if node.find("robndbox") is None:
        return None
    cx, cy, w, h, angle = (_number_at(node, f"robndbox/{key}") for key in ("cx", "cy", "w", "h", "angle"))
    return turned_box(cx - w / 2, cy - h / 2, w, h, float(np.degrees(angle)), about=(cx, cy))


def _extra(node: xml.Element) -> dict[str, Any]:
    """What the annotator says of an object, where it is more than the usual silence."""
    extra: dict[str, Any] = {}
    pose = xml.text(node, "pose")
    if pose and pose != "Unspecified":
        extra["pose"] = pose
    for key in ("truncated", "difficult", "occluded"):
        if xml.text(node, key).lower() in {"1", "true", "yes"}:
            extra[key] = True
    attributes = {xml.text(a, "name"): xml.text(a, "value") for a in node.findall("attributes/attribute")}
    if attributes.get("rotation") == "0.0":
        del attributes["rotation"]
    return extra | ({"attributes": attributes} if attributes else {})
