from __future__ import annotations

import json
import shutil

import converter
from tests.formats.twins import fixture, objects
from tests.fuzz.targets import picture
from tests.making.drawings import box, coins
from tests.support import FIXTURES, segpack


def test_boxes_stand_around_their_centres():
    found = objects(fixture("createml") / "valid" / "coins")
    for drawing in coins():
        assert [i.box for i in found[drawing.name]] == [box(t.mask) for t in drawing.things]


def test_a_split_whose_file_is_broken_is_not_passed_over(tmp_path):
    shutil.copytree(FIXTURES / "createml/valid/splits", tmp_path / "set")
    (tmp_path / "set/train/_annotations.createml.json").write_bytes(b"")
    run = segpack("inspect", tmp_path / "set")
    assert "orphan-image" in run.err
    assert "train/a.jpg" in run.err


def test_what_else_is_said_of_images_and_boxes_is_kept(tmp_path):
    (tmp_path / "a.jpg").write_bytes(picture())
    box = {"label": "cat", "coordinates": {"x": 5, "y": 4, "width": 4, "height": 2}, "confidence": 0.7}
    content = [{"image": "a.jpg", "verified": True, "annotations": [box]}]
    (tmp_path / "annotations.json").write_text(json.dumps(content))
    (sample,) = converter.open(tmp_path)
    assert sample.image.extra == {"verified": True}
    assert sample.instances[0].attributes == {"confidence": 0.7}
