"""LabelMe itself opens what is written."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import converter
from tests import oracle
from tests.peers import peer
from tests.support import FIXTURES

label_file = peer("labelme._label_file")
shape = peer("labelme.utils.shape")


@pytest.mark.parametrize("source", ["coco/valid/torture", "cvat/valid/figures", "labelme/valid/shapes"])
def test_every_file_opens(source: str, tmp_path: Path) -> None:
    """Its reader has rules for every key; those it does not know come back beside them."""
    converter.convert(FIXTURES / source, tmp_path / "out", to="labelme")
    for file in (tmp_path / "out").rglob("*.json"):
        opened = label_file.read_label_file(str(file))
        written = json.loads(file.read_text())["shapes"]
        assert [(s["label"], s["shape_type"], s["points"], s["group_id"]) for s in opened.shapes] == [
            (s["label"], s["shape_type"], s["points"], s["group_id"]) for s in written
        ]


def test_every_mask_is_set_where_it_was(tmp_path: Path) -> None:
    source = FIXTURES / "coco/valid/torture"
    converter.convert(source, tmp_path / "rle", to="coco", segmentation="rle")
    converter.convert(tmp_path / "rle", tmp_path / "out", to="labelme")
    for name, expected in oracle.coco_masks(source / "coco.json").items():
        opened = label_file.read_label_file(str((tmp_path / "out" / name).with_suffix(".json")))
        found = []
        for drawn in opened.shapes:
            labels, _ = shape.shapes_to_label(expected[0][2].shape, [drawn], {drawn["label"]: 1})
            found.append((drawn["label"], False, np.asarray(labels == 1)))
        kept = [m for m in expected if m[2].any() and not m[1]]
        assert oracle.multiset(found) == oracle.multiset(kept)
