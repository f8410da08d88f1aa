"""LabelMe: one JSON beside each image.

    [<split>/]<name>.jpg
    [<split>/]<name>.json      shapes, imagePath, imageHeight, imageWidth
    labels.txt                 __ignore__, _background_, then the classes

Coordinates are pixels from the outer corner of the first pixel.

    polygon               a polygon; those of one group_id and label are parts of one object
    rectangle             a box; with four corners (AnyLabeling) that are not upright, a polygon
    circle                the pixels whose centres lie in it
    mask                  a PNG at the rounded upper left corner, as large as it is itself
    line, linestrip       a polyline: no region
    point, points         points: no region

A shape labelled `__ignore__` is void: its pixels are to be left out of training. Classes
are numbered from 1 in the order of labels.txt, and by name where there is none.

The image is the file that imagePath names (backslashes and foreign folders are read past; of
several of that name the one in images/train/ goes with labels/train/), else the picture in
imageData, else the file of the JSON's own name. imageData is upright even where the file it
was made from has an EXIF orientation.

Holds polygons, masks, boxes, marks, void, overlaps, and any attribute, as keys that
LabelMe keeps without showing them; image flags are tags. Cannot hold: crowds, ids.

Known exporters: LabelMe 3 to 5 (imageData null or embedded; no shape_type before 3.16),
AnyLabeling and X-AnyLabeling (`rotation`, `attributes`, `difficult`), Roboflow.

Source: wkentaro/labelme, label_file.py and examples/.
"""

from __future__ import annotations

from converter.format import Evidence, Format, Holds
from converter.layouts.labelme_read import SHAPE_KEYS, TOP_KEYS, files, load
from converter.layouts.labelme_scan import labelme_files, scan, settle, survey
from converter.layouts.labelme_write import LabelMeAssembler, encode, image_path, label_path
from converter.storage import Source

__all__ = ["FORMAT"]


def detect(source: Source) -> Evidence | None:
    """JSON files with shapes and imagePath."""
    found = labelme_files(source)
    if not found:
        return None
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
    return Evidence(f"{found[0]}{more}: JSON with shapes and imagePath")


FORMAT = Format(
    name="labelme",
    summary="LabelMe: polygons, masks, boxes and marks in one JSON an image",
    page=__doc__ or "",
    holds=Holds(
        boxes=True,
        attributes=True,
        polygons=True,
        marks=True,
        ignore=True,
        keys=("description", "ellipse", "flags", "group_id", "rotation"),
        image_keys=("tags",),
        groups=(int,),
        own=SHAPE_KEYS - {"group_id"},
        image_own=TOP_KEYS,
    ),
    detect=detect,
    scan=scan,
    load=load,
    files=files,
    survey=survey,
    settle=settle,
    encode=encode,
    assemble=LabelMeAssembler,
    image_path=image_path,
    label_path=label_path,
    indexed_classes=True,
    first_class=1,
)
