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
from converter.errors import SourceError

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
