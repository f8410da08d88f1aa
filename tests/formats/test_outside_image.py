"""Polygons that reach outside their image: a note, whatever tool has drawn them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

import converter

WIDTH, HEIGHT = 40, 30
RINGS: list[list[float]] = [
    [-9, 5, 20, 5, 20, 25],
    [10, 10, 40.5, 10, 20, 30],
    [0, 0, WIDTH, 0, WIDTH, HEIGHT, 0, HEIGHT],
]
BEYOND: list[float] = [50, 50, 60, 50, 60, 60]  # no pixel of the image


def coco(folder: Path) -> Path:
    (folder / "images").mkdir(parents=True)
    Image.new("L", (WIDTH, HEIGHT)).save(folder / "images/a.png")
    annotations = [
        {"id": i, "image_id": 1, "category_id": 1, "segmentation": [ring], "iscrowd": 0}
        for i, ring in enumerate(RINGS, 1)
    ]
    images = [{"id": 1, "file_name": "a.png", "width": WIDTH, "height": HEIGHT}]
    data = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "cat"}]}
    (folder / "coco.json").write_text(json.dumps(data))
    return folder


def via(folder: Path) -> Path:
    folder.mkdir()
    Image.new("L", (WIDTH, HEIGHT)).save(folder / "a.png")
    shapes = [{"name": "polygon", "all_points_x": ring[0::2], "all_points_y": ring[1::2]} for ring in [*RINGS, BEYOND]]
    regions = [{"shape_attributes": shape, "region_attributes": {"class": "cat"}} for shape in shapes]
    page = {"a.png1": {"filename": "a.png", "size": 1, "regions": regions, "file_attributes": {}}}
    (folder / "via.json").write_text(json.dumps(page))
    return folder


def labelme3(folder: Path) -> Path:
    (folder / "Images").mkdir(parents=True)
    (folder / "Annotations").mkdir()
    Image.new("L", (WIDTH, HEIGHT)).save(folder / "Images/a.png")
    objects = "".join(
        "<object><name>cat</name><deleted>0</deleted><polygon>"
        + "".join(f"<pt><x>{x}</x><y>{y}</y></pt>" for x, y in zip(ring[0::2], ring[1::2], strict=True))
        + "</polygon></object>"
        for ring in [*RINGS, BEYOND]
    )
    page = f"<annotation><filename>a.png</filename><folder></folder>{objects}</annotation>"
    (folder / "Annotations/a.xml").write_text(page)
    return folder


def check(source: Path, out: Path, count: int) -> None:
    result = converter.convert(source, out, to="coco")
    told = [(n.where, n.message) for n in result.notes if n.code == "outside-image"]
    assert told == [("a.png", f"{count} polygons reach outside the image; the mask of one ends at the edge")]


@pytest.mark.parametrize("tool", ["cvat", "datumaro", "label-studio", "labelme", "supervisely"])
def test_what_reaches_outside_is_told(tool, tmp_path):
    converter.convert(coco(tmp_path / "set"), tmp_path / "tool", to=tool)
    check(tmp_path / "tool", tmp_path / "out", 2)


@pytest.mark.parametrize("make", [via, labelme3])
def test_what_reaches_outside_is_told_of_formats_that_are_only_read(make, tmp_path):
    check(make(tmp_path / "set"), tmp_path / "out", 3)
