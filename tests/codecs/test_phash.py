"""Copies of a picture, made as people make them, are known again; other pictures of the same kind are not."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from converter.codecs.phash import SAME, Look, earlier_like, likeness, look, look_at
from tests.transforms.sets import photo

FOLDERS = {
    "camvid": "camvid_segnet/CamVid/val/*.png",
    "dsb2018": "dsb2018_stage1/stage1_train/*/images/*.png",
    "tiny_coco": "tiny_coco/images/*/*.jpg",
    "bccd": "bccd_voc/BCCD/JPEGImages/*.jpg",
}


def pictures(name: str, data: Path) -> list[Image.Image]:
    found = sorted(data.glob(FOLDERS[name]))
    assert found
    return [Image.open(p).convert("RGB") for p in found]


def saved(picture: Image.Image, quality: int) -> Image.Image:
    stream = BytesIO()
    picture.save(stream, "JPEG", quality=quality)
    return Image.open(stream)


def copies(picture: Image.Image) -> Iterator[Image.Image]:
    yield saved(picture, 80)
    yield saved(picture, 50)
    yield picture.resize((picture.width * 9 // 10, picture.height * 9 // 10), Image.Resampling.BICUBIC)
    yield picture.resize((picture.width // 2, picture.height // 2), Image.Resampling.LANCZOS)
    yield picture.resize((320, 320), Image.Resampling.BILINEAR)
    yield ImageEnhance.Brightness(picture).enhance(1.2)
    yield ImageEnhance.Brightness(picture).enhance(0.8)
    yield picture.convert("L")


def taken(picture: Image.Image) -> Look:
    return look_at(picture.convert("L"))


@pytest.mark.parametrize("name", FOLDERS)
def test_copies_are_known_and_neighbours_are_not(name: str, data: Path) -> None:
    found = pictures(name, data)
    assert list(earlier_like([taken(p) for p in found], SAME)) == []
    for picture in found[:: len(found) // 5]:
        least = min(likeness(taken(picture), taken(copy)) for copy in copies(picture))
        assert least >= SAME


def stamped(seed: int) -> Image.Image:
    """A dark picture of a few spots and some noise, with the mark that is in all pictures of its microscope."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:240, :320]
    gray = random.normal(12, 3, y.shape)
    for cy, cx in random.uniform(0, 240, (6, 2)):
        gray += 20 * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / 160)
    gray[210:220, 230:310] = 255
    return Image.fromarray(gray.clip(0, 255).astype(np.uint8))


def rounded(seed: int) -> Image.Image:
    """A photograph seen through the same round opening."""
    y, x = np.mgrid[:240, :240]
    inside = np.hypot(y - 120, x - 120) < 110
    return Image.fromarray((inside * (80 + 0.4 * photo(240, 240, seed)[..., 0])).astype(np.uint8))


def noise(seed: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).normal(128, 4, (120, 160)).clip(0, 255).astype(np.uint8))


@pytest.mark.parametrize("make", [stamped, rounded, noise])
def test_pictures_of_one_kind_are_different_pictures(make) -> None:
    assert list(earlier_like([taken(make(seed)) for seed in range(25)], SAME)) == []


def test_what_shows_nothing_is_like_nothing() -> None:
    blank = [taken(Image.new("L", (50, 40), value)) for value in (0, 0, 77, 255)]
    assert likeness(blank[0], blank[1]) == 0
    assert list(earlier_like(blank, SAME)) == []


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (20, 20)])
def test_small_pictures_have_a_look(size: tuple[int, int]) -> None:
    pixels = np.random.default_rng(1).integers(0, 255, size, dtype=np.uint8)
    stream = BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    assert look(stream.getvalue(), "a.png") == look_at(Image.fromarray(pixels))


def test_every_pair_is_found_across_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("converter.codecs.phash.BLOCK", 3)
    looks = [taken(Image.fromarray(photo(40, 50, seed))) for seed in (1, 2, 1, 3, 4, 2, 1, 5, 6, 3)]
    found = [(j, earlier.tolist()) for j, earlier in earlier_like(looks, SAME)]
    assert found == [(2, [0]), (5, [1]), (6, [0, 2]), (9, [3])]
    apart = [(j, earlier.tolist()) for j, earlier in earlier_like(looks, SAME, [0, 0, 0, 0, 0, 0, 1, 1, 1, 1])]
    assert apart == [(6, [0, 2]), (9, [3])]


def test_likeness_is_the_correlation_whatever_the_order_of_sums() -> None:
    rng = np.random.default_rng(3)
    for scale in (1, 20, 127):
        patterns = rng.integers(-scale, scale + 1, (2, 1024), np.int8)
        a, b = (Look(p.tobytes()) for p in patterns)
        assert likeness(a, b) == pytest.approx(np.corrcoef(patterns.astype(float))[0, 1], abs=1e-12)
        swapped = rng.permutation(1024)
        assert likeness(a, b) == likeness(*(Look(p[swapped].tobytes()) for p in patterns))
