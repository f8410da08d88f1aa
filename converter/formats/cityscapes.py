"""Cityscapes: street scenes, with maps of classes and of objects.

    leftImg8bit/<split>/<city>/<name>_leftImg8bit.png
    gtFine/<split>/<city>/<name>_gtFine_instanceIds.png    16-bit gray
    gtFine/<split>/<city>/<name>_gtFine_labelIds.png       8-bit gray: class ids
    gtFine/<split>/<city>/<name>_gtFine_polygons.json      imgWidth, imgHeight, objects: [{label, polygon}]

In instanceIds an object is class * 1000 + n. A class without objects (road, sky) keeps its
plain id, and so does a group of objects that nobody could tell apart, which is a crowd.
0 is unlabelled. License plates (-1) are not drawn.

Read, of each image: instanceIds; without it the polygons, painted one over the other as the dataset's
own scripts paint them. Where no image has either: labelIds as a semantic set, or labelTrainIds with the
19 classes that are trained on. gtCoarse as gtFine, which goes first where both are there. The images may
lie below another root beside that of the truth. _color.png is not read: classes share colours in it.
Other class lists stand in classes.json at the top, or in label_colors.txt or dataset_meta.json (Datumaro, CVAT);
all their polygons are objects.

Written: leftImg8bit, labelIds and, but for semantic sets, instanceIds; classes.json when the classes are not those of
Cityscapes. Images without a split or a city lie in a folder `all` in its place, and their
names get the ending `_leftImg8bit`; reading takes both off again. Polygons are not written:
as those scripts draw them they cannot hold every mask exactly.

Coordinates: none; a pixel of a map is the pixel of the image in its place;
vertices of polygons.json are places between pixels, (0, 0) the outer corner of the first.

Holds: masks without overlaps, one crowd region of a class an image, class ids 1 to 64.
Cannot hold: overlaps, boxes, attributes, masks without a pixel.
Source: cityscapesScripts, json2instanceImg.py and helpers/labels.py.
"""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from converter.codecs import json, png_write
from converter.errors import SourceError
from converter.format import Encoded, Evidence, Format, Holds, Reading, Record, Scan, Writing
from converter.geometry import labelmap, rle, shapes
from converter.layouts.class_files import DATASET_META, LABEL_COLORS, find_class_file, read_class_file
from converter.layouts.classes import black_first, check_classes
from converter.layouts.images import is_split_name, split_name
from converter.layouts.label_maps import Found, Meaning, cut, files, numbers, pairs, renamed, scan_of
from converter.layouts.masks import check_size
from converter.layouts.street_labels import CLASSES, THINGS, TRAINED, is_street
from converter.layouts.undeclared import undeclared
from converter.ledger import Ledger
from converter.model import IGNORE, ClassInfo, Header, Image, LabelMap, Ref, Sample
from converter.storage import Source, Target

__all__ = ["FORMAT"]

TRUTH = re.compile(
    r"(?P<base>.+)_(?P<kind>gtFine|gtCoarse)_(?P<what>instanceIds\.png|polygons\.json|labelIds\.png|labelTrainIds\.png)"
)
OBJECTS = ("instanceIds.png", "polygons.json")
MAPS = ("labelIds.png", "labelTrainIds.png")
ENDING = "_leftImg8bit"
NOWHERE = "all"
NUMBERS = 1000
OTHER_CLASSES = 'mend it, or name all classes of the set in a classes.json beside gtFine, as {"1": "car"}'


class Shape(msgspec.Struct):
    """An object of polygons.json; `deleted` when the annotators took it back."""

    label: str
    polygon: list[tuple[float, float]]
    deleted: bool | int = False


class Drawing(msgspec.Struct):
    imgWidth: int  # noqa: N815 -- the format's own key
    imgHeight: int  # noqa: N815
    objects: list[Shape]


# ---------------------------------------------------------------- read


def detect(source: Source) -> Evidence | None:
    """Files that end in _gtFine_instanceIds.png, _polygons.json, _labelIds.png or _labelTrainIds.png."""
    truth = _truth(source)
    if not truth:
        return None
    first = truth[0]
    return Evidence(f"{len(truth)} files such as {first} ({_parts(first)[2].partition('.')[0]})")


def _truth(source: Source) -> list[str]:
    """The file that says most of each image. Where objects are known at all, maps of classes come last."""
    if source.entry is not None:
        return []
    found: dict[str, dict[str, str]] = {}
    for name in source.names():
        if TRUTH.fullmatch(name):
            base, kind, what = _parts(name)
            found.setdefault(f"{base}_{kind}", {})[what] = name
    return [next(kinds[w] for w in (*OBJECTS, *MAPS) if w in kinds) for kinds in found.values()]


def _chosen(source: Source, ledger: Ledger) -> tuple[list[str], str]:
    """The files to read, which are of one quality and kind: "" for objects, else the kind of the maps."""
    truth = _truth(source)
    kinds = {_parts(t)[1] for t in truth}
    if len(kinds) > 1:
        ledger.note("truth-chosen", source.name, "gtFine and gtCoarse: gtFine was read; name the folder of the other")
        truth = [t for t in truth if _parts(t)[1] == "gtFine"]
    held = {_parts(t)[2] for t in truth}
    if held.isdisjoint(OBJECTS):
        what = next((w for w in MAPS if w in held), "")
        return [t for t in truth if t.endswith("_" + what)], what
    for path in truth:
        if _parts(path)[2] in MAPS:
            problem = SourceError(source.label(path), "no objects are known of this image, as they are of others")
            ledger.bad_image(path, problem)
    return [t for t in truth if _parts(t)[2] in OBJECTS], ""


def scan(reading: Reading, ledger: Ledger) -> Scan:
    source = reading.source
    truth, maps = _chosen(source, ledger)
    if not truth:
        raise SourceError(source.name, "no files that end in _gtFine_instanceIds.png", remedy="is it Cityscapes?")
    found = [Found(path, image, *_named(path, image)) for path, image in pairs(reading, truth, _candidates)]
    used = [n for n in source.names() if "_gtFine_" in n or "_gtCoarse_" in n]
    classes = TRAINED if maps == MAPS[1] else _classes(reading)
    made = scan_of(reading, "cityscapes", classes, _sized(reading, found, ledger), used, ledger)
    if not maps:
        return made
    ignore = IGNORE if maps == MAPS[1] else None
    header = msgspec.structs.replace(made.header, task="semantic", ignore_id=ignore)
    return msgspec.structs.replace(made, header=header)


def _sized(reading: Reading, found: Sequence[Found], ledger: Ledger) -> list[Found]:
    """Those whose size can be known: polygons have no header to look into, and need their image."""
    kept = []
    for each in found:
        if each.image is None and each.mask.endswith(".json"):
            problem = SourceError(reading.source.label(each.mask), "its image is not there", remedy="use --images DIR")
            ledger.bad_image(each.name, problem)
        else:
            kept.append(each)
    return kept


def _classes(reading: Reading) -> tuple[ClassInfo, ...]:
    path = find_class_file(reading.source, [""])
    if path is None:
        return CLASSES
    found = list(read_class_file(reading.source, path).values())
    found = black_first(found) if path in {LABEL_COLORS, DATASET_META} else found
    check_classes(found, reading.source.label(path), table=reading.options.classes)
    return tuple(ClassInfo(c.id, c.name, c.color, c.id, c.name) for c in sorted(found, key=lambda c: c.id) if c.id)


def _parts(truth: str) -> tuple[str, str, str]:
    """Path before the ending, gtFine or gtCoarse, and what the file holds."""
    match = TRUTH.fullmatch(truth)
    assert match is not None
    return match["base"], match["kind"], match["what"]


def _candidates(truth: str) -> list[str]:
    base, kind, _ = _parts(truth)
    below = renamed(base, **{kind: "leftImg8bit"})
    return [below + ENDING, below, base + ENDING, base]


def _named(truth: str, image: str | None) -> tuple[str, str | None]:
    """Path below the folder of the split, and the split."""
    base, kind, _ = _parts(truth)
    folders = posixpath.dirname(base).split("/")
    folders = folders[folders.index(kind) + 1 :] if kind in folders else folders
    has_split = len(folders) > 1 or is_split_name(folders[0]) or folders[0] == NOWHERE
    split = folders[0] if has_split and folders[0] not in {NOWHERE, ""} else None
    city = "/".join(folders[1:] if has_split else folders)
    name = posixpath.basename(image) if image else posixpath.basename(base) + ENDING + ".png"
    stem, ending = posixpath.splitext(name)
    if not _is_own(city, stem):
        name = stem.removesuffix(ENDING) + ending
    return posixpath.join("" if city == NOWHERE else city, name), split_name(split) if split else None


def _is_own(city: str, stem: str) -> bool:
    """Whether a name is one that Cityscapes gives, ending and all."""
    return stem.endswith(ENDING) and stem.startswith(f"{posixpath.basename(city)}_")


def load(reading: Reading, header: Header, ref: Ref, ledger: Ledger) -> Sample:
    """The regions of an image, or its map of classes when there is no more."""
    path, image = ref.payload, ref.image
    file = reading.source.label(path)
    try:
        codes = _codes(reading, header, path, image, ledger)
        check_size(file, codes.shape[1], codes.shape[0], image)
        if header.task == "semantic":
            return Sample(image, labels=_declared(codes, file, header))
    except SourceError as error:
        ledger.skip_image(image.path, error)
    street = is_street(header.classes)
    return Sample(
        image, tuple(cut(codes, file, image, lambda value: _means(value, street=street), header.classes, ledger))
    )


def _codes(reading: Reading, header: Header, path: str, image: Image, ledger: Ledger) -> LabelMap:
    data, file = reading.source.read(path), reading.source.label(path)
    return _painted(data, file, header, image, ledger) if path.endswith(".json") else numbers(data, file)


def _declared(codes: LabelMap, file: str, header: Header) -> LabelMap:
    declared = {c.id for c in header.classes}
    strange = sorted({int(v) for v in labelmap.values(codes)[0]} - declared - {header.background_id, header.ignore_id})
    if strange:
        raise SourceError(file, undeclared(strange, declared))
    return codes


def _means(value: int, *, street: bool) -> Meaning | None:
    if value >= NUMBERS:
        return Meaning(value // NUMBERS)
    return Meaning(value, iscrowd=not street or value in THINGS) if value else None


def _painted(data: bytes, file: str, header: Header, image: Image, ledger: Ledger) -> LabelMap:
    """The map of objects as the dataset's scripts make them of polygons: in order, the later over the earlier."""
    from PIL import Image as Picture  # noqa: PLC0415 -- for this kind of file only
    from PIL import ImageDraw  # noqa: PLC0415

    drawing = json.decode(data, file, Drawing)
    if (drawing.imgWidth, drawing.imgHeight) != (image.width, image.height):
        check_size(file, drawing.imgWidth, drawing.imgHeight, image)
    canvas = Picture.new("I", (image.width, image.height), 0)
    brush = ImageDraw.Draw(canvas)
    ids = {c.name: c.id for c in header.classes}
    things = THINGS if is_street(header.classes) else frozenset(ids.values())
    counts: Counter[int] = Counter()
    for place, shape in enumerate(drawing.objects):
        if shape.deleted or shape.label in {"license plate", "unlabeled"}:
            continue
        group = shape.label not in ids and shape.label.endswith("group")
        class_id = ids.get(shape.label.removesuffix("group") if group else shape.label)
        problem = _problem(shape, class_id)
        if problem or class_id is None:
            remedy = OTHER_CLASSES if class_id is None else "mend or remove it"
            error = SourceError(file, problem, place=f"objects[{place}]", remedy=remedy)
            ledger.bad_annotation(image.path, place, error)
            continue
        value = class_id
        if class_id in things and not group:
            value = class_id * NUMBERS + counts[class_id]
            counts[class_id] += 1
        brush.polygon(shape.polygon, fill=value)
    return np.asarray(canvas).astype(np.uint16)


def _problem(shape: Shape, class_id: int | None) -> str:
    if class_id is None:
        return f"the label '{shape.label}' is not declared"
    if len(shape.polygon) < 3:
        return f"a polygon of {len(shape.polygon)} points"
    if any(abs(v) > 1e6 for point in shape.polygon for v in point):
        return "a point is nowhere near the image"
    return ""


# ---------------------------------------------------------------- write


def image_path(writing: Writing, image: Image) -> str:
    city, base = posixpath.split(image.name)
    stem, ending = posixpath.splitext(base)
    stem = stem if _is_own(city, stem) else stem + ENDING
    return posixpath.join(writing.prefix + "leftImg8bit", image.split or NOWHERE, city or NOWHERE, stem + ending)


def label_path(writing: Writing, image: Image) -> str:
    """Path of the truth without its ending; it is that of the image with other words."""
    head, _, tail = posixpath.splitext(image_path(writing, image))[0].rpartition(
        "leftImg8bit/" + (image.split or NOWHERE)
    )
    return f"{head}gtFine/{image.split or NOWHERE}{tail.removesuffix(ENDING)}_gtFine"


def encode(writing: Writing, sample: Sample) -> Encoded:
    """The map of classes and, but for a semantic set, that of objects."""
    image = sample.image
    codes: NDArray[np.uint16] = np.zeros((image.height, image.width), np.uint16)
    labels: NDArray[np.uint8] = np.zeros((image.height, image.width), np.uint8)
    alike = Counter(i.class_id for i in sample.instances if not i.iscrowd)
    street = is_street(writing.header.classes)
    counts: Counter[int] = Counter()
    for instance in sample.instances:
        plain = instance.class_id
        whole = instance.iscrowd or (street and plain not in THINGS and alike[plain] == 1)
        value = plain if whole else plain * NUMBERS + counts[plain]
        counts[plain] += not whole
        if counts[plain] > NUMBERS:
            raise SourceError(
                image.path, f"more than {NUMBERS} objects of class {plain}", remedy="cityscapes numbers no more"
            )
        crop, x, y = rle.decode_crop(shapes.mask_of(instance.shape, image.height, image.width))
        window = slice(y, y + crop.shape[0]), slice(x, x + crop.shape[1])
        np.copyto(codes[window], value, where=crop)
        np.copyto(labels[window], plain, where=crop)
    path = label_path(writing, image)
    files = [(f"{path}_labelIds.png", png_write.encode_gray(labels))]
    if not writing.stays_semantic:
        files.insert(0, (f"{path}_instanceIds.png", png_write.encode_gray(codes)))
    return Encoded(files, None, [i.id for i in sample.instances])


class Assembler:
    """Writes classes.json when the classes are others than Cityscapes'."""

    def __init__(self, writing: Writing, out: Target) -> None:
        self.writing, self.out = writing, out

    def add(self, record: Record) -> None:
        """Nothing is kept: every image is complete by itself."""

    def finish(self) -> None:
        classes = self.writing.header.classes
        if not classes or (is_street(classes) and len(classes) == len(CLASSES)):
            return
        entries: list[dict[str, Any]] = [
            {"id": c.id, "name": c.name} | ({"color": list(c.color)} if c.color else {}) for c in classes
        ]
        self.out.write(f"{self.writing.prefix}classes.json", json.encode_pretty(entries))


FORMAT = Format(
    name="cityscapes",
    summary="Cityscapes: instanceIds and labelIds PNGs",
    page=__doc__ or "",
    holds=Holds(overlaps=False, crowd=True, one_crowd=True, last_id=64, colors=True),
    detect=detect,
    scan=scan,
    load=load,
    encode=encode,
    assemble=Assembler,
    image_path=image_path,
    label_path=label_path,
    files=files,
)
