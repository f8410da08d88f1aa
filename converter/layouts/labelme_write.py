"""Writing LabelMe: one JSON beside each image, and labels.txt."""

from __future__ import annotations

import base64
import posixpath
from typing import Any

from converter.codecs import json, png_write
from converter.errors import UsageError
from converter.extras import IGNORE_REGION, ignored
from converter.format import Encoded, Record, Writing
from converter.geometry import rle, shapes
from converter.layouts.by_name import ordered_names
from converter.layouts.figures import far_edge, restored_ellipse
from converter.layouts.labelme_scan import BACKGROUND, IGNORE
from converter.model import Box, Image, Instance, Marks, Polygons, Rle, Sample
from converter.storage import Target

__all__ = ["LabelMeAssembler", "encode", "image_path", "label_path"]

VERSION = "5.5.0"  # of LabelMe: the first with masks, points and groups as they are written here


def image_path(writing: Writing, image: Image) -> str:
    return writing.prefix + image.path


def label_path(writing: Writing, image: Image) -> str:
    return writing.prefix + posixpath.splitext(image.path)[0] + ".json"


def encode(writing: Writing, sample: Sample) -> Encoded:
    """The JSON of one image."""
    image, names = sample.image, {c.id: c.name for c in writing.header.classes}
    groups = _Groups(sample)
    drawn: list[dict[str, Any]] = []
    for instance in sample.instances:
        if names[instance.class_id] == IGNORE:
            raise UsageError(
                f"LabelMe leaves out of training what is called {IGNORE}; rename the class with --classes FILE"
            )
        drawn += _shapes(instance, names[instance.class_id], image, groups)
    void = ignored(image)
    if void is not None:
        drawn.append(_shape(IGNORE, {}, None, _mask(void)))
    extra = {k: v for k, v in image.extra.items() if k not in {"tags", IGNORE_REGION}}
    document = {
        "version": VERSION,
        "flags": dict.fromkeys(image.extra.get("tags", ()), True),
        "shapes": drawn,
        "imagePath": posixpath.basename(image.name),
        "imageData": None,
        "imageHeight": image.height,
        "imageWidth": image.width,
        **extra,
    }
    files = [(label_path(writing, image), json.encode_pretty(document))]
    return Encoded(files, None, [i.id for i in sample.instances])


class _Groups:
    """Numbers for objects of several parts that no other group of the image has."""

    def __init__(self, sample: Sample) -> None:
        given = [i.extra.get("group_id") for i in sample.instances]
        self.next = max((g for g in given if isinstance(g, int)), default=-1) + 1

    def take(self) -> int:
        self.next += 1
        return self.next - 1


def _shapes(instance: Instance, name: str, image: Image, groups: _Groups) -> list[dict[str, Any]]:
    """One shape, or one for each ring of an object of several parts."""
    shape, extra = instance.shape, instance.extra
    group = extra.get("group_id")
    if isinstance(shape, Polygons) and shape.rings:
        several = len(shape.rings) > 1
        number = groups.take() if several and group is None else group
        return [_shape(name, extra, number, {"shape_type": "polygon", "points": _pairs(r)}) for r in shape.rings]
    if isinstance(shape, Box):
        corner = [far_edge(shape.x, shape.w), far_edge(shape.y, shape.h)]
        return [_shape(name, extra, group, {"shape_type": "rectangle", "points": [[shape.x, shape.y], corner]})]
    if isinstance(shape, Marks):
        return [_shape(name, extra, group, {"shape_type": _kind(shape), "points": _pairs(shape.points)})]
    round_one = restored_ellipse(instance, image)
    if round_one is not None and round_one[2] == round_one[3]:
        cx, cy, radius = round_one[:3]
        figure = {"shape_type": "circle", "points": [[cx, cy], [far_edge(cx, radius), cy]]}
        return [_shape(name, {k: v for k, v in extra.items() if k != "ellipse"}, group, figure)]
    return [_shape(name, extra, group, _mask(shapes.mask_of(shape, image.height, image.width)))]


def _shape(name: str, extra: dict[str, Any], group: Any, figure: dict[str, Any]) -> dict[str, Any]:
    """A shape with all keys that LabelMe writes; what else is known of the object stands beside them."""
    other = {k: v for k, v in extra.items() if k not in {"description", "flags", "group_id"}}
    return {
        "label": name,
        "points": figure["points"],
        "group_id": group,
        "description": extra.get("description", ""),
        "shape_type": figure["shape_type"],
        "flags": extra.get("flags", {}),
        "mask": figure.get("mask"),
        **other,
    }


def _pairs(flat: list[float]) -> list[list[float]]:
    return [flat[i : i + 2] for i in range(0, len(flat), 2)]


def _kind(marks: Marks) -> str:
    if marks.kind == "polyline":
        return "line" if len(marks.points) == 4 else "linestrip"
    return "point" if len(marks.points) == 2 else "points"


def _mask(region: Rle) -> dict[str, Any]:
    """The pixels in their tight box; its second corner is the last pixel."""
    crop, x, y = rle.decode_crop(region)
    height, width = crop.shape
    data = base64.b64encode(png_write.encode_gray(crop)).decode() if crop.size else None
    return {"shape_type": "mask", "points": [[x, y], [x + width - 1, y + height - 1]], "mask": data}


class LabelMeAssembler:
    """Writes labels.txt, in the order that LabelMe's own converters ask for."""

    def __init__(self, writing: Writing, out: Target) -> None:
        self.writing, self.out = writing, out

    def add(self, record: Record) -> None:
        """Nothing is kept: the JSON files are complete by themselves."""

    def finish(self) -> None:
        names = [IGNORE, BACKGROUND, *ordered_names(self.writing)]
        self.out.write(f"{self.writing.prefix}labels.txt", "".join(f"{n}\n" for n in names).encode())
