"""COCO as exporters write it: an object without an outline."""

from __future__ import annotations

import json

import pytest

import converter
from converter.model import Box, Polygons


@pytest.mark.parametrize("segmentation", [[], [[]], [[], []], None])
@pytest.mark.parametrize(
    ("bbox", "shape"), [([2, 1, 4, 3], Box(2, 1, 4, 3)), (None, Polygons([])), ([0, 0, 0, 0], Polygons([]))]
)
def test_no_outline_is_a_box_or_nothing_drawn(segmentation, bbox, shape, tmp_path):
    """Empty rings outline no more than no rings."""
    drawn = {"id": 1, "image_id": 1, "category_id": 1, "segmentation": segmentation, "bbox": bbox}
    content = {
        "images": [{"id": 1, "file_name": "a.png", "width": 9, "height": 8}],
        "annotations": [drawn],
        "categories": [{"id": 1, "name": "cell"}],
    }
    (tmp_path / "coco.json").write_text(json.dumps(content))
    (sample,) = converter.open(tmp_path / "coco.json")
    assert [i.shape for i in sample.instances] == [shape]
