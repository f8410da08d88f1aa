"""Masks without a background: 0 is the sky, and every pixel keeps its class through COCO."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests import oracle
from tests.data.sets import CAMVID, camvid_classes
from tests.support import segpack


def test_through_coco_and_back(data, tmp_path):
    source = data / "camvid_segnet" / "CamVid"
    classes = camvid_classes(tmp_path)
    segpack("convert", source, tmp_path / "coco", "--to", "coco", "--classes", classes)
    segpack("convert", tmp_path / "coco", tmp_path / "back", "--to", "semantic-png")
    about = json.loads((tmp_path / "back/meta.json").read_bytes())
    assert [(c["id"], c["name"]) for c in about["classes"]] == list(enumerate(CAMVID))
    assert about["background_id"] is None
    masks = sorted(source.glob("*annot/*.png"))
    assert masks
    for mask in masks:
        found = oracle.png_values(tmp_path / "back" / "masks" / "val" / mask.name)
        assert np.array_equal(found, oracle.png_values(mask))


@pytest.mark.parametrize("segmentation", ["rle", "polygon"])
def test_regions_are_exact(data, segmentation, tmp_path):
    source = data / "camvid_segnet" / "CamVid"
    segpack("convert", source, tmp_path / "coco", "--to", "coco", "--segmentation", segmentation,
            "--classes", camvid_classes(tmp_path))  # fmt: skip
    for name, masks in oracle.coco_masks(tmp_path / "coco/coco.json").items():
        labels = oracle.png_values(source / "valannot" / name.rpartition("/")[2])
        assert {n for n, _, _ in masks} == {CAMVID[v] for v in np.unique(labels)}
        for class_name, _, mask in masks:
            assert np.array_equal(mask, labels == CAMVID.index(class_name))
