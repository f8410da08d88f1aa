"""Datumaro: one JSON a subset, with items and their annotations.

    annotations/<subset>.json          info, categories, items
    images/<subset>/<name>

Coordinates are pixels from the outer corner of the first pixel.

    polygon, mask        regions; those of one group and label are parts of one object
    bbox                 a box; in a group with regions of its label it only says where they lie;
                         with `rotation` among its attributes (CVAT) turned about its centre, as a polygon
    rotated_bbox         turned about its centre, as a polygon
    ellipse              the pixels whose centres lie in it
    points, polyline, skeleton     marks: no region; the visibility of points is kept
    label                a tag of the image; its attributes are a loss
    caption, cuboid_3d, feature_vector, hash_key     are left out, as losses

Label n is class n + 1, or class n where label 0 is called background and nothing bears it. The
run lengths of a mask go down the columns, as in COCO. `is_crowd` among the attributes makes a crowd;
occluded, truncated and difficult are kept by themselves, other attributes as they are. A
turned box is written as a polygon with its `rotation`.

The parent of a label is its supercategory. An item without a path is of the image of its id.

Holds polygons, masks, boxes, marks, crowds, overlaps, attributes,
annotation ids. Cannot hold: void, tags.

Known exporters: Datumaro and CVAT; Geti (`media` instead of `image`, absolute paths).

Source: openvinotoolkit/datumaro, docs/source/docs/data-formats/formats/datumaro.md.
"""

from __future__ import annotations

from converter.format import Evidence, Format, Holds
from converter.layouts.datumaro_labels import PARENT, VISIBILITY
from converter.layouts.datumaro_read import files, load
from converter.layouts.datumaro_scan import item_files, scan
from converter.layouts.datumaro_write import DatumaroAssembler, encode, image_path
from converter.storage import Source

__all__ = ["FORMAT"]


def detect(source: Source) -> Evidence | None:
    """annotations/*.json with items and categories."""
    found = item_files(source)
    if not found:
        return None
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
    return Evidence(f"{found[0]}{more}: JSON with items and categories")


FORMAT = Format(
    name="datumaro",
    summary="Datumaro: polygons, masks, boxes and marks in one JSON a subset",
    page=__doc__ or "",
    holds=Holds(
        boxes=True,
        crowd=True,
        empty=True,
        polygons=True,
        marks=True,
        keys=("attributes", "difficult", "group_id", "occluded", "rotation", "truncated", "z_order"),
        point_keys=(VISIBILITY,),
        image_keys=("attributes",),
        fact_keys=(PARENT,),
        colors=True,
        groups=(int, str),
        group_boxes=True,
    ),
    detect=detect,
    scan=scan,
    load=load,
    files=files,
    encode=encode,
    assemble=DatumaroAssembler,
    image_path=image_path,
    indexed_classes=True,
    first_class=1,
)
