"""Small datasets made on the spot, and reading results without the program under test."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pycocotools import mask as coco

from tests.oracle import Mask, from_segmentation


def code(mask: Mask) -> dict[str, Any]:
    """COCO's RLE of a bitmap, made by pycocotools."""
    found = coco.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"size": list(found["size"]), "counts": found["counts"].decode()}


class CocoSet:
    """A COCO dataset in the making; `save` writes coco.json beside the images."""

    def __init__(self, folder: Path, names: tuple[str, ...] = ("blob", "bar")) -> None:
        self.folder = folder
        self.top: dict[str, Any] = {
            "images": [],
            "annotations": [],
            "categories": [{"id": i, "name": n} for i, n in enumerate(names, 1)],
        }

    def image(self, name: str, pixels: NDArray[np.uint8], *, size: tuple[int, int] | None = None, **save: Any) -> int:
        """An image file; `size` is what the annotations declare, default that of the pixels."""
        path = self.folder / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path, **save)
        width, height = size or (pixels.shape[1], pixels.shape[0])
        id = len(self.top["images"]) + 1
        self.top["images"].append({"id": id, "file_name": name, "width": width, "height": height})
        return id

    def draw(self, image: int, segmentation: Any, category: int = 1, **more: Any) -> None:
        id = len(self.top["annotations"]) + 1
        entry = {"id": id, "image_id": image, "category_id": category, "segmentation": segmentation, **more}
        self.top["annotations"].append(entry)

    def save(self) -> str:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "coco.json").write_text(json.dumps(self.top))
        return str(self.folder)


class Result:
    """A COCO tree as written, by image name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.top = json.loads((folder / "coco.json").read_text())
        self.images = {i["file_name"]: i for i in self.top["images"]}
        self.names = {c["id"]: c["name"] for c in self.top["categories"]}

    def annotations(self, name: str) -> list[dict[str, Any]]:
        id = self.images[name]["id"]
        return [a for a in self.top["annotations"] if a["image_id"] == id]

    def masks(self, name: str) -> list[Mask]:
        image = self.images[name]
        return [from_segmentation(a["segmentation"], image["height"], image["width"]) for a in self.annotations(name)]

    def pixels(self, name: str) -> NDArray[np.uint8]:
        with Image.open(self.folder / "images" / name) as image:
            return np.asarray(image)


def photo(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    """A smooth picture without symmetry, (height, width, 3)."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (5, 6, 3), dtype=np.uint8))
    return np.asarray(small.resize((width, height), Image.Resampling.BICUBIC))


def noise(height: int, width: int, seed: int = 0) -> Mask:
    """A mask of specks, with holes and single pixels."""
    return np.random.default_rng(seed).random((height, width)) < 0.4


def blob(height: int, width: int, seed: int = 0) -> Mask:
    """A mask of a few large parts."""
    small = Image.fromarray(np.random.default_rng(seed).integers(0, 256, (4, 5), dtype=np.uint8))
    return np.asarray(small.resize((width, height), Image.Resampling.BICUBIC)) > 128


def semantic_set(folder: Path, labels: NDArray[Any], names: dict[int, str]) -> str:
    """A set of one image, a.png, with this map of classes."""
    for each in ("images", "masks"):
        (folder / each).mkdir(parents=True)
    Image.fromarray(photo(*labels.shape)).save(folder / "images/a.png")
    Image.fromarray(labels).save(folder / "masks/a.png")
    (folder / "classes.json").write_text(json.dumps(names))
    return str(folder)


def random_set(
    folder: Path, names: dict[int, str], seed: int = 0, values: Sequence[int] = ()
) -> tuple[str, NDArray[Any]]:
    """As `semantic_set`, with a map (20, 30) of these values, else of 0 and those that have names."""
    labels = np.random.default_rng(seed).choice(np.array(values or [*{0, *names}], np.uint8), (20, 30))
    return semantic_set(folder, labels, names), labels
