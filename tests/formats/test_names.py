"""Masks find their images by the usual names of trees, or by patterns of the user."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import converter
from converter.api import DatasetSample
from tests.support import save, segpack_here

SIZE = (9, 7)
TREES = {
    "images/{b}.jpg": "masks/{b}.png",
    "images/train/{b}.jpg": "annotations/train/{b}.png",
    "img_dir/train/{b}.jpg": "ann_dir/train/{b}.png",
    "train/{b}.png": "trainannot/{b}.png",
    "x_train/{b}.png": "y_train/{b}.png",
    "trainX/{b}.png": "trainY/{b}.png",
    "train_images/{b}.png": "train_masks/{b}.png",
    "images_train/{b}.png": "masks_train/{b}.png",
    "train/image/{b}.png": "train/label/{b}.png",
    "701_StillsRaw_full/{b}.png": "LabeledApproved_full/{b}_L.png",
    "{b}.jpg": "{b}_mask.png",
    "train/{b}_sat.jpg": "train/{b}_mask.png",
    "{b}_img.png": "{b}_cp_masks.png",
    "images/image{b}.png": "masks/mask{b}.png",
    "ISIC2018_Training_Input/{b}.jpg": "ISIC2018_Training_GroundTruth/{b}_segmentation.png",
    "original_images/{b}.png": "label_images_semantic/{b}.png",
    "train/lung_segmentation/images/{b}.png": "train/lung_segmentation/masks/{b}.png",
    "images/f{b}.png": "labels/f{b}_P.png",
    "train/images/P{b}.png": "train/semantic_masks/P{b}_instance_id_RGB.png",
    "train_img/{b}.jpg": "train_lab/{b}.png",
    "lab_images/{b}.jpg": "lab_masks/{b}.png",
    "top/area{b}.tif": "gts_for_participants/area{b}.tif",
    "images/{b}.tif": "manual1/{b}.tif",
    "train/images/{b}_training.tif": "train/1st_manual/{b}_manual1.gif",
    "abacus/{b}.jpg": "abacus/{b}.png",
    "{b}.jpeg": "{b}.bmp",
    "output/M-33_{b}.jpg": "output/M-33_{b}_m.png",
    "aerial/img/IMG_{b}.tif": "labels/msk/MSK_{b}.tif",
    "sheet/{b}.png": "sheet_msk/{b}.png",
    "train/field/images/{b}.png": "train/field/semantics/{b}.png",
    "leftImg8bit_{b}.png": "{b}_mask.png",
    "images/MEN_{b}_7.jpg": "segm/MEN_{b}_7_segm.png",
    "images/photos/{b}.png": "masks/photos/{b}.png",
    "train/images/images/{b}.png": "train/Semantic_masks/images/{b}.png",
}


def drawn(number: int) -> np.ndarray:
    """A label map that no other number has."""
    values = np.zeros(SIZE[::-1], np.uint8)
    values[number:, number:] = 1
    values[0, 0] = 2
    return values


def labels(sample: DatasetSample) -> Any:
    assert sample.labels is not None
    return sample.labels.tolist()


@pytest.mark.parametrize("images", TREES)
def test_a_usual_tree_is_found_by_itself(tmp_path, images):
    for number in (1, 2, 3):
        save(tmp_path / images.format(b=f"{number:04}"), np.zeros((*SIZE[::-1], 3), np.uint8))
        save(tmp_path / TREES[images].format(b=f"{number:04}"), drawn(number))
    dataset = converter.open(tmp_path)
    assert dataset.format == "semantic-png"
    assert dataset.splits == (("train",) if images.startswith(("images/train", "img_dir/train", "train", "x_train",
                                                               "images_train")) else ())  # fmt: skip
    assert [s.image.name for s in dataset] == [Path(images.format(b=f"{n:04}")).name for n in (1, 2, 3)]
    for number, sample in enumerate(dataset, 1):
        assert labels(sample) == drawn(number).tolist()


def test_a_mask_is_not_given_to_the_image_of_another_split(tmp_path):
    root = tmp_path / "set"
    for path in ("train/images/a.png", "val/images/b.png"):
        save(root / path, np.zeros((*SIZE[::-1], 3), np.uint8))
    for path in ("train/masks/a.png", "val/masks/a.png", "val/masks/b.png"):
        save(root / path, drawn(1))
    losses = converter.convert(root, tmp_path / "out", to="coco").losses
    assert [x.image for x in losses if x.code == "orphan-mask"] == ["val/masks/a.png"]


def test_names_that_differ_in_case_or_normal_form_are_of_one_image(tmp_path):
    root = tmp_path / "set"
    images = ["IMG_1.JPG", "Img_2.jpg", unicodedata.normalize("NFD", "Bär.jpg"), "Twice.jpg"]
    masks = ["img_1.png", "IMG_2_mask.PNG", unicodedata.normalize("NFC", "bär.png"), "TWICE.png", "twice.png"]
    for name in images:
        save(root / "images" / name, np.zeros((*SIZE[::-1], 3), np.uint8))
    for number, name in enumerate(masks, 1):
        save(root / "masks" / name, drawn(number))
    dataset = converter.open(root)
    assert {s.image.name: labels(s) for s in dataset} == {
        name: drawn(number).tolist() for number, name in enumerate(images[:3], 1)
    }
    losses = converter.convert(root, tmp_path / "out", to="coco").losses
    assert [x.image for x in losses] == ["masks/TWICE.png", "masks/twice.png"]


@pytest.mark.parametrize("names", [("cam_L", "cam_R"), ("cam", "cam_L", "cam_label")])
def test_an_image_that_is_called_as_masks_are_is_none(names, tmp_path):
    for number, name in enumerate(names):
        save(tmp_path / f"set/images/{name}.png", np.zeros((*SIZE[::-1], 3), np.uint8))
        save(tmp_path / f"set/masks/{name}.png", drawn(number))
    assert converter.convert(tmp_path / "set", tmp_path / "out", to="coco").losses == []
    assert [labels(s) for s in converter.open(tmp_path / "set")] == [drawn(n).tolist() for n in range(len(names))]


def test_equal_names_in_different_folders_stay_apart(tmp_path):
    for number, place in enumerate(("rural", "urban"), 1):
        save(tmp_path / f"train/{place}/images/0.png", np.zeros((*SIZE[::-1], 3), np.uint8))
        save(tmp_path / f"train/{place}/masks/0.png", drawn(number))
    dataset = converter.open(tmp_path, format="semantic-png")
    assert [s.image.name for s in dataset] == ["rural/0.png", "urban/0.png"]


def test_an_image_of_two_masks_is_refused(tmp_path, capfd):
    save(tmp_path / "images/a.png", np.zeros((*SIZE[::-1], 3), np.uint8))
    for folder in ("masks", "labels"):
        save(tmp_path / folder / "a.png", drawn(1))
    run = segpack_here(capfd, "inspect", tmp_path)
    assert "labels/a.png" in run.error
    assert "masks/a.png" in run.error
    assert "--masks" in run.error


def test_photos_in_two_files_each_are_no_set_of_masks(tmp_path, capfd):
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
    for number in range(4):
        for kind in ("jpg", "png"):
            save(tmp_path / f"{number}.{kind}", noise)
    error = segpack_here(capfd, "inspect", tmp_path).error
    assert "no known format fits it" in error
    assert error.endswith("or the places of masks with --masks 'labels/{image}_gt.png'")


def test_a_folder_far_above_does_not_make_images_masks(tmp_path):
    for top in ("scans", "brain-segmentation/scans"):
        for patient in ("p1", "p2"):
            save(tmp_path / top / patient / f"{patient}_1.tif", np.full((*SIZE[::-1], 3), 7, np.uint8))
            save(tmp_path / top / patient / f"{patient}_1_mask.tif", drawn(len(top)))
    result = converter.convert(tmp_path, tmp_path.with_suffix(".out"), to="semantic-png")
    assert (result.images, result.losses) == (4, [])
    assert {Path(s.image.path).stem for s in converter.open(tmp_path)} == {"p1_1", "p2_1"}


def test_files_beside_jpegs_with_several_endings_are_no_maps(tmp_path, capfd):
    for number in range(4):
        save(tmp_path / f"{number}.jpg", np.zeros((*SIZE[::-1], 3), np.uint8))
        for reader in ("1stHO", "2ndHO"):
            save(tmp_path / f"{number}_{reader}.png", drawn(1))
    assert "no known format fits it" in segpack_here(capfd, "inspect", tmp_path).error


@pytest.mark.parametrize(
    ("image", "one", "other"),
    [
        ("images/{b}_dr.jpg", "manual1/{b}_dr.png", "mask/{b}_dr_mask.png"),
        ("train/images/{b}_training.png", "train/1st_manual/{b}_manual1.gif", "train/mask/{b}_training_mask.gif"),
        ("train/{b}.png", "train_labels/{b}.png", "train_labels_ids/{b}.png"),
        ("tissue images/{b}.png", "label masks/{b}.png", "label masks modify/{b}.png"),
    ],
)
def test_masks_of_two_kinds_are_never_guessed_between(image, one, other, tmp_path, capfd):
    for name in ("01", "02"):
        save(tmp_path / image.format(b=name), np.zeros((*SIZE[::-1], 3), np.uint8))
        for mask in (one, other):
            save(tmp_path / mask.format(b=name), drawn(2) // 2 * 255)
    run = segpack_here(capfd, "inspect", tmp_path)
    assert f"{image.format(b='01')} has two masks" in run.error
    assert one.format(b="01") in run.error
    assert other.format(b="01") in run.error
    given = ["--masks", one.format(b="{image}"), "--image-pattern", image.format(b="{image}")]
    assert segpack_here(capfd, "inspect", tmp_path, *given).code == 0


@pytest.mark.parametrize("view", ["labels_color", "labels/colored", "gt_edge", "colormaps/labels"])
def test_pictures_that_show_masks_again_are_no_masks_of_their_own(view, tmp_path):
    for name in ("a", "b"):
        save(tmp_path / f"set/images/{name}.jpg", np.zeros((*SIZE[::-1], 3), np.uint8))
        save(tmp_path / f"set/labels/{name}.png", drawn(1))
        save(tmp_path / f"set/{view}/{name}.png", drawn(2))
    dataset = converter.open(tmp_path / "set")
    assert [labels(s) for s in dataset] == [drawn(1).tolist()] * 2
    losses = converter.convert(tmp_path / "set", tmp_path / "out", to="semantic-png").losses
    assert [x.image for x in losses] == [f"{view}/a.png", f"{view}/b.png"]


def test_an_image_is_rather_in_a_folder_for_images(tmp_path):
    for folder in ("train/rgb", "train/nir_color"):
        save(tmp_path / "set" / folder / "a.png", np.full((*SIZE[::-1], 3), len(folder), np.uint8))
    save(tmp_path / "set/train/GT_color/a.png", drawn(1))
    converter.convert(tmp_path / "set", tmp_path / "out", to="semantic-png")
    copied = tmp_path / "out/images/train/a.png"
    assert copied.read_bytes() == (tmp_path / "set/train/rgb/a.png").read_bytes()


@pytest.mark.parametrize("format", [None, "semantic-png"])
def test_masks_and_images_each_in_a_root_of_their_own(tmp_path, format):
    save(tmp_path / "photos/a.png", np.zeros((*SIZE[::-1], 3), np.uint8))
    save(tmp_path / "truth/a.png", drawn(1))
    dataset = converter.open(tmp_path / "truth", images=tmp_path / "photos", format=format)
    assert dataset.format == "semantic-png"
    assert [labels(s) for s in dataset] == [drawn(1).tolist()]


def test_pictures_without_the_images_they_are_of_are_refused_with_the_option_for_them(tmp_path, capfd):
    save(tmp_path / "photos/b.png", np.zeros((*SIZE[::-1], 3), np.uint8))
    save(tmp_path / "truth/a.png", drawn(1))
    run = segpack_here(capfd, "convert", tmp_path / "truth", tmp_path / "out", "--to", "coco")
    assert run.code == 2
    assert "the folder of the images with --images" in run.error
    options = ("--images", tmp_path / "photos")
    run = segpack_here(capfd, "convert", tmp_path / "truth", tmp_path / "out", "--to", "coco", *options)
    assert run.code == 2
    assert "no known format fits it" in run.error


def test_values_that_a_jpeg_has_changed_are_no_classes(tmp_path, capfd):
    save(tmp_path / "set/images/a.png", np.zeros((32, 32, 3), np.uint8))
    (tmp_path / "set/masks").mkdir()
    circle = np.hypot(*np.mgrid[-16:16, -16:16]) < 9
    Image.fromarray((circle * 255).astype(np.uint8)).save(tmp_path / "set/masks/a.jpg")
    run = segpack_here(capfd, "convert", tmp_path / "set", tmp_path / "out", "--to", "coco")
    assert run.code == 2
    assert "masks/a.jpg: the compression has changed its values" in run.error
    assert "lossy-mask" in segpack_here(capfd, "check", tmp_path / "set").out


# ---------------------------------------------------------------- patterns


@pytest.fixture
def wild(tmp_path):
    """Two splits of photos and of masks, named as nobody would guess."""
    root = tmp_path / "wild"
    for split in ("training", "valid"):
        for name in ("a", "b"):
            save(root / f"fotos/{split}/{name}/pic.png", np.zeros((*SIZE[::-1], 3), np.uint8))
        for number, label in enumerate(("cat", "dog", "cat"), 1):
            save(root / f"rest/{split}.{label}.{number}.a.png", (drawn(number) == 1).astype(np.uint8) * 255)
    return root


IMAGES, MASKS = "fotos/{split}/{image}/pic.png", "rest/{split}.{class}.{instance}.{image}.png"


def test_patterns_name_objects(wild):
    dataset = converter.open(wild, masks=MASKS, image_pattern=IMAGES)
    assert dataset.splits == ("train", "val")
    found = {(s.image.split, s.image.name): s for s in dataset}
    assert list(found) == [("train", "a.png"), ("train", "b.png"), ("val", "a.png"), ("val", "b.png")]
    assert not found["val", "b.png"].instances
    objects = [(i.class_name, i.area) for i in found["train", "a.png"].instances]
    assert objects == [(n, int((drawn(k) == 1).sum())) for k, n in ((1, "cat"), (3, "cat"), (2, "dog"))]


@pytest.mark.parametrize("command", ["convert", "pack", "check", "inspect", "preview", "diff"])
def test_every_command_takes_patterns(wild, tmp_path, command, capfd):
    targets = {"convert": [tmp_path / "o", "--to", "coco"], "pack": [tmp_path / "o.zip"],
               "preview": [tmp_path / "o.png"], "diff": [wild]}  # fmt: skip
    run = segpack_here(capfd, command, wild, *targets.get(command, []), "--masks", MASKS, "--image-pattern", IMAGES)
    assert run.code == 0, run.err


@pytest.mark.parametrize("format", ["semantic-png", "instance-map"])
def test_patterns_name_maps(tmp_path, format):
    for number, place in enumerate(("north", "south"), 1):
        save(tmp_path / f"{place}/t001.tif", np.zeros((*SIZE[::-1], 3), np.uint8))
        save(tmp_path / f"{place}_GT/man_seg001.tif", drawn(number))
    masks, images = "{class}_GT/man_seg{image}.tif", "{class}/t{image}.tif"
    dataset = converter.open(tmp_path, format=format, masks=masks, image_pattern=images)
    assert [s.image.name for s in dataset] == ["north/001.tif", "south/001.tif"]
    for number, sample in enumerate(dataset, 1):
        areas = sorted(i.area for i in sample.instances)
        assert areas == sorted(int((drawn(number) == v).sum()) for v in (1, 2))


def test_a_class_in_the_image_pattern_is_that_of_its_masks(tmp_path):
    for number, label in enumerate(("cat", "dog"), 1):
        save(tmp_path / f"{label}/photo-1.png", np.zeros((*SIZE[::-1], 3), np.uint8))
        save(tmp_path / f"{label}/truth-1.png", drawn(number) // 2 * 255)
    dataset = converter.open(tmp_path, masks="{class}/truth-{image}.png", image_pattern="{class}/photo-{image}.png")
    assert [(s.image.name, [i.class_name for i in s.instances]) for s in dataset] == [
        ("cat/1.png", ["cat"]),
        ("dog/1.png", ["dog"]),
    ]


def test_a_mask_of_two_images_is_none(wild, capfd):
    single = "rest/training.*.{instance}.{image}.png"
    run = segpack_here(capfd, "inspect", wild, "--masks", single, "--image-pattern", "fotos/{class}/{image}/pic.png")
    assert "both have the {image} 'a'" in run.err


def test_numbers_get_their_names_from_the_class_file(tmp_path):
    save(tmp_path / "photos/a.png", np.zeros((*SIZE[::-1], 3), np.uint8))
    save(tmp_path / "objects/a-7.png", drawn(1) // 2 * 255)
    (tmp_path / "classes.json").write_text('{"7": "cup"}')
    dataset = converter.open(tmp_path, masks="objects/{image}-{class}.png")
    assert [(c.id, c.name) for c in dataset.classes] == [(7, "cup")]


def test_names_get_their_numbers_from_the_class_file(tmp_path):
    save(tmp_path / "photos/a.png", np.zeros((*SIZE[::-1], 3), np.uint8))
    save(tmp_path / "objects/a-cup.png", drawn(1) // 2 * 255)
    (tmp_path / "codes.txt").write_text("void\nplate\ncup\n")
    dataset = converter.open(tmp_path, masks="objects/{image}-{class}.png")
    assert [(c.id, c.name) for c in dataset.classes] == [(1, "plate"), (2, "cup")]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--image-pattern", "{image}.png"], "add --masks"),
        (["--masks", "{name}.png"], "{name} is unknown"),
        (["--masks", "{split}.png"], "needs the placeholder {image}"),
        (["--masks", "{image}/{image}.png"], "stands twice"),
        (["--masks", "nowhere/{image}.png"], "no file matches the pattern; paths begin below the source, as "),
        (["--masks", "rest/{image}.png", "--image-pattern", "no/{image}.png"], "no file matches"),
        (["--masks", "rest/{image}.png", "--from", "coco"], "is for instance-map, instance-png, semantic-png"),
        (["--masks", MASKS, "--from", "semantic-png", "--image-pattern", IMAGES], "two masks"),
    ],
)
def test_patterns_that_cannot_be_meant(wild, options, words, capfd):
    run = segpack_here(capfd, "inspect", wild, *options)
    assert run.code == 2
    assert words in run.error


@pytest.mark.parametrize(("split", "noted"), [("", True), ("train/", False)])
def test_lists_of_splits_are_told(tmp_path, split, noted):
    for name in "ab":
        save(tmp_path / f"images/{split}{name}.png", np.zeros((*SIZE[::-1], 3), np.uint8))
        save(tmp_path / f"masks/{split}{name}.png", drawn(1))
    (tmp_path / "list").mkdir()
    for name, listed in {"train": "a\n", "val": "b\n", "readme": ""}.items():
        (tmp_path / f"list/{name}.txt").write_text(listed)
    notes = [n.message for n in converter.inspect(tmp_path).notes if n.code == "splits-unread"]
    assert notes == ["lists of splits count only with --split-from; this one would say what is train"] * noted
    converter.convert(tmp_path, tmp_path.with_suffix(".out"), to="coco", split_from=tmp_path / "list")
    if noted:
        assert {s.image.split for s in converter.open(tmp_path.with_suffix(".out"))} == {"train", "val"}


# ---------------------------------------------------------------- legends


COLORS = {"road": (128, 64, 128), "car": (0, 0, 142)}
LEGENDS = {
    "class_dict.csv": "name,r,g,b\nroad,128,64,128\ncar,0,0,142\n",
    "class_dict_seg.csv": "name, r, g, b\nroad, 128, 64, 128\ncar, 0, 0, 142\n",
    "label_class_dict.csv": "name,r,g,b\nroad,128,64,128\ncar,0,0,142\n",
    "labelmap.txt": "# label:color_rgb:parts:actions\nroad:128,64,128::\ncar:0,0,142::\n",
    "label_colors.txt": "128 64 128\t\troad\n0 0 142\t\tcar\n",
    "classes.json": '[{"id": 1, "name": "road", "color": "#804080"}, {"id": 2, "name": "car", "color": [0, 0, 142]}]',
    "dataset_meta.json": '{"labels": ["road", "car"], "label_map": {"0": "background", "1": "road", "2": "car"},'
    ' "segmentation_colors": [[0, 0, 0], [128, 64, 128], [0, 0, 142]], "background_label": "0"}',
}


def colored(root: Path, legend: str, content: str) -> None:
    pixels = np.zeros((*SIZE[::-1], 3), np.uint8)
    save(root / "images/a.png", pixels)
    for value, color in enumerate(COLORS.values(), 1):
        pixels[drawn(2) == value] = color
    save(root / "masks/a.png", pixels)
    (root / legend).write_text(content)


@pytest.mark.parametrize("legend", LEGENDS)
def test_colours_are_read_by_the_legend_beside_them(tmp_path, legend):
    colored(tmp_path, legend, LEGENDS[legend])
    dataset = converter.open(tmp_path)
    assert [c.name for c in dataset.classes] == list(COLORS)
    assert [labels(s) for s in dataset] == [drawn(2).tolist()]


@pytest.mark.parametrize(
    ("meta", "names"),
    [
        ({"label_map": {"0": "Background", "2": "car"}}, ["car"]),
        ({"labels": ["background", "road", "car"]}, ["road", "car"]),
        ({"author": "me"}, ["class_2"]),
    ],
)
def test_the_names_of_classes_in_a_dataset_meta_of_each_split(tmp_path, meta, names):
    for split in ("train", "val"):
        save(tmp_path / split / "images/a.png", np.zeros((*SIZE[::-1], 3), np.uint8))
        save(tmp_path / split / "masks/a.png", np.where(drawn(2), 2, 0).astype(np.uint8))
        (tmp_path / split / "dataset_meta.json").write_text(json.dumps(meta))
    assert [c.name for c in converter.open(tmp_path).classes] == names


@pytest.mark.parametrize("legend", ["class_dict.csv", "labelmap.txt", "label_colors.txt"])
def test_colours_are_read_by_a_legend_of_any_name(tmp_path, legend):
    name = f"mine{Path(legend).suffix}"
    colored(tmp_path / "set", name, LEGENDS[legend])
    assert [labels(s) for s in converter.open(tmp_path / "set", colors=tmp_path / "set" / name)] == [drawn(2).tolist()]


@pytest.mark.parametrize(
    "lines",
    [
        "0 void 0 0 0\n1 road 128 64 128\n2 big car 2 0 0 142\n",
        "Category r g b\nvoid 0 0 0\nroad\t128\t64\t128\nbig car 2 0 0 142\n",
        "void 0 0 0\n128 64 128 road\n0 0 142 big car 2\n",
    ],
)
def test_colours_may_stand_behind_the_names(tmp_path, lines):
    colored(tmp_path / "set", "map.txt", lines)
    dataset = converter.open(tmp_path / "set", colors=tmp_path / "set/map.txt")
    assert [c.name for c in dataset.classes if c.name != "void"] == ["road", "big car 2"]
    assert [labels(s) for s in dataset] == [drawn(2).tolist()]


def test_names_that_begin_with_numbers_keep_them(tmp_path):
    colored(tmp_path / "set", "map.txt", "4 wheeler 128 64 128\ncar 0 0 142\n")
    dataset = converter.open(tmp_path / "set", colors=tmp_path / "set/map.txt")
    assert [c.name for c in dataset.classes] == ["4 wheeler", "car"]


def test_the_classes_of_supervisely_are_a_legend(tmp_path):
    classes = [{"title": "road", "shape": "any", "color": "#804080"}, {"title": "car", "color": "#00008E"}]
    colored(tmp_path, "classes.json", json.dumps({"classes": classes, "tags": []}))
    dataset = converter.open(tmp_path)
    assert [c.name for c in dataset.classes] == ["road", "car"]
    assert [labels(s) for s in dataset] == [drawn(2).tolist()]


@pytest.mark.parametrize("legend", ["class_dict.csv", "mine.csv"])
def test_a_black_background_is_none_wherever_it_stands_in_a_legend(tmp_path, legend):
    colored(tmp_path / "set", legend, "name,r,g,b\nroad,128,64,128\nbackground,0,0,0\ncar,0,0,142\n")
    options = {"colors": tmp_path / "set" / legend} if legend == "mine.csv" else {}
    dataset = converter.open(tmp_path / "set", **options)
    assert [(c.id, c.name) for c in dataset.classes] == [(1, "road"), (2, "car")]
    assert [labels(s) for s in dataset] == [drawn(2).tolist()]


def test_ids_stay_those_of_a_legend_with_its_background_behind(tmp_path):
    save(tmp_path / "images/a.png", np.zeros((*SIZE[::-1], 3), np.uint8))
    save(tmp_path / "masks/a.png", drawn(2))
    (tmp_path / "class_dict.csv").write_text("name,r,g,b\nroad,128,64,128\nbackground,0,0,0\ncar,0,0,142\n")
    dataset = converter.open(tmp_path)
    assert [(c.id, c.name) for c in dataset.classes] == [(0, "road"), (1, "background"), (2, "car")]
    assert [labels(s) for s in dataset] == [drawn(2).tolist()]


def test_a_legend_may_be_by_colours(tmp_path):
    colored(tmp_path / "set", "none.md", "")
    (tmp_path / "class_list.json").write_text('{"#804080": "road", "#00008e": "car"}')
    dataset = converter.open(tmp_path / "set", colors=tmp_path / "class_list.json")
    assert [c.name for c in dataset.classes] == ["road", "car"]
    assert [labels(s) for s in dataset] == [drawn(2).tolist()]


def test_colours_of_the_web_are_a_legend(tmp_path):
    colored(tmp_path / "set", "none.md", "")
    (tmp_path / "legend.json").write_text('{"road": "#804080", "car": [0, 0, 142]}')
    dataset = converter.open(tmp_path / "set", colors=tmp_path / "legend.json")
    assert [labels(s) for s in dataset] == [drawn(2).tolist()]


@pytest.mark.parametrize(("line", "noted"), [("", 1), ("0 0 0 sky\n", 0), ("1 1 1 background\n", 0)])
def test_a_label_colors_without_black_leaves_0_to_the_background(tmp_path, line, noted):
    """Datumaro and CVAT write so where a set has no class for the background; the ids in masks begin at 1 then."""
    save(tmp_path / "train/a.png", np.zeros((*SIZE[::-1], 3), np.uint8))
    save(tmp_path / "trainannot/a.png", drawn(2))
    (tmp_path / "label_colors.txt").write_text(f"{line}128 64 128 traffic light\n0 0 142 car\n0 0 60 unused\n")
    dataset = converter.open(tmp_path)
    names = {c.id: c.name for c in dataset.classes}
    assert (names[1], names[2]) == ("traffic light", "car")
    assert [labels(s) for s in dataset] == [drawn(2).tolist()]
    notes = [n for n in converter.inspect(tmp_path).notes if n.code == "background-added"]
    assert len(notes) == noted


@pytest.mark.parametrize("legend", ["class_dict.csv", "classes.json"])
def test_ids_are_those_of_the_legend_where_masks_are_no_colours(tmp_path, legend):
    """Only where pixels are colours has black to be left an id: there nothing says 0 of it."""
    save(tmp_path / "images/a.png", np.zeros((*SIZE[::-1], 3), np.uint8))
    save(tmp_path / "masks/a.png", drawn(2))
    rows = {"road": (128, 64, 128), "car": (0, 0, 142), "sky": (70, 130, 180)}
    table = [{"id": i, "name": name, "color": rgb} for i, (name, rgb) in enumerate(rows.items())]
    lines = ["name,r,g,b", *(f"{name},{r},{g},{b}" for name, (r, g, b) in rows.items())]
    (tmp_path / legend).write_text(json.dumps(table) if legend.endswith("json") else "\n".join(lines))
    dataset = converter.open(tmp_path)
    assert [(c.id, c.name) for c in dataset.classes] == list(enumerate(rows))
    assert [labels(s) for s in dataset] == [drawn(2).tolist()]


def test_a_legend_for_masks_without_colours_only_names_them(tmp_path):
    save(tmp_path / "images/a.png", np.zeros((*SIZE[::-1], 3), np.uint8))
    save(tmp_path / "masks/a.png", drawn(2))
    (tmp_path / "legend.json").write_text('{"road": [128, 64, 128], "car": [0, 0, 142]}')
    notes = converter.inspect(tmp_path, colors=tmp_path / "legend.json").notes
    assert [n.message for n in notes] == ["no mask is in colours: --colors only names ids (1 road, 2 car)"]


@pytest.mark.parametrize(
    ("grays", "lines", "names"),
    [
        ([0, 255, 255], "none:0,0,0::\nroad:255,255,255::\n", {0: "none", 255: "road"}),
        ([0, 100, 200], "background:0,0,0::\nroad:100,100,100::\ncar:200,200,200::\n", {100: "road", 200: "car"}),
        ([0, 255, 255], "road:255,255,255::\n", {255: "road"}),
        ([0, 1, 2], "background:0,0,0::\ncar:2,2,2::\nroad:1,1,1::\n", {1: "car", 2: "road"}),
        ([0, 1, 1], "background:0,0,0::\nroad:255,255,255::\n", {1: "road"}),
    ],
)
def test_grays_that_are_no_ids_are_colours_of_the_legend(grays, lines, names, tmp_path):
    values = np.asarray(grays, np.uint8)[drawn(2)]
    save(tmp_path / "images/a.png", np.zeros((*SIZE[::-1], 3), np.uint8))
    save(tmp_path / "masks/a.png", values)
    (tmp_path / "labelmap.txt").write_text(lines)
    dataset = converter.open(tmp_path)
    told = {c.id: c.name for c in dataset.classes}
    (sample,) = dataset
    assert sample.labels is not None
    found = set(zip(values.ravel().tolist(), sample.labels.ravel().tolist(), strict=True))
    assert {value: told[id] for value, id in found if id in told} == names


def test_grays_of_which_some_are_no_colours_are_ids(tmp_path, capfd):
    save(tmp_path / "images/a.png", np.zeros((*SIZE[::-1], 3), np.uint8))
    save(tmp_path / "masks/a.png", np.asarray([0, 7, 255], np.uint8)[drawn(2)])
    (tmp_path / "labelmap.txt").write_text("background:0,0,0::\nroad:255,255,255::\n")
    assert "class 7 is used and not declared" in segpack_here(capfd, "inspect", tmp_path).error


RED, BLUE = [0, 0, 0, 255, 0, 0, 0, 0, 255], [0, 0, 0, 0, 0, 255, 255, 0, 0]


@pytest.mark.parametrize(
    ("palettes", "legend", "said"),
    [
        ([RED, RED], "", None),
        ([RED, RED], "none:0,0,0::\nred:255,0,0::\nblue:0,0,255::\n", None),
        ([RED, RED], "none:0,0,0::\nblue:0,0,255::\nred:255,0,0::\n", "and the legend gives that to class 2"),
        ([RED, BLUE], "", "masks/0.png it is 255,0,0"),
    ],
)
def test_palettes_that_contradict_values_are_told(tmp_path, palettes, legend, said):
    for number, palette in enumerate(palettes):
        save(tmp_path / f"images/{number}.jpg", np.zeros((*SIZE[::-1], 3), np.uint8))
        mask = Image.fromarray(drawn(2)).convert("P")
        mask.putpalette(palette)
        (tmp_path / "masks").mkdir(exist_ok=True)
        mask.save(tmp_path / f"masks/{number}.png")
    if legend:
        (tmp_path / "labelmap.txt").write_text(legend)
    assert [labels(s) for s in converter.open(tmp_path)] == [drawn(2).tolist()] * 2
    notes = [n.message for n in converter.inspect(tmp_path).notes if n.code == "palette-mask"]
    assert [said in n for n in notes] == ([True] if said else [])


def test_colours_without_a_legend_are_listed(tmp_path, capfd):
    colored(tmp_path / "set", "none.md", "")
    run = segpack_here(capfd, "convert", tmp_path / "set", tmp_path / "out", "--to", "coco")
    assert "masks/a.png: pixels are colours (0,0,0; 0,0,142; 128,64,128), and nothing says which class" in run.error


def test_a_colour_of_two_classes_tells_neither(tmp_path, capfd):
    colored(tmp_path, "labelmap.txt", LEGENDS["labelmap.txt"] + "truck:0,0,142::\n")
    run = segpack_here(capfd, "convert", tmp_path, tmp_path.parent / "out", "--to", "coco")
    assert run.code == 2
    assert "0,0,142 is that of two classes" in run.error


@pytest.mark.parametrize(("values", "is_told"), [(1, False), (2, True)])
def test_values_without_names_may_number_objects(tmp_path, capfd, values, is_told):
    save(tmp_path / "images/a.png", np.zeros((*SIZE[::-1], 3), np.uint8))
    save(tmp_path / "masks/a.png", np.minimum(drawn(2), values))
    run = segpack_here(capfd, "inspect", tmp_path)
    assert ("if the values number objects, read them with --from instance-map" in run.err) == is_told


@pytest.mark.parametrize(("shades", "is_told"), [(list(range(0, 256, 5)), True), ([0, 64, 128, 255], False)])
def test_shades_without_names_may_be_soft_edges(tmp_path, capfd, shades, is_told):
    save(tmp_path / "images/a.png", np.zeros((*SIZE[::-1], 3), np.uint8))
    save(tmp_path / "masks/a.png", np.resize(np.asarray(shades, np.uint8), SIZE[::-1]))
    run = segpack_here(capfd, "inspect", tmp_path)
    assert ("if black and white with soft edges is meant, save the masks cut at 128" in run.err) == is_told


@pytest.mark.parametrize(("first", "is_refused"), [((128, 64, 128), True), ((0, 0, 0), False)])
def test_masks_in_colours_beside_masks_of_ids(tmp_path, capfd, first, is_refused):
    """Without black in the legend 0 is background in the one kind, and a class in the other."""
    colors = np.array([first, (0, 0, 142)], np.uint8)
    ids = (drawn(2) > 0).astype(np.uint8)
    for name, pixels in (("a", ids), ("b", colors[ids])):
        save(tmp_path / f"set/images/{name}.png", np.zeros((*SIZE[::-1], 3), np.uint8))
        save(tmp_path / f"set/masks/{name}.png", pixels)
    legend = [{"id": i, "name": f"class {i}", "color": color} for i, color in enumerate(colors.tolist())]
    (tmp_path / "set/classes.json").write_text(json.dumps(legend))
    if is_refused:
        assert "0 is two things; save all masks in one way" in segpack_here(capfd, "inspect", tmp_path / "set").error
    else:
        assert [labels(s) for s in converter.open(tmp_path / "set")] == [ids.tolist()] * 2


def test_fractions_are_no_colours_of_classes(tmp_path, capfd):
    """As whole numbers they would all be black."""
    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    for folder in ("images", "masks"):
        Image.new("L", (9, 8), 1).save(tmp_path / folder / "a.png")
    (tmp_path / "classes.json").write_text('[{"id": 1, "name": "cup", "color": [0.5, 0.2, 0.9]}]')
    run = segpack_here(capfd, "inspect", tmp_path)
    assert "the colour [0.5, 0.2, 0.9] is not three whole numbers" in run.error
