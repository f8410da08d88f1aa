"""Roboflow's exports: each is one of the core formats, in the tree that its export has."""

from __future__ import annotations

import numpy as np
from PIL import Image

import converter
from converter.pipeline.opening import detect
from converter.storage import open_source
from tests.making.drawings import color, gray, torture
from tests.support import FIXTURES, read


def test_semantic_masks_beside_their_images(tmp_path):
    """<stem>_mask.png and _classes.csv with a space in its header, in train/, valid/ and test/."""
    masks = {}
    for split, drawing in zip(("train", "valid", "test"), torture()[9:12], strict=True):
        (tmp_path / split).mkdir()
        labels = np.zeros(drawing.pixels.shape[:2], np.uint8)
        for thing in drawing.things:
            labels[thing.mask] = thing.class_id
        masks[split.replace("valid", "val")] = labels
        stem = f"{drawing.name.removesuffix('.png')}_png.rf.0123456789abcdef"
        Image.fromarray(color()).save(tmp_path / split / f"{stem}.jpg")
        Image.fromarray(labels).save(tmp_path / split / f"{stem}_mask.png")
        (tmp_path / split / "_classes.csv").write_text("Pixel Value, Class\n0, background\n1, cat\n2, dog\n")
    assert detect(open_source(tmp_path))[0].name == "semantic-png"
    dataset = converter.open(tmp_path)
    assert [(c.id, c.name) for c in dataset.classes] == [(1, "cat"), (2, "dog")]
    assert list(dataset.splits) == ["train", "val", "test"]
    for sample in dataset:
        assert sample.labels is not None
        assert np.array_equal(sample.labels, masks[sample.image.split or ""])


def test_coco_in_the_folders_of_its_splits():
    found = read(FIXTURES / "coco/valid/roboflow")
    assert found["splits"] == ["train", "val", "test"]
    assert [c["name"] for c in found["classes"]] == ["cat", "dog"]


def test_yolo_with_paths_that_lead_out(tmp_path):
    for split in ("train", "valid"):
        (tmp_path / split / "images").mkdir(parents=True)
        (tmp_path / split / "labels").mkdir()
        Image.fromarray(gray()).save(tmp_path / split / "images" / "a_jpg.rf.1.jpg")
        (tmp_path / split / "labels" / "a_jpg.rf.1.txt").write_text("1 0.25 0.25 0.5 0.25 0.5 0.5\n")
    (tmp_path / "data.yaml").write_text(
        "train: ../train/images\nval: ../valid/images\ntest: ../test/images\n\nnc: 2\nnames: ['cat', 'dog']\n\n"
        "roboflow:\n  workspace: w\n  project: p\n  version: 1\n"
    )
    assert detect(open_source(tmp_path))[0].name == "yolo-seg"
    dataset = converter.open(tmp_path)
    assert list(dataset.splits) == ["train", "val"]
    assert [i.class_name for s in dataset for i in s.instances] == ["dog", "dog"]
