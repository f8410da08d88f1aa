"""CVAT for images 1.1: one XML for all images.

    annotations.xml            <meta> with the labels of the task, then one <image> an image
    images/[<subset>/]<name>

Coordinates are pixels from the outer corner of the first pixel.

    box        a box; with `rotation` a polygon: the box turned clockwise about its centre
    polygon    a polygon; those of one group_id and label are parts of one object
    mask       run lengths along the rows of its tight box, zeros first; pixels beyond the
               edge of the image are a loss
    ellipse    the pixels whose centres lie in it, turned about the centre
    polyline, points, skeleton     marks: no region
    tag        a label of the whole image
    cuboid     is left out, as a loss

Occluded, z_order, source, attributes and group_id are kept. `subset` is the split; file
names may repeat in several subsets. Classes are numbered from 1 in the order of the labels.

Written polygons of several rings share a group_id. Turned boxes and ellipses are written as
such as long as they are still drawn where they were.

Holds polygons, masks, boxes, marks, overlaps, attributes (as text), tags. Cannot hold:
crowds, ids of objects, void, masks without a pixel. Tracks of videos ("CVAT for video") are
not read.

Known exporters: CVAT from 1.0 on, Datumaro (one XML a subset).

Source: https://docs.cvat.ai/docs/manual/advanced/xml_format/.
"""

from __future__ import annotations

from converter.format import Evidence, Format, Holds
from converter.layouts.cvat_read import cvat_files, files, load, scan
from converter.layouts.cvat_write import CvatAssembler, encode, image_path
from converter.storage import Source

__all__ = ["FORMAT"]


def detect(source: Source) -> Evidence | None:
    """An XML file with the root <annotations>."""
    found = cvat_files(source)
    return Evidence(f"{found[0]}: XML with <annotations> of images") if found else None


FORMAT = Format(
    name="cvat",
    summary="CVAT for images: every figure that CVAT draws, in one XML",
    page=__doc__ or "",
    holds=Holds(
        boxes=True,
        polygons=True,
        marks=True,
        keys=("attributes", "ellipse", "group_id", "occluded", "rotation", "source", "z_order"),
        image_keys=("tags",),
        colors=True,
        groups=(int, str),
        xml=True,
    ),
    detect=detect,
    scan=scan,
    load=load,
    files=files,
    encode=encode,
    assemble=CvatAssembler,
    image_path=image_path,
    indexed_classes=True,
    first_class=1,
)
