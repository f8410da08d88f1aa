"""What options promise, through the command."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from tests import oracle
from tests.conformance.trees import READERS
from tests.storage.zips import Entry, put
from tests.support import FIXTURES, codes, segpack, segpack_here, tree, zipped

COINS = FIXTURES / "coco/valid/coins"
TORTURE = FIXTURES / "instance-png/valid/torture"


# ---------------------------------------------------------------- losses


def test_strict_writes_nothing(tmp_path):
    run = segpack("convert", COINS, tmp_path / "out", "--to", "yolo", "--strict", check=1)
    assert "mask-to-box" in run.error
    assert list(tmp_path.iterdir()) == []
    segpack("convert", COINS, tmp_path / "out", "--to", "yolo-seg", "--strict")


def test_strict_lists_what_was_lost_until_it_ended_the_run(tmp_path):
    where = tmp_path / "losses.json"
    run = segpack("convert", TORTURE, tmp_path / "out", "--to", "yolo", "--strict", "--losses", where, check=1)
    assert run.error.endswith(f"{where} lists what was lost until then, and all of it without --strict")
    assert codes(json.loads(where.read_bytes())["losses"]) >= {"mask-to-box"}
    assert [p.name for p in tmp_path.iterdir()] == ["losses.json"]
    inside = tmp_path / "out/losses.json"
    segpack("convert", TORTURE, tmp_path / "out", "--to", "yolo", "--strict", "--losses", inside, check=1)
    assert not (tmp_path / "out").exists()


def test_losses_go_to_the_file_asked_for(tmp_path):
    segpack("convert", TORTURE, tmp_path / "out", "--to", "yolo-seg", "--losses", tmp_path / "losses.json")
    losses = json.loads((tmp_path / "losses.json").read_bytes())["losses"]
    assert [set(x) for x in losses] == [{"code", "image", "instance", "amount", "message"}] * 2
    assert codes(losses) == {"crowd-dropped", "empty-mask"}


def test_the_losses_file_may_lie_in_the_output(tmp_path, capfd):
    target = tmp_path / "out"
    segpack_here(capfd, "convert", TORTURE, target, "--to", "yolo-seg", "--losses", target / "about/losses.json")
    assert len(json.loads((target / "about/losses.json").read_bytes())["losses"]) == 2


@pytest.mark.parametrize("path", ["", "file.txt/losses.json"])
def test_nothing_is_converted_when_the_losses_cannot_be_written(path, tmp_path, capfd):
    (tmp_path / "file.txt").touch()
    run = segpack_here(capfd, "convert", TORTURE, tmp_path / "out", "--to", "yolo-seg", "--losses", tmp_path / path)
    assert run.code == 2
    assert "--losses" in run.error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", [("convert", "--to", "yolo-seg"), ("pack",), ("merge", COINS, "--to", "yolo-seg")])
@pytest.mark.parametrize("name", ["index.csv", "images/full.png", "link.json", "classes.yaml", "out.zip"])
def test_the_losses_take_the_place_of_nothing(command, name, tmp_path, capfd):
    source = tmp_path / "set"
    shutil.copytree(TORTURE, source)
    (source / "classes.yaml").write_text("- {name: rings}\n")
    (source / "link.json").symlink_to("meta.json")
    assert name == "out.zip" or (source / name).exists()
    losses = tmp_path / "out.zip" if name == "out.zip" else source / name
    before = {path: path.read_bytes() for path in source.rglob("*") if path.is_file()}
    verb, *options = command
    sources = [options.pop(0), source] if verb == "merge" else [source]
    run = segpack_here(capfd, verb, *sources, tmp_path / "out.zip", *options, "--losses", losses)
    assert run.code == 2
    assert run.error.startswith(f"error: --losses {losses}: is ")
    assert {path: path.read_bytes() for path in source.rglob("*") if path.is_file()} == before
    assert not (tmp_path / "out.zip").exists()


def test_the_losses_of_an_earlier_run_are_replaced(tmp_path, capfd):
    losses = tmp_path / "losses.json"
    losses.touch()
    for target, count in (("yolo-seg", 2), ("coco", 0), ("yolo-seg", 2)):
        out = tmp_path / "out"
        segpack_here(capfd, "convert", TORTURE, out, "--to", target, "--losses", losses, "--overwrite")
        assert len(json.loads(losses.read_bytes())["losses"]) == count


def test_the_losses_do_not_replace_a_file_of_the_output(tmp_path, capfd):
    out = tmp_path / "out"
    run = segpack_here(capfd, "convert", TORTURE, out, "--to", "coco", "--losses", out / "coco.json")
    assert run.code == 2
    assert run.error == f"error: --losses {out / 'coco.json'}: is a file of the output, which is written; name another"
    assert json.loads((out / "coco.json").read_bytes())["annotations"]


@pytest.mark.parametrize("target", ["instance-png", "semantic-png", "yolo-seg"])
def test_boxes_are_not_masks(target, tmp_path):
    run = segpack("convert", FIXTURES / "yolo/valid/coins", tmp_path / "out", "--to", target, check=2)
    assert "--boxes-as-masks" in run.error
    assert list(tmp_path.iterdir()) == []


def test_boxes_beside_crowds_are_told_of_both(tmp_path):
    """Exporters that write every mask of a tool as a crowd leave no other object but its boxes."""
    square = {"size": [4, 4], "counts": [0, 8, 8]}
    crowd = {"id": 1, "image_id": 1, "category_id": 1, "segmentation": square, "bbox": [0, 0, 2, 4], "iscrowd": 1}
    box = {"id": 2, "image_id": 1, "category_id": 1, "bbox": [1, 1, 2, 2]}
    (tmp_path / "set").mkdir()
    Image.new("L", (4, 4)).save(tmp_path / "set/a.png")
    images, classes = [{"id": 1, "file_name": "a.png", "width": 4, "height": 4}], [{"id": 1, "name": "cat"}]
    content = {"images": images, "annotations": [crowd, box], "categories": classes}
    (tmp_path / "set/coco.json").write_text(json.dumps(content))
    run = segpack("convert", tmp_path / "set", tmp_path / "out", "--to", "yolo-seg", check=2)
    told = "its 1 objects are boxes but for 1 crowd regions, and yolo-seg holds masks; "
    assert run.error.endswith(f"{told}fill them with --boxes-as-masks, and write the crowds with --crowd keep")


def test_crowds_are_kept_when_asked_for(tmp_path):
    segpack("convert", TORTURE, tmp_path / "out", "--to", "yolo-seg", "--crowd", "keep")
    drawn = READERS["yolo-seg"](tmp_path / "out")
    assert len(drawn["empty-and-crowd.png"].things) == 1


READING: dict[str, list[object]] = {
    "convert": ["out", "--to", "coco"],
    "pack": ["out.zip"],
    "merge": [COINS, "out", "--to", "coco"],
    "check": [],
    "inspect": [],
    "preview": ["out.png"],
    "diff": [COINS],
}


@pytest.mark.parametrize("command", READING)
def test_limits_can_be_set_wherever_something_is_read(command, tmp_path, capfd, monkeypatch):
    monkeypatch.chdir(tmp_path)
    source, arguments = zipped(COINS, tmp_path / "coins.zip"), READING[command]
    run = segpack_here(capfd, command, source, *arguments, "--max-zip-entries", "2")
    assert (run.code, "3 entries, more than 2 (--max-zip-entries)" in run.error) == (2, True)
    run = segpack_here(capfd, command, source, *arguments, "--max-pixels", "9", "--json")
    assert "more than the 9 that are read (--max-pixels)" in run.out
    assert run.code == (1 if command == "check" else 2)
    assert os.listdir(tmp_path) == ["coins.zip"]
    run = segpack_here(capfd, command, source, *arguments, "--max-zip-ratio", "2000")
    assert "--max-zip-ratio 2000 is not from 1 to 1032" in run.error


def test_a_ratio_that_is_allowed(tmp_path, capfd):
    claimed = put(tmp_path, Entry(b"a.json", bytes(5_000_000), 8, size=1_100_000_000, packed=bytes(5_000_000)))
    assert "220 times its size (--max-zip-ratio)" in segpack_here(capfd, "inspect", claimed).error
    assert "is damaged" in segpack_here(capfd, "inspect", claimed, "--max-zip-ratio", "220").error


def test_skipping_names_each(tmp_path):
    folder = FIXTURES / "yolo/invalid/outside/input"
    run = segpack("convert", folder, tmp_path / "out", "--to", "yolo", "--on-error", "skip", "--json")
    assert run.json["losses"] == {"skipped-annotation": 1}
    assert "line 2" in run.json["loss_list"][0]["message"]
    image = FIXTURES / "coco/invalid/corrupt-image/input"
    run = segpack("convert", image, tmp_path / "more", "--to", "coco", "--on-error", "skip", "--json")
    assert run.json["losses"] == {"skipped-image": 1}
    assert run.json["images"] == 1


# ---------------------------------------------------------------- simplified polygons


@pytest.mark.parametrize("target", ["coco", "yolo-seg"])
@pytest.mark.parametrize("source", [TORTURE, FIXTURES / "instance-png/valid/coins"], ids=["torture", "coins"])
def test_polygons_get_shorter_and_keep_the_iou_asked_for(source, target, tmp_path):
    options = ["--to", target, *(["--segmentation", "polygon"] if target == "coco" else [])]
    segpack("convert", source, tmp_path / "exact", *options)
    segpack("convert", source, tmp_path / "simple", *options, "--min-iou", "0.95")
    exact, simple = (READERS[target](tmp_path / name) for name in ("exact", "simple"))
    for name, drawn in exact.items():
        for mine, theirs in zip(drawn.things, simple[name].things, strict=True):
            assert np.sum(mine.pixels & theirs.pixels) >= 0.95 * np.sum(mine.pixels | theirs.pixels)
    sizes = [_labels_size(tmp_path / name) for name in ("simple", "exact")]
    assert sizes[0] < sizes[1]


def _labels_size(folder: Path) -> int:
    return sum(p.stat().st_size for p in folder.rglob("*") if p.suffix in {".json", ".txt"})


# ---------------------------------------------------------------- classes, images


def test_a_class_file_merges_and_drops(tmp_path):
    (tmp_path / "classes.yaml").write_text("- {id: 9, name: coin, from: [small coin, 2]}\n")
    run = segpack("convert", COINS, tmp_path / "out", "--to", "coco", "--classes", tmp_path / "classes.yaml", "--json")
    assert run.json["classes"] == [{"id": 9, "name": "coin"}]
    before, after = (oracle.coco_masks(folder / "coco.json") for folder in (COINS, tmp_path / "out"))
    for name, masks in before.items():
        assert [oracle.digest(m) for _, _, m in masks] == [oracle.digest(m) for _, _, m in after[name]]
    (tmp_path / "drop.json").write_text('{"drop": ["large coin"]}')
    run = segpack("convert", COINS, tmp_path / "less", "--to", "coco", "--classes", tmp_path / "drop.json", "--json")
    assert codes(run.json["loss_list"]) == {"class-dropped"}
    (tmp_path / "wrong.csv").write_text("id,name,from\n1,coin,tiny coin\n")
    run = segpack("convert", COINS, tmp_path / "no", "--to", "coco", "--classes", tmp_path / "wrong.csv", check=2)
    assert "tiny coin" in run.error


def test_images_apart_from_annotations(tmp_path):
    shutil.copytree(COINS / "images", tmp_path / "photos")
    shutil.copy(COINS / "coco.json", tmp_path / "labels.json")
    source = tmp_path / "labels.json"
    segpack("convert", source, tmp_path / "out", "--to", "coco", "--images", tmp_path / "photos")
    assert tree(tmp_path / "out/images") == tree(COINS / "images")


@pytest.mark.parametrize("how", ["copy", "hardlink", "symlink", "none"])
def test_image_files_are_copied_linked_or_left(how, tmp_path):
    shutil.copytree(COINS, tmp_path / "in")
    segpack("convert", tmp_path / "in", tmp_path / "out", "--to", "yolo-seg", "--image-files", how)
    written = sorted((tmp_path / "out").glob("images/*"))
    assert len(written) == (0 if how == "none" else 2)
    for file in written:
        assert file.is_symlink() == (how == "symlink")
        assert file.samefile(tmp_path / "in/images" / file.name) == (how in {"hardlink", "symlink"})
        assert file.read_bytes() == (COINS / "images" / file.name).read_bytes()


@pytest.mark.parametrize("below", ["", "images"])
@pytest.mark.parametrize("source", [COINS, FIXTURES / "coco/valid/splits"], ids=["flat", "splits"])
def test_yolo_labels_without_their_images(source, below, tmp_path):
    segpack("convert", source, tmp_path / "full", "--to", "yolo-seg")
    segpack("convert", source, tmp_path / "bare", "--to", "yolo-seg", "--image-files", "none")
    refused = segpack("diff", tmp_path / "bare", tmp_path / "full", check=2)
    assert "bare/data.yaml: train: 'images" in refused.error
    assert "--images DIR" in refused.error
    run = segpack("diff", tmp_path / "bare", tmp_path / "full", "--images", tmp_path / "full" / below)
    assert run.out.startswith("equal: ")


def test_yolo_labels_with_the_images_of_another_set(tmp_path):
    segpack("convert", COINS, tmp_path / "bare", "--to", "yolo-seg", "--image-files", "none")
    (tmp_path / "other/images").mkdir(parents=True)
    shutil.copy(COINS / "images/coins-left.png", tmp_path / "other/images/strange.png")
    run = segpack("inspect", tmp_path / "bare", "--images", tmp_path / "other", check=2)
    assert "none of its labels" in run.error


def test_semantic_to_instances(tmp_path):
    source = FIXTURES / "semantic-png/valid/coins"
    by_class = segpack("convert", source, tmp_path / "a", "--to", "coco", "--json").json
    assert "instances-by-class" in codes(by_class["notes"])
    parts = segpack("convert", source, tmp_path / "b", "--to", "coco", "--instances", "components", "--json").json
    assert parts["instances"] == 25 > by_class["instances"]


def test_data_yaml_is_ultralytics_own(tmp_path):
    segpack("convert", FIXTURES / "coco/valid/splits", tmp_path / "out", "--to", "yolo-seg")
    config = yaml.safe_load((tmp_path / "out/data.yaml").read_text())
    assert oracle.check_config(config) == ["cat", "dog"]
    assert len(oracle.yolo_rows(tmp_path / "out")) == 5


# ---------------------------------------------------------------- all or nothing


def test_an_existing_target_is_kept(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/precious").write_text("mine")
    run = segpack("convert", COINS, tmp_path / "out", "--to", "coco", check=2)
    assert "--overwrite" in run.error
    segpack("convert", FIXTURES / "coco/invalid/nan/input", tmp_path / "out", "--to", "coco", "--overwrite", check=2)
    assert tree(tmp_path) == {"out/precious": tree(tmp_path / "out")["precious"]}
    segpack("convert", COINS, tmp_path / "out", "--to", "coco", "--overwrite")
    assert not (tmp_path / "out/precious").exists()


@pytest.mark.parametrize(
    ("source", "command"),
    [
        ("set/coco.json", ("convert", "set/images", "--to", "coco")),
        ("set/coco.json", ("pack", "set/images")),
        ("set/coco.json", ("preview", "set/images/coins-left.png")),
        ("set", ("convert", "photos", "--to", "coco", "--images", "photos")),
        ("set", ("convert", "photos/images", "--to", "coco", "--images", "photos")),
        ("set", ("merge", "copy/coco.json", "copy/images", "--to", "coco")),
        ("yolo/data.yaml", ("convert", "yolo/labels", "--to", "coco")),
        ("set", ("convert", "photos.zip", "--to", "coco", "--images", "photos.zip")),
        ("set", ("preview", "photos/images/coins-left.png", "--images", "photos")),
    ],
)
def test_the_output_takes_the_place_of_nothing_that_is_read(source, command, tmp_path, monkeypatch, capfd):
    for folder in ("set", "copy", "photos"):
        shutil.copytree(COINS, tmp_path / folder)
    segpack_here(capfd, "convert", COINS, tmp_path / "yolo", "--to", "yolo-seg")
    zipped(COINS, tmp_path / "photos.zip")
    monkeypatch.chdir(tmp_path)
    before = tree(tmp_path)
    name, *rest = command
    rest += [] if name == "preview" else ["--overwrite"]
    run = segpack_here(capfd, name, source, *rest)
    assert run.code == 2
    assert "which is read; choose another name" in run.error
    assert tree(tmp_path) == before


def test_an_output_beside_a_file_can_be_made_again(tmp_path, capfd):
    shutil.copytree(COINS, tmp_path / "set")
    for _ in range(2):
        target = tmp_path / "set/out"
        run = segpack_here(capfd, "convert", tmp_path / "set/coco.json", target, "--to", "coco", "--overwrite")
        assert run.code == 0
    assert tree(target / "images") == tree(COINS / "images")


def test_what_is_read_is_not_changed(tmp_path):
    shutil.copytree(COINS, tmp_path / "in")
    before = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*")}
    segpack("pack", tmp_path / "in", tmp_path / "out.zip", "--yolo", "seg")
    (tmp_path / "out.zip").unlink()
    assert {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*")} == before
    run = segpack("convert", tmp_path / "in", tmp_path / "in/out", "--to", "coco", check=2)
    assert "in/out" in run.error
