"""Supervisely: a project with datasets, a JSON an image.

    meta.json                          classes (title, shape, color), tags
    <dataset>/img/<name>.jpg
    <dataset>/ann/<name>.jpg.json      size, tags, objects

Coordinates are pixels; the corners of a rectangle are its first and last pixel.

    bitmap                 a deflated PNG in base64, its upper left corner at `origin`; pixels
                           beyond the edge of the image are a loss
    polygon                a polygon; with `interior` its pixels without those of the holes
    rectangle              a box; oriented_bbox turned about its centre, as a polygon
    line, point, graph     marks: no region; the names of nodes are `joints`
    cuboid, ...            are left out, as losses

Tags of objects are attributes; tags of images are tags, and attributes where they have a
value; several of one name are one attribute with a list of values. Datasets named train, val
or test are splits; of several others, and of datasets in datasets, the name goes before the
image's. Classes are numbered from 1 in the order of meta.json.

Written polygons of several rings become bitmaps; sets without splits are the dataset ds0,
folders of images datasets in it.

Holds polygons of one ring, masks, boxes, marks, overlaps, attributes, tags, descriptions.
Cannot hold: crowds, void, groups, order, boxes thinner than a pixel.

Known quirks: old exports name annotations without the image's extension; bitmaps are
palette, gray or RGBA PNGs, every value (or alpha) but 0 is inside.

Source: https://docs.supervisely.com/customization-and-integration/00_ann_format_navi.
"""

from __future__ import annotations

from converter.format import Evidence, Format, Holds
from converter.layouts.supervisely_read import annotation_files, files, load, scan
from converter.layouts.supervisely_write import SuperviselyAssembler, encode, image_path, label_path
from converter.storage import Source

__all__ = ["FORMAT"]


def detect(source: Source) -> Evidence | None:
    """Folders ann/ with JSON files of objects."""
    found = annotation_files(source)
    if not found:
        return None
    count = sum(map(len, found.values()))
    return Evidence(f"{count} files in ann/, as {next(iter(found.values()))[0]}")


FORMAT = Format(
    name="supervisely",
    summary="Supervisely projects: bitmaps and polygons, a JSON an image",
    page=__doc__ or "",
    holds=Holds(
        boxes=True,
        polygons=True,
        marks=True,
        least_side=1,
        keys=("attributes", "description"),
        point_keys=("joints",),
        image_keys=("attributes", "description", "tags"),
        colors=True,
    ),
    detect=detect,
    scan=scan,
    load=load,
    files=files,
    encode=encode,
    assemble=SuperviselyAssembler,
    image_path=image_path,
    label_path=label_path,
    indexed_classes=True,
    first_class=1,
)
