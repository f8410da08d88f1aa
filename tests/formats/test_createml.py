from __future__ import annotations

import shutil

from tests.formats.twins import fixture, objects
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
