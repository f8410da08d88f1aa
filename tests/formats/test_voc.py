from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from PIL import Image

import converter
from converter.layouts.palette import color_of
from converter.model import Box, Polygons
from tests.formats.twins import classed, drawn, fixture, legend_of_datumaro, masks, objects, real
from tests.support import FIXTURES, read, segpack, segpack_here

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


def voc(folder, lists, names, objects=""):
    """A set of images of 64 by 32 with an XML each, and lists of ImageSets by path and text."""
    for name in names:
        for path in (folder / f"JPEGImages/{name}.png", folder / f"Annotations/{name}.xml"):
            path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (64, 32)).save(folder / f"JPEGImages/{name}.png")
        (folder / f"Annotations/{name}.xml").write_text(
            f"<annotation><filename>{name}.png</filename>"
            f"<size><width>64</width><height>32</height><depth>1</depth></size>{objects}</annotation>"
        )
    for path, text in lists.items():
        (folder / "ImageSets" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "ImageSets" / path).write_text(text)
    return folder


def splits(folder):
    return sorted((s.image.split or "", s.image.name) for s in converter.open(folder))


@pytest.mark.parametrize(
    ("lines", "names"),
    [
        ("my photo\n", ["my photo"]),
        ("my photo 1\n", ["my photo"]),  # with a flag, as in lists of one class
        ("my photo  -1\n", ["my photo"]),
        ('"my photo"\n', ["my photo"]),  # Datumaro
        ('"my photo" 1\n', ["my photo"]),
        ("my photo.png\n", ["my photo"]),
        ("photo 1\nphoto\n", ["photo", "photo 1"]),  # a number that belongs to the name
        ("photo 1 1\nphoto 1\n", ["photo", "photo 1"]),  # and one that is a flag
        ("photo 1 0\nphoto -1\n", ["photo", "photo 1"]),
        ("photo 12\n", ["photo"]),  # the number of an object, as in lists of layouts
        ("photo other words\n", ["photo"]),
        ("below/my photo\n", ["below/my photo"]),
        (" photo\n", [" photo"]),
        (" photo \n", ["photo"]),
        ("my\u00a0photo\n", ["my\u00a0photo"]),
    ],
)
def test_names_in_lists_may_have_spaces(tmp_path, lines, names):
    assert splits(voc(tmp_path, {"Main/train.txt": lines}, names)) == sorted(("train", f"{n}.png") for n in names)


def test_images_with_spaces_in_their_names_come_back(tmp_path):
    shutil.copytree(FIXTURES / "coco/valid/coins", tmp_path / "set")
    for path in sorted((tmp_path / "set").glob("**/*.png")):
        path.rename(path.with_name("a b 1 " + path.name))
    document = (tmp_path / "set/coco.json").read_text()
    (tmp_path / "set/coco.json").write_text(document.replace('"file_name":"', '"file_name":"a b 1 '))
    segpack("convert", tmp_path / "set", tmp_path / "voc", "--to", "voc")
    assert {i["name"][:6] for i in read(tmp_path / "voc")["images"]} == {"a b 1 "}
    segpack("diff", tmp_path / "set", tmp_path / "voc")


def test_a_list_that_names_nothing_says_where_and_what_to_do(tmp_path):
    lists = {"Main/train.txt": "a\n\nnot there 1\n"}
    run = segpack("inspect", voc(tmp_path, lists, ["a"]), check=2)
    assert "ImageSets/Main/train.txt: line 3: it names 'not there', which has neither image nor" in run.error
    assert "add the image or take the line out" in run.error
    run = segpack("check", tmp_path, "--json", check=1)
    assert [(f["code"], f["where"]["image"]) for f in run.json["findings"] if f["severity"] == "error"] == [
        ("missing-image", "not there")
    ]


def test_a_list_that_may_name_two_images_says_which(tmp_path):
    voc(tmp_path, {"Main/train.txt": "a\nb\n"}, ["a"])
    for ending in ("png", "jpg"):
        Image.new("L", (64, 32)).save(tmp_path / f"JPEGImages/b.{ending}")
    run = segpack("inspect", tmp_path, check=2)
    assert "line 2: it names 'b', which may be JPEGImages/b.jpg or JPEGImages/b.png" in run.error


@pytest.mark.parametrize(
    ("names", "written"),
    [
        (["sign: stop", "x"], ["sign_ stop", "x"]),
        (["#1 cat", "#1"], ["_1 cat", "_1"]),
        (["car ", "dog"], ["car", "dog"]),
        (["car ", "car", " car", "car_2"], ["car_3", "car", "car_4", "car_2"]),
        (["1 2 3 x", "b"], ["1 2 3 x", "b"]),
        (["background", "bg", "void"], ["background", "bg", "void"]),
    ],
)
def test_names_that_a_labelmap_cannot_hold_become_others_with_a_note(tmp_path, names, written):
    run = segpack("convert", classed(tmp_path / "set", names), tmp_path / "voc", "--to", "voc", "--json")
    changed = [(old, new) for old, new in zip(names, written, strict=True) if old != new]
    notes = [n for n in run.json["notes"] if n["code"] == "class-renamed"]
    assert [n["where"] for n in notes] == [old for old, _ in changed]
    assert all(f"became '{new}'" in n["message"] for n, (_, new) in zip(notes, changed, strict=True))
    legend = legend_of_datumaro(tmp_path / "voc")
    assert list(legend)[1:] == written
    assert list(legend.values()) == [color_of(i) for i in range(len(names) + 1)]
    assert [c["name"] for c in read(tmp_path / "voc")["classes"]] == written
    run = segpack("diff", tmp_path / "set", tmp_path / "voc", "--json", check=int(bool(changed)))
    assert run.json["counts"] == ({"class-renamed": len(changed)} if changed else {})


def test_a_colon_in_a_name_of_a_labelmap_is_told_by_the_colour(tmp_path):
    voc(
        tmp_path,
        {},
        ["a"],
        "<object><name>sign: stop</name><bndbox><xmin>0</xmin><ymin>0</ymin>"
        "<xmax>9</xmax><ymax>9</ymax></bndbox></object>",
    )
    (tmp_path / "labelmap.txt").write_text("background:0,0,0::\nsign: stop:128,0,0::\n")
    assert [i.class_name for i in objects(tmp_path)["a.png"]] == ["sign: stop"]


def test_what_stands_in_train_and_in_val_is_in_both(tmp_path):
    lists = {"Main/train.txt": "a\nb\n", "Main/val.txt": "a\nc\n", "Main/default.txt": "a\nb\nc\nd\n"}
    box = "<object><name>cat</name><bndbox><xmin>0</xmin><ymin>0</ymin><xmax>9</xmax><ymax>9</ymax></bndbox></object>"
    voc(tmp_path / "set", lists, ["a", "b", "c", "d"], box)
    found = [("", "d.png"), ("train", "a.png"), ("train", "b.png"), ("val", "a.png"), ("val", "c.png")]
    assert splits(tmp_path / "set") == found
    run = segpack("check", tmp_path / "set", "--json")
    assert "split-leak" in run.json["counts"]
    segpack("convert", tmp_path / "set", tmp_path / "out", "--to", "voc")
    assert splits(tmp_path / "out") == found
    segpack("diff", tmp_path / "set", tmp_path / "out")


def test_of_other_lists_that_name_an_image_the_first_counts_with_a_note(tmp_path):
    lists = {
        "Segmentation/aug.txt": "a\nb\nc\n",  # made of train and more: no second copy of it
        "Segmentation/train.txt": "a\n",
        "Segmentation/trainval.txt": "a\nd\n",
        "Main/train.txt": "a\nd\n",
        "Main/val.txt": "b\n",
    }
    voc(tmp_path, lists, ["a", "b", "c", "d"])
    assert splits(tmp_path) == [("aug", "b.png"), ("aug", "c.png"), ("train", "a.png"), ("train", "d.png")]
    notes = segpack("inspect", tmp_path, "--json").json["notes"]
    told = [(n["where"].rpartition("ImageSets/")[2], n["message"][:4]) for n in notes if n["code"] == "split-chosen"]
    assert told == [("Segmentation/aug.txt", "1 of"), ("Main/val.txt", "1 of")]


def object_of(corners, more=""):
    sides = "".join(f"<{k}>{v}</{k}>" for k, v in zip(("xmin", "ymin", "xmax", "ymax"), corners, strict=True))
    return f"<object><name>cat</name>{more}<bndbox>{sides}</bndbox></object>"


ACTION = (
    "<actions><jumping>1</jumping><phoning>0</phoning></actions><confidence>0.5</confidence><difficult>2</difficult>"
    "<point><x>3</x><y>3</y></point><hull><corner><x>1</x></corner></hull><empty/><type>bndbox</type>"
    "<attributes><attribute><name>track_id</name><value>3</value></attribute></attributes>"
)


def test_what_else_an_object_holds_is_an_attribute_or_told(tmp_path):
    voc(tmp_path / "set", {}, ["a"], "<owner><name>Joe</name></owner><weather/>" + object_of((1, 1, 9, 9), ACTION))
    held = {"jumping": "1", "phoning": "0", "confidence": "0.5", "difficult": "2", "track_id": "3"}
    (found,) = objects(tmp_path / "set")["a.png"]
    assert found.attributes == {"attributes": held}
    run = segpack("convert", tmp_path / "set", tmp_path / "out", "--to", "voc", "--json")
    assert run.json["losses"] == {"attribute-dropped": 1, "keypoints-dropped": 1}
    notes = {n["code"]: n["message"] for n in run.json["notes"]}
    assert notes["metadata-dropped"] == "elements of 1 images are not read: <owner>"
    (again,) = objects(tmp_path / "out")["a.png"]
    assert again.attributes == found.attributes
    run = segpack("convert", tmp_path / "set", tmp_path / "strict", "--to", "coco", "--strict", check=1)
    assert "attribute-dropped" in run.err


@pytest.mark.parametrize("outline", ["<polygon><point><x>1</x><y>1</y></point></polygon>", "<polygon/>"])
def test_an_outline_that_is_not_understood_is_told(tmp_path, outline):
    voc(tmp_path / "set", {}, ["a"], object_of((1, 1, 9, 9), outline))
    run = segpack("convert", tmp_path / "set", tmp_path / "out", "--to", "coco", "--json")
    assert run.json["losses"] == ({"attribute-dropped": 1} if "point" in outline else {})


def turned(degrees):
    return f"<attributes><attribute><name>rotation</name><value>{degrees}</value></attribute></attributes>"


CVAT = "<source><database>Unknown</database><annotation>Unknown</annotation><image>Unknown</image></source>"


def test_boxes_that_cvat_has_turned_are_turned(tmp_path):
    """Its rotation is in degrees, clockwise, about the centre of the box that stands in bndbox."""
    things = object_of((20, 8, 40, 18), turned("30.0")) + object_of((1, 1, 9, 9), turned("0.0"))
    voc(tmp_path, {}, ["a"], CVAT + things)
    first, second = objects(tmp_path)["a.png"]
    corners = [complex(x, y) for x, y in ((-10, -5), (10, -5), (10, 5), (-10, 5))]
    moved = [complex(30, 13) + c * np.exp(1j * np.pi / 6) for c in corners]
    mask = drawn([[float(v) for c in moved for v in (c.real, c.imag)]], 32, 64)
    assert np.array_equal(first.mask(), mask)
    assert first.attributes == {"rotation": 30.0}
    assert (second.shape, second.attributes) == (Box(1, 1, 8, 8), {})


def test_an_angle_of_unknown_meaning_stays_an_attribute_with_a_note(tmp_path):
    voc(tmp_path / "set", {}, ["a"], object_of((20, 8, 40, 18), turned(30)))
    (found,) = objects(tmp_path / "set")["a.png"]
    assert (found.shape, found.attributes) == (Box(20, 8, 20, 10), {"attributes": {"rotation": "30"}})
    run = segpack("convert", tmp_path / "set", tmp_path / "out", "--to", "coco", "--json")
    assert "rotation-unread" in [n["code"] for n in run.json["notes"]]


def test_attributes_of_an_image_have_no_place_and_are_told(tmp_path):
    classed(tmp_path / "set", ["cat"])
    document = (tmp_path / "set/coco.json").read_text()
    (tmp_path / "set/coco.json").write_text(
        document.replace('"id": 1, ', '"id": 1, "attributes": {"sky": "blue"}, ', 1)
    )
    run = segpack("convert", tmp_path / "set", tmp_path / "out", "--to", "voc", "--json")
    assert run.json["losses"] == {"attribute-dropped": 1}


def test_masks_in_other_folders_than_the_challenge_has_are_losses(tmp_path, capfd):
    pixels = np.zeros((6, 8), np.uint8)
    pixels[1:4, 1:4] = 1
    root = tmp_path / "segmentation/VOC2012"
    for folder in ("JPEGImages", "SegmentationClass", "SegmentationClassAug", "SegmentationClassVisualization"):
        (root / folder).mkdir(parents=True)
        for name in "ab" if folder in {"JPEGImages", "SegmentationClassAug"} else "a":
            Image.fromarray(pixels).save(root / folder / f"{name}.png")
    result = converter.convert(root.parent, tmp_path / "out", to="coco", format="voc")
    lost = [x.image for x in result.losses if x.code == "orphan-mask"]
    assert lost == ["SegmentationClassAug/a.png", "SegmentationClassAug/b.png"]
    found = segpack_here(capfd, "check", "--json", root.parent, "--from", "voc").json["findings"]
    assert [f["where"]["file"] for f in found if f["code"] == "orphan-mask"] == [f"VOC2012/{path}" for path in lost]
    given = ["--from", "semantic-png", "--masks", "VOC2012/SegmentationClassAug/{image}.png"]
    assert segpack_here(capfd, "convert", root.parent, tmp_path / "aug", "--to", "coco", *given).code == 0


def black_and_white(folder, legend=""):
    pixels = np.zeros((6, 8), np.uint8)
    pixels[1:4, 1:4] = 255
    for below in ("JPEGImages", "SegmentationClass"):
        (folder / below).mkdir(parents=True)
        for name in "ab":
            Image.fromarray(pixels).save(folder / below / f"{name}.png")
    if legend:
        (folder / "labelmap.txt").write_text(legend)
    return pixels == 255


@pytest.mark.parametrize(
    ("legend", "options", "name"),
    [
        ("", {}, "class_255"),
        ("", {"class_name": "road"}, "road"),
        ("background:0,0,0::\nroad:255,255,255::\n", {}, "road"),
    ],
)
def test_white_is_the_class_of_masks_in_black_and_white(tmp_path, legend, options, name):
    white = black_and_white(tmp_path / "set", legend)
    converter.convert(tmp_path / "set", tmp_path / "out", to="coco", **options)
    for sample in converter.open(tmp_path / "out"):
        (instance,) = sample.instances
        assert instance.class_name == name
        assert np.array_equal(instance.mask(), white)


def test_white_beside_classes_is_void(tmp_path):
    white = black_and_white(tmp_path / "set", "background:0,0,0::\nroad:128,0,0::\n")
    mask = Image.fromarray(white.astype(np.uint8)).convert("P")
    mask.putpalette([0, 0, 0, 128, 0, 0])
    mask.save(tmp_path / "set/SegmentationClass/b.png")
    dataset = converter.open(tmp_path / "set")
    assert [c.id for c in dataset.classes] == [1]
    assert not converter.inspect(tmp_path / "set").notes


def test_white_that_may_be_void_is_told(tmp_path):
    black_and_white(tmp_path / "set", "background:0,0,0::\nroad:128,0,0::\ncar:0,128,0::\n")
    notes = converter.inspect(tmp_path / "set").notes
    assert [n.code for n in notes] == ["void-only"]


def test_without_image_files_the_masks_tell_the_size(tmp_path):
    """CVAT exports "Segmentation mask" without images: masks in colours, a labelmap.txt and no XML."""
    classes, things = np.zeros((20, 30, 3), np.uint8), np.zeros((20, 30, 3), np.uint8)
    classes[4:9, 5:15], things[4:9, 5:10], things[4:9, 10:15] = (10, 20, 30), (128, 0, 0), (0, 128, 0)
    for name in ("a", "below/b"):
        for folder, pixels in (("SegmentationClass", classes), ("SegmentationObject", things)):
            path = tmp_path / f"set/{folder}/{name}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path)
    (tmp_path / "set/ImageSets/Segmentation").mkdir(parents=True)
    (tmp_path / "set/ImageSets/Segmentation/default.txt").write_text("a\nbelow/b\n")
    (tmp_path / "set/labelmap.txt").write_text("background:0,0,0::\ncat:128,0,0::\ndog:10,20,30::\n")
    run = segpack("convert", tmp_path / "set", tmp_path / "out", "--to", "coco", check=2)
    assert "--image-files none" in run.error
    segpack("convert", tmp_path / "set", tmp_path / "out", "--to", "coco", "--image-files", "none")
    for found in masks(tmp_path / "out").values():
        (one, left), (two, right) = found
        assert (one, two) == ("dog", "dog")
        assert np.array_equal(left, things[..., 0] > 0)
        assert np.array_equal(right, things[..., 1] > 0)
    assert len(masks(tmp_path / "out")) == 2


@pytest.mark.parametrize(
    "legend",
    [
        "background:0,0,0::\ncat:128,0,0::\ndog:1,2,3::\n",
        "cat:128,0,0::\nbackground:0,0,0::\ndog:1,2,3::\n",
        "cat:128,0,0::\ndog:1,2,3::\nbackground:0,0,0::\n",  # CVAT, where it is a label of the task
        "cat:128,0,0::\ndog:1,2,3::\n",
    ],
)
@pytest.mark.parametrize("given", [False, True])
def test_a_black_background_is_none_wherever_it_stands(tmp_path, legend, given):
    for folder in ("JPEGImages", "SegmentationClass", "SegmentationObject"):
        (tmp_path / "set" / folder).mkdir(parents=True)
    pixels = np.zeros((20, 30, 3), np.uint8)
    pixels[2:5, 3:9], pixels[10:12, 3:9] = (128, 0, 0), (1, 2, 3)
    for folder in ("JPEGImages", "SegmentationClass", "SegmentationObject"):
        mask = np.where(pixels == (1, 2, 3), np.array((0, 128, 0), np.uint8), pixels)
        Image.fromarray(mask if folder == "SegmentationObject" else pixels).save(tmp_path / "set" / folder / "a.png")
    file = tmp_path / ("legend.txt" if given else "set/labelmap.txt")
    file.write_text(legend)
    options = ("--colors", file) if given else ()
    segpack("convert", tmp_path / "set", tmp_path / "out", "--to", "coco", *options)
    (cat_name, cat), (dog_name, dog) = masks(tmp_path / "out")["a.png"]
    assert (cat_name, dog_name) == ("cat", "dog")
    assert np.array_equal(cat, pixels[..., 0] == 128)
    assert np.array_equal(dog, pixels[..., 0] == 1)
    assert [(c["id"], c["name"]) for c in read(tmp_path / "out")["classes"]] == [(1, "cat"), (2, "dog")]


def test_a_legend_that_begins_with_ignored_pixels(tmp_path):
    """LabelMe's labels begin with __ignore__ and _background_; elsewhere such a class is one of the classes."""
    for folder in ("JPEGImages", "SegmentationClass", "SegmentationObject"):
        (tmp_path / folder).mkdir()
        labels = np.zeros((20, 30), np.uint8)
        labels[2:5, 3:9] = 1
        Image.fromarray(labels).save(tmp_path / folder / "a.png")
    for names, found in (("__ignore__ _background_ cat", "cat"), ("void cat", "void")):
        (tmp_path / "class_names.txt").write_text(names.replace(" ", "\n"))
        assert [name for name, _ in masks(tmp_path)["a.png"]] == [found]


@pytest.mark.parametrize(("told", "name"), [("a.b.jpg", "a.b.jpg"), ("other.jpg", "a.b"), ("a.b", "a.b")])
def test_an_image_that_is_not_there_has_the_ending_that_its_annotation_tells(tmp_path, told, name):
    """Globox, PyLabel and others write annotations alone."""
    (tmp_path / "a.b.xml").write_text(
        f"<annotation><filename>{told}</filename><size><width>8</width><height>6</height></size>"
        "<object><name>cat</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>4</xmax><ymax>5</ymax></bndbox></object>"
        "</annotation>"
    )
    assert [s.image.name for s in converter.open(tmp_path)] == [name]


def test_an_image_without_its_mask_of_objects_is_noted(tmp_path):
    converter.convert(FIXTURES / "coco/valid/coins", tmp_path / "voc", to="voc")
    before = converter.convert(tmp_path / "voc", tmp_path / "whole", to="coco").notes
    first, *_ = sorted((tmp_path / "voc/SegmentationObject").iterdir())
    first.unlink()
    after = converter.convert(tmp_path / "voc", tmp_path / "less", to="coco").notes
    found = [n for n in after if n not in before and n.code == "class-without-object"]
    assert all(f"SegmentationClass/{first.name}, class " in n.where for n in found)
    assert {n.message for n in found} == {"no mask in SegmentationObject parts its pixels, which became one object"}


@pytest.mark.parametrize("palettes", [False, True])
@pytest.mark.parametrize("border", [True, False])
def test_masks_of_supervisely_are_in_the_colours_of_its_legend(palettes, border, tmp_path):
    """Every file may have a palette of its own, objects have any colours, and boxes are from 0 to their last pixel."""
    shades = {"kiwi": (255, 0, 0), "lemon": (81, 198, 170), "neutral": (224, 224, 192)}
    drawn = {"lemon": (slice(2, 12), slice(1, 9)), "kiwi": (slice(10, 30), slice(20, 39))}
    for folder in ("Annotations", "JPEGImages", "SegmentationClass", "SegmentationObject"):
        (tmp_path / folder).mkdir()
    for name, order in (("a", ("kiwi", "lemon")), ("b", ("lemon", "kiwi"))):
        nodes = ""
        pictures = [np.zeros((32, 40, 3), np.uint8) for _ in range(2)]
        for place, label in enumerate(order):
            rows, columns = drawn[label]
            for picture, shade in zip(pictures, (shades[label], (9, 200 - 50 * place, 7)), strict=True):
                picture[rows, columns] = shade
                if border:
                    picture[rows.stop, columns] = shades["neutral"]
            corners = zip(("xmin", "ymin", "xmax", "ymax"),
                          (columns.start, rows.start, columns.stop - 1, rows.stop - 1), strict=True)  # fmt: skip
            box = "".join(f"<{side}>{at}</{side}>" for side, at in corners)
            nodes += f"<object><name>{label}</name><bndbox>{box}</bndbox></object>"
        for folder, picture in zip(("SegmentationClass", "SegmentationObject"), pictures, strict=True):
            mask = Image.fromarray(picture)
            mask = mask.convert("P", palette=Image.Palette.ADAPTIVE) if palettes else mask
            mask.save(tmp_path / folder / f"{name}.png")
        Image.fromarray(pictures[0]).save(tmp_path / "JPEGImages" / f"{name}.png")
        who = "<database>Supervisely Project ID:7</database><annotation>PASCAL VOC</annotation>"
        size = "<size><width>40</width><height>32</height></size>"
        xml = f"<annotation><filename>{name}.png</filename><source>{who}</source>{size}{nodes}</annotation>"
        (tmp_path / "Annotations" / f"{name}.xml").write_text(xml)
    told = [label for label in shades if border or label != "neutral"]
    (tmp_path / "colors.txt").write_text("".join(f"{n} {' '.join(map(str, shades[n]))}\n" for n in told))
    for name, order in (("a.png", ("kiwi", "lemon")), ("b.png", ("lemon", "kiwi"))):
        found = objects(tmp_path)[name]
        assert [i.class_name for i in found] == list(order)
        for instance in found:
            rows, columns = drawn[instance.class_name]
            whole = np.zeros((32, 40), bool)
            whole[rows, columns] = True
            assert np.array_equal(instance.mask(), whole)
            assert instance.box == (columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start)


def test_other_lists_of_colours_are_no_legend(tmp_path):
    converter.convert(FIXTURES / "coco/valid/coins", tmp_path / "voc", to="voc")
    before = masks(tmp_path / "voc")
    for content in ("255 0 0\n0 255 0\n", "a: b\n", ""):
        (tmp_path / "voc/colors.txt").write_text(content)
        (tmp_path / "voc/labelmap.txt").rename(tmp_path / "labelmap.txt")
        assert masks(tmp_path / "voc").keys() == before.keys()
        (tmp_path / "labelmap.txt").rename(tmp_path / "voc/labelmap.txt")


def test_a_colour_of_no_palette_is_refused_with_the_option_for_legends(tmp_path, capfd):
    for folder, extension in (("JPEGImages", "jpg"), ("SegmentationClass", "png")):
        (tmp_path / "set" / folder).mkdir(parents=True)
        picture = np.full((9, 7, 3), (1, 2, 3), np.uint8)
        Image.fromarray(picture).save(tmp_path / "set" / folder / f"a.{extension}")
    run = segpack_here(capfd, "convert", tmp_path / "set", tmp_path / "out", "--to", "coco", "--from", "voc")
    assert run.code == 2
    assert "1,2,3 is not in the palette of Pascal VOC" in run.error
    assert run.error.endswith("give the legend with --colors FILE")


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_two_classes_of_one_colour_are_refused_where_masks_are_in_colours(tmp_path, capfd):
    folder = tmp_path / "set"
    write(folder / "labelmap.txt", "background:0,0,0::\ncat:128,0,0::\ndog:128,0,0::\n")
    (folder / "SegmentationClass").mkdir()
    pixels = np.zeros((9, 12, 3), np.uint8)
    pixels[2:5, 2:5] = 128, 0, 0
    Image.fromarray(pixels).save(folder / "SegmentationClass/a.png")
    run = segpack_here(capfd, "convert", folder, tmp_path / "out", "--to", "coco", "--image-files", "none")
    assert "the colour 128,0,0 is that of two classes in labelmap.txt" in run.error


def test_two_files_of_one_image_that_differ_are_refused(tmp_path, capfd):
    one = "<annotation><filename>a.jpg</filename><size><width>12</width><height>9</height></size>{}</annotation>"
    folder = tmp_path / "set"
    write(folder / "Annotations/a.xml", one.format(""))
    write(folder / "a.xml", one.format(object_of((1, 2, 5, 6))))
    arguments = ["convert", folder, tmp_path / "out", "--to", "coco", "--image-files", "none"]
    run = segpack_here(capfd, *arguments)
    assert "Annotations/a.xml: a.xml is of the same image, and says something else; keep one" in run.error
    write(folder / "Annotations/a.xml", (folder / "a.xml").read_text())
    assert segpack_here(capfd, *arguments).code == 0


def test_void_under_objects_is_told(tmp_path):
    """A pixel has one value: 10 of the 40 to be ignored are those of the object."""
    corners = {"cat": [[0, 0], [6, 0], [6, 5], [0, 5]], "__ignore__": [[4, 0], [12, 0], [12, 5], [4, 5]]}
    drawn = [{"label": k, "shape_type": "polygon", "points": v} for k, v in corners.items()]
    about = {"imagePath": "a.png", "imageHeight": 9, "imageWidth": 12, "imageData": None, "shapes": drawn}
    write(tmp_path / "set/a.json", json.dumps({"version": "5.5.0", **about}))
    result = converter.convert(tmp_path / "set", tmp_path / "out", to="voc", image_files="none")
    (loss,) = result.losses
    assert (loss.code, loss.amount) == ("ignore-dropped", 10)
    with Image.open(tmp_path / "out/SegmentationClass/a.png") as picture:
        assert int((np.asarray(picture) == 255).sum()) == 30
