"""COCO as COCO published it: polygons, and crowds in uncompressed RLE, into every core format."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import oracle
from tests.conformance.trees import READERS
from tests.support import segpack

NEAR = 0.001


@pytest.fixture(scope="module")
def source(data):
    return data / "tiny_coco"


@pytest.fixture(scope="module")
def truth(source):
    """Image file -> (id, class, crowd, mask, the annotation as it stands)."""
    found: dict[str, list[Any]] = {}
    for file in sorted(source.glob("annotations/*.json")):
        content = json.loads(file.read_bytes())
        names = {c["id"]: c["name"] for c in content["categories"]}
        images = {i["id"]: i for i in content["images"]}
        found |= {i["file_name"]: [] for i in images.values()}
        for a in content["annotations"]:
            image = images[a["image_id"]]
            mask = oracle.from_segmentation(a["segmentation"], image["height"], image["width"])
            found[image["file_name"]].append((a["id"], names[a["category_id"]], bool(a["iscrowd"]), mask, a))
    return found


def by_name(drawn):
    return {Path(name).name: value for name, value in drawn.items()}


@pytest.mark.parametrize("segmentation", ["auto", "rle", "polygon"])
def test_to_coco(source, truth, segmentation, tmp_path):
    run = segpack("convert", source, tmp_path / "out", "--to", "coco", "--segmentation", segmentation, "--json")
    assert run.json["losses"] == {}
    masks = by_name(oracle.coco_masks(tmp_path / "out" / "coco.json"))
    assert masks.keys() == truth.keys()
    for name, expected in truth.items():
        assert oracle.multiset(masks[name]) == Counter((c, oracle.digest(m)) for _, c, _, m, _ in expected)
        assert sum(crowd for _, crowd, _ in masks[name]) == sum(crowd for _, _, crowd, _, _ in expected)
    written = {a["id"]: a for a in json.loads((tmp_path / "out/coco.json").read_bytes())["annotations"]}
    kinds = {"auto": (list, dict), "rle": (dict,), "polygon": (list,)}[segmentation]
    for id, _, _, _, annotation in (entry for entries in truth.values() for entry in entries):
        assert isinstance(written[id]["segmentation"], kinds)
        assert written[id]["iscrowd"] == annotation["iscrowd"]
        if segmentation == "auto":
            assert written[id]["segmentation"] == annotation["segmentation"]


@pytest.mark.parametrize("format", ["instance-png", "yolo-seg"])
def test_masks_are_those_of_the_coco_api(source, truth, format, tmp_path):
    run = segpack("convert", source, tmp_path / "out", "--to", format, "--json")
    drawn = by_name(READERS[format](tmp_path / "out"))
    holds_crowds = format == "instance-png"
    for name, expected in truth.items():
        found = Counter((t.name, t.iscrowd, oracle.digest(t.pixels)) for t in drawn[name].things)
        assert found == Counter((c, w, oracle.digest(m)) for _, c, w, m, _ in expected if holds_crowds or not w)
    dropped = {loss["instance"] for loss in run.json["loss_list"] if loss["code"] == "crowd-dropped"}
    crowds = {id for entries in truth.values() for id, _, crowd, _, _ in entries if crowd}
    assert crowds
    assert dropped == (set() if holds_crowds else crowds)


def test_boxes_are_tight(source, truth, tmp_path):
    run = segpack("convert", source, tmp_path / "out", "--to", "yolo", "--json")
    drawn = by_name(READERS["yolo"](tmp_path / "out"))
    for name, expected in truth.items():
        boxes = sorted(((t.name, *t.extent) for t in drawn[name].things), key=oracle.rounded)
        tight = ((c, *oracle.tight_box(m)) for _, c, crowd, m, _ in expected if not crowd)
        wanted = sorted(tight, key=oracle.rounded)
        assert [b[0] for b in boxes] == [w[0] for w in wanted]
        assert np.allclose([b[1:] for b in boxes], [w[1:] for w in wanted], rtol=0, atol=NEAR)
    assert run.json["losses"]["crowd-dropped"] == 5
    assert sum(x["amount"] for x in run.json["loss_list"] if x["code"] == "mask-to-box") == 419


def test_the_smaller_lies_on_top(source, truth, tmp_path):
    run = segpack("convert", source, tmp_path / "out", "--to", "semantic-png", "--json")
    drawn = by_name(READERS["semantic-png"](tmp_path / "out"))
    hidden = {x["instance"]: x["amount"] for x in run.json["loss_list"] if x["code"] == "overlap-hidden"}
    for name, expected in truth.items():
        order = sorted(range(len(expected)), key=lambda i: -int(expected[i][3].sum()))
        owner = np.full(drawn[name].size, -1)
        for i in order:
            owner[expected[i][3]] = i
        classes = np.array([*(c for _, c, _, _, _ in expected), ""], object)
        assert (drawn[name].labels == classes[owner]).all()
        for i, (id, _, _, mask, _) in enumerate(expected):
            assert hidden.pop(id, 0) == int(mask.sum() - (owner == i).sum())
    assert hidden == {}
