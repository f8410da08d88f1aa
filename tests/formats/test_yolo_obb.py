"""Oriented boxes: never guessed, kept corner by corner, and made of masks as small as can be."""

from __future__ import annotations

import shutil

import converter
from converter.geometry import quads, rle
from converter.model import Polygons
from converter.pipeline.opening import detect
from converter.storage import open_source
from tests.making.drawings import block
from tests.support import FIXTURES

VALID = FIXTURES / "yolo-obb/valid"


def test_without_a_word_it_is_yolo_seg(tmp_path):
    """The same rows under a name that says nothing."""
    shutil.copytree(VALID / "told", tmp_path / "set")
    assert detect(open_source(tmp_path / "set"))[0].name == "yolo-seg"


def test_corners_outside_the_image_stay(tmp_path):
    converter.convert(VALID / "task", tmp_path / "out", to="yolo-obb")
    for split, name in (("train", "tilted"), ("val", "outside")):
        before = (VALID / f"task/labels/{split}/{name}.txt").read_text().split()
        after = (tmp_path / f"out/labels/{split}/{name}.txt").read_text().split()
        assert [float(v) for v in after] == [float(v) for v in before]


def test_masks_become_the_smallest_rectangle(tmp_path):
    found = quads.around(rle.encode(block(4, 6, 5, 20)))
    assert sorted(zip(found.rings[0][0::2], found.rings[0][1::2], strict=True)) == [(6, 4), (6, 9), (26, 4), (26, 9)]
    result = converter.convert(FIXTURES / "coco/valid/coins", tmp_path / "out", to="yolo-obb")
    assert {x.code for x in result.losses} == {"mask-to-box"}
    back = sorted(converter.open(tmp_path / "out"), key=lambda s: s.image.name)
    source = sorted(converter.open(FIXTURES / "coco/valid/coins"), key=lambda s: s.image.name)
    for old, new in zip(source, back, strict=True):
        for mask, box in zip(old.instances, new.instances, strict=True):
            assert isinstance(box.shape, Polygons)
            assert (mask.mask() & box.mask()).sum() >= 0.97 * mask.mask().sum()
