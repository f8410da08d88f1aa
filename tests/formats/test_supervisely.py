from __future__ import annotations

import numpy as np

from tests.formats.twins import check_torture, fixture, masks, objects


def test_every_bitmap_is_the_one_that_was_drawn():
    check_torture(fixture("supervisely") / "valid" / "bitmaps", ("small coin", "large coin"))


def test_holes_are_holes():
    found = dict(masks(fixture("supervisely") / "valid" / "figures")["one/a.jpg"])
    expected = np.zeros((32, 64), np.bool_)
    expected[4:24, 4:30] = True
    expected[8:16, 10:20] = False
    assert np.array_equal(found["shape"], expected)


def test_both_corners_of_a_rectangle_are_inside():
    found = objects(fixture("supervisely") / "valid" / "figures")["one/a.jpg"]
    assert found[0].box == (40, 4, 16, 17)
