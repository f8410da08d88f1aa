"""Reading Pascal VOC trees: which files belong to an image, and what they say together."""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from converter.codecs import text, xml
from converter.errors import ShapeError, SourceError
from converter.format import Reading, Scan
from converter.geometry import labelmap, rle
from converter.layouts.by_name import mentions
from converter.layouts.classes import (
    check_classes,
    check_name,
    find_class_file,
    is_background,
    is_ignore,
    read_class_file,
    undeclared,
    unnamed,
)
from converter.layouts.figures import check_polygon, turned_box
from converter.layouts.images import (
    ImageIndex,
    image_files,
    is_image,
    is_split_name,
    order_splits,
    shown_name,
    split_name,
    stem,
)
from converter.layouts.palette import VOID, color_of, read_indices
from converter.ledger import Ledger
from converter.model import Box, ClassInfo, Header, Image, Instance, Polygons, Ref, Rle, Sample
from converter.storage import Source

__all__ = ["Tree", "files", "find_tree", "load", "scan", "settle", "survey"]

Rgb = tuple[int, int, int]
CLASS_FOLDERS = frozenset({"segmentationclass", "segmentationclasspng"})
OBJECT_FOLDERS = frozenset({"segmentationobject", "segmentationobjectpng"})
FOLDERS = CLASS_FOLDERS | OBJECT_FOLDERS | {"annotations", "jpegimages"}
CHALLENGE = (
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable",
    "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)  # fmt: skip
HEAD = 65536
TRIED = 20
NEAR = 3  # pixels that a mask may reach over the box of its object: borders were drawn by hand


class Tree(msgspec.Struct, frozen=True):
    """The files of a set by image key: the folder of the set and the path of the image without extension."""

    xml: dict[str, str]
    classes: dict[str, str]
    objects: dict[str, str]


class Payload(msgspec.Struct, frozen=True):
    """What belongs to one image.

    `first` is the coordinate of the first pixel, 0 or 1; `inclusive`: xmax and ymax name the
    last pixel of a box, and not its far edge.
    """

    xml: str | None = None
    classes: str | None = None
    objects: str | None = None
    colors: dict[Rgb, int] = {}
    class_file: str = ""
    first: int = 0
    inclusive: bool = False


class Facts(msgspec.Struct, frozen=True):
    """What the files of one image say that the whole set is to be judged by."""

    names: tuple[str, ...] = ()
    size: tuple[int, int] = (0, 0)
    challenge: bool = False
    supervision: bool = False
    zeros: int = 0
    beyond: int = 0
    boxes: int = 0
    values: tuple[int, ...] = ()


# ---------------------------------------------------------------- finding the files


def find_tree(source: Source) -> Tree | None:
    """The annotation and mask files of a VOC set; None when it is none."""
    if source.entry is not None:
        mine = source.entry.lower().endswith(".xml") and _is_voc(source, source.entry)
        return Tree({_key(source.entry): source.entry}, {}, {}) if mine else None
    classes: dict[str, str] = {}
    objects: dict[str, str] = {}
    for path in source.names():
        folders = {f.lower() for f in posixpath.dirname(path).split("/")}
        if is_image(path) and folders & CLASS_FOLDERS:
            classes[_key(path)] = path
        elif is_image(path) and folders & OBJECT_FOLDERS:
            objects[_key(path)] = path
    xmls = [p for p in source.names() if p.lower().endswith(".xml")]
    if xmls and not any(_is_voc(source, p) for p in xmls[:TRIED]):
        xmls = []
    if not xmls and not classes:
        return None
    return Tree({_key(p): p for p in xmls}, classes, objects)


def _is_voc(source: Source, path: str) -> bool:
    with source.open(path) as stream:
        head = stream.read(HEAD)
    return (
        b"<annotation" in head
        and b"<annotations" not in head
        and b"<imagesize" not in head
        and b"<pt>" not in head
        and (b"<size>" in head or b"<bndbox>" in head or b"<filename>" in head)
    )


def _key(path: str) -> str:
    """The path without extension and without the folder that says what kind of file it is."""
    parts = stem(path).split("/")
    return "/".join(p for p in parts[:-1] if p.lower() not in FOLDERS) + "/" + parts[-1]


def scan(reading: Reading, ledger: Ledger) -> Scan:
    """Refs with their files; classes and sizes are settled after a look into all of them."""
    source = reading.source
    tree = find_tree(source)
    if tree is None:
        raise SourceError(source.name, "holds neither VOC annotations nor SegmentationClass masks")
    splits = _splits(source)
    listed = {key for key in splits if key not in tree.xml and key not in tree.classes}
    finder = _Finder(reading)
    path = find_class_file(source, _class_folders(tree))
    colors = _legend(reading, path)
    refs = []
    for key in sorted({*tree.xml, *tree.classes, *tree.objects} | listed):
        xml_path, mask = tree.xml.get(key), tree.classes.get(key)
        image = finder.image(key, xml_path or mask, splits.get(key))
        if image.file is None and key in listed:
            place = f"ImageSets, {key.lstrip('/')}"
            ledger.bad_image(image.name, SourceError(source.name, "neither image nor annotation", place=place))
            continue
        payload = Payload(xml_path, mask, tree.objects.get(key), colors, path or "")
        refs.append(Ref(image, payload))
    _tell_orphans(reading, refs, ledger)
    task: Any = "semantic" if tree.classes and not tree.objects and not tree.xml else "instance"
    return Scan(Header("voc", task, (), order_splits(r.image.split for r in refs)), refs)


def _class_folders(tree: Tree) -> list[str]:
    files = [*tree.classes.values(), *tree.xml.values()][:50]
    folders = dict.fromkeys(posixpath.dirname(p) for p in files)
    return list(dict.fromkeys(["", *folders, *(posixpath.dirname(f) for f in folders)]))


class _Finder:
    """The image that belongs to an annotation: of the same name, else the one it names."""

    def __init__(self, reading: Reading) -> None:
        self.reading, self.index = reading, ImageIndex(reading.images)
        self.by_key: dict[str, list[str]] = defaultdict(list)
        self.by_base: dict[str, list[str]] = defaultdict(list)
        for path in image_files(reading.images):
            folders = {f.lower() for f in posixpath.dirname(path).split("/")}
            if not folders & (CLASS_FOLDERS | OBJECT_FOLDERS):
                self.by_key[_key(path)].append(path)
                self.by_base[posixpath.basename(stem(path))].append(path)

    def image(self, key: str, annotation: str | None, split: str | None) -> Image:
        found = self._by_name(key) or self._by_content(annotation)
        base = posixpath.basename(key)
        name = _below(found) if found else key.lstrip("/")
        first = name.split("/")[0]
        if split is None and "/" in name and is_split_name(first):
            split = split_name(first)
            name = name.removeprefix(first + "/")
        elif split is not None:
            name = name.removeprefix(f"{split}/")
        if found is None and annotation is None:
            name = base
        return Image(name, split, file=found)

    def _by_name(self, key: str) -> str | None:
        exact = self.by_key.get(key, [])
        if exact:
            return exact[0] if len(exact) == 1 else None
        loose = self.by_base.get(posixpath.basename(key), [])
        return loose[0] if len(loose) == 1 else None

    def _by_content(self, annotation: str | None) -> str | None:
        if annotation is None or not annotation.lower().endswith(".xml"):
            return None
        source = self.reading.source
        try:
            name = xml.text(xml.decode(source.read(annotation), source.label(annotation)), "filename")
        except SourceError:
            return None
        base = posixpath.basename(name.replace("\\", "/"))
        folders = [posixpath.dirname(annotation), *(f"{f}JPEGImages" for f in ("", "../"))]
        return self.index.find(base, folders) if base else None


def _below(path: str) -> str:
    """The path of an image below its JPEGImages or images folder."""
    folders = path.split("/")
    for place, folder in enumerate(folders[:-1]):
        if folder.lower() in {"jpegimages", "images"}:
            before = [f for f in folders[:place] if is_split_name(f)]
            return "/".join([*before, *folders[place + 1 :]])
    return path


def _splits(source: Source) -> dict[str, str | None]:
    """Image key -> split, from ImageSets; those of segmentation count before those of detection."""
    found: dict[str, str] = {}
    for kind in ("Segmentation", "Main", "Layout"):
        for path in source.names():
            folders = posixpath.dirname(path).split("/")
            raw = posixpath.basename(stem(path))
            if folders[-2:] != ["ImageSets", kind] or not path.endswith(".txt") or raw == "trainval":
                continue
            if kind != "Segmentation" and "_" in raw and not is_split_name(raw):
                continue  # aeroplane_train.txt: a list of one class
            above = "/".join(folders[:-2])
            for line in text.decode_text(source.read(path), source.label(path)).splitlines():
                entry = line.split()[0] if line.split() else ""
                if entry:
                    entry = stem(entry) if is_image(entry) else entry
                    found.setdefault(_key(f"{above}/{entry}.x") if above else _key(f"{entry}.x"), split_name(raw))
    return {key: None if split == "default" else split for key, split in found.items()}


def _legend(reading: Reading, path: str | None) -> dict[Rgb, int]:
    """Colour -> index for masks in colours: labelmap.txt, or the user's --colors."""
    if reading.options.colors:
        return {rgb: i for i, (_, rgb) in enumerate(reading.options.colors, 1)}
    if path is None:
        return {}
    found = read_class_file(reading.source, path)
    shift = _shift(found)
    return {c.color: max(0, i + shift) for i, c in found.items() if c.color is not None}


def _tell_orphans(reading: Reading, refs: Sequence[Ref], ledger: Ledger) -> None:
    known = {r.image.file for r in refs}
    loose = [
        p
        for p in image_files(reading.images)
        if p not in known and not {f.lower() for f in p.split("/")} & (CLASS_FOLDERS | OBJECT_FOLDERS)
    ]
    if loose:
        shown = ", ".join(loose[:3]) + (", ..." if len(loose) > 3 else "")
        ledger.note("orphan-image", reading.source.name, f"{len(loose)} images have no annotation ({shown})")


# ---------------------------------------------------------------- what the set as a whole says


def survey(reading: Reading, ref: Ref) -> Facts | None:
    """Names, size and kinds of coordinates of one image; None when a file cannot be read (loading says why)."""
    payload: Payload = ref.payload
    source = reading.source
    facts = Facts()
    try:
        if payload.xml is not None:
            facts = _look(xml.decode(source.read(payload.xml), source.label(payload.xml)))
        if payload.classes is not None and not payload.class_file:
            indices = read_indices(source.read(payload.classes), source.label(payload.classes), payload.colors)
            values = tuple(int(v) for v in labelmap.values(indices)[0])
            facts = msgspec.structs.replace(facts, values=values)
    except SourceError:
        return None
    return facts


def _look(root: xml.Element) -> Facts:
    said = " ".join(xml.text(root, f"source/{key}") for key in ("database", "annotation"))
    objects, size = list(root.iter("object")), _size(root)
    corners = [xml.text(o, f"bndbox/{side}") for o in objects for side in ("xmin", "ymin")]
    edges = [(o, f"bndbox/{axis}max", side) for o in objects for axis, side in zip("xy", size, strict=True)]
    return Facts(
        names=tuple(dict.fromkeys(xml.text(o, "name") for o in objects if xml.text(o, "name"))),
        size=size,
        challenge="PASCAL VOC" in said or "The VOC20" in said,
        supervision=said.startswith("roboflow.ai") and xml.text(root, "folder") == "VOC",
        zeros=sum(_is(c, 0) for c in corners),
        beyond=sum(side > 0 and _is(xml.text(o, path), side + 1) for o, path, side in edges),
        boxes=len(corners) // 2,
    )


def _is(value: str, number: int) -> bool:
    try:
        return float(value) == number
    except ValueError:
        return False


def _size(root: xml.Element) -> tuple[int, int]:
    """Width and height as declared; zeros when they are absent or zero, as some exporters leave them."""
    try:
        width, height = (int(float(xml.text(root, f"size/{key}") or 0)) for key in ("width", "height"))
    except (ValueError, OverflowError):
        return 0, 0
    return (width, height) if width > 0 and height > 0 else (0, 0)


def settle(scan: Scan, facts: Iterable[Facts | None], reading: Reading, ledger: Ledger) -> Scan:
    """The scan with classes, sizes, and where its boxes begin to count."""
    found = [f or Facts() for f in facts]
    first, inclusive = _origin(found, reading.source.name, ledger)
    path = next((r.payload.class_file for r in scan.refs if r.payload.class_file), "")
    classes = _settle_classes(found, path, scan, reading, ledger)
    refs = [
        Ref(
            msgspec.structs.replace(ref.image, width=mine.size[0], height=mine.size[1]),
            msgspec.structs.replace(ref.payload, first=first, inclusive=inclusive),
        )
        for ref, mine in zip(scan.refs, found, strict=True)
    ]
    masks = any(r.payload.classes for r in refs)
    header = msgspec.structs.replace(scan.header, classes=tuple(classes), ignore_id=VOID if masks else None)
    return Scan(header, refs)


def _origin(found: Sequence[Facts], name: str, ledger: Ledger) -> tuple[int, bool]:
    """The coordinate of the first pixel, and whether the last pixel of a box is included.

    The challenge and supervision count pixels from 1; Roboflow counts edges from 1, which
    shows where one lies at width + 1; other exporters write edges from 0.
    """
    zeros, boxes = sum(f.zeros for f in found), sum(f.boxes for f in found)
    if not boxes:
        return 0, False
    pixels = [(f.challenge, f.supervision) for f in found if f.challenge or f.supervision]
    if pixels and not zeros:
        who = "of PASCAL VOC" if any(challenge for challenge, _ in pixels) else "written by supervision"
        ledger.note("box-origin", name, f"the files are {who}: boxes were read as 1-based, last pixel included")
        return 1, True
    beyond = sum(f.beyond for f in found)
    if beyond and not zeros:
        why = f"{beyond} edges lie at the size + 1, and none at 0"
        ledger.note("box-origin", name, f"boxes were read as 1-based corners: {why}")
        return 1, False
    why = f"{zeros} coordinates are 0" if zeros else "nothing says that the files are of PASCAL VOC itself"
    ledger.note("box-origin", name, f"boxes were read as 0-based corners: {why}")
    return 0, False


def _shift(found: Mapping[int, ClassInfo]) -> int:
    """What to add to the places in a class file so that the background is 0."""
    first = found.get(0)
    if first is None:
        return 0
    if is_ignore(first.name):
        return -1
    return 0 if is_background(first.name) else 1


def _settle_classes(found: Sequence[Facts], path: str, scan: Scan, reading: Reading, ledger: Ledger) -> list[ClassInfo]:
    source, table = reading.source, reading.options.classes
    names = sorted({n for f in found for n in f.names})
    values = {v for f in found for v in f.values} - {0, VOID}
    masks = any(r.payload.classes for r in scan.refs)
    if reading.options.colors:
        listed = [ClassInfo(i, n, rgb, i, n) for i, (n, rgb) in enumerate(reading.options.colors, 1)]
        classes = [c for c in listed if not is_background(c.name)]
    elif path:
        declared = read_class_file(source, path)
        shift = _shift(declared)
        classes = [
            ClassInfo(i + shift, c.name, None if c.color == color_of(i + shift) else c.color, i + shift, c.name)
            for i, c in declared.items()
            if 0 < i + shift < VOID
        ]
        extra = [n for n in names if mentions(table, n) and n not in {c.name for c in classes}]
        classes += _numbered(extra, max((c.id for c in classes), default=0) + 1)
    elif (masks or any(f.challenge for f in found)) and set(names) <= set(CHALLENGE) and names:
        classes = _numbered(CHALLENGE, 1)
    elif masks:
        classes = list(unnamed(values, table, ledger, source.name))
        classes += _numbered(names, max(values, default=0) + 1)
    else:
        classes = _numbered(names, 1)
    label = source.label(path) if path else source.name
    for c in classes:
        check_name(c.name, label, "classes")
    check_classes(classes, label)
    return sorted(classes, key=lambda c: c.id)


def _numbered(names: Sequence[str], first: int) -> list[ClassInfo]:
    return [ClassInfo(i, n, None, i, n) for i, n in enumerate(names, first)]


# ---------------------------------------------------------------- one image


def files(reading: Reading, ref: Ref) -> list[str]:
    """The XML and the masks of the image."""
    found = (ref.payload.xml, ref.payload.classes, ref.payload.objects)
    return [reading.source.label(path) for path in found if path is not None]


def load(reading: Reading, header: Header, ref: Ref, ledger: Ledger) -> Sample:
    """One image: boxes of its XML joined with the masks that are theirs; or its map of classes."""
    payload: Payload = ref.payload
    source, image = reading.source, ref.image
    try:
        classes = _map(source, payload.classes, image, payload.colors)
        objects = _map(source, payload.objects, image, {})
        root = xml.decode(source.read(payload.xml), source.label(payload.xml)) if payload.xml is not None else None
    except SourceError as error:
        ledger.skip_image(shown_name(image), error)
    if header.task == "semantic":
        return _semantic(classes, header, ref, reading, ledger)
    drawn = _Objects(reading, header, ref, ledger).read(root) if root is not None else []
    if classes is None:
        if objects is not None:
            where = source.label(payload.objects or "")
            problem = SourceError(where, "SegmentationObject without SegmentationClass", remedy="add the class mask")
            ledger.skip_image(shown_name(image), problem)
        return Sample(image, tuple(i for _, i in drawn))
    masks = _masks(classes, objects, header, ref, reading, ledger)
    instances = _joined(drawn, masks, image)
    return Sample(_with_void(image, classes), tuple(instances))


def _map(source: Source, path: str | None, image: Image, colors: dict[Rgb, int]) -> NDArray[Any] | None:
    if path is None:
        return None
    label = source.label(path)
    indices = read_indices(source.read(path), label, colors)
    height, width = indices.shape
    if (width, height) != (image.width, image.height):
        problem = f"the mask is {width}x{height}, its image {image.width}x{image.height}"
        raise SourceError(label, problem, remedy="masks have the size of their image")
    return indices


def _semantic(classes: NDArray[Any] | None, header: Header, ref: Ref, reading: Reading, ledger: Ledger) -> Sample:
    image = ref.image
    if classes is None:
        problem = SourceError(reading.source.name, "no mask", place=f"image {image.name}", remedy="add it")
        ledger.skip_image(shown_name(image), problem)
    known = {c.id for c in header.classes} | {0, VOID}
    strange = [int(v) for v in labelmap.values(classes)[0] if int(v) not in known]
    if strange:
        where = reading.source.label(ref.payload.classes)
        ledger.skip_image(shown_name(image), SourceError(where, undeclared(strange, known - {0, VOID})))
    return Sample(image, labels=classes)


def _with_void(image: Image, classes: NDArray[Any]) -> Image:
    """The image with its void region, the value 255."""
    void = classes == VOID
    if not void.any():
        return image
    region = rle.encode(void)
    entry = {"size": [region.height, region.width], "counts": region.counts.decode()}
    return msgspec.structs.replace(image, extra={**image.extra, "ignore_region": entry})


class _Mask(msgspec.Struct, frozen=True):
    """A region of SegmentationObject: its value, its class, its pixels."""

    value: int
    class_id: int
    region: Rle


def _masks(
    classes: NDArray[Any],
    objects: NDArray[Any] | None,
    header: Header,
    ref: Ref,
    reading: Reading,
    ledger: Ledger,
) -> list[_Mask]:
    """Every object with the class of its pixels, and what has a class but is no object."""
    label = reading.source.label(ref.payload.objects or ref.payload.classes)
    known = {c.id for c in header.classes}
    found: list[_Mask] = []
    left = np.where(classes == VOID, 0, classes).astype(np.uint16)
    regions = labelmap.regions(objects, skip={0, VOID}) if objects is not None else {}
    for value, region in regions.items():
        inside = rle.decode(region)
        values = sorted(set(np.unique(classes[inside]).tolist()) - {VOID})
        left[inside] = 0
        problem = ""
        if len(values) != 1:
            problem = f"its pixels have the classes {', '.join(map(str, values))}" if values else "it is all void"
        elif values[0] not in known:
            problem = undeclared(values, known) if values[0] else "its pixels are background in SegmentationClass"
        if problem:
            wrong = SourceError(label, problem, place=f"object {value}", remedy="an object has one class")
            ledger.bad_annotation(shown_name(ref.image), value, wrong)
            continue
        found.append(_Mask(value, values[0], rle.encode(inside & (classes == values[0]))))
    for value, region in labelmap.regions(left, skip={0}).items():
        where = f"{reading.source.label(ref.payload.classes)}, class {value}"
        if value not in known:
            ledger.bad_annotation(shown_name(ref.image), None, SourceError(where, undeclared([value], known)))
            continue
        if objects is not None:
            ledger.note("class-without-object", where, "pixels that belong to no object became one of their own")
        found.append(_Mask(0, value, region))
    return found


def _joined(drawn: list[tuple[int, Instance]], masks: list[_Mask], image: Image) -> list[Instance]:
    """Mask n belongs to the n-th object of the XML when that holds for every mask of the image.

    So it is in the challenge's files. Some exporters write boxes and masks of different
    objects (CVAT does): then all of them stay apart.
    """
    by_number = dict(drawn)
    own = {m.value: m for m in masks if m.value}
    paired = {_number(value): mask for value, mask in own.items()}
    if not own or not all(_belongs(by_number.get(n), m, image) for n, m in paired.items()):
        return [i for _, i in drawn] + [Instance(m.class_id, m.region) for m in masks]
    found = []
    for number, instance in drawn:
        if number not in paired:
            found.append(instance)
            continue
        box = instance.shape if isinstance(instance.shape, Box) else instance.box
        found.append(msgspec.structs.replace(instance, shape=paired[number].region, box=box))
    return found + [Instance(m.class_id, m.region) for m in masks if not m.value]


def _number(value: int) -> int:
    """The place of an object from its value in SegmentationObject, which leaves 255 out."""
    return value if value < VOID else value - 1


def _belongs(instance: Instance | None, mask: _Mask, image: Image) -> bool:
    if instance is None or instance.class_id != mask.class_id or not isinstance(instance.shape, Box):
        return False
    box = instance.shape
    x, y, w, h = rle.tight_box(mask.region)
    del image
    return x >= box.x - NEAR and y >= box.y - NEAR and x + w <= box.x + box.w + NEAR and y + h <= box.y + box.h + NEAR


class _Objects:
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
