"""YOLO: which images are in which split, as its YAML or its lists say."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

import converter
from converter.errors import SourceError
from converter.layouts.yolo_write import config
from converter.model import ClassInfo, Header
from tests.support import segpack_here

ROW = "0 0.5 0.5 0.2 0.4\n"
NAMES = "names: [cell]\n"


def tree(root: Path, *paths: str) -> Path:
    """A set of these images, each of its own colour, with a label each."""
    for number, path in enumerate(paths):
        label = root / (("/" + path).replace("/images/", "/labels/")[1:].rpartition(".")[0] + ".txt")
        for file in (root / path, label):
            file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20, 10), (40 * number, 90, 250 - 40 * number)).save(root / path)
        label.write_text(ROW)
    return root


def split(root: Path) -> dict[str | None, list[str]]:
    """Split -> the files of its images."""
    found: dict[str | None, list[str]] = {}
    for sample in converter.open(root):
        found.setdefault(sample.image.split, []).append(sample.image.file or "")
    return found


X, Y, Z = "images/x/a.png", "images/x/b.png", "images/x/c.png"
A, B, C = "images/train/a.png", "images/val/b.png", "images/val/c.png"
# What the YAML says, the images of each split, and the notes on them.
SAID = {
    "train has all": ("train: [images/train, images/val]\nval: images/val\n", {"train": [A, B, C], "val": [B, C]}, 1),
    "a folder in another": ("train: images\nval: images/val\n", {"train": [A, B, C], "val": [B, C]}, 1),
    "lists": ("train: t.txt\nval: v.txt\n", {"train": [A, B], "val": [B, C]}, 1),
    "test is val": ("train: images/train\nval: images/val\ntest: images/val\n", {"train": [A], "val": [B, C]}, 1),
    "apart": ("train: images/train\nval: images/val\n", {"train": [A], "val": [B, C]}, 0),
    "no splits": ("train: images\nval: images\n", {None: [A, B, C]}, 0),
    "one list": ("train: t.txt\nval: [t.txt]\ntest: t.txt\n", {None: [A, B]}, 0),
    "one split": ("train: images/val\nval: images/val\n", {None: [B, C]}, 1),
    "other names": ("train: images/train\nval: images/val\nval_1: images/val\n", {"train": [A], "val": [B, C]}, 1),
}


def test_images_of_one_name_in_several_folders_of_a_split(tmp_path):
    images = [f"images/{name}.png" for name in ("train2007/1", "train2012/1", "train2012/2", "val/1")]
    root = tree(tmp_path / "set", *images)
    (root / "data.yaml").write_text(NAMES + "train: [images/train2007, images/train2012]\nval: images/val\n")
    converter.convert(root, tmp_path / "out", to="coco")
    names = {i["file_name"] for i in json.loads((tmp_path / "out/coco.json").read_text())["images"]}
    assert names == {"train/train2007/1.png", "train/train2012/1.png", "train/train2012/2.png", "val/1.png"}


def test_images_that_the_yaml_lists_themselves(tmp_path):
    root = tree(tmp_path, A, B, C)
    (root / "data.yaml").write_text(f"{NAMES}path: .\ntrain:\n- {A}\nval: [{B}, images/val/c.png]\n")
    assert split(root) == {"train": [A], "val": [B, C]}


@pytest.mark.parametrize("case", SAID)
def test_images_of_several_splits(case, tmp_path, capfd):
    content, splits, told = SAID[case]
    root = tree(tmp_path, A, B, C)
    (root / "t.txt").write_text(f"{A}\n{B}\n{B}\n")
    (root / "v.txt").write_text(f"{B}\n{C}\n")
    (root / "data.yaml").write_text(content + NAMES)
    assert split(root) == splits
    notes = segpack_here(capfd, "inspect", root, "--json").json["notes"]
    assert len([n for n in notes if n["code"] in {"split-leak", "same-images"}]) == told
    found = segpack_here(capfd, "check", root, "--json").json["findings"]
    assert any(f["code"] == "split-leak" for f in found) == (told == 1 and None not in splits)


@pytest.mark.parametrize("names", [("train_1", "val_1"), ("fold1", "fold2", "fold3"), ("train", "fold2")])
def test_splits_of_other_names_are_read_as_they_were_written(names, tmp_path, capfd):
    """A YAML has to name train and val, and so names the folders of these twice."""
    root = tree(tmp_path / "set", *(f"images/{name}/{name}.png" for name in names))
    folders = "".join(f"{name}: images/{name}\n" for name in names)
    (root / "data.yaml").write_text(folders + NAMES)
    result = converter.convert(root, tmp_path / "out", to="yolo")
    assert set(split(tmp_path / "out")) == {*names} == set(split(root))
    assert (result.images, result.losses) == (len(names), [])
    notes = segpack_here(capfd, "inspect", tmp_path / "out", "--json").json["notes"]
    assert [n for n in notes if n["code"] in {"split-leak", "same-images"}] == (
        [] if "train" not in names else [n for n in notes if n["code"] == "same-images"]
    )


# Splits -> which of them serve as train and val.
SERVING = {
    ("train_fold0", "val_fold0"): ("train_fold0", "val_fold0"),
    ("train-a", "valid-a", "x"): ("train-a", "valid-a"),
    ("a.training", "b.testing"): ("a.training", "b.testing"),
    ("train", "val_x", "trainval"): ("train", "val_x"),
    ("train", "val", "train_b", "val_b"): ("train", "val"),
    ("fold1", "fold2"): ("fold1", "fold1"),
    ("evaluation", "retrain"): ("evaluation", "evaluation"),
}


@pytest.mark.parametrize("splits", SERVING)
def test_splits_that_serve_as_train_and_val(splits):
    found = config(Header("yolo", "instance", (ClassInfo(1, "cell"),), tuple(sorted(splits))))
    assert (found["train"], found["val"]) == tuple(f"images/{split}" for split in SERVING[splits])
    assert {found[key] for key in found if key not in {"nc", "names"}} == {f"images/{split}" for split in splits}


# The images there are, what the YAML says, and the splits; None: refused.
ABSENT = {
    "only train": (("train/images/a.png",), "val: ../valid/images\ntest: ../test/images\n", ["train"]),
    "train and test": (
        ("train/images/a.png", "test/images/b.png"),
        "val: v\ntest: ../test/images\n",
        ["train", "test"],
    ),
    "val elsewhere": (("train/images/a.png", "valid2/images/b.png"), "val: ../valid/images\n", None),
    "a part of val": (("train/images/a.png", "valid/images/b.png"), "val: [../valid/images, v]\n", None),
}


@pytest.mark.parametrize("case", ABSENT)
def test_a_val_that_is_not_there(case, tmp_path):
    images, content, splits = ABSENT[case]
    root = tree(tmp_path, *images)
    (root / "data.yaml").write_text(f"train: ../train/images\n{content}{NAMES}")
    if splits is None:
        with pytest.raises(SourceError, match=r"data\.yaml: val: '.*' is not in the dataset"):
            converter.open(root)
    else:
        assert list(converter.open(root).splits) == splits


def test_a_train_that_is_not_there(tmp_path):
    root = tree(tmp_path, "valid/images/a.png")
    (root / "data.yaml").write_text(f"train: ../train/images\nval: ../valid/images\n{NAMES}")
    with pytest.raises(SourceError, match=r"data\.yaml: train: .* is not in the dataset"):
        converter.open(root)


# The lists beside classes.txt, the images of each split, and the notes on them.
LISTS = {
    "train and val": ({"train.txt": [X, Y], "val.txt": [Z]}, {"train": [X, Y], "val": [Z]}, []),
    "a third in none": ({"train.txt": [X], "valid.txt": [Y]}, {None: [Z], "train": [X], "val": [Y]}, []),
    "in both": ({"train.txt": [X, Y, Y], "test.txt": [Y, Z]}, {"train": [X, Y], "test": [Y, Z]}, ["split-leak"]),
    "some gone": ({"train.txt": [X, "images/x/gone.png"]}, {None: [Y, Z], "train": [X]}, ["split-missing"]),
    "of the author": ({"data/train.txt": [f"/Users/me/{X}"]}, {None: [Y, Z], "train": [X]}, []),
    "no list": ({"train.txt": ["a text on training"], "other.txt": [X]}, {None: [X, Y, Z]}, []),
}


@pytest.mark.parametrize("case", LISTS)
def test_lists_without_a_yaml(case, tmp_path, capfd):
    lists, splits, told = LISTS[case]
    root = tree(tmp_path, X, Y, Z)
    (root / "classes.txt").write_text("cell\n")
    for name, lines in lists.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text("\n".join(lines))
    assert split(root) == splits
    assert [n["code"] for n in segpack_here(capfd, "inspect", root, "--json").json["notes"]] == told


def test_a_label_that_is_called_as_a_split_is_no_list(tmp_path):
    root = tree(tmp_path, "train.png", "b.png")
    (root / "classes.txt").write_text("cell\n")
    assert split(root) == {None: ["b.png", "train.png"]}


@pytest.mark.parametrize(
    ("path", "folder"),
    [
        ("/kaggle/input/x/ds", "ds/"),
        ("/kaggle/input/x/ds", "x/ds/"),
        ("C:\\\\work\\\\ds", "ds/"),
        ("../datasets/ds", "datasets/ds/"),
        ("/kaggle/input/ds", ""),
        ("./ds/", "ds/"),
    ],
)
def test_a_root_that_ends_below_the_yaml(path, folder, tmp_path):
    root = tree(tmp_path, f"{folder}{A}", f"{folder}{B}")
    (root / "data.yaml").write_text(f'path: "{path}"\ntrain: images/train\nval: images/val\n{NAMES}')
    assert split(root) == {"train": [f"{folder}{A}"], "val": [f"{folder}{B}"]}
    assert sum(len(s.instances) for s in converter.open(root)) == 2


def test_a_yaml_too_deep_to_be_found_is_named(tmp_path):
    root = tree(tmp_path, f"top/ds/{A}")
    (root / "top/ds/data.yaml").write_text(f"train: images/train\nval: images/train\n{NAMES}")
    (root / "README.md").write_text("cells\n")
    with pytest.raises(SourceError, match=r"no class names; top/ds/data\.yaml may name them: give that file"):
        converter.open(root)
    assert len(converter.open(root / "top/ds/data.yaml").classes) == 1


def test_a_yaml_that_lies_with_the_code_is_to_be_copied(tmp_path):
    """As of sets that are trained on in a clone of yolov5: ../train_data beside it."""
    root = tree(tmp_path, f"train_data/{A}")
    (root / "yolov5/data").mkdir(parents=True)
    yaml = root / "yolov5/data/cars.yaml"
    yaml.write_text(f"train: ../train_data/images/train\nval: ../train_data/images/train\n{NAMES}")
    with pytest.raises(SourceError, match=r"no class names; yolov5/data/cars\.yaml may name them: copy it to the top"):
        converter.open(root)
    with pytest.raises(SourceError, match="copy it into the folder of the images and labels that it speaks of"):
        converter.open(yaml)
    shutil.copy(yaml, root)
    assert len(converter.open(root).classes) == 1


def test_what_else_a_yaml_says_is_no_split_and_is_told(tmp_path):
    """An entry of another name is a split where it names what is there, or a path."""
    (tmp_path / "set/images/one").mkdir(parents=True)
    Image.new("L", (9, 8)).save(tmp_path / "set/images/one/a.png")
    about = "description: cats\nlicense: https://example.org/x\ntags: [a, b]\nversion: 2\n"
    (tmp_path / "set/data.yaml").write_text("one: images/one\nnames: [cat]\n" + about)
    result = converter.convert(tmp_path / "set", tmp_path / "out", to="coco")
    assert result.images == 1
    (note,) = (n for n in result.notes if n.code == "metadata-dropped")
    assert note.message == "what it says of description, license, tags, version is not read"
    (tmp_path / "set/data.yaml").write_text("one: images/two\nnames: [cat]\n")
    with pytest.raises(SourceError, match="'images/two' is not in the dataset"):
        converter.open(tmp_path / "set")
