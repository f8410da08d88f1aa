"""The words in the name of a mask that are not those of its image: a class, a number, or what kind of picture it is."""

from __future__ import annotations

import re

from converter.layouts.words import MASK_ENDS, MASK_WORDS

__all__ = ["class_in", "is_view", "telling", "words_of"]

BETWEEN = re.compile(r"[-_ ./()]+")
COUNTED = re.compile(r"([^\W\d_]+)(\d{1,9})")
# Words that tell no class.
PLAIN = (MASK_WORDS | MASK_ENDS) - {"l", "y"} | {
    "bin", "binary", "component", "id", "inst", "instance", "instances", "no", "num", "obj", "object", "objects",
    "part", "region", "roi",
}  # fmt: skip
# Words of pictures that lie beside masks, and show all objects at once, or none.
VIEWS = frozenset(
    {"bbox", "bg", "border", "boundary", "center", "centers", "color", "colored", "colormap", "colormaps", "colors",
     "colour", "coloured", "colours", "contour", "contours", "depth", "dist", "distance", "edge", "edges", "fg",
     "instanceids", "labelids", "overlay", "panoptic", "preview", "rgb", "skeleton", "vis", "viz", "visualization",
     "weight", "weights"}
)  # fmt: skip
CLASS_WORDS = frozenset({"category", "class", "cls"})  # a number after one is that of a class


def words_of(rest: str) -> list[str]:
    """What is left of a name, without what stands between."""
    return [word for word in BETWEEN.split(rest) if word]


def telling(words: list[str]) -> list[str]:
    """The words that say more than that this is a mask, numbers among them."""
    return [word for word in words if word.lower() not in PLAIN]


def is_view(words: list[str]) -> bool:
    """Whether they are those of a picture that shows all objects at once, or none."""
    return not VIEWS.isdisjoint(word.lower() for word in words)


def class_in(rest: str) -> str:
    """The class that is left of a mask's name: words that tell one, or the number after `class`; "" for none."""
    words = words_of(rest)
    numbered = any(word.isdecimal() for word in words)
    kept = []
    for before, word in zip(["", *words], words, strict=False):
        counted = COUNTED.fullmatch(word)
        if before.lower() in CLASS_WORDS and word.isdecimal() and len(word) < 10:
            return word
        if counted and counted[1].lower() in CLASS_WORDS:
            return counted[2]
        # `cat1` is the first of the cats, but for where numbers stand by themselves.
        text = counted[1] if counted and (not numbered or counted[1].lower() in PLAIN) else word
        if not text.isdecimal() and text.lower() not in PLAIN | CLASS_WORDS:
            kept.append(text)
    return "_".join(kept)
