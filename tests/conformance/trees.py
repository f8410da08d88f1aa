"""Trees of the five core formats, read without segpack: what is drawn on which image."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests import oracle
from tests.oracle import Mask

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Thing:
    """An object: its class, its pixels or only a box."""

    name: str
    mask: Mask | None = None
    box: Box | None = None
    iscrowd: bool = False

    @property
    def pixels(self) -> Mask:
        assert self.mask is not None, "a box has no pixels"
        return self.mask

    @property
    def extent(self) -> Box:
        """Its box, or the tight box of its mask."""
        return self.box or oracle.tight_box(self.pixels)


@dataclass(frozen=True)
class Drawn:
    """What is drawn on an image: objects, or the name of the class of every pixel ("" for none)."""

    size: tuple[int, int]
    things: list[Thing] = field(default_factory=list)
    labels: NDArray[Any] | None = None


def coco(folder: Path) -> dict[str, Drawn]:
    content = json.loads((folder / "coco.json").read_bytes())
    names = {c["id"]: c["name"] for c in content["categories"]}
    found = {i["id"]: Drawn((i["height"], i["width"])) for i in content["images"]}
    for entry in content["annotations"]:
        drawn = found[entry["image_id"]]
        name, crowd, value = names[entry["category_id"]], bool(entry.get("iscrowd")), entry.get("segmentation")
        if value or not any(entry["bbox"][2:]):
            drawn.things.append(Thing(name, oracle.from_segmentation(value, *drawn.size), iscrowd=crowd))
        else:
            drawn.things.append(Thing(name, box=tuple(entry["bbox"]), iscrowd=crowd))
    return {i["file_name"]: found[i["id"]] for i in content["images"]}


def instance_png(folder: Path) -> dict[str, Drawn]:
    names = {str(c["id"]): c["name"] for c in json.loads((folder / "meta.json").read_bytes())["classes"]}
    found: dict[str, Drawn] = {}
    for row in _index(folder):
        drawn = found.setdefault(row["image"].removeprefix("images/"), Drawn((int(row["height"]), int(row["width"]))))
        if row["mask"]:
            values = oracle.png_values(folder / row["mask"])
            assert set(np.unique(values)) <= {0, 255}
            drawn.things.append(Thing(names[row["class_id"]], values == 255, iscrowd=row["iscrowd"] == "1"))
    return found


def semantic_png(folder: Path) -> dict[str, Drawn]:
    about = json.loads((folder / "meta.json").read_bytes())
    names = np.full(65536, "?", dtype=object)
    if about["background_id"] is not None:
        names[about["background_id"]] = ""
    if about["ignore_id"] is not None:
        names[about["ignore_id"]] = "ignore"
    for c in about["classes"]:
        names[c["id"]] = c["name"]
    found = {}
    for row in _index(folder):
        labels = names[oracle.png_values(folder / row["mask"])]
        found[row["image"].removeprefix("images/")] = Drawn(labels.shape, labels=labels)
    return found


def _index(folder: Path) -> list[dict[str, str]]:
    with (folder / "index.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def yolo(folder: Path) -> dict[str, Drawn]:
    return _yolo(folder, lambda name, v, h, w: Thing(name, box=oracle.yolo_box(v, h, w)))


def yolo_seg(folder: Path) -> dict[str, Drawn]:
    return _yolo(folder, lambda name, v, h, w: Thing(name, oracle.yolo_mask(v, h, w)))


def _yolo(folder: Path, thing: Callable[[str, list[float], int, int], Thing]) -> dict[str, Drawn]:
    found = {}
    for path, rows in oracle.yolo_rows(folder).items():
        with Image.open(folder / path) as picture:
            width, height = picture.size
        things = [thing(name, numbers, height, width) for name, numbers in rows]
        found[path.removeprefix("images/")] = Drawn((height, width), things)
    return found


READERS = {"coco": coco, "instance-png": instance_png, "semantic-png": semantic_png, "yolo": yolo, "yolo-seg": yolo_seg}
