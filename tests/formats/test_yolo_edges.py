"""Boxes that reach over the edge of their image: Ultralytics drops an image for one row beyond 0 to 1."""

from __future__ import annotations

import json

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import converter

WIDTH, HEIGHT = 40, 30
SIDES = st.one_of(st.floats(-60, 60), st.integers(-50, 50))
LENGTHS = st.one_of(st.floats(0.01, 90), st.integers(1, 90))


def write(folder, boxes):
    folder.mkdir(exist_ok=True)
    annotations = [{"id": i, "image_id": 1, "category_id": 1, "bbox": box} for i, box in enumerate(boxes, 1)]
    images = [{"id": 1, "file_name": "a.png", "width": WIDTH, "height": HEIGHT}]
    content = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "cell"}]}
    (folder / "coco.json").write_text(json.dumps(content))
    return folder


def converted(source, target):
    result = converter.convert(source, target, to="yolo", image_files="none", overwrite=True)
    text = (target / "labels/a.txt").read_text()
    return result, np.array([row.split() for row in text.splitlines()], float).reshape(-1, 5)[:, 1:]


@settings(max_examples=60)
@given(st.lists(st.tuples(SIDES, SIDES, LENGTHS, LENGTHS), min_size=1, max_size=4))
def test_a_box_ends_at_the_edge(tmp_path_factory, boxes):
    folder = tmp_path_factory.getbasetemp() / "edges"
    folder.mkdir(exist_ok=True)
    result, rows = converted(write(folder / "set", boxes), folder / "out")
    kept = []
    for x, y, w, h in boxes:
        left, top, right, bottom = max(x, 0), max(y, 0), min(x + w, WIDTH), min(y + h, HEIGHT)
        if left < right and top < bottom:
            kept.append([(left + right) / 2 / WIDTH, (top + bottom) / 2 / HEIGHT])
            kept[-1] += [(right - left) / WIDTH, (bottom - top) / HEIGHT]
    assert np.abs(rows - np.array(kept).reshape(-1, 4)).max(initial=0) <= 1e-5
    assert rows.min(initial=0) >= 0
    assert rows.max(initial=1) <= 1
    assert [loss.code for loss in result.losses] == ["out-of-image"] * (len(boxes) - len(kept))


def test_what_was_cut_is_told_and_what_rounding_did_is_not(tmp_path):
    source = write(tmp_path / "set", [[-2, 1, 9, 9], [0, 0, WIDTH + 1e-9, HEIGHT], [50, 1, 4, 4]])
    result, rows = converted(source, tmp_path / "out")
    assert [note.where for note in result.notes if note.code == "outside-image"] == ["a.png, instance 1"]
    assert [(loss.code, loss.instance) for loss in result.losses] == [("out-of-image", 3)]
    assert rows[1].tolist() == [0.5, 0.5, 1, 1]


def test_coco_keeps_the_box_as_it_is(tmp_path):
    converter.convert(write(tmp_path / "set", [[-2, 1, 9, 9]]), tmp_path / "out", to="coco", image_files="none")
    assert json.loads((tmp_path / "out/coco.json").read_bytes())["annotations"][0]["bbox"] == [-2, 1, 9, 9]


def test_six_digits_of_a_large_image_reach_over_no_edge(tmp_path):
    row = "0 0.250000 0.500000 0.500001 1.000000\n"
    for folder in ("images", "labels"):
        (tmp_path / "in" / folder).mkdir(parents=True)
    Image.new("1", (9000, 10)).save(tmp_path / "in/images/a.png")
    (tmp_path / "in/labels/a.txt").write_text(row)
    (tmp_path / "in/classes.txt").write_text("cell\n")
    result = converter.convert(tmp_path / "in", tmp_path / "out", to="yolo")
    assert [note.code for note in result.notes if note.code == "outside-image"] == []
    assert [float(v) for v in (tmp_path / "out/labels/a.txt").read_text().split()] == [float(v) for v in row.split()]


def test_a_box_thinner_than_all_digits_stays_one(tmp_path):
    result, (row,) = converted(write(tmp_path / "set", [[20, 15, 4e-6, 3e-5], [1, 1, 0, 0]]), tmp_path / "out")
    assert row.tolist() == [0.5, 0.5, 1e-7, 1e-6]
    assert [x.code for x in result.losses] == ["empty-mask"]
    again = converter.convert(tmp_path / "set", tmp_path / "again", to="yolo", image_files="none")
    assert again.instances == 1
