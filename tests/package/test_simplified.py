"""A package with simpler polygons: every encoding has their pixels, and the least IoU holds for each object."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

import converter
from converter.errors import UsageError
from converter.geometry import rle, shapes
from converter.model import Rle
from tests.support import FIXTURES

SOURCES = {"polygons": "coco/valid/coins", "masks": "instance-png/valid/torture"}


def masks(path: Path) -> dict[tuple[str, int | None], Rle]:
    found = {}
    for sample in converter.open(path):
        for instance in sample.instances:
            shape = shapes.mask_of(instance.shape, sample.image.height, sample.image.width)
            found[sample.image.name, instance.id] = shape
    return found


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("encoding", ["binary", "rle", "polygon"])
@pytest.mark.parametrize("yolo", [None, "boxes", "seg"])
def test_every_encoding_is_simplified(source: str, encoding: Any, yolo: Any, tmp_path: Path) -> None:
    folder = FIXTURES / SOURCES[source]
    result = converter.pack(folder, tmp_path / "set", mask_encoding=encoding, yolo=yolo, min_iou=0.9)
    assert [f.message for f in converter.check(tmp_path / "set").findings if f.severity == "error"] == []
    before, after = masks(folder), masks(tmp_path / "set")
    assert before.keys() == after.keys()
    changed = {key for key in before if rle.iou(before[key], after[key]) < 1 and rle.area(before[key])}
    assert all(rle.iou(before[key], after[key]) >= 0.9 for key in changed)
    assert {(loss.image, loss.instance) for loss in result.losses if loss.code == "simplified"} == changed
    assert changed


def test_the_polygons_are_shorter(tmp_path: Path) -> None:
    folder = FIXTURES / SOURCES["masks"]
    for name, least in (("exact", None), ("simple", 0.9)):
        converter.pack(folder, tmp_path / f"{name}.zip", mask_encoding="polygon", yolo="seg", min_iou=least)
    sizes = []
    for name in ("exact", "simple"):
        with zipfile.ZipFile(tmp_path / f"{name}.zip") as archive:
            content = json.loads(archive.read("coco/coco.json"))
            rows = b" ".join(archive.read(n) for n in archive.namelist() if n.endswith(".txt"))
        rings = [ring for a in content["annotations"] for ring in a["segmentation"]]
        sizes.append((sum(map(len, rings)), len(rows.split())))
    assert sizes[1][0] < sizes[0][0]
    assert sizes[1][1] < sizes[0][1]


def test_maps_of_classes_have_no_polygons(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a map of classes has none"):
        converter.pack(FIXTURES / SOURCES["polygons"], tmp_path / "o.zip", mask_encoding="multi-class", tolerance=1)
    assert not (tmp_path / "o.zip").exists()


@pytest.mark.parametrize(("to", "options"), [("instance-png", {}), ("semantic-png", {}), ("yolo", {}), ("voc", {}),
                                             ("coco", {"segmentation": "rle"})])  # fmt: skip
def test_formats_that_write_no_polygons_do_not_ignore_it(to: str, options: Any, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="simplify polygons"):
        converter.convert(FIXTURES / SOURCES["polygons"], tmp_path / "out", to=to, min_iou=0.9, **options)
