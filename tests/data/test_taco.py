"""A large set with defects of its own and without images; and one with ten more."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from tests import oracle
from tests.support import codes, segpack

Json = dict[str, Any]


@pytest.fixture(scope="module")
def source(data):
    return data / "taco" / "data" / "annotations.json"


@pytest.fixture(scope="module")
def content(source):
    return json.loads(source.read_bytes())


def test_converts_without_images_and_names_what_it_repaired(source, content, tmp_path):
    run = segpack("convert", source, tmp_path / "out", "--to", "coco", "--image-files", "none", "--json")
    assert (run.json["images"], run.json["instances"]) == (1500, 4784)
    assert run.json["losses"] == {}
    assert {"duplicate-annotation-id", "outside-image"} <= codes(run.json["notes"])
    written = json.loads((tmp_path / "out/coco.json").read_bytes())
    assert len({a["id"] for a in written["annotations"]}) == 4784
    assert Counter(json.dumps(a["segmentation"]) for a in written["annotations"]) == Counter(
        json.dumps(a["segmentation"]) for a in content["annotations"]
    )
    assert {i["file_name"] for i in written["images"]} == {i["file_name"] for i in content["images"]}


def test_needs_its_images_unless_told(source, tmp_path):
    run = segpack("convert", source, tmp_path / "out", "--to", "coco", check=2)
    assert "--images" in run.error
    assert not (tmp_path / "out").exists()


def damage(content: Json) -> dict[int, str]:
    """Break ten annotations in ten ways, in place; what each message has to speak of."""
    sizes = {i["id"]: [i["height"], i["width"]] for i in content["images"]}
    wounds: list[tuple[Json, str]] = [
        ({"counts": [1, 2, 3]}, "add up"),
        ({"segmentation": [[1.0, 2.0, float("nan"), 4.0, 5.0, 6.0]]}, "NaN"),
        ({"segmentation": [[1, 2, 3, 4]]}, "points"),
        ({"image_id": 99999}, "99999"),
        ({"category_id": 777}, "777"),
        ({"segmentation": [[1, 2, 3, 4, 5, 6, 7]]}, "odd"),
        ({"segmentation": [["a", "b", "c", "d", "e", "f"]]}, "segmentation"),
        ({"counts": "~~"}, "character"),
        ({"bbox": [1, 2]}, "bbox"),
        ({"category_id": "bottle"}, "category_id"),
    ]
    expected = {}
    for i, (wound, word) in enumerate(wounds):
        annotation = content["annotations"][100 + 137 * i]
        if "counts" in wound:
            annotation["segmentation"] = {"size": sizes[annotation["image_id"]], **wound}
        else:
            annotation |= wound
        expected[annotation["id"]] = word
    return expected


def test_ten_broken_records(content, tmp_path):
    broken = json.loads(json.dumps(content))
    expected = damage(broken)
    (tmp_path / "set").mkdir()
    (tmp_path / "set/annotations.json").write_text(json.dumps(broken))
    out = tmp_path / "out"
    run = segpack("convert", tmp_path / "set", out, "--to", "coco", "--image-files", "none", check=2)
    assert "annotations.json" in run.error
    assert list(tmp_path.iterdir()) == [tmp_path / "set"]
    run = segpack("convert", tmp_path / "set", out, "--to", "coco", "--image-files", "none", "--on-error", "skip",
                  "--json", "--losses", tmp_path / "losses.json")  # fmt: skip
    assert run.json["instances"] == 4774
    losses = json.loads((tmp_path / "losses.json").read_bytes())["losses"]
    assert {x["code"] for x in losses} == {"skipped-annotation"}
    assert {x["instance"]: x["message"] for x in losses}.keys() == expected.keys()
    for loss in losses:
        assert expected[loss["instance"]] in loss["message"]
    written = json.loads((out / "coco.json").read_bytes())
    kept = [a for a in content["annotations"] if a["id"] not in expected]
    duplicates = len(content["annotations"]) - len({a["id"] for a in content["annotations"]})
    assert len(kept) <= 4774 <= len(kept) + duplicates
    assert Counter(json.dumps(a["segmentation"]) for a in written["annotations"]) == Counter(
        json.dumps(a["segmentation"]) for a in kept
    )


@pytest.mark.parametrize("part", [slice(0, 60)])
def test_masks_without_images(content, part, tmp_path):
    """Polygons with coordinates at -1 and at the width, traced and drawn again."""
    some = {i["id"] for i in content["images"][part]}
    small = content | {
        "images": [i for i in content["images"] if i["id"] in some],
        "annotations": [a for a in content["annotations"] if a["image_id"] in some],
    }
    (tmp_path / "set").mkdir()
    (tmp_path / "set/coco.json").write_text(json.dumps(small))
    segpack("convert", tmp_path / "set", tmp_path / "out", "--to", "coco", "--image-files", "none",
            "--segmentation", "rle")  # fmt: skip
    before = oracle.coco_masks(tmp_path / "set/coco.json")
    after = oracle.coco_masks(tmp_path / "out/coco.json")
    assert {n: oracle.multiset(m) for n, m in before.items()} == {n: oracle.multiset(m) for n, m in after.items()}
