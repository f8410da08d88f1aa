"""Defects put into copies of real sets, and what the untouched ones have to say."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import converter
from tests.checks import small

COCO8 = "ultralytics_coco8/example_datasets/coco8"
Act = Callable[[Path], set[small.Key]]


@pytest.mark.parametrize(
    "name",
    [
        "dsb2018_stage1",
        "tiny_coco",
        "camvid_segnet",
        COCO8,
        f"{COCO8}-seg",
        "labelme_examples/examples/instance_segmentation/data_dataset_coco",
    ],
)
def test_no_errors_and_no_shift_in_untouched_sets(name: str, data: Path) -> None:
    found = converter.check(data / name, workers=2)
    assert found.ok
    assert not {"shifted-masks", "split-leak", "duplicate-image", "lossy-mask"} & found.counts.keys()


def test_taco_lacks_its_images_and_nothing_else(data: Path) -> None:
    found = converter.check(data / "taco", sample=60, seed=1, workers=2)
    assert {f.code for f in found.findings if f.severity == "error"} == {"missing-image"}
    assert found.counts["missing-image"] == found.images_checked == 60


# ---------------------------------------------------------------- dsb2018: a folder an image


def folder(root: Path) -> Path:
    return sorted((root / "stage1_train").iterdir())[5]


def masks(root: Path) -> list[Path]:
    return sorted((folder(root) / "masks").iterdir())


def repaint(path: Path, change: Callable[[Any], Any]) -> None:
    Image.fromarray(change(np.asarray(Image.open(path)).copy())).save(path)


def block(value: int) -> Callable[[Any], Any]:
    def change(mask: Any) -> Any:
        mask[3:9, 3:9] = value
        return mask

    return change


DSB: dict[str, Callable[[Path], Any]] = {
    "unexpected-value": lambda r: repaint(masks(r)[2], block(77)),
    "size-mismatch": lambda r: repaint(masks(r)[2], lambda m: m[:-1]),
    "empty-mask": lambda r: repaint(masks(r)[2], np.zeros_like),
    "unreadable-image": lambda r: masks(r)[2].write_bytes(b"not a picture"),
    "duplicate-instance": lambda r: masks(r)[2].write_bytes(masks(r)[1].read_bytes()),
}


@pytest.mark.parametrize("code", DSB)
def test_dsb2018(code: str, data: Path, tmp_path: Path) -> None:
    root = tmp_path / "set"
    for each in sorted((data / "dsb2018_stage1/stage1_train").iterdir())[:12]:
        small.copied(each, root / "stage1_train" / each.name)
    name = folder(root).name
    mask = masks(root)[2].relative_to(root).as_posix()
    assert small.new(root, DSB[code]) == {(code, f"{name}.png", 3, mask)}


def test_dsb2018_folders(data: Path, tmp_path: Path) -> None:
    root = tmp_path / "set"
    for each in sorted((data / "dsb2018_stage1/stage1_train").iterdir())[:8]:
        small.copied(each, root / "stage1_train" / each.name)
    first, second = sorted((root / "stage1_train").iterdir())[:2]
    lost = {p.relative_to(root).as_posix() for p in (second / "masks").iterdir()}

    def spoil(root: Path) -> None:
        for path in (first / "masks").iterdir():
            path.unlink()
        next((second / "images").iterdir()).unlink()

    found = small.new(root, spoil)
    bare = f"stage1_train/{first.name}/images/{first.name}.png"
    assert ("missing-mask", f"{first.name}.png", None, bare) in found
    assert {file for code, _, _, file in found if code == "orphan-mask"} == lost
    assert {code for code, *_ in found} == {"missing-mask", "orphan-mask"}


# ---------------------------------------------------------------- tiny_coco

TRAIN = "annotations/instances_train2017.json"


def first(root: Path) -> dict[str, Any]:
    """The first polygon of the training set that has pixels enough."""
    content = json.loads((root / TRAIN).read_text())
    return next(a for a in content["annotations"] if a["area"] > 3000 and len(a["segmentation"]) == 1)


def change(**values: Any) -> Callable[[Path], None]:
    def act(root: Path) -> None:
        id = first(root)["id"]
        small.edit(root, lambda c: small.annotation(c, id).update(values), TRAIN)

    return act


TINY: dict[str, Callable[[Path], None]] = {
    "invalid-polygon": change(segmentation=[[1, 2, 3, 4]]),
    "invalid-rle": change(),  # of the size of its image
    "unmapped-class": change(category_id=999),
    "area-mismatch": change(area=99999),
    "box-mismatch": change(bbox=[0, 0, 3, 3]),
}


@pytest.mark.parametrize("code", TINY)
def test_tiny_coco(code: str, data: Path, tmp_path: Path) -> None:
    root = small.copied(data / "tiny_coco", tmp_path / "set")
    about = first(root)
    content = json.loads((root / TRAIN).read_text())
    image = next(i for i in content["images"] if i["id"] == about["image_id"])
    size = [image["height"], image["width"]]
    spoil = change(segmentation={"size": size, "counts": "05"}) if code == "invalid-rle" else TINY[code]
    found = {k for k in small.new(root, spoil) if k[0] not in {"class-imbalance", "overlap"}}
    assert found == {(code, f"train/{image['file_name']}", about["id"], TRAIN)}


# ---------------------------------------------------------------- coco8


def label(root: Path) -> Path:
    return root / "labels/train/000000000009.txt"


def row(text: str) -> Callable[[Path], None]:
    def act(root: Path) -> None:
        lines = label(root).read_text().splitlines()
        label(root).write_text("\n".join([*lines, text]) + "\n")

    return act


ROWS = {
    "unmapped-class": "99 0.5 0.5 0.2 0.2",
    "out-of-bounds": "1 0.9 0.5 1.4 0.2",
    "invalid-polygon": "1 0.5 0.5 0.2",
}


@pytest.mark.parametrize("code", ROWS)
def test_coco8(code: str, data: Path, tmp_path: Path) -> None:
    root = small.copied(data / COCO8, tmp_path / "set")
    number = len(label(root).read_text().splitlines()) + 1
    found = small.new(root, row(ROWS[code]))
    assert found == {(code, "train/000000000009.jpg", number, "labels/train/000000000009.txt")}


def test_coco8_files(data: Path, tmp_path: Path) -> None:
    root = small.copied(data / COCO8, tmp_path / "set")
    image = "images/train/000000000009.jpg"
    found = small.new(root, lambda r: label(r).unlink())
    assert {k for k in found if k[0] != "unused-class"} == {("missing-mask", "train/000000000009.jpg", None, image)}


def test_coco8_leak(data: Path, tmp_path: Path) -> None:
    root = small.copied(data / COCO8, tmp_path / "set")
    source, target = root / "images/train/000000000009.jpg", root / "images/val/000000000036.jpg"
    found = {code for code, *_ in small.new(root, lambda _: target.write_bytes(source.read_bytes()))}
    assert found == {"split-leak"}


# ---------------------------------------------------------------- camvid


@pytest.mark.parametrize("kind", ["unexpected-value", "lossy-mask", "palette-mask", "size-mismatch"])
def test_camvid(kind: str, data: Path, tmp_path: Path) -> None:
    from io import BytesIO

    root = small.copied(data / "camvid_segnet/CamVid", tmp_path / "set")
    path = sorted((root / "valannot").glob("*.png"))[3]

    def noisy(mask: Any) -> Any:
        stream = BytesIO()
        Image.fromarray(mask * 20).save(stream, "JPEG", quality=70)
        return np.asarray(Image.open(stream))

    def colored(mask: Any) -> Any:
        return np.random.default_rng(1).integers(0, 255, (12, 3), dtype=np.uint8)[mask]

    acts = {
        "unexpected-value": block(200),
        "lossy-mask": noisy,
        "palette-mask": colored,
        "size-mismatch": lambda m: m[1:],
    }
    found = {k for k in small.new(root, lambda _: repaint(path, acts[kind])) if k[0] != "class-imbalance"}
    assert found == {(kind, f"val/{path.name}", None, f"valannot/{path.name}")}
