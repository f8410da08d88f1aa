"""Reading one JSON file of LabelMe, with every kind of shape that the tool draws."""

from __future__ import annotations

import math
from typing import Any

import msgspec

from converter.codecs import json
from converter.errors import ShapeError, SourceError
from converter.extras import ignoring
from converter.format import Reading
from converter.geometry import rle, shapes
from converter.layouts.by_name import ids_by_name
from converter.layouts.embedded import decode_base64, decode_mask
from converter.layouts.figures import (
    Part,
    box_between,
    check_numbers,
    check_polygon,
    ellipse,
    join,
    placed_inside,
    told_outside,
)
from converter.layouts.labelme_scan import IGNORE
from converter.ledger import Ledger
from converter.model import Header, Image, Instance, Marks, Ref, Rle, Sample, Shape

__all__ = ["SHAPE_KEYS", "TOP_KEYS", "files", "load"]

TOP_KEYS = frozenset(
    {"version", "flags", "shapes", "imagePath", "imageData", "imageHeight", "imageWidth", "lineColor", "fillColor"}
)
FLAGS = frozenset({"difficult", "occluded", "truncated"})  # false is what tools write where nobody has said anything
SHAPE_KEYS = frozenset({"label", "points", "group_id", "shape_type", "mask", "line_color", "fill_color"})


def files(reading: Reading, ref: Ref) -> list[str]:
    """The file of the image."""
    return [reading.source.label(ref.payload)]


def load(reading: Reading, header: Header, ref: Ref, ledger: Ledger) -> Sample:
    """One image with its shapes; those of one group and label are one object."""
    label = reading.source.label(ref.payload)
    try:
        data = json.decode(reading.source.read(ref.payload), label, dict[str, msgspec.Raw])
        drawn = json.decode(data.get("shapes", msgspec.Raw(b"null")), label, place="shapes")
        if not isinstance(drawn, list):
            raise SourceError(label, f"is {type(drawn).__name__}, not a list", place="shapes")
        extra = _extra_of_image(data, label)
    except SourceError as error:
        ledger.skip_image(ref.image.path, error)
    shapes_ = _Shapes(ref.image, label, ids_by_name(header), ledger)
    for number, shape in enumerate(drawn, 1):
        shapes_.read(shape, number)
    image = msgspec.structs.replace(ref.image, extra=extra)
    if shapes_.void:
        region = rle.union([shapes.mask_of(s, image.height, image.width) for s in shapes_.void])
        image = ignoring(image, region)
    return Sample(image, told_outside(join(shapes_.parts, ref.image, ledger, label), image, ledger))


def _extra_of_image(data: dict[str, msgspec.Raw], label: str) -> dict[str, Any]:
    """What a file says beyond its shapes; flags that are set are tags of the image."""
    extra = {k: json.decode(v, label, place=k) for k, v in data.items() if k not in TOP_KEYS}
    flags = json.decode(data.get("flags", msgspec.Raw(b"null")), label, place="flags")
    tags = [k for k, v in flags.items() if v] if isinstance(flags, dict) else []
    return extra | {"tags": tags} if tags else extra


class _Shapes:
    """Reads the shapes of one file into parts of objects and regions to be ignored."""

    def __init__(self, image: Image, file: str, ids: dict[str, int], ledger: Ledger) -> None:
        self.image, self.file, self.ids, self.ledger = image, file, ids, ledger
        self.parts: list[Part] = []
        self.void: list[Shape] = []

    def read(self, value: Any, number: int) -> None:
        place = f"shapes[{number - 1}]"
        try:
            self._read(value, place, number)
        except ShapeError as error:
            wrong = error.at(self.file, place)
            self.ledger.bad_annotation(self.image.path, number, wrong)
        except SourceError as error:
            self.ledger.bad_annotation(self.image.path, number, error)

    def _read(self, value: Any, place: str, number: int) -> None:
        if not isinstance(value, dict):
            raise ShapeError(f"is {type(value).__name__}, not an object")
        label = value.get("label")
        if not isinstance(label, str) or (label != IGNORE and label not in self.ids):
            raise ShapeError(f"label {label!r} can name no class")
        shape, figure = self._shape(value, place)
        if label == IGNORE:
            self._ignore(shape, number)
            return
        group = value.get("group_id")
        known = isinstance(group, int) and not isinstance(group, bool)
        extra = _extra(value) | figure
        if group is not None and not known:
            extra["group_id"] = group
        self.parts.append(Part(Instance(self.ids[label], shape, extra=extra), group if known else None))

    def _ignore(self, shape: Shape, number: int) -> None:
        if isinstance(shape, Marks):
            message = f"marks ({shape.kind}) are no region to ignore"
            self.ledger.lose("not-a-region", self.image.path, message, instance=number)
        else:
            self.void.append(shape)

    def _shape(self, value: dict[str, Any], place: str) -> tuple[Shape, dict[str, Any]]:
        """The shape, and what has to be known of the figure to draw it again."""
        kind = str(value.get("shape_type") or "polygon")
        points = self._points(value.get("points"))
        flat = [v for point in points for v in point]
        if kind in {"rectangle", "rotation", "oriented_rectangle"} and len(points) == 4:
            return self._corners(flat)
        if kind in {"polygon", "rotation", "oriented_rectangle"}:
            return check_polygon(flat, self.image, "points"), {}
        need = {"rectangle": 2, "circle": 2, "mask": 2, "line": 2, "linestrip": 2, "point": 1, "points": 1}
        if kind not in need:
            raise ShapeError(f"the shape_type {kind!r} is unknown")
        if len(points) < need[kind] or (kind in {"rectangle", "circle", "mask"} and len(points) != 2):
            raise ShapeError(f"points: a {kind} has {need[kind]}, not {len(points)}")
        if kind == "rectangle":
            return box_between(*flat), {}
        if kind == "circle":
            radius = math.hypot(flat[2] - flat[0], flat[3] - flat[1])
            figure = [flat[0], flat[1], radius, radius]
            return ellipse(flat[0], flat[1], radius, radius, 0, self.image), {"ellipse": figure}
        if kind == "mask":
            return self._mask(value, flat, place), {}
        return Marks("polyline" if kind in {"line", "linestrip"} else "points", flat), {}

    def _points(self, points: Any) -> list[list[float]]:
        if not isinstance(points, list) or not all(isinstance(p, list) and len(p) == 2 for p in points):
            raise ShapeError("points: it is not a list of [x, y]")
        return [check_numbers(p, "points") for p in points]

    def _corners(self, flat: list[float]) -> tuple[Shape, dict[str, Any]]:
        """Four corners: a box where the sides are upright, else a turned one."""
        if len(set(flat[0::2])) == 2 and len(set(flat[1::2])) == 2:
            return box_between(min(flat[0::2]), min(flat[1::2]), max(flat[0::2]), max(flat[1::2])), {}
        degrees = math.degrees(math.atan2(flat[3] - flat[1], flat[2] - flat[0])) % 360
        return check_polygon(flat, self.image, "points"), {"rotation": degrees}

    def _mask(self, value: dict[str, Any], flat: list[float], place: str) -> Rle:
        """A patch at the rounded corner, as large as it is itself."""
        where = f"{place}, mask"
        patch = decode_mask(decode_base64(value.get("mask"), self.file, where), f"{self.file}: {where}")
        x, y = round(min(flat[0::2])), round(min(flat[1::2]))
        return placed_inside(patch, x, y, self.image, self.ledger)


def _extra(value: dict[str, Any]) -> dict[str, Any]:
    """What a shape says beside its outline, where it says anything."""
    said = {k: v for k, v in value.items() if k not in SHAPE_KEYS and v not in (None, "", [], {})}
    return {k: v for k, v in said.items() if v is not False or k not in FLAGS}
