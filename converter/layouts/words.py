"""What the names of folders and files say of what is in them: images, or masks.

Names are made of words: `train_images`, `JPEGImages` and `x_train` say that images are
inside, `trainannot`, `SegmentationClass` and `y_train` that masks are. The innermost folder
that says so decides.
"""

from __future__ import annotations

import functools
import posixpath
import re
from typing import Literal

import msgspec

__all__ = [
    "IMAGE_ENDS",
    "IMAGE_WORDS",
    "MASK_ENDS",
    "MASK_WORDS",
    "Kind",
    "Said",
    "in_mask_folder",
    "is_layout_word",
    "key_of",
    "kind_of",
    "said",
    "shows_masks",
]

WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+|[^\W\d_]+")
GLUED = re.compile(r"([a-z]+?)(annots?|annotations?|masks?|labels?|images?|imgs?)")
MASK_WORDS = frozenset(
    {"mask", "masks", "label", "labels", "lbl", "ann", "anns", "anno", "annos", "annot", "annots", "annotation",
     "annotations", "gt", "gts", "manual", "msk", "msks", "truth", "groundtruth", "seg", "segs", "segmentation",
     "segmentations", "semantic", "semantics", "target", "targets", "trimap", "trimaps", "labelids", "gtfine", "y"}
)  # fmt: skip
IMAGE_WORDS = frozenset(
    {"image", "images", "img", "imgs", "jpegimages", "rgb", "photo", "photos", "picture", "pictures", "input",
     "inputs", "leftimg8bit", "x"}
)  # fmt: skip
FAINT_WORDS = frozenset({"lab"})  # of masks where no other word says what is inside: there are lab_images too
MASK_ENDS = frozenset(
    {"mask", "masks", "msk", "lab", "label", "labels", "lbl", "l", "gt", "truth", "groundtruth", "seg", "segmentation",
     "anno", "annot", "annotation", "ann", "labelids"}
)  # fmt: skip
VIEW_WORDS = frozenset({"visualization", "visualisation"})
IMAGE_ENDS = frozenset({"image", "images", "img", "imgs", "im", "rgb", "sat", "raw", "photo", "leftimg8bit"})

Kind = Literal["mask", "image", ""]


class Said(msgspec.Struct, frozen=True):
    """What the name of a folder says: what lies inside, and the words beside that."""

    kind: Kind
    rest: str


@functools.lru_cache(maxsize=4096)
def said(name: str) -> Said:
    """What the name of one folder says, not of its path."""
    words = [name.lower()] if name.lower() in MASK_WORDS | IMAGE_WORDS else [w.lower() for w in WORD.findall(name)]
    words = [part for word in words for part in _unglued(word)]
    rest = "_".join(w for w in words if w not in MASK_WORDS and w not in IMAGE_WORDS)
    if not MASK_WORDS.isdisjoint(words):
        return Said("mask", rest)
    if not IMAGE_WORDS.isdisjoint(words):
        return Said("image", rest)
    if not FAINT_WORDS.isdisjoint(words):
        return Said("mask", "_".join(w for w in words if w not in FAINT_WORDS))
    return Said("", rest)


def _unglued(word: str) -> list[str]:
    """`trainannot` is two words."""
    match = GLUED.fullmatch(word)
    return [match[1], match[2]] if match and word not in MASK_WORDS | IMAGE_WORDS else [word]


@functools.lru_cache(maxsize=4096)
def kind_of(folder: str) -> Kind:
    """What a folder holds: the innermost of its names that says so decides."""
    return next((kind for name in reversed(folder.split("/")) if (kind := said(name).kind)), "")


@functools.lru_cache(maxsize=4096)
def key_of(folder: str) -> tuple[str, ...]:
    """The path of a folder without the words for images and masks."""
    return tuple(rest for name in folder.split("/") if (rest := said(name).rest))


def is_layout_word(name: str) -> bool:
    """Whether a folder of this name is part of a layout: it says nothing but that images, or masks, are inside."""
    found = said(name)
    return bool(found.kind) and not found.rest


def in_mask_folder(path: str) -> bool:
    """Whether a file lies in a folder that is named for masks."""
    return kind_of(posixpath.dirname(path)) == "mask"


def shows_masks(path: str) -> bool:
    """Whether a file lies in a folder of pictures that show masks to people (`AnnotationsVisualization` of LabelMe)."""
    found = map(said, posixpath.dirname(path).split("/"))
    return any(f.kind == "mask" and not VIEW_WORDS.isdisjoint(f.rest.split("_")) for f in found)
