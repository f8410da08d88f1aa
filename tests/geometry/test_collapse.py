"""Steps of the collapse keep areas and end with triangles."""

from __future__ import annotations

import math

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from converter.geometry import collapse

CIRCLE = [(50 + 40 * math.cos(i / 9), 50 + 40 * math.sin(i / 9)) for i in range(56)]
NUMBERS = st.integers(0, 60)
LINES = st.lists(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=3, max_size=15), min_size=1, max_size=4)


def square(x, y, side):
    return [(x, y), (x + side, y), (x + side, y + side), (x, y + side)]


def test_area_stays():
    steps = collapse.steps([CIRCLE], [None])
    assert len(steps) == len(CIRCLE) - 3
    before = shapely.Polygon(CIRCLE)
    for number in range(len(steps) + 1):
        (line,) = collapse.after([CIRCLE], steps[:number])
        assert len(line) == len(CIRCLE) - number
        assert shapely.Polygon(line).area == pytest.approx(before.area)
    (line,) = collapse.after([CIRCLE], steps[:-9])
    moved = shapely.Polygon(line).symmetric_difference(before).area
    assert len(line) == 12
    assert moved < 0.04 * before.area


def test_needless_vertices_go_first():
    line = [(0, 0), (10, 0), (20, 0), (40, 0), (40, 40), (0, 40)]
    steps = collapse.steps([line], [None])
    (left,) = collapse.after([line], steps[:2])
    assert shapely.Polygon(left).equals(shapely.Polygon(square(0, 0, 40)))


def test_small_lines_go_and_the_largest_stays():
    lines = [square(0, 0, 100), square(10, 10, 5), square(200, 0, 3), square(300, 0, 20), square(302, 2, 10)]
    parents = [None, 0, None, None, 3]
    steps = collapse.steps(lines, parents)
    gone = []
    for number in range(len(steps) + 1):
        left = collapse.after(lines, steps[:number])
        gone += [i for i, line in enumerate(left) if not line and i not in gone]
        assert all(left[parent] or not left[i] for i, parent in enumerate(parents) if parent is not None)
    assert gone == [2, 1, 4, 3]
    assert len(left[0]) == 3


@given(LINES)
def test_anything_ends(lines):
    parents = [None, *[0] * (len(lines) - 1)]
    steps = collapse.steps(lines, parents)
    last = collapse.after(lines, steps)
    assert last[0]
    assert all(len(line) in {0, *range(3, 16)} for line in last)
    assert all(math.isfinite(value) for line in last for point in line for value in point)
