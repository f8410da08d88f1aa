"""YOLO labels whose images lie elsewhere, in folders of other names."""

from __future__ import annotations

import re

import pytest
from PIL import Image

import converter
from converter.errors import SourceError


@pytest.mark.parametrize(
    ("folders", "told"),
    [
        ((), "there are no images in it"),
        (("",), "its images lie in ."),
        (("train2017", "val2017"), "its images lie in train2017, val2017"),
        (("a", "b", "c", "d"), "its images lie in a, b, c, ..."),
    ],
)
def test_a_folder_of_images_without_that_of_the_split(folders, told, tmp_path):
    labels, images = tmp_path / "labels", tmp_path / "photos"
    (labels / "labels/train").mkdir(parents=True)
    (labels / "labels/train/a.txt").write_text("0 0.5 0.5 0.2 0.4\n")
    (labels / "data.yaml").write_text("train: images/train\nval: images/train\nnames: [cell]\n")
    images.mkdir()
    for folder in folders:
        (images / folder).mkdir(exist_ok=True)
        Image.new("RGB", (20, 10)).save(images / folder / "a.png")
    wrong = f"{labels}/data.yaml: train: 'images/train' is not in {images}; {told}"
    with pytest.raises(SourceError, match=re.escape(wrong) + "$"):
        converter.open(labels, images=images)


@pytest.mark.parametrize("below", ["", "images"])
def test_labels_with_class_names_are_a_set_whose_images_lie_elsewhere(below, tmp_path):
    """As Label Studio exports YOLO without images."""
    labels, images = tmp_path / "labels", tmp_path / "photos"
    (labels / "labels").mkdir(parents=True)
    (labels / "classes.txt").write_text("cat\ndog\n")
    (labels / "labels/a.txt").write_text("")
    (labels / "labels/b.txt").write_text("1 0.1 0.2 0.5 0.2 0.5 0.8\n")
    (images / below).mkdir(parents=True)
    for name in "ab":
        Image.new("RGB", (20, 10)).save(images / below / f"{name}.png")
    found = converter.open(labels, images=images)
    assert found.format == "yolo-seg"
    assert {s.image.name: [i.class_name for i in s.instances] for s in found} == {"a.png": [], "b.png": ["dog"]}
    with pytest.raises(SourceError, match="say where images lie with --images"):
        converter.convert(labels, tmp_path / "out", to="coco")


def test_texts_in_labels_that_hold_no_rows_are_no_set(tmp_path):
    (tmp_path / "labels").mkdir()
    (tmp_path / "classes.txt").write_text("cat\n")
    (tmp_path / "labels/a.txt").write_text("Car 0.00 0 -1.57 599.41 156.40 629.75 189.25 2.85 2.63 12.34 0.47 1.49\n")
    with pytest.raises(SourceError, match="no known format"):
        converter.open(tmp_path)
