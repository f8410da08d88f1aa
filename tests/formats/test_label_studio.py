from __future__ import annotations

import json
import shutil
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

import converter
from converter.errors import ShapeError
from converter.geometry import rle
from converter.layouts import brush
from converter.layouts.labelstudio_write import percent
from tests.formats.twins import check_torture, fixture, objects, real
from tests.support import instances, read

SDK = "labelstudio_sdk_tests/tests/custom/converter/data"


def test_every_brush_is_the_one_that_was_drawn():
    check_torture(fixture("label-studio") / "valid" / "brushes", ("small coin", "large coin"))


@given(arrays(np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 12))))
def test_a_brush_comes_back(mask):
    code = rle.encode(mask)
    assert brush.decode(brush.encode(code), *mask.shape) == code


def test_a_brush_of_many_pixels_comes_back():
    mask = np.zeros((300, 400), np.bool_)
    mask[20:280, 3:390] = True
    assert brush.decode(brush.encode(rle.encode(mask)), 300, 400) == rle.encode(mask)


@pytest.mark.parametrize("code", [[], [1, 2], "text", [300], None, [0, 0, 0, 16, 57, 27, 31, 231]])
def test_what_is_no_brush_is_refused(code):
    with pytest.raises(ShapeError, match="rle"):
        brush.decode(code, 2, 2)


@given(st.floats(-10, 5000, allow_nan=False), st.integers(1, 6000))
def test_percent_come_back_to_the_same_fifth(value, size):
    again = percent(value, size) / 100 * size
    assert int(5 * again + 0.5) == int(5 * value + 0.5)
    assert abs(again - value) < 1e-9


@pytest.mark.parametrize(
    ("file", "images", "count"), [("data.json", 2, 6), ("data_obb.json", 3, 25), ("data_polygons.json", 1, 1)]
)
def test_real_exports_are_read_with_all_their_objects(file, images, count, tmp_path):
    source = real(f"{SDK}/test_export_yolo/{file}")
    result = converter.convert(source, tmp_path / "out", to="coco", image_files="none")
    assert (result.images, result.instances) == (images, count)


def test_a_rectangle_turns_about_its_corner():
    instance = objects(fixture("label-studio") / "valid" / "figures")["a.jpg"][1]
    assert np.allclose(instance.shape.rings[0][:2], [32, 4])
    assert np.allclose(instance.shape.rings[0][2:4], [32 + 16 * np.cos(np.pi / 6), 4 + 16 * np.sin(np.pi / 6)])


def test_all_annotations_that_were_not_cancelled_are_read(tmp_path):
    result = converter.convert(fixture("label-studio") / "valid" / "figures", tmp_path / "out", to="label-studio")
    assert "several-annotations" in {note.code for note in result.notes}
    assert len(objects(tmp_path / "out")["a.jpg"]) == 6


def test_the_configuration_declares_what_the_tasks_use(tmp_path):
    """Label Studio takes a declared tool for one in use, and text with an encoding for none at all."""
    converter.convert(fixture("label-studio") / "valid" / "brushes", tmp_path / "brushes", to="label-studio")
    text = (tmp_path / "brushes/label_config.xml").read_text()
    assert "<BrushLabels" in text
    assert not any(word in text for word in ("<?xml", "KeyPointLabels", "PolygonLabels"))
    converter.convert(fixture("label-studio") / "valid" / "figures", tmp_path / "figures", to="label-studio")
    tasks = json.loads((tmp_path / "figures/tasks.json").read_text())
    used = {r["from_name"] for task in tasks for a in task["annotations"] for r in a["result"]}
    root = ET.parse(tmp_path / "figures/label_config.xml").getroot()
    assert used == {node.get("name") for node in root} - {"image"}


def test_files_of_a_storage_hold_their_tasks(tmp_path):
    """Synchronised to a storage, every annotation is a file of its own with its task inside."""
    source = fixture("label-studio") / "valid" / "coins"
    (tasks,) = source.glob("*.json")
    shutil.copytree(source, tmp_path / "set", ignore=shutil.ignore_patterns(tasks.name))
    for task in json.loads(tasks.read_text()):
        for number, annotation in enumerate(task.pop("annotations")):
            (tmp_path / "set" / f"{task['id']}{number}.json").write_text(json.dumps({**annotation, "task": task}))
    assert converter.open(tmp_path / "set").format == "label-studio"
    assert instances(read(tmp_path / "set")) == instances(read(source))


def answer(kind: str, value: object, **said: object) -> dict[str, object]:
    return {"type": kind, "value": {WORDS[kind]: value}, "from_name": kind, "to_name": "image", **said}


WORDS = {"textarea": "text", "rating": "rating", "number": "number", "taxonomy": "taxonomy"}


def test_what_annotators_wrote_is_kept_or_told(tmp_path):
    """Answers about the image are its attributes, a note on a region its description; the rest of the data is told."""
    source = tmp_path / "set"
    source.mkdir()
    Image.new("L", (40, 30)).save(source / "a.png")
    ring = {"points": [[5, 10], [30, 10], [30, 40]], "polygonlabels": ["cat"]}
    size = {"original_width": 40, "original_height": 30}
    results = [
        {"id": "r", "type": "polygonlabels", "value": ring, "meta": {"text": ["blurred", "at dusk"]}, **size},
        answer("textarea", ["a caption"], id="w1"),
        answer("rating", 3, id="w2"),
        answer("number", 7, id="w3"),
        answer("taxonomy", [["animal", "pet"]], id="w4"),
        answer("number", 9, id="r"),
        answer("rating", 4, id="w5"),
    ]
    data = {"image": "/data/upload/1/1a2b3c4d-a.png", "city": "Rome", "note": ""}
    (source / "tasks.json").write_text(json.dumps([{"id": 1, "data": data, "annotations": [{"result": results}]}]))

    coco = converter.convert(source, tmp_path / "coco", to="coco")
    written = json.loads((tmp_path / "coco/coco.json").read_text())
    (image,), (cat,) = written["images"], written["annotations"]
    words = {"textarea": "a caption", "rating": 3, "number": 7, "taxonomy": ["animal", "pet"]}
    assert image["attributes"] == words
    assert [(n.code, n.message) for n in coco.notes] == [
        ("attributes-unread", "what the data of tasks says of city is not read")
    ]
    assert [loss.message for loss in coco.losses] == ["rating has several answers, and the first was kept"]
    assert (cat["description"], cat["attributes"]) == ("blurred\nat dusk", {"number": 9})

    again = converter.convert(tmp_path / "coco", tmp_path / "out", to="label-studio")
    assert {loss.message for loss in again.losses} == {"the image lost attributes", "1 instances lost attributes"}
    converter.convert(tmp_path / "out", tmp_path / "again", to="coco")
    assert json.loads((tmp_path / "again/coco.json").read_text())["annotations"][0]["description"] == "blurred\nat dusk"


def test_what_is_not_read_of_a_task_is_told(tmp_path):
    size = {"original_width": 40, "original_height": 30}
    box = {"x": 5, "y": 10, "width": 20, "height": 20, "rectanglelabels": ["cat"]}
    point = {"x": 5, "y": 10, "width": 1, "keypointlabels": ["cat"]}
    region = {"id": "a", "type": "rectanglelabels", "value": box, **size}
    joint = {"type": "keypointlabels", "value": point, "parentID": "group", **size}
    results = [
        region,
        {**region, "id": "b", "parentID": "a"},
        {**joint, "id": "c"},
        {**joint, "id": "d", "meta": {"text": ["hidden"]}},
    ]
    annotations = [{"id": 1, "result": results}, {"id": 2, "was_cancelled": True, "result": [region]}]
    task = {"data": {"image": "a.png"}, "annotations": annotations, "drafts": [{"result": [region]}]}
    Image.new("L", (40, 30)).save(tmp_path / "a.png")
    (tmp_path / "tasks.json").write_text(json.dumps([task]))
    (sample,) = converter.open(tmp_path)
    assert len(sample.instances) == 3
    assert [(loss.instance, loss.message) for loss in sample.losses] == [
        (2, "which region it is a part of has no place"),
        (4, "a point of an object lost description"),
    ]
    notes = {note.code: note.message for note in converter.convert(tmp_path, f"{tmp_path}-out", to="coco").notes}
    assert notes["annotations-unread"] == "1 cancelled annotations and 1 drafts hold results, which are not read"
