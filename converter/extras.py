"""What stands in `extra` under keys that formats share, and of which kind it is.

A reader hands on what it finds; what is of another kind than its key promises (`"attributes": 64`
in a COCO file) is taken out by `converter.lower`, so that no writer has to doubt.

    annotation_id, group_id            a number or a text: what the tool ties together
    attributes, flags                  name -> value
    description, pose, source          a text
    ellipse                            centre and radii [cx, cy, rx, ry], before the rotation
    joints                             the names of points
    occluded, truncated, difficult     true where the annotator says so
    point_visibility                   of an object that is points, each: 0 outside, 1 hidden, 2 seen
    rotation                           degrees, clockwise as seen on the picture, about the centre
    tags                               of an image: the labels given to it as a whole
    z_order                            what lies on top of what
    ignore_region                      of an image, as RLE: pixels to be left out of training
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from typing import Any

import msgspec

from converter.errors import SourceError
from converter.geometry import rle, runlengths
from converter.model import Image, Rle

__all__ = ["IGNORE_REGION", "SILENCE", "fits", "ignored", "ignoring", "legible"]

IGNORE_REGION = "ignore_region"
SILENCE: tuple[Any, ...] = (None, "", [], {})  # values that say nothing
# XML 1.0, 2.2; slow to compile, and seldom needed.
ILLEGIBLE = "[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"


def _is(*kinds: type) -> Callable[[Any], bool]:
    return lambda value: type(value) in kinds


def _is_list(kind: Callable[[Any], bool], length: int | None = None) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and length in {None, len(value)} and all(map(kind, value))


def _is_number(value: Any) -> bool:
    """Whether it is a number to reckon with: a JSON may hold greater ones than a float does."""
    return type(value) in {int, float} and abs(value) <= sys.float_info.max


def _is_whole(value: Any) -> bool:
    """Whether it is a whole number that other programs can hold too."""
    return type(value) is int and -(2**63) <= value < 2**63


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool | int) and value in {0, 1}


_KINDS: dict[str, Callable[[Any], bool]] = {
    **dict.fromkeys(("annotation_id", "group_id"), _is(int, str)),
    **dict.fromkeys(("attributes", "flags"), _is(dict)),
    **dict.fromkeys(("description", "pose", "source"), _is(str)),
    **dict.fromkeys(("difficult", "occluded", "truncated"), _is_flag),
    "ellipse": _is_list(_is_number, 4),
    "rotation": _is_number,
    **dict.fromkeys(("joints", "tags"), _is_list(_is(str))),
    "point_visibility": _is_list(_is_whole),
    "z_order": _is_whole,
}


def fits(key: str, value: Any) -> bool:
    """Whether the value of an extra is what formats understand by its key."""
    return key not in _KINDS or _KINDS[key](value)


def legible(value: Any) -> bool:
    """Whether all texts in a value are of characters that XML can hold."""
    if isinstance(value, dict):
        return all(legible(v) for pair in value.items() for v in pair)
    if isinstance(value, list):
        return all(map(legible, value))
    return not isinstance(value, str) or re.search(ILLEGIBLE, value) is None


def ignored(image: Image) -> Rle | None:
    """The region of an image that is to be ignored, None for no pixel; SourceError when the source's is none."""
    entry: Any = image.extra.get(IGNORE_REGION)
    if entry is None:
        return None
    try:
        region = runlengths.from_string(entry["counts"], image.height, image.width)
    except (KeyError, TypeError, ValueError) as error:
        raise SourceError(image.path, f"{IGNORE_REGION}: {error}", remedy="mend or remove it") from None
    return region if rle.area(region) else None


def ignoring(image: Image, region: Rle | None) -> Image:
    """The image with `region` as what is to be ignored of it; without an entry where that is no pixel."""
    extra = {k: v for k, v in image.extra.items() if k != IGNORE_REGION}
    if region is not None and rle.area(region):
        extra[IGNORE_REGION] = {"size": [region.height, region.width], "counts": region.counts.decode()}
    return msgspec.structs.replace(image, extra=extra)
