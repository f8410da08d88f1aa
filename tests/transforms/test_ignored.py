"""Pixels that are to be left out of training: they stay so wherever a format can say it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from converter import api
from converter.errors import UsageError
from tests.transforms.sets import CocoSet, code, photo, random_set

NAMES = {0: "sky", 1: "car", 2: "dog"}


def pixels(path: Path) -> NDArray[Any]:
    with Image.open(path) as image:
        return np.asarray(image)


def region_set(folder: Path) -> tuple[str, NDArray[np.bool_], NDArray[np.bool_]]:
    """An image (20, 30) with one object, and around it pixels that are to be ignored."""
    made = CocoSet(folder, ("car",))
    car, void = np.zeros((20, 30), bool), np.zeros((20, 30), bool)
    car[5:10, 5:12] = True
    void[3:12, 3:14] = True
    id = made.image("a.png", photo(20, 30))
    made.top["images"][-1]["ignore_region"] = code(void & ~car)
    made.draw(id, code(car))
    return made.save(), car, void


@pytest.mark.parametrize("to", ["coco", "coco-panoptic", "lvis"])
def test_a_label_map_comes_back_from_formats_of_objects(tmp_path: Path, to: str) -> None:
    source, labels = random_set(tmp_path / "in", NAMES, values=[0, 1, 2, 255])
    there = api.convert(source, tmp_path / "there", to=to)
    back = api.convert(tmp_path / "there", tmp_path / "back", to="semantic-png")
    assert not there.losses
    assert not back.losses
    np.testing.assert_array_equal(pixels(tmp_path / "back/masks/a.png"), labels)
    meta = json.loads((tmp_path / "back/meta.json").read_text())
    assert (meta["background_id"], meta["ignore_id"]) == (None, 255)


@pytest.mark.parametrize("between", ["coco", "labelme", "voc"])
def test_regions_among_objects_are_255_in_a_label_map(tmp_path: Path, between: str) -> None:
    source, car, void = region_set(tmp_path / "in")
    api.convert(source, tmp_path / "there", to=between)
    found = api.convert(tmp_path / "there", tmp_path / "out", to="semantic-png")
    assert not found.losses
    wanted = np.where(car, 1, np.where(void, 255, 0))
    np.testing.assert_array_equal(pixels(tmp_path / "out/masks/a.png"), wanted)
    assert json.loads((tmp_path / "out/meta.json").read_text())["ignore_id"] == 255
    assert api.check(tmp_path / "out").ok
    assert api.diff(source, tmp_path / "out").equal


def test_where_nothing_is_to_be_ignored_nothing_says_so(tmp_path: Path) -> None:
    made = CocoSet(tmp_path / "in", ("car",))
    made.draw(made.image("a.png", photo(20, 30)), [[2, 2, 9, 2, 9, 9]])
    api.convert(made.save(), tmp_path / "out", to="semantic-png")
    assert json.loads((tmp_path / "out/meta.json").read_text())["ignore_id"] is None


def test_what_lies_under_them_is_a_loss(tmp_path: Path) -> None:
    source, car, void = region_set(tmp_path / "in")
    top = json.loads((Path(source) / "coco.json").read_text())
    top["images"][0]["ignore_region"] = code(void)
    (Path(source) / "coco.json").write_text(json.dumps(top))
    found = api.convert(source, tmp_path / "out", to="semantic-png")
    assert [(loss.code, loss.amount) for loss in found.losses] == [("overlap-hidden", car.sum())]
    np.testing.assert_array_equal(pixels(tmp_path / "out/masks/a.png"), np.where(void, 255, 0))


def test_a_class_255_leaves_no_value_for_them(tmp_path: Path) -> None:
    source, _, _ = region_set(tmp_path / "in")
    top = json.loads((Path(source) / "coco.json").read_text())
    top["categories"][0]["id"] = top["annotations"][0]["category_id"] = 255
    (Path(source) / "coco.json").write_text(json.dumps(top))
    found = api.convert(source, tmp_path / "out", to="semantic-png")
    assert {loss.code for loss in found.losses} == {"ignore-dropped"}
    assert set(np.unique(pixels(tmp_path / "out/masks/a.png")).tolist()) == {0, 255}
    assert api.check(tmp_path / "out").ok


def test_a_package_of_classes_says_it_in_all_its_encodings(tmp_path: Path) -> None:
    source, car, void = region_set(tmp_path / "in")
    api.pack(source, tmp_path / "out", mask_encoding="multi-class")
    assert json.loads((tmp_path / "out/meta.json").read_text())["ignore_id"] == 255
    [image] = json.loads((tmp_path / "out/coco/coco.json").read_text())["images"]
    assert image["ignore_region"] == code(void & ~car)
    assert api.check(tmp_path / "out").ok


def test_masks_in_colours_have_one_for_them(tmp_path: Path) -> None:
    source, car, void = region_set(tmp_path / "in")
    api.convert(source, tmp_path / "out", to="color-png")
    legend = {e["name"]: e["color"] for e in json.loads((tmp_path / "out/classes.json").read_text())}
    assert legend["ignore"] == [224, 224, 192]
    found = pixels(tmp_path / "out/masks/a.png")
    np.testing.assert_array_equal((found == legend["ignore"]).all(-1), void & ~car)
    assert api.diff(source, tmp_path / "out").equal


@pytest.mark.parametrize("form", ["coco", "multi-class", "rle"])
@pytest.mark.parametrize("to", ["semantic-png", "color-png", "pack"])
def test_a_margin_of_merged_sets_stays_to_be_ignored_when_they_are_apart(tmp_path: Path, form: str, to: str) -> None:
    """No set declares what is to be ignored; the margin of a letterbox is, and each set alone has to say so."""
    one, _ = random_set(tmp_path / "one", NAMES, values=[0, 1, 2])
    two, _ = random_set(tmp_path / "two", {0: "sky", 7: "owl"}, 1, [0, 7])
    how: dict[str, Any] = {"resize": "40x40", "resize_mode": "letterbox"}
    if form == "coco":
        api.merge([one, two], tmp_path / "merged", to="coco", **how)
    else:
        api.pack([one, two], tmp_path / "merged", mask_encoding=form, **how)  # type: ignore[arg-type]
    target, only = tmp_path / "out", ["source=two"]
    if to == "pack":
        api.pack(tmp_path / "merged", target, filter=only)
    else:
        api.convert(tmp_path / "merged", target, to=to, filter=only)
    assert api.check(target).ok
    [sample] = api.open(target)
    assert sample.labels is not None
    assert (sample.labels == 255).sum() == 40 * 40 - 40 * 27
    assert [c.name for c in api.open(target).classes] == ["sky", "owl"]


def test_no_value_is_left_for_pixels_without_a_class(tmp_path: Path) -> None:
    """Every pixel has a class, also in what a hand took away from the COCO file of it, and 255 is one."""
    source, _ = random_set(tmp_path / "in", {0: "sky", 255: "car"}, values=[0, 255])
    api.convert(source, tmp_path / "coco", to="coco")
    file = tmp_path / "coco/coco.json"
    top = json.loads(file.read_text())
    top["annotations"].pop()
    file.write_text(json.dumps(top))
    with pytest.raises(UsageError, match="255, which would say that they are to be ignored, is 'car'"):
        api.convert(file, tmp_path / "out", to="semantic-png")


@pytest.mark.parametrize(("kind", "ignored"), [(np.uint8, True), (np.uint16, False)])
def test_only_in_eight_bits_255_is_to_be_ignored_unless_it_is_declared(
    tmp_path: Path, kind: Any, ignored: bool
) -> None:
    source, labels = random_set(tmp_path / "in", {0: "sky", 1: "car"}, values=[0, 1, 255])
    Image.fromarray(labels.astype(kind)).save(tmp_path / "in/masks/a.png")
    (tmp_path / "in/classes.json").unlink()
    found = api.convert(source, tmp_path / "out", to="semantic-png")
    assert [c.name for c in found.classes] == (["class_1"] if ignored else ["class_1", "class_255"])
    assert ("ignore-255" in {note.code for note in found.notes}) == ignored
    np.testing.assert_array_equal(pixels(tmp_path / "out/masks/a.png"), labels)


def test_pixels_without_a_class_are_counted_beside_those_that_are_to_be_ignored(tmp_path: Path) -> None:
    """Every pixel has a class but for what a hand took away, and a region to be ignored lies over some of them."""
    source, labels = random_set(tmp_path / "in", NAMES, values=[0, 1, 2])
    api.convert(source, tmp_path / "coco", to="coco")
    file = tmp_path / "coco/coco.json"
    top = json.loads(file.read_text())
    gone = next(a for a in top["annotations"] if a["category_id"] == 2)
    top["annotations"].remove(gone)
    region = np.zeros(labels.shape, bool)
    region[:10] = True
    top["images"][0]["ignore_region"] = code(region)
    file.write_text(json.dumps(top))
    found = api.convert(file, tmp_path / "out", to="semantic-png")
    amounts = {loss.code: loss.amount for loss in found.losses}
    assert amounts == {"unlabelled": (labels[10:] == 2).sum(), "overlap-hidden": (labels[:10] != 2).sum()}
    wanted = np.where(region | (labels == 2), 255, labels)
    np.testing.assert_array_equal(pixels(tmp_path / "out/masks/a.png"), wanted)
