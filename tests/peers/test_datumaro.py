"""Datumaro reads what is written, and segpack reads what Datumaro writes: the same pixels of the same classes."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import converter
from converter.model import Box, Marks
from tests import oracle
from tests.peers import peer
from tests.support import FIXTURES

dm = peer("datumaro")
annotation = peer("datumaro.components.annotation")
media = peer("datumaro.components.media")

Seen = dict[str, Counter[tuple[str, str]]]


def theirs(dataset: Any) -> Seen:
    """Item -> class and pixels of all that has an area, as Datumaro draws it."""
    names = [label.name for label in dataset.categories()[annotation.AnnotationType.label]]
    found: Seen = {}
    for item in dataset:
        things = found.setdefault(item.id.rpartition("/")[2], Counter())
        height, width = item.media.size
        for thing in item.annotations:
            if isinstance(thing, annotation.Mask):
                things[names[thing.label], oracle.digest(np.asarray(thing.image, bool))] += 1
            elif isinstance(thing, annotation.Polygon):
                mask = oracle.from_segmentation([list(thing.points)], height, width)
                things[names[thing.label], oracle.digest(mask)] += 1
    return found


def ours(path: Path, **options: Any) -> Seen:
    found: Seen = {}
    for sample in converter.open(path, **options):
        things = found.setdefault(Path(sample.image.name).stem, Counter())
        for instance in sample.instances:
            if not isinstance(instance.shape, Box | Marks):
                things[instance.class_name, oracle.digest(instance.mask())] += 1
    return found


@pytest.mark.parametrize(
    ("source", "format", "name"),
    [
        ("splits", "coco-panoptic", "coco_panoptic"),
        ("coins", "cvat", "cvat"),
        ("splits", "datumaro", "datumaro"),
        ("splits", "voc", "voc"),
    ],
)
def test_it_reads_what_is_written(source: str, format: str, name: str, tmp_path: Path) -> None:
    """Masks in RLE: a polygon would come back as its vertices, drawn by another rasteriser."""
    converter.convert(FIXTURES / "coco/valid" / source, tmp_path / "rle", to="coco", segmentation="rle")
    converter.convert(tmp_path / "rle", tmp_path / "out", to=format)
    found = theirs(dm.Dataset.import_from(str(tmp_path / "out"), name))
    assert found == ours(tmp_path / "rle") == ours(tmp_path / "out")
    assert sum(map(len, found.values())) > 1


def made(*kinds: str) -> Any:
    """A small dataset of Datumaro's own, in two subsets and a folder below one."""
    rng = np.random.default_rng(5)
    items: list[Any] = []
    for id, subset in (("a", "train"), ("sub/b", "train"), ("c", "val")):
        first, second = np.zeros((2, 30, 40), np.uint8)
        first[4:12, 5:20] = 1
        first[6:9, 8:15] = 0
        second[15:28, 22:30] = 1
        ring = [31.0, 3.0, 39.0, 4.5, 36.25, 12.0]
        things = {
            "mask": [
                annotation.Mask(first, label=0, id=1, group=1, attributes={"is_crowd": False, "track_id": 1}),
                annotation.Mask(second, label=1, id=2, group=2, attributes={"is_crowd": False, "track_id": 2}),
            ],
            "polygon": [annotation.Polygon(ring, label=1, id=3, group=3)],
            "box": [annotation.Bbox(2, 15, 8, 10, label=0, id=4, group=4)],
        }
        picture = media.Image.from_numpy(data=rng.integers(0, 255, (30, 40, 3), np.uint8))
        drawn = [thing for kind in kinds for thing in things[kind]]
        items.append(dm.DatasetItem(id, subset=subset, media=picture, annotations=drawn, attributes={"id": len(items)}))
    return dm.Dataset.from_iterable(items, categories=["cat", "dog"])


@pytest.mark.parametrize(
    ("name", "format", "kinds"),
    [
        ("cityscapes", "cityscapes", ["mask"]),
        ("coco_panoptic", "coco-panoptic", ["mask"]),
        ("coco_stuff", "coco", ["mask"]),
        ("cvat", "cvat", ["mask", "polygon", "box"]),
        ("datumaro", "datumaro", ["mask", "polygon", "box"]),
        ("kitti_segmentation", "kitti", ["mask"]),
        ("label_me", "labelme3", ["mask", "polygon", "box"]),
        ("mots_png", "mots", ["mask"]),
        ("open_images", "openimages", ["mask"]),
        ("voc", "voc", ["mask", "box"]),
        ("voc_segmentation", "voc", ["mask"]),
        ("yolo", "yolo-1.1", ["box"]),
        ("yolo_ultralytics", "yolo", ["box"]),
    ],
)
def test_what_it_writes_is_read(name: str, format: str, kinds: list[str], tmp_path: Path) -> None:
    dataset = made(*kinds)
    options = {"label_map": "source"} if name == "kitti_segmentation" else {}  # else the classes of KITTI
    dataset.export(str(tmp_path / "set"), name, save_media=True, **options)
    found = converter.open(tmp_path / "set")
    assert (found.format, set(found.splits)) == (format, {"train", "val"})
    mine = ours(tmp_path / "set")
    assert {k.removeprefix("sub_"): v for k, v in mine.items()} == theirs(dataset)
    boxes = [tuple(round(v, 3) for v in i.box) for sample in found for i in sample.instances if i.is_box]
    assert boxes == [(2, 15, 8, 10)] * 3 * ("box" in kinds)
