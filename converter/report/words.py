"""What each finding means, in a sentence or two for somebody who has not met it before."""

from __future__ import annotations

from converter.model import Finding

__all__ = ["EXPLAINED", "amount", "title"]

EXPLAINED: dict[str, tuple[str, str]] = {
    "size-mismatch": (
        "Masks of another size than their image",
        "Annotations were made for an image of another size, so nothing in them lies where it should.",
    ),
    "exif-orientation": (
        "Images turned by an EXIF tag",
        (
            "The pixels are stored lying down and a tag turns them. Tools that ignore the tag see image and masks"
            " at right angles."
        ),
    ),
    "out-of-bounds": (
        "Shapes that leave the image",
        (
            "Some of the shape lies outside the image. What lies outside is cut off, and boxes computed from it "
            "are too large."
        ),
    ),
    "shifted-masks": (
        "Masks beside their objects",
        (
            "The outlines of the masks fit the edges in the images better when they are moved, scaled or mirrored: "
            "as when only one of the two was resized, cropped, padded or flipped."
        ),
    ),
    "unexpected-value": (
        "Undeclared values in masks",
        (
            "A mask holds a value that stands for no class. A trainer would crash on it, or learn a class that "
            "does not exist."
        ),
    ),
    "lossy-mask": (
        "Masks damaged by compression",
        "The mask went through JPEG or smooth resizing, which makes values between the classes along every outline.",
    ),
    "palette-mask": (
        "Colours where class ids are expected",
        "The mask was saved with its colours turned into values; the ids have to be won back through the legend.",
    ),
    "empty-mask": (
        "Objects without a pixel",
        "The object is listed, but its mask is empty.",
    ),
    "no-annotations": (
        "Images with nothing drawn on them",
        "Fine as negatives; a slip where somebody forgot to annotate them.",
    ),
    "tiny-instance": (
        "Very small objects",
        "Fewer than 16 pixels: often a stray click.",
    ),
    "unmapped-class": (
        "Classes that are used and not declared",
        "Objects have a class id that the list of classes does not know.",
    ),
    "duplicate-class-name": (
        "Two classes of one name",
        "They would be learnt as different classes.",
    ),
    "unused-class": (
        "Classes that never occur",
        "They are declared, and no object has them.",
    ),
    "class-imbalance": (
        "Very uneven classes",
        "The most frequent class occurs many times as often as the rarest.",
    ),
    "overlap": (
        "Objects that overlap",
        "They share pixels. A label map can give each pixel to one of them only.",
    ),
    "duplicate-instance": (
        "Objects drawn twice",
        "Two objects of one class have nearly the same mask.",
    ),
    "disconnected-instance": (
        "Objects in several pieces",
        "The mask is not connected: an object behind another, or two objects that became one.",
    ),
    "missing-image": (
        "Image files that are not there",
        "Annotations speak of an image whose file is missing.",
    ),
    "missing-mask": (
        "Masks that are not there",
        "An image has no mask file where the others have one.",
    ),
    "orphan-mask": (
        "Masks without an image",
        "Annotations exist for an image that does not.",
    ),
    "orphan-image": (
        "Images without annotations",
        "No annotation speaks of this image.",
    ),
    "unreadable-image": (
        "Files that cannot be read",
        "The file is damaged, cut short, or no image.",
    ),
    "duplicate-image": (
        "The same image twice",
        "Two files are equal byte for byte; training weighs the picture double.",
    ),
    "split-leak": (
        "Pictures in more than one split",
        "The same picture, or nearly the same, is trained on and tested on: results will look better than they are.",
    ),
    "invalid-polygon": (
        "Polygons that are none",
        "Fewer than three corners, odd numbers of coordinates, or values that are no numbers.",
    ),
    "invalid-rle": (
        "Broken run-length codes",
        "The code does not describe a mask of the image's size.",
    ),
    "box-mismatch": (
        "Boxes that do not fit their masks",
        "The box stored with the object is not the box around its mask.",
    ),
    "area-mismatch": (
        "Areas that do not fit their masks",
        "The area stored with the object is not the number of pixels of its mask.",
    ),
    "encoding-disagreement": (
        "Encodings of a package that disagree",
        "Two encodings of the package draw different pixels.",
    ),
    "index-mismatch": (
        "An index that does not describe its masks",
        "A row of index.csv does not fit the mask that it names.",
    ),
    "meta-invalid": (
        "Invalid meta.json",
        "meta.json does not follow its schema, or does not describe the package.",
    ),
    "checksum-mismatch": (
        "Files that changed after packing",
        "A file is not the one that index.csv has the checksum of.",
    ),
}

# What of a finding's details says how bad it is; the worst are shown first.
_WORSE = {
    "overlap": "pixels",
    "disconnected-instance": "pieces",
    "box-mismatch": "pixels",
    "area-mismatch": "pixels",
    "out-of-bounds": "pixels",
    "duplicate-instance": "iou",
}
_WORSE_IF_LESS = {"tiny-instance": "pixels"}


def title(code: str) -> str:
    """What a group of findings is called."""
    return EXPLAINED.get(code, (code.replace("-", " ").capitalize(), ""))[0]


def amount(finding: Finding) -> float:
    """How bad a finding is among those of its code; 0 where nothing tells."""
    if finding.code in _WORSE_IF_LESS:
        return -float(finding.details.get(_WORSE_IF_LESS[finding.code], 0))
    return float(finding.details.get(_WORSE.get(finding.code, ""), 0))
