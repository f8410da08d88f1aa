from __future__ import annotations

import shutil

import numpy as np
import pytest
from PIL import Image

import converter
from converter.layouts.palette import color_of
from converter.model import Box, Polygons
from tests.formats.twins import fixture, masks, objects, real
from tests.support import FIXTURES, segpack

INSTANCES = "labelme_examples/examples/instance_segmentation/data_dataset_voc"


def test_the_palette_is_that_of_the_challenge():
    folder = real(f"{INSTANCES}/SegmentationClass")
    with Image.open(folder / "2011_000003.png") as picture:
        palette = picture.getpalette()
    assert palette is not None
    assert [v for i in range(256) for v in color_of(i)] == palette


def test_masks_are_the_indices():
    """Every pixel of the two PNGs, read by Pillow, is in the mask of its object and of no other."""
    folder = real(INSTANCES)
    names = (folder / "class_names.txt").read_text().split("\n")
    for name, found in masks(folder).items():
        with Image.open(folder / "SegmentationObject" / name.replace(".jpg", ".png")) as picture:
            ids = np.asarray(picture)
        with Image.open(folder / "SegmentationClass" / name.replace(".jpg", ".png")) as picture:
            classes = np.asarray(picture)
        values = sorted(set(np.unique(ids).tolist()) - {0, 255})
        assert len(found) == len(values)
        for value, (label, mask) in zip(values, found, strict=True):
            assert np.array_equal(mask, ids == value)
            assert names[int(classes[mask][0])] == label


def test_void_stays_void(tmp_path):
    source = real(INSTANCES)
    converter.convert(source, tmp_path / "out", to="voc")
    for path in sorted((source / "SegmentationClass").glob("*.png")):
        with Image.open(path) as before, Image.open(tmp_path / "out/SegmentationClass" / path.name) as after:
            assert np.array_equal(np.asarray(before), np.asarray(after)), path.name


def test_boxes_of_exporters_count_from_0(tmp_path):
    found = objects(real("bccd_voc"))
    assert sum(map(len, found.values())) == 798
    first = found["BloodImage_00338.jpg"][0]
    assert (first.class_name, first.box) == ("RBC", (453, 81, 102, 101))


def test_boxes_of_the_challenge_count_from_1():
    found = objects(fixture("voc") / "valid" / "challenge")
    instance = found["parts.jpg"][0]
    x, y, w, h = instance.box
    assert instance.mask()[int(y), int(x) :].any()
    assert (x, y, w, h) == (3, 3, 48, 23)


def test_a_zero_speaks_against_1_based_boxes():
    boxes = [i for found in objects(fixture("voc") / "valid" / "boxes").values() for i in found]
    assert Box(0, 3, 20, 27) in [i.shape for i in boxes]


def test_boxes_and_masks_of_different_objects_stay_apart():
    found = objects(real("2label_multiformat/datasets/voc1.1"))
    shapes = [(i.class_name, isinstance(i.shape, Box)) for i in found["shapes.jpg"]]
    assert ("rectangle", True) in shapes
    assert sum(not boxed for _, boxed in shapes) >= 1


@pytest.mark.parametrize("encoding", ["SegmentationClass", "SegmentationObject"])
def test_more_objects_than_a_palette_holds(tmp_path, encoding):
    source = tmp_path / "source"
    (source / "masks").mkdir(parents=True)
    (source / "images").mkdir()
    labels = np.zeros((40, 40), np.uint8)
    labels[::2, ::2] = 1
    Image.fromarray(labels).save(source / "masks/a.png")
    Image.fromarray(labels).save(source / "images/a.png")
    # 400 dots that touch at no corner
    converter.convert(source, tmp_path / "voc", to="voc", format="semantic-png", instances="components")
    found = masks(tmp_path / "voc")["a.png"]
    assert len(found) == 400
    assert all(m.sum() == 1 for _, m in found)
    with Image.open(tmp_path / "voc" / encoding / "a.png") as picture:
        assert picture.mode == ("P" if encoding == "SegmentationClass" else "I;16")


def test_images_of_one_name_in_two_splits_stay_apart(tmp_path):
    source = fixture("cvat") / "valid" / "coins"
    converter.convert(source, tmp_path / "voc", to="voc")
    assert (tmp_path / "voc/ImageSets/Main/val.txt").read_text() == "val/coin\n"
    found = {(s.image.split, s.image.name): len(s.instances) for s in converter.open(tmp_path / "voc")}
    expected = {(s.image.split, s.image.name): len(s.instances) for s in converter.open(source)}
    assert found == expected


@pytest.mark.parametrize(
    ("database", "folder", "corners", "box"),
    [
        ("roboflow.ai", "VOC", (3, 4, 20, 30), (2, 3, 18, 27)),  # supervision: pixels from 1, the last included
        ("roboflow.ai", "", (3, 4, 65, 33), (2, 3, 62, 29)),  # Roboflow: the far edge of the image is width + 1
        ("roboflow.ai", "", (3, 4, 64, 32), (3, 4, 61, 28)),
    ],
)
def test_where_boxes_and_polygons_begin_to_count(tmp_path, database, folder, corners, box):
    Image.new("L", (64, 32)).save(tmp_path / "a.png")
    ring = "".join(f"<x{i}>{x}</x{i}><y{i}>{y}</y{i}>" for i, (x, y) in enumerate(((3, 4), (9, 4), (9, 8)), 1))
    names = ("xmin", "ymin", "xmax", "ymax")
    bounds = "".join(f"<{n}>{v}</{n}>" for n, v in zip(names, corners, strict=True))
    (tmp_path / "a.xml").write_text(
        f"<annotation><folder>{folder}</folder><filename>a.png</filename><source><database>{database}</database>"
        "</source><size><width>64</width><height>32</height><depth>1</depth></size>"
        f"<object><name>cat</name><bndbox>{bounds}</bndbox></object>"
        f"<object><name>dog</name><bndbox>{bounds}</bndbox><polygon>{ring}</polygon></object></annotation>"
    )
    boxed, outlined = objects(tmp_path)["a.png"]
    assert boxed.shape == Box(*box)
    assert isinstance(outlined.shape, Polygons)
    first = corners[0] - box[0]
    assert outlined.shape.rings == [[v - first for v in (3, 4, 9, 4, 9, 8)]]


def test_a_page_in_place_of_annotations_is_refused(tmp_path):
    shutil.copytree(FIXTURES / "voc/valid/boxes", tmp_path / "set")
    (tmp_path / "set/photo-0.xml").write_bytes(b"<html>404</html>")
    run = segpack("convert", tmp_path / "set", tmp_path / "out", "--to", "coco", check=2)
    assert "photo-0.xml: its root is <html>, not <annotation>" in run.error
    run = segpack("convert", tmp_path / "set", tmp_path / "out", "--to", "coco", "--on-error", "skip", "--json")
    assert (run.json["images"], run.json["losses"]) == (1, {"skipped-image": 1})
