"""Lines through gates draw what the corners of the pixels draw, with far fewer vertices."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given

from converter.geometry import rle
from converter.geometry.links import few_vertices
from converter.geometry.trace import corner_ring, loops
from tests.geometry.masks import Bitmap
from tests.geometry.outlines import ANY, BLOBS, HARD, assert_inside, drawn


def assert_same(mask: Bitmap) -> None:
    height, width = mask.shape
    found = loops(rle.encode(mask))
    lines = few_vertices(found, height, width)
    for loop, line in zip(found, lines, strict=True):
        ring = [value / 5 for point in line for value in point]
        corners = corner_ring(loop)
        assert (drawn([ring], height, width) == drawn([corners], height, width)).all()
        assert len(ring) <= max(len(corners), 6)
        assert_inside([ring], height, width)
        assert all(isinstance(value, int) for point in line for value in point)
        outline = shapely.LinearRing(np.array(corners).reshape(-1, 2))
        assert shapely.distance(shapely.points(np.array(ring).reshape(-1, 2)), outline).max() < 1.1


@pytest.mark.parametrize("name", HARD)
def test_hard(name):
    assert_same(HARD[name])


@given(ANY)
def test_any(mask):
    assert_same(mask)


@pytest.mark.parametrize("bits", range(1, 2**9, 7))
def test_every_seventh_of_the_smallest(bits):
    assert_same((bits >> np.arange(9) & 1).reshape(3, 3).astype(bool))


@given(BLOBS.filter(lambda mask: min(mask.shape) >= 30))
def test_few_on_blobs(mask):
    found = loops(rle.encode(mask))
    corners = sum(len(corner_ring(loop)) for loop in found) // 2
    assert sum(map(len, few_vertices(found, *mask.shape))) <= 0.4 * corners + 6


@pytest.mark.parametrize(
    ("name", "vertices"),
    [("pixel", 3), ("row", 4), ("full", 4), ("column", 4), ("triangle", 4), ("wide", 4), ("diagonal", 5)],
)
def test_fewest(name, vertices):
    (loop,) = loops(rle.encode(HARD[name]))
    (line,) = few_vertices([loop], *HARD[name].shape)
    assert len(line) <= vertices
