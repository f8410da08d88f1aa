"""VIA (VGG Image Annotator 1, 2 and 3): regions in one JSON or CSV.

    via_region_data.json       {"<filename><size>": {filename, size, regions, file_attributes}}
    via_project.json           the same below _via_img_metadata
    via_project_<date>.json    VIA 3: file, view, metadata and attribute; of images, not of videos,
                               and of views of one file: what is in others is a loss
    via_region_data.csv        a row a region
    <name>.jpg                 beside it, or in images/

Coordinates are pixels from the outer corner of the first pixel.

    rect          a box
    polygon       a polygon
    circle, ellipse     the pixels whose centres lie in it; theta in radians about the centre
    polyline, point     marks: no region

The class is the value of a region attribute, whose name every project chooses. Taken is the
one that is there in every region: `label`, `class`, `name`, `type` and the like before
others; a note says which. Without any attribute there is one class, `object` or what
`--class-name` says. The other attributes are kept, of images too.

Where a JSON and a CSV lie side by side, the JSON is read, and a note says so.

Holds: polygons, boxes, ellipses, marks, attributes. Read only.
Cannot hold: masks but as polygons, holes, crowds, ids of classes.

Source: https://www.robots.ox.ac.uk/~vgg/software/via/.
"""

from __future__ import annotations

import math
import posixpath
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec

from converter.codecs import csvs, json
from converter.errors import ShapeError, SourceError
from converter.format import Evidence, Format, Holds, Reading, Scan
from converter.layouts import via3
from converter.layouts.boxed_lists import named_image
from converter.layouts.by_name import ids_by_name, named_classes
from converter.layouts.figures import check_numbers, check_polygon, ellipse, told_outside
from converter.layouts.images import ImageIndex, order_splits, tell_unused
from converter.ledger import Ledger
from converter.model import Box, Header, Image, Instance, Marks, Ref, Sample, Shape
from converter.storage import Source

__all__ = ["FORMAT"]

HEAD = 65536
PREFERRED = ("label", "labels", "class", "class_name", "classname", "category", "name", "type", "object")
METADATA = "_via_img_metadata"
STRING_OR_UNDEFINED = re.compile(r'"(?:[^"\\]++|\\.)*+"?|undefined')


class Payload(msgspec.Struct, frozen=True):
    """The regions of an image; `key` is the attribute that holds the class, "" when none does."""

    regions: bytes
    file: str
    place: str
    key: str
    only: str


class Entry(msgspec.Struct):
    """An image of the file."""

    filename: Any = None
    regions: Any = None
    file_attributes: Any = None


# ---------------------------------------------------------------- finding the file


def detect(source: Source) -> Evidence | None:
    """A JSON or CSV with region_attributes."""
    found = _files(source)
    return Evidence(f"{found[0]}: regions with region_attributes") if found else None


def _files(source: Source) -> list[str]:
    """JSON files first; CSV files where there is no JSON."""
    return _named(source, ".json") or _named(source, ".csv")


def _named(source: Source, ending: str) -> list[str]:
    names = [source.entry] if source.entry is not None else [n for n in source.names() if n.count("/") <= 1]
    return [n for n in names if n.lower().endswith(ending) and _looks(source, n)]


def _looks(source: Source, path: str) -> bool:
    with source.open(path) as stream:
        head = stream.read(HEAD)
    if path.lower().endswith(".csv"):
        return b"region_shape_attributes" in head.partition(b"\n")[0]
    return (
        METADATA.encode() in head
        or (via3.MARK in head and b'"metadata"' in head)
        or (b'"regions"' in head and b'"filename"' in head and b"file_attributes" in head)
        or (b"shape_attributes" in head and b"region_attributes" in head)
    )


def scan(reading: Reading, ledger: Ledger) -> Scan:
    """Refs with their regions; classes from the attribute that holds them."""
    source = reading.source
    files = _files(source)
    if not files:
        raise SourceError(source.name, "holds no VIA regions", remedy="name the JSON or CSV file itself")
    for table in _named(source, ".csv"):
        if table not in files:
            ledger.note("unused-file", source.label(table), f"it was not read: {files[0]} was")
    index = ImageIndex(reading.images)
    found: list[tuple[Image, list[Any], str, str]] = []
    for path in files:
        label = source.label(path)
        for place, read in _entries(source, path, ledger):
            try:
                found.append((*_image(read(), path, index, label, place), label, place))
            except SourceError as error:
                ledger.bad_image(place, error)
    regions = [r for _, mine, _, _ in found for r in mine if isinstance(r, dict)]
    key = _class_key(regions, source.name, ledger)
    only = "" if key else reading.options.class_name or "object"
    used = {n for n in (_class_of(r, key, only) for r in regions) if n}
    classes = named_classes((), used or {only or "object"}, source.name)
    refs = [
        Ref(image, Payload(json.encode(mine), label, place, key, only))
        for image, mine, label, place in _once(found, ledger)
    ]
    tell_unused(reading.images, refs, files, ledger)
    return Scan(Header("via", "instance", classes, order_splits(r.image.split for r in refs)), refs)


def _once(
    found: Sequence[tuple[Image, list[Any], str, str]], ledger: Ledger
) -> Iterator[tuple[Image, list[Any], str, str]]:
    seen: set[tuple[str | None, str]] = set()
    for image, regions, label, place in found:
        key = (image.split, image.name)
        if key in seen:
            problem = SourceError(label, f"the image {image.name} is listed twice", place=place, remedy="keep one")
            ledger.bad_image(image.path, problem)
            continue
        seen.add(key)
        yield image, regions, label, place


def _entries(source: Source, path: str, ledger: Ledger) -> Iterator[tuple[str, Callable[[], Entry]]]:
    """(place, what reads the image there) of a file."""
    label = source.label(path)
    if path.lower().endswith(".csv"):
        yield from _from_csv(csvs.rows(source.read(path), label), label)
        return
    data = source.read(path)
    if via3.MARK in data[:HEAD]:
        for place, found in via3.images(data, label, ledger):
            yield place, partial(_from_project, found, label, place)
        return
    top = json.decode(data, label, dict[str, msgspec.Raw])
    if METADATA in top:
        top = json.decode(top[METADATA], label, dict[str, msgspec.Raw], place=METADATA)
    for key, raw in top.items():
        if not key.startswith("_via_"):
            yield key, partial(json.decode, raw, label, Entry, place=key)


def _from_project(found: dict[str, Any], label: str, place: str) -> Entry:
    if not found.pop("is_image"):
        problem = f"'{found['filename']}' is a video or a sound"
        raise SourceError(label, problem, place=place, remedy="annotate frames of it, as images")
    return Entry(**found)


def _from_csv(rows: Sequence[Mapping[str, str]], label: str) -> Iterator[tuple[str, Callable[[], Entry]]]:
    """The rows of an image joined; a row without a region says only that the image is there."""
    joined: dict[str, list[tuple[int, dict[str, str]]]] = {}
    for number, row in enumerate(rows, 2):
        plain = {k.lstrip("#"): v for k, v in row.items()}
        joined.setdefault(plain.get("filename", ""), []).append((number, plain))
    for name, mine in joined.items():
        yield name or f"line {mine[0][0]}", partial(_joined, name, mine, label)


def _joined(name: str, rows: Sequence[tuple[int, Mapping[str, str]]], label: str) -> Entry:
    def decoded(row: Mapping[str, str], key: str, number: int) -> Any:
        return json.decode(_defined(row.get(key) or "{}").encode(), label, place=f"line {number}, {key}")

    entry = Entry(name, [], decoded(rows[0][1], "file_attributes", rows[0][0]))
    for number, row in rows:
        shape = decoded(row, "region_shape_attributes", number)
        if shape:
            said = decoded(row, "region_attributes", number)
            entry.regions.append({"shape_attributes": shape, "region_attributes": said})
    return entry


def _defined(value: str) -> str:
    """In a CSV the tool writes `undefined` for an attribute that nobody set; in a JSON it leaves that out."""
    return STRING_OR_UNDEFINED.sub(lambda m: "null" if m[0] == "undefined" else m[0], value)


def _image(entry: Entry, path: str, index: ImageIndex, label: str, place: str) -> tuple[Image, list[Any]]:
    if not isinstance(entry.filename, str) or not entry.filename:
        raise SourceError(label, f"the filename is {entry.filename!r}", place=place, remedy="it has to name the image")
    regions = entry.regions
    if isinstance(regions, dict):  # VIA 1
        regions = list(regions.values())
    if not isinstance(regions, list):
        raise SourceError(label, "regions is no list", place=place)
    image = named_image(entry.filename, posixpath.dirname(path), index, label, place)
    said = entry.file_attributes
    known = {k: v for k, v in said.items() if v is not None} if isinstance(said, dict) else {}
    extra = {"attributes": known} if any(v not in ("", [], {}) for v in known.values()) else {}
    return msgspec.structs.replace(image, extra=extra), regions


# ---------------------------------------------------------------- which attribute is the class


def _attributes(region: Mapping[str, Any]) -> dict[str, Any]:
    found = region.get("region_attributes")
    return found if isinstance(found, dict) else {}


def _class_key(regions: Sequence[Mapping[str, Any]], where: str, ledger: Ledger) -> str:
    """The attribute that names the class: there in most regions, and called like one if several are."""
    counts = Counter(k for r in regions for k, v in _attributes(r).items() if _name(v))
    if not counts:
        return ""
    most = max(counts.values())
    candidates = sorted(k for k, n in counts.items() if n == most)
    called = sorted(
        (k for k in counts if k.strip().lower() in PREFERRED), key=lambda k: PREFERRED.index(k.lower().strip())
    )
    key = next((k for k in called if counts[k] == most), None) or (called[0] if called else candidates[0])
    others = ", ".join(k for k in sorted(counts) if k != key)
    ledger.note("via-class-key", where, f"the attribute '{key}' is the class" + (f", not {others}" if others else ""))
    return key


def _name(value: Any) -> str:
    """The class that an attribute's value names: a text, or the one box that is ticked."""
    if isinstance(value, dict):
        ticked = _ticked(value)
        return ticked[0] if len(ticked) == 1 else ""
    return value.strip() if isinstance(value, str) else str(value) if isinstance(value, int) else ""


def _ticked(value: Mapping[str, Any]) -> list[str]:
    return [k for k, v in value.items() if v]


def _class_of(region: Mapping[str, Any], key: str, only: str) -> str:
    return _name(_attributes(region).get(key)) if key else only


# ---------------------------------------------------------------- one image


def files(reading: Reading, ref: Ref) -> list[str]:
    """The file that the image stands in."""
    del reading
    return [ref.payload.file]


def load(reading: Reading, header: Header, ref: Ref, ledger: Ledger) -> Sample:
    """One image with its regions."""
    del reading
    payload: Payload = ref.payload
    ids = ids_by_name(header)
    instances = []
    for number, region in enumerate(json.decode(payload.regions, payload.file), 1):
        place = f"{payload.place}, region {number}"
        try:
            instances.append(_instance(region, payload, ids, ref.image))
        except ShapeError as error:
            wrong = error.at(payload.file, place)
            ledger.bad_annotation(ref.image.path, number, wrong)
    return Sample(ref.image, told_outside(instances, ref.image, ledger))


def _instance(region: Any, payload: Payload, ids: dict[str, int], image: Image) -> Instance:
    if not isinstance(region, dict) or not isinstance(region.get("shape_attributes"), dict):
        raise ShapeError("it has no shape_attributes")
    name = _class_of(region, payload.key, payload.only)
    if name not in ids:
        value = _attributes(region).get(payload.key)
        ticked = _ticked(value) if isinstance(value, dict) else []
        named = f"several classes ({', '.join(ticked)})" if len(ticked) > 1 else "no class"
        raise ShapeError(f"the attribute '{payload.key}' names {named}")
    shape, extra = _shape(region["shape_attributes"], image)
    others = {k: v for k, v in _attributes(region).items() if k != payload.key and v not in ("", {}, None)}
    return Instance(ids[name], shape, extra=extra | ({"attributes": others} if others else {}))


def _shape(value: Mapping[str, Any], image: Image) -> tuple[Shape, dict[str, Any]]:
    def number(key: str) -> float:
        return check_numbers([value.get(key)], key)[0]

    match value.get("name"):
        case "rect":
            x, y, w, h = (number(k) for k in ("x", "y", "width", "height"))
            if w < 0 or h < 0:
                raise ShapeError(f"width, height: {w:g}, {h:g} are negative")
            return Box(x, y, w, h), {}
        case "polygon":
            return check_polygon(_points(value), image, "all_points_x, all_points_y"), {}
        case "polyline":
            return Marks("polyline", _points(value)), {}
        case "point":
            return Marks("points", [number("cx"), number("cy")]), {}
        case "circle":
            cx, cy, r = (number(k) for k in ("cx", "cy", "r"))
            return ellipse(cx, cy, r, r, 0, image), {"ellipse": [cx, cy, r, r]}
        case "ellipse":
            cx, cy, rx, ry = (number(k) for k in ("cx", "cy", "rx", "ry"))
            degrees = math.degrees(number("theta")) if value.get("theta") else 0.0
            turned: dict[str, Any] = {"rotation": degrees} if degrees else {}
            return ellipse(cx, cy, rx, ry, degrees, image), {"ellipse": [cx, cy, rx, ry], **turned}
        case kind:
            raise ShapeError(f"the shape {kind!r} is unknown")


def _points(value: Mapping[str, Any]) -> list[float]:
    xs, ys = value.get("all_points_x"), value.get("all_points_y")
    if not isinstance(xs, list) or not isinstance(ys, list) or len(xs) != len(ys):
        raise ShapeError("all_points_x, all_points_y: they are not two lists of one length")
    return check_numbers([v for pair in zip(xs, ys, strict=True) for v in pair], "all_points_x, all_points_y")


FORMAT = Format(
    name="via",
    summary="VIA: polygons, boxes and ellipses in one JSON or CSV",
    page=__doc__ or "",
    holds=Holds(boxes=True, polygons=True, marks=True, keys=("attributes", "ellipse", "rotation")),
    detect=detect,
    scan=scan,
    load=load,
    files=files,
)
