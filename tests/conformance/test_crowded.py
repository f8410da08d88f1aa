"""More objects on an image, and more parts of an object, than a byte can count."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

import converter
from converter.formats import all_formats

SIDE, STEP = 60, 3
CORNERS = [(x, y) for y in range(0, SIDE, STEP) for x in range(0, SIDE, STEP)]
WRITTEN = sorted(name for name, format in all_formats().items() if format.encode is not None)


def ring(x, y):
    return [x, y, x + 2, y, x + 2, y + 2, x, y + 2]


def write(folder, segmentations):
    (folder / "images").mkdir(parents=True)
    Image.fromarray(np.random.default_rng(1).integers(0, 255, (SIDE, SIDE, 3), np.uint8)).save(folder / "images/a.png")
    annotations = [
        {"id": i, "image_id": 1, "category_id": 1 + i % 2, "segmentation": rings, "iscrowd": 0}
        for i, rings in enumerate(segmentations, 1)
    ]
    classes = [{"id": 1, "name": "cell"}, {"id": 2, "name": "debris"}]
    images = [{"id": 1, "file_name": "a.png", "width": SIDE, "height": SIDE}]
    content = {"images": images, "annotations": annotations, "categories": classes}
    (folder / "coco.json").write_text(json.dumps(content))
    return folder


@pytest.fixture(scope="module")
def crowded(tmp_path_factory):
    """400 squares of 4 pixels."""
    return write(tmp_path_factory.mktemp("crowded") / "set", [[ring(x, y)] for x, y in CORNERS])


@pytest.fixture(scope="module")
def torn(tmp_path_factory):
    """One object of 400 squares."""
    return write(tmp_path_factory.mktemp("torn") / "set", [[ring(x, y) for x, y in CORNERS]])


def covered():
    found = np.zeros((SIDE, SIDE), bool)
    for x, y in CORNERS:
        found[y : y + 2, x : x + 2] = True
    return found


@pytest.mark.parametrize("format", WRITTEN)
@pytest.mark.parametrize("shape", ["crowded", "torn"])
def test_every_format_holds_them(shape, format, request, tmp_path):
    source = request.getfixturevalue(shape)
    result = converter.convert(source, tmp_path / "out", to=format)
    (sample,) = converter.open(tmp_path / "out")
    assert (result.images, result.losses == [] or format in {"yolo", "yolo-obb"}) == (1, True)
    if format not in {"yolo", "yolo-obb"}:
        drawn = np.zeros((SIDE, SIDE), np.uint8)
        for instance in sample.instances:
            drawn += instance.mask()
        assert np.array_equal(drawn > 0, covered())
        assert drawn.max() == 1


@pytest.mark.parametrize("shape", ["crowded", "torn"])
def test_check_and_pack(shape, request, tmp_path):
    source = request.getfixturevalue(shape)
    assert converter.check(source).images_checked == 1
    for encoding in ("binary", "multi-class"):
        out = tmp_path / f"{encoding}.zip"
        converter.pack(source, out, mask_encoding=encoding, yolo="seg")
        assert converter.check(out).ok
        assert converter.diff(source, out).equal or encoding == "multi-class"
