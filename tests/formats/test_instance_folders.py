"""A folder an image, as in DSB 2018, in folders of splits."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import converter

MASK = np.zeros((30, 40), np.uint8)
MASK[2:8, 3:9] = 255


def made(root, tree):
    """`tree`: path of a folder -> how many masks its image has."""
    for folder, masks in tree.items():
        name = folder.rpartition("/")[2]
        (root / folder / "images").mkdir(parents=True)
        (root / folder / "masks").mkdir()
        Image.new("RGB", (40, 30), (len(folder), masks, 9)).save(root / folder / f"images/{name}.png")
        for number in range(masks):
            Image.fromarray(np.roll(MASK, 10 * number, axis=1)).save(root / folder / f"masks/{number}.png")
    return root


def read(root):
    return {(s.image.split, s.image.name): len(s.instances) for s in converter.open(root)}


@pytest.mark.parametrize(
    ("folders", "splits"),
    [
        (("train", "val", "test"), ("train", "val", "test")),
        (("set/Training", "set/valid", "set/Testing"), ("train", "val", "test")),
        (("stage1_train", "stage1_val", "stage2_test"), ("train", "val", "test")),
        (("one", "two", "three"), (None, None, None)),
        (("stage1_train", "two", "three"), (None, None, None)),
    ],
)
def test_folders_above_or_words_of_theirs_are_splits(folders, splits, tmp_path):
    made(tmp_path, {f"{folder}/{name}": 2 for folder, name in zip(folders, "abc", strict=True)})
    assert read(tmp_path) == {(split, f"{name}.png"): 2 for split, name in zip(splits, "abc", strict=True)}


def test_one_name_in_two_splits(tmp_path):
    made(tmp_path / "in", {"train/a": 1, "val/a": 2})
    assert read(tmp_path / "in") == {("train", "a.png"): 1, ("val", "a.png"): 2}
    converter.convert(tmp_path / "in", tmp_path / "out", to="coco")
    assert read(tmp_path / "out") == read(tmp_path / "in")


@pytest.mark.parametrize("above", ["", "train/"])
def test_one_name_in_every_folder(above, tmp_path):
    made(tmp_path / "in", {f"{above}a": 1, f"{above}b": 2, f"{above}c": 1, "val/d": 1})
    for name in "ab":
        folder = tmp_path / f"in/{above}{name}/images"
        (folder / f"{name}.png").rename(folder / "image.png")
    split = "train" if above else None
    found = {(split, "a/image.png"): 1, (split, "b/image.png"): 2, (split, "c.png"): 1, ("val", "d.png"): 1}
    assert read(tmp_path / "in") == found


@pytest.mark.parametrize("names", [("train", "test"), ("stage1_train", "stage1_test")])
def test_a_split_without_any_mask_is_left_out(names, tmp_path):
    """It is what was to be predicted, and no set of images without objects."""
    train, test = names
    made(tmp_path, {f"{train}/a": 2, f"{train}/b": 0, f"{test}/c": 0, f"{test}/d": 0})
    assert read(tmp_path) == {("train", "a.png"): 2, ("train", "b.png"): 0}
    (note,) = converter.inspect(tmp_path).notes
    assert note.code == "no-annotation"
    assert note.message.startswith(f"2 images are of splits in which none has masks ({test}/c/images/c.png, ...)")


@pytest.mark.parametrize(
    ("grays", "is_told", "is_turned"),
    [([255, 0], True, True), ([0, 255], False, False), ([255, 128], False, False), ([255, 0, 128], True, False)],
)
def test_palettes_that_put_white_first_are_told(grays, is_told, is_turned, tmp_path):
    """Masks are read by index, but for black and white: pngquant and its like put the commoner colour first."""
    root = made(tmp_path / "set", {"one": 1, "two": 1})
    mask = Image.fromarray((MASK > 0).astype(np.uint8)).convert("P")
    mask.putpalette([v for gray in grays for v in [gray] * 3])
    mask.save(root / "one/masks/0.png")
    result = converter.convert(root, tmp_path / "out", to="coco")
    assert [n.code for n in result.notes if n.code == "palette-mask"] == ["palette-mask"] * is_told
    (sample,) = (s for s in converter.open(tmp_path / "out") if s.image.name == "one.png")
    assert (sample.instances[0].mask() == ((MASK > 0) ^ is_turned)).all()


def test_what_shrinks_a_mask_does_not_turn_it_around(tmp_path):
    root = made(tmp_path / "set", {"one": 1, "two": 1})
    large = np.full(MASK.shape, 255, np.uint8)
    large[0, :2] = 0
    indices = Image.fromarray((large == 0).astype(np.uint8)).convert("P")  # the commoner colour first
    indices.putpalette([255] * 3 + [0] * 3)
    indices.save(root / "one/masks/0.png")
    assert (np.asarray(Image.open(root / "one/masks/0.png").convert("L")) == large).all()
    (sample,) = (s for s in converter.open(root) if s.image.name == "one.png")
    assert (sample.instances[0].mask() == (large > 0)).all()
