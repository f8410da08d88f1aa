from __future__ import annotations

import json
import shutil

import numpy as np

import converter
from tests.formats.twins import check_torture, fixture, masks, objects
from tests.fuzz.targets import picture


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


def test_a_box_thinner_than_a_pixel_is_no_other_box(tmp_path):
    """Its last pixel would lie before its first, and the tool takes the lower of two corners for the first."""
    file = tmp_path / "coco.json"
    boxes = [[0.25, 6, 11, 0.5], [3, 3, 1, 2.5]]
    annotations = [{"id": n, "image_id": 1, "category_id": 1, "bbox": b} for n, b in enumerate(boxes, 1)]
    image = {"id": 1, "file_name": "a.png", "width": 32, "height": 16}
    entries = {"images": [image], "annotations": annotations, "categories": [{"id": 1, "name": "bar"}]}
    file.write_text(json.dumps(entries))
    result = converter.convert(file, tmp_path / "out", to="supervisely", image_files="none")
    assert [(x.code, x.instance) for x in result.losses] == [("box-widened", 1)]
    written = json.loads(next((tmp_path / "out").rglob("ann/*.json")).read_text())["objects"]
    assert [o["points"]["exterior"] for o in written] == [[[0.25, 6], [10.25, 6]], [[3, 3], [3, 4.5]]]


def test_what_lies_beyond_the_edge_is_a_loss(tmp_path):
    """The tool draws no more of a bitmap than the image has room for."""
    folder = shutil.copytree(fixture("supervisely") / "valid" / "bitmaps", tmp_path / "set")
    file = next(p for p in sorted(folder.rglob("ann/*.json")) if "parts" in p.name)
    before = _first(folder)
    right = int(np.flatnonzero(before.any(axis=0)).max())
    shift = before.shape[1] - right  # its last column falls off
    content = json.loads(file.read_text())
    content["objects"][0]["bitmap"]["origin"][0] += shift
    file.write_text(json.dumps(content))
    result = converter.convert(folder, tmp_path / "out", to="coco")
    (lost,) = [x for x in result.losses if x.code == "out-of-image"]
    assert lost.amount == before[:, right].sum()
    assert np.array_equal(_first(folder)[:, shift:], before[:, :-shift])


def _first(folder):
    """The first mask of the picture of parts."""
    return next(found for name, found in masks(folder).items() if "parts" in name)[0][1]


def test_meta_declares_what_the_sdk_asks_of_tags_and_graphs(tmp_path):
    converter.convert(fixture("supervisely") / "valid" / "figures", tmp_path / "out", to="supervisely")
    meta = json.loads((tmp_path / "out/meta.json").read_text())
    kinds = {tag["name"]: tag["value_type"] for tag in meta["tags"]}
    assert (kinds["count"], kinds["sharp"]) == ("any_number", "none")
    nodes = {c["title"]: set(c.get("geometry_config", {}).get("nodes", ())) for c in meta["classes"]}
    assert nodes == {"box": set(), "shape": set(), "line": set(), "dot": {"a", "b"}}


def test_tags_of_one_name_are_all_kept(tmp_path):
    """The tool puts a tag on an object as often as one likes."""
    source = shutil.copytree(fixture("supervisely") / "valid" / "figures", tmp_path / "set")
    file = source / "one/ann/a.jpg.json"
    content = json.loads(file.read_text())
    given = [("seen", "dawn"), ("seen", "dusk"), ("seen", "dusk"), ("sharp", None), ("seen", None)]
    content["tags"] = [{"name": name, "value": value} for name, value in given]
    content["objects"][0]["tags"] = content["tags"]
    file.write_text(json.dumps(content))
    converter.convert(source, tmp_path / "coco", to="coco")
    page = json.loads((tmp_path / "coco/coco.json").read_text())
    image = next(i for i in page["images"] if i["file_name"] == "one/a.jpg")
    first = next(a for a in page["annotations"] if a["image_id"] == image["id"])
    assert (image["tags"], image["attributes"]) == (["seen", "sharp"], {"seen": ["dawn", "dusk"]})
    assert first["attributes"] == {"seen": ["dawn", "dusk", None], "sharp": None}

    converter.convert(tmp_path / "coco", tmp_path / "out", to="supervisely")
    again = json.loads(next((tmp_path / "out").rglob("ann/a.jpg.json")).read_text())
    wanted = {("seen", "dawn"), ("seen", "dusk"), ("seen", None), ("sharp", None)}
    for listed in (again["tags"], again["objects"][0]["tags"]):
        assert len(listed) == len(wanted)
        assert {(tag["name"], tag["value"]) for tag in listed} == wanted


def test_tags_of_old_projects_are_names_alone(tmp_path):
    source = shutil.copytree(fixture("supervisely") / "valid" / "figures", tmp_path / "set")
    file = source / "one/ann/a.jpg.json"
    content = json.loads(file.read_text())
    content["tags"] = ["train", "sharp"]
    content["objects"][0]["tags"] = ["seen"]
    file.write_text(json.dumps(content))
    converter.convert(source, tmp_path / "coco", to="coco")
    page = json.loads((tmp_path / "coco/coco.json").read_text())
    image = next(i for i in page["images"] if i["file_name"] == "one/a.jpg")
    first = next(a for a in page["annotations"] if a["image_id"] == image["id"])
    assert (image["tags"], first["attributes"]) == (["train", "sharp"], {"seen": None})


def test_what_is_not_read_is_called_so(tmp_path):
    source = shutil.copytree(fixture("supervisely") / "valid" / "figures", tmp_path / "set")
    file = source / "one/ann/a.jpg.json"
    content = json.loads(file.read_text())
    content["objects"] = [{**content["objects"][0], "geometryType": kind} for kind in ("alpha_mask", "cuboid")]
    file.write_text(json.dumps(content))
    losses = [x for x in converter.convert(source, tmp_path / "out", to="supervisely").losses if "a.jpg" in x.image]
    assert [(x.code, x.message) for x in losses] == [
        ("annotation-dropped", "objects of the geometryType alpha_mask are not read"),
        ("not-a-region", "a cuboid is no region"),
    ]


def test_what_objects_and_images_say_is_kept_or_told(tmp_path):
    box = {"geometryType": "rectangle", "points": {"exterior": [[1, 1], [5, 5]], "interior": []}, "instance": "pair 1"}
    nodes = {"nose": {"loc": [3, 3]}, "tail": {"loc": [5, 5], "disabled": True}}
    graph = {"geometryType": "graph", "nodes": nodes, "customData": {"by": "robot"}}
    line = {"geometryType": "line", "points": box["points"], "nodes": {"1": 5}}
    objects_ = [{"classTitle": "cat", "tags": [], **each} for each in (box, graph, line)]
    (tmp_path / "ds/ann").mkdir(parents=True)
    (tmp_path / "meta.json").write_text(json.dumps({"classes": [{"title": "cat", "shape": "any"}], "tags": []}))
    page = {"size": {"height": 9, "width": 12}, "tags": [], "objects": objects_, "customData": {"camera": 2}}
    (tmp_path / "ds/ann/a.png.json").write_text(json.dumps(page))
    (tmp_path / "ds/img").mkdir()
    (tmp_path / "ds/img/a.png").write_bytes(picture())
    (sample,) = converter.open(tmp_path)
    assert sample.image.extra == {"customData": {"camera": 2}}
    assert sample.instances[1].attributes == {"joints": ["nose", "tail"]}
    assert [(loss.instance, loss.message) for loss in sample.losses] == [
        (1, "an object lost instance"),
        (2, "an object lost customData, disabled nodes"),
    ]
    result = converter.convert(tmp_path, f"{tmp_path}-out", to="supervisely")
    assert "1 instances lost joints" not in {loss.message for loss in result.losses}
    (again,) = converter.open(f"{tmp_path}-out")
    assert again.instances[1].attributes == {"joints": ["nose", "tail"]}
