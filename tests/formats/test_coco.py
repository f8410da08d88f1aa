"""COCO as exporters write it: an object without an outline."""

from __future__ import annotations

import json

import pytest

import converter
from converter.errors import SourceError
from converter.layouts.coco_annotations import all_usual, decode_annotation
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


USUAL = (
    '{"id":1,"image_id":7,"category_id":3,"segmentation":[[1,2,3.5,4,5,6]],"bbox":[1,2,3,4],"area":5,"iscrowd":0}',
    '{"image_id":7,"id":2,"area":5.5,"category_id":3,"segmentation":[],"bbox":null,"iscrowd":false}',
    '{"segmentation":{"size":[9,9],"counts":"01\\\\2"},"id":3,"image_id":7,"category_id":3,"bbox":[],"area":1,"iscrowd":1}',
    '{"segmentation":{"counts":[9,72],"size":[9,9]},"id":4,"image_id":7,"category_id":3,"bbox":[],"area":1,"iscrowd":1}',
)


def test_usual_annotations_decoded_at_once_are_what_each_is():
    found = all_usual(f"[{', '.join(USUAL)}]".encode())
    assert found is not None
    for entry, text in zip(found, USUAL, strict=True):
        alone, extra = decode_annotation(text.encode())
        same = [key for key in entry.__struct_fields__ if key != "segmentation"]
        assert [getattr(entry, key) for key in same] == [getattr(alone, key) for key in same]
        assert repr(entry.segmentation) == repr(alone.segmentation)
        assert extra == {}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"iscrowd":0', '"iscrowd":0,"iscrowd":0'),
        ('"iscrowd":0', r'"iscrowd":0,"iscrow\u0064":0'),
        ('"size":[9,9],"counts"', '"size":[9,9],"size":[9,9],"counts"'),
        ('"size":[9,9],"counts"', '"size":[9,9],"by":"hand","counts"'),
        ('"size":[9,9],"counts"', '"size":["9",9],"counts"'),
        ('"iscrowd":0', '"score":0.5,"iscrowd":0'),
        (',"iscrowd":0', ""),
        ('"id":2', '"id":"two"'),
        ('"image_id":7,"id":2', '"image_id":"7","id":2'),
        ("3.5", "1e999"),
        ("3.5", "true"),
        ("5.5", "NaN"),
        ('"iscrowd":0}', '"iscrowd":0'),
    ],
)
def test_unusual_annotations_are_not_decoded_at_once(before, after):
    text = f"[{','.join(USUAL)}]"
    assert before in text
    assert all_usual(text.replace(before, after, 1).encode()) is None


def test_a_key_missing_here_and_twice_there():
    """As many keys as there should be, and yet one stands twice."""
    first, second, *_ = USUAL
    lacking, double = first.replace(',"iscrowd":0', ""), second.replace('"id":2', '"id":2,"iscrowd":false')
    assert all_usual(f"[{lacking},{double}]".encode()) is None


def test_a_key_that_stands_twice_in_a_large_file_of_usual_annotations(tmp_path):
    """What makes it large is elsewhere, so that nothing but quotes tells."""
    first = USUAL[0].replace('"area":5', '"area":5,"area":6')
    images = '[{"id":7,"file_name":"a.png","width":9,"height":9}]'
    classes = '[{"id":3,"name":"cell"}]'
    source = tmp_path / "coco.json"
    source.write_text(
        f'{{"info":{{"note":"{"x" * 5_000_001}"}},"images":{images},"annotations":[{first}],"categories":{classes}}}'
    )
    with pytest.raises(SourceError, match=r"annotation 1 of a\.png: the key 'area' stands twice"):
        converter.convert(source, tmp_path / "out", to="coco", image_files="none")
