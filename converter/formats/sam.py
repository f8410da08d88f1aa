"""Segment Anything (SA-1B): a JSON beside each image, with masks of everything in it.

    <name>.jpg
    <name>.json     image: {image_id, file_name, width, height}, annotations: [{id, segmentation, bbox,
                    area, predicted_iou, stability_score, point_coords, crop_box}]

Masks are compressed RLE of the COCO API. Some writers have `size` as width and height, or a
mask that was turned over with it: the mask is read in the way whose area and box are those of
the annotation, with a note, and refused when none or more than one way fits.

There are no classes: all is `object`, or what --class-name says. Scores and points are kept.

Coordinates of boxes and points are pixels from the outer corner of the first pixel.

Holds: masks with overlaps, attributes. Read only. Cannot hold: classes, crowds, polygons.
Source: https://github.com/facebookresearch/segment-anything#dataset.
"""

from __future__ import annotations

import posixpath
from typing import Any

import msgspec

from converter.codecs import json
from converter.errors import ShapeError, SourceError
from converter.format import Evidence, Format, Holds, Reading, Scan
from converter.geometry import rle, runlengths
from converter.layouts.images import is_split_name, order_splits, split_name, tell_unused
from converter.layouts.label_maps import ImageStems
from converter.ledger import Ledger
from converter.model import Box, ClassInfo, Header, Image, Instance, Ref, Rle, Sample
from converter.storage import Source
from converter.storage.names import clean

__all__ = ["FORMAT"]

KEYS = ("predicted_iou", "stability_score", "point_coords", "crop_box")
GLANCE = 400
SHAPE_KEYS = frozenset({"id", "segmentation", "bbox", "area"})


class Head(msgspec.Struct):
    """The image of a JSON."""

    file_name: str
    width: int
    height: int
    image_id: int | None = None


class Page(msgspec.Struct):
    """One JSON: `annotations` stay as they are until they are judged one by one."""

    image: Head
    annotations: list[msgspec.Raw]


class Outline(msgspec.Struct):
    size: list[int]
    counts: str | list[int]


class Mark(msgspec.Struct):
    """What is needed of an annotation."""

    segmentation: Outline
    id: int | None = None
    bbox: list[float] | None = None
    area: float | None = None


# ---------------------------------------------------------------- scan


def detect(source: Source) -> Evidence | None:
    """A JSON of one image with annotations and predicted_iou or stability_score."""
    found = _pages(source)
    return Evidence(f"{len(found)} JSON files of one image each, such as {found[0]}") if found else None


def _pages(source: Source) -> list[str]:
    """JSON files of one image; the first is judged for all."""
    names = [source.entry] if source.entry is not None else source.names()
    paths = [n for n in names if n.endswith(".json")]
    return paths if paths and _is_page(source, paths[0]) else [p for p in paths[1:GLANCE] if _is_page(source, p)]


def _is_page(source: Source, path: str) -> bool:
    data = source.read(path)
    return b'"image"' in data and b'"annotations"' in data and any(f'"{k}"'.encode() in data for k in KEYS[:2])


def scan(reading: Reading, ledger: Ledger) -> Scan:
    source = reading.source
    paths = _pages(source)
    if not paths:
        raise SourceError(source.name, "no JSON of one image with masks in it", remedy="is it Segment Anything?")
    index = ImageStems(reading.images, apart=reading.images is not source)
    refs = []
    for path in paths:
        try:
            refs.append(_ref(source, path, index))
        except SourceError as error:
            ledger.bad_image(path, error)
    if source.entry is None:
        tell_unused(reading.images, refs, paths, ledger)
    ids = [r.image.id for r in refs]
    if None in ids or len(set(ids)) < len(ids):
        refs = [msgspec.structs.replace(r, image=msgspec.structs.replace(r.image, id=None)) for r in refs]
    classes = (ClassInfo(1, reading.options.class_name or "object"),)
    splits = order_splits(r.image.split for r in refs)
    return Scan(Header("sam", "instance", classes, splits), refs)


def _ref(source: Source, path: str, index: ImageStems) -> Ref:
    file = source.label(path)
    head = json.decode(source.read(path), file, Page).image
    if head.width <= 0 or head.height <= 0:
        raise SourceError(file, f"the image is {head.width}x{head.height}", place="image", remedy="mend the size")
    try:
        name = clean(head.file_name)
    except ValueError as error:
        raise SourceError(file, f"file_name '{head.file_name}' {error}", place="image") from None
    folder = posixpath.dirname(path)
    beside = index.find([posixpath.join(folder, posixpath.splitext(name)[0]), posixpath.splitext(path)[0]])
    top = folder.split("/")[0]
    split = split_name(top) if is_split_name(top) else None
    below = posixpath.join(folder.partition("/")[2] if split else folder, name)
    return Ref(Image(below, split, head.width, head.height, head.image_id, beside), path)


# ---------------------------------------------------------------- load


def load(reading: Reading, header: Header, ref: Ref, ledger: Ledger) -> Sample:
    """The masks of an image."""
    file, image = reading.source.label(ref.payload), ref.image
    page = json.decode(reading.source.read(ref.payload), file, Page)
    instances = []
    for i, raw in enumerate(page.annotations):
        place = f"annotations[{i}]"
        id = None
        try:
            mark = json.decode(raw, file, Mark, place=place)
            id = mark.id
            region, turned = _region(mark, image)
            fields = json.decode(raw, file, place=place)
        except SourceError as error:
            ledger.bad_annotation(image.path, id, error)
            continue
        except ShapeError as error:
            ledger.bad_annotation(image.path, id, error.at(file, place))
            continue
        if turned:
            ledger.note("size-transposed", f"{file}, {place}", turned)
        instances.append(_instance(mark, fields, region))
    del header
    return Sample(image, tuple(instances))


def _instance(mark: Mark, fields: dict[str, Any], region: Rle) -> Instance:
    extra = {k: v for k, v in fields.items() if k not in SHAPE_KEYS}
    return Instance(1, region, mark.id, box=_box(mark), area=mark.area, extra=extra)


def _box(mark: Mark) -> Box | None:
    return Box(*mark.bbox) if mark.bbox is not None and len(mark.bbox) == 4 else None


def _region(mark: Mark, image: Image) -> tuple[Rle, str]:
    """The mask, and what was done to read it ("" when nothing was)."""
    size = mark.segmentation.size
    if size == [image.height, image.width]:
        return _decoded(mark, image.height, image.width), ""
    if size != [image.width, image.height]:
        raise ShapeError(f"size {size} is not the image's [{image.height}, {image.width}]", code="size-mismatch")
    plain = _decoded(mark, image.height, image.width)
    over = rle.encode(rle.decode(_decoded(mark, image.width, image.height)).T)
    fitting = [(r, said) for r, said in ((plain, "size"), (over, "the mask")) if _fits(r, mark)]
    if len(fitting) != 1 and plain != over:
        raise ShapeError(
            f"size {size} is width and height, and the box does not tell how the mask lies", code="invalid-rle"
        )
    region, said = fitting[0] if fitting else (plain, "size")
    return region, f"size is {size}, width and height: {said} was turned over"


def _decoded(mark: Mark, height: int, width: int) -> Rle:
    counts = mark.segmentation.counts
    if isinstance(counts, str):
        return runlengths.from_string(counts, height, width)
    return runlengths.from_counts(counts, height, width)


def _fits(region: Rle, mark: Mark) -> bool:
    """Whether the box of the annotation, give or take a pixel, is that of the mask."""
    box = _box(mark)
    if box is None:
        return False
    x, y, w, h = rle.tight_box(region)
    return max(abs(box.x - x), abs(box.y - y), abs(box.x + box.w - x - w), abs(box.y + box.h - y - h)) <= 1


def files(reading: Reading, ref: Ref) -> list[str]:
    """The JSON of the image."""
    return [reading.source.label(ref.payload)]


FORMAT = Format(
    name="sam",
    summary="Segment Anything: a JSON of RLE masks beside each image",
    page=__doc__ or "",
    holds=Holds(attributes=True),
    detect=detect,
    scan=scan,
    load=load,
    files=files,
)
