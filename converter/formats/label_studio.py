"""Label Studio: tasks with annotations in one JSON.

    tasks.json                   a list of tasks: data, annotations -> result
    label_config.xml             <View> with the labels
    images/[<split>/]<name>

Coordinates are percent of the image's width and height; written so that they come back to
the same fifth of a pixel, by which the COCO rasteriser rounds.

    rectangle     a box; with `rotation` a polygon: turned clockwise about its upper left
                  corner, in pixels
    polygon       a polygon; a polyline when it is not closed
    ellipse       the pixels whose centres lie in it, turned about the centre
    brush         run lengths of an RGBA picture, bit-packed; alpha above 0 is the mask
    keypoint      points: no region
    choices       tags of the image
    textarea, rating, number, taxonomy     attributes of the image, by the name of the control

The same about a region are its attributes, and the note on it (`meta`) is its description. What
else stands in the data of a task is not read, with a note.

Read are all annotations of a task that were not cancelled, with a note where there are
several; predictions and drafts are not, nor which region is a part of which, as is told.
An image is found by the end of its URL or path, with or
without the eight characters that an upload puts before its name, and with or without
extension. A task may have several: `to_name` and the labelling configuration say which result
is on which, and `item_index` the page of an image of several pages. Read are the full export,
JSON-MIN, and what a storage is given, an annotation a file with its task inside. Classes are numbered from 1 in the
order of the labelling configuration, then by name.

Written: polygons of several rings as brush masks, `/data/local-files/?d=...` as references
(set LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT to the folder), `split` in the task's data.

Holds polygons of one ring, masks, boxes, marks, overlaps, tags, descriptions. Cannot hold: crowds,
void, groups, attributes.

Known quirks: images that the browser turned by their EXIF orientation have width and height
swapped; `original_width` is that of the image as shown.

Source: label_studio_sdk.converter and https://labelstud.io/guide/task_format.
"""

from __future__ import annotations

from converter.format import Evidence, Format, Holds
from converter.layouts.labelstudio_read import files, load, scan, task_files
from converter.layouts.labelstudio_write import LabelStudioAssembler, encode, image_path
from converter.storage import Source

__all__ = ["FORMAT"]


def detect(source: Source) -> Evidence | None:
    """A JSON of tasks with results."""
    found = task_files(source)
    if not found:
        return None
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
    return Evidence(f"{found[0]}{more}: JSON of tasks with results")


FORMAT = Format(
    name="label-studio",
    summary="Label Studio: polygons, brush masks, rectangles, ellipses and keypoints of tasks",
    page=__doc__ or "",
    holds=Holds(
        boxes=True,
        polygons=True,
        marks=True,
        keys=("annotation_id", "description", "ellipse", "rotation"),
        image_keys=("tags",),
        colors=True,
        xml=True,
    ),
    detect=detect,
    scan=scan,
    load=load,
    files=files,
    encode=encode,
    assemble=LabelStudioAssembler,
    image_path=image_path,
    indexed_classes=True,
    first_class=1,
)
