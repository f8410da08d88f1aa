"""Label maps, judged by numpy's comparisons, pycocotools and a flood fill."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converter.errors import ShapeError
from converter.geometry import labelmap, rle, runlengths
from tests.geometry.masks import SIDES, Bitmap, masks
from tests.geometry.masks import coco_rle as of

FEW = st.lists(st.sampled_from([0, 1, 2, 7, 254, 255]), min_size=1, max_size=5, unique=True)
MANY = st.lists(st.sampled_from([0, 1, 255, 256, 40_000, 65_535]), min_size=1, max_size=6, unique=True)


@st.composite
def label_maps(draw):
    dtype = draw(st.sampled_from([np.uint8, np.uint16]))
    ids = np.array(draw(FEW if dtype == np.uint8 else MANY), dtype)
    h, w, grain = draw(SIDES), draw(SIDES), draw(st.sampled_from([1, 3, 50]))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rows, columns = np.indices((h, w)) // grain
    labels = random.choice(ids, (h // grain + 1, w // grain + 1))[rows, columns]
    return np.asfortranarray(labels) if draw(st.booleans()) else labels


def flooded(mask: Bitmap) -> Iterator[Bitmap]:
    """8-connected parts in column-major order of their first pixels, one pixel after another."""
    left = {(int(x), int(y)) for y, x in np.argwhere(mask)}
    for first in sorted(left):
        if first not in left:
            continue
        part, ahead = np.zeros_like(mask), [first]
        left.remove(first)
        while ahead:
            x, y = ahead.pop()
            part[y, x] = True
            near = {(x + i, y + j) for i in (-1, 0, 1) for j in (-1, 0, 1)} & left
            left -= near
            ahead += near
        yield part


class TestRegions:
    @given(label_maps())
    def test_all(self, labels):
        found = labelmap.regions(labels)
        assert list(found) == np.unique(labels).tolist()
        assert all(type(value) is int for value in found)
        for value, region in found.items():
            assert region == of(labels == value)

    @given(label_maps(), st.sets(st.sampled_from([0, 1, 7, 255, 65_535])))
    def test_skip(self, labels, skip):
        everything = labelmap.regions(labels)
        assert labelmap.regions(labels, skip) == {v: r for v, r in everything.items() if v not in skip}

    @pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0)])
    def test_no_pixels(self, shape):
        labels = np.zeros(shape, np.uint8)
        assert labelmap.regions(labels) == {}
        present, counts = labelmap.values(labels)
        assert present.size == counts.size == 0

    @pytest.mark.parametrize("labels", [np.zeros((2, 2), np.int32), np.zeros((2, 2)), np.zeros((2, 2, 3), np.uint8)])
    def test_refused(self, labels):
        for call in (labelmap.regions, labelmap.values):
            with pytest.raises(ShapeError):
                call(labels)

    def test_large(self):
        random = np.random.default_rng(0)
        labels = random.integers(0, 12, (36, 48), np.uint8).repeat(10, axis=0).repeat(10, axis=1)
        for value, region in labelmap.regions(labels).items():
            assert region == of(labels == value)


class TestValues:
    @given(label_maps())
    def test_as_unique(self, labels):
        present, counts = labelmap.values(labels)
        expected = np.unique(labels, return_counts=True)
        assert present.dtype == counts.dtype == np.int64
        assert present.tolist() == expected[0].tolist()
        assert counts.tolist() == expected[1].tolist()


class TestStretches:
    @given(label_maps(), st.sampled_from([np.uint8, np.uint16, np.uint32]))
    def test_repeated_they_are_the_rows(self, labels, dtype):
        found, lengths = labelmap.stretches(labels.astype(dtype))
        assert np.array_equal(found.repeat(lengths).reshape(labels.shape), labels.astype(dtype))
        assert (lengths > 0).all()
        assert (found[1:] != found[:-1]).all()

    @pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0)])
    def test_no_pixels(self, shape):
        found, lengths = labelmap.stretches(np.zeros(shape, np.uint32))
        assert found.size == lengths.size == 0


def test_a_colour_is_one_number():
    rgb = np.random.default_rng(0).integers(0, 256, (7, 5, 3), np.uint8)
    expected = [[int.from_bytes(bytes(pixel), "big") for pixel in row] for row in rgb.tolist()]
    for array in (rgb, np.asfortranarray(rgb), rgb[::-1, ::2]):
        assert labelmap.numbered(array).dtype == np.uint32
    assert labelmap.numbered(rgb).tolist() == expected
    assert labelmap.numbered(rgb[..., ::-1]).tolist() == [
        [int.from_bytes(bytes(pixel), "little") for pixel in row] for row in rgb.tolist()
    ]


class TestComponents:
    @settings(deadline=None)  # the first call imports scikit-image
    @given(masks())
    def test_as_flooded(self, mask):
        assert labelmap.components(of(mask)) == [of(part) for part in flooded(mask)]

    def test_inside_a_larger_image(self):
        mask = np.zeros((50, 60), bool)
        mask[20:30, 10:25] = np.random.default_rng(0).random((10, 15)) < 0.3
        assert labelmap.components(of(mask)) == [of(part) for part in flooded(mask)]

    def test_diagonal_is_one_and_ring_holds_another(self):
        diagonal = np.eye(5, dtype=bool)
        assert labelmap.components(of(diagonal)) == [of(diagonal)]
        nested = np.ones((7, 7), bool)
        nested[1:6, 1:6] = False
        nested[3, 3] = True
        assert [rle.area(part) for part in labelmap.components(of(nested))] == [24, 1]


class TestPaint:
    @given(SIDES, SIDES, st.data())
    def test_as_painted_whole(self, height, width, data):
        ids = st.sampled_from(data.draw(st.one_of(FEW, MANY)))
        background = data.draw(ids)
        shapes = data.draw(st.lists(st.tuples(ids, masks(height, width)), max_size=5))
        owner = np.full((height, width), -1)
        expected = np.full((height, width), background)
        for i in sorted(range(len(shapes)), key=lambda i: -shapes[i][1].sum()):
            owner[shapes[i][1]] = i
            expected[shapes[i][1]] = shapes[i][0]
        labels, hidden = labelmap.paint(height, width, background, [(v, of(m)) for v, m in shapes])
        wide = max([background, *(value for value, _ in shapes)]) > 255
        assert labels.dtype == (np.uint16 if wide else np.uint8)
        assert np.array_equal(labels, expected)
        assert hidden == [int(m.sum() - (owner == i).sum()) for i, (_, m) in enumerate(shapes)]

    @given(label_maps())
    def test_undoes_regions(self, labels):
        height, width = labels.shape
        painted, hidden = labelmap.paint(height, width, 0, list(labelmap.regions(labels).items()))
        assert np.array_equal(painted, labels)
        assert not any(hidden)

    @pytest.mark.parametrize("count", [61, 62, 63, 124, 200])
    def test_more_regions_than_a_number_has_bits(self, count):
        """Squares of falling size one inside the other, of which only the border is seen, and one on top of all."""
        side = 2 * count + 3
        masks = [np.pad(np.ones((side - 2 * i,) * 2, bool), i) for i in range(count)]
        last = np.zeros((side, side), bool)
        last[0, 0] = True
        regions = [(i % 200 + 1, of(mask)) for i, mask in enumerate([*masks, last])]
        painted, hidden = labelmap.paint(side, side, 0, regions)
        expected = np.sum(masks, axis=0)
        expected[0, 0] = count % 200 + 1
        assert np.array_equal(painted, (expected - 1) % 200 + 1)
        assert hidden == [1 + (side - 2) ** 2, *((side - 2 * i - 2) ** 2 for i in range(1, count - 1)), 0, 0]

    def test_the_later_of_equals_is_on_top(self):
        a, b = np.zeros((1, 4), bool), np.zeros((1, 4), bool)
        a[0, :3] = b[0, 1:] = True
        labels, hidden = labelmap.paint(1, 4, 0, [(5, of(a)), (6, of(b))])
        assert labels.tolist() == [[5, 6, 6, 6]]
        assert hidden == [2, 0]

    def test_same_class_hides_too(self):
        whole, part = rle.full(2, 2), runlengths.from_counts([0, 1, 3], 2, 2)
        labels, hidden = labelmap.paint(2, 2, 0, [(5, part), (5, whole)])
        assert labels.tolist() == [[5, 5], [5, 5]]
        assert hidden == [0, 1]

    @pytest.mark.parametrize("value", [-1, 65_536])
    def test_ids_that_do_not_fit(self, value):
        with pytest.raises(ShapeError):
            labelmap.paint(2, 2, value, [])
        with pytest.raises(ShapeError):
            labelmap.paint(2, 2, 0, [(value, rle.full(2, 2))])

    def test_another_size(self):
        with pytest.raises(ShapeError):
            labelmap.paint(2, 2, 0, [(1, rle.full(2, 3))])
