"""Fractions of an image's size end in the same fifths of a pixel, and so in the same pixels."""

from __future__ import annotations

import math
import re
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from converter.errors import ShapeError
from converter.geometry import polygons, rle
from converter.geometry.numbers import fifths, normalised, normalised_rows
from tests.geometry.outlines import ANY, drawn

SIZES = st.one_of(st.integers(1, 50), st.integers(1, 5000), st.sampled_from([640, 1920, 65_535, 10**6, 2**29]))


@st.composite
def coordinates(draw):
    """A size and some coordinates: anywhere, on fifths, and on the edges between two of them."""
    size = draw(SIZES)
    near = st.tuples(st.integers(0, 10 * size), st.sampled_from([-math.inf, 0, math.inf])).map(
        lambda at: math.nextafter(at[0] / 10, at[1]) if at[1] else at[0] / 10
    )
    values = st.one_of(st.floats(0, size), near, st.sampled_from([0.0, 1e-9, size - 1e-9, float(size)]))
    return size, [min(max(v, 0.0), float(size)) for v in draw(st.lists(values, max_size=20))]


def as_read(text: str, size: int) -> int:
    return math.floor(5 * (float(text) * size) + 0.5)


@given(coordinates())
@example((640, [0.1, math.nextafter(0.1, 0), 639.9, 640.0, 639.95]))
def test_same_fifths(case):
    size, values = case
    texts = normalised(values, size)
    assert [as_read(text, size) for text in texts] == [math.floor(5 * v + 0.5) for v in values]
    assert all(0 <= float(text) <= 1 for text in texts)
    assert all(re.fullmatch(r"[01]|0\.\d{0,16}[1-9]", text) for text in texts)
    if size <= 5000:
        assert all(abs(float(text) - v / size) < 1.6e-6 for text, v in zip(texts, values, strict=True))


@given(st.integers(1, 20_000), st.lists(st.integers(0, 5 * 20_000)))
def test_fifths_need_six_digits(size, values):
    values = [value / 5 for value in values if value <= 5 * size]
    assert all(len(text) <= 8 for text in normalised(values, size))


@given(SIZES, st.lists(st.integers(0, 10**6)))
def test_six_digits_come_back(size, parts):
    texts = [f"{part / 10**6:.6f}" for part in parts]
    found = normalised([float(text) * size for text in texts], size)
    assert [float(text) for text in found] == [float(text) for text in texts]


def test_texts():
    assert normalised([0, 320, 640, 213.4, 0.2], 640) == ["0", "0.5", "1", "0.333438", "0.000312"]
    assert normalised(np.array([1.0, 0.0]), 3) == ["0.333333", "0"]
    assert normalised([], 7) == []


@given(coordinates(), st.data())
def test_rows(case, data):
    size, values = case
    ends = [*sorted(data.draw(st.lists(st.integers(0, len(values)), max_size=5))), len(values)]
    texts = normalised(values, size)
    rows = [" ".join(texts[begin:end]) for begin, end in pairwise([0, *ends])]
    assert normalised_rows(values, size, ends) == rows


def test_rows_of_several_sizes():
    assert normalised_rows([320, 120, 0.1, 480], np.array([640, 480, 640, 480]), [2, 2, 4]) == [
        "0.5 0.25",
        "",
        "0.000157 1",
    ]


def test_nudged():
    # 0.166667 * 3 is more than 0.5; 0.166666 * 3 is less.
    assert normalised([0.5, math.nextafter(0.5, 0)], 3) == ["0.166667", "0.166666"]


def test_more_digits():
    size = 10**8
    (text,) = normalised([123_456.7], size)
    assert as_read(text, size) == fifths([123_456.7])[0]
    assert 8 < len(text) < 14


@pytest.mark.parametrize("bad", [-0.1, 640.1, math.nan, math.inf])
def test_refused(bad):
    with pytest.raises(ShapeError, match="not all in 0 to 640"):
        normalised([1, bad], 640)


def test_no_size():
    with pytest.raises(ShapeError):
        normalised([0], 0)


def test_fifths():
    assert fifths([0, 0.09, 0.1, 0.5, 7.3]).tolist() == [0, 0, 1, 3, 37]
    assert fifths([0.1]).dtype == np.int64


def read_back(ring: list[float], height: int, width: int) -> list[float]:
    xs, ys = normalised(ring[0::2], width), normalised(ring[1::2], height)
    return [v for x, y in zip(xs, ys, strict=True) for v in (float(x) * width, float(y) * height)]


@given(ANY)
def test_masks_survive(mask):
    ring = polygons.exact_ring(rle.encode(mask))
    if ring:
        assert (drawn([read_back(ring, *mask.shape)], *mask.shape) == mask).all()


@given(st.integers(1, 60), st.integers(1, 60), st.data())
def test_polygons_survive(height, width, data):
    values = st.tuples(st.floats(0, width), st.floats(0, height))
    ring = [v for point in data.draw(st.lists(values, min_size=3, max_size=9)) for v in point]
    back = read_back(ring, height, width)
    assert (drawn([back], height, width) == drawn([ring], height, width)).all()
