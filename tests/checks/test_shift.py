"""Masks put beside their objects, by so much and in every direction; and masks that are where they should be."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

import converter
from converter.checks import shift
from converter.checks.shift import Displacement, Scores, displacement, scores
from converter.checks.subject import Facts
from tests.checks import small

Labels = NDArray[np.int32]
Pair = tuple[NDArray[np.uint8], Labels]
DIRECTIONS = [(1, 0), (0, -1), (-1, 0), (-1, 1), (1, 1)]


def moved(labels: Labels, x: int, y: int) -> Labels:
    """Cropped on one side and padded with 0 on the other."""
    height, width = labels.shape
    out = np.zeros_like(labels)
    out[max(y, 0) : height + min(y, 0), max(x, 0) : width + min(x, 0)] = labels[
        max(-y, 0) : height + min(-y, 0), max(-x, 0) : width + min(-x, 0)
    ]
    return out


def scaled(labels: Labels, factor: float, corner: bool) -> Labels:
    """Nearest neighbour about the centre or the first corner, in the same frame."""
    height, width = labels.shape
    top, left = (0.0, 0.0) if corner else (height / 2, width / 2)
    y = np.floor((np.arange(height) + 0.5 - top) / factor + top).astype(int)
    x = np.floor((np.arange(width) + 0.5 - left) / factor + left).astype(int)
    out = np.zeros_like(labels)
    good_y, good_x = (y >= 0) & (y < height), (x >= 0) & (x < width)
    out[np.ix_(good_y, good_x)] = labels[np.ix_(y[good_y], x[good_x])]
    return out


def judged(pairs: list[Pair], change: Callable[[Labels], Labels] = lambda m: m) -> Displacement | None:
    found = [scores(rgb, shift.boundary(change(labels))) for rgb, labels in pairs]
    return displacement([f for f in found if f is not None])


def spread(items: list[Path], count: int = 20) -> list[Path]:
    return items[:: max(1, len(items) // count)][:count]


def load(name: str, data: Path) -> list[Pair]:
    """20 images with label maps."""
    if name == "camvid":
        images = spread(sorted((data / "camvid_segnet/CamVid/val").glob("*.png")))
        masks = [Image.open(p.parent.parent / "valannot" / p.name) for p in images]
        return [
            (np.asarray(Image.open(p).convert("RGB")), np.asarray(m).astype(np.int32))
            for p, m in zip(images, masks, strict=True)
        ]
    pairs = []
    for folder in spread(sorted((data / "dsb2018_stage1/stage1_train").iterdir())):
        rgb = np.asarray(Image.open(next((folder / "images").iterdir())).convert("RGB"))
        labels = np.zeros(rgb.shape[:2], np.int32)
        for i, path in enumerate(sorted((folder / "masks").iterdir()), 1):
            labels[np.asarray(Image.open(path)) > 0] = i
        pairs.append((rgb, labels))
    return pairs


def drawn(count: int = 12) -> list[Pair]:
    """Blobs of one gray on a noisy ground of another."""
    random = np.random.default_rng(3)
    pairs = []
    for _ in range(count):
        field = ndimage.gaussian_filter(random.normal(size=(160, 200)), 9)
        labels, _ = ndimage.label(field > np.percentile(field, 75))
        gray = np.where(labels > 0, 170, 90) + random.normal(0, 12, labels.shape)
        rgb = np.repeat(gray.clip(0, 255).astype(np.uint8)[..., None], 3, axis=2)
        pairs.append((rgb, labels.astype(np.int32)))
    return pairs


@pytest.fixture(scope="module", params=["drawn", "camvid", "dsb2018"])
def pairs(request: pytest.FixtureRequest) -> list[Pair]:
    if request.param == "drawn":
        return drawn()
    data: Path = request.getfixturevalue("data")
    return load(request.param, data)


def test_nothing_is_said_of_a_set_that_is_right(pairs: list[Pair]) -> None:
    assert judged(pairs) is None


@pytest.mark.parametrize("size", [2, 4, 8])
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_a_shift_is_measured_to_a_pixel(pairs: list[Pair], size: int, direction: tuple[int, int]) -> None:
    x, y = (size * d for d in direction)
    found = judged(pairs, lambda m: moved(m, x, y))
    assert found is not None
    assert found.scale == 0
    assert abs(found.x - x) <= 1
    assert abs(found.y - y) <= 1
    words = shift.words(found)
    assert (f"px too far {'right' if x > 0 else 'left'}" in words) == (round(found.x) != 0)


@pytest.mark.parametrize("factor", [1.03, 0.97])
@pytest.mark.parametrize("corner", [False, True])
def test_a_scale_is_measured_to_a_hundredth(pairs: list[Pair], factor: float, corner: bool) -> None:
    found = judged(pairs, lambda m: scaled(m, factor, corner))
    assert found is not None
    assert abs(found.scale - (factor - 1)) <= 0.01
    assert f"too {'large' if factor > 1 else 'small'}" in shift.words(found)


MIRRORED = {
    "left to right": lambda m: m[:, ::-1],
    "upside down": lambda m: m[::-1],
    "both ways, as if turned by half": lambda m: m[::-1, ::-1],
}


@pytest.mark.parametrize("way", MIRRORED)
def test_mirrored_masks_are_told_and_which_way(pairs: list[Pair], way: str) -> None:
    mirror: Callable[[Labels], Labels] = lambda m: np.ascontiguousarray(MIRRORED[way](m))  # noqa: E731
    found = judged(pairs, mirror)
    assert found is not None
    assert shift.words(found).startswith(f"mirrored {way} (seen on ")
    assert glanced(pairs, mirror)


@pytest.mark.parametrize("axis", [0, 1])
def test_masks_that_are_symmetric_are_not_mirrored(axis: int) -> None:
    pairs = [
        (np.concatenate([rgb, np.flip(rgb, axis)], axis), np.concatenate([labels, np.flip(labels, axis)], axis))
        for rgb, labels in drawn()
    ]
    assert judged(pairs) is None
    assert judged(pairs, lambda m: np.ascontiguousarray(np.flip(m, axis))) is None


@pytest.mark.parametrize("pixels", [-3, 3])
def test_masks_drawn_too_wide_or_too_narrow_lie_where_they_should(pixels: int) -> None:
    """And are found beside their objects, by as much, when they do not."""

    def grown(labels: Labels) -> Labels:
        size = 2 * abs(pixels) + 1
        if pixels > 0:
            return np.asarray(ndimage.grey_dilation(labels, size=(size, size)))
        return np.where(ndimage.grey_erosion(labels, size=(size, size)) == labels, labels, 0)

    pairs = drawn(20)
    assert judged(pairs, grown) is None
    found = judged(pairs, lambda m: moved(grown(m), 4, -4))
    assert found is not None
    assert (abs(found.x - 4) <= 1, abs(found.y + 4) <= 1, found.scale) == (True, True, 0)


def glanced(pairs: list[Pair], change: Callable[[Labels], Labels] = lambda m: m) -> bool:
    """Whether a look at few pixels of the luma leaves a doubt."""
    places, points = shift.glance([None] * len(pairs))
    assert points < shift.POINTS
    facts = []
    for place in places:
        rgb, labels = pairs[place]
        luma = np.asarray(Image.fromarray(rgb).convert("L"))
        alignment = scores(luma, shift.boundary(change(labels), points))
        facts.append(Facts(str(place), None, "", luma.shape[1], luma.shape[0], alignment=alignment))
    return shift.doubtful(facts)


def test_a_glance_leaves_no_doubt_of_a_set_that_is_right(pairs: list[Pair]) -> None:
    assert not glanced(pairs)


@pytest.mark.parametrize(("x", "y"), [(2, 0), (0, -2), (-2, 2), (8, 8), (0, 12)])
def test_a_glance_doubts_what_is_shifted(pairs: list[Pair], x: int, y: int) -> None:
    assert glanced(pairs, lambda m: moved(m, x, y))


@pytest.mark.parametrize("factor", [1.02, 0.98, 1.05])
@pytest.mark.parametrize("corner", [False, True])
def test_a_glance_doubts_what_is_scaled(pairs: list[Pair], factor: float, corner: bool) -> None:
    assert glanced(pairs, lambda m: scaled(m, factor, corner))


def test_a_glance_takes_some_of_many_images_and_more_of_each_where_there_are_few() -> None:
    whole, points = shift.glance(["train"] * 32)
    assert whole == list(range(0, 32, 4))
    some, more = shift.glance(["train"] * 27 + ["val"] * 5)
    assert some == [*range(0, 27, 3), *range(27, 32)]
    few, most = shift.glance(["train"] * 15)
    assert few == list(range(15))
    assert shift.EDGES < most < points < more < shift.POINTS


@pytest.mark.parametrize("images", [5, 15, 16, 17, 23, 24, 31, 32])
def test_a_glance_is_at_enough_images(images: int) -> None:
    taken, _ = shift.glance([None] * images)
    assert min(images, shift.ENOUGH) <= len(taken) < 2 * shift.ENOUGH


def test_masks_that_follow_no_edges_say_nothing() -> None:
    strangers = drawn()
    mixed = [(rgb, labels) for (rgb, _), (_, labels) in zip(strangers, strangers[1:] + strangers[:1], strict=True)]
    assert judged(mixed) is None


def test_too_few_or_too_small() -> None:
    assert judged(drawn(4), lambda m: moved(m, 8, 0)) is None
    rgb, labels = drawn(1)[0]
    tiny: Scores | None = scores(rgb[:40, :40], shift.boundary(labels[:40, :40]))
    assert tiny is None


def test_the_command_says_that_y_was_counted_upwards(tmp_path: Path) -> None:
    """Of one split alone, with pictures of the masks as they lie and as they would fit."""
    (tmp_path / "images/train").mkdir(parents=True)
    (tmp_path / "images/val").mkdir()
    for kind in ("train", "val"):
        (tmp_path / "masks" / kind).mkdir(parents=True)
    for n, (rgb, labels) in enumerate(drawn(20)):
        kind = "val" if n < 8 else "train"
        mask = (labels > 0).astype(np.uint8)
        Image.fromarray(rgb).save(tmp_path / f"images/{kind}/{n}.png")
        Image.fromarray(mask[::-1] if kind == "val" else mask).save(tmp_path / f"masks/{kind}/{n}.png")
    report = tmp_path / "report.html"
    checked = converter.check(tmp_path, workers=1, report=report)
    (said,) = checked.findings
    assert said.code == "shifted-masks"
    assert said.message.startswith("masks of the split val are mirrored upside down (seen on 8 images")
    assert said.details["mirrored"] == "y"
    assert "mirror masks back" in said.fix
    assert "Mirror masks back" in report.read_text()


def test_the_command_says_it(data: Path, tmp_path: Path) -> None:
    root = tmp_path / "set"
    shutil.copytree(data / "camvid_segnet/CamVid", root, copy_function=shutil.copyfile)

    def spoil(root: Path) -> None:
        for path in (root / "valannot").glob("*.png"):
            mask = np.asarray(Image.open(path))
            Image.fromarray(np.roll(mask, (0, 4), (0, 1))).save(path)

    assert small.new(root, spoil) == {("shifted-masks", "", None, "")}
    (said,) = (f for f in small.look(root).findings if f.code == "shifted-masks")
    assert "4 px too far right" in said.message
