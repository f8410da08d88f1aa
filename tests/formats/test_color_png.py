"""Colour masks: written with a legend that brings back every id."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image

import converter
from tests.formats.twins import classed, legend_of_datumaro
from tests.support import FIXTURES, read, segpack, valid_cases

SEMANTIC = [c for c in valid_cases("semantic-png") if not c.options]


@pytest.mark.parametrize("case", SEMANTIC, ids=str)
def test_it_comes_back(case, tmp_path):
    source = read(case.path)
    converter.convert(case.path, tmp_path / "out", to="color-png")
    found = read(tmp_path / "out")
    assert found["classes"] == source["classes"]
    keys = ("name", "split", "size", "labels")
    assert heads(found, keys) == heads(source, keys)


def heads(found: dict[str, Any], keys: tuple[str, ...]) -> list[list[str]]:
    return sorted([str(image.get(k)) for k in keys] for image in found["images"])


def test_colours_differ_and_the_legend_names_them(tmp_path):
    converter.convert(FIXTURES / "coco/valid/coins", tmp_path / "out", to="color-png")
    rows = [line.split(":")[:2] for line in (tmp_path / "out/labelmap.txt").read_text().splitlines()[1:]]
    assert rows == [["background", "0,0,0"], ["small coin", "128,0,0"], ["large coin", "0,128,0"]]
    csv = (tmp_path / "out/class_dict.csv").read_text().splitlines()
    assert csv[0] == "name,r,g,b"
    with Image.open(next((tmp_path / "out/masks").glob("*.png"))) as mask:
        assert mask.mode == "RGB"
        colors = {tuple(c) for c in np.asarray(mask).reshape(-1, 3).tolist()}
    assert colors <= {(0, 0, 0), (128, 0, 0), (0, 128, 0)}


@pytest.mark.parametrize("names", [["sign: stop", "x"], ["#1 cat", "x"], ["car ", "car"], ["background", "ignore"]])
def test_every_name_comes_back_and_the_legend_of_cvat_can_be_read(tmp_path, names):
    segpack("convert", classed(tmp_path / "set", names), tmp_path / "out", "--to", "color-png")
    segpack("diff", tmp_path / "set", tmp_path / "out")
    assert [c["name"] for c in read(tmp_path / "out")["classes"]] == names
    assert list(legend_of_datumaro(tmp_path / "out").values()) == [(0, 0, 0), (128, 0, 0), (0, 128, 0)]


def test_ignored_pixels_stay_apart_from_a_class_of_that_name(tmp_path):
    (tmp_path / "set/images").mkdir(parents=True)
    (tmp_path / "set/masks").mkdir()
    labels = np.zeros((8, 8), np.uint8)
    labels[0], labels[1] = 1, 255
    Image.fromarray(labels).save(tmp_path / "set/images/a.png")
    Image.fromarray(labels).save(tmp_path / "set/masks/a.png")
    (tmp_path / "set/classes.json").write_text('{"1": "ignore", "255": "void"}')
    segpack("convert", tmp_path / "set", tmp_path / "out", "--to", "color-png")
    segpack("diff", tmp_path / "set", tmp_path / "out")
    with Image.open(tmp_path / "out/masks/a.png") as mask:
        assert [mask.getpixel((0, y)) for y in range(3)] == [(128, 0, 0), (224, 224, 192), (0, 0, 0)]
