"""YOLO 1.1: which lists are read."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PIL import Image

import converter
from tests.formats.twins import fixture


@pytest.mark.parametrize(("key", "file"), [("val", "val.txt"), ("second", "second.txt"), ("valid", "images.txt")])
def test_a_subset_has_the_list_that_obj_data_names(key, file, tmp_path):
    """Datumaro calls a subset val; CVAT writes a list for every subset of a project, whatever its name."""
    folder = shutil.copytree(fixture("yolo-1.1") / "valid" / "subsets", tmp_path / "set")
    (folder / "valid.txt").rename(folder / file)
    data = (folder / "obj.data").read_text()
    (folder / "obj.data").write_text(data.replace("valid = data/valid.txt", f"{key} = data/{file}"))
    dataset = converter.open(folder)
    assert set(dataset.splits) == {"train", "val" if key != "second" else "second"}
    assert [s.image.split for s in dataset].count("train") == len(list(dataset)) - 2


ROOT = "/Users/pjreddie/data/voc/"
# .data and .names, the root of the paths in the lists, the root of those in .data, the folder of images.
DARKNET = {
    "AlexeyAB": ("data/obj", "data/", "data/", "data/obj"),
    "from the folder of the binary": ("data/obj", "build/darknet/x64/data/", "data/", "data/obj"),
    "voc": ("voc", ROOT, ROOT, "JPEGImages"),
    "cfg": ("cfg/voc", ROOT, "", "images"),
    "with the YAML of another tool": ("data/obj", "data/", "data/", "data/obj"),
}


@pytest.mark.parametrize("case", DARKNET)
def test_trees_of_darknet(case, tmp_path):
    """data/ beside cfg/, names and lists that are not called as CVAT calls them."""
    stem, there, said, folder = DARKNET[case]
    root = tmp_path / "set"
    for name in ("a", "b", "c"):
        image = root / folder / f"{name}.png"
        label = root / (folder if folder.endswith("obj") else "labels") / f"{name}.txt"
        for path in (image, label):
            path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20, 10)).save(image)
        label.write_text("1 0.5 0.5 0.2 0.4\n")
    names = f"{Path(stem).name}.names"
    lists = Path(stem).parent if said.startswith("data") else Path()
    for path, text in {
        f"{stem}.data": f"classes= 2\ntrain  = {said}train.txt\nvalid  = {said}2007_test.txt\nnames = data/{names}\n",
        f"{stem}.names": "cat\ndog\n\n",
        lists / "train.txt": f"{there}{folder.removeprefix('data/')}/a.png\n",
        lists / "2007_test.txt": f"{there}{folder.removeprefix('data/')}/b.png\n",
        "cfg/yolov4.cfg": "[net]\n",
        "weights.data": "\xff" * 100,
    }.items():
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_text(text)
    if case.startswith("with"):
        (root / "data.yaml").write_text("train: data\nval: data\nnames: [cat, dog]\n")
        assert len(list(converter.open(root))) == 3
        assert converter.open(root).format == "yolo"
        return
    dataset = converter.open(root)
    assert dataset.format == "yolo-1.1"
    assert [(s.image.split, Path(s.image.name).name) for s in dataset] == [("train", "a.png"), ("val", "b.png")]
    assert [i.class_name for s in dataset for i in s.instances] == ["dog", "dog"]
    losses = converter.convert(root, tmp_path / "out", to="coco").losses
    assert [(x.code, Path(x.image).name) for x in losses] == [("orphan-label", "c.txt")]
