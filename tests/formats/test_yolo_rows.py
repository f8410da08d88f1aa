"""Rows of labels with a number more than a shape has."""

from __future__ import annotations

import json

import pytest
from PIL import Image

import converter
from converter.errors import SourceError

ROWS = {"box": "0 0.5 0.5 0.2 0.4", "polygon": "0 0.1 0.1 0.9 0.1 0.9 0.6"}


@pytest.mark.parametrize(
    ("row", "last", "code"),
    [
        ("box", "17", "track-id"),
        ("box", "1", "track-id"),
        ("box", "1.5", "confidence"),
        ("polygon", "17", "track-id"),
        ("polygon", "2", "track-id"),
        ("polygon", "0.87", "confidence"),
    ],
)
def test_the_number_at_the_end_is_left_out_and_told(row, last, code, tmp_path):
    for folder, text in (("bare", ROWS[row]), ("more", f"{ROWS[row]} {last}")):
        source = tmp_path / folder
        (source / "images").mkdir(parents=True)
        (source / "labels").mkdir()
        Image.new("RGB", (20, 10)).save(source / "images/a.png")
        (source / "labels/a.txt").write_text(f"{text}\n")
        (source / "classes.txt").write_text("cell\n")
    told = [converter.convert(tmp_path / s, tmp_path / f"{s}-coco", to="coco").notes for s in ("bare", "more")]
    assert [[n.code for n in notes] for notes in told] == [[], [code]]
    written = [(tmp_path / f"{s}-coco/coco.json").read_bytes() for s in ("bare", "more")]
    assert written[0] == written[1]


@pytest.mark.parametrize(("last", "score"), [("0.87", 0.87), ("1.0", 1.0), ("0.", 0.0), ("1.0000", 1.0)])
def test_the_confidence_of_a_box_is_its_score(last, score, tmp_path):
    source = tmp_path / "set"
    (source / "images").mkdir(parents=True)
    (source / "labels").mkdir()
    Image.new("RGB", (20, 10)).save(source / "images/a.png")
    (source / "labels/a.txt").write_text(f"{ROWS['box']} {last}\n{ROWS['box']}\n")
    (source / "classes.txt").write_text("cell\n")
    result = converter.convert(source, tmp_path / "coco", to="coco")
    assert (result.losses, [n.code for n in result.notes if n.code == "confidence"]) == ([], ["confidence"])
    found = json.loads((tmp_path / "coco/coco.json").read_bytes())["annotations"]
    assert [(a["bbox"], a.get("score")) for a in found] == [([8, 3, 4, 4], score), ([8, 3, 4, 4], None)]
    again = converter.convert(source, tmp_path / "yolo", to="yolo")
    assert [(x.code, x.image) for x in again.losses] == [("attribute-dropped", "a.png")]


@pytest.mark.parametrize(
    ("format", "row"),
    [("yolo", "0 100 50 40 20"), ("yolo-seg", "0 10 10 90 10 90 60"), ("yolo-obb", "0 10 10 90 10 90 60 10 60")],
)
def test_a_set_in_pixels_is_not_ready(format, row, tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "labels").mkdir()
    Image.new("RGB", (20, 10)).save(tmp_path / "images/a.png")
    (tmp_path / "labels/a.txt").write_text(f"{row}\n")
    (tmp_path / "classes.txt").write_text("cell\n")
    report = converter.check(tmp_path, format=format, workers=1)
    assert not report.ok
    assert [(f.code, f.fix) for f in report.findings if f.severity == "error"] == [
        ("invalid-polygon", "pixels? divide by width and height")
    ]


@pytest.mark.parametrize("end", ["\r", "\r\n", "\n\n", " \f", "\v", "\u2028"])
@pytest.mark.parametrize(("format", "row"), [("yolo", ROWS["box"]), ("yolo-obb", "0 0.1 0.1 0.5 0.1 0.5 0.5 0.1 0.5")])
def test_rows_end_where_trainers_end_them(format, row, end, tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "labels").mkdir()
    Image.new("RGB", (20, 10)).save(tmp_path / "images/a.png")
    (tmp_path / "labels/a.txt").write_text(f"{row}{end}{row}", "utf-8", newline="")
    (tmp_path / "classes.txt").write_text("cell\n")
    (sample,) = converter.open(tmp_path, format=format)
    assert len(sample.instances) == 2


@pytest.mark.parametrize(("count", "visible"), [(17, "2"), (5, "2"), (4, "2"), (2, "2.000"), (3, "1")])
def test_a_pose_is_told_from_a_polygon(count, visible, tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "labels").mkdir()
    Image.new("RGB", (20, 10)).save(tmp_path / "images/a.png")
    points = [f"0.4 0.4 {visible}", "0 0 0", "0.2 0.3 1"][:count] + ["0.5 0.6 2"] * (
        count - 3
    )  # one that cannot be seen is 0 0 0
    (tmp_path / "labels/a.txt").write_text(f"{ROWS['box']} {' '.join(points)}\n")
    config = "train: images\nval: images\nnames: [person]\n"
    (tmp_path / "data.yaml").write_text(config)
    if visible == "1":  # a polygon might have these numbers
        assert len(list(converter.open(tmp_path))) == 1
        return
    wrong = rf"labels/a\.txt: line 1: looks like a pose: a box and {count} keypoints .*kpt_shape: \[{count}, 3\]"
    with pytest.raises(SourceError, match=wrong):
        list(converter.open(tmp_path))
    (tmp_path / "data.yaml").write_text(f"{config}kpt_shape: [{count}, 3]\n")
    assert [i.box for s in converter.open(tmp_path) for i in s.instances] == [(8, 3, 4, 4)]
