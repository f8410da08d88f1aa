"""Reading CVAT for images: one XML of all images, and figures of every kind in it."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from typing import Any
from xml.etree.ElementTree import tostring

import msgspec
import numpy as np

from converter.codecs import text, xml
from converter.errors import ShapeError, SourceError
from converter.format import ClassTable, Reading, Scan
from converter.layouts.by_name import ids_by_name, mentions, named_classes
from converter.layouts.figures import (
    Part,
    box_between,
    box_centre,
    check_numbers,
    check_polygon,
    ellipse,
    join,
    placed_inside,
    told_outside,
    turned_box,
)
from converter.layouts.images import ImageIndex, is_split_name, order_splits, split_name, stem, tell_unused
from converter.ledger import Ledger
from converter.model import Header, Image, Instance, Marks, Ref, Rgb, Rle, Sample, Shape
from converter.storage import Source
from converter.storage.names import clean

__all__ = ["cvat_files", "files", "load", "scan"]

HEAD = 65536
FIGURES = frozenset({"box", "cuboid", "ellipse", "mask", "points", "polygon", "polyline", "skeleton"})


class Payload(msgspec.Struct, frozen=True):
    """The <image> element, and the file it stands in."""

    element: bytes
    file: str


def cvat_files(source: Source) -> list[str]:
    """XML files whose root is <annotations>, those of CVAT."""
    names = [source.entry] if source.entry is not None else source.names()
    return [n for n in names if n.lower().endswith(".xml") and n.count("/") <= 1 and _looks(source, n)]


def _looks(source: Source, path: str) -> bool:
    with source.open(path) as stream:
        head = stream.read(HEAD)
    return b"<annotations" in head and (b"<image " in head or b"<meta>" in head or b"<track " in head)


def scan(reading: Reading, ledger: Ledger) -> Scan:
    """Refs with their <image> elements; classes from the labels of the task."""
    source = reading.source
    files = cvat_files(source)
    if not files:
        raise SourceError(source.name, "holds no CVAT XML", remedy="name the XML file itself")
    index = ImageIndex(reading.images)
    refs: list[Ref] = []
    names: list[str] = []
    colors: dict[str, Rgb] = {}
    title = ""
    for path in files:
        label = source.label(path)
        root = xml.decode(source.read(path), label)
        if root.find("track") is not None:
            raise SourceError(label, "holds tracks of a video", remedy="export it as 'CVAT for images'")
        title = title or xml.text(root, "meta/task/name") or xml.text(root, "meta/project/name")
        mine, shades = _labels(root)
        names += mine
        colors |= shades
        split = _file_split(path) if len(files) > 1 or is_split_name(posixpath.basename(stem(path))) else None
        for number, node in enumerate(root.iter("image"), 1):
            try:
                image = _image(node, split, index, label, f"image {number}")
            except SourceError as error:
                ledger.bad_image(node.get("name", ""), error)
                continue
            refs.append(Ref(image, Payload(tostring(node), label)))
    refs = _unique(refs, ledger)
    declared = _declared(list(dict.fromkeys(names)), refs, reading.options.classes)
    classes = named_classes(declared, (), source.label(files[0]), colors)
    tell_unused(reading.images, refs, files, ledger)
    header = Header("cvat", "instance", classes, order_splits(r.image.split for r in refs), title)
    return Scan(header, refs)


def _declared(names: list[str], refs: Sequence[Ref], table: ClassTable | None) -> list[str]:
    """The labels of the task, and those in use that only a class file mentions; without any, all that are in use."""
    if names and table is None:
        return names
    used = {f.get("label", "") for r in refs for f in xml.decode(r.payload.element, "") if f.tag in FIGURES} - {""}
    return names + sorted(n for n in used.difference(names) if not names or (table is not None and mentions(table, n)))


def _file_split(path: str) -> str | None:
    name = posixpath.basename(stem(path))
    return None if name in {"annotations", "default"} else split_name(name)


def _labels(root: xml.Element) -> tuple[list[str], dict[str, Rgb]]:
    """The names of the labels in their order, without the joints of skeletons; and their colours."""
    names: list[str] = []
    colors: dict[str, Rgb] = {}
    for label in root.iterfind("meta//label"):
        written, color = label.findtext("name") or "", xml.text(label, "color").lstrip("#")
        name = written if written.isprintable() else written.strip()
        if not name.strip() or xml.text(label, "parent"):
            continue
        names.append(name)
        if len(color) == 6:
            try:
                red, green, blue = bytes.fromhex(color)
            except ValueError:
                continue
            colors[name] = red, green, blue
    return names, colors


def _image(node: xml.Element, split: str | None, index: ImageIndex, label: str, place: str) -> Image:
    raw = node.get("name", "")
    try:
        name = clean(raw.replace("\\", "/"))
    except ValueError as error:
        raise SourceError(label, f"the name '{raw}' {error}", place=place, remedy="name a file of the set") from None
    subset = node.get("subset", "")
    if subset and subset.lower() != "default":
        split = split_name(subset)
    folders = ["images/" + subset, subset, "images/" + (split or ""), split or "", "images", ""]
    file = index.find(name, [f.rstrip("/") for f in dict.fromkeys(folders)])
    width, height = (_side(node.get(key), key, label, f"image {name}") for key in ("width", "height"))
    if split is not None:
        name = name.removeprefix(f"{split}/")
    return Image(name, split, width, height, id=text.whole(node.get("id", "")), file=file)


def _side(value: str | None, key: str, label: str, place: str) -> int:
    if value is None:
        return 0
    side = text.whole(value)
    if side is None or side < 1:
        raise SourceError(label, f"the {key} is '{value}'", place=place, remedy="it has to be a number of pixels")
    return side


def _unique(refs: Sequence[Ref], ledger: Ledger) -> list[Ref]:
    """One ref an image; ids stay only where each image has one of its own."""
    found: dict[tuple[str | None, str], Ref] = {}
    for ref in refs:
        key = (ref.image.split, ref.image.name)
        if key in found:
            file, other = ref.payload.file, found[key].payload.file
            twice, remedy = "is listed twice", "keep one of the two"
            if file != other:
                twice, remedy = f"is listed in {other} too", "keep one, or join the tasks with segpack merge"
            problem = SourceError(file, twice, place=f"image {ref.image.name}", remedy=remedy)
            ledger.bad_image(ref.image.path, problem)
            continue
        found[key] = ref
    return list(found.values())


# ---------------------------------------------------------------- one image


def files(reading: Reading, ref: Ref) -> list[str]:
    """The file that the image stands in."""
    del reading
    return [ref.payload.file]


def load(reading: Reading, header: Header, ref: Ref, ledger: Ledger) -> Sample:
    """One image with its figures; those of one group and label are one object."""
    del reading
    figures = _Figures(ref.image, ref.payload.file, ids_by_name(header), ledger)
    for number, node in enumerate(xml.decode(ref.payload.element, ref.payload.file), 1):
        figures.read(node, number)
    image = ref.image
    if figures.tags:
        image = msgspec.structs.replace(image, extra={**image.extra, "tags": figures.tags})
    where = f"{ref.payload.file}: image {image.name}"
    return Sample(image, told_outside(join(figures.parts, image, ledger, where), image, ledger))


class _Figures:
    """Reads the figures of one image."""

    def __init__(self, image: Image, file: str, ids: dict[str, int], ledger: Ledger) -> None:
        self.image, self.file, self.ids, self.ledger = image, file, ids, ledger
        self.parts: list[Part] = []
        self.tags: list[str] = []

    def read(self, node: xml.Element, number: int) -> None:
        if node.tag == "tag":
            self.tags.append(node.get("label", ""))
            if node.find("attribute") is not None:
                self.ledger.lose("attribute-dropped", self.image.path, "attributes of a tag", instance=number)
            return
        if node.tag == "cuboid":
            self.ledger.lose("not-a-region", self.image.path, "a cuboid is no region", instance=number)
            return
        if node.tag not in FIGURES:
            message = f"figures of the kind {node.tag} are not read"
            self.ledger.lose("annotation-dropped", self.image.path, message, instance=number)
            return
        try:
            self.parts.append(self._part(node))
            self._tell_joints(node, number)
        except ShapeError as error:
            place = f"image {self.image.name}, {node.tag} {number}"
            wrong = error.at(self.file, place)
            self.ledger.bad_annotation(self.image.path, number, wrong)

    def _tell_joints(self, node: xml.Element, number: int) -> None:
        """What is said of single joints of a skeleton, which have a name and a place."""
        joints = node.findall("points")
        hidden = sum(j.get("outside", "0") != "0" for j in joints)
        said = {"occluded": any(j.get("occluded") == "1" for j in joints), "outside": bool(hidden)}
        lost = [k for k, is_said in said.items() if is_said]
        lost += ["attributes"] if any(j.find("attribute") is not None for j in joints) else []
        if lost:
            message = f"joints of a skeleton lost {', '.join(lost)}"
            self.ledger.lose("attribute-dropped", self.image.path, message, instance=number)

    def _part(self, node: xml.Element) -> Part:
        class_id = self._class_id(node.get("label", ""))
        shape, extra = self._shape(node)
        extra |= _extra(node)
        return Part(Instance(class_id, shape, extra=extra), text.whole(node.get("group_id", "")) or None)

    def _class_id(self, label: str) -> int:
        """The class that a label means: that of its name, else the only one that differs in blanks around it."""
        if label in self.ids:
            return self.ids[label]
        alike = [id for name, id in self.ids.items() if name.strip() == label.strip()]
        if len(alike) != 1:
            raise ShapeError(
                f"the label '{label}' is none of the task's (--classes FILE may name or drop it)", code="unmapped-class"
            )
        return alike[0]

    def _shape(self, node: xml.Element) -> tuple[Shape, dict[str, Any]]:
        match node.tag:
            case "box":
                return self._box(node)
            case "ellipse":
                return self._ellipse(node)
            case "mask":
                return self._mask(node), {}
            case "polygon":
                return check_polygon(_points(node), self.image, "points"), {}
            case "skeleton":
                joints = [p for p in node.findall("points") if p.get("outside", "0") == "0"]
                return Marks("points", [v for p in joints for v in _points(p)]), {
                    "joints": [p.get("label", "") for p in joints]
                }
            case _:
                return Marks("polyline" if node.tag == "polyline" else "points", _points(node)), {}

    def _box(self, node: xml.Element) -> tuple[Shape, dict[str, Any]]:
        left, top, right, bottom = (_number(node, key) for key in ("xtl", "ytl", "xbr", "ybr"))
        if left > right or top > bottom:
            raise ShapeError(f"xtl, ytl ({left:g}, {top:g}) lie beyond xbr, ybr ({right:g}, {bottom:g})")
        box, degrees = box_between(left, top, right, bottom), _rotation(node)
        if not degrees:
            return box, {}
        ring = turned_box(box.x, box.y, box.w, box.h, degrees, about=box_centre(box))
        return check_polygon(ring, self.image, "box"), {"rotation": degrees}

    def _ellipse(self, node: xml.Element) -> tuple[Shape, dict[str, Any]]:
        cx, cy, rx, ry = (_number(node, key) for key in ("cx", "cy", "rx", "ry"))
        degrees = _rotation(node)
        extra: dict[str, Any] = {"ellipse": [cx, cy, rx, ry]} | ({"rotation": degrees} if degrees else {})
        return ellipse(cx, cy, rx, ry, degrees, self.image), extra

    def _mask(self, node: xml.Element) -> Rle:
        """Run lengths along the rows of a box, beginning with zeros; the box is tight and inclusive."""
        left, top, width, height = (_whole(node, key) for key in ("left", "top", "width", "height"))
        try:
            counts = [int(v) for v in node.get("rle", "").split(",")]
        except ValueError:
            raise ShapeError("rle: it is not a list of whole numbers") from None
        if width < 1 or height < 1 or width * height > self.image.width * self.image.height:
            raise ShapeError(f"its box of {width}x{height} does not fit the image")
        if min(counts) < 0 or sum(counts) != width * height:
            raise ShapeError(f"rle: the runs add up to {sum(counts)}, the box has {width * height} pixels")
        bits = np.repeat(np.arange(len(counts)) % 2 == 1, counts).reshape(height, width)
        return placed_inside(bits, left, top, self.image, self.ledger)


def _number(node: xml.Element, key: str) -> float:
    raw = node.get(key, "")
    try:
        value = float(raw)
    except ValueError:
        raise ShapeError(f"{key}: '{raw}' is not a number") from None
    return check_numbers([value], key)[0]


def _whole(node: xml.Element, key: str) -> int:
    value = _number(node, key)
    if not value.is_integer():
        raise ShapeError(f"{key}: {value:g} is not a whole number")
    return int(value)


def _rotation(node: xml.Element) -> float:
    return _number(node, "rotation") if node.get("rotation") else 0.0


def _points(node: xml.Element) -> list[float]:
    raw = node.get("points", "")
    try:
        pairs = [[float(v) for v in pair.split(",")] for pair in raw.split(";")]
    except ValueError:
        raise ShapeError(f"points: '{raw[:40]}' are not pairs of numbers") from None
    if any(len(pair) != 2 for pair in pairs):
        raise ShapeError(f"points: '{raw[:40]}' are not pairs of numbers")
    return check_numbers([v for pair in pairs for v in pair], "points")


def _extra(node: xml.Element) -> dict[str, Any]:
    """What the annotator says of a figure, where it is more than the default."""
    extra: dict[str, Any] = {}
    if node.get("occluded") == "1":
        extra["occluded"] = True
    if z_order := text.whole(node.get("z_order", "")):
        extra["z_order"] = z_order
    source = node.get("source", "manual")
    if source != "manual":
        extra["source"] = source
    attributes = {a.get("name", ""): (a.text or "").strip() for a in node.findall("attribute")}
    return extra | ({"attributes": attributes} if attributes else {})
