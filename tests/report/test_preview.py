"""`segpack preview`, as people call it."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from converter.model import Image as Picture
from converter.model import Ref
from converter.pipeline.sampling import sample
from tests.support import FIXTURES, segpack

COINS = FIXTURES / "coco" / "valid" / "coins"
SPLITS = FIXTURES / "coco" / "valid" / "splits"


def refs(*names, split=None):
    return [Ref(Picture(n, split)) for n in names]


def test_a_sheet_is_written_and_described(tmp_path):
    run = segpack("preview", COINS, tmp_path / "out.png", "--json")
    found = run.json
    with Image.open(tmp_path / "out.png") as sheet:
        assert sheet.format == "PNG"
        assert sheet.size == (found["width"], found["height"])
        colors = np.unique(np.asarray(sheet).reshape(-1, 3), axis=0)
    assert len(colors) > 100
    assert found["ok"] is True
    assert found["images_total"] == 2
    assert sum(found["classes"].values()) == 25


@pytest.mark.parametrize("format", ["yolo", "yolo-seg", "instance-png", "semantic-png"])
def test_every_format_has_a_sheet(format, tmp_path):
    source = FIXTURES / format / "valid" / "coins"
    if not source.exists():
        source = next(p for p in sorted((FIXTURES / format / "valid").iterdir()) if p.is_dir())
    segpack("preview", source, tmp_path / "a.png", "--quiet")
    segpack("preview", source, tmp_path / "b.png", "--quiet", "--workers", 2)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_images_are_shown_by_name(tmp_path):
    names = segpack("preview", COINS, tmp_path / "a.png", "--json").json["images"]
    one = segpack("preview", COINS, tmp_path / "b.png", "--image", names[1], "--json").json
    assert one["images"] == names[1:]
    stem = names[0].rsplit(".", 1)[0]
    both = segpack("preview", COINS, tmp_path / "c.png", "--image", stem, names[1], "--json").json
    assert both["images"] == names


def test_an_unknown_name_is_an_error_that_helps(tmp_path):
    name = segpack("preview", COINS, tmp_path / "a.png", "--json").json["images"][0]
    run = segpack("preview", COINS, tmp_path / "b.png", "--image", name[1:], check=2)
    assert name in run.error
    assert not (tmp_path / "b.png").exists()


def test_the_target_must_be_a_picture_and_no_part_of_the_source(tmp_path):
    assert "ends in none of" in segpack("preview", COINS, tmp_path / "a.html", check=2).error
    assert "no such folder" in segpack("preview", COINS, tmp_path / "no" / "a.png", check=2).error
    copy = shutil.copytree(COINS, tmp_path / "coins")
    image = next(p for p in sorted(copy.rglob("*")) if p.suffix in {".png", ".jpg"})
    before = image.read_bytes()
    target = image.with_suffix(".png")
    target.write_bytes(before)
    assert "never changed" in segpack("preview", copy, target, check=2).error
    assert target.read_bytes() == before


def test_a_sheet_may_be_drawn_again(tmp_path):
    for _ in range(2):
        segpack("preview", COINS, tmp_path / "a.png", "--quiet")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.png"]


def test_without_image_files_objects_are_drawn_on_gray(tmp_path):
    bare = tmp_path / "bare"
    bare.mkdir()
    shutil.copy(COINS / "coco.json", bare)
    found = segpack("preview", bare, tmp_path / "a.png", "--json").json
    assert found["classes"]
    assert not found["losses"]


def test_names_without_letters_in_the_font_are_shown_by_id(tmp_path):
    copy = shutil.copytree(COINS, tmp_path / "coins")
    content = json.loads((copy / "coco.json").read_text())
    for category in content["categories"]:
        category["name"] += " \u732b"
    (copy / "coco.json").write_text(json.dumps(content))
    segpack("preview", copy, tmp_path / "a.png", "--color-by", "class", "--quiet")


def test_a_sample_depends_on_names_and_seed_alone():
    names = [f"{n}.png" for n in range(100)]
    chosen = {r.image.name for r in sample(refs(*names), 10, 1)}
    assert len(chosen) == 10
    assert chosen == {r.image.name for r in sample(refs(*reversed(names)), 10, 1)}
    assert chosen < {r.image.name for r in sample(refs(*names), 20, 1)}
    assert chosen != {r.image.name for r in sample(refs(*names), 10, 2)}
    assert chosen != {r.image.name for r in sample(refs(*names, split="val"), 10, 1)}
    assert [r.image.name for r in sample(refs(*names), None, 1)] == names
    more = sample(refs(*names, "new.png"), 10, 1)
    assert len(chosen - {r.image.name for r in more}) <= 1


@pytest.mark.parametrize("seed", [0, 7])
def test_a_sheet_of_a_sample_is_that_sample(seed, tmp_path):
    one = segpack("preview", SPLITS, tmp_path / "a.png", "--count", 1, "--seed", seed, "--json").json
    assert len(one["images"]) == 1
    assert one["images_total"] > 1
