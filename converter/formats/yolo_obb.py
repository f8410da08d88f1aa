"""YOLO oriented boxes: a text file an image, a row a box of four corners.

    data.yaml                      train, val, test: folders below images/; names; task: obb
    images/[<split>/]<name>.jpg
    labels/[<split>/]<name>.txt    class x1 y1 x2 y2 x3 y3 x4 y4

Coordinates are fractions of width and height; corners may lie outside the image, as boxes of
tiles do (DOTA). Class indices 0 ... n-1 are the classes in ascending order of their ids.

A row looks like a polygon of yolo-seg with four points. It is read as a box when data.yaml
says `task: obb`, or every row has eight coordinates and the set or its YAML is named for
`obb` or `dota`; else only with --from yolo-obb. A box is read as the region of its four
corners. Written: four corners as they are, the corners of an upright box, and of any other
mask the smallest rectangle around it.

Holds: boxes, also turned ones. Cannot hold: masks, crowds (unless asked to), attributes, objects without a pixel.
Known sets: DOTA as Ultralytics has it (`dota8`).
Source: https://docs.ultralytics.com/datasets/obb/.
"""

from __future__ import annotations

import posixpath
import re
from functools import partial
from typing import Any

import msgspec

from converter.errors import SourceError
from converter.format import Encoded, Evidence, Format, Holds, Reading, Scan, Writing
from converter.geometry import numbers, quads, shapes
from converter.layouts import yolo_rows, yolo_tree
from converter.layouts.undeclared import undeclared
from converter.layouts.yolo_write import YoloAssembler, encode_rows, image_path, label_path
from converter.ledger import Ledger
from converter.model import Header, Image, Instance, Polygons, Ref, Sample
from converter.storage import Source

__all__ = ["FORMAT"]

NAMED = re.compile(r"(?:^|[-_/. ])(?:obb|dota)", re.IGNORECASE)
TASK = re.compile(rb"(?m)^\s*['\"]?task['\"]?\s*:\s*['\"]?obb\b")
FAR = 10.0  # how many widths or heights outside the image a corner may lie
GLANCE = 64


def detect(source: Source) -> Evidence | None:
    """A data.yaml that says so; or eight coordinates in every row, and a name that says so."""
    tree = yolo_tree.find_tree(source)
    if tree is None:
        return None
    if tree.config is not None and TASK.search(source.read(tree.config)):
        return Evidence(f"{tree.config} says task: obb", certain=True)
    named = [n for n in (tree.config or "", posixpath.basename(source.name)) if NAMED.search(n)]
    if not named or not _all_quads(source):
        return None
    return Evidence(f"the name {named[0]}, and eight coordinates in every row", certain=True)


def _all_quads(source: Source) -> bool:
    """Whether rows of labels have nine numbers, judged by a spread of files."""
    labels = [n for n in source.names() if n.endswith(".txt") and "labels" in posixpath.dirname(n).split("/")]
    step = max(1, len(labels) // GLANCE)
    rows = [row.split() for path in labels[::step] for row in source.read(path).splitlines() if row.strip()]
    return bool(rows) and all(len(row) == 9 for row in rows)


def scan(reading: Reading, ledger: Ledger) -> Scan:
    made = yolo_tree.scan(reading, ledger)
    return msgspec.structs.replace(made, header=msgspec.structs.replace(made.header, format="yolo-obb"))


def load(reading: Reading, header: Header, ref: Ref, ledger: Ledger) -> Sample:
    """One image with the boxes of its label file."""
    image, declared = ref.image, yolo_rows.class_ids(header)
    sample = yolo_rows.load_rows(reading, ref, ledger, lambda file: partial(_instance, image, file, declared))
    outside = sum(_is_outside(i, image) for i in sample.instances)
    if outside:
        message = f"{outside} boxes reach outside the image; a mask of one ends at the edge"
        ledger.note("outside-image", image.path, message)
    return sample


def _instance(image: Image, file: str, declared: dict[int, int], fields: list[str], line: int) -> Instance:
    wrong = ""
    strange = next((f for f in fields if not yolo_rows.NUMBER.fullmatch(f)), None)
    if strange is not None:
        wrong = f"'{strange[:40]}' is not a number"
    elif len(fields) != 9:
        wrong = f"{len(fields) - 1} numbers after the class, and an oriented box has 8"
    elif not float(fields[0]).is_integer():
        wrong = f"the class is {fields[0]}"
    if wrong:
        raise SourceError(file, wrong, place=f"line {line}", remedy="write class x1 y1 x2 y2 x3 y3 x4 y4")
    index, values = int(float(fields[0])), [float(f) for f in fields[1:]]
    if index not in declared:
        raise SourceError(file, undeclared([index], declared), place=f"line {line}", code="unmapped-class")
    far = next((v for v in values if not -FAR <= v <= 1 + FAR), None)
    if far is not None:
        problem, remedy = f"the coordinate {far:g} lies far outside 0 to 1", "pixels? divide by width and height"
        raise SourceError(file, problem, place=f"line {line}", remedy=remedy, code="invalid-polygon")
    size = (image.width, image.height)
    return Instance(declared[index], Polygons([[v * size[i % 2] for i, v in enumerate(values)]]))


def _is_outside(instance: Instance, image: Image) -> bool:
    shape = instance.shape
    assert isinstance(shape, Polygons)
    ring = shape.rings[0]
    return min(ring) < 0 or max(ring[0::2]) > image.width or max(ring[1::2]) > image.height


def encode(writing: Writing, sample: Sample) -> Encoded:
    """Rows `class x1 y1 ... x4 y4`."""
    return encode_rows(writing, sample, (_row(i, sample.image) for i in sample.instances))


def _row(instance: Instance, image: Image) -> str:
    shape = instance.shape
    if isinstance(shape, Polygons):
        ring = shape.rings[0]
    else:
        ring = quads.corners(shapes.tight_box(shape, image.height, image.width))
    xs, ys = _fractions(ring[0::2], image.width), _fractions(ring[1::2], image.height)
    return " ".join(v for pair in zip(xs, ys, strict=True) for v in pair)


def _fractions(values: list[float], size: int) -> list[str]:
    inside = min(values) >= 0 and max(values) <= size
    return numbers.normalised(values, size) if inside else [repr(v / size) for v in values]


class Assembler(YoloAssembler):
    """Writes data.yaml, which says that rows are boxes."""

    def config(self) -> dict[str, Any]:
        return super().config() | {"task": "obb"}


FORMAT = Format(
    name="yolo-obb",
    summary="YOLO oriented boxes of Ultralytics: a row of four corners",
    page=__doc__ or "",
    holds=Holds(masks=False, boxes=True, quads=True, unsplit=False),
    detect=detect,
    scan=scan,
    load=load,
    encode=encode,
    assemble=Assembler,
    image_path=image_path,
    label_path=label_path,
    files=yolo_rows.files,
    indexed_classes=True,
)
