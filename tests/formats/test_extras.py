"""Extras of any reader meet every writer: what is of another kind than the key promises is a loss, and named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import converter
from converter import extras
from converter.formats import all_formats
from tests.fuzz.targets import picture

WRITERS = sorted(name for name, format in all_formats().items() if format.writes and format.reads)
WRONG = [64, -1.5, True, "text", [1, {"a": []}], {"a": "\x01"}, {}, "\x1b[2J", 10**400]
SIZE = {"width": 12, "height": 9}
BLOB = [[2, 2, 8, 2, 8, 7, 2, 7]]


def coco(folder: Path, value: Any) -> Path:
    """A set of one object; it and its image have the value under every key that formats share."""
    said = dict.fromkeys((*extras._KINDS, "score"), value)
    image = {"id": 1, "file_name": "a.png", **SIZE, **said}
    shape = {"id": 1, "image_id": 1, "category_id": 1, "segmentation": BLOB, "iscrowd": 0, **said}
    top = {"images": [image], "annotations": [shape], "categories": [{"id": 1, "name": "cat", "supercategory": value}]}
    (folder / "images").mkdir(parents=True)
    (folder / "images/a.png").write_bytes(picture())
    (folder / "coco.json").write_text(json.dumps(top))
    return folder


@pytest.mark.parametrize("value", WRONG, ids=lambda value: f"{value!r:.20}")
def test_values_of_another_kind(value: Any, tmp_path: Path) -> None:
    source = coco(tmp_path / "set", value)
    for target in WRITERS:
        result = converter.convert(source, tmp_path / target, to=target, workers=1)
        (sample,) = converter.open(tmp_path / target, format=target)
        (instance,) = sample.instances
        assert instance.class_name == "cat"
        told = " ".join(loss.message for loss in result.losses if loss.code == "attribute-dropped")
        for key in ("attributes", "occluded", "z_order"):
            assert instance.attributes.get(key) == value or key in told or not value


def test_good_values_stay(tmp_path: Path) -> None:
    source = coco(tmp_path / "set", None)
    document = json.loads((source / "coco.json").read_text())
    good = {"attributes": {"color": "red"}, "occluded": 1, "z_order": 3, "group_id": 7, "source": "auto"}
    document["annotations"][0] = {k: v for k, v in document["annotations"][0].items() if v is not None} | good
    document["images"][0] = {"id": 1, "file_name": "a.png", **SIZE, "tags": ["sunny"]}
    (source / "coco.json").write_text(json.dumps(document))
    result = converter.convert(source, tmp_path / "out", to="cvat")
    assert not result.losses
    (sample,) = converter.open(tmp_path / "out")
    (instance,) = sample.instances
    assert instance.attributes == {**good, "occluded": True}


def test_keys_that_the_target_has_for_something_else(tmp_path: Path) -> None:
    """LabelMe keeps any key; in COCO the same name says which annotation, class or image it is."""
    said = {"id": 77, "image_id": 5, "category_id": 99, "area": -1, "bbox": "none", "iscrowd": 1, "segmentation": "x"}
    shape = {"label": "cat", "shape_type": "polygon", "points": [[2, 2], [8, 2], [8, 7]], "note": "kept", **said}
    about = {"imagePath": "a.png", "imageHeight": 9, "imageWidth": 12, "imageData": None, "shapes": [shape]}
    (tmp_path / "set").mkdir()
    (tmp_path / "set/a.png").write_bytes(picture())
    (tmp_path / "set/a.json").write_text(json.dumps({**about, "version": "5.5.0", "width": 5, "file_name": "b.png"}))
    for target in ("coco", "lvis", "coco-panoptic"):
        result = converter.convert(tmp_path / "set", tmp_path / target, to=target)
        (sample,) = converter.open(tmp_path / target, format=target)
        assert (sample.image.path, sample.image.width) == ("a.png", 12)
        (instance,) = sample.instances
        assert (instance.class_name, instance.attributes["note"]) == ("cat", "kept")
        assert instance.mask().sum() > 0
        (loss,) = result.losses
        assert loss.code == "attribute-dropped"
        assert "category_id" in loss.message
        (note,) = (note for note in result.notes if note.code == "metadata-dropped")
        assert note.message == "the target has no place for file_name, width of images"


FACTS = {"attributes": {"sky": "grey"}, "description": "foggy", "source": "drone", "tags": ["wet"], "weather": "rain"}


@pytest.mark.parametrize("target", WRITERS)
def test_what_is_said_of_images_and_objects_is_kept_or_told(target: str, tmp_path: Path) -> None:
    """A key that a format has for objects is none that it has for images, and the other way round."""
    source = coco(tmp_path / "set", None)
    document = json.loads((source / "coco.json").read_text())
    shape = {k: v for k, v in document["annotations"][0].items() if v is not None}
    document["annotations"] = [shape | FACTS | {"supercategory": "pet"}]
    document["images"] = [{"id": 1, "file_name": "a.png", **SIZE, **FACTS}]
    document["categories"] = [{"id": 1, "name": "cat", "supercategory": "animal", "color": [10, 20, 30]}]
    (source / "coco.json").write_text(json.dumps(document | {"info": {"year": 2020}}))
    result = converter.convert(source, tmp_path / "out", to=target, workers=1)
    told = {True: "", False: ""} | {
        loss.message.startswith("the image"): loss.message for loss in result.losses if loss.code == "attribute-dropped"
    }
    notes = [note for note in result.notes if note.code == "metadata-dropped"]
    told[True] += "".join(note.message for note in notes if note.where == "a.png")
    noted = " ".join(note.message for note in notes if note.where != "a.png")
    dataset = converter.open(tmp_path / "out", format=target)
    assert (dataset.classes[0].color == (10, 20, 30)) != ("colours of classes" in noted)
    (sample,) = dataset
    (instance,) = sample.instances or (None,)
    for key, value in FACTS.items():
        assert sample.image.extra.get(key) == value or key in told[True], key
        assert (instance is not None and instance.attributes.get(key) == value) or key in told[False], key
    assert (instance is not None and "supercategory" in instance.attributes) or "supercategory" in told[False]
    keeps = {"coco", "coco-panoptic", "lvis"}
    assert ("supercategory" in noted) == (target not in {*keeps, "datumaro"})
    assert ("info" in noted) == (target not in keeps)


@pytest.mark.parametrize("target", ["cvat", "datumaro", "labelme"])
def test_objects_of_one_group_and_class_stay_apart(target: str, tmp_path: Path) -> None:
    """There they would be parts of one; of a group of several classes each is its own."""
    source = coco(tmp_path / "set", None)
    document = json.loads((source / "coco.json").read_text())
    kept = {k: v for k, v in document["annotations"][0].items() if v is not None}
    places = [(1, 5, 0), (1, 5, 3), (2, 5, 1), (1, 6, 0), (2, 6, 1)]
    document["annotations"] = [
        {**kept, "id": id, "category_id": c, "group_id": group, "segmentation": [[left, 2, left + 3, 2, left + 3, 6]]}
        for id, (c, group, left) in enumerate(places, 1)
    ]
    document["categories"] = [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]
    (source / "coco.json").write_text(json.dumps(document))
    result = converter.convert(source, tmp_path / "out", to=target)
    (sample,) = converter.open(tmp_path / "out")
    groups = [(i.class_name, i.attributes.get("group_id")) for i in sample.instances]
    assert groups == [("cat", None), ("cat", None), ("dog", 5), ("cat", 6), ("dog", 6)]
    (loss,) = result.losses
    assert (loss.code, loss.amount) == ("attribute-dropped", 2)
    assert loss.message == "2 instances lost group_id, as those of one group and class would be one object"
