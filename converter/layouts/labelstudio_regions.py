"""The results of Label Studio annotations as instances and tags.

Coordinates are percents of width and height.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeAlias

import msgspec

from converter.errors import ShapeError
from converter.layouts import brush
from converter.layouts.figures import check_numbers, check_polygon, ellipse, turned_box
from converter.ledger import Ledger
from converter.model import Box, Image, Instance, Marks, Shape

__all__ = ["REGIONS", "Payload", "Regions", "Shown", "label_list", "text_of"]

REGIONS = {
    "rectangle": "rectangle", "rectanglelabels": "rectangle",
    "polygon": "polygon", "polygonlabels": "polygon",
    "ellipse": "ellipse", "ellipselabels": "ellipse",
    "brush": "brush", "brushlabels": "brush", "mask": "brush", "masklabels": "brush",
    "keypoint": "keypoint", "keypointlabels": "keypoint",
}  # fmt: skip
LABEL_KEYS = {kind: (kind, f"{kind}labels", "labels") for kind in (*REGIONS, "labels")}
ANSWERS = frozenset({"textarea", "rating", "number", "taxonomy"})
WORDS = ("choices", "text", "rating", "number", "taxonomy")


# By annotation, the places of the results that are on an image; None for all of them.
Shown: TypeAlias = tuple[frozenset[int], ...] | None


class Payload(msgspec.Struct, frozen=True):
    """A task: its JSON, the file it stands in and its place there, and the results that are on the image."""

    task: bytes
    file: str
    place: str
    shown: Shown = None


def text_of(result: Any, key: str) -> str:
    """What a result says under a key: text, or a number as text; "" for anything else."""
    value = result.get(key) if isinstance(result, dict) else None
    return str(value) if isinstance(value, str | int) else ""


def label_list(kind: str, value: Mapping[str, Any]) -> list[Any]:
    """The labels that the value of a result of this kind holds, under the keys that are in use; [] for none."""
    for key in LABEL_KEYS.get(kind, ()):
        if isinstance(found := value.get(key), list):
            return found
    return []


class Regions:
    """Reads the results of annotations into instances and tags."""

    def __init__(self, image: Image, payload: Payload, ids: dict[str, int], ledger: Ledger) -> None:
        self.image, self.payload, self.ids, self.ledger = image, payload, ids, ledger
        self.instances: list[Instance] = []
        self.tags: list[str] = []
        self.attributes: dict[str, Any] = {}

    def read(self, results: Sequence[Any], extra: dict[str, Any], shown: Collection[int]) -> None:
        """The results of one annotation; `shown` are the places of those on this image."""
        words = _words(results)
        labels = {text_of(r, "id"): r["value"] for r in results if _is(r, "labels")}
        regions = _region_ids(results)
        joints: dict[tuple[str, int], int] = {}
        for number, result in enumerate(results, 1):
            if number - 1 not in shown:
                continue
            place = f"{self.payload.place}, result {number}"
            try:
                made = self._region(result, labels)
            except ShapeError as error:
                wrong = error.at(self.payload.file, place)
                self.ledger.bad_annotation(self.image.path, number, wrong)
                continue
            if made is None:
                self._other(result, number, regions)
                continue
            said = words.get(text_of(result, "id"), {})
            about = _description(result) | ({"attributes": said} if said else {})
            made = msgspec.structs.replace(made, extra={**made.extra, **extra, **about})
            parent = text_of(result, "parentID")
            if parent in regions:
                message = "which region it is a part of has no place"
                self.ledger.lose("attribute-dropped", self.image.path, message, instance=number)
            if isinstance(made.shape, Marks) and made.shape.kind == "points" and parent and parent not in regions:
                key = (parent, made.class_id)
                if key in joints:
                    self._add_point(joints[key], made, number)
                    continue
                joints[key] = len(self.instances)
            self.instances.append(made)

    def _add_point(self, place: int, point: Instance, number: int) -> None:
        """Points of one parent that is no region itself are one object, of which the first says what it is."""
        first = self.instances[place]
        assert isinstance(first.shape, Marks)
        assert isinstance(point.shape, Marks)
        if other := sorted(k for k, v in point.extra.items() if first.extra.get(k) != v):
            message = f"a point of an object lost {', '.join(other)}"
            self.ledger.lose("attribute-dropped", self.image.path, message, instance=number)
        joined = Marks("points", first.shape.points + point.shape.points)
        self.instances[place] = msgspec.structs.replace(first, shape=joined)

    def _other(self, result: Any, number: int, regions: set[str]) -> None:
        """Results that draw nothing: tags and attributes of the image, words about a region, relations."""
        kind = text_of(result, "type")
        whole = text_of(result, "id") not in regions
        if _is(result, "choices") and whole:
            choices = result["value"].get("choices")
            self.tags += [str(c) for c in choices] if isinstance(choices, list) else []
        elif kind in ANSWERS and whole:
            self._answer(result, number)
        elif kind not in {"labels", "choices", *ANSWERS}:
            message = f"a result of type {kind} is not held"
            self.ledger.lose("result-dropped", self.image.path, message, instance=number)

    def _answer(self, result: Any, number: int) -> None:
        """What an annotator wrote about the whole image, under the name of the control."""
        name, said = text_of(result, "from_name") or text_of(result, "type"), _said(result)
        if said is None:
            return
        if self.attributes.setdefault(name, said) != said:
            message = f"{name} has several answers, and the first was kept"
            self.ledger.lose("result-dropped", self.image.path, message, instance=number)

    def _region(self, result: Any, labels: Mapping[Any, Any]) -> Instance | None:
        if not isinstance(result, dict):
            raise ShapeError("it is no object")
        kind = REGIONS.get(text_of(result, "type"))
        if kind is None:
            return None
        value = result.get("value")
        if not isinstance(value, dict):
            raise ShapeError("value: it is no object")
        names = label_list(text_of(result, "type"), value) or label_list(
            "labels", labels.get(text_of(result, "id"), {})
        )
        if not names or not isinstance(names[0], str) or names[0] not in self.ids:
            raise ShapeError("value: it has no label")
        if len(names) > 1:
            message = f"of the labels {', '.join(map(str, names))} the first was kept"
            self.ledger.lose("label-dropped", self.image.path, message, amount=len(names) - 1)
        self._check_size(result)
        shape, extra = self._shape(kind, value)
        return Instance(self.ids[names[0]], shape, extra=extra)

    def _check_size(self, result: Mapping[str, Any]) -> None:
        for key, size in (("original_width", self.image.width), ("original_height", self.image.height)):
            if result.get(key) not in (None, size):
                raise ShapeError(f"{key} is {result[key]}, the image has {size}", code="size-mismatch")

    def _shape(self, kind: str, value: Mapping[str, Any]) -> tuple[Shape, dict[str, Any]]:
        match kind:
            case "rectangle":
                return self._rectangle(value)
            case "polygon":
                ring = self._points(value.get("points"))
                if value.get("closed") is False:
                    return Marks("polyline", ring), {}
                return check_polygon(ring, self.image, "points"), {}
            case "ellipse":
                return self._ellipse(value)
            case "brush":
                return brush.decode(value.get("rle"), self.image.height, self.image.width), {}
            case _:
                return Marks("points", [self._x(value, "x"), self._y(value, "y")]), {}

    def _rectangle(self, value: Mapping[str, Any]) -> tuple[Shape, dict[str, Any]]:
        x, y = self._x(value, "x"), self._y(value, "y")
        w, h = self._x(value, "width"), self._y(value, "height")
        if w < 0 or h < 0:
            raise ShapeError(f"width, height: {value.get('width')}, {value.get('height')} are negative")
        degrees = _rotation(value)
        if not degrees:
            return Box(x, y, w, h), {}
        ring = turned_box(x, y, w, h, degrees, about=(x, y))
        return check_polygon(ring, self.image, "rectangle"), {"rotation": degrees}

    def _ellipse(self, value: Mapping[str, Any]) -> tuple[Shape, dict[str, Any]]:
        figure = [self._x(value, "x"), self._y(value, "y"), self._x(value, "radiusX"), self._y(value, "radiusY")]
        degrees = _rotation(value)
        extra: dict[str, Any] = {"ellipse": figure} | ({"rotation": degrees} if degrees else {})
        cx, cy, rx, ry = figure
        return ellipse(cx, cy, rx, ry, degrees, self.image), extra

    def _points(self, points: Any) -> list[float]:
        if not isinstance(points, list) or not all(isinstance(p, list) and len(p) == 2 for p in points):
            raise ShapeError("points: it is not a list of [x, y]")
        flat = check_numbers([v for p in points for v in p], "points")
        size = (self.image.width, self.image.height)
        # In this order, as Label Studio's own converter: a tie between two fifths of a pixel depends on it.
        return [v / 100 * size[i % 2] for i, v in enumerate(flat)]

    def _x(self, value: Mapping[str, Any], key: str) -> float:
        return check_numbers([value.get(key)], key)[0] * self.image.width / 100

    def _y(self, value: Mapping[str, Any], key: str) -> float:
        return check_numbers([value.get(key)], key)[0] * self.image.height / 100


def _rotation(value: Mapping[str, Any]) -> float:
    return check_numbers([value.get("rotation") or 0], "rotation")[0]


def _is(result: Any, kind: str) -> bool:
    return isinstance(result, dict) and result.get("type") == kind and isinstance(result.get("value"), dict)


def _region_ids(results: Sequence[Any]) -> set[str]:
    """The ids of regions; one without an id has nothing said about it."""
    return {text_of(r, "id") for r in results if text_of(r, "type") in REGIONS} - {""}


def _words(results: Sequence[Any]) -> dict[str, dict[str, Any]]:
    """What annotators wrote about regions, by region: name of the control -> value."""
    regions = _region_ids(results)
    found: dict[str, dict[str, Any]] = {}
    for result in results:
        if text_of(result, "id") not in regions or text_of(result, "type") in REGIONS:
            continue
        said = _said(result)
        if said is not None:
            found.setdefault(text_of(result, "id"), {})[str(result.get("from_name"))] = said
    return found


def _said(result: Mapping[str, Any]) -> Any:
    """The words, number or choices of a result; None for none."""
    value = result.get("value")
    said = next((value[w] for w in WORDS if w in value), None) if isinstance(value, dict) else None
    return said[0] if isinstance(said, list) and len(said) == 1 else said


def _description(result: Mapping[str, Any]) -> dict[str, str]:
    """The note that an annotator left on a region."""
    meta = result.get("meta")
    notes = meta.get("text") if isinstance(meta, dict) else None
    lines = [notes] if isinstance(notes, str) else notes if isinstance(notes, list) else []
    text = "\n".join(str(line) for line in lines)
    return {"description": text} if text else {}
