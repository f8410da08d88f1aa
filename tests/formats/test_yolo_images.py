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
