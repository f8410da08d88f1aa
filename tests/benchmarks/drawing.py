"""A COCO set to measure on: deterministic, drawn with the mix of sizes and shapes that COCO has.

    python -m tests.benchmarks.drawing OUT --images 500 [--no-images]

`OUT/annotations/instances_train.json` and `OUT/images/train/*.jpg`. Areas are log-normal; one
object in ten has several parts, one in a hundred is a crowd with uncompressed counts.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

CATEGORIES = [id for id in range(1, 91) if id % 9]  # with gaps, as COCO's
PER_IMAGE = 7.3
SIZES = ((640, 480), (640, 480), (640, 480), (640, 480), (480, 640))


def draw(out: Path, images: int, *, pixels: bool = True) -> None:
    """Write the set; with `pixels` also its JPEGs."""
    (out / "annotations").mkdir(parents=True)
    (out / "images" / "train").mkdir(parents=True)
    entries = [_entry(i) for i in range(1, images + 1)]
    seen: dict[int, list[dict[str, Any]]] = {entry["id"]: [] for entry in entries}
    with (out / "annotations" / "instances_train.json").open("w") as file:
        file.write('{"images": ' + json.dumps(entries) + ', "annotations": [')
        for i, annotation in enumerate(_annotations(entries)):
            file.write(("," if i else "") + json.dumps(annotation, separators=(",", ":")))
            if pixels and not annotation["iscrowd"]:
                seen[annotation["image_id"]].append(annotation)
        categories = [{"id": id, "name": f"class_{id:02d}"} for id in CATEGORIES]
        file.write('], "categories": ' + json.dumps(categories) + "}")
    if pixels:
        for entry in entries:
            _photo(entry, seen[entry["id"]]).save(out / "images" / "train" / entry["file_name"], quality=90)


def _entry(id: int) -> dict[str, Any]:
    width, height = SIZES[id % len(SIZES)]
    return {"id": id, "file_name": f"{id:012d}.jpg", "width": width, "height": height}


def _annotations(entries: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    id = 0
    for entry in entries:
        rng = np.random.default_rng(entry["id"])
        for _ in range(min(60, int(rng.geometric(1 / PER_IMAGE)))):
            id += 1
            shape = _crowd(rng, entry) if rng.random() < 0.01 else _object(rng, entry)
            category = int(rng.choice(CATEGORIES)) if rng.random() < 0.7 else 1
            yield {"id": id, "image_id": entry["id"], "category_id": category, **shape}


def _object(rng: np.random.Generator, entry: dict[str, Any]) -> dict[str, Any]:
    area = float(np.clip(np.exp(rng.normal(7.5, 2.0)), 100, 100_000))
    parts = int(rng.integers(2, 5)) if rng.random() < 0.1 else 1
    x, y = rng.uniform(0.1, 0.9, 2) * (entry["width"], entry["height"])
    rings = []
    for _ in range(parts):
        away = rng.normal(0, math.sqrt(area), 2) if parts > 1 else np.zeros(2)
        centre = np.clip((x + away[0], y + away[1]), 20, (entry["width"] - 20, entry["height"] - 20))
        rings.append(_ring(rng, centre, area / parts, entry))
    points = np.concatenate(rings)
    low, high = points.min(axis=0), points.max(axis=0)
    return {
        "segmentation": [ring.ravel().tolist() for ring in rings],
        "bbox": [*low.tolist(), *np.round(high - low, 2).tolist()],
        "area": round(sum(_area(ring) for ring in rings), 2),
        "iscrowd": 0,
    }


def _ring(rng: np.random.Generator, centre: np.ndarray, area: float, entry: dict[str, Any]) -> np.ndarray:
    """A wobbly closed curve, (n, 2), rounded to hundredths, inside the image."""
    n = int(np.clip(5 + 2.1 * area**0.25 * np.exp(rng.normal(0, 0.5)), 5, 250))
    angle = np.arange(n) * (2 * math.pi / n)
    radius = np.ones(n)
    for wave in range(2, 6):
        radius += rng.normal(0, 0.2 / wave) * np.cos(wave * angle + rng.uniform(0, 2 * math.pi))
    radius = np.clip(radius, 0.3, 1.8) * math.sqrt(area / math.pi)
    stretch = np.exp(rng.normal(0, 0.3))
    around = np.stack([np.cos(angle) * stretch, np.sin(angle) / stretch], axis=1)
    ring: np.ndarray = np.clip(centre + around * radius[:, None], 0, (entry["width"], entry["height"]))
    return np.round(ring, 2)


def _area(ring: np.ndarray) -> float:
    x, y = ring.T
    return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2


def _crowd(rng: np.random.Generator, entry: dict[str, Any]) -> dict[str, Any]:
    """A few ellipses as uncompressed counts, column by column."""
    height, width = entry["height"], entry["width"]
    y, x = np.mgrid[:height, :width]
    mask = np.zeros((height, width), bool)
    for _ in range(int(rng.integers(3, 12))):
        cx, cy, rx, ry = rng.uniform((0, 0.3 * height, 10, 10), (width, 0.8 * height, 60, 50))
        mask |= ((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 < 1
    flat = np.concatenate([[0], mask.T.ravel(), [0]]).astype(np.int8)
    edges = np.flatnonzero(np.diff(flat))
    counts = [int(n) for n in np.diff(np.concatenate([[0], edges, [mask.size]]))]
    ys, xs = np.nonzero(mask)
    box = [int(xs.min()), int(ys.min()), int(np.ptp(xs)) + 1, int(np.ptp(ys)) + 1]
    shape = {"counts": counts if counts[-1] else counts[:-1], "size": [height, width]}
    return {"segmentation": shape, "bbox": box, "area": int(mask.sum()), "iscrowd": 1}


def _photo(entry: dict[str, Any], objects: list[dict[str, Any]]) -> Image.Image:
    """Smooth colour, the objects in colours of their own, and the noise of a sensor, which JPEGs of cameras hold."""
    rng = np.random.default_rng([7, entry["id"]])
    size = (entry["width"], entry["height"])
    smooth = Image.fromarray(rng.integers(40, 215, (12, 16, 3), dtype=np.uint8)).resize(size, Image.Resampling.BICUBIC)
    brush = ImageDraw.Draw(smooth)
    for each in objects:
        color = tuple(rng.integers(20, 235, 3).tolist())
        for ring in each["segmentation"]:
            brush.polygon(ring, fill=color)
    noisy = np.asarray(smooth, np.float32) + rng.normal(0, 6, (size[1], size[0], 1)).astype(np.float32)
    return Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument("--no-images", action="store_true", help="annotations only")
    options = parser.parse_args()
    draw(options.out, options.images, pixels=not options.no_images)


if __name__ == "__main__":
    main()
