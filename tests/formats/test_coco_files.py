"""Which JSONs of a folder are read as COCO, which split each is, and what is said of the others."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import converter
from converter.errors import LossError, SourceError

CLASSES = [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]


def content(*names: str, first: int = 1, categories: Any = CLASSES, **more: Any) -> dict[str, Any]:
    """An object of each category on each image; ids run from `first`, those of images from 1."""
    places = [(image_id, c["id"]) for image_id in range(1, len(names) + 1) for c in categories]
    return {
        "images": [{"id": i, "file_name": name, "width": 9, "height": 8} for i, name in enumerate(names, 1)],
        "annotations": [
            {"id": id, "image_id": image_id, "category_id": c, "segmentation": [[1, 1, 5, 1, 5, 5]], **more}
            for id, (image_id, c) in enumerate(places, first)
        ],
        "categories": categories,
    }


def write(root: Path, jsons: dict[str, Any], *images: str) -> Path:
    for path, what in jsons.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(json.dumps(what))
    for number, path in enumerate(images):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((8, 9, 3), number, np.uint8)).save(root / path)
    return root


def read(source: Path, **options: Any) -> tuple[list[tuple[str, int, int]], Any]:
    """Name, gray and number of objects of each image as they are written, and what the conversion had to say."""
    out = source.with_name(f"{source.name}-out")
    result = converter.convert(source, out, to="coco", **options)
    written = json.loads((out / "coco.json").read_text())
    owners = Counter(a["image_id"] for a in written["annotations"])
    told: list[Any] = []
    for image in written["images"]:
        with Image.open(out / "images" / image["file_name"]) as picture:
            told.append((image["file_name"], picture.convert("L").getpixel((0, 0)), owners[image["id"]]))
    return sorted(told), result


@pytest.mark.parametrize(
    ("base", "folder"),
    [("labels.json", "data/"), ("annotation.json", "images/"), ("coco.json", ""), ("instances_default.json", "")],
)
def test_one_json_in_the_folder_of_each_split(base: str, folder: str, tmp_path: Path) -> None:
    jsons = {f"train/{base}": content("a.png"), f"valid/{base}": content("a.png", "b.png")}
    images = (f"train/{folder}a.png", f"valid/{folder}a.png", f"valid/{folder}b.png")
    images_read, _ = read(write(tmp_path / "set", jsons, *images))
    assert images_read == [("train/a.png", 0, 2), ("val/a.png", 1, 2), ("val/b.png", 2, 2)]


def test_two_jsons_in_the_folder_of_a_split(tmp_path: Path) -> None:
    jsons = {"train/a.json": content("a.png"), "train/b.json": content("a.png"), "val/a.json": content("b.png")}
    write(tmp_path, jsons, "train/a.png", "val/b.png")
    with pytest.raises(SourceError, match="several COCO files"):
        converter.open(tmp_path)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("annotations/instances_train2017.json", "annotations/val.json"),
        ("annotations/instances_val2017.json", "annotations/train_annotations.json"),
        ("train/_annotations.coco.json", "valid/annotations.json"),
    ],
)
def test_a_second_split_that_is_named_otherwise(first: str, second: str, tmp_path: Path) -> None:
    jsons = {first: content("a.png"), second: content("b.png")}
    images, result = read(write(tmp_path / "set", jsons, "images/a.png", "images/b.png"), strict=True)
    assert sorted((name[-5:], gray, n) for name, gray, n in images) == [("a.png", 0, 2), ("b.png", 1, 2)]
    assert {name.partition("/")[0] for name, _, _ in images} == {"train", "val"}
    assert not [note for note in result.notes if note.code in {"orphan-image", "unused-file"}]


@pytest.mark.parametrize(
    ("path", "categories"),
    [
        ("annotations/val.json", [{"id": 1, "name": "cat"}, {"id": 2, "name": "bird"}]),
        ("annotations/train2014.json", CLASSES),
        ("annotations/val_old.json", CLASSES),
    ],
)
def test_a_file_that_may_be_no_split_of_the_set_is_a_loss(path: str, categories: Any, tmp_path: Path) -> None:
    jsons = {"annotations/instances_train2017.json": content("a.png"), path: content("b.png", categories=categories)}
    source = write(tmp_path / "set", jsons, "images/a.png", "images/b.png")
    images, result = read(source)
    assert images == [("train/a.png", 0, 2)]
    (loss,) = result.losses
    assert (loss.code, loss.amount) == ("annotation-dropped", 2)
    assert f"{path} was not read, and 2 of its 2 annotations are in no other file; 1 of its images" in loss.message
    assert not result.notes


STUFF = [{"id": 92, "name": "banner"}]
PLACED: dict[str, Any] = {"bbox": [1, 1, 4, 4]}


def download() -> dict[str, Any]:
    """What lies in the annotations folder of COCO: keypoints are of people that are among the instances."""
    instances = content("a.png", "b.png", **PLACED)
    people = [{**a, "keypoints": [1, 1, 2]} for a in instances["annotations"] if a["category_id"] == 1]
    captions = [{"id": 1, "image_id": 1, "caption": "a cat"}, {"id": 2, "image_id": 2, "caption": "a dog"}]
    return {
        "annotations/instances_train2017.json": instances,
        "annotations/person_keypoints_train2017.json": {**instances, "annotations": people, "categories": CLASSES[:1]},
        "annotations/captions_train2017.json": {"images": instances["images"], "annotations": captions},
        "annotations/image_info_test2017.json": {"images": content("t.png")["images"], "categories": CLASSES},
    }


def test_captions_and_keypoints_of_what_is_read_cost_nothing(tmp_path: Path) -> None:
    source = write(tmp_path / "set", download(), "train2017/a.png", "train2017/b.png", "test2017/t.png")
    images, result = read(source, strict=True)
    assert [n for *_, n in images] == [2, 2]
    told = {note.where.rpartition("/")[2]: note.message for note in result.notes if note.code == "unused-file"}
    assert told == {
        "captions_train2017.json": "it was not read: it holds no instances",
        "image_info_test2017.json": "it was not read: it holds no instances; 1 of its images are in no other file",
        "person_keypoints_train2017.json": "it was not read: its 2 annotations are in the files that were",
    }
    assert not [note for note in result.notes if note.code == "orphan-image"]


@pytest.mark.parametrize(
    ("name", "beside", "lost"),
    [
        ("stuff_train2017.json", content("a.png", "b.png", first=1001, categories=STUFF), 2),
        ("stuff_train2017.json", content("a.png", "b.png", categories=STUFF), 2),
        ("person_keypoints_train2017.json", content("a.png", first=4, **PLACED), 2),
        ("more_train2017.json", content("b.png", "a.png", **PLACED), 4),
        ("more_train2017.json", content("a.png", "b.png", "c.png", **PLACED), 2),
        ("more_train2017.json", content("a.png", bbox=[0, 0, 5, 5]), 2),
    ],
)
def test_objects_that_stand_in_a_file_that_is_not_read_are_a_loss(
    name: str, beside: Any, lost: int, tmp_path: Path
) -> None:
    jsons = download() | {f"annotations/{name}": beside}
    source = write(tmp_path / "set", jsons, "train2017/a.png", "train2017/b.png")
    with pytest.raises(LossError, match=name):
        read(source, strict=True)
    _, result = read(source)
    assert [(loss.code, loss.amount) for loss in result.losses] == [("annotation-dropped", lost)]
    assert name in result.losses[0].message


def test_a_broken_file_that_is_not_read_is_told(tmp_path: Path) -> None:
    source = write(tmp_path / "set", download(), "train2017/a.png", "train2017/b.png")
    stuff = json.dumps(content("a.png", categories=STUFF))
    (source / "annotations/stuff_train2017.json").write_text(stuff[:-20])
    _, result = read(source)
    (loss,) = result.losses
    assert "stuff_train2017.json was not read, and it is broken" in loss.message


def test_what_is_written_with_splits_is_read_without_a_word(tmp_path: Path) -> None:
    source = write(tmp_path / "set", download(), "train2017/a.png", "train2017/b.png")
    _, first = read(source)
    assert first.notes
    _, again = read(tmp_path / "set-out")
    assert not again.notes
    (tmp_path / "set-out/other.json").write_text(json.dumps(content("a.png", categories=STUFF)))
    (tmp_path / "set-out-out").rename(tmp_path / "gone")
    assert [loss.amount for loss in read(tmp_path / "set-out")[1].losses] == [1]


def test_beside_a_file_that_is_named_nothing_is_told(tmp_path: Path) -> None:
    jsons = {"instances_train2017.json": content("a.png"), "stuff_train2017.json": content("a.png", categories=STUFF)}
    source = write(tmp_path / "set", jsons, "a.png")
    _, result = read(source / "instances_train2017.json", strict=True)
    assert not result.notes


@pytest.mark.parametrize(
    ("path", "folder", "name"),
    [
        ("annotations/instances_train2017.json", "train2017/", "a.png"),
        ("annotations/instances_train2017.json", "images/train2017/", "a.png"),
        ("annotations/instances_train2017.json", "train/", "a.png"),
        ("annotations/instances_default.json", "images/", "a.png"),
        ("annotations/all.json", "", "images/a.png"),
        ("annotations/all.json", "", "val2017/a.png"),
        ("annotations/all.json", "annotations/", "a.png"),
    ],
)
def test_images_of_a_named_json_lie_beside_its_folder(path: str, folder: str, name: str, tmp_path: Path) -> None:
    """Images of the same name elsewhere are those of other splits."""
    source = write(tmp_path / "set", {path: content("gone.png", name)}, f"{folder}{name}", "val/a.png", "b.png")
    images, _ = read(source / path, on_error="skip")
    assert [(image.rpartition("/")[2], gray, n) for image, gray, n in images] == [("a.png", 0, 2)]


@pytest.mark.parametrize("path", ["annotations/all.json", "jsons/instances_train2017.json"])
def test_a_named_json_reaches_no_further(path: str, tmp_path: Path) -> None:
    source = write(tmp_path / "set", {path: content("a.png")}, "a.png", "pictures/a.png", "train2017/b.png")
    with pytest.raises(SourceError, match=r"a\.png: the image file is not there"):
        read(source / path)


def test_images_behind_a_link_that_leads_out_are_told_as_such(tmp_path):
    what = {"images": [{"id": 1, "file_name": "a.png"}], "annotations": [], "categories": [{"id": 1, "name": "cell"}]}
    (tmp_path / "set").mkdir()
    (tmp_path / "real").mkdir()
    Image.new("RGB", (9, 9)).save(tmp_path / "real/a.png")
    (tmp_path / "set/coco.json").write_text(json.dumps(what))
    (tmp_path / "set/images").symlink_to("../real")
    with pytest.raises(SourceError, match=r"is not there \(images is a link that points outside the dataset\)"):
        converter.convert(tmp_path / "set", tmp_path / "out", to="coco")
    assert converter.convert(tmp_path / "set", tmp_path / "out", to="coco", images=tmp_path / "real").images == 1


def test_what_files_of_splits_say_differently_of_set_and_classes_is_told(tmp_path: Path) -> None:
    """What only one says is kept; of other things what the first says."""
    said: list[tuple[dict[str, Any], Any]] = [
        ({"supercategory": "pet"}, {"year": 2020}),
        ({"supercategory": "wild", "color": [1, 2, 3]}, {"year": 2021}),
    ]
    jsons = {}
    for split, (of_class, info) in zip(("train", "val"), said, strict=True):
        what = content(f"{split}.png", categories=[{"id": 1, "name": "cat", **of_class}])
        jsons[f"annotations/instances_{split}.json"] = what | {"info": info}
    source = write(tmp_path / "set", jsons, "images/train/train.png", "images/val/val.png")
    result = converter.convert(source, tmp_path / "out", to="coco")
    written = json.loads((tmp_path / "out/coco.json").read_text())
    assert written["categories"] == [{"id": 1, "name": "cat", "supercategory": "pet", "color": [1, 2, 3]}]
    assert written["info"] == {"year": 2020}
    assert [n.message for n in result.notes if n.code == "metadata-dropped"] == [
        "of cat it says another supercategory than the files before, which count",
        "it has another info than the files before, which count",
    ]


@pytest.mark.parametrize("silent", [0, 1])
def test_a_file_of_a_split_that_says_nothing_of_the_set_differs_in_nothing(silent: int, tmp_path: Path) -> None:
    jsons = {}
    for place, split in enumerate(("train", "val")):
        nothing = place == silent
        category = {"id": 1, "name": "cat", "supercategory": None if nothing else "pet"}
        what = content(f"{split}.png", categories=[category])
        said: dict[str, Any] = (
            {"info": {}, "licenses": None} if nothing else {"info": {"year": 2020}, "licenses": [{"id": 1}]}
        )
        jsons[f"annotations/instances_{split}.json"] = what | said
    source = write(tmp_path / "set", jsons, "images/train/train.png", "images/val/val.png")
    result = converter.convert(source, tmp_path / "out", to="coco")
    written = json.loads((tmp_path / "out/coco.json").read_text())
    assert written["categories"] == [{"id": 1, "name": "cat", "supercategory": "pet"}]
    assert (written["info"], written["licenses"]) == ({"year": 2020}, [{"id": 1}])
    assert not [n.message for n in result.notes if n.code == "metadata-dropped"]


@pytest.mark.parametrize(("split", "name"), [(3, "3"), ("", None), (None, None)])
def test_the_split_of_an_image_may_be_the_number_of_a_fold(split: Any, name: str | None, tmp_path: Path) -> None:
    what = content("a.png")
    what["images"][0]["split"] = split
    (sample,) = converter.open(write(tmp_path, {"coco.json": what}, "images/a.png"))
    assert sample.image.split == name
    what["images"][0]["split"] = ["a"]
    with pytest.raises(SourceError, match=r"split is \['a'\], not text"):
        list(converter.open(write(tmp_path, {"coco.json": what})))


def test_ids_that_start_again_in_each_file_are_told(tmp_path: Path) -> None:
    jsons = {f"annotations/instances_{split}.json": content(f"{split}.png") for split in ("train", "val")}
    source = write(tmp_path / "set", jsons, "images/train/train.png", "images/val/val.png")
    told = [n.message for n in read(source)[1].notes if n.code == "ids-renumbered"]
    said = "ids of {} occur in other files of the set too: all were numbered anew"
    assert told == [said.format("annotations"), said.format("images")]
    jsons["annotations/instances_val.json"] = content("val.png", first=9)
    jsons["annotations/instances_val.json"]["images"][0]["id"] = 2
    for entry in jsons["annotations/instances_val.json"]["annotations"]:
        entry["image_id"] = 2
    source = write(tmp_path / "other", jsons, "images/train/train.png", "images/val/val.png")
    assert not read(source)[1].notes
