from __future__ import annotations

import pytest

import converter
from tests.formats.twins import fixture, objects, real

SET = "2label_multiformat/datasets/via"


def test_the_table_holds_what_the_json_holds():
    """But for the strawberries, which the JSON has twice, as 34 boxes."""
    ours, table = objects(real(SET) / "via_region_data.json"), objects(real(SET) / "via_region_data.csv")
    for name, found in table.items():
        boxes = {(i.class_name, *i.box) for i in found if hasattr(i.shape, "w")}
        assert boxes == {(i.class_name, *i.box) for i in ours[name] if hasattr(i.shape, "w")}
    assert (len(ours["strawberry.jpg"]), len(table["strawberry.jpg"])) == (34, 17)


@pytest.mark.parametrize(
    ("case", "names"),
    [("coins", {"small coin", "large coin"}), ("project", {"box", "disc", "line", "dot"}), ("table", {"box", "disc"})],
)
def test_the_class_is_found_under_any_name(case, names):
    assert {c.name for c in converter.open(fixture("via") / "valid" / case).classes} == names
