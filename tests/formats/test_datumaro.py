from __future__ import annotations

import json

import converter
from converter.model import Box
from tests.formats.twins import check_torture, fixture, objects


def test_every_mask_is_the_one_that_was_drawn():
    check_torture(fixture("datumaro") / "valid" / "masks", ("small coin", "large coin"))


def test_a_box_beside_its_polygon_is_no_object():
    found = objects(fixture("datumaro") / "valid" / "figures")["a.jpg"]
    assert [(i.class_name, isinstance(i.shape, Box)) for i in found[:2]] == [("box", True), ("shape", False)]
    assert len(found) == 7


def test_crowds_groups_and_attributes_are_written(tmp_path):
    converter.convert(fixture("datumaro") / "valid" / "figures", tmp_path / "out", to="datumaro")
    page = json.loads((tmp_path / "out/annotations/default.json").read_text())
    found = page["items"][0]["annotations"]
    assert [a["id"] for a in found] == [1, 2, 3, 4, 5, 6, 7]
    assert found[0]["attributes"] == {"colour": "red", "count": 3, "occluded": True}
    assert found[4]["attributes"] == {"is_crowd": True}
    assert [a["group"] for a in found] == [0, 0, 0, 0, 0, 9, 9]
