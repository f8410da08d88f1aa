"""The objects of a Pascal VOC XML file: boxes and outlines with what is said of them."""

from __future__ import annotations

import posixpath
from typing import Any

import numpy as np

from converter.codecs import xml
from converter.errors import ShapeError, SourceError
from converter.format import Reading
from converter.layouts.figures import box_centre, check_polygon, turned_box
from converter.ledger import Ledger
from converter.model import Box, Header, Instance, Polygons, Ref

__all__ = ["Objects"]

FLAGS = ("truncated", "difficult", "occluded")
YES = frozenset({"1", "true", "yes"})
NO = frozenset({"", "0", "0.0", "false", "no", "none", "unspecified"})
TEXTS = frozenset({"name", "pose", *FLAGS})
HOLDERS = frozenset({"bndbox", "robndbox", "polygon", "part", "point", "actions", "attributes"})
ROTATION = "rotation"
UPRIGHT = "the box was read as upright, as nothing says that the angle of its attribute rotation is the box's"


class Objects:
    """Reads the objects of one XML file."""

    def __init__(self, reading: Reading, header: Header, ref: Ref, ledger: Ledger) -> None:
        self.image, self.payload, self.ledger = ref.image, ref.payload, ledger
        self.file = reading.source.label(ref.payload.xml)
        self.class_file = reading.source.label(ref.payload.class_file) if ref.payload.class_file else ""
        self.ids = {c.name: c.id for c in header.classes}
        self.turns = False

    def read(self, root: xml.Element) -> list[tuple[int, Instance]]:
        """Objects with their places, from 1."""
        found = []
        self.turns = _from_cvat(root)
        for number, node in enumerate(root.iter("object"), 1):
            place = f"object {number}"
            try:
                found.append((number, self._instance(node, number, place)))
            except ShapeError as error:
                wrong = error.at(self.file, place)
                self.ledger.bad_annotation(self.image.path, number, wrong)
            except SourceError as error:
                self.ledger.bad_annotation(self.image.path, number, error)
        return found

    def _instance(self, node: xml.Element, number: int, place: str) -> Instance:
        name = xml.text(node, "name")
        if name not in self.ids:
            where = posixpath.basename(self.class_file) or "the classes"
            problem = f"the class '{name}' is not in {where}" if name else "it has no name"
            raise SourceError(self.file, problem, place=place, remedy="declare it, or name it with --classes FILE")
        extra = _extra(node)
        parts = node.findall("part")
        if parts:
            message = f"{len(parts)} parts of an object have no place"
            self.ledger.lose("parts-dropped", self.image.path, message, amount=len(parts))
        left = _unread(node)
        if left:
            self.ledger.lose("attribute-dropped", self.image.path, f"{place} lost {', '.join(left)}", instance=number)
        points = len(node.findall("point"))
        if points:
            message = "points of an object are not regions"
            self.ledger.lose("keypoints-dropped", self.image.path, message, instance=number, amount=points)
        ring = _ring(node, self.payload.first)
        box = self._box(node) if node.find("bndbox") is not None or ring is None else None
        if ring is None:
            assert box is not None
            return self._boxed(box, self.ids[name], extra, place)
        turned = node.find("robndbox") is not None
        if turned:
            extra["rotation"] = np.degrees(_number_at(node, "robndbox/angle")).item()
        polygon: Polygons = check_polygon(ring, self.image, "robndbox" if turned else "polygon")
        return Instance(self.ids[name], polygon, box=box, extra=extra)

    def _boxed(self, box: Box, class_id: int, extra: dict[str, Any], place: str) -> Instance:
        """An object that has a box only: turned, when CVAT says so in an attribute."""
        degrees = _rotation(extra.get("attributes", {}))
        if not degrees or not self.turns:
            if degrees:
                self.ledger.note("rotation-unread", f"{self.file}, {place}", UPRIGHT)
            return Instance(class_id, box, extra=extra)
        attributes = {k: v for k, v in extra.pop("attributes").items() if k != ROTATION}
        extra |= {"rotation": degrees} | ({"attributes": attributes} if attributes else {})
        ring = turned_box(box.x, box.y, box.w, box.h, degrees, about=box_centre(box))
        return Instance(class_id, check_polygon(ring, self.image, "bndbox"), extra=extra)

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


def _from_cvat(root: xml.Element) -> bool:
    """Whether CVAT, or Datumaro, has written the file: they call source, annotation and image unknown."""
    return all(xml.text(root, f"source/{key}") == "Unknown" for key in ("database", "annotation", "image"))


def _rotation(attributes: dict[str, str]) -> float:
    """The angle in the attribute by which CVAT says how far a box is turned; 0 where it is none."""
    try:
        degrees = float(attributes.get(ROTATION, 0))
    except ValueError:
        return 0.0
    return degrees if abs(degrees) < 1e9 else 0.0


def _extra(node: xml.Element) -> dict[str, Any]:
    """What the annotator says of an object, where it is more than the usual silence."""
    extra: dict[str, Any] = {}
    pose = xml.text(node, "pose")
    if pose and pose != "Unspecified":
        extra["pose"] = pose
    attributes = _attributes(node)
    for key in FLAGS:
        value = xml.text(node, key)
        if value.lower() in YES:
            extra[key] = True
        elif value.lower() not in NO:
            attributes.setdefault(key, value)
    if attributes.get(ROTATION) == "0.0":
        del attributes[ROTATION]
    return extra | ({"attributes": attributes} if attributes else {})


def _attributes(node: xml.Element) -> dict[str, str]:
    """The attributes of an object, its actions, and elements of a plain text that have no other place."""
    found = {xml.text(a, "name"): xml.text(a, "value") for a in node.findall("attributes/attribute")}
    for action in node.findall("actions/*"):
        found.setdefault(action.tag, (action.text or "").strip())
    for child in node:
        value = (child.text or "").strip()
        if not value or len(child) or child.tag in TEXTS:
            continue
        if child.tag != "type" or value not in HOLDERS:  # roLabelImg says so which box it is
            found.setdefault(child.tag, value)
    return found


def _unread(node: xml.Element) -> list[str]:
    """Elements of an object that hold others and have no place."""
    tags = [c.tag for c in node if len(c) and c.tag not in HOLDERS]
    polygon = node.find("polygon")
    if polygon is not None and len(polygon) and polygon.find("x1") is None:
        tags.append("polygon")
    return [f"<{tag}>" for tag in dict.fromkeys(tags)]
