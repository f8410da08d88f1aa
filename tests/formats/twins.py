"""What the tests of formats share: real data where it is at hand, and pixels to compare."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pycocotools import mask as coco

import converter
from converter.model import Box, Marks
from tests import oracle
from tests.making.drawings import torture
from tests.support import FIXTURES, ROOT

DATA = Path(os.environ.get("SEGPACK_DATA", ROOT.parent / "shared" / "data"))
Mask = NDArray[np.bool_]


def real(path: str) -> Path:
    """A folder of the real data; the test is skipped where it is not there."""
    found = DATA / path
    if not found.exists():
        pytest.skip(f"{found} is not there; set SEGPACK_DATA")
    return found


def objects(path: Path, **options: Any) -> dict[str, list[Any]]:
    """Image name -> its instances, as the Python API gives them."""
    return {sample.image.name: list(sample.instances) for sample in converter.open(path, **options)}


def masks(path: Path, **options: Any) -> dict[str, list[tuple[str, Mask]]]:
    """Image name -> (class, mask) of what has pixels."""
    return {
        name: [(i.class_name, i.mask()) for i in found if not isinstance(i.shape, Box | Marks)]
        for name, found in objects(path, **options).items()
    }


def drawn(rings: list[list[float]], height: int, width: int) -> Mask:
    """Rings as the COCO API draws them."""
    return oracle.decode(coco.merge(coco.frPyObjects(rings, height, width)))


def check_torture(path: Path, names: tuple[str, str]) -> None:
    """Every mask of the torture drawings, bit for bit."""
    found = masks(path)
    for drawing in torture():
        expected = [(names[t.class_id - 1], t.mask) for t in drawing.things]
        mine = found[drawing.name]
        assert [n for n, _ in mine] == [n for n, _ in expected], drawing.name
        for (_, got), (_, mask) in zip(mine, expected, strict=True):
            assert np.array_equal(got, mask), drawing.name


def fixture(name: str) -> Path:
    return FIXTURES / name


def classed(folder: Path, names: list[str]) -> Path:
    """A COCO set of one image, 40 by 30, with classes 1, 2, ... of these names and a square of each."""
    (folder / "images").mkdir(parents=True)
    Image.new("L", (40, 30)).save(folder / "images/a.png")
    squares = [(i, [3 * i, 2, 3 * i + 2, 2, 3 * i + 2, 9, 3 * i, 9]) for i in range(1, len(names) + 1)]
    document = {
        "images": [{"id": 1, "file_name": "a.png", "width": 40, "height": 30}],
        "categories": [{"id": i, "name": name} for i, name in enumerate(names, 1)],
        "annotations": [
            {"id": i, "image_id": 1, "category_id": i, "segmentation": [ring], "iscrowd": 0} for i, ring in squares
        ],
    }
    (folder / "coco.json").write_text(json.dumps(document))
    return folder


def legend_of_datumaro(folder: Path) -> dict[str, tuple[int, ...]]:
    """labelmap.txt by the rules of Datumaro's parse_label_map: what a name cannot hold breaks it there."""
    found: dict[str, tuple[int, ...]] = {}
    for line in (folder / "labelmap.txt").read_text().splitlines():
        if not line.strip() or line.strip().startswith("#"):
            continue
        name, color, _parts, _actions = line.strip().split(":")
        assert name not in found
        found[name] = tuple(map(int, color.split(",")))
    return found
