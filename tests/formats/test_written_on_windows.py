"""Sets from Windows: paths with backslashes, names of files in another case."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import converter


def made(root: Path, said: list[str], files: list[str]) -> Path:
    """A COCO set whose images are called so, and lie there."""
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20, 10)).save(root / file, format="PNG")
    images = [{"id": i, "file_name": name, "width": 20, "height": 10} for i, name in enumerate(said)]
    objects: list[dict[str, Any]] = [
        {"id": i + 1, "image_id": i, "category_id": 1, "segmentation": [[1, 1, 5, 1, 5, 5]], "bbox": [1, 1, 4, 4]}
        for i in range(len(said))
    ]
    content = {"images": images, "annotations": objects, "categories": [{"id": 1, "name": "cat"}]}
    (root / "annotations.json").write_text(json.dumps(content))
    return root


@pytest.mark.parametrize(
    ("said", "file", "name"),
    [
        ("data\\images\\a.png", "data/images/a.png", "data/images/a.png"),
        ("images\\a.png", "images/a.png", "images/a.png"),
        ("a.png", "images/A.PNG", "a.png"),
        ("Images/a.png", "images/a.png", "Images/a.png"),
        ("sub\\A.png", "images/Sub/a.png", "sub/A.png"),
    ],
)
def test_an_image_is_found(said, file, name, tmp_path):
    (sample,) = converter.open(made(tmp_path / "set", [said], [file]))
    assert (sample.image.name, sample.image.file) == (name, file)
    converter.convert(tmp_path / "set", tmp_path / "out", to="yolo-seg")
    assert (tmp_path / "out/images" / name).read_bytes() == (tmp_path / "set" / file).read_bytes()


def test_names_as_they_are_come_first(tmp_path):
    files = ["a.png", "A.png", "b\\c.png"]
    dataset = converter.open(made(tmp_path, files, files))
    assert [s.image.file for s in dataset] == files


def test_two_files_that_may_be_meant_are_neither(tmp_path):
    (sample,) = converter.open(made(tmp_path, ["a.png"], ["A.png", "a.PNG"]))
    assert sample.image.file is None


def test_a_name_that_two_files_end_in_is_not_looked_for_in_another_case(tmp_path):
    (sample,) = converter.open(made(tmp_path, ["a.png"], ["x/a.png", "X/a.png", "y/a.png"]))
    assert sample.image.file is None
