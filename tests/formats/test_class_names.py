"""Names of classes that a format could take for others, or for something else."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import converter
from converter.errors import UsageError
from tests.formats.twins import masks

FORMATS = ("cvat", "datumaro", "label-studio", "labelme", "supervisely")
RING = [2, 3, 12, 3, 12, 12, 2, 12]


def named(folder: Path, names: list[str]) -> Path:
    """A COCO set of one image with an object of each class."""
    (folder / "images").mkdir(parents=True)
    Image.new("L", (40, 30)).save(folder / "images/a.png")
    categories = [{"id": i, "name": name} for i, name in enumerate(names, 1)]
    annotations = [
        {"id": i, "image_id": 1, "category_id": i, "segmentation": [[v + i for v in RING]], "iscrowd": 0}
        for i in range(1, len(names) + 1)
    ]
    images = [{"id": 1, "file_name": "a.png", "width": 40, "height": 30}]
    data = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "coco.json").write_text(json.dumps(data))
    return folder


@pytest.mark.parametrize("to", FORMATS)
@pytest.mark.parametrize("names", [["car ", "dog"], [" car", "car"], ["background", "dog"], ["dog", "_background_"]])
def test_a_name_comes_back_as_it_was(names, to, tmp_path):
    source = named(tmp_path / "set", names)
    converter.convert(source, tmp_path / "out", to=to)
    assert [c.name for c in converter.open(tmp_path / "out").classes] == names
    found = masks(tmp_path / "out")["a.png"]
    assert [name for name, _ in found] == names
    for (_, mask), (_, was) in zip(found, masks(source)["a.png"], strict=True):
        assert np.array_equal(mask, was)


def test_a_class_that_labelme_would_leave_out_of_training_is_refused(tmp_path):
    with pytest.raises(UsageError, match="__ignore__; rename the class with --classes"):
        converter.convert(named(tmp_path / "set", ["dog", "__ignore__"]), tmp_path / "out", to="labelme")
    assert not (tmp_path / "out").exists()


def test_blanks_around_a_label_do_not_make_another_of_it(tmp_path):
    """Labels of CVAT and lines of labels.txt that people have written, beside objects that have no blanks."""
    converter.convert(named(tmp_path / "set", ["dog", "car"]), tmp_path / "cvat", to="cvat")
    xml = tmp_path / "cvat/annotations.xml"
    xml.write_text(xml.read_text().replace("<name>car</name>", "<name>car </name>"))
    assert [name for name, _ in masks(tmp_path / "cvat")["a.png"]] == ["dog", "car "]
    converter.convert(tmp_path / "set", tmp_path / "labelme", to="labelme")
    (tmp_path / "labelme/labels.txt").write_text("car \ndog \n")
    assert [c.name for c in converter.open(tmp_path / "labelme").classes] == ["car", "dog"]
