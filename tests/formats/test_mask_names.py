"""Masks of single objects are given to their images, and to classes, by what they are called."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import converter
from converter.errors import DetectionError
from converter.layouts.mask_names import find_names
from converter.pipeline.opening import detect
from converter.storage import Source, open_source
from tests.support import save, segpack_here

SIZE = (12, 10)
IMAGES = ("a", "b_1", "b_1_2")
# Image -> its objects, by number and class.
OBJECTS = [(0, "cat"), (1, "traffic_light"), (2, "cat")]
TREES = {
    "images/{image}.jpg": "masks/{image}_{number}.png",
    "images/train/{image}.jpg": "masks/train/{image}-{number}.png",
    "train/images/{image}.png": "train/masks/{image}/{number}.png",
    "train2017/{image}.jpg": "masks/train2017/{image}/mask_{number}.png",
    "Images/{image}.bmp": "Masks/{image}/object{number}.bmp",
    "img/{image}.png": "annotations/{image}/{image}_{number}.png",
    "{image}.jpg": "{image}_mask{number}.png",
    "photos/{image}_img.jpg": "gt/{image} ({number}).png",
    "images/img_7{image}.png": "instance_masks/img_7{image}/{number}.png",
    "{image}/image.png": "{image}/mask_{number}.png",
    "images/{image}.tif": "labels/mask_{image}_{number}.tif",
    "{image}/{image}.png": "{image}/masks/{number}.png",
    "images/image_{image}.jpg": "masks/mask_{image}_{number}.png",
    "images/of {image}.jpg": "masks/{number}_of {image}.png",
    "images/cell {image}.png": "masks/cell {image}_cp_masks_{number}.png",
    "images/road {image}.png": "masks/road {image}_ground_truth_{number}.png",
    "images/IMG_{image}.JPG": "masks/img_{image}_{number}.png",
    "images/Img_{image}.jpg": "masks/IMG_{image}/{number}.png",
    "images/B\u00e4r {image}.jpg": "masks/Ba\u0308r {image}_{number}.png",
}
CLASSED = {
    "images/{image}.jpg": "masks/{image}_{label}_{number}.png",
    "images/{image}.png": "masks/{image}/{label}{number}.png",
    "images/val/{image}.jpg": "masks/val/{image}/{label}/{number}.png",
    "train/images/{image}.jpg": "train/masks/{label}/{image}_{number}.png",
    "photos/{image}.jpg": "gt/{image}/{number}_{label}_mask.png",
    "{image}.jpg": "{image}_mask_{label}_{number}.png",
    "images/to {image}.bmp": "masks/{label}-{number}-to {image}.png",
    "CXR_png/{image}.jpg": "ManualMask/{label}/{image}_{number}.png",
    "images/{image}.tif": "masks_{label}/{image}_{number}.png",
    "scans/{image}.jpg": "organ_masks/{image}-{label}-{number}.png",
}


def drawn(image: str, number: int) -> np.ndarray:
    """A mask that no other object of the set has."""
    values = np.zeros(SIZE[::-1], np.uint8)
    values[number, IMAGES.index(image) : 9] = 255
    return values


def photo(path: Path) -> None:
    save(path, np.zeros((*SIZE[::-1], 3), np.uint8))


def laid_out(root: Path, images: str, masks: str) -> None:
    for image in IMAGES:
        photo(root / images.format(image=image))
        for number, label in OBJECTS:
            save(root / masks.format(image=image, number=number, label=label), drawn(image, number))


def pixels(dataset: converter.Dataset) -> dict[str, list[tuple[str, list[list[bool]]]]]:
    """Of each image of a set, the class and the mask of each object."""
    found = {}
    for sample in dataset:
        name = next(n for n in reversed(IMAGES) if n in sample.image.name)
        found[name] = sorted((i.class_name, i.mask().astype(bool).tolist()) for i in sample.instances)
    return found


def wanted(image: str, *, classed: bool) -> list[tuple[str, list[list[bool]]]]:
    return sorted((label if classed else "object", (drawn(image, number) > 0).tolist()) for number, label in OBJECTS)


@pytest.mark.parametrize("images", TREES)
def test_a_mask_goes_to_the_image_that_it_is_called_by(tmp_path, images):
    laid_out(tmp_path, images, TREES[images])
    dataset = converter.open(tmp_path)
    assert dataset.format == "instance-png"
    assert dataset.splits == (("train",) if "train" in images else ())
    assert pixels(dataset) == {image: wanted(image, classed=False) for image in IMAGES}


@pytest.mark.parametrize("images", CLASSED)
def test_words_that_many_masks_share_are_classes(tmp_path, images):
    laid_out(tmp_path / "set", images, CLASSED[images])
    dataset = converter.open(tmp_path / "set")
    assert pixels(dataset) == {image: wanted(image, classed=True) for image in IMAGES}
    result = converter.convert(tmp_path / "set", tmp_path / "out", to="coco")
    assert [n.code for n in result.notes] == ["classes-from-names"]
    assert result.losses == []
    one = converter.open(tmp_path / "set", class_name="thing")
    assert [c.name for c in one.classes] == ["thing"]


def test_the_same_in_an_archive(tmp_path):
    images, masks = next(iter(CLASSED.items()))
    laid_out(tmp_path / "set", images, masks)
    packed = shutil.make_archive(str(tmp_path / "packed"), "zip", tmp_path / "set")
    assert pixels(converter.open(packed)) == pixels(converter.open(tmp_path / "set"))


@pytest.mark.parametrize("format", [None, "instance-png"])
def test_images_may_lie_apart(tmp_path, format):
    laid_out(tmp_path, "photos/{image}.jpg", "truth/{image}_{number}.png")
    dataset = converter.open(tmp_path / "truth", images=tmp_path / "photos", format=format)
    assert dataset.format == "instance-png"
    assert pixels(dataset) == {image: wanted(image, classed=False) for image in IMAGES}


def test_images_are_no_masks_of_themselves(tmp_path):
    for image in IMAGES:
        save(tmp_path / f"photos/{image}.png", drawn(image, 1))
    with pytest.raises(DetectionError, match="no known format fits it"):
        converter.open(tmp_path / "photos", images=tmp_path / "photos")


def test_a_folder_a_class_is_read_with_one_object_an_image(tmp_path):
    for image, label in zip(IMAGES, ("cat", "dog", "cat"), strict=True):
        photo(tmp_path / f"images/{image}.jpg")
        save(tmp_path / f"masks/{label}/{image}.png", drawn(image, 1))
    assert [[i.class_name for i in s.instances] for s in converter.open(tmp_path)] == [["cat"], ["dog"], ["cat"]]


def test_folders_that_are_numbers_are_of_whatever_has_more_images(tmp_path):
    for number in range(1, 7):
        photo(tmp_path / f"images/{number}.jpg")
        for folder in (1, 2):
            save(tmp_path / f"masks/{folder}/{number}.png", drawn("a", number))
    dataset = converter.open(tmp_path)
    assert [(c.id, c.name) for c in dataset.classes] == [(1, "class_1"), (2, "class_2")]
    assert [[i.class_id for i in s.instances] for s in dataset] == [[1, 2]] * 6


def test_folders_that_hold_a_part_of_all_masks_are_neither_images_nor_classes(tmp_path):
    """As CelebAMask-HQ has them: a number with zeros before it names the image."""
    for number in range(4):
        photo(tmp_path / f"CelebA-HQ-img/{number}.jpg")
        for part, label in enumerate(("hair", "l_eye", "r_eye")):
            save(tmp_path / f"CelebAMask-HQ-mask-anno/{number // 2}/{number:05}_{label}.png", drawn("a", part))
    dataset = converter.open(tmp_path)
    assert [c.name for c in dataset.classes] == ["hair", "l_eye", "r_eye"]
    assert [[i.class_name for i in s.instances] for s in dataset] == [["hair", "l_eye", "r_eye"]] * 4


def test_a_folder_of_masks_of_a_class_is_called_by_the_class(tmp_path):
    """As the lungs of Montgomery County have them."""
    for image in IMAGES:
        photo(tmp_path / f"CXR_png/{image}.png")
        for number, side in enumerate(("left", "right")):
            save(tmp_path / f"ManualMask/{side}Mask/{image}.png", drawn(image, number))
    assert [[i.class_name for i in s.instances] for s in converter.open(tmp_path)] == [["left", "right"]] * 3


@pytest.mark.parametrize("names", [("3fa9", "77be", "c0de"), ("x", "y1", "q"), ("1", "2", "mask3")])
def test_names_that_no_other_mask_has_are_no_classes(tmp_path, names):
    photo(tmp_path / "images/a.jpg")
    for number, name in enumerate(names):
        save(tmp_path / f"masks/a/{name}.png", drawn("a", number))
    assert [c.name for c in converter.open(tmp_path).classes] == ["object"]


@pytest.mark.parametrize(
    ("lines", "wanted"),
    [
        ("background\ndog\ntraffic_light\ncat\n", [(1, "dog"), (2, "traffic_light"), (3, "cat")]),
        ("traffic_light\ncat\ndog\n", [(0, "traffic_light"), (1, "cat"), (2, "dog")]),
        ("background\ncat\n", [(1, "cat"), (2, "traffic_light")]),  # it lacks one
    ],
)
def test_a_class_file_says_the_ids_of_names(tmp_path, lines, wanted):
    laid_out(tmp_path, *next(iter(CLASSED.items())))
    (tmp_path / "classes.txt").write_text(lines)
    assert [(c.id, c.name) for c in converter.open(tmp_path).classes] == wanted


def test_words_that_may_be_classes_are_told(tmp_path):
    photo(tmp_path / "images/a.jpg")
    for number, name in enumerate(("cat", "dog")):
        save(tmp_path / f"masks/a/{name}.png", drawn("a", number))
    (note,) = converter.inspect(tmp_path).notes
    assert note.code == "class-names-unknown"
    assert "cat, dog" in note.message
    assert "--masks" in note.message
    assert converter.inspect(tmp_path, class_name="pet").notes == []
    dataset = converter.open(tmp_path, masks="masks/{image}/{class}.png")
    assert [c.name for c in dataset.classes] == ["cat", "dog"]


def test_an_image_without_masks_stays_and_a_mask_without_an_image_is_told(tmp_path):
    laid_out(tmp_path / "set", "images/{image}.jpg", "masks/{image}_{number}.png")
    photo(tmp_path / "set/images/c.jpg")
    save(tmp_path / "set/masks/d_0.png", drawn("a", 0))
    result = converter.convert(tmp_path / "set", tmp_path / "out", to="coco")
    assert (result.images, result.instances) == (4, 9)
    assert [(x.code, x.image) for x in result.losses] == [("orphan-mask", "masks/d_0.png")]


def test_an_image_called_as_another_is_of_no_mask(tmp_path):
    laid_out(tmp_path / "set", "images/{image}.jpg", "masks/{image}_{number}.png")
    photo(tmp_path / "set/images/a.png")
    result = converter.convert(tmp_path / "set", tmp_path / "out", to="coco")
    assert {x.image for x in result.losses} == {f"masks/a_{number}.png" for number, _ in OBJECTS}


def test_maps_and_views_of_all_objects_are_no_masks_of_one(tmp_path, capfd):
    labels = drawn("a", 0) // 255 + drawn("a", 1) // 255 * 2
    for image in ("a", "b"):
        photo(tmp_path / f"plant/{image}_rgb.png")
        save(tmp_path / f"plant/{image}_label.png", labels)
        save(tmp_path / f"plant/{image}_fg.png", (labels > 0).astype(np.uint8) * 255)
        photo(tmp_path / f"views/images/{image}.png")
        save(tmp_path / f"views/masks/{image}.png", (labels > 0).astype(np.uint8) * 255)
        save(tmp_path / f"views/masks/{image}_overlay.png", (labels > 0).astype(np.uint8) * 255)
        photo(tmp_path / f"kinds/Image/{image}.png")
        for kind in ("GT_Edge", "GT_Object"):
            save(tmp_path / f"kinds/{kind}/{image}.png", (labels > 0).astype(np.uint8) * 255)
    assert "has two masks" in segpack_here(capfd, "inspect", tmp_path / "kinds").error
    assert [c.id for c in converter.open(tmp_path / "plant").classes] == [1, 2]
    assert converter.open(tmp_path / "views").format == "semantic-png"
    run = segpack_here(capfd, "convert", tmp_path / "views", tmp_path / "out", "--to", "coco")
    assert "masks/a_overlay.png: no image belongs to this mask" in run.err + run.out


@pytest.mark.parametrize("view", ["overlay", "visualization", "visualisation"])
def test_a_folder_of_views_is_no_class(view, tmp_path, capfd):
    for image in IMAGES:
        photo(tmp_path / f"images/{image}.jpg")
        for folder in ("cat", view):
            save(tmp_path / f"masks/{folder}/{image}.png", drawn(image, 1))
    assert "has two masks" in segpack_here(capfd, "inspect", tmp_path).error


@pytest.mark.parametrize("ending", ["tif", "gif", "jpg"])
def test_looking_at_masks_leaves_to_workers_what_is_theirs(tmp_path, ending, monkeypatch):
    laid_out(tmp_path / "objects", "images/{image}.png", f"masks/{{image}}_{{number}}.{ending}")
    for number in range(3):
        save(tmp_path / f"beside/{number}.jpeg", np.zeros((*SIZE[::-1], 3), np.uint8))
        save(tmp_path / f"beside/{number}.{ending}", drawn("a", number))
    monkeypatch.setattr(PIL.Image, "open", lambda *_: pytest.fail("Pillow was asked"))
    assert detect(open_source(tmp_path / "objects"))[0].name == "instance-png"
    with pytest.raises(DetectionError):
        detect(open_source(tmp_path / "beside"))


def test_what_was_predicted_beside_masks_is_none_of_them(tmp_path):
    for image in ("a", "b"):
        photo(tmp_path / f"set/images/{image}.png")
        for name in (image, f"{image}_predicted"):
            save(tmp_path / f"set/masks/{name}.png", drawn("a", 2 * len(name) % 9))
    result = converter.convert(tmp_path / "set", tmp_path / "out", to="coco")
    assert (result.source_format, result.instances) == ("semantic-png", 2)
    assert [x.image for x in result.losses] == ["masks/a_predicted.png", "masks/b_predicted.png"]


def test_a_set_with_other_annotations_is_read_by_those(tmp_path):
    laid_out(tmp_path / "set", "images/{image}.jpg", "masks/{image}_{label}_{number}.png")
    converter.convert(tmp_path / "set", tmp_path / "coco", to="coco")
    shutil.copytree(tmp_path / "set/masks", tmp_path / "coco/masks")
    assert converter.open(tmp_path / "coco").format == "coco"


FORMS = (
    "masks/{split}{image}_{number}.png",
    "masks/{split}{image}-{label}-{number}.png",
    "masks/{split}{image}/{number}.png",
    "masks/{split}{image}/{label} {number}.png",
    "masks/{split}{label}/{image}.{number}.png",
    "masks/{split}{label} {number} of {image}.png",
)
NAMES = st.lists(st.sampled_from(["a", "b7", "12", "003", "Ä", "scan", "9z"]), min_size=1, max_size=3)


@given(st.data(), st.sampled_from(FORMS), st.sampled_from(["", "train/", "val/sub/"]))
def test_every_mask_goes_to_its_image_where_no_name_begins_with_another(data, form, split):
    names = data.draw(st.lists(NAMES.map("_".join), min_size=2, max_size=8, unique=True))
    images = [n for n in names if not any(n.startswith(f"{other}_") for other in names)]
    numbers = [n.lstrip("0") for n in images]
    assume(len(set(numbers)) == len(numbers))
    wanted = {}
    for image in images:
        for number in range(data.draw(st.integers(1, 3))):
            label = data.draw(st.sampled_from(["cat", "traffic light"]))
            mask = form.format(split=split, image=image, number=number, label=label)
            wanted[mask] = f"images/{split}{image}.jpg"
    files = [f"images/{split}{image}.jpg" for image in images]
    found = find_names(*[Listed([*files, *wanted])] * 2)
    assert found is not None
    assert {mask.path: mask.image for mask in found.masks} == wanted


class Listed(Source):
    """A source of nothing but names."""

    def __init__(self, names: list[str]) -> None:
        self.listing = sorted(names)

    def names(self) -> list[str]:
        return self.listing

    def known(self, make: Any) -> Any:
        return make(self)


def test_what_has_no_masks_by_any_name_is_refused(tmp_path, capfd):
    photo(tmp_path / "set/images/a.png")
    save(tmp_path / "set/masks/other.png", drawn("a", 0))
    run = segpack_here(capfd, "convert", tmp_path / "set", tmp_path / "out", "--to", "coco", "--from", "instance-png")
    assert run.code == 2
    assert "no masks with the names of images" in run.error
    assert not (tmp_path / "out").exists()


def test_a_set_without_objects_or_classes_is_told_of(tmp_path):
    photo(tmp_path / "set/images/a.png")
    save(tmp_path / "set/masks/a.png", np.zeros(SIZE[::-1], np.uint8))
    result = converter.convert(tmp_path / "set", tmp_path / "out", to="coco")
    assert "nothing-drawn" in [note.code for note in result.notes]
