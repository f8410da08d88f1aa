"""The Python API as its users write it."""

from __future__ import annotations

import shutil
import zipfile
from typing import Any

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


WRONG = [
    ("convert", {"source": None}, "source is None; it is a path"),
    ("convert", {"source": [COINS, 3]}, "source is 3; it is a path"),
    ("convert", {"target": 3}, "target is 3; it is a path"),
    ("convert", {"to": ["coco"]}, r"to is \['coco'\]; it is text"),
    ("convert", {"to": None}, "to is None; it is text"),
    ("convert", {"resize": (640, 480)}, r"resize is \(640, 480\); it is text"),
    ("convert", {"filter": [3]}, r"filter is \[3\]; it is a list of texts"),
    ("convert", {"min_iou": "0.9"}, "min_iou is '0.9'; it is a number"),
    ("convert", {"min_area": 2.5}, "min_area is 2.5; it is a whole number"),
    ("convert", {"strict": "yes"}, "strict is 'yes'; it is True or False"),
    ("convert", {"classes": {"cat": 1}}, "classes is {'cat': 1}; it is text or a path"),
    ("convert", {"progress": True}, "progress is True; it is a function"),
    ("convert", {"workers": -1}, "workers -1 is not a number of processes"),
    ("merge", {"sources": None}, "source is None; it is a path"),
    ("pack", {"target": b"out.zip"}, "target is b'out.zip'; it is a path"),
    ("check", {"sample": "3"}, "sample is '3'; it is a whole number"),
    ("check", {"fail_on": None}, "fail_on is None; it is one of error, warning, never"),
    ("diff", {"b": None}, "b is None; it is a path"),
    ("inspect", {"source": 3}, "source is 3; it is a path"),
    ("open", {"max_pixels": "5"}, "max_pixels is '5'; it is a whole number"),
    ("preview", {"count": None}, "count is None; it is a whole number"),
]


@pytest.mark.parametrize(("function", "wrong", "message"), WRONG)
def test_values_of_other_types_are_refused_in_words(function, wrong, message, tmp_path):
    usual = {
        "convert": {"source": COINS, "target": tmp_path / "out", "to": "coco"},
        "diff": {"a": COINS, "b": COINS},
        "merge": {"sources": [COINS, COINS], "target": tmp_path / "out", "to": "coco"},
        "pack": {"source": COINS, "target": tmp_path / "out.zip"},
        "preview": {"source": COINS, "target": tmp_path / "out.png"},
    }
    given = usual.get(function, {"source": COINS}) | wrong
    several = {"pack": ("source",), "convert": ("source",), "merge": ("sources",), "open": ("source",)}
    placed = [given.pop(name) for name in several.get(function, ())]
    with pytest.raises(converter.SegpackError, match=message):
        getattr(converter, function)(*placed, **given)
    assert not list(tmp_path.iterdir())


def test_paths_of_any_kind_and_none_for_what_nobody_names(tmp_path):
    class Place:
        def __fspath__(self):
            return str(COINS)

    lists = tmp_path / "lists.json"
    lists.write_text('{"train": ["coins-left.png", "coins-corner.png"]}')
    options: Any = {"workers": None, "item_timeout": None, "on_error": None, "filter": None, "progress": None}
    found = converter.convert(Place(), tmp_path / "out", to="coco", split_from=lists, **options)
    assert found.images == 2
    assert converter.diff(Place(), COINS).equal


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
