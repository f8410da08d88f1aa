"""LVIS: COCO's JSON with a long tail of classes, and a word on which of them were looked for.

    annotations/lvis_v1_<split>.json      lvis.json in a set without splits; any JSON named directly
    images/[<split>/]<file_name>

As COCO, coordinates too, but for three things. An image may have no `file_name`: then its name is the end of
`coco_url` with the folder before it (train2017/000000391895.jpg), as images of both COCO
folders occur in one split. `neg_category_ids` are classes that are surely not in the image,
`not_exhaustive_category_ids` those of which only some objects were drawn; both are kept,
and written empty where the source has none. There is no `iscrowd`.

Categories have `frequency` (r, c, f: in up to 10, up to 100, in more images), `image_count` and
`instance_count`; written, they are those of the source, else counted.

Holds: polygons, RLE, attributes. Cannot hold: crowds, boxes without a mask.
Source: https://www.lvisdataset.org/dataset and lvis-api.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec

from converter.codecs import json
from converter.errors import SourceError
from converter.format import Encoded, Evidence, Format, Holds, Reading, Record, Scan, Writing
from converter.layouts import coco_read
from converter.layouts.coco_annotations import SHAPE_KEYS
from converter.layouts.coco_family import marked, open_marked
from converter.layouts.coco_files import WHOLE
from converter.layouts.coco_images import IMAGE_KEYS
from converter.layouts.coco_write import Part, marked_extra
from converter.layouts.coco_write import encode as encode_coco
from converter.ledger import Ledger
from converter.model import ClassInfo, Image, Sample
from converter.storage import Source, Target

__all__ = ["FORMAT"]

MARKS = ("neg_category_ids", "not_exhaustive_category_ids")
SEGMENTS = "segments_info"
RARE, COMMON = 10, 100


def detect(source: Source) -> Evidence | None:
    """A JSON whose images say which classes were looked for, unless it is called as those of COCO are."""
    found = _files(source)
    if not set(WHOLE).isdisjoint(found):
        return None
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
    return Evidence(f"{found[0]}{more}: JSON with neg_category_ids") if found else None


def _files(source: Source) -> list[str]:
    """Paths of the JSONs; what COCO panoptic keeps of a set that was LVIS is none of them."""
    segments = set(marked(source, SEGMENTS))
    return [path for path in marked(source, *MARKS) if path not in segments]


def scan(reading: Reading, ledger: Ledger) -> Scan:
    paths = _files(reading.source)
    if not paths:
        raise SourceError(reading.source.name, "no JSON with neg_category_ids in it", remedy="name the JSON itself")
    files = open_marked(reading.source, paths, r"lvis_?(?:v[\d.]+_?)?")
    made = coco_read.scan_files(reading, files, ledger)
    return msgspec.structs.replace(made, header=msgspec.structs.replace(made.header, format="lvis"))


def image_path(writing: Writing, image: Image) -> str:
    return writing.images + image.path


def encode(writing: Writing, sample: Sample) -> Encoded:
    """The image's entry and its annotations, as JSON that still lacks its ids."""
    image = sample.image
    marks = {mark: image.extra.get(mark, []) for mark in MARKS}
    marked_image = msgspec.structs.replace(image, extra={**image.extra, **marks})
    made = encode_coco(writing, msgspec.structs.replace(sample, image=marked_image))
    entry, tails = made.record
    plain = [_without_crowd(tail) for tail in tails]
    return msgspec.structs.replace(made, record=(entry, plain, [i.class_id for i in sample.instances]))


def _without_crowd(tail: bytes) -> bytes:
    """An annotation without the key that LVIS does not know."""
    fields = json.decode(b"{" + tail, "annotation", dict[str, msgspec.Raw])
    fields.pop("iscrowd", None)
    return json.encode(fields)[1:]


class Assembler:
    """Joins records into the JSON of each split, and counts what categories say of themselves."""

    def __init__(self, writing: Writing, out: Target) -> None:
        self.writing, self.out = writing, out
        self.parts: dict[str | None, Part] = {split: Part(out) for split in writing.header.splits or (None,)}
        self.images: Counter[int] = Counter()
        self.instances: Counter[int] = Counter()

    def add(self, record: Record) -> None:
        entry, tails, classes = record.value
        split = record.image.split
        if split not in self.parts:
            self.parts[split] = Part(self.out)
        drawn = zip(record.ids, tails, strict=True)
        annotations = [b'{"id":%d,"image_id":%d,' % (id, record.image_id) + tail for id, tail in drawn]
        self.parts[split].add(b'{"id":%d,' % record.image_id + entry, annotations)
        self.images.update(set(classes))
        self.instances.update(classes)

    def finish(self) -> None:
        header = self.writing.header
        top = marked_extra(self.writing) | {"categories": [self._category(c) for c in header.classes]}
        for split, part in self.parts.items():
            if part.empty:
                continue
            name = f"annotations/lvis_v1_{split}.json" if split else "annotations/lvis.json"
            with self.out.stream(self.writing.prefix + name) as stream:
                part.write(stream, top)

    def _category(self, c: ClassInfo) -> dict[str, Any]:
        number = self.images[c.id]
        frequency = "r" if number <= RARE else "c" if number <= COMMON else "f"
        counted = {"frequency": frequency, "image_count": number, "instance_count": self.instances[c.id]}
        return {"id": c.id, "name": c.name, **counted, **c.extra} | ({"color": list(c.color)} if c.color else {})


FORMAT = Format(
    name="lvis",
    summary="LVIS: COCO's JSON with classes that were looked for",
    page=__doc__ or "",
    holds=Holds(
        attributes=True, facts=True, colors=True, empty=True, polygons=True, own=SHAPE_KEYS, image_own=IMAGE_KEYS
    ),
    detect=detect,
    scan=scan,
    load=coco_read.load,
    encode=encode,
    assemble=Assembler,
    image_path=image_path,
    files=coco_read.files,
)
