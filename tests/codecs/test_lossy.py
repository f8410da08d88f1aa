"""A mask that went through a JPEG is what it was, or it is refused."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

import converter
from converter.codecs.lossy import black_and_white


def through_jpeg(array: NDArray[Any], quality: int) -> NDArray[Any]:
    file = io.BytesIO()
    Image.fromarray(array).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def blobs(seed: int, height: int, width: int) -> NDArray[np.bool_]:
    """Discs, a line, single pixels."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    mask = np.zeros((height, width), bool)
    for _ in range(random.integers(0, 4)):
        mask |= np.hypot(y - random.integers(height), x - random.integers(width)) < random.integers(1, 12)
    mask[random.integers(height), : random.integers(width)] = True
    mask[random.integers(0, height, 3), random.integers(0, width, 3)] ^= True
    return mask


@given(st.integers(0, 10**6), st.integers(1, 50), st.integers(1, 50), st.integers(50, 100), st.booleans())
def test_what_is_cut_is_what_was_drawn(seed, height, width, quality, colored):
    mask = blobs(seed, height, width)
    drawn = mask.astype(np.uint8) * 255
    found = black_and_white(through_jpeg(np.repeat(drawn[..., None], 3, 2) if colored else drawn, quality))
    assert found is None or np.array_equal(found, mask)


@pytest.mark.parametrize("quality", [90, 95, 100])
def test_usual_qualities_are_cut(quality):
    mask = blobs(1, 300, 400)
    found = black_and_white(through_jpeg(mask.astype(np.uint8) * 255, quality))
    assert found is not None
    assert np.array_equal(found, mask)


@pytest.mark.parametrize("quality", [75, 95, 100])
@pytest.mark.parametrize("ids", [(0, 1), (1, 2), (0, 1, 255), (0, 254), (0, 5, 255), (0, 100, 255)])
def test_ids_are_not_taken_for_noise(ids, quality):
    labels = np.zeros((64, 64), np.uint8)
    for i, id in enumerate(ids):
        labels[i * 20 : i * 20 + 24, 3:60] = id
    assert black_and_white(through_jpeg(labels, quality)) is None


def test_pictures_and_other_depths_are_none():
    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    assert black_and_white(through_jpeg(noise, 95)) is None
    assert black_and_white(np.zeros((4, 4), np.uint16)) is None


@pytest.mark.parametrize("format", ["semantic-png", "instance-png"])
def test_a_set_of_jpegs_is_read_exactly_and_told(tmp_path, format):
    root = tmp_path / "set"
    masks = {name: blobs(seed, 60, 80) for seed, name in enumerate("abc")}
    for folder in ("images", "masks"):
        (root / folder).mkdir(parents=True)
    for name, mask in masks.items():
        Image.new("RGB", (80, 60)).save(root / f"images/{name}.png")
        Image.fromarray(mask.astype(np.uint8) * 255).save(root / f"masks/{name}.jpg", quality=92)
    result = converter.convert(root, tmp_path / "out", to="coco", format=format)
    assert [n.code for n in result.notes].count("lossy-mask") == 3
    for sample in converter.open(tmp_path / "out"):
        assert np.array_equal(sample.instances[0].mask(), masks[sample.image.name[0]])
