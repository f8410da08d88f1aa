"""The rasteriser is pycocotools' and must give its bytes; what it cannot take must not reach it."""

from __future__ import annotations

import math
import random
from typing import Any, TypeAlias

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as coco

from converter.errors import ShapeError
from converter.geometry import raster, rle
from converter.model import Rle
from tests.geometry.masks import coco_code

Rings: TypeAlias = list[list[float]]

NUMBERS = st.one_of(
    st.integers(-30, 60),
    st.floats(-30, 60),
    st.integers(-150, 300).map(lambda n: n / 5),
    st.integers(-1500, 3000).map(lambda n: n / 50),
    st.sampled_from([0.0, -0.1, 0.5, 1e-9, 9.999999999, 12, 300.0, -300.0]),
)
RINGS = st.integers(3, 9).flatmap(lambda n: st.lists(NUMBERS, min_size=2 * n, max_size=2 * n))
SIDES = st.integers(1, 30)
# Of few numbers, so that edges often lie on edges.
FEW = st.one_of(
    st.sampled_from([0.0, 2.5, 3.0, 5.5, 8.0, 12.0]), st.floats(0, 12), st.integers(0, 60).map(lambda n: n / 5)
)
INSIDE = st.integers(3, 9).flatmap(lambda n: st.lists(FEW, min_size=2 * n, max_size=2 * n))


def judged(rings, height, width) -> bytes:
    code: bytes = coco.merge(coco.frPyObjects(rings, height, width))["counts"]
    return code


def around_drawn(rings, height, width) -> tuple[int, ...]:
    mask = Rle(height, width, judged(rings, height, width)) if rings else rle.empty(height, width)
    pixels = np.concatenate([np.arange(a, b) for a, b in zip(*rle.to_runs(mask), strict=True)] or [np.zeros(0)])
    xs, ys = pixels // height, pixels % height
    return (min(xs), min(ys), np.ptp(xs) + 1, np.ptp(ys) + 1) if len(xs) else (0, 0, 0, 0)


class TestPolygons:
    @given(st.lists(RINGS, min_size=1, max_size=4), SIDES, SIDES)
    def test_as_pycocotools(self, rings, height, width):
        found = raster.polygons_to_rle(rings, height, width)
        assert found.counts == judged(rings, height, width)
        assert found.counts == coco_code(rle.decode(found))
        assert not found.listed

    @given(st.lists(RINGS, min_size=1, max_size=2), SIDES, SIDES, st.sampled_from([5, 20, 100]))
    def test_in_pieces(self, rings, height, width, piece):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(raster, "_PIECE", piece)
            found = raster.polygons_to_rle(rings, height, width)
        assert found.counts == judged(rings, height, width)

    @given(st.lists(st.lists(RINGS, max_size=4), max_size=4), SIDES, SIDES, st.sampled_from([20, 1_000_000]))
    def test_all_at_once(self, polygons, height, width, piece):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(raster, "_PIECE", piece)
            found = raster.tight_boxes(polygons, height, width)
            masks = raster.all_to_rle(polygons, height, width)
        assert masks == [raster.polygons_to_rle(rings, height, width) for rings in polygons]
        assert found == [around_drawn(rings, height, width) for rings in polygons]
        assert all(type(number) is int for box in found for number in box)

    def test_all_at_once_of_what_the_rasteriser_would_misread(self):
        square: Rings = [[0, 0, 9, 0, 9, 9, 0, 9]]
        few, odd, none, nan, far = (
            [0, 0, 9, 9],
            [0, 0, 9, 0, 9, 9, 0],
            [None] * 6,
            [0, 0, 9, 0, math.nan, 9],
            [1e300] * 6,
        )
        bad: Any
        for bad in (few, odd, none, nan, far, [True] * 6, ["1"] * 6):
            for together in (raster.tight_boxes, raster.all_to_rle):
                with pytest.raises(ShapeError, match="ring 1"):
                    together([square, [bad]], 20, 20)

    @given(INSIDE)
    def test_surely_drawn_is_certain(self, ring):
        if raster.is_surely_drawn(ring, 12, 16):
            assert around_drawn([ring], 12, 16)[2]

    def test_surely_drawn_is_seldom_unsure_of_what_is_there(self):
        dice = random.Random(2)
        rings: Rings = [[dice.uniform(0, 60) for _ in range(2 * dice.randint(3, 12))] for _ in range(300)]
        assert sum(raster.is_surely_drawn(ring, 60, 60) for ring in rings) > 200
        assert not raster.is_surely_drawn([0, 0, 9, 0, 9, 9, 9, 9, 9, 0, 0, 0], 20, 20)  # there and back
        assert not raster.is_surely_drawn([-1, 0, 9, 0, 9, 9], 20, 20)

    def test_long_outline(self):
        dice = random.Random(5)
        ring = [dice.uniform(-50, 1050) for _ in range(2 * 4_000)]
        assert raster.check_rings([ring], 1000, 1000).longest > raster._PIECE
        assert raster.polygons_to_rle([ring], 1000, 1000).counts == judged([ring], 1000, 1000)

    def test_many_rings(self):
        rings: Rings = [[x, y, x + 3, y, x + 3, y + 3] for x in range(0, 60, 2) for y in range(0, 60, 2)]
        assert raster.polygons_to_rle(rings, 50, 50).counts == judged(rings, 50, 50)

    def test_none(self):
        assert raster.polygons_to_rle([], 4, 5) == rle.empty(4, 5)
        assert raster.polygons_to_rle([[0, 0, 9, 0, 9, 9]], 0, 5) == rle.empty(0, 5)

    def test_large_and_legitimate(self):
        at = [2 * math.pi * i / 2500 for i in range(2500)]
        radius = [2400 * (0.6 + 0.4 * math.sin(40 * a)) for a in at]
        ring = [v for a, r in zip(at, radius, strict=True) for v in (3000 + r * math.cos(a), 2500 + r * math.sin(a))]
        assert raster.polygons_to_rle([ring], 5000, 6000).counts == judged([ring], 5000, 6000)

    def test_comb_of_every_column(self):
        ring = [0.0, 600.0]
        for x in range(0, 799, 2):
            ring += [x, 600, x, 0, x + 1, 0, x + 1, 600]
        assert raster.polygons_to_rle([ring], 600, 800).counts == judged([ring], 600, 800)

    @given(RINGS)
    def test_subclasses_of_numbers(self, ring):
        rings: Rings = [[np.float64(number) for number in ring]]
        assert raster.polygons_to_rle(rings, 20, 20).counts == judged([ring], 20, 20)


class TestWithin:
    @given(st.lists(RINGS | INSIDE, max_size=4), SIDES, SIDES)
    def test_what_is_within_is_sound_and_inside(self, rings, height, width):
        inside = all(0 <= n <= (height if i % 2 else width) for ring in rings for i, n in enumerate(ring))
        assert raster.are_within(rings, height, width) == (bool(rings) and inside)
        if raster.are_within(rings, height, width):
            assert raster.check_rings(rings, height, width).least >= 0

    @pytest.mark.parametrize("ring", [[], [0, 0, 1, 1], [0, 0, 1, 1, 2], [0, 0, 1, 1, 2, 2, 3]])
    def test_what_is_no_ring_is_not_within(self, ring):
        assert not raster.are_within([[0, 0, 5, 0, 5, 5], ring], 9, 9)

    def test_nothing_is_within_an_image_beyond_any_code(self):
        assert not raster.are_within([[0, 0, 5, 0, 5, 5]], 100_000, 100_000)

    def test_an_absurdly_long_outline_is_not_within(self):
        ring = [0.0, 0.0, 900.0, 900.0] * 2000
        assert not raster.are_within([ring], 900, 900) or raster.check_rings([ring], 900, 900)
        absurd = ring * 10
        assert not raster.are_within([absurd], 900, 900)
        with pytest.raises(ShapeError, match="absurd"):
            raster.check_rings([absurd], 900, 900)


class TestRefusals:
    @pytest.mark.parametrize(
        ("rings", "text"),
        [
            (None, "null"),
            ({}, "dict"),
            ("0 0 1 1", "str"),
            ([0, 0, 5, 0, 5, 5], "outer list"),
            ([[[0, 0], [5, 0], [5, 5]]], "ring 1 has an odd"),
            ([[[0, 0], [5, 0], [5, 5]] * 2], "ring 1, number 1: not a number but list"),
            ([[0, 0, 5, 0, 5, 5], None], "ring 2 is not a list"),
            ([[0, 0, 5, 0, 5, 5], {}], "ring 2 is not a list"),
            ([[]], "ring 1 has 0 points"),
            ([[0, 0, 5, 5]], "ring 1 has 2 points"),
            ([[0, 0, 5, 0, 5, 5, 1]], "ring 1 has an odd"),
            ([[0, 0, 5, 0, 5, 5], [0, 0, 5, 0, "5", 5]], "ring 2, number 5"),
            ([[0, 0, 5, None, 5, 5]], "ring 1, number 4: not a number but null"),
            ([[0, True, 5, 0, 5, 5]], "ring 1, number 2"),
            ([[0, 0, 5, math.nan, 5, 5]], "ring 1, number 4"),
            ([[math.nan, 0, 5, 0, 5, 5]], "ring 1, number 1"),
            ([[0, 0, 5, 0, 5, math.inf]], "ring 1, number 6"),
            ([[-math.inf, 0, 5, 0, 5, math.inf]], "ring 1, number 1"),
            ([[0, 0, 1e7, 0, 5, 5]], "ring 1, number 3"),
            ([[0, 0, 5, -1e7, 5, 5]], "ring 1, number 4"),
            ([[0, 0, 5, 10**400, 5, 5]], "ring 1, number 4"),
            ([[0, 0, 5, -(10**5000), 5, 0.5]], "ring 1, number 4"),
            ([[0, 0, 100_000, 100_000] * 1000], "ring 1, number 3"),
            ([[0, 0, 10_000, 10_000] * 1000], "pixels long"),
            ([[0, 0, 10_000, 0, 0, 10_000] * 20] * 10, "pixels long"),
        ],
    )
    def test_named(self, rings, text):
        with pytest.raises(ShapeError, match=text):
            raster.polygons_to_rle(rings, 12, 16)

    @given(
        st.recursive(
            st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3)),
            lambda inner: st.lists(inner, max_size=8),
            max_leaves=30,
        )
    )
    def test_anything(self, rings):
        try:
            found = raster.polygons_to_rle(rings, 6, 5)
        except ShapeError:
            return
        assert found == rle.empty(6, 5) or found.counts == judged(rings, 6, 5)


class TestBoxes:
    @given(NUMBERS, NUMBERS, NUMBERS.map(abs), NUMBERS.map(abs), SIDES, SIDES)
    def test_centres(self, x, y, w, h, height, width):
        columns, rows = np.arange(width) + 0.5, np.arange(height) + 0.5
        inside = ((rows >= y) & (rows < y + h))[:, None] & ((columns >= x) & (columns < x + w))
        assert raster.box_to_rle(x, y, w, h, height, width).counts == coco_code(inside)

    @given(st.integers(-5, 25), st.integers(-5, 25), st.integers(1, 30), st.integers(1, 30))
    def test_whole_pixels_as_pycocotools(self, x, y, w, h):
        drawn = coco.merge(coco.frPyObjects(np.array([[x, y, w, h]], float), 15, 20))["counts"]
        assert raster.box_to_rle(x, y, w, h, 15, 20).counts == drawn

    @pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 1e300, 10**400])
    @pytest.mark.parametrize("place", range(4))
    def test_refused(self, bad, place):
        x, y, w, h = (bad if i == place else i + 1.0 for i in range(4))
        with pytest.raises(ShapeError):
            raster.box_to_rle(x, y, w, h, 10, 10)

    def test_negative_extent(self):
        with pytest.raises(ShapeError, match="negative"):
            raster.box_to_rle(1, 2, -3, 4, 10, 10)
