"""Supervisely's SDK opens the projects that are written, and segpack those that it saves."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import converter
from converter.model import Box, Marks
from tests import oracle
from tests.peers import peer
from tests.support import FIXTURES

sly = peer("supervisely")


def drawn(project: Any) -> dict[str, Counter[tuple[str, str]]]:
    """Image -> class and pixels of every bitmap, as the SDK draws it."""
    found: dict[str, Counter[tuple[str, str]]] = {}
    for dataset in project.datasets:
        for name, _, file in dataset.items():
            annotation = sly.Annotation.load_json_file(file, project.meta)
            things = found.setdefault(name, Counter())
            for label in annotation.labels:
                canvas = np.zeros(annotation.img_size, np.uint8)
                label.geometry.draw(canvas, 1)
                if isinstance(label.geometry, sly.Bitmap):
                    things[label.obj_class.name, oracle.digest(canvas.astype(bool))] += 1
    return found


@pytest.mark.parametrize("source", ["coins", "torture"])
def test_its_sdk_draws_what_is_written(source: str, tmp_path: Path) -> None:
    file = FIXTURES / "coco/valid" / source
    converter.convert(file, tmp_path / "rle", to="coco", segmentation="rle")
    converter.convert(tmp_path / "rle", tmp_path / "out", to="supervisely")
    found = drawn(sly.Project(str(tmp_path / "out"), sly.OpenMode.READ))
    expected = oracle.coco_masks(file / "coco.json")
    assert found == {n: oracle.multiset([m for m in ms if m[2].any() and not m[1]]) for n, ms in expected.items()}


def test_figures_of_every_kind_are_opened(tmp_path: Path) -> None:
    converter.convert(FIXTURES / "supervisely/valid/figures", tmp_path / "out", to="supervisely")
    project = sly.Project(str(tmp_path / "out"), sly.OpenMode.READ)
    files = [(file, project.meta) for dataset in project.datasets for _, _, file in dataset.items()]
    labels = [label for file, meta in files for label in sly.Annotation.load_json_file(file, meta).labels]
    assert len(labels) == sum(len(sample.instances) for sample in converter.open(tmp_path / "out"))


def test_what_it_saves_is_read(tmp_path: Path) -> None:
    """Two datasets of images of one name; a bitmap with a hole, one over the edge, and the other figures."""
    cat = sly.ObjClass("cat", sly.AnyGeometry, [200, 30, 30])
    note = sly.TagMeta("note", sly.TagValueType.ANY_STRING)
    project = sly.Project(str(tmp_path / "set"), sly.OpenMode.CREATE)
    project.set_meta(sly.ProjectMeta(obj_classes=[cat], tag_metas=[note]))
    ring = np.ones((10, 12), bool)
    ring[3:6, 3:9] = False
    corners = [sly.PointLocation(2, 30), sly.PointLocation(2, 50), sly.PointLocation(20, 50)]
    figures = [
        sly.Bitmap(ring, origin=sly.PointLocation(4, 5)),
        sly.Polygon(corners, interior=[]),
        sly.Rectangle(20, 3, 29, 12),
        sly.Polyline(corners),
        sly.Point(9, 9),
    ]
    tags = sly.TagCollection([sly.Tag(note, "left")])
    labels = [sly.Label(figure, cat, tags=tags) for figure in figures]
    Image.new("RGB", (64, 32)).save(tmp_path / "a.png")
    for name in ("first", "second"):
        dataset = project.create_dataset(name)
        dataset.add_item_file("a.png", str(tmp_path / "a.png"), ann=sly.Annotation((32, 64), labels))
    found = list(converter.open(tmp_path / "set"))
    assert [s.image.name for s in found] == ["first/a.png", "second/a.png"]
    expected = np.zeros((32, 64), bool)
    expected[4:14, 5:17] = ring
    for sample in found:
        bitmap, polygon, rectangle, line, point = sample.instances
        assert np.array_equal(bitmap.mask(), expected)
        assert np.array_equal(polygon.mask(), oracle.from_segmentation([[30, 2, 50, 2, 50, 20]], 32, 64))
        assert rectangle.shape == Box(3, 20, 10, 10)
        assert line.shape == Marks("polyline", [30, 2, 50, 2, 50, 20])
        assert point.shape == Marks("points", [9, 9])
