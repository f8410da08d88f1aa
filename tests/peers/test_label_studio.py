"""Label Studio's own converter reads what is written, and draws brushes as they were."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import converter
from converter.geometry import rle
from converter.layouts import brush
from converter.model import Polygons
from tests import oracle
from tests.making.drawings import Drawing, torture
from tests.peers import peer
from tests.support import FIXTURES

brushes = peer("label_studio_sdk.converter.brush")
exporter = peer("label_studio_sdk.converter")


def test_its_exporter_finds_polygons_and_boxes(tmp_path: Path) -> None:
    """tasks.json and label_config.xml through its export to COCO give the outlines that were written."""
    source = FIXTURES / "coco/valid/polygons"
    converter.convert(source, tmp_path / "out", to="label-studio")
    config = (tmp_path / "out/label_config.xml").read_text()
    made = exporter.Converter(config, str(tmp_path / "out"), download_resources=False)
    made.convert_to_coco(str(tmp_path / "out/tasks.json"), str(tmp_path / "coco"), is_dir=False)
    found = json.loads((tmp_path / "coco/result.json").read_text())
    names = {c["id"]: c["name"] for c in found["categories"]}
    rings = Counter(
        (names[a["category_id"]], *(round(v, 6) for v in a["segmentation"][0]))
        for a in found["annotations"]
        if a["segmentation"]
    )
    expected: Counter[tuple[object, ...]] = Counter()
    for sample in converter.open(source):
        for instance in sample.instances:
            shape = instance.shape
            if isinstance(shape, Polygons) and len(shape.rings) == 1 and instance.mask().any():
                expected[(instance.class_name, *(round(v, 6) for v in shape.rings[0]))] += 1
    assert rings == expected
    assert rings


@pytest.mark.parametrize("drawing", torture(), ids=lambda d: d.name)
def test_brushes_are_decoded_and_encoded_alike(drawing: Drawing) -> None:
    for thing in drawing.things:
        height, width = thing.mask.shape
        mine = brush.encode(rle.encode(thing.mask))
        alpha = brushes.decode_rle(mine).reshape(height, width, 4)[..., 3]
        assert np.array_equal(alpha > 0, thing.mask)
        theirs = brushes.mask2rle(thing.mask.astype(np.uint8) * 255)
        assert np.array_equal(rle.decode(brush.decode(theirs, height, width)), thing.mask)


def test_brushes_of_a_set_come_from_its_decoder(tmp_path: Path) -> None:
    source = FIXTURES / "coco/valid/torture"
    converter.convert(source, tmp_path / "rle", to="coco", segmentation="rle")
    converter.convert(tmp_path / "rle", tmp_path / "out", to="label-studio")
    found: dict[str, Counter[tuple[str, str]]] = {}
    for task in json.loads((tmp_path / "out/tasks.json").read_text()):
        things = found.setdefault(Path(task["data"]["image"]).name, Counter())
        for result in task["annotations"][0]["result"]:
            size = (result["original_height"], result["original_width"], 4)
            mask = brushes.decode_rle(result["value"]["rle"]).reshape(size)[..., 3] > 0
            things[result["value"]["brushlabels"][0], oracle.digest(mask)] += 1
    expected = oracle.coco_masks(source / "coco.json")
    assert found == {n: oracle.multiset([m for m in ms if m[2].any() and not m[1]]) for n, ms in expected.items()}
