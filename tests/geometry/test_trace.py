"""Loops of the outline, judged by pycocotools, scikit-image and counting."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from skimage import measure

from converter.geometry import rle
from converter.geometry.trace import Loop, corner_ring, loops
from tests.geometry.masks import Bitmap
from tests.geometry.outlines import ANY, HARD, assert_inside, drawn, picture


def parts_of(mask: Bitmap) -> int:
    return int(measure.label(mask, connectivity=2).max()) if mask.size else 0


def holes_of(mask: Bitmap) -> int:
    return int(measure.label(~np.pad(mask, 1), connectivity=1).max()) - 1


def filled(loop: Loop, mask: Bitmap) -> Bitmap:
    return drawn([corner_ring(loop)], *mask.shape)


def assert_sound(mask: Bitmap) -> None:
    found = loops(rle.encode(mask))
    together = np.zeros_like(mask)
    for loop in found:
        together ^= filled(loop, mask)
    assert (together == mask).all()
    assert sum(not loop.hole for loop in found) == parts_of(mask)
    assert sum(loop.hole for loop in found) == holes_of(mask)


@pytest.mark.parametrize("name", HARD)
def test_hard(name):
    assert_sound(HARD[name])


@given(ANY)
def test_any(mask):
    assert_sound(mask)


@given(ANY)
def test_gates_are_the_changes_along_columns(mask):
    found = loops(rle.encode(mask))
    changes = np.diff(np.pad(mask.astype(int), ((1, 1), (0, 0))), axis=0)
    gates = np.zeros_like(changes)
    for loop in found:
        np.add.at(gates, (loop.rows, loop.columns), np.where(loop.is_start, 1, -1))
    assert (gates == changes).all()


@given(ANY)
def test_walk(mask):
    for loop in loops(rle.encode(mask)):
        assert loop.columns.dtype == loop.rows.dtype == np.int64
        assert loop.is_start.dtype == np.bool_
        # From gate to gate the walk stays at one border between columns.
        leaves = loop.columns + loop.is_start
        enters = loop.columns + ~loop.is_start
        assert (np.roll(enters, -1) == leaves).all()
        assert loop.is_start[0]
        assert not loop.is_start[-1]
        assert enters[0] == loop.columns[0] == loop.columns.min()


@given(ANY)
@example(HARD["rings in rings"])
def test_order_and_parents(mask):
    found = loops(rle.encode(mask))
    firsts = []
    for place, loop in enumerate(found):
        column = loop.columns.min()
        firsts.append((column, loop.rows[loop.columns == column].min()))
        assert loop.hole == (loop.parent is not None)
        if loop.parent is not None:
            assert loop.parent < place
            parent = found[loop.parent]
            assert not parent.hole
            assert not (filled(loop, mask) & ~filled(parent, mask)).any()
    assert firsts == sorted(firsts)


def test_corners_touch():
    found = loops(rle.encode(HARD["touching corners"]))
    assert len(found) == 1
    # Background does not hang together across a corner.
    assert [loop.hole for loop in loops(rle.encode(HARD["hole at a corner"]))] == [False, True, True]


def test_corner_ring():
    (loop,) = loops(rle.encode(picture("... .## .#.")))
    assert corner_ring(loop) == [3, 1, 3, 2, 2, 2, 2, 3, 1, 3, 1, 1]


@given(ANY)
def test_corner_rings_stay_inside(mask):
    rings = [corner_ring(loop) for loop in loops(rle.encode(mask))]
    assert_inside(rings, *mask.shape)
    for ring in rings:
        points = np.array(ring).reshape(-1, 2)
        # Right angles only: no vertex is without a turn.
        steps = np.roll(points, -1, axis=0) - points
        assert ((steps != 0).sum(axis=1) == 1).all()
        assert ((steps[:, 0] == 0) != (np.roll(steps[:, 0], 1) == 0)).all()
