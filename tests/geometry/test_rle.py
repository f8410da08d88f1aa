"""pycocotools is the judge of every code; our own inverse is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pycocotools import mask as coco

from converter.errors import ShapeError
from converter.geometry import rle
from tests.geometry.masks import coco_code, masks, same
from tests.geometry.masks import coco_rle as of

ORDERS: dict[str, Callable[[Any], Any]] = {
    "C": np.ascontiguousarray,
    "F": np.asfortranarray,
    "every other": lambda a: np.repeat(np.repeat(a, 2, axis=0), 2, axis=1)[::2, ::2],
    "backward": lambda a: np.ascontiguousarray(a[::-1, ::-1])[::-1, ::-1],
}


@st.composite
def several(draw, least=1, most=4):
    first = draw(masks())
    return [first, *draw(st.lists(masks(*first.shape), min_size=least - 1, max_size=most - 1))]


class TestBitmaps:
    @given(masks(), st.sampled_from(sorted(ORDERS)), st.sampled_from([bool, np.uint8, 255]))
    def test_encode(self, mask, order, kind):
        bitmap = mask * np.uint8(255) if kind == 255 else mask.astype(kind)
        same(rle.encode(ORDERS[order](bitmap)), mask)

    @pytest.mark.parametrize("density", [0, 0.0001, 0.01, 0.04, 0.5, 1])
    @pytest.mark.parametrize("shape", [(480, 640), (333, 257), (3, 70_001), (70_001, 3)])
    def test_encode_large(self, density, shape):
        mask = np.random.default_rng(0).random(shape) < density
        same(rle.encode(mask), mask)
        assert np.array_equal(rle.decode(of(mask)), mask)

    @pytest.mark.parametrize("shape", [(0, 0), (0, 5), (5, 0)])
    def test_no_pixels(self, shape):
        mask = np.zeros(shape, bool)
        same(rle.encode(mask), mask)
        same(rle.empty(*shape), mask)
        same(rle.full(*shape), mask)
        same(rle.union([of(mask), of(mask)]), mask)
        same(rle.complement(of(mask)), mask)
        assert rle.decode(of(mask)).shape == shape
        assert rle.tight_box(of(mask)) == (0, 0, 0, 0)

    @pytest.mark.parametrize("bitmap", [np.zeros(4, bool), np.zeros((2, 2, 1), bool), np.zeros((2, 2))])
    def test_encode_refuses(self, bitmap):
        with pytest.raises(ShapeError):
            rle.encode(bitmap)

    @given(masks())
    def test_decode(self, mask):
        found = rle.decode(of(mask))
        assert found.dtype == bool
        assert found.flags.c_contiguous
        assert np.array_equal(found, mask)

    @given(masks())
    def test_decode_crop(self, mask):
        crop, x, y = rle.decode_crop(of(mask))
        assert crop.dtype == bool
        assert crop.flags.c_contiguous
        if not mask.any():
            assert (crop.shape, x, y) == ((0, 0), 0, 0)
            return
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        assert (x, y) == (columns[0], rows[0])
        assert np.array_equal(crop, mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])

    @given(st.lists(masks(), max_size=5))
    def test_of_many_as_of_each(self, some):
        codes = [of(mask) for mask in some]
        for (crop, x, y), code in zip(rle.decode_crops(codes), codes, strict=True):
            alone, left, top = rle.decode_crop(code)
            assert (x, y) == (left, top)
            assert np.array_equal(crop, alone)

    @given(masks(), st.integers(0, 3), st.integers(0, 3), st.integers(0, 3), st.integers(0, 3))
    def test_encode_crop(self, mask, above, below, left, right):
        whole = np.pad(mask, ((above, below), (left, right)))
        assert rle.encode_crop(mask, left, above, *whole.shape).counts == coco_code(whole)

    @pytest.mark.parametrize(("x", "y"), [(-1, 0), (0, -1), (3, 0), (0, 2)])
    def test_encode_crop_refuses(self, x, y):
        with pytest.raises(ShapeError, match="does not fit"):
            rle.encode_crop(np.ones((3, 2), bool), x, y, 4, 4)

    def test_too_large(self):
        for make in (rle.empty, rle.full):
            with pytest.raises(ShapeError):
                make(2**15, 2**15)
            with pytest.raises(ShapeError):
                make(-1, 4)
        whole = rle.full(2**14, 2**15 - 1)
        assert rle.area(whole) == 2**14 * (2**15 - 1)


class TestRuns:
    @given(masks())
    def test_there_and_back(self, mask):
        starts, ends = rle.to_runs(of(mask))
        assert starts.dtype == ends.dtype == np.int64
        painted = np.zeros(mask.size, bool)
        for start, end in zip(starts, ends, strict=True):
            painted[start:end] = True
        assert np.array_equal(painted.reshape(mask.shape[::-1]).T, mask)
        same(rle.from_runs(starts, ends, *mask.shape), mask)

    @given(masks())
    def test_touching(self, mask):
        at = np.flatnonzero(mask.ravel(order="F"))
        same(rle.from_runs(at, at + 1, *mask.shape), mask)

    @pytest.mark.parametrize(
        ("starts", "ends"),
        [([-1], [2]), ([3], [7]), ([2], [2]), ([3], [2]), ([0, 2], [3, 4]), ([3, 0], [4, 1])],
    )
    def test_refused(self, starts, ends):
        with pytest.raises(ShapeError):
            rle.from_runs(np.array(starts), np.array(ends), 2, 3)


class TestMeasures:
    @given(masks())
    def test_area(self, mask):
        assert rle.area(of(mask)) == mask.sum()

    @given(masks())
    def test_tight_box(self, mask):
        if mask.any():
            rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
            x, y = columns[0], rows[0]
            assert rle.tight_box(of(mask)) == (x, y, columns[-1] - x + 1, rows[-1] - y + 1)
        else:
            assert rle.tight_box(of(mask)) == (0, 0, 0, 0)
        assert all(type(number) is int for number in rle.tight_box(of(mask)))

    @pytest.mark.parametrize("count", [0, 1, 255, 256, 300, 600])
    def test_of_many(self, count):
        """The number of masks does not fit into a byte."""
        masks = [np.arange(600).reshape(20, 30) % (i + 2) == 0 for i in range(count)]
        codes = [of(mask) for mask in masks]
        assert rle.areas(codes) == [int(mask.sum()) for mask in masks]
        assert rle.measures(codes) == (rle.areas(codes), [rle.tight_box(code) for code in codes])

    @given(several(2, 2))
    def test_iou_and_overlap(self, pair):
        a, b = pair
        assert rle.overlap(of(a), of(b)) == (a & b).sum()
        expected = (a & b).sum() / (a | b).sum() if (a | b).any() else 1.0
        assert rle.iou(of(a), of(b)) == expected
        if (a | b).any():
            [[judged]] = coco.iou(*([coco.encode(np.asfortranarray(mask, np.uint8))] for mask in pair), [0])
            assert expected == judged

    @given(masks())
    def test_changes(self, mask):
        labels = mask.astype(np.uint16) * 7
        flat = labels.ravel(order="F")
        assert rle.changes(labels).tolist() == (np.flatnonzero(flat[1:] != flat[:-1]) + 1).tolist()


class TestCombinations:
    @given(several(1, 40))
    def test_union(self, found):
        same(rle.union([of(mask) for mask in found]), np.logical_or.reduce(found))

    def test_union_of_many(self):
        found = [np.random.default_rng(i).random((20, 30)) < 0.001 for i in range(300)]
        same(rle.union([of(mask) for mask in found]), np.logical_or.reduce(found))

    def test_union_of_none(self):
        with pytest.raises(ShapeError):
            rle.union([])

    @given(several(2, 2))
    def test_pairs(self, pair):
        a, b = pair
        same(rle.intersection(of(a), of(b)), a & b)
        same(rle.difference(of(a), of(b)), a & ~b)
        same(rle.xor(of(a), of(b)), a ^ b)
        same(rle.complement(of(a)), ~a)

    @given(masks(), masks())
    def test_sizes(self, a, b):
        assume(a.shape != b.shape)
        one, other = of(a), of(b)
        for combine in (rle.intersection, rle.difference, rle.xor, rle.overlap, rle.iou):
            with pytest.raises(ShapeError):
                combine(one, other)
        with pytest.raises(ShapeError):
            rle.union([one, one, other])

    @given(masks())
    def test_constants(self, mask):
        same(rle.empty(*mask.shape), np.zeros_like(mask))
        same(rle.full(*mask.shape), np.ones_like(mask))
