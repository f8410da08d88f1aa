"""Rows of labels with a number more than a shape has."""

from __future__ import annotations

import pytest
from PIL import Image

import converter

ROWS = {"box": "0 0.5 0.5 0.2 0.4", "polygon": "0 0.1 0.1 0.9 0.1 0.9 0.6"}


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize(("last", "code"), [("17", "track-id"), ("0.87", "confidence")])
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
