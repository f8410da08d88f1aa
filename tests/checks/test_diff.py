"""Two datasets compared: the same in any two formats, and every difference named."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import converter
from converter.pipeline.diffing import Diff
from tests.checks import small
from tests.support import segpack


def pair(tmp_path: Path) -> tuple[Path, Path]:
    return small.coco(tmp_path / "a"), small.coco(tmp_path / "b")


def compared(a: Path, b: Path) -> Diff:
    return converter.diff(a, b, workers=1)


@pytest.mark.parametrize("format", ["coco", "instance-png", "yolo-seg"])
def test_a_set_is_equal_to_itself_in_another_format(format: str, tmp_path: Path) -> None:
    root = small.coco(tmp_path / "set")
    converter.convert(root, tmp_path / "other", to=format, workers=1)
    found = compared(root, tmp_path / "other")
    assert found.equal
    assert (found.images_compared, found.instances_equal) == (4, 12)
    said = segpack("diff", root, tmp_path / "other")
    assert said.out.startswith("equal: ")


def test_instances_and_a_label_map_are_compared_as_regions(tmp_path: Path) -> None:
    root = small.coco(tmp_path / "set")
    converter.convert(root, tmp_path / "other", to="semantic-png", workers=1)
    found = compared(root, tmp_path / "other")
    assert found.equal
    assert found.compared == "regions"
    path = tmp_path / "other/masks/2.png"
    mask = np.asarray(Image.open(path)).copy()
    mask[0, 0] = 1
    Image.fromarray(mask).save(path)
    found = compared(root, tmp_path / "other")
    assert found.counts == {"instance-changed": 1}
    assert found.images[0].image == "2.png"
    assert found.images[0].instances[0].differing == 1


def test_a_pixel_of_one_mask_is_a_difference(tmp_path: Path) -> None:
    a = small.coco(tmp_path / "a")
    converter.convert(a, tmp_path / "b", to="instance-png", workers=1)
    path = tmp_path / "b/masks/2/0003_2.png"
    mask = np.asarray(Image.open(path)).copy()
    mask[46, 71] = 0
    Image.fromarray(mask).save(path)
    found = compared(a, tmp_path / "b")
    (image,) = found.images
    (each,) = image.instances
    assert (image.image, each.kind, each.a, each.differing, each.region) == ("2.png", "changed", 23, 1, (71, 46, 1, 1))
    said = segpack("diff", a, tmp_path / "b", check=1)
    assert "1 px differ" in said.out
    assert "2.png" in said.out
    assert "  not compared: ids, attributes, scores" in said.out
    assert "attributes" in segpack("diff", a, tmp_path / "b", "--json", check=1).json["not_compared"]


def test_a_renamed_class(tmp_path: Path) -> None:
    a, b = pair(tmp_path)
    small.edit(b, lambda c: c["categories"][0].update(name="tiger"))
    found = compared(a, b)
    assert found.counts == {"class-renamed": 1}
    assert (found.renamed[0].a, found.renamed[0].b) == ("cat", "tiger")
    assert "cat is tiger in B" in segpack("diff", a, b, check=1).out


def drop_image(content: Any) -> None:
    content["images"] = content["images"][:-1]
    content["annotations"] = [a for a in content["annotations"] if a["image_id"] != 4]


def test_a_missing_image(tmp_path: Path) -> None:
    a, b = pair(tmp_path)
    small.edit(b, drop_image)
    assert compared(a, b).images_only_a == ["4.png"]
    assert compared(b, a).images_only_b == ["4.png"]
    assert segpack("diff", a, b, "--json", check=1).json["images_only_a"] == ["4.png"]


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda c: c["annotations"].pop(5), "instance-missing"),
        (lambda c: c["annotations"].append({**small.annotation(c, 23), "id": 99}), "instance-extra"),
        (lambda c: small.annotation(c, 23).update(category_id=1), "instance-class"),
        (lambda c: small.annotation(c, 23).update(iscrowd=1), "instance-crowd"),
        (lambda c: c["images"][1].update(width=95), "size"),
    ],
)
def test_other_differences(change: Any, kind: str, tmp_path: Path) -> None:
    a, b = pair(tmp_path)
    small.edit(b, change)
    if kind == "size":
        Image.fromarray(small.picture(2)[:, :-1]).save(b / "images/2.png")
    found = compared(a, b)
    assert found.counts == {kind: 1}
    assert [each.image for each in found.images] == ["2.png"]


def spoil(content: Any) -> None:
    """A polygon that is none, and two objects of one id."""
    small.annotation(content, 23).update(segmentation=[[1, 2, 3]])
    small.annotation(content, 12).update(id=11)


def test_what_was_not_read_and_how_the_rest_was_are_said(tmp_path: Path) -> None:
    """On the page as in the terminal, also where nothing else differs."""
    a, b = pair(tmp_path)
    for root in (a, b):
        small.edit(root, spoil)
    page = tmp_path / "page.html"
    said = segpack("diff", a, b, "--on-error", "skip", "--report", page, check=1)
    assert "different: 2 records unread" in said.out
    assert f"note: duplicate-annotation-id (2): {a}/coco.json" in said.err
    shown = page.read_text()
    assert shown.count("annotation 23 of") == 2
    assert shown.count("id 11 occurs more than once") == 2


def test_a_changed_byte_of_a_picture_is_a_difference(tmp_path: Path) -> None:
    a, b = pair(tmp_path)
    pixels = small.picture(2)
    pixels[3, 4] ^= 255
    Image.fromarray(pixels).save(b / "images/2.png")
    found = compared(a, b)
    assert found.counts == {"picture": 1}
    assert found.images[0].content == 1


def deep(pixels: Any, factor: int = 257) -> Any:
    return pixels[:, :, 0].astype(np.uint16) * factor


def cmyk(pixels: Any) -> Any:
    return Image.fromarray(np.dstack((pixels, np.full(pixels.shape[:2], 200, np.uint8))), "CMYK")


def seen_through(pixels: Any, alpha: int) -> Any:
    return np.dstack((pixels, np.full(pixels.shape[:2], alpha, np.uint8)))


@pytest.mark.parametrize(
    ("ending", "kind", "touch"),
    [
        ("png", deep, 1),
        ("tif", deep, 1),
        ("tif", lambda p: p[:, :, 0].astype(np.int32), 1),
        ("tif", lambda p: p[:, :, 0].astype(np.float32), 0.001),
        ("png", lambda p: seen_through(p, 200), np.array([0, 0, 0, 1], np.uint8)),
        ("tif", cmyk, np.array([0, 0, 0, 1], np.uint8)),
    ],
)
def test_a_picture_that_differs_where_eight_bits_of_colour_do_not(
    ending: str, kind: Any, touch: Any, tmp_path: Path
) -> None:
    mode = "CMYK" if kind is cmyk else None
    values = np.array(kind(small.picture(2)))
    touched = values.copy()
    touched[3, 4] += touch
    sides = []
    for name, each in (("a", values), ("b", touched), ("c", values)):
        root = small.coco(tmp_path / name)
        (root / "images/2.png").unlink()
        Image.fromarray(each, mode).save(
            root / f"images/2.{ending}", **({"compression": "tiff_lzw"} if name == "c" else {})
        )
        small.edit(root, lambda c: c["images"][1].update(file_name=f"2.{ending}"))
        sides.append(root)
    found = compared(sides[0], sides[1])
    assert found.counts == {"picture": 1}
    assert found.images[0].content == 1
    assert compared(sides[0], sides[2]).equal


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (lambda p: p[:, :, 0], lambda p: np.repeat(p[:, :, :1], 3, axis=2), True),
        (lambda p: p[:, :, 0], deep, True),
        (lambda p: p, lambda p: seen_through(p, 255), True),
        (lambda p: p, lambda p: seen_through(p, 254), False),
        (deep, lambda p: deep(p, 128), False),
    ],
)
def test_the_same_picture_in_another_kind_of_file(one: Any, other: Any, same: bool, tmp_path: Path) -> None:
    a, b = pair(tmp_path)
    for root, kind in ((a, one), (b, other)):
        Image.fromarray(kind(small.picture(2))).save(root / "images/2.png")
    assert compared(a, b).equal == same


def in_splits(split: str, content: Any) -> None:
    for each in content["images"]:
        each["split"] = split if each["id"] == 2 else "train"


def test_an_image_in_another_split_is_moved(tmp_path: Path) -> None:
    a, b = pair(tmp_path)
    for root, split in ((a, "train"), (b, "val")):
        small.edit(root, partial(in_splits, split))
    found = compared(a, b)
    assert found.moved == [("train/2.png", "val/2.png")]
    assert found.counts == {"split": 1}


@pytest.mark.parametrize(
    "name", ["dsb2018_stage1", "tiny_coco", "camvid_segnet", "ultralytics_coco8/example_datasets/coco8"]
)
def test_a_real_set_is_equal_to_what_it_is_converted_to(name: str, data: Path, tmp_path: Path) -> None:
    to = {"camvid_segnet": "semantic-png", "ultralytics_coco8/example_datasets/coco8": "yolo"}.get(name, "instance-png")
    for target, format in (("one", "coco"), ("two.zip", to)):
        converter.convert(data / name, tmp_path / target, to=format, workers=2)
        assert compared(data / name, tmp_path / target).equal
    assert compared(tmp_path / "one", tmp_path / "two.zip").equal
