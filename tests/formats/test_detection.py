"""Real sets are found by looking: each is one format and no other."""

from __future__ import annotations

import re
import shutil

import numpy as np
import pytest
from PIL import Image

import converter
from converter.errors import DetectionError, SourceError
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


STAND_INS = {
    "is a pointer of Git LFS, and not the file that it stands for; fetch the files with git lfs pull": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22e\nsize 12345\n"
    ),
    "is a web page, as failed downloads leave; download it again": b"\n<!DOCTYPE html><html><body>Log in</body></html>",
    "is empty": b"",
}


@pytest.mark.parametrize("said", STAND_INS)
@pytest.mark.parametrize(
    ("folder", "file"),
    [
        ("coco/valid/coins", "images/coins-left.png"),
        ("coco/valid/coins", "coco.json"),
        ("cvat/valid/coins", "annotations.xml"),
        ("labelme/valid/coins", "train/coins-left.json"),
        ("semantic-png/valid/coins", "masks/coins-left.png"),
        ("semantic-png/valid/coins", "meta.json"),
    ],
)
def test_what_was_not_fetched_is_told_as_such(folder, file, said, tmp_path):
    shutil.copytree(FIXTURES / folder, tmp_path / "set")
    path = tmp_path / "set" / file
    assert path.is_file()
    path.write_bytes(STAND_INS[said])
    with pytest.raises(SourceError, match=re.escape(f"{path}: {said}")):
        converter.convert(tmp_path / "set", tmp_path / "out", to="coco")


@pytest.mark.parametrize("said", STAND_INS)
@pytest.mark.parametrize("name", ["a.zip", "a.json"])
def test_one_file_that_was_not_fetched_is_told_as_such(name, said, tmp_path):
    (tmp_path / name).write_bytes(STAND_INS[said])
    with pytest.raises(SourceError, match=re.escape(f"{tmp_path / name}: {said}")):
        converter.open(tmp_path / name)


TABLE = b"filename,width,height,class,xmin,ymin,xmax,ymax\na.jpg,9,9,cat,1,1,5,5\n"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        (
            "train/_annotations.csv",
            TABLE,
            "is a table of boxes, as of Roboflow .*; export the set as COCO",
        ),
        ("x-export.csv", b'"image","xmin","ymin","xmax","ymax","label"\r\n', "is a table of boxes"),
        ("x.json", b'{"name": "x", "securityToken": "t", "assets": {}}', "is of VoTT; export the set as Pascal VOC"),
    ],
)
def test_lists_of_boxes_that_are_not_read_are_told_as_such(name, content, said, tmp_path):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(content)
    Image.new("RGB", (9, 9)).save(tmp_path / "a.jpg")
    with pytest.raises(DetectionError, match=f"no known format fits it .*; {re.escape(name)} {said}"):
        converter.open(tmp_path)


@pytest.mark.parametrize("name", ["masks.npy", "set.tar", "truth.mat", "im0001.ppm"])
def test_files_of_no_format_are_told_as_such(name, tmp_path):
    (tmp_path / name).write_bytes(b"\x00" * 64)
    Image.new("RGB", (9, 9)).save(tmp_path / "a.jpg")
    run = segpack("inspect", tmp_path, check=2)
    assert f"; {name[name.index('.') :]} files are of no format that is read; if other files hold it" in run.error
    run = segpack("inspect", tmp_path / name, check=2)
    assert run.error.startswith(f"error: {tmp_path / name}: no known format fits it (it is the file {name}); .")


@pytest.mark.parametrize("name", ["labels/a.json", "export.ndjson", "a.geojson", "a.xml"])
def test_files_of_tools_that_are_not_read_are_to_be_exported_anew(name, tmp_path):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text('{"item": {"name": "a.jpg"}, "labels": []}')
    Image.new("RGB", (9, 9)).save(tmp_path / "a.jpg")
    error = segpack("inspect", tmp_path, check=2).error
    assert error.endswith(f"; where an annotation tool saved {name}, export COCO, or label images, from that tool")


def test_masks_beside_files_that_are_not_read_can_be_named(tmp_path):
    (tmp_path / "gTruth.mat").write_bytes(b"\x00" * 64)
    for name in ("images/a.jpg", "PixelLabelData/Label_1_a.png"):
        (tmp_path / name).parent.mkdir()
        Image.new("L", (9, 9)).save(tmp_path / name)
    error = segpack("inspect", tmp_path, check=2).error
    assert error.endswith("name it with --from, or the places of masks with --masks 'labels/{image}_gt.png'")
    segpack("inspect", tmp_path, "--masks", "PixelLabelData/Label_1_{image}.png")


def test_an_archive_in_a_folder_is_to_be_named_itself(tmp_path):
    shutil.make_archive(str(tmp_path / "set/export"), "zip", FIXTURES / "coco/valid/coins")
    error = segpack("inspect", tmp_path / "set", check=2).error
    assert error.endswith("; export.zip is read only where it is named itself")
    segpack("inspect", tmp_path / "set/export.zip")


@pytest.mark.parametrize("content", ["train: [1, 2]\ntest: [3]\n", "train:\n  epochs: 5\nval: {every: 2}\n"])
def test_a_yaml_of_splits_without_names_makes_no_yolo_set_of_masks(content, tmp_path):
    """It may say how a model was trained."""
    for name in ("images/a.png", "masks/a.png"):
        (tmp_path / name).parent.mkdir()
        Image.fromarray(np.eye(9, dtype=np.uint8)).save(tmp_path / name)
    (tmp_path / "split.yaml").write_text(content)
    assert converter.open(tmp_path).format == "semantic-png"
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels/a.txt").write_text("0 0.5 0.5 0.2 0.2\n")
    assert detect(open_source(tmp_path))[0].name == "yolo"


def test_a_message_does_not_quote_a_whole_file(tmp_path):
    shutil.copytree(FIXTURES / "semantic-png/valid/coins", tmp_path / "set")
    (tmp_path / "set/index.csv").write_text("[" * 90000)
    run = segpack("inspect", tmp_path / "set", check=2)
    assert len(run.error) < 2100
    assert "[[[ ... [[[" in run.error
    assert run.error.endswith("name the columns as the format does")
