from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from PIL import Image

import converter
from converter.model import Box, Marks
from tests.formats.twins import check_torture, drawn, fixture, masks, objects, real
from tests.fuzz.targets import picture
from tests.support import FIXTURES, segpack

EXAMPLES = "labelme_examples/examples"


def test_every_mask_is_the_one_that_was_drawn():
    check_torture(fixture("labelme") / "valid" / "masks", ("small coin", "large coin"))


def test_polygons_are_those_of_the_coco_twin():
    """The twin keeps the points: 12 objects, every mask bit for bit, the void ones left out."""
    folder = real(f"{EXAMPLES}/instance_segmentation")
    twin = json.loads((folder / "data_dataset_coco/annotations.json").read_text())
    names = {c["id"]: c["name"] for c in twin["categories"]}
    images = {i["id"]: (i["file_name"].rpartition("/")[2], i["height"], i["width"]) for i in twin["images"]}
    mine = masks(folder / "data_annotated")
    compared = 0
    for id, (name, height, width) in images.items():
        theirs = [
            (names[a["category_id"]], drawn(a["segmentation"], height, width))
            for a in twin["annotations"]
            if a["image_id"] == id and names[a["category_id"]] != "__ignore__"
        ]
        for label, mask in theirs:
            assert any(n == label and np.array_equal(m, mask) for n, m in mine[name]), (name, label)
            compared += 1
        assert len(mine[name]) == len(theirs)
    assert compared == 12


def test_the_voc_twin_was_drawn_by_another_rasteriser():
    """Pillow rounds the points and paints the outline: of 252,461 pixels a rim more, and a few of ours less."""
    folder = real(f"{EXAMPLES}/instance_segmentation")
    ours, theirs = masks(folder / "data_annotated"), masks(folder / "data_dataset_voc")
    more = fewer = 0
    for name, found in ours.items():
        assert sorted(n for n, _ in found) == sorted(n for n, _ in theirs[name])
        union = np.any([m for _, m in found], axis=0)
        other = np.any([m for _, m in theirs[name]], axis=0)
        more += int((other & ~union).sum())
        fewer += int((union & ~other).sum())
    assert (more, fewer) == (2093, 201)


def test_boxes_are_those_of_the_voc_twin():
    folder = real(f"{EXAMPLES}/bbox_detection")
    ours, theirs = objects(folder / "data_annotated"), objects(folder / "data_dataset_voc")
    for name, found in ours.items():
        boxes = sorted((i.class_name, *np.round(i.box, 6)) for i in found)
        assert boxes == sorted((i.class_name, *np.round(i.box, 6)) for i in theirs[name])


def test_every_kind_of_shape():
    found = {(i.class_name, type(i.shape).__name__) for i in objects(real(f"{EXAMPLES}/primitives"))["primitives.jpg"]}
    assert ("circle", "Rle") in found
    assert ("octagon", "Rle") in found
    assert ("line_strip", "Marks") in found
    assert ("rectangle", "Box") in found


def test_a_mask_stands_at_its_rounded_corner():
    found = objects(real(f"{EXAMPLES}/primitives"))["primitives.jpg"]
    octagon = next(i for i in found if i.class_name == "octagon")
    assert octagon.box[:2] == (417, 305)


@pytest.mark.parametrize("name", ["inside.png", "gone.png"])
def test_a_picture_inside_the_json_is_an_image(name, tmp_path):
    converter.convert(fixture("labelme") / "valid" / "embedded", tmp_path / "out.zip", to="coco")
    converter.convert(tmp_path / "out.zip", tmp_path / "out", to="labelme")
    assert (tmp_path / "out" / name).read_bytes().startswith(b"\x89PNG")


def test_parts_of_a_group_are_one_object_and_void_is_void(tmp_path):
    found = objects(fixture("labelme") / "valid" / "shapes")["all.jpg"]
    blobs = [i for i in found if i.class_name == "blob"]
    assert len(blobs) == 2
    assert not any(i.class_name == "__ignore__" for i in found)
    result = converter.convert(fixture("labelme") / "valid" / "shapes", tmp_path / "yolo", to="yolo-seg")
    assert {loss.code for loss in result.losses} >= {"ignore-dropped", "not-a-region", "attribute-dropped"}


def test_marks_and_boxes_are_no_masks():
    found = objects(fixture("labelme") / "valid" / "shapes")["all.jpg"]
    kinds = [type(i.shape) for i in found]
    assert kinds.count(Marks) == 3
    assert kinds.count(Box) == 2


def test_what_is_no_json_under_the_name_of_an_image_is_refused(tmp_path):
    shutil.copytree(FIXTURES / "labelme/valid/coins", tmp_path / "set")
    (tmp_path / "set/train/coins-left.json").write_text("<html>")
    run = segpack("convert", tmp_path / "set", tmp_path / "out", "--to", "coco", check=2)
    assert "coins-left.json: is a web page" in run.error
    run = segpack("convert", tmp_path / "set", tmp_path / "out", "--to", "coco", "--on-error", "skip", "--json")
    assert (run.json["images"], run.json["losses"]) == (1, {"skipped-image": 1})


def test_labels_apart_go_with_the_images_of_their_split(tmp_path):
    """`images/train/a.png` and `images/val/a.png` are both called a.png by their JSON files."""
    shape = {"label": "cat", "points": [[2, 2], [12, 2], [12, 9]], "shape_type": "polygon", "group_id": None}
    for number, split in enumerate(("train", "val"), 1):
        for folder in ("labels", "images"):
            (tmp_path / folder / split).mkdir(parents=True)
        Image.new("L", (40, 30 + number)).save(tmp_path / f"images/{split}/a.png")
        page = {
            "shapes": [shape],
            "imagePath": "a.png",
            "imageData": None,
            "imageHeight": 30 + number,
            "imageWidth": 40,
        }
        (tmp_path / f"labels/{split}/a.json").write_text(json.dumps(page))
    found = [(s.image.split, s.image.name, s.image.height) for s in converter.open(tmp_path)]
    assert found == [("train", "a.png", 31), ("val", "a.png", 32)]


def test_zero_and_false_are_values_of_an_attribute(tmp_path):
    """But for the flags that tools write as false where nobody has said anything."""
    (tmp_path / "a.png").write_bytes(picture())
    said = {"score": 0, "track_id": 0, "visible": False, "difficult": False, "note": ""}
    shape = {"label": "cat", "shape_type": "polygon", "points": [[2, 2], [8, 2], [8, 7]], **said}
    about = {"imagePath": "a.png", "imageHeight": 9, "imageWidth": 12, "imageData": None, "shapes": [shape]}
    (tmp_path / "a.json").write_text(json.dumps({"version": "5.5.0", "flags": {}, **about}))
    (found,) = objects(tmp_path)["a.png"]
    assert found.attributes == {"score": 0, "track_id": 0, "visible": False}
