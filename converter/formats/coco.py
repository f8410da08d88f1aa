"""COCO instances: one JSON for all images, or one a split.

    coco.json                         read also: annotations/instances_<split>.json,
    images/[<split>/]<file_name>      <split>/_annotations.coco.json, one JSON in each
                                      <split>/, any JSON named directly (its images
                                      lie beside it, or beside its annotations/)

JSONs of other objects beside these (stuff_<split>.json) are not read: what is in no file that was
read is a loss. Files of captions, keypoints and images alone get a note.

A `file_name` that is a URL, also one of Label Studio without its host, is the file that it ends in, where one is;
in names %20 may be a space.

Coordinates are pixels from the outer corner of the first pixel; the box [0, 0, 1, 1] is
that pixel. The polygons of an annotation are a union under the rasteriser of the COCO
API; run lengths go down the columns and begin with zeros.

Written beside what the COCO API knows, and ignored by it: `images[].split`, and for sets
that were semantic `info.segpack` and `images[].ignore_region` (an RLE), so that they come
back as they were; for merged sets `segpack_sources` (what each was) and
`images[].segpack_source` (its tag); where pixels moved `images[].segpack_transform`, and in
tiles `annotations[].cut` and `annotations[].segpack_instance` (the id of the whole object).
With splits, `<split>.json` holds each split by itself.

Holds everything of instance datasets: polygons, RLE, boxes, crowds, attributes.
Cannot hold: pixels that belong to no instance and yet are not background.

Known exporters: Roboflow (a dummy class 0, unused, sometimes with the name of a real one:
left out with a note), CVAT (`segmentation: []` for boxes), TACO (annotation ids that occur
twice: numbered anew with a note), LabelMe (class 0 `_background_`).

Source: https://cocodataset.org/#format-data and pycocotools.
"""

from __future__ import annotations

import posixpath

from converter.format import Evidence, Format, Holds, Writing
from converter.layouts.coco_annotations import SHAPE_KEYS
from converter.layouts.coco_files import coco_files, damage
from converter.layouts.coco_images import IMAGE_KEYS
from converter.layouts.coco_read import files, load, scan
from converter.layouts.coco_write import CocoAssembler, encode
from converter.model import Image
from converter.package import meta
from converter.storage import Source

__all__ = ["FORMAT"]


def detect(source: Source) -> Evidence | None:
    """A JSON with images and annotations, where exporters put it."""
    about = meta.about(source)
    if about is not None:
        mine = about.mask_encoding in {"rle", "polygon"}
        return Evidence(f"meta.json says mask_encoding {about.mask_encoding}", certain=True) if mine else None
    found = coco_files(source)
    if not found:
        return None
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
    twin = all("panoptic" in posixpath.basename(path) for path in found)  # what panopticapi makes of a panoptic set
    broken = "".join(f", but {path} is broken ({why})" for path in found if (why := damage(source, path)))
    return Evidence(f"{found[0]}{more}: JSON with images and annotations{broken}", weak=twin)


def image_path(writing: Writing, image: Image) -> str:
    return writing.images + image.path


FORMAT = Format(
    name="coco",
    summary="COCO instances: polygons, RLE and boxes in one JSON",
    page=__doc__ or "",
    holds=Holds(
        boxes=True,
        crowd=True,
        attributes=True,
        facts=True,
        colors=True,
        empty=True,
        polygons=True,
        own=SHAPE_KEYS,
        image_own=IMAGE_KEYS,
    ),
    detect=detect,
    scan=scan,
    load=load,
    encode=encode,
    assemble=CocoAssembler,
    image_path=image_path,
    files=files,
)
