"""Reading Datumaro's JSON: one file a subset, with items and their annotations."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from typing import Any

import msgspec

from converter.codecs import images as codec
from converter.codecs import json
from converter.errors import ShapeError, SourceError
from converter.format import Reading, Scan
from converter.geometry import runlengths
from converter.layouts.datumaro_labels import VISIBILITY, classes_of, first_class, labels_of, united, unread_of
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
from converter.layouts.images import ImageIndex, order_splits, split_name, stem, tell_unused
from converter.layouts.undeclared import undeclared, with_told
from converter.ledger import Ledger
from converter.model import Box, ClassInfo, Header, Image, Instance, Marks, Ref, Sample, Shape
from converter.storage import Source
from converter.storage.names import clean

__all__ = ["files", "item_files", "load", "scan"]

HEAD = 65536
PROMOTED = ("occluded", "truncated", "difficult")
# What annotations have; other keys are told. A point of visibility 2 is seen, -1 is nobody's object.
KEYS = frozenset(
    {"type", "attributes", "group", "id", "label_id", "z_order", "bbox", "rotated_bbox", "points", "rle", "elements",
     "visibility"}
)  # fmt: skip
SEEN, NOBODY = 2, -1
NOT_DRAWN = frozenset({"caption", "cuboid_3d", "feature_vector", "hash_key", "tabular"})


class Item(msgspec.Struct):
    """An item as far as scanning looks into it."""

    id: Any = None
    attr: Any = None
    image: Any = None
    media: Any = None
    annotations: list[msgspec.Raw] = []


class Payload(msgspec.Struct, frozen=True):
    """An item's annotations, and the file they stand in. `first` is the class id of label 0."""

    annotations: tuple[bytes, ...]
    file: str
    place: str
    first: int = 1


def item_files(source: Source) -> list[str]:
    """JSON files with items and categories, in annotations/ or named directly."""
    if source.entry is not None:
        return [source.entry] if source.entry.lower().endswith(".json") and _looks(source, source.entry) else []
    names = [n for n in source.files_in("annotations") if n.lower().endswith(".json")]
    return [n for n in names if _looks(source, n)]


def _looks(source: Source, path: str) -> bool:
    with source.open(path) as stream:
        head = stream.read(HEAD)
        if b'"categories"' not in head and b'"dm_format_version"' not in head and b'"items"' not in head:
            return False
        data = head + stream.read()
    return b'"items"' in data and b'"categories"' in data and (b'"label_id"' in data or b'"labels"' in data)


def scan(reading: Reading, ledger: Ledger) -> Scan:
    """Refs with their annotations; label n is class n + 1, or class n where label 0 is the background and nobody's."""
    source = reading.source
    files = item_files(source)
    if not files:
        raise SourceError(source.name, "holds no annotations/*.json with items", remedy="name the JSON file itself")
    index = ImageIndex(reading.images)
    refs: list[Ref] = []
    labels: list[ClassInfo] = []
    for place, path in enumerate(files):
        label = source.label(path)
        top = json.decode(source.read(path), label, dict[str, msgspec.Raw])
        mine = labels_of(top, label)
        if unread := unread_of(top, label):
            ledger.note("metadata-dropped", label, f"what it says of {', '.join(unread)} is not read")
        if place and [c.name for c in mine] != [c.name for c in labels]:
            raise SourceError(label, "its labels are not those of the other files", remedy="convert it by itself")
        labels = [united(*both) for both in zip(mine, labels, strict=True)] if place else mine
        refs += _refs(source, path, top, index, ledger)
    tell_unused(reading.images, refs, files, ledger)
    first = first_class(labels, (raw for r in refs for raw in r.payload.annotations))
    refs = [Ref(r.image, msgspec.structs.replace(r.payload, first=first)) for r in refs] if not first else refs
    named = classes_of(labels, first, source.label(files[0]), reading.options.classes)
    classes = tuple(with_told(named, reading.options.classes, ledger, source.name, {0}))
    ids = [i for r in refs for i in _ids(r)]
    header = Header("datumaro", "instance", classes, order_splits(r.image.split for r in refs))
    return Scan(header, refs, ids_kept=None not in ids and len(set(ids)) == len(ids))


def _refs(source: Source, path: str, top: dict[str, msgspec.Raw], index: ImageIndex, ledger: Ledger) -> list[Ref]:
    label = source.label(path)
    raw = posixpath.basename(stem(path))
    split = None if raw == "default" else split_name(raw)
    found = []
    for number, data in enumerate(json.decode(top.get("items", msgspec.Raw(b"[]")), label, list[msgspec.Raw])):
        place = f"items[{number}]"
        try:
            item = json.decode(data, label, Item, place=place)
            image = _image(item, raw, split, index, label, place)
        except SourceError as error:
            ledger.bad_image(place, error)
            continue
        found.append(Ref(image, Payload(tuple(map(bytes, item.annotations)), label, f"{place} '{item.id}'")))
    return found


def _image(item: Item, raw: str, split: str | None, index: ImageIndex, label: str, place: str) -> Image:
    about = item.image if isinstance(item.image, dict) else item.media if isinstance(item.media, dict) else {}
    path = next((d["path"] for d in (item.image, item.media) if isinstance(d, dict) and d.get("path")), "")
    id = str(item.id) if item.id is not None else ""
    named = str(path).replace("\\", "/") or id
    height, width = _size(about.get("size"))
    folders = [f"images/{raw}", "images", raw, ""]
    file = index.find(named, folders) or index.find(posixpath.basename(named), folders)
    if file is None and not path:
        file = _by_id(id, folders, index)
    if file is not None:
        name = file.removeprefix("images/").removeprefix(f"{raw}/")
    else:
        ending = posixpath.splitext(named)[1]
        name = id if not ending or id.endswith(ending) else id + ending
    try:
        name = clean(name)
    except ValueError as error:
        raise SourceError(label, f"the path '{name}' {error}", place=place, remedy="name a file of the set") from None
    extra = {"attributes": item.attr} if isinstance(item.attr, dict) and _said(item.attr) else {}
    return Image(name, split, width, height, file=file, extra=extra)


def _by_id(id: str, folders: Sequence[str], index: ImageIndex) -> str | None:
    """The image that an item without a path is of: the only one of its id in the first folder that has any."""
    for folder in folders:
        tries = (posixpath.join(folder, id + e) for ending in codec.EXTENSIONS for e in (ending, ending.upper()))
        found = [path for path in tries if path in index.paths]
        if found:
            return found[0] if len(found) == 1 else None
    return None


def _size(size: Any) -> tuple[int, int]:
    """Height and width as declared; zeros where they are not."""
    if isinstance(size, list) and len(size) == 2 and all(isinstance(v, int) and v > 0 for v in size):
        return size[0], size[1]
    return 0, 0


def _said(attributes: dict[str, Any]) -> bool:
    """Importers put the number of an image among its attributes; that is nothing anybody said."""
    return bool(set(attributes) - {"id", "frame"})


def _ids(ref: Ref) -> list[int | None]:
    ids = []
    for raw in ref.payload.annotations:
        try:
            found = msgspec.json.decode(raw, type=dict[str, msgspec.Raw]).get("id")
            id = msgspec.json.decode(found) if found is not None else None
        except msgspec.MsgspecError:
            id = None
        ids.append(id if isinstance(id, int) and id > 0 else None)
    return ids


# ---------------------------------------------------------------- one image


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
