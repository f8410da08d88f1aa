"""One defect of every code put into a sound set: it is found at its file and object, and nothing else is."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import converter
from converter.checks.catalog import CATALOG
from tests.checks import small

Spoil = Callable[[Path], Any]
JSON = "coco.json"


def change(id: int, **values: Any) -> Spoil:
    """Change an annotation."""
    return lambda root: small.edit(root, lambda c: small.annotation(c, id).update(values))


def add(id: int, **values: Any) -> Spoil:
    """Add a copy of annotation 11 with other values."""
    return lambda root: small.edit(
        root, lambda c: c["annotations"].append({**small.annotation(c, 11), "id": id, **values})
    )


def top(act: Callable[[Any], Any]) -> Spoil:
    return lambda root: small.edit(root, act)


def drop_annotations(image: int) -> Spoil:
    def act(content: Any) -> None:
        content["annotations"] = [a for a in content["annotations"] if a["image_id"] != image]

    return top(act)


def cut(root: Path) -> None:
    path = root / "images/2.png"
    path.write_bytes(path.read_bytes()[:3000])


def turned(root: Path) -> None:
    path = root / "images/2.png"
    exif = Image.Exif()
    exif[0x0112] = 3
    Image.open(path).save(path, exif=exif)


def another(root: Path) -> None:
    Image.fromarray(small.picture(9)).save(root / "images/9.png")


def twin(root: Path) -> None:
    shutil.copy(root / "images/1.png", root / "images/2.png")


def cropped(root: Path) -> None:
    Image.fromarray(small.picture(2)[:-3]).save(root / "images/2.png")


BEYOND = {**small.square(80, 45, 19, 25), "bbox": [80, 45, 16, 25], "area": 400}
PARTS = [[72, 45, 80, 45, 80, 53, 72, 53], [72, 60, 80, 60, 80, 68, 72, 68]]
SIZE = [small.HEIGHT, small.WIDTH]
COCO: dict[str, tuple[Spoil, tuple[str, int | None, str]]] = {
    "size-mismatch": (cropped, ("2.png", None, "images/2.png")),
    "exif-orientation": (turned, ("2.png", None, "images/2.png")),
    "out-of-bounds": (change(23, **BEYOND), ("2.png", 23, JSON)),
    "empty-mask": (change(23, segmentation=[], bbox=[0, 0, 0, 0], area=0), ("2.png", 23, JSON)),
    "no-annotations": (drop_annotations(2), ("2.png", None, JSON)),
    "tiny-instance": (change(23, **small.square(80, 60, 3, 3)), ("2.png", 23, JSON)),
    "unmapped-class": (change(23, category_id=9), ("2.png", 23, JSON)),
    "duplicate-class-name": (top(lambda c: c["categories"][1].update(name="cat")), ("", None, JSON)),
    "unused-class": (top(lambda c: c["categories"].append({"id": 3, "name": "bird"})), ("", None, "")),
    "overlap": (add(99, **small.square(15, 10, 20, 20)), ("1.png", 11, JSON)),
    "duplicate-instance": (add(99), ("1.png", 99, JSON)),
    "disconnected-instance": (change(23, segmentation=PARTS, bbox=[72, 45, 8, 23], area=128), ("2.png", 23, JSON)),
    "missing-image": (lambda root: (root / "images/2.png").unlink(), ("2.png", None, "2.png")),
    "orphan-mask": (add(99, image_id=77), ("", 99, JSON)),
    "orphan-image": (another, ("images/9.png", None, "images/9.png")),
    "unreadable-image": (cut, ("2.png", None, "images/2.png")),
    "duplicate-image": (twin, ("2.png", None, "images/2.png")),
    "invalid-polygon": (change(23, segmentation=[[1, 1, 8, 8]]), ("2.png", 23, JSON)),
    "invalid-rle": (change(23, segmentation={"size": SIZE, "counts": [5, 10, 3]}), ("2.png", 23, JSON)),
    "box-mismatch": (change(23, bbox=[70, 45, 20, 25]), ("2.png", 23, JSON)),
    "area-mismatch": (change(23, area=700), ("2.png", 23, JSON)),
}  # fmt: skip


@pytest.mark.parametrize("code", COCO)
def test_a_defect_of_coco(code: str, tmp_path: Path) -> None:
    spoil, where = COCO[code]
    assert small.new(small.coco(tmp_path / "set"), spoil) == {(code, *where)}


def test_an_object_drawn_many_times_is_named_once_each_time(tmp_path: Path) -> None:
    root = small.coco(tmp_path / "set")
    for id in range(90, 94):
        add(id)(root)
    found = [f for f in small.look(root).findings if f.code == "duplicate-instance"]
    assert [f.where["instance"] for f in found] == [90, 91, 92, 93]
    assert found[0].message == "the same as instance 11: IoU 1.000 in one class"
    assert found[3].message == "the same as instance 11: IoU 1.000 in one class, and as 3 more"


def test_a_sound_set_has_nothing(tmp_path: Path) -> None:
    assert small.look(small.coco(tmp_path / "coco")).findings == []
    assert small.look(small.semantic(tmp_path / "semantic")).findings == []


def values(value: Any) -> Spoil:
    """Change mask 2 with a function of its array, or paint a block with a value."""

    def act(root: Path) -> None:
        path = root / "masks/2.png"
        mask = np.asarray(Image.open(path)).copy()
        if callable(value):
            mask = value(mask)
        else:
            mask[60:70, 5:25] = value
        Image.fromarray(mask).save(path)

    return act


def as_jpeg(mask: Any) -> Any:
    stream = BytesIO()
    Image.fromarray(mask * 100).save(stream, "JPEG", quality=60)
    return np.asarray(Image.open(stream))


def in_colors(mask: Any) -> Any:
    return np.array([[0, 0, 0], [128, 0, 0], [0, 128, 0]], np.uint8)[mask]


def in_grays(mask: Any) -> Any:
    return np.asarray(Image.fromarray(in_colors(mask)).convert("L"))


MASK = ("2.png", None, "masks/2.png")
SEMANTIC: dict[str, tuple[Spoil, set[tuple[Any, ...]]]] = {
    "size": (values(lambda m: m[:-2]), {("size-mismatch", *MASK)}),
    "value": (values(77), {("unexpected-value", *MASK)}),
    "jpeg": (values(as_jpeg), {("lossy-mask", *MASK)}),
    "colors": (values(in_colors), {("palette-mask", *MASK)}),
    "grays": (values(in_grays), {("palette-mask", *MASK)}),
    "empty": (values(np.zeros_like), {("empty-mask", *MASK)}),
    "no mask": (lambda root: (root / "masks/2.png").unlink(), {("missing-mask", "images/2.png", None, "images/2.png")}),
    "no image": (lambda root: (root / "images/2.png").unlink(), {("orphan-mask", "masks/2.png", None, "masks/2.png")}),
}


@pytest.mark.parametrize("name", SEMANTIC)
def test_a_defect_of_masks(name: str, tmp_path: Path) -> None:
    spoil, expected = SEMANTIC[name]
    assert small.new(small.semantic(tmp_path / "set"), spoil) == expected


def black_and_white(root: Path, count: int = 5) -> Path:
    """Masks of 0 and 255, and nothing that names a class."""
    small.semantic(root, count)
    (root / "classes.json").unlink()
    for n in range(1, count + 1):
        redraw(root, n, lambda mask: np.where(mask > 0, 255, 0))
    return root


def redraw(root: Path, n: int, change: Callable[[Any], Any]) -> None:
    path = root / f"masks/{n}.png"
    Image.fromarray(np.asarray(change(np.asarray(Image.open(path)))).astype(np.uint8)).save(path)


def softened(mask: Any) -> Any:
    """Resized as photographs are."""
    half = Image.fromarray(mask).resize((mask.shape[1] // 2, mask.shape[0] // 2), Image.Resampling.BILINEAR)
    return np.asarray(half.resize((mask.shape[1], mask.shape[0]), Image.Resampling.BILINEAR))


def test_one_mask_of_ids_among_masks_of_0_and_255_is_named_and_the_others_are_not_empty(tmp_path: Path) -> None:
    root = black_and_white(tmp_path / "set")
    assert small.look(root).findings == []
    redraw(root, 2, lambda mask: mask > 0)
    (found,) = small.look(root).findings
    assert (found.code, found.where["image"]) == ("unexpected-value", "2.png")
    assert found.message.startswith("it holds 1, where 4 of 5 masks hold 0 and 255 alone")
    redraw(root, 2, lambda mask: mask * 255)  # as the remedy says
    assert small.look(root).findings == []


def test_masks_that_are_soft_throughout_a_set(tmp_path: Path) -> None:
    root = black_and_white(tmp_path / "set")
    for n in range(1, 6):
        redraw(root, n, softened)
    found = [f for f in small.look(root).findings if f.severity != "info"]
    assert [(f.code, f.where["image"]) for f in found] == [("lossy-mask", f"{n}.png") for n in range(1, 6)]


def test_a_soft_mask_whose_values_are_all_declared(tmp_path: Path) -> None:
    root = small.semantic(tmp_path / "set")
    (root / "classes.json").write_text(json.dumps({n: f"class {n}" for n in range(1, 10)}))
    for n in range(1, 5):
        redraw(root, n, lambda mask: mask * 4)
    assert small.new(root, lambda root: redraw(root, 2, softened)) == {("lossy-mask", *MASK)}


def test_a_class_drawn_along_edges_is_no_softness(tmp_path: Path) -> None:
    root = small.semantic(tmp_path / "set")

    def rimmed(mask: Any) -> Any:
        inside = mask > 0
        inner = inside.copy()
        inner[1:-1, 1:-1] &= inside[:-2, 1:-1] & inside[2:, 1:-1] & inside[1:-1, :-2] & inside[1:-1, 2:]
        return inside + inner.astype(np.uint8)

    for n in range(1, 5):
        redraw(root, n, rimmed)
    assert small.look(root).findings == []


def test_noise_is_not_to_be_declared(tmp_path: Path) -> None:
    root = small.semantic(tmp_path / "set")
    values(as_jpeg)(root)
    (found,) = small.look(root).findings
    assert found.code == "lossy-mask"
    assert "--classes" not in found.message + found.fix


def test_boxes_among_masks_are_told_once(tmp_path: Path) -> None:
    root = small.coco(tmp_path / "set")
    for id in (22, 31, 33):
        change(id, segmentation=[])(root)
    (found,) = small.look(root).findings
    assert (found.code, found.where, found.details) == ("empty-mask", {"image": "2.png"}, {"boxes": 3})
    assert found.message.startswith("3 of 12 objects are boxes without a mask")


def rare(root: Path) -> Path:
    """40 masks without names of classes: each value but one is in two of them."""
    for folder in ("images", "masks"):
        (root / folder).mkdir(parents=True)
    for n in range(40):
        Image.fromarray(small.picture(n)).save(root / f"images/{n}.png")
        mask = np.ones((small.HEIGHT, small.WIDTH), np.uint8)
        mask[10:30, 10:40] = 5 + 3 * (n // 2)
        Image.fromarray(mask).save(root / f"masks/{n}.png")
    return root


def test_a_value_that_one_mask_of_a_sample_has_is_not_strange(tmp_path: Path) -> None:
    """What the whole set holds decides; and the mask that alone has a value is found by the samples that it is in."""
    root = rare(tmp_path)
    assert "unexpected-value" not in small.look(root, sample=20).counts
    mask = np.asarray(Image.open(root / "masks/7.png")).copy()
    mask[35:40, 10:40] = 200
    Image.fromarray(mask).save(root / "masks/7.png")
    told = set()
    for seed in range(6):
        found = [f for f in small.look(root, sample=20, seed=seed).findings if f.code == "unexpected-value"]
        assert {f.where["image"] for f in found} <= {"7.png"}
        told |= {f.message for f in found}
    assert told == {"value 200 is in no other of 40 masks, and nothing declares it"}


def test_boxes_alone_lack_nothing(tmp_path: Path) -> None:
    root = small.coco(tmp_path / "set")
    for n in range(1, 5):
        for k in range(1, 4):
            change(10 * n + k, segmentation=[])(root)
    assert small.look(root).findings == []


def test_polygons_in_fractions(tmp_path: Path) -> None:
    root = small.coco(tmp_path / "set")
    change(22, segmentation=[[0.1, 0.1, 0.4, 0.1, 0.4, 0.4]])(root)
    (found,) = (f for f in small.look(root).findings if f.code == "empty-mask")
    assert (found.where["instance"], found.fix) == (22, "fractions of the image? multiply them by its width and height")


def test_large_areas_are_told_to_the_pixel(tmp_path: Path) -> None:
    root = small.coco(tmp_path / "set")
    change(22, area=12345678)(root)
    (found,) = small.look(root).findings
    assert "given as 12345678 " in found.message


def revalued(folder: str, value: int | None) -> Spoil:
    """Paint a block of the palette mask of image 2, or cut a row (None)."""

    def act(root: Path) -> None:
        path = root / folder / "2.png"
        mask = Image.open(path)
        values = np.asarray(mask).copy()
        values[60:70, 5:25] = value or 0
        changed = Image.fromarray(values if value is not None else values[:-1])
        changed.putpalette(mask.getpalette() or [])
        changed.save(path)

    return act


CLASSES = "SegmentationClass"
VOC: dict[str, tuple[Spoil, tuple[Any, ...]]] = {
    "size": (revalued(CLASSES, None), ("size-mismatch", "2.png", None, f"{CLASSES}/2.png")),
    "value": (revalued(CLASSES, 77), ("unexpected-value", "2.png", None, f"{CLASSES}/2.png")),
    "no mask": (lambda r: (r / CLASSES / "2.png").unlink(), ("missing-mask", "2.png", None, "JPEGImages/2.png")),
}


@pytest.mark.parametrize("name", VOC)
def test_a_defect_of_masks_of_voc(name: str, tmp_path: Path) -> None:
    converter.convert(small.semantic(tmp_path / "set"), tmp_path / "voc", to="voc", workers=1)
    spoil, expected = VOC[name]
    assert small.new(tmp_path / "voc", spoil) == {expected}


def test_a_class_that_a_panoptic_segment_alone_has_is_told_once(tmp_path: Path) -> None:
    converter.convert(small.coco(tmp_path / "set"), tmp_path / "panoptic", to="coco-panoptic", workers=1)
    (file,) = (tmp_path / "panoptic").rglob("*.json")

    def act(root: Path) -> None:
        small.edit(root, lambda c: c["annotations"][1]["segments_info"][0].update(category_id=9), file.name)

    name = file.name if file.parent == tmp_path / "panoptic" else f"annotations/{file.name}"
    found = small.new(tmp_path / "panoptic", lambda _: act(file.parent))
    assert {(f[0], f[1], f[3]) for f in found} == {("unmapped-class", "2.png", name)}


def test_a_label_that_cvat_does_not_declare(tmp_path: Path) -> None:
    converter.convert(small.coco(tmp_path / "set"), tmp_path / "cvat", to="cvat", workers=1)

    def act(root: Path) -> None:
        path = root / "annotations.xml"
        path.write_text(path.read_text().replace('<polygon label="cat"', '<polygon label="cow"', 1))

    assert {f[0] for f in small.new(tmp_path / "cvat", act)} == {"unmapped-class"}


def test_a_class_of_one_in_many_objects_is_told(tmp_path: Path) -> None:
    root = small.coco(tmp_path / "set", count=40)

    def act(content: Any) -> None:
        for each in content["annotations"]:
            each["category_id"] = 1 if each["id"] != 11 else 2

    assert small.new(root, top(act)) == {("class-imbalance", "", None, "")}


def in_two(content: Any) -> None:
    for each in content["images"]:
        each["split"] = "train" if each["id"] < 3 else "val"


def splits(root: Path) -> Path:
    """The set with its second half as val, its pictures smooth as photos are."""
    small.coco(root)
    smooth = np.random.default_rng(5)
    for n in range(1, 5):
        rough = Image.fromarray(smooth.integers(0, 255, (6, 7, 3), dtype=np.uint8))
        rough.resize((small.WIDTH, small.HEIGHT), Image.Resampling.BICUBIC).save(root / f"images/{n}.png")
    small.edit(root, in_two)
    return root


def test_copies_across_splits_are_leaks(tmp_path: Path) -> None:
    root = splits(tmp_path / "set")
    copy = lambda root: shutil.copy(root / "images/1.png", root / "images/3.png")  # noqa: E731
    assert small.new(root, copy) == {("split-leak", "val/3.png", None, "images/3.png")}

    def again(root: Path) -> None:
        stream = BytesIO()
        Image.open(root / "images/2.png").save(stream, "JPEG", quality=80)
        Image.open(stream).save(root / "images/4.png")

    assert small.new(root, again) == {("split-leak", "val/4.png", None, "images/4.png")}


# ---------------------------------------------------------------- packages


def packed(tmp_path: Path) -> Path:
    small.coco(tmp_path / "source")
    converter.pack(tmp_path / "source", tmp_path / "package", workers=1)
    return tmp_path / "package"


def replace(file: str, old: str, text: str) -> Spoil:
    def act(root: Path) -> None:
        path = root / file
        content = path.read_text()
        assert old in content
        path.write_text(content.replace(old, text, 1))

    return act


def test_a_sound_package_has_nothing(tmp_path: Path) -> None:
    assert small.look(packed(tmp_path)).findings == []


def test_a_row_that_is_not_true(tmp_path: Path) -> None:
    root = packed(tmp_path)
    assert small.new(root, replace("index.csv", ",6,6,20,18,360,", ",6,6,20,18,361,")) == {
        ("index-mismatch", "1.png", 11, "index.csv")
    }


def test_a_picture_that_was_changed(tmp_path: Path) -> None:
    root = packed(tmp_path)
    spoil = lambda root: Image.fromarray(small.picture(44)).save(root / "images/2.png")  # noqa: E731
    assert small.new(root, spoil) == {("checksum-mismatch", "2.png", None, "images/2.png")}


def test_encodings_that_differ(tmp_path: Path) -> None:
    root = packed(tmp_path)

    def act(root: Path) -> None:
        small.edit(root, lambda c: small.annotation(c, 23).update(small.square(60, 50, 9, 9)), "coco/coco.json")

    assert small.new(root, act) == {("encoding-disagreement", "2.png", 23, "coco/")}


def test_a_mask_that_is_gone(tmp_path: Path) -> None:
    root = packed(tmp_path)
    mask = "masks/2/0003_2.png"
    spoil = lambda root: (root / mask).unlink()  # noqa: E731
    assert small.new(root, spoil) == {("missing-mask", "2.png", 23, "index.csv")}


@pytest.mark.parametrize(
    "spoil", [replace("meta.json", '"instances": 12', '"instances": 13'), replace("meta.json", '"1.0"', '"7.0"')]
)
def test_meta_that_is_not_true(spoil: Spoil, tmp_path: Path) -> None:
    assert {(code, file) for code, _, _, file in small.new(packed(tmp_path), spoil)} == {("meta-invalid", "meta.json")}


def test_every_code_is_put_in_somewhere() -> None:
    tested = {
        *COCO,
        *(code for _, found in SEMANTIC.values() for code, *_ in found),
        "class-imbalance", "split-leak", "encoding-disagreement", "index-mismatch", "meta-invalid",
        "checksum-mismatch", "shifted-masks",
    }  # fmt: skip
    assert tested == set(CATALOG)
