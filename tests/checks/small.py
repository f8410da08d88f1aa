"""Small sets with nothing wrong, and copies of real ones, to put defects into."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import converter
from converter.pipeline.checking import CheckReport

HEIGHT, WIDTH = 80, 96
Key = tuple[str, str, int | None, str]


def picture(seed: int) -> NDArray[np.uint8]:
    """Noise of its own, (HEIGHT, WIDTH, 3)."""
    return np.random.default_rng(seed).integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8)


def boxes(seed: int) -> list[tuple[int, int, int, int]]:
    """Left, top, width and height of three objects that lie apart."""
    seed = (seed - 1) % 8 + 1
    return [(5 + seed, 6, 20, 18), (40, 10 + seed, 22, 20), (70, 45, 15 + seed, 25)]


def square(x: float, y: float, w: float, h: float) -> dict[str, Any]:
    """What COCO says of a rectangle that is drawn as a polygon."""
    return {"segmentation": [[x, y, x + w, y, x + w, y + h, x, y + h]], "bbox": [x, y, w, h], "area": w * h}


def coco(root: Path, count: int = 4) -> Path:
    """COCO polygons; three objects of two classes on every image."""
    (root / "images").mkdir(parents=True)
    images, annotations = [], []
    for n in range(1, count + 1):
        Image.fromarray(picture(n)).save(root / f"images/{n}.png")
        images.append({"id": n, "file_name": f"{n}.png", "width": WIDTH, "height": HEIGHT})
        for k, (x, y, w, h) in enumerate(boxes(n), 1):
            ring = [x, y, x + w, y, x + w, y + h, x, y + h]
            annotations.append(
                {"id": 10 * n + k, "image_id": n, "category_id": 1 + k % 2, "segmentation": [ring],
                 "bbox": [x, y, w, h], "area": w * h, "iscrowd": 0}
            )  # fmt: skip
    categories = [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]
    write(root, {"images": images, "annotations": annotations, "categories": categories})
    return root


def write(root: Path, content: Any) -> None:
    (root / "coco.json").write_text(json.dumps(content))


def edit(root: Path, change: Callable[[Any], None], file: str = "coco.json") -> None:
    """Change a JSON file."""
    content = json.loads((root / file).read_text())
    change(content)
    (root / file).write_text(json.dumps(content))


def annotation(content: Any, id: int) -> Any:
    return next(a for a in content["annotations"] if a["id"] == id)


def semantic(root: Path, count: int = 4) -> Path:
    """Images and masks with two declared classes."""
    for folder in ("images", "masks"):
        (root / folder).mkdir(parents=True)
    for n in range(1, count + 1):
        Image.fromarray(picture(n)).save(root / f"images/{n}.png")
        mask = np.zeros((HEIGHT, WIDTH), np.uint8)
        for k, (x, y, w, h) in enumerate(boxes(n), 1):
            mask[y : y + h, x : x + w] = 1 + k % 2
        Image.fromarray(mask).save(root / f"masks/{n}.png")
    (root / "classes.json").write_text('{"1": "cat", "2": "dog"}')
    return root


def keys(report: CheckReport) -> set[Key]:
    """Findings as code, image, instance and file."""
    return {
        (f.code, f.where.get("image", ""), f.where.get("instance"), f.where.get("file", "")) for f in report.findings
    }


def look(root: Path, **options: Any) -> CheckReport:
    return converter.check(root, workers=1, **options)


def new(root: Path, spoil: Callable[[Path], Any], **options: Any) -> set[Key]:
    """What is found after `spoil` and was not before."""
    before = keys(look(root, **options))
    spoil(root)
    return keys(look(root, **options)) - before


def copied(source: Path, target: Path) -> Path:
    return Path(shutil.copytree(source, target, copy_function=shutil.copyfile))
