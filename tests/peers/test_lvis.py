"""LVIS's own API reads what is written."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np

import converter
from tests import oracle
from tests.peers import peer
from tests.support import FIXTURES

lvis = peer("lvis")


def test_its_api_finds_every_mask(tmp_path: Path) -> None:
    source = FIXTURES / "coco/valid/torture"
    converter.convert(source, tmp_path / "out", to="lvis")
    api = lvis.LVIS(str(tmp_path / "out/annotations/lvis.json"))
    names = {c["id"]: c["name"] for c in api.load_cats(api.get_cat_ids())}
    found: dict[str, Counter[tuple[str, str]]] = {}
    for image in api.load_imgs(api.get_img_ids()):
        drawn = api.load_anns(api.get_ann_ids(img_ids=[image["id"]]))
        masks = [(names[a["category_id"]], False, np.asarray(api.ann_to_mask(a), bool)) for a in drawn]
        found[image["file_name"]] = oracle.multiset(masks)
        assert (image["neg_category_ids"], image["not_exhaustive_category_ids"]) == ([], [])
    expected = oracle.coco_masks(source / "coco.json")
    assert found == {name: oracle.multiset([m for m in masks if not m[1]]) for name, masks in expected.items()}
