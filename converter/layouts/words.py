"""What names say: the words for images and for masks, and how they are taken out of names.

A picture is claimed as an image or a mask by its name and its folders alone, by one of these rules:

    --masks, --image-pattern             what the user says                                  patterns.py
    <id>/images/x.png, <id>/masks/*.png  folders of these very names, one image in each      instance_folders.py
    masks/a_cat_3.png, masks/a/3.png     a mask an object, if they are plainly that          mask_names.py
    masks/a.png, a_mask.png, y_train/a   a mask an image: one path without these words       pairing.py
    a.png or a_m.png beside a.jpg        no word at all: the JPEG is the image               pairing.py

They are asked in this order, and none by a package or by a format that has its own names.
All of them speak by the words of this module, and there is one way to take a word out of each
kind of name:

- The name of a folder is words in any place: `train_images`, `JPEGImages` and `x_train` say that
  images are inside, `trainannot`, `SegmentationClass` and `y_train` that masks are (`said`).
  The innermost folder that says so decides (`kind_of`), or the outermost where none would hold
  masks, as in `masks/photos`; what is left is the same for a mask and its image (`key_of`).
- The name of a file begins or ends with such a word: `a_mask`, `img-7` (`without_end`,
  `without_begin`, `shortened`). They are fewer, as `target_7` and `manual` are names too.
- What a mask's name has beside that of its image is a number, a class, or the kind of
  picture that it is (`words_of`, `telling`, `is_view`, `class_in`).
"""

from __future__ import annotations

import functools
import posixpath
import re
from collections.abc import Collection
from typing import Literal

import msgspec

__all__ = [
    "IMAGE_ENDS",
    "IMAGE_WORDS",
    "MASK_ENDS",
    "MASK_WORDS",
    "Kind",
    "Said",
    "class_in",
    "in_mask_folder",
    "is_called_mask",
    "is_layout_word",
    "is_view",
    "key_of",
    "kind_of",
    "outer_kind_of",
    "parted",
    "said",
    "shortened",
    "shows_masks",
    "telling",
    "without_begin",
    "without_end",
    "words_of",
]

# Of folders: what is inside.
MASK_WORDS = frozenset(
    {"mask", "masks", "label", "labels", "lbl", "ann", "anns", "anno", "annos", "annot", "annots", "annotation",
     "annotations", "gt", "gts", "manual", "msk", "msks", "truth", "groundtruth", "seg", "segs", "segm", "segmentation",
     "segmentations", "semantic", "semantics", "target", "targets", "trimap", "trimaps", "labelids", "gtfine", "y"}
)  # fmt: skip
IMAGE_WORDS = frozenset(
    {"image", "images", "img", "imgs", "jpegimages", "rgb", "photo", "photos", "picture", "pictures", "input",
     "inputs", "leftimg8bit", "x"}
)  # fmt: skip
FAINT_WORDS = frozenset({"lab"})  # of masks where no other word says what is inside: there are lab_images too

# Of files: what they are.
MASK_ENDS = frozenset(
    {"mask", "masks", "msk", "lab", "label", "labels", "lbl", "l", "gt", "truth", "groundtruth", "seg", "segm",
     "segmentation", "anno", "annot", "annotation", "ann", "labelids"}
)  # fmt: skip
IMAGE_ENDS = frozenset({"image", "images", "img", "imgs", "im", "rgb", "sat", "raw", "photo", "leftimg8bit"})

# Of what is left of a mask's name: pictures that show masks again, in folders that are named for masks too;
SHOWN_WORDS = frozenset({"visualization", "visualisation"})
# these and others that lie beside masks, and show all objects at once, or none;
VIEW_WORDS = SHOWN_WORDS | {
    "bbox", "bg", "border", "boundary", "center", "centers", "color", "colored", "colormap", "colormaps", "colors",
    "colour", "coloured", "colours", "contour", "contours", "depth", "dist", "distance", "edge", "edges", "fg",
    "instanceids", "labelids", "overlay", "panoptic", "preview", "rgb", "skeleton", "vis", "viz", "weight", "weights",
}  # fmt: skip
# words after which a number is that of a class;
CLASS_WORDS = frozenset({"category", "class", "cls"})
# and those that tell no class.
PLAIN_WORDS = (MASK_WORDS | MASK_ENDS) - {"l", "y"} | {
    "bin", "binary", "component", "id", "inst", "instance", "instances", "no", "num", "obj", "object", "objects",
    "part", "region", "roi",
}  # fmt: skip

WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+|[^\W\d_]+")
GLUED = re.compile(r"([a-z]+?)(annots?|annotations?|masks?|labels?|images?|imgs?)")
ENDING = re.compile(r"(.+)[-_ .]([^-_ .]+)")
BEGINNING = re.compile(r"([^-_ .]+)[-_ .](.+)")
BETWEEN = re.compile(r"[-_ ./()]+")
COUNTED = re.compile(r"([^\W\d_]+)(\d+)")
HALVES = frozenset({"cp", "ground"})  # of cp_masks and ground_truth
HALF = re.compile(rf"[-_ ](?:{'|'.join(sorted(HALVES))})$", re.IGNORECASE)
OF_MASK = re.compile(
    rf"(?:.*[-_ .])?(?:(?:{'|'.join(sorted(MASK_ENDS))})[-_ .]?\(?\d*\)?|masks?\d*(?:[-_ .].*)?)", re.IGNORECASE
)
MOST_DIGITS = 9  # of the number of a class or an object

Kind = Literal["mask", "image", ""]


# ---------------------------------------------------------------- folders


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


def outer_kind_of(folder: str) -> Kind:
    """As `kind_of`, where the outermost of the names decides."""
    return next((kind for name in folder.split("/") if (kind := said(name).kind)), "")


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
    return any(f.kind == "mask" and not SHOWN_WORDS.isdisjoint(f.rest.split("_")) for f in found)


# ---------------------------------------------------------------- files, by their names without extension


def parted(name: str) -> tuple[str, str]:
    """A name up to its last word, and that word; two empty ones where it has only one."""
    end = ENDING.fullmatch(name)
    return (end[1], end[2]) if end else ("", "")


def without_end(name: str, words: Collection[str]) -> str:
    """A name without the one of `words` that it ends in, as `a` of `a_mask`; "" where it ends in none."""
    before, last = parted(name)
    if last.lower() not in words:
        return ""
    return HALF.sub("", before) if last.lower() in MASK_ENDS else before


def without_begin(name: str, words: Collection[str]) -> str:
    """A name without the one of `words` that it begins with, as `a` of `mask_a`; "" where it begins with none."""
    begin = BEGINNING.fullmatch(name)
    return begin[2] if begin and begin[1].lower() in words else ""


def shortened(name: str, words: Collection[str]) -> list[str]:
    """A name without the one of `words` at its end, and without the one before it, be that a number: `7` of `mask7`."""
    counted = COUNTED.fullmatch(name)
    number = counted[2] if counted and counted[1].lower() in words else ""
    return [bare for bare in (without_end(name, words), without_begin(name, words), number) if bare]


def is_called_mask(name: str) -> bool:
    """Whether the name of a file says that it is a mask: `a_gt`, `a_mask3`, `mask_a`, `a_mask_cat`."""
    return OF_MASK.fullmatch(name) is not None


# ---------------------------------------------------------------- what is left of a mask's name


def words_of(rest: str) -> list[str]:
    """What is left of a name, without what stands between."""
    return [word for word in BETWEEN.split(rest) if word]


def telling(words: list[str]) -> list[str]:
    """The words that say more than that this is a mask, numbers among them."""
    return [word for word in words if word.lower() not in PLAIN_WORDS]


def is_view(words: list[str]) -> bool:
    """Whether they are those of a picture that shows all objects at once, or none."""
    return not VIEW_WORDS.isdisjoint(word.lower() for word in words)


def class_in(rest: str) -> str:
    """The class that is left of a mask's name: words that tell one, or the number after `class`; "" for none."""
    words = words_of(rest)
    numbered = any(word.isdecimal() for word in words)
    kept = []
    for before, word, after in zip(["", *words], words, [*words[1:], ""], strict=False):
        name, number = _counted(word)
        if before.lower() in CLASS_WORDS and word.isdecimal() and len(word) <= MOST_DIGITS:
            return word
        if number and name.lower() in CLASS_WORDS:
            return number
        # `cat1` is the first of the cats, but for where numbers stand by themselves.
        text = name if number and (not numbered or name.lower() in PLAIN_WORDS) else word
        if text.lower() in HALVES and after.lower() in PLAIN_WORDS:
            continue
        if not text.isdecimal() and text.lower() not in PLAIN_WORDS | CLASS_WORDS:
            kept.append(text)
    return "_".join(kept)


def _counted(word: str) -> tuple[str, str]:
    """`cat1` as a word and its number, which is "" where it has none, or one too long to count."""
    found = COUNTED.fullmatch(word)
    return (found[1], found[2]) if found and len(found[2]) <= MOST_DIGITS else (word, "")
