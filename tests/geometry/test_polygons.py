"""Polygons of masks, judged by pycocotools alone."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from skimage import measure

from converter.geometry import links, polygons, rle
from tests.geometry.masks import SIDES, Bitmap, coco_rle, masks
from tests.geometry.outlines import ANY, BLOBS, HARD, assert_inside, drawn, picture


def assert_exact(mask: Bitmap) -> None:
    height, width = mask.shape
    code = rle.encode(mask)
    rings = polygons.exact_polygons(code)
    assert (drawn(rings, height, width) == mask).all()
    assert_inside(rings, height, width)
    for ring in rings:
        assert_fifths(ring)
    labels = measure.label(mask, connectivity=2) if mask.size else mask.astype(int)
    assert len(rings) == labels.max(initial=0)
    # Each ring is one part.
    parts = [drawn([ring], height, width) for ring in rings]
    assert all(len(np.unique(labels[part])) == 1 for part in parts)
    ring = polygons.exact_ring(code)
    assert (drawn([ring] if ring else [], height, width) == mask).all()
    assert_inside([ring] if ring else [], height, width)


def assert_fifths(ring: list[float]) -> None:
    assert all(value == round(5 * value) / 5 and len(repr(value).partition(".")[2]) == 1 for value in ring)


class TestExact:
    @pytest.mark.parametrize("name", HARD)
    def test_hard(self, name):
        assert_exact(HARD[name])

    @given(ANY)
    def test_any(self, mask):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(polygons, "_mended", None)  # nothing needs what it falls back on
            assert_exact(mask)

    @given(SIDES, SIDES, st.data())
    def test_all_of_an_image_are_as_each_alone(self, height, width, data):
        found = [coco_rle(mask) for mask in data.draw(st.lists(masks(height, width), max_size=5))]
        assert polygons.all_exact_polygons(found) == [polygons.exact_polygons(mask) for mask in found]

    def test_none(self):
        assert polygons.all_exact_polygons([]) == []
        assert polygons.exact_polygons(rle.empty(4, 5)) == []
        assert polygons.exact_ring(rle.empty(4, 5)) == []

    @pytest.mark.parametrize("name", ["blob with holes", "rings in rings", "hole at a corner", "pixel"])
    def test_falls_back_on_corners(self, name, monkeypatch):
        right = links.few_vertices

        def wrong(loops, height, width):
            lines = right(loops, height, width)
            return [*lines[:-1], [(x // 2, y) for x, y in lines[-1]]]

        monkeypatch.setattr(polygons, "few_vertices", wrong)
        assert_exact(HARD[name])

    def test_rows_and_columns_are_not_mixed_up(self):
        mask = picture("##### #...# #.#.# #...# #####")
        assert len(polygons.exact_polygons(coco_rle(mask))) == 2
        assert_exact(mask[:, :3])

    def test_order_of_parts(self):
        rings = polygons.exact_polygons(rle.encode(picture("..# #.. ...")))
        assert [max(ring[0::2]) < 1.5 for ring in rings] == [True, False]

    def test_large(self):
        mask = np.zeros((700, 900), np.bool_)
        mask[50:590, 60:780] = np.kron(HARD["blob with holes"], np.ones((6, 8))) > 0
        mask[300:340, 100:800:3] ^= True
        assert_exact(mask)


SIDE = 24
CORNERS = st.floats(0, SIDE) | st.integers(0, SIDE)
PARTS = st.lists(st.integers(3, 8).flatmap(lambda n: st.lists(CORNERS, min_size=2 * n, max_size=2 * n)), min_size=2)


class TestJoined:
    @given(PARTS)
    def test_draws_the_union_or_nothing(self, rings):
        parts = [drawn([ring], SIDE, SIDE) for ring in rings]
        found = polygons.joined_rings(rings, rle.encode(np.any(parts, axis=0)))
        if (np.sum(parts, axis=0) > 1).any() or not np.any(parts):
            assert found is None or (drawn([found], SIDE, SIDE) == np.any(parts, axis=0)).all()
        else:
            assert found is not None
            assert (drawn([found], SIDE, SIDE) == np.any(parts, axis=0)).all()
            corners = set(zip(found[0::2], found[1::2], strict=True))
            assert corners == {corner for ring in rings for corner in zip(ring[0::2], ring[1::2], strict=True)}


class TestApart:
    @given(PARTS)
    def test_groups_share_no_pixel(self, rings):
        groups = polygons.apart(rings, SIDE, SIDE)
        assert sorted(ring for group, _ in groups for ring in group) == sorted(rings)
        masks = [rle.decode(mask) for _, mask in groups]
        assert np.sum(masks, axis=0).max() <= 1
        for (group, _), mask in zip(groups, masks, strict=True):
            assert (drawn(group, SIDE, SIDE) == mask).all()
            for ring in group[1:]:
                others = [other for other in group if other is not ring]
                assert (drawn([ring], SIDE, SIDE) & drawn(others, SIDE, SIDE)).any()

    def test_order(self):
        left, right, both = square(1, 3), square(8, 3), [0.0, 2, 12, 2, 12, 10, 9, 10, 9, 3, 0, 3]
        far = square(16, 3)
        assert [group for group, _ in polygons.apart([left, far, right, both], SIDE, SIDE)] == [
            [left, right, both],
            [far],
        ]

    def test_very_many(self):
        rings = [square(x, 1.0) for x in range(20)] + [square(x, 1.0) for x in range(20)]
        ((group, mask),) = polygons.apart(rings, SIDE, SIDE)
        assert group == rings
        assert rle.area(mask) == 20


def square(at: float, side: float) -> list[float]:
    return [at, at, at + side, at, at + side, at + side, at, at + side]


def iou(rings: list[list[float]], mask: Bitmap) -> float:
    found = drawn(rings, *mask.shape)
    return (found & mask).sum() / (found | mask).sum() if mask.any() else 1.0


def vertices(rings: list[list[float]]) -> int:
    return sum(map(len, rings)) // 2


MIN_IOU = st.sampled_from([None, 0.0, 0.5, 0.9, 0.95, 0.98, 0.999, 1.0])
TOLERANCE = st.sampled_from([None, 0.0, 0.3, 1.0, 2.5, 40.0])


class TestSimplified:
    @settings(max_examples=50)
    @given(ANY, MIN_IOU, TOLERANCE)
    def test_limits(self, mask, min_iou, tolerance):
        code = rle.encode(mask)
        found, told = polygons.simplified_polygons(code, min_iou=min_iou, tolerance=tolerance)
        assert told == pytest.approx(iou(found, mask))
        assert told >= (min_iou or 0)
        assert vertices(found) <= vertices(polygons.exact_polygons(code))
        assert_inside(found, *mask.shape)
        assert (told > 0 and bool(found)) or not mask.any()
        for ring in found:
            assert_fifths(ring)
        ring, told = polygons.simplified_ring(code, min_iou=min_iou, tolerance=tolerance)
        assert told == pytest.approx(iou([ring] if ring else [], mask))
        assert told >= (min_iou or 0)
        assert len(ring) <= len(polygons.exact_ring(code))
        assert_inside([ring] if ring else [], *mask.shape)
        assert (told > 0 and bool(ring)) or not mask.any()

    @pytest.mark.parametrize("name", HARD)
    def test_hard(self, name):
        mask = HARD[name]
        found, told = polygons.simplified_polygons(rle.encode(mask), min_iou=0.9, tolerance=None)
        assert told == pytest.approx(iou(found, mask))
        assert told >= 0.9

    @given(ANY)
    def test_without_limits_is_exact(self, mask):
        code = rle.encode(mask)
        assert polygons.simplified_polygons(code, min_iou=None, tolerance=None) == (
            polygons.exact_polygons(code),
            1.0,
        )

    @settings(max_examples=30)
    @given(BLOBS.filter(lambda mask: min(mask.shape) > 40))
    def test_saves_vertices(self, mask):
        code = rle.encode(mask)
        exact = vertices(polygons.exact_polygons(code))
        least = [
            vertices(polygons.simplified_polygons(code, min_iou=limit, tolerance=None)[0]) for limit in (0.98, 0.9)
        ]
        assert least[1] <= least[0] <= 0.8 * exact + 2
        assert least[1] <= 0.5 * exact + 2

    @settings(max_examples=30)
    @given(BLOBS, st.sampled_from([0.4, 1.0, 3.0]), st.sampled_from([None, 0.9]))
    def test_tolerance(self, mask, tolerance, min_iou):
        code = rle.encode(mask)
        if len(polygons.exact_polygons(code)) != 1:
            return
        found = polygons.simplified_polygons(code, min_iou=min_iou, tolerance=tolerance)[0]
        a, b = (
            shapely.LinearRing(np.array(ring).reshape(-1, 2)) for ring in (found[0], polygons.exact_polygons(code)[0])
        )
        assert shapely.hausdorff_distance(a, b, densify=0.05) <= tolerance + 1e-9

    def test_small_holes_may_go(self):
        mask = np.ones((60, 60), np.bool_)
        mask[20, 20] = False
        found, told = polygons.simplified_polygons(rle.encode(mask), min_iou=0.99, tolerance=None)
        assert vertices(found) == 4
        assert told == 1 - 1 / 3600
        kept, told = polygons.simplified_polygons(rle.encode(mask), min_iou=None, tolerance=1)
        assert vertices(kept) > 6
        assert told > 0.999


@pytest.mark.parametrize("part", [0, 1, 2, 3])
def test_real_masks(data, whole, part):
    files = sorted((data / "dsb2018_stage1" / "stage1_train").glob("*/masks/*.png"))
    assert files
    for file in files[part :: 4 if whole else 60]:
        assert_exact(np.asarray(Image.open(file)) > 0)
