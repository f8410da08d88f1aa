"""Pairs of masks and their parts, against bitmaps and scikit-image."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.measure import label

from converter.geometry.overlaps import count_parts, overlapping_pairs
from tests.geometry.masks import SIDES, Bitmap, coco_rle, masks


@st.composite
def layers(draw: st.DrawFn) -> list[Bitmap]:
    """Masks of one image."""
    height, width = draw(SIDES), draw(SIDES)
    return draw(st.lists(masks(height, width), min_size=1, max_size=6))


@given(layers())
def test_parts_are_those_of_scikit_image(drawn: list[Bitmap]) -> None:
    expected = [int(label(mask, connectivity=2, return_num=True)[1]) for mask in drawn]
    assert count_parts([coco_rle(mask) for mask in drawn]) == expected


@pytest.mark.parametrize(
    ("rows", "parts"),
    [
        (["#.#", "#.#", "###"], 1),  # begins twice and meets on the right
        (["###", "#..", "###"], 1),
        (["#####", "#...#", "#.#.#", "#...#", "#####"], 2),
        (["#.#.#", ".#.#.", "#.#.#"], 1),
        (["#..#", "#..#", "....", "#..#"], 4),
        (["#.", "..", "..", ".#"], 2),  # the end of a column and the beginning of the next
    ],
)
def test_parts_that_meet(rows: list[str], parts: int) -> None:
    mask = np.array([[c == "#" for c in row] for row in rows])
    assert count_parts([coco_rle(each) for each in (mask, mask.T, mask[::-1, ::-1])]) == [parts] * 3


def test_no_masks() -> None:
    assert count_parts([]) == []
    assert list(overlapping_pairs([], [])) == []


@given(layers())
def test_pairs_with_their_pixels_in_common(drawn: list[Bitmap]) -> None:
    found = list(overlapping_pairs([coco_rle(mask) for mask in drawn], [int(mask.sum()) for mask in drawn]))
    expected = [
        (i, j, int((a & b).sum()), float((a & b).sum() / (a | b).sum()))
        for (i, a), (j, b) in combinations(enumerate(drawn), 2)
        if (a & b).any()
    ]
    assert found == expected
