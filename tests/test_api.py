"""The Python API as its users write it."""

from __future__ import annotations

import shutil
import zipfile

import pytest

import converter
from tests.support import FIXTURES

COINS = FIXTURES / "coco/valid/coins"


def test_images_are_known_by_their_path_below_the_images_folder(tmp_path):
    """Where there are splits, with the folder of the split."""
    package = tmp_path / "set.zip"
    converter.pack(FIXTURES / "coco/valid/splits", package)
    dataset = converter.open(package)
    with zipfile.ZipFile(package) as archive:
        images = sorted(n.removeprefix("images/") for n in archive.namelist() if n.startswith("images/"))
    assert sorted(sample.image.path for sample in dataset) == images
    assert len(dataset) == len(images)
    for sample in dataset:
        assert sample.image.path == f"{sample.image.split}/{sample.image.name}"
        for instance in sample.instances:
            assert instance.mask().shape == (sample.image.height, sample.image.width)
            assert instance.class_name in {c.name for c in dataset.classes}


def test_an_image_without_a_split_has_the_path_of_its_name():
    assert [s.image.path for s in converter.open(FIXTURES / "coco/valid/coins")] == [
        s.image.name for s in converter.open(FIXTURES / "coco/valid/coins")
    ]


@pytest.mark.parametrize(
    "wrong",
    [{"segmentation": "polygons"}, {"image_files": "move"}, {"crowd": True}, {"on_error": "raise"}],
)
def test_words_that_no_option_has_are_refused(wrong, tmp_path):
    """Not taken for the default, as they would be where they are compared."""
    (name,) = wrong
    with pytest.raises(converter.SegpackError, match=f"{name} is .*; it is one of "):
        converter.convert(FIXTURES / "coco/valid/coins", tmp_path / "out", to="coco", **wrong)
    assert not list(tmp_path.iterdir())


def test_words_of_one_function_are_looked_at_too(tmp_path):
    coins = FIXTURES / "coco/valid/coins"
    for wrong in ({"yolo": "polygons"}, {"mask_encoding": "png"}):
        with pytest.raises(converter.SegpackError, match="it is one of"):
            converter.pack(coins, tmp_path / "out.zip", **wrong)  # type: ignore[arg-type]
    with pytest.raises(converter.SegpackError, match="it is one of error, warning, never"):
        converter.check(coins, fail_on="errors")  # type: ignore[arg-type]
    with pytest.raises(converter.SegpackError, match="it is one of instance, class"):
        converter.preview(coins, tmp_path / "out.png", color_by="colour")  # type: ignore[arg-type]


def test_keywords_that_nobody_knows_are_refused(tmp_path):
    with pytest.raises(TypeError, match="unexpected keyword argument 'segmentations'"):
        converter.convert(FIXTURES / "coco/valid/coins", tmp_path / "out", to="coco", segmentations="rle")  # type: ignore[call-arg]


def test_one_text_where_several_may_stand_is_one(tmp_path):
    found = converter.convert(COINS, tmp_path / "out", to="coco", filter="class=small coin")
    assert [c.name for c in found.classes] == ["small coin"]
    assert converter.merge(str(COINS), tmp_path / "merged", to="coco").images == 2
    assert converter.preview(COINS, tmp_path / "a.png", image_names="coins-left.png").images == ("coins-left.png",)


def test_numbers_of_nothing_are_refused(tmp_path):
    with pytest.raises(converter.SegpackError, match="no dataset is named"):
        converter.merge([], tmp_path / "out", to="coco")
    with pytest.raises(converter.SegpackError, match="no dataset is named"):
        converter.pack([], tmp_path / "out.zip")
    for count in (0, -1):
        with pytest.raises(converter.SegpackError, match=f"--count {count} is no number of images"):
            converter.preview(COINS, tmp_path / "a.png", count=count)
    assert list(tmp_path.iterdir()) == []


def test_what_is_skipped_can_be_asked_for(tmp_path):
    shutil.copytree(COINS, tmp_path / "in")
    (tmp_path / "in/images/coins-left.png").write_bytes(b"no picture")
    dataset = converter.open(tmp_path / "in", on_error="skip")
    assert not dataset.losses
    for _ in range(2):
        assert [s.image.name for s in dataset] == ["coins-corner.png"]
        assert [(x.code, x.image) for x in dataset.losses] == [("skipped-image", "coins-left.png")]
    with zipfile.ZipFile(tmp_path / "labels.zip", "w") as archive:
        archive.write(COINS / "images/coins-left.png", "images/a.png")
        for name in ("a", "b"):
            archive.writestr(f"labels/{name}.txt", "0 0.5 0.5 0.1 0.1\n")
        archive.writestr("data.yaml", "names: [coin]\ntrain: images\n")
    assert [(x.code, x.image) for x in converter.open(tmp_path / "labels.zip").losses] == [
        ("orphan-label", "labels/b.txt")
    ]
