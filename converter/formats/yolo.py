"""YOLO boxes: a text file an image, a row a box.

    data.yaml                      train, val, test: folders below images/; names
    images/[<split>/]<name>.jpg
    labels/[<split>/]<name>.txt    one row an object

A row is `class x y w h`: the centre and size of the box; of a mask, its tight box.
Coordinates are fractions of width and height, 0 to 1. Class indices 0 ... n-1 are the
dataset's classes in ascending order of their ids; read, index i is class id i + 1.

Read beside that: <split>/images and <split>/labels, labels beside their images, list
files instead of folders (train.txt and val.txt also where no YAML names them), classes.txt or
obj.names instead of data.yaml, rows of boxes and polygons in one file, a track id or a confidence
at the end of a row, roots of the author's machine, paths that begin with ../, coordinates up to
1.01 (cut at the edge). An image that several splits name is in each of them; splits that name the
very same images are one, with a note, or none when there are no other images. A val that is named
and not there is absent where no image is left for it. Class names also in coco.names and its like,
predefined_classes.txt (labelImg), notes.json (Label Studio), _darknet.labels (Roboflow).
The confidence of a box is kept as the attribute score; of a polygon it is left out, as track ids are.

Holds: boxes. Cannot hold: masks, crowds (unless asked to), attributes, objects without a pixel.
Known exporters: Ultralytics, Roboflow, CVAT (list files, track ids), Label Studio.
Source: Ultralytics data/utils.py and https://docs.ultralytics.com/datasets/.
"""

from __future__ import annotations

from converter.format import Evidence, Format, Holds
from converter.layouts.yolo_darknet import find_darknet
from converter.layouts.yolo_rows import files, load
from converter.layouts.yolo_tree import find_tree, has_polygons, scan
from converter.layouts.yolo_write import YoloAssembler, encode_boxes, image_path, label_path
from converter.storage import Source

__all__ = ["FORMAT"]


def detect(source: Source) -> Evidence | None:
    """A data.yaml, or rows of numbers where labels lie; no row is longer than a box. Darknet's lists are yolo-1.1's."""
    tree = find_tree(source)
    if tree is None or has_polygons(source) or (tree.config is None and find_darknet(source) is not None):
        return None
    return Evidence(tree.evidence)


FORMAT = Format(
    name="yolo",
    summary="YOLO boxes of Ultralytics: a row a box",
    page=__doc__ or "",
    holds=Holds(masks=False, boxes=True, unsplit=False, outside=False),
    detect=detect,
    scan=scan,
    load=load,
    encode=encode_boxes,
    assemble=YoloAssembler,
    image_path=image_path,
    label_path=label_path,
    files=files,
    indexed_classes=True,
)
