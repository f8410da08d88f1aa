"""What masks and index.csv of a package have no place for is in its coco.json, and goes on from there."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import converter
from converter import api
from converter.errors import SourceError
from tests.support import FIXTURES

DOCUMENT: dict[str, Any] = {
    "info": {"year": 2020, "description": "beads"},
    "licenses": [{"id": 1, "name": "CC0"}],
    "provenance": "a shelf",
    "images": [
        {"id": 70, "file_name": "coins-left.png", "license": 1, "captured": "monday"},
        {"id": 30, "file_name": "coins-corner.png"},
    ],
    "annotations": [
        {"id": 2**127 + 1, "image_id": 70, "category_id": 4, "segmentation": [[2, 2, 12, 2, 12, 9]], "iscrowd": 0,
         "attributes": {"colour": "red"}, "score": 0.5},
        {"id": 17, "image_id": 70, "category_id": 9, "segmentation": [[5, 5, 20, 5, 20, 20]], "iscrowd": 0},
        {"id": 18, "image_id": 30, "category_id": 9, "segmentation": [[1, 1, 9, 1, 9, 9]], "iscrowd": 1, "by": "me"},
    ],
    "categories": [{"id": 4, "name": "bead", "supercategory": "glass"}, {"id": 9, "name": "coin"}],
}  # fmt: skip


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    shutil.copytree(FIXTURES / "coco/valid/coins/images", folder / "images")
    (folder / "coco.json").write_text(json.dumps(DOCUMENT))
    return folder


def told(path: Path) -> dict[str, Any]:
    """All of a COCO file that is no geometry."""
    top: dict[str, Any] = json.loads(path.read_bytes())
    drawn = {"segmentation", "area", "bbox"}
    top["annotations"] = [{k: v for k, v in each.items() if k not in drawn} for each in top["annotations"]]
    top["images"] = [{k: v for k, v in each.items() if k not in {"width", "height"}} for each in top["images"]]
    return {key: sorted(value, key=str) if isinstance(value, list) else value for key, value in top.items()}


@pytest.mark.parametrize("encoding", ["binary", "rle", "polygon"])
@pytest.mark.parametrize("times", [1, 2])
def test_a_package_gives_back_what_went_in(encoding: Any, times: int, source: Path, tmp_path: Path) -> None:
    package = source
    for time in range(times):
        package = tmp_path / f"{time}.zip"
        converter.pack(tmp_path / f"{time - 1}.zip" if time else source, package, mask_encoding=encoding, strict=True)
        assert converter.check(package).ok
    result = converter.convert(package, tmp_path / "out", to="coco", strict=True)
    assert result.losses == []
    assert told(tmp_path / "out/coco.json") == told(source / "coco.json")


def test_what_the_next_target_cannot_hold_is_told(source: Path, tmp_path: Path) -> None:
    converter.pack(source, tmp_path / "a.zip")
    for step in (source, tmp_path / "a.zip"):
        result = converter.convert(step, tmp_path / "out", to="yolo-seg", crowd="keep", overwrite=True)
        lost = {(loss.code, loss.image) for loss in result.losses}
        assert {("attribute-dropped", "coins-left.png"), ("attribute-dropped", "coins-corner.png")} <= lost


def test_maps_of_classes_keep_what_is_said_of_the_set_and_its_classes(source: Path, tmp_path: Path) -> None:
    converter.pack(source, tmp_path / "a.zip", mask_encoding="multi-class")
    converter.pack(tmp_path / "a.zip", tmp_path / "b.zip", mask_encoding="multi-class")
    converter.convert(tmp_path / "b.zip", tmp_path / "out", to="coco")
    found, given = told(tmp_path / "out/coco.json"), told(source / "coco.json")
    found["info"].pop("segpack")
    assert {key: found[key] for key in ("info", "licenses", "provenance", "categories")} == {
        key: given[key] for key in ("info", "licenses", "provenance", "categories")
    }
    assert {(i["id"], i["file_name"]) for i in found["images"]} == {(70, "coins-left.png"), (30, "coins-corner.png")}


def test_pixels_to_be_ignored_are_a_loss_and_not_forgotten(tmp_path: Path) -> None:
    source = FIXTURES / "semantic-png/valid/ignored"
    converter.pack(source, tmp_path / "a.zip", mask_encoding="binary")
    direct = converter.convert(source, tmp_path / "direct", to="instance-png")
    packed = converter.convert(tmp_path / "a.zip", tmp_path / "packed", to="instance-png")
    lost = [loss for loss in direct.losses if loss.code == "ignore-dropped"]
    assert lost
    assert [loss for loss in packed.losses if loss.code == "ignore-dropped"] == lost


def test_a_damaged_file_beside_the_masks_does_not_keep_them_from_being_read(source: Path, tmp_path: Path) -> None:
    converter.pack(source, tmp_path / "set")
    path = tmp_path / "set/coco/coco.json"
    path.write_bytes(path.read_bytes()[:-40])
    result = converter.convert(tmp_path / "set", tmp_path / "out", to="coco")
    assert result.instances == 3
    assert [note.code for note in result.notes if note.code == "attributes-unread"] == ["attributes-unread"]


@pytest.mark.parametrize("id", [77, "text"])
def test_what_is_said_of_an_annotation_without_a_mask_is_a_loss(id: Any, source: Path, tmp_path: Path) -> None:
    converter.pack(source, tmp_path / "set")
    path = tmp_path / "set/coco/coco.json"
    top = json.loads(path.read_bytes())
    next(each for each in top["annotations"] if "score" in each)["id"] = id
    path.write_text(json.dumps(top))
    (loss,) = converter.convert(tmp_path / "set", tmp_path / "out", to="coco").losses
    assert (loss.code, loss.image, loss.amount) == ("attribute-dropped", "coins-left.png", 1)


@pytest.mark.parametrize("gone", [["meta.json"], ["meta.json", "index.csv"]])
def test_a_package_that_lost_its_descriptions_keeps_its_classes(gone: list[str], tmp_path: Path) -> None:
    """Without coco/ only the names of masks tell them; `object` would be one class of two."""
    source = FIXTURES / "coco/valid/coins"
    api.convert(source, tmp_path / "set", to="instance-png")
    for name in gone:
        (tmp_path / "set" / name).unlink()
    if len(gone) == 1:
        with pytest.raises(SourceError, match=r"meta\.json: is not there, and index\.csv is that of a package"):
            api.open(tmp_path / "set")
    else:
        found = api.convert(tmp_path / "set", tmp_path / "out", to="coco")
        assert [c.name for c in found.classes] == ["class_1", "class_2"]
        assert "class-names-unknown" in {note.code for note in found.notes}
    (tmp_path / "classes.csv").write_text("id,name,from\n1,small coin,1\n2,large coin,2\n")
    api.convert(tmp_path / "set", tmp_path / "named", to="coco", classes=tmp_path / "classes.csv")
    assert api.diff(source, tmp_path / "named").equal


def test_a_class_called_background_that_nothing_is_of_is_no_contradiction(tmp_path: Path) -> None:
    document = json.loads((FIXTURES / "coco/valid/coins/coco.json").read_text())
    document["categories"].append({"id": 0, "name": "background"})
    first = document["annotations"][0]
    document["annotations"].append({**first, "id": 9_999, "category_id": 0, "segmentation": [], "bbox": [1, 1, 5, 5]})
    shutil.copytree(FIXTURES / "coco/valid/coins/images", tmp_path / "set/images")
    (tmp_path / "set/coco.json").write_text(json.dumps(document))
    found = api.pack(tmp_path / "set", tmp_path / "set.zip")
    assert {loss.code for loss in found.losses} == {"box-dropped"}
    assert api.check(tmp_path / "set.zip").ok
