"""Sets from other systems: paths with backslashes, names of files in another case or normal form."""

from __future__ import annotations

import json
import unicodedata
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


@pytest.mark.parametrize(("said", "other"), [("NFC", "NFD"), ("NFD", "NFC")])
@pytest.mark.parametrize("name", ["Bäume.png", "dir-é/Ö.PNG"])
def test_an_image_that_macos_has_renamed(said, other, name, tmp_path):
    """It writes names in pieces: a, then the dots."""
    source = made(
        tmp_path / "set", [unicodedata.normalize(said, name)], ["images/" + unicodedata.normalize(other, name)]
    )
    result = converter.convert(source, tmp_path / "out", to="coco", strict=True)
    assert not result.notes
    (sample,) = converter.open(tmp_path / "out")
    assert sample.image.name == unicodedata.normalize(said, name)


def test_two_normal_forms_on_disk_are_two_files(tmp_path):
    names = [unicodedata.normalize(form, "ä.png") for form in ("NFC", "NFD")]
    dataset = converter.open(made(tmp_path, names, names))
    assert [s.image.file for s in dataset] == names


def test_an_image_without_an_extension(tmp_path):
    source = made(tmp_path / "set", ["a", "gone"], ["images/a", "images/a.png", "images/sub/gone"])
    assert [s.image.file for s in converter.open(source)] == ["images/a", None]
    converter.convert(source, tmp_path / "out", to="coco", on_error="skip")
    assert [p.name for p in (tmp_path / "out/images").iterdir()] == ["a"]


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
