from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import converter
from converter.errors import SourceError
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


def write(folder: Path, *annotations: dict[str, Any], labels: list[dict[str, Any]] | None = None, **item: Any) -> Path:
    """A set of one image with these annotations."""
    (folder / "images/default").mkdir(parents=True)
    (folder / "annotations").mkdir()
    Image.new("L", (40, 30)).save(folder / "images/default/a.png")
    listed = [{"attributes": {}, "group": 0, "label_id": 0, "z_order": 0, **a} for a in annotations]
    about = {"id": "a", "image": {"path": "a.png", "size": [30, 40]}, "annotations": listed, **item}
    names = labels or [{"name": "cat", "parent": "", "attributes": []}]
    page = {"info": {}, "categories": {"label": {"labels": names, "attributes": []}}, "items": [about]}
    (folder / "annotations/default.json").write_text(json.dumps(page))
    return folder


def test_a_box_is_turned_by_the_rotation_among_its_attributes(tmp_path):
    """So CVAT exports it; a quarter turn of the box (10, 10, 20, 4) about its centre is the box (18, 2, 4, 20)."""
    box = {"type": "bbox", "bbox": [10, 10, 20, 4]}
    turned = {**box, "attributes": {"rotation": 90.0, "colour": "red"}}
    source = write(tmp_path / "set", {**box, "attributes": {"rotation": 0.0}}, turned)
    upright, quarter = objects(source)["a.png"]
    assert isinstance(upright.shape, Box)
    expected = np.zeros((30, 40), np.bool_)
    expected[2:22, 18:22] = True
    assert np.array_equal(quarter.mask(), expected)

    for number, to in enumerate(("datumaro", "cvat", "datumaro", "cvat")):
        result = converter.convert(source, tmp_path / str(number), to=to)
        assert not result.losses
        source = tmp_path / str(number)
        assert np.array_equal(objects(source)["a.png"][1].mask(), expected)
    text = (source / "annotations.xml").read_text()
    assert text.count("rotation") == text.count('xtl="10" ytl="10" xbr="30" ybr="14" rotation="90') == 1
    assert text.count('<attribute name="colour">red</attribute>') == 1


def test_a_rotation_of_what_is_no_turned_box_is_an_attribute(tmp_path):
    ring = {"type": "polygon", "points": [2, 2, 30, 5, 12, 20], "attributes": {"rotation": 30}}
    converter.convert(write(tmp_path / "set", ring), tmp_path / "out", to="coco")
    (found,) = json.loads((tmp_path / "out/coco.json").read_text())["annotations"]
    assert found["attributes"] == {"rotation": 30}
    assert "rotation" not in found


def test_the_parent_of_a_label_is_its_supercategory(tmp_path):
    labels = [{"name": "cat", "parent": "animal", "attributes": []}, {"name": "car", "parent": "", "attributes": []}]
    converter.convert(write(tmp_path / "set", labels=labels), tmp_path / "coco", to="coco")
    categories = json.loads((tmp_path / "coco/coco.json").read_text())["categories"]
    assert [c.get("supercategory") for c in categories] == ["animal", None]
    assert not converter.convert(tmp_path / "coco", tmp_path / "out", to="datumaro").notes
    page = json.loads((tmp_path / "out/annotations/default.json").read_text())
    assert page["categories"]["label"]["labels"] == labels


def test_attributes_of_a_label_are_a_loss(tmp_path):
    source = write(tmp_path / "set", {"type": "label", "attributes": {"conf": 0.5}})
    losses = converter.convert(source, tmp_path / "out", to="coco").losses
    assert [(x.code, x.message) for x in losses] == [("attribute-dropped", "attributes of a label")]


def test_an_item_without_a_path_is_of_the_image_of_its_id(tmp_path):
    source = write(tmp_path / "set", {"type": "bbox", "bbox": [1, 2, 3, 4]}, image=None)
    assert [len(found) for found in objects(source).values()] == [1]
    (source / "images/default/a.jpg").write_bytes((source / "images/default/a.png").read_bytes())
    with pytest.raises(SourceError, match="the image file is not there"):
        converter.convert(source, tmp_path / "out", to="coco")


def test_what_is_said_of_points_and_of_boxes_around_regions_is_kept(tmp_path):
    points = {"id": 1, "type": "points", "points": [3, 3, 5, 5], "visibility": [0, 2]}
    box = {"id": 2, "type": "bbox", "bbox": [2, 2, 10, 10], "group": 3, "attributes": {"colour": "red"}}
    ring = {"id": 3, "type": "polygon", "points": [2, 2, 12, 2, 12, 12], "group": 3}
    result = converter.convert(write(tmp_path / "set", points, box, ring), tmp_path / "out", to="datumaro")
    assert not result.losses
    (item,) = json.loads((tmp_path / "out/annotations/default.json").read_text())["items"]
    assert [(a["type"], a.get("visibility")) for a in item["annotations"]] == [("points", [0, 2]), ("polygon", None)]
    assert item["annotations"][1]["attributes"] == {"colour": "red"}


def test_what_has_no_place_is_told(tmp_path):
    joint = {"type": "points", "label_id": 0, "points": [3, 3], "visibility": [1], "attributes": {"bent": True}}
    box = {"type": "bbox", "bbox": [2, 2, 5, 5]}
    annotations = ({"type": "skeleton", "elements": [joint]}, {**box, "object_id": 7}, {**box, "elements": 5})
    source = write(tmp_path / "set", *annotations)
    page = json.loads((source / "annotations/default.json").read_text())
    page["info"] = {"author": "somebody"}
    page["categories"]["points"] = {"items": [{"label_id": 0, "labels": ["nose"], "joints": []}]}
    (source / "annotations/default.json").write_text(json.dumps(page))
    result = converter.convert(source, tmp_path / "out", to="datumaro")
    assert [loss.message for loss in result.losses] == [
        "an annotation lost attributes, visibility",
        "an annotation lost object_id",
        "1 instances lost joints",
    ]
    (note,) = (n for n in result.notes if n.code == "metadata-dropped")
    assert note.message == "what it says of info, categories.points is not read"
