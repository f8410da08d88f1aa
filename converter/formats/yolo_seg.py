"""YOLO polygons: a text file an image, a row a polygon.

    data.yaml                      train, val, test: folders below images/; names
    images/[<split>/]<name>.jpg
    labels/[<split>/]<name>.txt    one row an object

A row is `class x1 y1 x2 y2 ...`: one ring. Holes and parts are joined to it by bridges
that are walked twice, so that the row decodes to exactly the mask (even-odd).
Coordinates are fractions of width and height, 0 to 1. Class indices 0 ... n-1 are the
dataset's classes in ascending order of their ids; read, index i is class id i + 1.

Read beside that: all that is read as yolo (`segpack formats yolo`), where there are rows of polygons.
Rows of boxes may stand among them. The number at the end of a polygon's row that makes no pair, a
track id or a confidence, is left out, with a note.

Holds: masks, with holes and parts in one ring.
Cannot hold: boxes, crowds (unless asked to), attributes, objects without a pixel.
Known exporters: Ultralytics, Roboflow, CVAT (list files, track ids), Label Studio.
Source: Ultralytics data/utils.py and https://docs.ultralytics.com/datasets/.
"""

from __future__ import annotations

from converter.format import Evidence, Format, Holds
from converter.layouts.yolo_rows import files, load
from converter.layouts.yolo_tree import find_tree, has_polygons, scan
from converter.layouts.yolo_write import YoloAssembler, encode_polygons, image_path, label_path
from converter.storage import Source

__all__ = ["FORMAT"]


def detect(source: Source) -> Evidence | None:
    """A data.yaml, or rows of numbers where labels lie; with rows of polygons."""
    tree = find_tree(source)
    return Evidence(tree.evidence) if tree and has_polygons(source) else None


FORMAT = Format(
    name="yolo-seg",
    summary="YOLO polygons of Ultralytics: a row a polygon",
    page=__doc__ or "",
    holds=Holds(one_ring=True, unsplit=False),
    detect=detect,
    scan=scan,
    load=load,
    encode=encode_polygons,
    assemble=YoloAssembler,
    image_path=image_path,
    label_path=label_path,
    files=files,
    indexed_classes=True,
)
