"""Reading an item of Datumaro's JSON with its annotations."""

from __future__ import annotations

from typing import Any

import msgspec

from converter.codecs import json
from converter.errors import ShapeError, SourceError
from converter.format import Reading
from converter.geometry import runlengths
from converter.layouts.datumaro_labels import VISIBILITY
from converter.layouts.datumaro_scan import Payload
from converter.layouts.figures import (
    Part,
    box_centre,
    check_numbers,
    check_polygon,
    ellipse,
    join,
    restored_box,
    told_outside,
    turned_box,
)
from converter.layouts.undeclared import undeclared
from converter.ledger import Ledger
from converter.model import Box, Header, Image, Instance, Marks, Ref, Sample, Shape

__all__ = ["files", "load"]

PROMOTED = ("occluded", "truncated", "difficult")
# What annotations have; other keys are told. A point of visibility 2 is seen, -1 is nobody's object.
KEYS = frozenset(
    {"type", "attributes", "group", "id", "label_id", "z_order", "bbox", "rotated_bbox", "points", "rle", "elements",
     "visibility"}
)  # fmt: skip
SEEN, NOBODY = 2, -1
NOT_DRAWN = frozenset({"caption", "cuboid_3d", "feature_vector", "hash_key", "tabular"})


def files(reading: Reading, ref: Ref) -> list[str]:
    """The file that the image stands in."""
    del reading
    return [ref.payload.file]


def load(reading: Reading, header: Header, ref: Ref, ledger: Ledger) -> Sample:
    """One item; the annotations of one group and label are one object."""
    del reading
    payload: Payload = ref.payload
    items = _Annotations(ref.image, payload, {c.id: c.name for c in header.classes}, ledger)
    for number, raw in enumerate(payload.annotations, 1):
        items.read(raw, number)
    image = ref.image
    if items.tags:
        image = msgspec.structs.replace(image, extra={**image.extra, "tags": items.tags})
    where = f"{payload.file}: {payload.place}"
    return Sample(image, told_outside(join(_claimed(items.parts, ledger, where), image, ledger, where), image, ledger))


def _claimed(parts: list[Part], ledger: Ledger, where: str) -> list[Part]:
    """A box in a group with regions of its class says where they lie: it is no object of its own."""
    regions: dict[tuple[int, int], int] = {}
    for place, part in enumerate(parts):
        if part.group is not None and not isinstance(part.instance.shape, Box | Marks):
            regions.setdefault((part.group, part.instance.class_id), place)
    found = list(parts)
    claims = set()
    for place, part in enumerate(parts):
        first = regions.get((part.group or 0, part.instance.class_id))
        if first is not None and isinstance(part.instance.shape, Box):
            claims.add(place)
            region, said = found[first].instance, part.instance.extra
            if any(region.extra.get(k, v) != v for k, v in said.items()):
                ledger.note("group-attributes", where, "a box says other things than its region, which stay")
            claimed = msgspec.structs.replace(region, box=part.instance.shape, extra={**said, **region.extra})
            found[first] = Part(claimed, found[first].group)
    kept = [p for place, p in enumerate(found) if place not in claims]
    alone = {
        g for g in (p.group for p in parts) if sum(p.group == g for p in kept) == 1 < sum(p.group == g for p in parts)
    }
    return [Part(p.instance) if p.group in alone else p for p in kept]


class _Annotations:
    """Reads the annotations of one item."""

    def __init__(self, image: Image, payload: Payload, ids: dict[int, str], ledger: Ledger) -> None:
        self.image, self.payload, self.ids, self.ledger = image, payload, ids, ledger
        self.parts: list[Part] = []
        self.tags: list[str] = []

    def read(self, raw: bytes, number: int) -> None:
        place = f"{self.payload.place}, annotations[{number - 1}]"
        try:
            value = json.decode(raw, self.payload.file, dict[str, Any], place=place)
            self._read(value, number)
        except ShapeError as error:
            remedy = "" if error.code == "unmapped-class" else "mend or remove it"
            wrong = error.at(self.payload.file, place, remedy)
            self.ledger.bad_annotation(self.image.path, number, wrong)
        except SourceError as error:
            self.ledger.bad_annotation(self.image.path, number, error)

    def _read(self, value: dict[str, Any], number: int) -> None:
        kind = str(value.get("type"))
        if kind in NOT_DRAWN:
            self.ledger.lose("annotation-dropped", self.image.path, f"a {kind} is not held", instance=number)
            return
        label = value.get("label_id")
        class_id = label + self.payload.first if isinstance(label, int) and not isinstance(label, bool) else None
        if class_id is None or class_id not in self.ids:
            said = f"label_id is {label!r}"
            problem = said if class_id is None else f"{said}: {undeclared([class_id], self.ids)}"
            raise ShapeError(problem, code="unmapped-class")
        if kind == "label":
            self.tags.append(self.ids[class_id])
            if value.get("attributes"):
                self.ledger.lose("attribute-dropped", self.image.path, "attributes of a label", instance=number)
            return
        degrees = _turn(value)
        shape, extra = self._shape(value, kind, degrees)
        if kind == "polygon" and degrees and self._is_turned_box(shape, degrees):
            extra["rotation"] = degrees
        crowd = _take_attributes(value, extra)
        if value.get("z_order"):
            extra["z_order"] = value["z_order"]
        self._tell_unread(value, number)
        id, group = value.get("id"), value.get("group")
        kept = id if isinstance(id, int) and id > 0 else None
        instance = Instance(class_id, shape, kept, crowd, extra=extra)
        self.parts.append(Part(instance, group if isinstance(group, int) and group > 0 else None))

    def _tell_unread(self, value: dict[str, Any], number: int) -> None:
        """What an annotation says under keys that have no place, and its joints of themselves."""
        lost = {k for k, v in value.items() if k not in KEYS and v not in (None, NOBODY, "", [], {})}
        for joint in value.get("elements") or () if value.get("type") == "skeleton" else ():
            lost |= {k for k in ("attributes", "visibility") if joint.get(k) not in (None, {}, [], [SEEN])}
        if lost:
            message = f"an annotation lost {', '.join(sorted(lost))}"
            self.ledger.lose("attribute-dropped", self.image.path, message, instance=number)

    def _shape(self, value: dict[str, Any], kind: str, degrees: float) -> tuple[Shape, dict[str, Any]]:
        match kind:
            case "bbox":
                x, y, w, h = self._numbers(value.get("bbox"), "bbox", 4)
                if w < 0 or h < 0:
                    raise ShapeError(f"bbox: the extent {w:g}x{h:g} is negative")
                return self._turned(Box(x, y, w, h), degrees, kind)
            case "rotated_bbox":
                cx, cy, w, h, angle = self._numbers(value.get("rotated_bbox", value.get("bbox")), "rotated_bbox", 5)
                return self._turned(Box(cx - w / 2, cy - h / 2, w, h), angle, kind)
            case "polygon":
                return check_polygon(self._numbers(value.get("points"), "points"), self.image, "points"), {}
            case "mask":
                return self._mask(value.get("rle")), {}
            case "polyline":
                return Marks("polyline", self._numbers(value.get("points"), "points")), {}
            case "points":
                points = self._numbers(value.get("points"), "points")
                return Marks("points", points), _visibility(value.get("visibility"), len(points) // 2)
            case "skeleton":
                elements = value.get("elements") or []
                if not isinstance(elements, list) or not all(isinstance(e, dict) for e in elements):
                    raise ShapeError("elements: it is not a list of points")
                return Marks("points", [v for e in elements for v in self._numbers(e.get("points"), "elements")]), {
                    "joints": [self._called(e.get("label_id")) for e in elements]
                }
            case "ellipse":
                left, top, right, bottom = self._numbers(value.get("points"), "points", 4)
                figure = [(left + right) / 2, (top + bottom) / 2, (right - left) / 2, (bottom - top) / 2]
                cx, cy, rx, ry = figure
                turn = {"rotation": degrees} if degrees else {}
                return ellipse(cx, cy, rx, ry, degrees, self.image), {"ellipse": figure, **turn}
            case _:
                raise ShapeError(f"the type {kind!r} is unknown")

    def _called(self, label: Any) -> str:
        """The name of a label, "" for what is none."""
        return self.ids.get(label + self.payload.first, "") if type(label) is int else ""

    def _turned(self, box: Box, degrees: float, what: str) -> tuple[Shape, dict[str, Any]]:
        """A box, turned about its centre if it is turned at all."""
        if not degrees:
            return box, {}
        ring = turned_box(box.x, box.y, box.w, box.h, degrees, about=box_centre(box))
        return check_polygon(ring, self.image, what), {"rotation": degrees}

    def _is_turned_box(self, shape: Shape, degrees: float) -> bool:
        return restored_box(Instance(0, shape, extra={"rotation": degrees}), self.image) is not None

    def _numbers(self, values: Any, what: str, count: int | None = None) -> list[float]:
        if not isinstance(values, list) or (len(values) % 2 and count is None) or count not in (None, len(values)):
            raise ShapeError(f"{what}: it is not a list of {count or 'pairs of'} numbers")
        return check_numbers(values, what)

    def _mask(self, value: Any) -> Shape:
        """Run lengths down the columns, as COCO has them."""
        size = value.get("size") if isinstance(value, dict) else None
        if size != [self.image.height, self.image.width]:
            raise ShapeError(
                f"rle: size {size} is not the image's [{self.image.height}, {self.image.width}]", code="size-mismatch"
            )
        counts = value.get("counts")
        if isinstance(counts, str):
            return runlengths.from_string(counts, self.image.height, self.image.width)
        return runlengths.from_counts(counts, self.image.height, self.image.width)


def _visibility(said: Any, count: int) -> dict[str, Any]:
    """How each point is seen, where one is not."""
    sound = isinstance(said, list) and len(said) == count and all(type(v) is int for v in said)
    return {VISIBILITY: said} if sound and set(said) - {SEEN} else {}


def _turn(value: dict[str, Any]) -> float:
    """The rotation among the attributes, where CVAT puts that of boxes; 0 for none."""
    given = value.get("attributes")
    degrees = given.get("rotation") if isinstance(given, dict) else None
    return degrees if isinstance(degrees, int | float) and not isinstance(degrees, bool) else 0


def _take_attributes(value: dict[str, Any], extra: dict[str, Any]) -> bool:
    """Moves the attributes into `extra`; whether they say that it is a crowd.

    A rotation that the shape has been turned by is none of them, nor is one of nothing.
    """
    given = value.get("attributes")
    attributes = dict(given) if isinstance(given, dict) else {}
    if "rotation" in extra or (value.get("type") == "bbox" and attributes.get("rotation") == 0):
        attributes.pop("rotation", None)
    crowd = bool(attributes.pop("is_crowd", False))
    for key in PROMOTED:
        if attributes.get(key) is True:
            extra[key] = attributes.pop(key)
    if attributes:
        extra["attributes"] = attributes
    return crowd
