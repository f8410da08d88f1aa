"""The judges: what pixels and labels are, by rules of others and without segpack.

Masks: the COCO API (pycocotools) alone. YOLO: Ultralytics' reading of a tree, written anew
from its documentation and `ultralytics/data/utils.py` (img2label_paths, check_det_dataset,
verify_image_label).
"""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray
from PIL import Image
from pycocotools import mask as coco

Mask = NDArray[np.bool_]
EXTENSIONS = {".bmp", ".dng", ".jpeg", ".jpg", ".mpo", ".png", ".tif", ".tiff", ".webp", ".pfm", ".heic"}

# ---------------------------------------------------------------- COCO


def decode(code: Any) -> Mask:
    """The (height, width) bitmap of a code of the COCO API."""
    with warnings.catch_warnings():
        # pycocotools 2.0 sets the shape of an array, which NumPy 2 deprecates; the pixels are right.
        warnings.simplefilter("ignore", DeprecationWarning)
        return np.asarray(coco.decode(code)).astype(bool)


def from_segmentation(value: Any, height: int, width: int) -> Mask:
    """What annToMask of the COCO API makes of a segmentation: union of polygons, or RLE."""
    if isinstance(value, list):
        drawn = [ring for ring in value if ring]
        if not drawn:
            return np.zeros((height, width), np.bool_)
        return decode(coco.merge(coco.frPyObjects(drawn, height, width)))
    if isinstance(value["counts"], list):
        return decode(coco.frPyObjects(value, height, width))
    return decode(value)


def coco_masks(file: Path) -> dict[str, list[tuple[str, bool, Mask]]]:
    """Image name -> (class name, crowd, mask) of every annotation, in the order of the file."""
    content = json.loads(file.read_bytes())
    names = {c["id"]: c["name"] for c in content["categories"]}
    images = {i["id"]: i for i in content["images"]}
    found: dict[str, list[tuple[str, bool, Mask]]] = {i["file_name"]: [] for i in images.values()}
    for entry in content["annotations"]:
        image = images[entry["image_id"]]
        mask = from_segmentation(entry["segmentation"], image["height"], image["width"])
        found[image["file_name"]].append((names[entry["category_id"]], bool(entry.get("iscrowd")), mask))
    return found


def digest(mask: Mask) -> str:
    """A mask in a word: equal words, equal pixels."""
    return hashlib.sha256(repr(mask.shape).encode() + np.packbits(mask).tobytes()).hexdigest()[:20]


def multiset(masks: Sequence[tuple[str, bool, Mask]]) -> Counter[tuple[str, str]]:
    """Class and pixels of instances, without order."""
    return Counter((name, digest(mask)) for name, _, mask in masks)


# ---------------------------------------------------------------- PNG trees


def png_values(file: Path) -> NDArray[Any]:
    """Stored values of a gray or palette PNG, never its colours."""
    with Image.open(file) as picture:
        return np.asarray(picture)


def semantic(masks: Sequence[tuple[int, Mask]], shape: tuple[int, int], background: int = 0) -> NDArray[np.int64]:
    """A label map with the smaller object on top; of equal ones the later."""
    labels = np.full(shape, background, np.int64)
    for _, id, mask in sorted(((-int(m.sum()), id, m) for id, m in masks), key=lambda item: item[0]):
        labels[mask] = id
    return labels


# ---------------------------------------------------------------- YOLO


def yolo_rows(folder: Path) -> dict[str, list[tuple[str, list[float]]]]:
    """Image path below the folder -> (class name, numbers) of its rows, as Ultralytics reads them.

    Fails where Ultralytics would refuse the set or drop a label.
    """
    config = yaml.safe_load((folder / "data.yaml").read_text())
    names = check_config(config)
    found: dict[str, list[tuple[str, list[float]]]] = {}
    for split in ("train", "val", "test"):
        if not config.get(split):
            continue
        entries = config[split] if isinstance(config[split], list) else [config[split]]
        root = folder / (config.get("path") or "")
        for entry in entries:
            for image in _images(root / entry):
                relative = os.path.relpath(image, folder)
                found[relative] = [(names[i], numbers) for i, numbers in label_rows(image, len(names))]
    return found


def check_config(config: dict[str, Any]) -> list[str]:
    """Names by index; train and val are required, names or nc too, and they agree."""
    assert {"train", "val"} <= config.keys()
    assert "names" in config or "nc" in config
    names = config.get("names") or [f"class_{i}" for i in range(config["nc"])]
    if isinstance(names, list):
        names = dict(enumerate(names))
    assert config.get("nc", len(names)) == len(names)
    assert sorted(names) == list(range(len(names)))
    return [names[i] for i in range(len(names))]


def _images(place: Path) -> list[Path]:
    assert place.exists(), f"{place} is not there"
    if place.is_dir():
        return sorted(p for p in place.rglob("*") if p.suffix.lower() in EXTENSIONS)
    return [place.parent / line for line in place.read_text().split()]


def label_path(image: Path) -> Path:
    """The last /images/ becomes /labels/, the extension .txt."""
    head, _, tail = str(image).rpartition(f"{os.sep}images{os.sep}")
    assert head, f"{image} lies in no folder called images"
    return Path(f"{head}{os.sep}labels{os.sep}{tail}").with_suffix(".txt")


def label_rows(image: Path, count: int) -> list[tuple[int, list[float]]]:
    """(class index, numbers) of the label of an image; a file with one polygon row holds polygons only."""
    label = label_path(image)
    if not label.exists():
        return []
    rows = [[float(v) for v in line.split()] for line in label.read_text().splitlines() if line.strip()]
    if not rows:
        return []
    if any(len(row) > 6 for row in rows):
        assert all(len(row) >= 7 and len(row) % 2 == 1 for row in rows), f"{label}: boxes among polygons"
    else:
        assert all(len(row) == 5 for row in rows), f"{label}: rows of {sorted({len(r) for r in rows})} numbers"
    for row in rows:
        assert row[0] == int(row[0])
        assert 0 <= row[0] < count
        assert min(row[1:]) >= 0
        assert max(row[1:]) <= 1
    return [(int(row[0]), row[1:]) for row in rows]


def yolo_mask(numbers: Sequence[float], height: int, width: int) -> Mask:
    """The pixels of a polygon row under the rasteriser of the COCO API."""
    ring = [v * (height if i % 2 else width) for i, v in enumerate(numbers)]
    return from_segmentation([ring], height, width)


def yolo_box(numbers: Sequence[float], height: int, width: int) -> tuple[float, float, float, float]:
    """Left, top, width and height in pixels of a box row."""
    x, y, w, h = numbers
    return ((x - w / 2) * width, (y - h / 2) * height, w * width, h * height)


def tight_box(mask: Mask) -> tuple[int, int, int, int]:
    ys, xs = np.nonzero(mask)
    return (int(xs.min()), int(ys.min()), int(np.ptp(xs)) + 1, int(np.ptp(ys)) + 1)


def rounded(named: tuple[Any, ...]) -> tuple[Any, ...]:
    """A key by which boxes that are nearly the same come in the same order: name, then whole pixels."""
    return (named[0], *(round(v) for v in named[1:]))


def box_pixels(box: Sequence[float], height: int, width: int) -> Mask:
    """The pixels whose centre lies in a box."""
    x, y, w, h = box
    xs, ys = np.arange(width) + 0.5, np.arange(height) + 0.5
    inside: Mask = ((ys >= y) & (ys < y + h))[:, None] & ((xs >= x) & (xs < x + w))[None, :]
    return inside
