"""Real sets are found by looking: each is one format and no other."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from PIL import Image

import converter
from converter.errors import DetectionError
from converter.pipeline.opening import detect
from converter.storage import open_source
from tests.formats.twins import real
from tests.support import FIXTURES, segpack

SETS = {
    "2label_multiformat/datasets/coco1.0": "coco",
    "2label_multiformat/datasets/cvat1.1": "cvat",
    "2label_multiformat/datasets/labelme": "labelme",
    "2label_multiformat/datasets/via": "via",
    "2label_multiformat/datasets/voc1.1": "voc",
    "bccd_voc": "voc",
    "camvid_segnet": "semantic-png",
    "dsb2018_stage1/stage1_train": "instance-png",
    "labelme_examples/examples/bbox_detection/data_annotated": "labelme",
    "labelme_examples/examples/bbox_detection/data_dataset_voc": "voc",
    "labelme_examples/examples/instance_segmentation/data_annotated": "labelme",
    "labelme_examples/examples/instance_segmentation/data_dataset_coco": "coco",
    "labelme_examples/examples/instance_segmentation/data_dataset_voc": "voc",
    "labelme_examples/examples/primitives": "labelme",
    "labelme_examples/examples/semantic_segmentation/data_annotated": "labelme",
    "labelme_examples/examples/semantic_segmentation/data_dataset_voc": "voc",
    "labelstudio_sdk_tests/tests/custom/converter/data/test_export_coco": "label-studio",
    "labelstudio_sdk_tests/tests/custom/converter/data/test_export_yolo": "label-studio",
    "tiny_coco": "coco",
}


@pytest.mark.parametrize("path", SETS)
def test_a_real_set_is_one_format(path):
    format, evidence, _ = detect(open_source(real(path)))
    assert format.name == SETS[path]
    assert evidence.text


def test_a_cut_json_that_is_named_is_told_as_such_beside_labels(tmp_path):
    shutil.copytree(FIXTURES / "yolo-seg/valid/coins", tmp_path, dirs_exist_ok=True)
    (tmp_path / "cut.json").write_bytes((FIXTURES / "coco/valid/coins/coco.json").read_bytes()[:3000])
    run = segpack("convert", tmp_path / "cut.json", tmp_path / "out", "--to", "yolo", check=2)
    assert "cut.json: line 1" in run.error
    assert "is not JSON" in run.error
    run = segpack("inspect", tmp_path, check=2)
    assert "more than one format fits it" in run.error
    assert "but cut.json is broken (line 1, byte 3000: is not JSON" in run.error


@pytest.mark.parametrize("masks", [True, False])
def test_boxes_and_masks_of_the_same_images_are_two_sets(masks, tmp_path):
    """Oxford-IIIT Pet has boxes around heads in annotations/xmls, and maps of whole animals in annotations/trimaps."""
    box = "<bndbox><xmin>3</xmin><ymin>3</ymin><xmax>9</xmax><ymax>9</ymax></bndbox>"
    for folder in ("images", "annotations/xmls", "annotations/trimaps"):
        (tmp_path / folder).mkdir(parents=True)
    for name in "ab":
        Image.new("RGB", (20, 10)).save(tmp_path / f"images/{name}.jpg")
        if masks:
            Image.fromarray(np.full((10, 20), 2, np.uint8)).save(tmp_path / f"annotations/trimaps/{name}.png")
        (tmp_path / f"annotations/xmls/{name}.xml").write_text(
            f"<annotation><filename>{name}.jpg</filename><size><width>20</width><height>10</height></size>"
            f"<object><name>cat</name>{box}</object></annotation>"
        )
    if not masks:
        assert converter.inspect(tmp_path).format == "voc"
        return
    with pytest.raises(DetectionError, match=r"more than one format fits it \(semantic-png: .*; voc: "):
        converter.inspect(tmp_path)
    assert converter.inspect(tmp_path, format="voc").instances == 2
    assert converter.inspect(tmp_path, format="semantic-png").task == "semantic"


@pytest.mark.parametrize("folder", ["AnnotationsVisualization", "SegmentationClassVisualization"])
def test_pictures_that_show_annotations_are_no_masks(folder, tmp_path):
    """LabelMe writes them beside what it exports."""
    for below, ending in (("JPEGImages", "jpg"), (folder, "jpg"), ("Annotations", "xml")):
        (tmp_path / below).mkdir()
        for file in (FIXTURES / "voc/valid/boxes").glob(f"*.{ending}"):
            shutil.copy(file, tmp_path / below)
    assert converter.inspect(tmp_path).format == "voc"


@pytest.mark.parametrize("name", ["masks.npy", "set.tar", "truth.mat", "im0001.ppm"])
def test_files_of_no_format_are_told_as_such(name, tmp_path):
    (tmp_path / name).write_bytes(b"\x00" * 64)
    Image.new("RGB", (9, 9)).save(tmp_path / "a.jpg")
    run = segpack("inspect", tmp_path, check=2)
    assert f"; {name[name.index('.') :]} files are of no format that is read; if other files hold it" in run.error
    run = segpack("inspect", tmp_path / name, check=2)
    assert run.error.startswith(f"error: {tmp_path / name}: no known format fits it (it is the file {name}); .")
