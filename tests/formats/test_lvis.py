"""LVIS: names, classes that were looked for, and what categories say of themselves."""

from __future__ import annotations

import json

import pytest

import converter
from tests.support import FIXTURES


def test_file_name_wins_over_coco_url():
    dataset = converter.open(FIXTURES / "lvis/valid/urls")
    assert [s.image.name for s in dataset] == ["train2017/parts.png", "val2017/overlaps.png", "train2017/noise.png"]
    assert {s.image.split for s in dataset} == {"val"}


def test_classes_that_were_looked_for_are_kept(tmp_path):
    converter.convert(FIXTURES / "lvis/valid/file-names", tmp_path / "out", to="lvis")
    found = json.loads((tmp_path / "out/annotations/lvis.json").read_text())
    assert [i["not_exhaustive_category_ids"] for i in found["images"]] == [[], [2], [2]]
    assert all(i["neg_category_ids"] == [3] for i in found["images"])
    assert not any("iscrowd" in a for a in found["annotations"])
    assert [c["frequency"] for c in found["categories"]] == ["c", "f", "r"]


def test_coco_becomes_lvis_with_what_its_api_needs(tmp_path):
    result = converter.convert(FIXTURES / "coco/valid/torture", tmp_path / "out", to="lvis")
    assert {x.code for x in result.losses} == {"crowd-dropped"}
    found = json.loads((tmp_path / "out/annotations/lvis.json").read_text())
    assert all({"neg_category_ids", "not_exhaustive_category_ids"} <= i.keys() for i in found["images"])
    for category in found["categories"]:
        mine = [a for a in found["annotations"] if a["category_id"] == category["id"]]
        assert category["instance_count"] == len(mine)
        assert category["image_count"] == len({a["image_id"] for a in mine})


def test_a_panoptic_set_of_lvis_is_read_as_panoptic(tmp_path):
    converter.convert(FIXTURES / "lvis/valid/file-names", tmp_path / "out", to="coco-panoptic")
    assert "neg_category_ids" in (tmp_path / "out/annotations/panoptic.json").read_text()
    assert converter.open(tmp_path / "out").format == "coco-panoptic"


@pytest.mark.parametrize("fixture", ["file-names", "urls"])
def test_coco_and_packages_of_lvis_are_read_as_what_they_are(fixture, tmp_path):
    """They keep which classes were looked for, as LVIS has it."""
    source = FIXTURES / "lvis/valid" / fixture
    converter.convert(source, tmp_path / "coco", to="coco")
    for made in (tmp_path / "coco", tmp_path / "coco/coco.json"):
        assert converter.open(made).format == "coco"
    assert converter.diff(source, tmp_path / "coco").equal
    for encoding in ("binary", "rle"):
        converter.pack(source, tmp_path / f"{encoding}.zip", mask_encoding=encoding)
        assert converter.check(tmp_path / f"{encoding}.zip").ok
    back = converter.convert(tmp_path / "binary.zip", tmp_path / "back", to="lvis")
    assert not back.losses
    assert all("neg_category_ids" in s.image.extra for s in converter.open(tmp_path / "back"))


def test_classes_that_were_looked_for_move_with_their_ids(tmp_path):
    """A class made of two is surely absent where both are, and drawn in part where one is."""
    said = ([2, 3, 4], [1]), ([3], [2, 4])
    marks = [dict(zip(("neg_category_ids", "not_exhaustive_category_ids"), ids, strict=True)) for ids in said]
    images = [{"id": i, "file_name": f"{i}.jpg", "width": 9, "height": 8, **m} for i, m in enumerate(marks, 1)]
    names = ("cat", "dog", "wolf", "sky")
    categories = [{"id": i, "name": name} for i, name in enumerate(names, 1)]
    (tmp_path / "lvis.json").write_text(json.dumps({"images": images, "annotations": [], "categories": categories}))
    classes = {
        "classes": [{"id": 7, "name": "dogs", "from": ["dog", "wolf"]}, {"id": 2, "name": "cat"}],
        "drop": ["sky"],
    }
    (tmp_path / "classes.json").write_text(json.dumps(classes))
    source, out, options = tmp_path / "lvis.json", tmp_path / "out", {"classes": tmp_path / "classes.json"}
    converter.convert(source, out, to="lvis", image_files="none", **options)
    written = json.loads((out / "annotations/lvis.json").read_text())["images"]
    assert [i["neg_category_ids"] for i in written] == [[7], []]
    assert [i["not_exhaustive_category_ids"] for i in written] == [[2], [7]]
