"""COCO panoptic: a PNG an image whose colours number its segments, and a JSON that says what they are.

    annotations/panoptic_<split>.json            panoptic.json in a set without splits; <set>_panoptic_<split>.json
    annotations/panoptic_<split>/<image>.png     also beside annotations/, in the folder named like the JSON, or
                                                 a folder beside the JSON that is called panoptic
    images/[<split>/]<file_name>

The id of a pixel's segment is R + 256 G + 65536 B; 0 is unlabelled. The JSON lists `annotations`
[{image_id, file_name, segments_info: [{id, category_id, area, bbox, iscrowd}]}], and
categories with `isthing`. Ids are unique within an image only. The image's file_name ends in
.jpg, the PNG's in .png.

Coordinates of `bbox` are pixels from the outer corner of the first pixel; a pixel of the PNG is that of the image.

Holds: masks without overlaps, crowds, attributes. `isthing` is written 1 where the source
does not say, and 0 for classes of a set that was semantic.
Cannot hold: masks without a pixel, overlaps, boxes.
Known sets: COCO, Cityscapes and ADE20K converted by their scripts, Detectron2's separated sets.
Source: https://cocodataset.org/#format-data (4. Panoptic Segmentation) and panopticapi.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from typing import Any, TypeGuard

import msgspec
import numpy as np

from converter.codecs import json, png_write
from converter.errors import SourceError
from converter.format import Encoded, Evidence, Format, Holds, Reading, Record, Scan, Writing
from converter.geometry import labelmap, rle, shapes
from converter.layouts.coco_annotations import crowd_flag
from converter.layouts.coco_categories import categories, settle_classes
from converter.layouts.coco_family import marked, open_marked
from converter.layouts.coco_files import CocoFile, tell_endless
from converter.layouts.coco_images import IMAGE_KEYS, Id, scan_images, with_extra
from converter.layouts.coco_top import tell_other_entries, told_header
from converter.layouts.coco_write import Part, marked_extra
from converter.layouts.images import ImageIndex, order_splits, own_ids, tell_unused
from converter.layouts.label_maps import colors
from converter.layouts.masks import check_size
from converter.layouts.undeclared import undeclared
from converter.ledger import Ledger
from converter.model import Box, ClassInfo, Header, Image, Instance, Ref, Rle, Sample
from converter.storage import Source, Target

__all__ = ["FORMAT"]

LAST = (1 << 24) - 1
NOT_OF_THE_SPLIT = r".*_panoptic_(?=(?:train|val|test)[^_]*$)|panoptic_?"  # in the name of a JSON, as ade20k_panoptic_
SEGMENT_KEYS = frozenset({"id", "category_id", "area", "bbox", "iscrowd"})


class Annotation(msgspec.Struct):
    """The segments of an image."""

    image_id: Id
    file_name: str
    segments_info: list[dict[str, Any]]


class Payload(msgspec.Struct, frozen=True):
    """The JSON's label, the image's entry, the PNG, what its ids mean, and the ids of segments that are not sound."""

    file: str
    entry: bytes
    place: str
    png: str
    segments: list[dict[str, Any]]
    refused: frozenset[int] = frozenset()


# ---------------------------------------------------------------- read


def detect(source: Source) -> Evidence | None:
    """A JSON with images and segments_info."""
    found = marked(source, "segments_info")
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
    return Evidence(f"{found[0]}{more}: JSON with segments_info") if found else None


def scan(reading: Reading, ledger: Ledger) -> Scan:
    paths = marked(reading.source, "segments_info")
    if not paths:
        raise SourceError(reading.source.name, "no JSON with segments_info in it", remedy="name the JSON file itself")
    files = open_marked(reading.source, paths, NOT_OF_THE_SPLIT)
    tell_endless(files, ledger)
    declared = categories(files, ledger)
    tell_other_entries(files, ledger)
    pngs = ImageIndex(reading.source)
    used: set[int] = set()
    annotations = {file.path: _annotations(file, pngs, ledger) for file in files}
    masks = {mask for found in annotations.values() for _, mask, _ in found}
    apart = reading.images is not reading.source
    index = ImageIndex(reading.images, () if apart else masks)
    refs: list[Ref] = []
    for file in files:
        refs += _refs(file, annotations[file.path], index, declared, used, reading, ledger)
    tell_unused(reading.images, refs, [*(f.path for f in files), *masks], ledger)
    classes, background = settle_classes(declared, used, files, reading.options.classes, ledger)
    splits = order_splits(r.image.split for r in refs)
    header = told_header("coco-panoptic", files, classes, background, splits)
    ids = [s["id"] for r in refs for s in r.payload.segments]
    if not own_ids(r.image for r in refs):
        refs = [msgspec.structs.replace(r, image=msgspec.structs.replace(r.image, id=None)) for r in refs]
    return Scan(header, refs, ids_kept=len(set(ids)) == len(ids))


def _annotations(file: CocoFile, pngs: ImageIndex, ledger: Ledger) -> list[tuple[str, str, Annotation]]:
    """(place, path of the PNG, annotation) of every entry whose PNG is there."""
    found = []
    folder, bare = posixpath.dirname(file.path), posixpath.basename(file.path).rpartition(".")[0]
    above = posixpath.dirname(folder)
    folders = [posixpath.join(folder, bare), posixpath.join(above, bare), bare, folder, *_so_called(pngs, folder)]
    for i, raw in enumerate(json.decode(file.top["annotations"], file.label, list[msgspec.Raw])):
        place = f"annotations[{i}]"
        try:
            annotation = json.decode(raw, file.label, Annotation, place=place)
            mask = pngs.find(annotation.file_name, folders)
            if mask is None:
                problem = f"the PNG {annotation.file_name} is not there"
                raise SourceError(file.label, problem, place=place, remedy=f"put it in {bare}/ beside the JSON")
        except SourceError as error:
            ledger.bad_image(_name_of(raw), error)
            continue
        found.append((place, mask, annotation))
    return found


def _so_called(pngs: ImageIndex, folder: str) -> list[str]:
    """The folders within one that are called panoptic, as `panoptic_masks`; others may hold files of the same names."""
    within = {posixpath.dirname(path) for path in pngs.paths}
    return sorted(f for f in within if posixpath.dirname(f) == folder and "panoptic" in posixpath.basename(f).lower())


def _name_of(raw: msgspec.Raw) -> str:
    try:
        entry = msgspec.json.decode(raw)
    except msgspec.MsgspecError:
        return ""
    return str(entry.get("file_name", "")) if isinstance(entry, dict) else ""


def _refs(
    file: CocoFile,
    annotations: Sequence[tuple[str, str, Annotation]],
    index: ImageIndex,
    declared: dict[int, ClassInfo],
    used: set[int],
    reading: Reading,
    ledger: Ledger,
) -> list[Ref]:
    images, entries, lost = scan_images(file, index, ledger)
    refs: list[Ref] = []
    for place, mask, annotation in annotations:
        if annotation.image_id in lost:
            continue
        if annotation.image_id not in images:
            problem = SourceError(
                file.label, f"image_id {annotation.image_id!r} names no image", place=place, remedy="mend or remove it"
            )
            ledger.bad_image(annotation.file_name, problem)
            continue
        image, at = images.pop(annotation.image_id)
        segments = [
            s
            for i, s in enumerate(annotation.segments_info)
            if _is_sound(s, f"{place}, segments_info[{i}]", file, image, declared, reading, ledger)
        ]
        used |= {s["category_id"] for s in segments}
        ids = {id for s in annotation.segments_info if _is_number(id := s.get("id"))}
        refused = frozenset(ids - {s["id"] for s in segments})
        refs.append(Ref(image, Payload(file.label, entries[at], place, mask, segments, refused)))
    for image, _ in images.values():
        ledger.note("no-annotation", file.label, f"{image.path} has no PNG: it is left out")
    return refs


def _is_sound(
    segment: dict[str, Any],
    place: str,
    file: CocoFile,
    image: Image,
    declared: dict[int, ClassInfo],
    reading: Reading,
    ledger: Ledger,
) -> bool:
    id, category = segment.get("id"), segment.get("category_id")
    table, code = reading.options.classes, "invalid-polygon"
    if not _is_number(id) or not 0 < id <= LAST:
        problem = f"the id is {id!r}, not a number from 1 to {LAST}"
    elif not _is_number(category):
        problem = f"category_id is {category!r}, not a whole number"
    elif category in declared:
        return True
    elif table is not None and table.declares(category):
        declared[category] = ClassInfo(category, f"class_{category}", source_id=category)
        return True
    else:
        problem, code = undeclared([category], declared), "unmapped-class"
    known = id if _is_number(id) else None
    ledger.bad_annotation(image.path, known, SourceError(file.label, problem, place=place, code=code))
    return False


def _is_number(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def load(reading: Reading, header: Header, ref: Ref, ledger: Ledger) -> Sample:
    """One image: each segment of the JSON with its pixels of the PNG; ids in one only are judged."""
    payload: Payload = ref.payload
    image = with_extra(ref.image, payload.entry)
    label, name = reading.source.label(payload.png), image.path
    try:
        rgb = colors(reading.source.read(payload.png), label)
        check_size(label, rgb.shape[1], rgb.shape[0], image)
    except SourceError as error:
        ledger.skip_image(name, error)
    regions = labelmap.regions(labelmap.numbered(rgb[..., ::-1]), skip=(0,))  # red has the lowest bits
    instances = []
    for segment in payload.segments:
        try:
            instances.append(_instance(segment, regions, payload))
        except SourceError as error:
            ledger.bad_annotation(name, segment["id"], error)
    for id in sorted(regions.keys() - payload.refused):
        place = f"{payload.place} of {posixpath.basename(payload.file)}"
        problem = SourceError(label, f"the id {id} is in no segments_info", place=place)
        ledger.bad_annotation(name, id, problem)
    del header
    return Sample(image, tuple(instances))


def _instance(segment: dict[str, Any], regions: dict[int, Rle], payload: Payload) -> Instance:
    id, area, box = segment["id"], segment.get("area"), segment.get("bbox")
    region = regions.pop(id, None)
    if region is None:
        problem = f"no pixel of {payload.png} has the segment's id {id}, or two segments have it"
        raise SourceError(payload.file, problem, place=payload.place, remedy="mend or remove it")
    if (crowd := crowd_flag(segment.get("iscrowd"))) is None:
        problem = f"iscrowd of segment {id} is {segment['iscrowd']!r:.40}"
        raise SourceError(payload.file, problem, place=payload.place, remedy="write 0 or 1")
    numeric = isinstance(box, list) and len(box) == 4 and all(isinstance(v, int | float) for v in box)
    return Instance(
        class_id=segment["category_id"],
        shape=region,
        id=id,
        iscrowd=crowd,
        box=Box(*box) if numeric and isinstance(box, list) else None,
        area=area if isinstance(area, int | float) else None,
        extra={k: v for k, v in segment.items() if k not in SEGMENT_KEYS},
    )


def files(reading: Reading, ref: Ref) -> list[str]:
    """The PNG of the image, and the JSON."""
    return [reading.source.label(ref.payload.png), ref.payload.file]


# ---------------------------------------------------------------- write


def image_path(writing: Writing, image: Image) -> str:
    return writing.images + image.path


def label_path(writing: Writing, image: Image) -> str:
    """The PNG of an image; its extension stays where only that tells two images apart."""
    bare = posixpath.splitext(image.name)[0]
    name = image.name if (image.split, bare) in writing.shared_stems else bare
    return f"{_bare(writing, image.split)}/{name}.png"


def _bare(writing: Writing, split: str | None) -> str:
    return f"{writing.prefix}annotations/panoptic" + (f"_{split}" if split else "")


def encode(writing: Writing, sample: Sample) -> Encoded:
    """The PNG, and the entries of image and segments that still lack the id of the image."""
    image = sample.image
    codes = np.zeros((image.height, image.width), "<u4")
    segments = []
    for id, instance in zip(_ids(sample.instances), sample.instances, strict=True):
        mask = shapes.mask_of(instance.shape, image.height, image.width)
        crop, x, y = rle.decode_crop(mask)
        np.copyto(codes[y : y + crop.shape[0], x : x + crop.shape[1]], id, where=crop)
        segments.append(
            {
                "id": id,
                "category_id": instance.class_id,
                "area": instance.area if instance.area is not None else rle.area(mask),
                "bbox": list(msgspec.structs.astuple(instance.box)) if instance.box else list(rle.tight_box(mask)),
                "iscrowd": int(instance.iscrowd),
                **instance.extra,
            }
        )
    rgb = codes.view(np.uint8).reshape(*codes.shape, 4)[..., :3]
    path = label_path(writing, image)
    entry = {"file_name": image.name, "width": image.width, "height": image.height, **image.extra}
    name = path.removeprefix(_bare(writing, image.split) + "/")
    annotation = {"file_name": name, "segments_info": segments}
    record = (json.encode(entry)[1:], json.encode(annotation)[1:])
    return Encoded([(path, png_write.encode_rgb(rgb))], record, [i.id for i in sample.instances])


def _ids(instances: Sequence[Instance]) -> list[int]:
    """The ids of the source where every segment of the image has one of its own; else 1, 2, 3, ..."""
    ids = [i.id for i in instances if i.id is not None and 0 < i.id <= LAST]
    kept = len(ids) == len(instances) == len(set(ids))
    return ids if kept else list(range(1, len(instances) + 1))


class Assembler:
    """Joins records into the JSON of each split."""

    def __init__(self, writing: Writing, out: Target) -> None:
        self.writing, self.out = writing, out
        self.parts: dict[str | None, Part] = {split: Part(out) for split in writing.header.splits or (None,)}

    def add(self, record: Record) -> None:
        entry, annotation = record.value
        split = record.image.split
        if split not in self.parts:
            self.parts[split] = Part(self.out)
        mine = b'{"image_id":%d,' % record.image_id + annotation
        self.parts[split].add(b'{"id":%d,' % record.image_id + entry, [mine])

    def finish(self) -> None:
        header = self.writing.header
        thing = 0 if self.writing.was_semantic is not None else 1
        top = marked_extra(self.writing) | {"categories": [_category(c, thing) for c in header.classes]}
        for split, part in self.parts.items():
            if part.empty:
                continue
            with self.out.stream(f"{_bare(self.writing, split)}.json") as stream:
                part.write(stream, top)


def _category(c: ClassInfo, thing: int) -> dict[str, Any]:
    entry = {"id": c.id, "name": c.name, "isthing": thing, **c.extra}
    return entry | ({"color": list(c.color)} if c.color else {})


FORMAT = Format(
    name="coco-panoptic",
    summary="COCO panoptic: PNGs that number the segments, and a JSON",
    page=__doc__ or "",
    holds=Holds(
        overlaps=False, crowd=True, attributes=True, facts=True, colors=True, own=SEGMENT_KEYS, image_own=IMAGE_KEYS
    ),
    detect=detect,
    scan=scan,
    load=load,
    encode=encode,
    assemble=Assembler,
    image_path=image_path,
    label_path=label_path,
    files=files,
)
