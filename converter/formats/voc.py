"""Pascal VOC: boxes in one XML an image, and masks in palette PNGs.

    Annotations/<name>.xml             objects: class, box, truncated, difficult, occluded, pose, attributes
    JPEGImages/<name>.jpg
    SegmentationClass/<name>.png       palette index = class; 0 background, 255 void
    SegmentationObject/<name>.png      palette index = object
    ImageSets/Main/<split>.txt         the images of a split, a name a line; Segmentation/ those with masks
    labelmap.txt                       name:r,g,b::  line n is class n, the first the background

In labelmap.txt a name has no colon and no # in front: such a class is written with `_` instead, and
a note says so. A black background behind classes counts as the first line.

Where image files are left out, an image has the size that its XML says, else that of its mask.
Masks are read by index, never by colour; masks saved in colours by labelmap.txt or the
palette of the challenge. Without SegmentationObject and XML the set is semantic. Void
pixels stay void wherever the target has a place for them; where all masks of a semantic set
of one class hold only 0 and 255, 255 is that class.

Coordinates of boxes: the challenge and supervision count pixels from 1 and include the last. Roboflow
counts corners from 1, nearly all other exporters from 0. Boxes are read as pixels from 1
only when the files say who wrote them, and as corners from 1 only when some lie at width or
height + 1; never when one is 0. A note says which way was taken. Written are
corners from 0. A pixel of a mask is the pixel of the image in its place.

An object's mask is the one of the same number when that fits every mask of the image in
class and place (as in the challenge, and in what is written here); else boxes and masks are
different objects (CVAT).

Actions and other elements of an object that have a text are attributes; points, parts and
elements of further ones are losses. An attribute `rotation` turns the box about its centre in
files of CVAT, which writes it so; in others it stays an attribute, with a note.

Read beside that: XML beside the images (labelImg), train/ valid/ test/ folders and
`<polygon>` with x1, y1, ... (Roboflow), turned boxes (`<robndbox>`), class_names.txt
(LabelMe) or class_id_to_name.json, RGB masks (CVAT, Datumaro), masks in the colours of colors.txt, whatever their
palettes, with boxes from 0 whose last pixel is included (Supervisely). Without a class file the
classes are those of the challenge where masks show that it is one, else the names in use.
In lists of ImageSets, a flag or the number of an object after a name, and names in quotes
(Datumaro). What stands in train and in val is in both; of other lists one counts, with a note.

Holds masks without overlap, boxes, void. Cannot hold: overlaps, crowds, vertices of
polygons, ids. More than 254 objects make SegmentationObject 16-bit gray, without 255.

Source: the VOC development kit; CVAT and Datumaro for labelmap.txt.
"""

from __future__ import annotations

from converter.format import Evidence, Format, Holds
from converter.layouts.pairing import pair_masks
from converter.layouts.voc_read import files, load
from converter.layouts.voc_survey import settle, survey
from converter.layouts.voc_tree import find_tree, scan
from converter.layouts.voc_write import VocAssembler, encode, image_path, label_path
from converter.storage import Source

__all__ = ["FORMAT"]


def detect(source: Source) -> Evidence | None:
    """XML files with <annotation> and <size> or <bndbox>; a folder SegmentationClass."""
    tree = find_tree(source)
    if tree is None:
        return None
    masks = f"{len(tree.classes)} masks in SegmentationClass" if tree.classes else ""
    if not tree.xml:
        return Evidence(masks)
    first = next(iter(tree.xml.values()))
    said = f"{len(tree.xml)} XML files with VOC annotations, as {first}" + (f"; {masks}" if masks else "")
    bare = not tree.classes and not tree.objects
    return Evidence(said, boxes=bare and 2 * len(pair_masks(source, source)[0]) > len(tree.xml))


FORMAT = Format(
    name="voc",
    summary="Pascal VOC: boxes in XML, masks in palette PNGs",
    page=__doc__ or "",
    holds=Holds(
        boxes=True,
        overlaps=False,
        ignore=True,
        keys=("attributes", "difficult", "occluded", "pose", "truncated"),
        xml=True,
        legend=True,
    ),
    detect=detect,
    scan=scan,
    load=load,
    files=files,
    survey=survey,
    settle=settle,
    encode=encode,
    assemble=VocAssembler,
    image_path=image_path,
    label_path=label_path,
    indexed_classes=True,
    first_class=1,
)
