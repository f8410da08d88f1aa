"""Every pixel of overlapping masks goes to the smallest of them, of equal ones to the last."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from converter.geometry import rle
from converter.lower import overlaps

HEIGHT, WIDTH = 7, 9
MASKS = st.lists(arrays.arrays(np.bool_, (HEIGHT, WIDTH)), min_size=1, max_size=6)


@pytest.mark.parametrize("way", [overlaps._covered, overlaps._painted])
@given(MASKS)
def test_both_ways_are_what_painting_by_hand_gives(way, masks):
    order = sorted(range(len(masks)), key=lambda i: (int(masks[i].sum()), -i))
    owner = np.full((HEIGHT, WIDTH), -1)
    for i in reversed(order):
        owner[masks[i]] = i
    found = way([rle.encode(mask) for mask in masks], order)
    assert [i for i, _ in found] == order
    for i, seen in found:
        assert np.array_equal(rle.decode(seen) > 0, owner == i)


@given(MASKS)
def test_the_order_and_both_ways_are_one(masks):
    regions = [rle.encode(mask) for mask in masks]
    found = overlaps.seen_of(regions)
    assert found == overlaps._covered(regions, [i for i, _ in found])
    areas = [rle.area(regions[i]) for i, _ in found]
    assert areas == sorted(areas)


def test_more_masks_than_a_byte_counts():
    corners = [(x, y) for x in range(0, 40, 2) for y in range(0, 40, 2)]
    masks = []
    for x, y in corners:
        mask = np.zeros((42, 42), np.bool_)
        mask[y : y + 3, x : x + 3] = True
        masks.append(rle.encode(mask))
    assert overlaps._painted(masks, range(400)) == overlaps._covered(masks, range(400))
