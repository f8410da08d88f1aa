"""Supervision reads what is written, and segpack reads what supervision writes."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import converter
from tests import oracle
from tests.peers import peer
from tests.support import FIXTURES

sv = peer("supervision")

Seen = dict[str, Counter[tuple[str, str]]]


def seen(dataset: Any) -> Seen:
    """Image -> class and pixels of every detection."""
    return {
        Path(path).name: Counter(
            (dataset.classes[c], oracle.digest(np.asarray(m, bool)))
            for c, m in zip(detections.class_id, detections.mask, strict=True)
        )
        for path, _, detections in dataset
    }


def test_it_reads_the_masks_of_coco(tmp_path: Path) -> None:
    source = FIXTURES / "coco/valid/coins"
    converter.convert(source, tmp_path / "out", to="coco", segmentation="rle")
    images, file = tmp_path / "out/images", tmp_path / "out/coco.json"
    dataset = sv.DetectionDataset.from_coco(str(images), str(file), force_masks=True)
    assert seen(dataset) == {n: oracle.multiset(m) for n, m in oracle.coco_masks(source / "coco.json").items()}


def test_it_reads_the_boxes_of_yolo_and_voc(tmp_path: Path) -> None:
    """VOC is read by it as pixels from 1: one less on the left and above."""
    source = FIXTURES / "coco/valid/coins"
    expected = {
        n: sorted(oracle.tight_box(m) for _, _, m in ms) for n, ms in oracle.coco_masks(source / "coco.json").items()
    }
    converter.convert(source, tmp_path / "yolo", to="yolo")
    converter.convert(source, tmp_path / "voc", to="voc")
    yolo = tmp_path / "yolo"
    splits = [p for p in (yolo / "images").iterdir() if p.is_dir()] or [yolo / "images"]
    for folder in splits:
        labels = yolo / "labels" / folder.relative_to(yolo / "images")
        dataset = sv.DetectionDataset.from_yolo(str(folder), str(labels), str(yolo / "data.yaml"))
        for path, _, detections in dataset:
            assert _boxes(detections.xyxy) == expected[Path(path).name]
    dataset = sv.DetectionDataset.from_pascal_voc(str(tmp_path / "voc/JPEGImages"), str(tmp_path / "voc/Annotations"))
    for path, _, detections in dataset:
        assert _boxes(detections.xyxy + np.array([1, 1, 0, 0])) == expected[Path(path).name]


def _boxes(corners: Any) -> list[tuple[int, ...]]:
    return sorted((round(x), round(y), round(right - x), round(low - y)) for x, y, right, low in corners.tolist())


@pytest.fixture
def drawn(tmp_path: Path) -> Any:
    """A dataset of its own: a region with a hole, one at the border, one of two parts."""
    masks = np.zeros((3, 30, 40), bool)
    masks[0, 4:14, 5:20] = True
    masks[0, 7:10, 9:13] = False
    masks[1, 15:30, 22:40] = True
    masks[2, 0:4, 0:4] = masks[2, 20:25, 2:9] = True
    (tmp_path / "from").mkdir()
    Image.fromarray(np.zeros((30, 40, 3), np.uint8)).save(tmp_path / "from/a.png")
    path = str(tmp_path / "from/a.png")
    found = sv.Detections(
        xyxy=sv.mask_to_xyxy(masks).astype(float), mask=masks, class_id=np.array([0, 1, 1], dtype=int)
    )
    return sv.DetectionDataset(classes=["cat", "dog"], images=[path], annotations={path: found})


def test_the_outlines_it_writes_are_one_in_every_format(drawn: Any, tmp_path: Path) -> None:
    """The vertices of a contour, counted from 1 in VOC, as fractions in YOLO, in pixels in LabelMe."""
    keep = {"approximation_percentage": 0.0}
    drawn.as_pascal_voc(str(tmp_path / "voc/images"), str(tmp_path / "voc/annotations"), **keep)
    drawn.as_yolo(
        str(tmp_path / "yolo/images"), str(tmp_path / "yolo/labels"), str(tmp_path / "yolo/data.yaml"), **keep
    )
    voc, yolo = (converter.open(tmp_path / name) for name in ("voc", "yolo"))
    assert (voc.format, yolo.format) == ("voc", "yolo-seg")
    first, second = ([(i.class_name, oracle.digest(i.mask())) for s in d for i in s.instances] for d in (voc, yolo))
    assert Counter(first) == Counter(second)
    assert len(first) == 4


def test_the_run_lengths_it_writes_are_the_masks(drawn: Any, tmp_path: Path) -> None:
    """It writes RLE for holes and for several parts."""
    drawn.as_coco(str(tmp_path / "coco/images"), str(tmp_path / "coco/annotations.json"), approximation_percentage=0.0)
    (sample,) = converter.open(tmp_path / "coco")
    found = {oracle.digest(i.mask()) for i in sample.instances}
    masks = next(iter(drawn))[2].mask
    assert {oracle.digest(masks[0]), oracle.digest(masks[2])} <= found
