"""Binary masks through every mask format and back: no pixel of no nucleus changes."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests import oracle
from tests.conformance.trees import READERS
from tests.data.sets import dsb2018
from tests.support import segpack, tree

Masks = dict[str, Counter[str]]
CHAIN = [
    ("coco", "--segmentation", "rle"),
    ("instance-png",),
    ("coco", "--segmentation", "polygon"),
    ("yolo-seg",),
    ("coco",),
]


@pytest.fixture(scope="module")
def source(data, whole, tmp_path_factory):
    return dsb2018(data, tmp_path_factory.mktemp("dsb2018") / "some", None if whole else 6)


def original(source: Path) -> Masks:
    masks = sorted(source.glob("*/masks/*.png"))
    found: Masks = {p.name: Counter() for p in source.glob("*/images/*.png")}
    for path in masks:
        found[f"{path.parts[-3]}.png"][oracle.digest(oracle.png_values(path) > 0)] += 1
    return found


def written(folder: Path, format: str) -> Masks:
    return {
        Path(name).name: Counter(oracle.digest(t.pixels) for t in drawn.things)
        for name, drawn in READERS[format](folder).items()
    }


def test_the_chain_keeps_every_pixel(source, tmp_path):
    expected, files = original(source), tree(source)
    here = source
    for step, (format, *options) in enumerate(CHAIN):
        target = tmp_path / f"{step}-{format}"
        run = segpack("convert", here, target, "--to", format, *options, "--json")
        assert run.json["losses"] == {}
        assert written(target, format) == expected
        here = target
    assert tree(source) == files, "what is read is not changed"


def test_simplified_polygons_keep_the_iou_asked_for(source, tmp_path):
    segpack("convert", source, tmp_path / "exact", "--to", "coco", "--segmentation", "polygon")
    run = segpack("convert", source, tmp_path / "simple", "--to", "coco", "--segmentation", "polygon",
                  "--min-iou", "0.95", "--json")  # fmt: skip
    exact, simple = (oracle.coco_masks(tmp_path / name / "coco.json") for name in ("exact", "simple"))
    changed = 0
    for name, masks in exact.items():
        for (_, _, mine), (_, _, theirs) in zip(masks, simple[name], strict=True):
            assert (mine & theirs).sum() >= 0.95 * (mine | theirs).sum()
            changed += bool((mine != theirs).any())
    assert run.json["losses"] == ({"simplified": changed} if changed else {})
    sizes = [(tmp_path / name / "coco.json").stat().st_size for name in ("simple", "exact")]
    assert sizes[0] < sizes[1]
