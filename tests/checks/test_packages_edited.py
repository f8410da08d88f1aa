"""A package that somebody has edited contradicts itself, whichever of its parts it was."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import converter
from converter.errors import SourceError
from tests.support import FIXTURES

CAMVID = Path(__file__).resolve().parents[3] / "shared/data/camvid_segnet"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("package") / "set"
    converter.pack(FIXTURES / "coco/valid/coins", out, yolo="seg")
    assert converter.check(out).ok
    return out


@pytest.fixture
def edited(package: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(package, tmp_path / "set"))


def errors(path: Path) -> list[tuple[str, str]]:
    return [(f.code, f.message) for f in converter.check(path).findings if f.severity == "error"]


def edit(path: Path, change: Callable[[Any], Any]) -> None:
    content = json.loads(path.read_bytes())
    change(content)
    path.write_text(json.dumps(content))


COCO: dict[str, tuple[Callable[[Any], Any], str]] = {
    "crowd": (lambda d: d["annotations"][0].update(iscrowd=1), "iscrowd 1"),
    "id": (lambda d: d["annotations"][0].update(id=9999), "the id 9999"),
    "box": (lambda d: d["annotations"][0].update(bbox=[0, 0, 1, 1]), r"the box \[0, 0, 1, 1\]"),
    "area": (lambda d: d["annotations"][0].update(area=1), "the area 1"),
    "size": (lambda d: d["images"][0].update(width=5), "is of 5x"),
    "class": (lambda d: d["categories"][0].update(name="kitty"), "is 'kitty' in coco/"),
    "image": (
        lambda d: d["images"].append({**d["images"][0], "id": 77, "file_name": "ghost.png"}),
        "no other part has",
    ),
}
SPLIT: dict[str, tuple[Callable[[Any], Any], str]] = {
    "object": (lambda d: d["annotations"].pop(), "coco/train.json says of this image what coco/coco.json does not"),
    "mask": (lambda d: d["annotations"][0].update(segmentation=[[0, 0, 9, 0, 9, 9]]), "says of this image"),
    "image": (lambda d: d["images"].pop(), "coco/train.json lacks this image of its split"),
    "stranger": (lambda d: d["images"].append({**d["images"][0], "id": 77, "file_name": "val/g.png"}), "has an image"),
    "class": (lambda d: d["categories"][0].update(name="kitty"), "its categories are not those of coco/coco.json"),
}
META: dict[str, tuple[Callable[[Any], Any], str]] = {
    "splits": (lambda d: d.update(splits=["nowhere"]), "splits names 'nowhere'"),
    "size": (lambda d: d.update(image_size={"uniform": True, "width": 5, "height": 5}), "image_size is"),
    "task": (lambda d: d.update(task="semantic"), "task is semantic"),
}


@pytest.mark.parametrize("name", COCO)
def test_an_edited_coco_json_disagrees_with_the_masks(name: str, edited: Path) -> None:
    change, said = COCO[name]
    edit(edited / "coco/coco.json", change)
    found = errors(edited)
    assert {code for code, _ in found} == {"encoding-disagreement"}
    assert re.search(said, found[0][1])


def test_any_row_of_an_image_may_contradict_its_file(edited: Path) -> None:
    table = (edited / "index.csv").read_text().splitlines(keepends=True)
    digest = table[3].split(",")[-2]
    table[3] = table[3].replace(digest, "0" * 64)
    (edited / "index.csv").write_text("".join(table))
    assert errors(edited) == [("checksum-mismatch", "the image is not the file that was packed")]


@pytest.mark.parametrize("name", META)
def test_an_edited_meta_json_is_invalid(name: str, edited: Path) -> None:
    change, said = META[name]
    edit(edited / "meta.json", change)
    ((code, message),) = errors(edited)
    assert code == "meta-invalid"
    assert said in message


@pytest.fixture(scope="module")
def split_package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("package") / "set"
    converter.pack(FIXTURES / "coco/valid/splits", out)
    return out


@pytest.mark.parametrize("name", SPLIT)
def test_the_file_of_a_split(name: str, split_package: Path, tmp_path: Path) -> None:
    """Trainers read it and not that of all images."""
    change, said = SPLIT[name]
    edited = Path(shutil.copytree(split_package, tmp_path / "set"))
    edit(edited / "coco/train.json", change)
    if name == "stranger":
        shutil.copy(next((edited / "images/train").glob("*.png")), edited / "images/val/g.png")
    ((code, message),) = errors(edited)
    assert code == "encoding-disagreement"
    assert said in message


def test_the_file_of_a_split_that_is_gone_or_cut_or_said_otherwise(split_package: Path, tmp_path: Path) -> None:
    edited = Path(shutil.copytree(split_package, tmp_path / "set"))
    path = edited / "coco/train.json"
    content = json.loads(path.read_bytes())
    content["annotations"].reverse()
    path.write_text(json.dumps(content, indent=1))
    assert errors(edited) == []
    path.write_bytes(path.read_bytes()[:90])
    ((code, message),) = errors(edited)
    assert (code, message[:15]) == ("encoding-disagreement", "cannot be read:")
    path.unlink()
    assert errors(edited) == [("encoding-disagreement", "it is not there, and images of the split 'train' are")]


def test_names_that_were_exchanged_in_yolo(edited: Path) -> None:
    path = edited / "yolo/data.yaml"
    names = [c["name"] for c in json.loads((edited / "meta.json").read_bytes())["classes"]]
    path.write_text(path.read_text().replace(names[0], "kitty"))
    ((code, message),) = errors(edited)
    assert (code, message) == ("encoding-disagreement", f"class 0 is 'kitty' in yolo/ and '{names[0]}' in meta.json")


@pytest.mark.parametrize("folder", ["coco", "yolo"])
def test_an_encoding_that_is_gone(folder: str, edited: Path) -> None:
    shutil.rmtree(edited / folder)
    assert errors(edited) == [("encoding-disagreement", f"meta.json describes {folder}/, which is not there")]


@pytest.mark.parametrize("encoding", ["binary", "multi-class", "rle"])
def test_an_index_that_is_gone(encoding: Any, tmp_path: Path) -> None:
    out = tmp_path / "set"
    converter.pack(FIXTURES / "coco/valid/coins", out, mask_encoding=encoding)
    (out / "index.csv").unlink()
    ((code, message),) = errors(out)
    assert code == "index-mismatch"
    assert "is not there" in message


def test_binary_masks_without_their_index_are_not_guessed_over(edited: Path, tmp_path: Path) -> None:
    """Their classes, ids and crowds would be lost."""
    shutil.rmtree(edited / "coco")
    (edited / "index.csv").unlink()
    with pytest.raises(SourceError, match=r"index\.csv: is not there"):
        converter.convert(edited, tmp_path / "out", to="coco")
    options: dict[str, Any] = {"masks": "masks/{image}/{instance}_{class}.png"}
    result = converter.convert(edited, tmp_path / "out", to="coco", **options)
    assert result.instances == json.loads((edited / "meta.json").read_bytes())["counts"]["instances"]


@pytest.mark.parametrize("yolo", [None, "boxes", "seg"])
def test_a_class_in_several_instances_is_no_contradiction(yolo: Any, tmp_path: Path) -> None:
    converter.pack(CAMVID, tmp_path / "out.zip", instances="components", yolo=yolo)
    assert errors(tmp_path / "out.zip") == []


@pytest.mark.parametrize("yolo", ["boxes", "seg"])
@pytest.mark.parametrize("crowd", ["drop", "keep"])
def test_crowds_in_yolo_are_no_contradiction(yolo: Any, crowd: Any, tmp_path: Path) -> None:
    source = tmp_path / "in"
    shutil.copytree(FIXTURES / "coco/valid/coins", source)
    edit(next(source.rglob("*.json")), lambda d: d["annotations"][0].update(iscrowd=1))
    converter.pack(source, tmp_path / "out.zip", crowd=crowd, yolo=yolo)
    assert errors(tmp_path / "out.zip") == []
