"""LabelMe 3.0 (the web tool): one XML an image, masks as PNGs.

    <folder>/<name>.xml                filename, imagesize, object
    <folder>/<name>.jpg                beside it, in Images/, or in Images/<folder>/ for Annotations/<folder>/
    <folder>/Masks/<name>_mask_<n>.png     or in Masks/ and Annotations/ side by side (Datumaro)

Coordinates are pixels from the outer corner of the first pixel.

    polygon       a polygon; of type bounding_box, a box
    segm          a mask: of an RGBA PNG what alpha lets through, soft edges too, else every
                  pixel that is not black; as large as the image, or as its box, of which pixels
                  beyond the edge of the image are a loss

Objects of which one is part of another (`ispartof`) and that share a name are one object.
Deleted objects are left out. Occluded and attributes (`name=value, flag`) are kept.
Classes are the names in use, numbered by name.

Holds: polygons, boxes, masks, attributes. Read only. Cannot hold: crowds, ids of classes.

Known exporters: the LabelMe web tool, CVAT, Datumaro.

Source: the LabelMe toolbox (MIT CSAIL) and Datumaro's labelme plug-in.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from converter.codecs import images as codec
from converter.codecs import xml
from converter.codecs.text import whole
from converter.errors import ShapeError, SourceError
from converter.format import Evidence, Format, Holds, Reading, Scan
from converter.geometry import rle
from converter.layouts.boxed_lists import named_image
from converter.layouts.by_name import ids_by_name, named_classes, with_classes
from converter.layouts.figures import (
    Part,
    box_between,
    check_numbers,
    check_polygon,
    join,
    placed_inside,
    told_outside,
)
from converter.layouts.images import ImageIndex, image_files, order_splits, tell_unused
from converter.ledger import Ledger
from converter.model import Header, Instance, Polygons, Ref, Rle, Sample, Shape
from converter.storage import Source

__all__ = ["FORMAT"]

MASK_FOLDERS = frozenset({"masks", "scribbles"})
HEAD = 65536
TRIED = 5


def detect(source: Source) -> Evidence | None:
    """XML files with <imagesize>, <polygon> of <pt>, or <segm>."""
    found = _files(source)
    return Evidence(f"{len(found)} XML files of LabelMe 3.0, as {found[0]}") if found else None


def _files(source: Source) -> list[str]:
    names = [source.entry] if source.entry is not None else source.names()
    found = [n for n in names if n.lower().endswith(".xml")]
    return found if any(_looks(source, n) for n in found[:TRIED]) else []


def _looks(source: Source, path: str) -> bool:
    with source.open(path) as stream:
        head = stream.read(HEAD)
    marks = (b"<imagesize", b"<pt>", b"<segm>")
    return b"<annotation" in head and b"<annotations" not in head and any(m in head for m in marks)


def scan(reading: Reading, ledger: Ledger) -> Scan:
    """Refs with their XML; classes are settled after a look into all files."""
    source = reading.source
    files = _files(source)
    if not files:
        raise SourceError(source.name, "holds no LabelMe 3.0 XML", remedy="name the folder of the XML files")
    index = ImageIndex(reading.images)
    refs = []
    for path in files:
        label = source.label(path)
        try:
            root = xml.decode(source.read(path), label, tag="annotation")
            name = xml.text(root, "filename") or posixpath.basename(path).removesuffix(".xml") + ".jpg"
            image = named_image(posixpath.basename(name.replace("\\", "/")), posixpath.dirname(path), index, label, "")
        except SourceError as error:
            ledger.bad_image(path, error)
            continue
        refs.append(Ref(msgspec.structs.replace(image, **_size(root)), path))
    masks = [p for p in image_files(reading.images) if MASK_FOLDERS & {f.lower() for f in p.split("/")[:-1]}]
    tell_unused(reading.images, refs, [*files, *masks], ledger)
    return Scan(Header("labelme3", "instance", (), order_splits(r.image.split for r in refs)), refs)


def _size(root: xml.Element) -> dict[str, int]:
    height, width = (whole(xml.text(root, f"imagesize/{key}")) or 0 for key in ("nrows", "ncols"))
    return {"height": height, "width": width} if height > 0 and width > 0 else {}


def survey(reading: Reading, ref: Ref) -> list[str]:
    """The names in a file."""
    try:
        root = xml.decode(reading.source.read(ref.payload), "")
    except SourceError:
        return []
    return [xml.text(o, "name") for o in root.iter("object") if xml.text(o, "name") and not _deleted(o)]


def settle(scan: Scan, facts: Iterable[list[str]], reading: Reading, ledger: Ledger) -> Scan:
    """The scan with its classes."""
    del ledger
    used = {n for names in facts for n in names}
    return with_classes(scan, named_classes((), used, reading.source.name))


def _deleted(node: xml.Element) -> bool:
    return xml.text(node, "deleted") == "1"


def files(reading: Reading, ref: Ref) -> list[str]:
    """The file of the image."""
    return [reading.source.label(ref.payload)]


def load(reading: Reading, header: Header, ref: Ref, ledger: Ledger) -> Sample:
    """One image with its objects."""
    label = reading.source.label(ref.payload)
    try:
        root = xml.decode(reading.source.read(ref.payload), label)
    except SourceError as error:
        ledger.skip_image(ref.image.path, error)
    objects = _Objects(reading.source, ref, label, ids_by_name(header), ledger)
    parts = []
    groups = _groups(root)
    for number, node in enumerate(root.iter("object"), 1):
        if _deleted(node):
            continue
        place = f"object {number}"
        try:
            parts.append(Part(objects.read(node, place), groups.get(xml.text(node, "id"))))
        except ShapeError as error:
            wrong = error.at(label, place)
            ledger.bad_annotation(ref.image.path, number, wrong)
        except SourceError as error:
            ledger.bad_annotation(ref.image.path, number, error)
    return Sample(ref.image, told_outside(join(parts, ref.image, ledger, label), ref.image, ledger))


def _groups(root: xml.Element) -> dict[str, int]:
    """Object id -> number of the object it is a part of, itself included."""
    above = {xml.text(o, "id"): xml.text(o, "parts/ispartof") for o in root.iter("object")}
    found: dict[str, int] = {}
    for id in above:
        top, seen = id, {id}
        while above.get(top) and above[top] in above and above[top] not in seen:
            top = above[top]
            seen.add(top)
        number = whole(top)
        if number is not None and (id != top or id in above.values()):
            found[id] = number + 1
    return found


class _Objects:
    """Reads the objects of one file."""

    def __init__(self, source: Source, ref: Ref, file: str, ids: dict[str, int], ledger: Ledger) -> None:
        self.source, self.image, self.path, self.file, self.ids = source, ref.image, ref.payload, file, ids
        self.ledger = ledger

    def read(self, node: xml.Element, place: str) -> Instance:
        name = xml.text(node, "name")
        if name not in self.ids:
            raise ShapeError(f"name: {name!r} can name no class")
        return Instance(self.ids[name], self._shape(node, place), extra=_extra(node))

    def _shape(self, node: xml.Element, place: str) -> Shape:
        if node.find("segm") is not None:
            return self._mask(node, place)
        points = [(_number(p, "x"), _number(p, "y")) for p in node.iterfind("polygon/pt")]
        flat = [v for point in points for v in point]
        if xml.text(node, "type") == "bounding_box" and len(points) >= 2:
            return box_between(min(flat[0::2]), min(flat[1::2]), max(flat[0::2]), max(flat[1::2]))
        polygon: Polygons = check_polygon(flat, self.image, "polygon")
        return polygon

    def _mask(self, node: xml.Element, place: str) -> Rle:
        name = xml.text(node, "segm/mask").replace("\\", "/")
        path = _mask_path(self.source, self.path, name)
        if path is None:
            raise SourceError(self.file, f"the mask '{name}' is not there", place=place, remedy="add it to Masks/")
        inside = _inside(self.source.read(path), self.source.label(path))
        height, width = inside.shape
        if (width, height) == (self.image.width, self.image.height):
            return rle.encode(inside)
        box = node.find("segm/box")
        left, top = (round(_number(box, k)) for k in ("xmin", "ymin")) if box is not None else (0, 0)
        sides = [round(_number(box, k)) for k in ("xmax", "ymax")] if box is not None else []
        if box is None or abs(sides[0] - left - width) > 1 or abs(sides[1] - top - height) > 1:
            problem = f"the mask is {width}x{height}, its image {self.image.width}x{self.image.height}"
            remedy = "masks have the size of their image or box"
            raise SourceError(self.source.label(path), problem, remedy=remedy, code="size-mismatch")
        return placed_inside(inside, left, top, self.image, self.ledger)


def _mask_path(source: Source, annotation: str, name: str) -> str | None:
    """Where the mask `name` of an XML lies: in Masks/ beside it or beside a folder that it lies in, or beside it."""
    base, folders = posixpath.basename(name), posixpath.dirname(annotation).split("/")
    if not base:
        return None
    places = [posixpath.join(*folders, kind) for kind in ("Masks", "masks", "")]
    for depth in range(len(folders)):
        places += [posixpath.join(*folders[:depth], kind, *folders[depth + 1 :]) for kind in ("Masks", "masks")]
    candidates = (posixpath.join(place, ending) for place in places for ending in (name, base))
    return next((p for p in candidates if p in source), None)


def _inside(data: bytes, file: str) -> NDArray[np.bool_]:
    """What a mask file lets through: alpha above 0, else any value but 0."""
    array: NDArray[Any] = codec.read_labels(data, file).array
    if array.ndim == 2:
        return np.asarray(array != 0, np.bool_)
    if array.shape[2] in {2, 4}:
        return np.asarray(array[..., -1] > 0, np.bool_)
    return np.asarray(array.any(axis=2), np.bool_)


def _number(node: xml.Element, key: str) -> float:
    raw = xml.text(node, key)
    try:
        value = float(raw)
    except ValueError:
        raise ShapeError(f"{key}: '{raw}' is not a number") from None
    return check_numbers([value], key)[0]


def _extra(node: xml.Element) -> dict[str, Any]:
    extra: dict[str, Any] = {"occluded": True} if xml.text(node, "occluded") in {"yes", "1"} else {}
    attributes: dict[str, Any] = {}
    for piece in xml.text(node, "attributes").split(","):
        name, given, value = piece.strip().partition("=")
        if name:
            attributes[name] = value if given else True
    return extra | ({"attributes": attributes} if attributes else {})


FORMAT = Format(
    name="labelme3",
    summary="LabelMe 3.0 XML: polygons, boxes and PNG masks",
    page=__doc__ or "",
    holds=Holds(boxes=True, polygons=True, keys=("attributes", "group_id", "occluded")),
    detect=detect,
    scan=scan,
    load=load,
    files=files,
    survey=survey,
    settle=settle,
)
