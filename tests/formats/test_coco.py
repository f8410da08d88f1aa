"""COCO as exporters write it: an object without an outline."""

from __future__ import annotations

import json

import pytest

import converter
from converter.errors import SourceError
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


LARGE = {
    "images": [{"id": i, "file_name": f"{i}.png", "width": 99, "height": 88} for i in (1, 2)],
    "annotations": [
        {"id": i, "image_id": 1 + i % 2, "category_id": 1, "segmentation": [[1, 1, 9, 1, 9, 9]], "caption": "x" * 9000}
        for i in range(1, 701)
    ],
    "categories": [{"id": 1, "name": "cell"}],
}


@pytest.mark.parametrize(
    ("before", "after", "key", "place", "left"),
    [
        ('"categories":', '"annotations":[],"categories":', "annotations", "", None),
        ('"id": 2, "file_name"', '"id": 2, "width": 9, "file_name"', "width", "image 2", (1, 350)),
        ('"id": 3, "image_id"', '"segmentation": [], "id": 3, "image_id"', "segmentation", "annotation 3", (2, 699)),
        (r'"id": 3, "image_id"', r'"i\u0064": 9, "id": 3, "image_id"', "id", "annotation", (2, 699)),
    ],
)
def test_a_key_that_stands_twice_in_a_large_file(before, after, key, place, left, tmp_path):
    text = json.dumps(LARGE)
    assert len(text) > 5_000_000
    assert text.count(before) == 1
    source, out = tmp_path / "coco.json", tmp_path / "out"
    source.write_text(text.replace(before, after))
    with pytest.raises(SourceError, match=f"{place}.*the key '{key}' stands twice"):
        converter.convert(source, out, to="coco", image_files="none")
    if left is None:
        return
    result = converter.convert(source, out, to="coco", image_files="none", on_error="skip")
    assert (result.images, result.instances) == left
