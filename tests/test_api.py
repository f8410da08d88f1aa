"""The Python API as its users write it."""

from __future__ import annotations

import zipfile

import converter
from tests.support import FIXTURES


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
