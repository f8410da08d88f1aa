"""Lines joined by bridges keep what they draw, and the bridges are as short as can be."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from converter.geometry import bridges
from tests.geometry.outlines import drawn

SIZE = 24
POINTS = st.tuples(st.integers(0, 5 * SIZE), st.integers(0, 5 * SIZE))
LINES = st.lists(st.lists(POINTS, min_size=3, max_size=6, unique=True), min_size=1, max_size=7)


def length(line):
    points = np.array(line)
    return float(np.hypot(*(np.roll(points, -1, axis=0) - points).T).sum())


def pixels(line):
    return drawn([[value / 5 for point in line for value in point]], SIZE, SIZE)


def shortest_tree(lines):
    """The length of all bridges, by trying every pair of vertices."""
    near = {
        (a, b): min(float(np.hypot(p[0] - q[0], p[1] - q[1])) for p in lines[a] for q in lines[b])
        for a, b in combinations(range(len(lines)), 2)
    }
    total, inside = 0.0, {0}
    while len(inside) < len(lines):
        (a, b), distance = min(
            ((pair, d) for pair, d in near.items() if len(inside & {*pair}) == 1), key=lambda item: item[1]
        )
        inside |= {a, b}
        total += distance
    return total


def flat(line):
    return len({shapely.Point(p) for p in line}) < 3 or shapely.LineString(line).convex_hull.area == 0


@given(LINES)
def test_draws_the_same(lines):
    together = np.zeros((SIZE, SIZE), np.bool_)
    for line in lines:
        together ^= pixels(line)
    found = bridges.joined(lines)
    assert (pixels(found) == together).all()
    assert len(found) <= sum(map(len, lines)) + 2 * (len(lines) - 1)
    assert {*found} == {point for line in lines for point in line}
    assert all(a != b for a, b in pairwise(found))


@given(LINES.filter(lambda lines: not all(map(flat, lines))))
def test_shortest(lines):
    found = length(bridges.joined(lines)) - sum(map(length, lines))
    assert found == pytest.approx(2 * shortest_tree(lines), abs=1e-6)


def test_one():
    line = [(0, 0), (5, 0), (5, 5)]
    assert bridges.joined([line]) == line


def test_touching_lines_need_no_bridge():
    a, b = [(0, 0), (10, 0), (10, 10)], [(10, 10), (20, 10), (20, 20)]
    assert bridges.joined([a, b]) == [(0, 0), (10, 0), (10, 10), (20, 10), (20, 20), (10, 10)]


def test_thousands_in_a_chain():
    lines = [[(10 * i, 0), (10 * i + 5, 0), (10 * i + 5, 5)] for i in range(5000)]
    assert len(bridges.joined(lines)) == 5 * 5000 - 2


def test_without_a_triangulation(monkeypatch):
    monkeypatch.setattr(bridges, "_nearest", lambda _: ())
    lines = [[(0, 0), (10, 0), (10, 10)], [(50, 50), (60, 50), (60, 60)], [(50, 0), (60, 0), (60, 10)]]
    assert (pixels(bridges.joined(lines)) == pixels(lines[0]) ^ pixels(lines[1]) ^ pixels(lines[2])).all()
