"""Bitmaps of all the kinds that tend to go wrong, and what pycocotools makes of them."""

from __future__ import annotations

import warnings
from typing import Any, TypeAlias

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray
from pycocotools import mask as coco

from converter.model import Rle

Bitmap: TypeAlias = NDArray[np.bool_]

SIDES = st.one_of(st.just(1), st.integers(1, 12), st.integers(13, 40))


def coco_code(mask: NDArray[Any]) -> bytes:
    code: bytes = coco.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"]
    return code


def coco_rle(mask: NDArray[Any]) -> Rle:
    height, width = mask.shape
    return Rle(height, width, coco_code(mask))


def same(found: Rle, mask: NDArray[Any]) -> None:
    assert found == coco_rle(mask)


def coco_mask(code: bytes, height: int, width: int) -> Bitmap:
    with warnings.catch_warnings():
        # pycocotools has not followed numpy 2 in how an array is asked for.
        warnings.simplefilter("ignore", DeprecationWarning)
        bitmap: Bitmap = coco.decode({"size": [height, width], "counts": code}).astype(bool)
    return bitmap


@st.composite
def masks(draw: st.DrawFn, height: int | None = None, width: int | None = None) -> Bitmap:
    h = draw(SIDES) if height is None else height
    w = draw(SIDES) if width is None else width
    kind = draw(st.sampled_from(KINDS))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return np.asarray(_bitmap(kind, h, w, random), bool)


KINDS = ["empty", "full", "pixel", "noise", "board", "frame", "rectangle", "blocks", "columns"]


def _bitmap(kind: str, h: int, w: int, random: np.random.Generator) -> Any:
    rows, columns = np.indices((h, w))
    match kind:
        case "empty" | "full":
            return np.full((h, w), kind == "full")
        case "pixel":
            return (rows == random.integers(h)) & (columns == random.integers(w))
        case "noise":
            return random.random((h, w)) < random.choice([0.03, 0.3, 0.5, 0.9])
        case "board":
            return (rows + columns) % 2 == random.integers(2)
        case "frame":
            return (rows == 0) | (columns == 0) | (rows == h - 1) | (columns == w - 1)
        case "rectangle":
            (top, bottom), (left, right) = np.sort(random.integers(0, [[h], [w]], (2, 2)), axis=1)
            return (rows >= top) & (rows <= bottom) & (columns >= left) & (columns <= right)
        case "blocks":
            coarse = random.random((h // 4 + 1, w // 4 + 1)) < 0.5
            return coarse[rows // 4, columns // 4]
        case _:
            return columns % 3 == random.integers(3)
