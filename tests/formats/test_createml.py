from __future__ import annotations

from tests.formats.twins import fixture, objects
from tests.making.drawings import box, coins


def test_boxes_stand_around_their_centres():
    found = objects(fixture("createml") / "valid" / "coins")
    for drawing in coins():
        assert [i.box for i in found[drawing.name]] == [box(t.mask) for t in drawing.things]
