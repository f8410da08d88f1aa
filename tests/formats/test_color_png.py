"""Colour masks: written with a legend that brings back every id."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image

import converter
from tests.support import FIXTURES, read, valid_cases

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
