"""Keypoints stay on the pixels that they name, whatever is done to the image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from converter import api
from tests.transforms.sets import CocoSet, Result, code, photo

HEIGHT, WIDTH = 30, 40


def dotted(folder: Path, x: int, y: int, **save: Any) -> str:
    """An image with one pixel drawn, which is its one keypoint that is labelled; another is hidden, a third is not."""
    made = CocoSet(folder)
    image = made.image("a.png", photo(HEIGHT, WIDTH), **save)
    mask = np.zeros((HEIGHT, WIDTH), np.bool_)
    mask[y, x] = True
    made.draw(image, code(mask), keypoints=[x, y, 2, x, y, 1, 0, 0, 0], num_keypoints=2)
    return made.save()


def exif(orientation: int) -> Image.Exif:
    found = Image.Exif()
    found[0x0112] = orientation
    return found


@pytest.mark.parametrize("orientation", range(1, 9))
def test_keypoints_turn_with_the_picture(orientation: int, tmp_path: Path) -> None:
    source = dotted(tmp_path / "in", 3, 7, exif=exif(orientation))
    api.convert(source, tmp_path / "out", to="coco", exif="bake", exif_frame="stored")
    (drawn,) = Result(tmp_path / "out").annotations("a.png")
    x, y, w, h = drawn["bbox"]
    assert (w, h) == (1, 1)
    assert drawn["keypoints"] == [x, y, 2, x, y, 1, 0, 0, 0]
    assert all(type(value) is int for value in drawn["keypoints"])


@settings(max_examples=25, deadline=None)
@given(st.integers(0, WIDTH - 1), st.integers(0, HEIGHT - 1), st.integers(1, 3), st.integers(1, 3))
def test_keypoints_stay_in_the_middle_of_their_pixel(
    tmp_path_factory: pytest.TempPathFactory, x: int, y: int, across: int, down: int
) -> None:
    folder = tmp_path_factory.mktemp("enlarged")
    size = f"{WIDTH * across}x{HEIGHT * down}"
    api.convert(dotted(folder / "in", x, y), folder / "out", to="coco", resize=size)
    (drawn,) = Result(folder / "out").annotations("a.png")
    left, top, w, h = drawn["bbox"]
    assert (w, h) == (across, down)
    assert drawn["keypoints"][:3] == [left + (w - 1) / 2, top + (h - 1) / 2, 2]


def test_keypoints_are_in_the_tile_that_shows_them(tmp_path: Path) -> None:
    """In the tile that shows it a keypoint is where it is drawn; objects of others have lost it."""
    made = CocoSet(tmp_path / "in")
    image = made.image("a.png", photo(HEIGHT, WIDTH))
    made.draw(image, code(np.ones((HEIGHT, WIDTH), np.bool_)), keypoints=[5, 5, 2, 25, 20, 1], num_keypoints=2)
    api.convert(made.save(), tmp_path / "out", to="coco", tile="20x15")
    found = Result(tmp_path / "out")
    told = {name: found.annotations(name)[0] for name in found.images}
    assert {name: (each["keypoints"], each["num_keypoints"]) for name, each in told.items()} == {
        "a_x0_y0.png": ([5, 5, 2, 0, 0, 0], 1),
        "a_x20_y0.png": ([0, 0, 0, 0, 0, 0], 0),
        "a_x0_y15.png": ([0, 0, 0, 0, 0, 0], 0),
        "a_x20_y15.png": ([0, 0, 0, 5, 5, 1], 1),
    }


@pytest.mark.parametrize("strange", [[1, 2], "nose", {"nose": [1, 2]}, [1, 2, None], None])
def test_what_is_no_list_of_keypoints_is_a_loss(strange: Any, tmp_path: Path) -> None:
    made = CocoSet(tmp_path / "in")
    image = made.image("a.png", photo(HEIGHT, WIDTH))
    made.draw(image, [[1, 1, 9, 1, 9, 9]], keypoints=strange)
    same = api.convert(made.save(), tmp_path / "same", to="coco")
    assert (same.losses, Result(tmp_path / "same").annotations("a.png")[0]["keypoints"]) == ([], strange)
    moved = api.convert(made.folder, tmp_path / "moved", to="coco", scale=2)
    assert [loss.code for loss in moved.losses] == ["keypoints-dropped"]
    assert "keypoints" not in Result(tmp_path / "moved").annotations("a.png")[0]
