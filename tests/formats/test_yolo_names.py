"""YOLO sets without a YAML: the files in which tools write class names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

import converter
from converter.errors import SourceError
from tests.support import segpack_here

NOTES = {"categories": [{"id": 1, "name": "dog"}, {"id": 0, "name": "cat"}], "info": {"contributor": "Label Studio"}}
YAML = "path: .\r\nnames:\r\n  - cat\r\n  - dog\r\n"


def tree(root: Path, *stems: str) -> Path:
    for stem in stems:
        (root / stem).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20, 10)).save(root / f"{stem}.png")
        (root / f"{stem}.txt").write_text("1 0.5 0.5 0.2 0.4\n")
    return root


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("coco.names", "cat\ndog\n"),
        ("data/voc.names", "cat\r\ndog\r\n\r\n"),
        ("a/x.names", "cat\ndog"),
        ("predefined_classes.txt", "cat\ndog\n"),
        ("data/predefined_classes.txt", "cat\ndog\n"),
        ("notes.json", json.dumps(NOTES)),
        ("a/_darknet.labels", "cat\ndog"),
    ],
)
def test_names_of_tools(file, content, tmp_path, capfd):
    root = tree(tmp_path, "a/x")
    (root / file).parent.mkdir(exist_ok=True)
    (root / file).write_text(content)
    dataset = converter.open(root)
    assert [(c.id, c.name) for c in dataset.classes] == [(1, "cat"), (2, "dog")]
    assert [i.class_name for s in dataset for i in s.instances] == ["dog"]
    assert segpack_here(capfd, "inspect", root, "--json").json["notes"] == []
    (root / "classes.txt").write_text("one\ntwo\n")  # where it is there it counts
    assert [c.name for c in converter.open(root).classes] == ["one", "two"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be"])
def test_a_yaml_as_windows_writes_it(encoding, tmp_path):
    root = tree(tmp_path, "a/x")
    (root / "data.yaml").write_bytes(("\ufeff" + YAML).encode(encoding))
    assert [c.name for c in converter.open(root).classes] == ["cat", "dog"]


@pytest.mark.parametrize("agree", [True, False])
def test_names_of_each_split(agree, tmp_path, capfd):
    root = tree(tmp_path / "set", "train/a", "valid/b")
    (root / "train/_darknet.labels").write_text("cat\ndog")
    (root / "valid/_darknet.labels").write_text("cat\ndog\n" if agree else "dog\ncat")
    if not agree:
        wrong = r"train/_darknet\.labels: names other classes than valid/_darknet\.labels; give the classes"
        with pytest.raises(SourceError, match=wrong):
            converter.open(root)
        return
    assert [(s.image.split, s.instances[0].class_name) for s in converter.open(root)] == [
        ("train", "dog"),
        ("val", "dog"),
    ]
    assert segpack_here(capfd, "inspect", root, "--json").json["notes"] == []


@pytest.mark.parametrize(
    ("files", "wrong"),
    [
        ({"a.names": "cat\ndog\n", "b.names": "dog\ncat\n"}, "there are no class names"),
        ({"notes.json": '{"text": "a bird"}'}, "there are no class names"),
        ({"notes.json": '{"categories": []}'}, "notes.json: names no class"),
        ({"notes.json": '{"categories": [{"id": "0", "name": "cat"}]}'}, "has no id that is a whole number"),
        ({"notes.json": '{"categories": ["cat"]}'}, "has no id that is a whole number"),
        ({"notes.json": '{"categories": [{"id": 0}]}'}, "a class name is None"),
        ({"notes.json": '{"categories": [{"id": 0, "name": "a"}, {"id": 0, "name": "b"}]}'}, "id 0 is declared twice"),
        ({"coco.names": ""}, "coco.names: names no class"),
    ],
)
def test_names_that_are_none(files, wrong, tmp_path):
    root = tree(tmp_path, "x")
    for name, content in files.items():
        (root / name).write_text(content)
    with pytest.raises(SourceError, match=wrong):
        converter.open(root)
