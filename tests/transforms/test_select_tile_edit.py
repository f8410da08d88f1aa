"""Filters, tiles, and changes of shapes that are asked for by name."""

from __future__ import annotations

import json
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from converter import api
from converter.errors import UsageError
from converter.transforms.tile import Tile, windows
from tests.oracle import coco_masks, from_segmentation
from tests.support import written_formats
from tests.transforms.sets import CocoSet, Result, blob, code, noise, photo


def square(height: int, width: int, x: int, y: int, side: int) -> NDArray[np.bool_]:
    mask = np.zeros((height, width), np.bool_)
    mask[y : y + side, x : x + side] = True
    return mask


# ---------------------------------------------------------------- filters


@pytest.fixture
def source(tmp_path: Path) -> str:
    """a: a cat of 9 and one of 100 pixels, a dog of 25; b: a dog of 25, larger image; c: nothing."""
    made = CocoSet(tmp_path / "in", ("cat", "dog"))
    a = made.image("train/a.png", photo(30, 40))
    made.draw(a, code(square(30, 40, 1, 1, 3)), 1)
    made.draw(a, code(square(30, 40, 5, 5, 10)), 1)
    made.draw(a, code(square(30, 40, 20, 20, 5)), 2)
    b = made.image("val/b.jpg", photo(50, 60))
    made.draw(b, code(square(50, 60, 20, 20, 5)), 2)
    made.image("val/c.png", photo(30, 40, 2))
    for entry in made.top["images"]:
        entry["split"] = entry["file_name"].partition("/")[0]
    return made.save()


CASES: list[tuple[list[str], dict[str, list[int]]]] = [
    (["class=cat"], {"train/a.png": [9, 100], "val/b.jpg": [], "val/c.png": []}),
    (["class!=cat", "instances>=1"], {"train/a.png": [25], "val/b.jpg": [25]}),
    (["class=cat,dog", "area>9"], {"train/a.png": [100, 25], "val/b.jpg": [25], "val/c.png": []}),
    (["area>=9", "area<=25", "instances>0"], {"train/a.png": [9, 25], "val/b.jpg": [25]}),
    (["split=valid"], {"val/b.jpg": [25], "val/c.png": []}),
    (["split=val"], {"val/b.jpg": [25], "val/c.png": []}),
    (["split!=val"], {"train/a.png": [9, 100, 25]}),
    (["name=*.jpg"], {"val/b.jpg": [25]}),
    (["name=a.png,c*"], {"train/a.png": [9, 100, 25], "val/c.png": []}),
    (["width>40"], {"val/b.jpg": [25]}),
    (["height<50", "instances=3"], {"train/a.png": [9, 100, 25]}),
    (["instances=0"], {"val/c.png": []}),
]


@pytest.mark.parametrize(("conditions", "wanted"), CASES)
def test_a_filter_keeps_what_fits_all_its_conditions(
    tmp_path: Path, source: str, conditions: list[str], wanted: dict[str, list[int]]
) -> None:
    found = api.convert(source, tmp_path / "out", to="coco", filter=conditions)
    masks = coco_masks(tmp_path / "out/coco.json")
    assert {n: [int(m.sum()) for _, _, m in mine] for n, mine in masks.items()} == wanted
    gone = {"train/a.png", "val/b.jpg", "val/c.png"} - set(wanted)
    assert {x.image for x in found.losses if x.code == "filtered-image"} == gone
    assert found.images == len(wanted)


@pytest.mark.parametrize("to", written_formats())
def test_sets_of_which_no_class_is_left_are_read_again(tmp_path: Path, to: str) -> None:
    made = CocoSet(tmp_path / "in", ("cat",))
    made.draw(made.image("a.png", photo(20, 30)), code(square(20, 30, 1, 1, 3)))
    api.convert(made.save(), tmp_path / "out", to=to, filter=["class!=cat"])
    [sample] = api.open(tmp_path / "out", format=to)
    assert not sample.instances


@pytest.mark.parametrize("to", ["coco", "coco-panoptic", "instance-png", "lvis", "semantic-png", "yolo", "yolo-seg"])
def test_a_split_that_is_left_without_an_image_is_none(tmp_path: Path, source: str, to: str) -> None:
    api.convert(source, tmp_path / "out", to=to, filter=["instances>2"])
    assert api.check(tmp_path / "out", fail_on="error").ok
    assert api.open(tmp_path / "out").format == to
    told = [p for p in (tmp_path / "out").rglob("*") if p.suffix in {".json", ".yaml", ".csv"}]
    assert told
    assert not [p for p in told if "val" in p.name or "val: images/val" in p.read_text() or '"val"' in p.read_text()]


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("class=caat", "no class 'caat' .is 'cat' meant"),
        ("clas=cat", "'clas' is unknown .is class meant"),
        ("area", "no condition"),
        ("area>big", "no number"),
        ("area>=nan", "no number"),
        ("width<inf", "no number"),
        ("name>a", "compare it with = or !="),
        ("name=zzz", "no image is left"),
    ],
)
def test_filters_that_make_no_sense_are_refused(tmp_path: Path, source: str, condition: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        api.convert(source, tmp_path / "out", to="coco", filter=[condition])


def test_names_that_look_like_patterns_and_lists(tmp_path: Path) -> None:
    made = CocoSet(tmp_path / "in", ("salt, pepper", "x"))
    for name in ("a[1].png", "a1.png", "b,c.png"):
        made.draw(made.image(name, photo(20, 30)), code(square(20, 30, 1, 1, 3)), 1)
    source = made.save()
    for condition, wanted in [
        ("name=a[1].png", {"a[1].png", "a1.png"}),
        ('name="b,c.png", a?.png', {"b,c.png", "a1.png"}),
        ('class="salt, pepper",x', {"a[1].png", "a1.png", "b,c.png"}),
    ]:
        api.convert(source, tmp_path / "out", to="coco", filter=[condition, "instances>0"], overwrite=True)
        assert set(Result(tmp_path / "out").images) == wanted


def test_background_is_nothing_in_a_label_map(tmp_path: Path) -> None:
    for each in ("images", "masks"):
        (tmp_path / "in" / each).mkdir(parents=True)
        for name, labels in (("a", np.eye(9)), ("b", np.zeros((9, 9)))):
            Image.fromarray(labels.astype(np.uint8)).save(tmp_path / "in" / each / f"{name}.png")
    found = api.convert(tmp_path / "in", tmp_path / "out", to="semantic-png", filter=["instances>=1"])
    assert [loss.image for loss in found.losses] == ["b.png"]


def test_a_label_map_has_no_areas_of_instances(tmp_path: Path) -> None:
    for each in ("images", "masks"):
        (tmp_path / "in" / each).mkdir(parents=True)
        Image.fromarray(np.eye(9, dtype=np.uint8)).save(tmp_path / "in" / each / "a.png")
    with pytest.raises(UsageError, match="--min-area"):
        api.convert(tmp_path / "in", tmp_path / "out", to="semantic-png", filter=["area>3"])


# ---------------------------------------------------------------- tiles


@given(st.integers(1, 50), st.integers(1, 50), st.integers(1, 20), st.integers(1, 20), st.data())
def test_tiles_cover_every_pixel_and_share_what_is_asked(
    width: int, height: int, wide: int, high: int, draw: st.DataObject
) -> None:
    overlap = draw.draw(st.integers(0, min(wide, high) - 1))
    covered = np.zeros((height, width), int)
    found = windows(Tile(wide, high, overlap), width, height)
    for x, y, w, h in found:
        assert (w, h) == (min(wide, width), min(high, height))
        covered[y : y + h, x : x + w] += 1
    assert covered.min() == 1
    columns = sorted({x for x, *_ in found})
    assert all(b - a <= wide - overlap for a, b in pairwise(columns))


def together(out: Path, entries: list[dict[str, Any]]) -> dict[str, NDArray[np.uint8]]:
    """The images again, from the tiles and what they remember."""
    found: dict[str, NDArray[np.uint8]] = {}
    for entry in entries:
        step = entry["segpack_transform"][-1]
        x, y, w, h = step["window"]
        with Image.open(out / "images" / entry["file_name"]) as image:
            tile = np.asarray(image)
        whole = found.setdefault(step["image"], np.zeros((step["height"], step["width"], *tile.shape[2:]), tile.dtype))
        whole[y : y + h, x : x + w] = tile
    return found


@pytest.mark.parametrize(("size", "overlap"), [("16x16", 0), ("25x13", 5), ("100x100", 0), ("40x30", 29)])
def test_tiles_put_together_give_the_images_and_masks_back(tmp_path: Path, size: str, overlap: int) -> None:
    made = CocoSet(tmp_path / "in")
    masks: dict[str, list[NDArray[np.bool_]]] = {}
    ids: dict[str, int] = {}
    for number, name in enumerate(("a.png", "a.jpg", "b.jpg")):
        id = made.image(name, photo(50, 60, number))
        masks[name] = [noise(50, 60, number), square(50, 60, 14, 14, 9)]
        ids[name] = len(made.top["annotations"]) + 1
        for mask in masks[name]:
            made.draw(id, code(mask), iscrowd=0)
    source = made.save()
    api.pack(source, tmp_path / "out", tile=size, overlap=overlap)
    result = Result(tmp_path / "out/coco")
    pixels = together(tmp_path / "out", result.top["images"])
    for name, mine in masks.items():
        with Image.open(tmp_path / "in/images" / name) as image:
            np.testing.assert_array_equal(pixels[name], np.asarray(image))
        whole = np.zeros((2, 50, 60), np.bool_)
        for entry in result.top["images"]:
            step = entry["segpack_transform"][-1]
            if step["image"] != name:
                continue
            x, y, w, h = step["window"]
            inside = [m[y : y + h, x : x + w] for m in mine]
            found = list(zip(result.annotations(entry["file_name"]), result.masks(entry["file_name"]), strict=True))
            assert len(found) == sum(bool(m.any()) for m in inside)
            for annotation, mask in found:
                which = annotation["segpack_instance"] - ids[name]
                np.testing.assert_array_equal(mask, inside[which])
                whole[which, y : y + h, x : x + w] |= mask
                assert annotation.get("cut", False) == (inside[which].sum() < mine[which].sum())
        np.testing.assert_array_equal(whole, np.array(mine))


@pytest.mark.parametrize(("name", "mode"), [("a.jpg", "CMYK"), ("a.png", "LA"), ("a.tiff", "RGB"), ("a.webp", "RGBA")])
def test_tiles_of_every_kind_of_picture_are_lossless(tmp_path: Path, name: str, mode: str) -> None:
    made = CocoSet(tmp_path / "in")
    made.image(name, photo(20, 30))
    with Image.open(tmp_path / "in/images" / name) as plain:
        plain.convert(mode).save(tmp_path / "in/images" / name)
    made.draw(1, code(blob(20, 30)))
    api.convert(made.save(), tmp_path / "out", to="coco", tile="16x16")
    with Image.open(tmp_path / "in/images" / name) as image:
        whole = np.zeros_like(np.asarray(image))
        for entry in Result(tmp_path / "out").images.values():
            x, y, width, height = entry["segpack_transform"][-1]["window"]
            with Image.open(tmp_path / "out/images" / entry["file_name"]) as part:
                assert part.mode == image.mode
                assert part.format == {".png": "PNG", ".tif": "TIFF", ".tiff": "TIFF"}[Path(entry["file_name"]).suffix]
                whole[y : y + height, x : x + width] = np.asarray(part)
        np.testing.assert_array_equal(whole, np.asarray(image))


def test_tiles_of_boxes_and_polygons(tmp_path: Path) -> None:
    made = CocoSet(tmp_path / "in")
    id = made.image("a.png", photo(40, 40))
    made.draw(id, [[2, 3, 12, 3, 12, 13, 2, 13]])
    made.draw(id, [], bbox=[15.5, 2, 9, 6])
    api.convert(made.save(), tmp_path / "out", to="coco", tile="20x20")
    result = Result(tmp_path / "out")
    left, right = result.annotations("a_x0_y0.png"), result.annotations("a_x20_y0.png")
    assert left[0]["segmentation"] == [[2, 3, 12, 3, 12, 13, 2, 13]]
    assert [a["bbox"] for a in left[1:]] == [[15.5, 2, 4.5, 6]]
    assert [(a["bbox"], a["cut"]) for a in right] == [([0, 2, 4.5, 6], True)]
    assert not result.annotations("a_x0_y20.png")


@pytest.mark.parametrize("to", ["labelme", "voc", "coco"])
def test_tiles_without_a_pixel_to_be_ignored_have_no_region_for_it(tmp_path: Path, to: str) -> None:
    made = CocoSet(tmp_path / "in")
    ignored = square(20, 40, 0, 0, 8)
    id = made.image("a.png", photo(20, 40))
    made.top["images"][-1]["ignore_region"] = code(ignored)
    made.draw(id, code(square(20, 40, 10, 5, 12)))
    found = api.convert(made.save(), tmp_path / "out", to=to, tile="20x20")
    assert not [loss for loss in found.losses if loss.code == "ignore-dropped"]
    regions = [sample.image.extra.get("ignore_region") for sample in api.open(tmp_path / "out")]
    assert regions[1] is None
    np.testing.assert_array_equal(from_segmentation(regions[0], 20, 20), ignored[:, :20])


def test_what_no_tile_shows_is_a_loss(tmp_path: Path) -> None:
    made = CocoSet(tmp_path / "in")
    image = made.image("a.png", photo(30, 40))
    made.draw(image, code(np.zeros((30, 40), np.bool_)))
    made.draw(image, code(square(30, 40, 15, 10, 10)))
    made.draw(image, [], bbox=[50, 50, 4, 4])
    made.draw(image, [[90, 90, 99, 90, 99, 99]])
    found = api.convert(made.save(), tmp_path / "out", to="coco", tile="20x15")
    assert [(x.code, x.image, x.instance) for x in found.losses] == [
        ("instance-vanished", "a.png", i) for i in (1, 3, 4)
    ]
    assert found.instances == 4


def test_tiles_of_a_label_map_and_resized_before(tmp_path: Path) -> None:
    labels = np.random.default_rng(0).integers(0, 3, (30, 50), dtype=np.uint8)
    for each in ("images", "masks"):
        (tmp_path / "in" / each).mkdir(parents=True)
    Image.fromarray(photo(30, 50)).save(tmp_path / "in/images/a.png")
    Image.fromarray(labels).save(tmp_path / "in/masks/a.png")
    (tmp_path / "in/classes.json").write_text('{"1": "x", "2": "y"}')
    api.convert(tmp_path / "in", tmp_path / "out", to="semantic-png", scale=2, tile="32x32")
    large = labels.repeat(2, 0).repeat(2, 1)
    for x, y, w, h in windows(Tile(32, 32), 100, 60):
        with Image.open(tmp_path / f"out/masks/a_x{x}_y{y}.png") as image:
            np.testing.assert_array_equal(np.asarray(image), large[y : y + h, x : x + w])


@pytest.mark.parametrize("options", [{"overlap": 3}, {"tile": "9"}, {"tile": "9x9", "overlap": 9}])
def test_tiles_that_make_no_sense_are_refused(tmp_path: Path, source: str, options: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        api.convert(source, tmp_path / "out", to="coco", **options)


def test_camvid_in_tiles_and_together(tmp_path: Path, data: Path) -> None:
    source = data / "camvid_segnet/CamVid"
    api.pack(source, tmp_path / "out", tile="200x150", overlap=16, filter=["name=*97*"])
    result = Result(tmp_path / "out/coco")
    pixels = together(tmp_path / "out", result.top["images"])
    assert pixels
    for name, whole in pixels.items():
        (file,) = (p for p in source.glob(f"*/{name}") if "annot" not in p.parent.name)
        with Image.open(file) as image:
            np.testing.assert_array_equal(whole, np.asarray(image))


# ---------------------------------------------------------------- shapes


def test_fill_holes_min_area_and_merge(tmp_path: Path) -> None:
    ring = square(30, 40, 2, 2, 9) & ~square(30, 40, 4, 4, 5)
    speck = square(30, 40, 30, 2, 2)
    left, right = square(30, 40, 10, 15, 5), square(30, 40, 15, 20, 5)  # they touch at a corner
    made = CocoSet(tmp_path / "in")
    id = made.image("a.png", photo(30, 40))
    for mask, c in ((ring, 1), (speck, 1), (left, 2), (right, 2), (square(30, 40, 15, 15, 5), 1)):
        made.draw(id, code(mask), c)
    source = made.save()

    def run(**options: Any) -> tuple[list[NDArray[np.bool_]], Counter[str]]:
        found = api.convert(source, tmp_path / "out", to="coco", overwrite=True, **options)
        return Result(tmp_path / "out").masks("a.png"), Counter({x.code: int(x.amount) for x in found.losses})

    masks, losses = run(fill_holes=True)
    np.testing.assert_array_equal(masks[0], square(30, 40, 2, 2, 9))
    assert losses == {"holes-filled": 25}
    masks, losses = run(min_area=5)
    assert [int(m.sum()) for m in masks] == [56, 25, 25, 25]
    assert losses == {"below-min-area": 4}
    masks, losses = run(merge_components=True)
    assert [int(m.sum()) for m in masks] == [56, 4, 50, 25]
    np.testing.assert_array_equal(masks[2], left | right)
    assert losses == {"instances-merged": 1}


def test_specks_and_holes_of_label_maps(tmp_path: Path) -> None:
    labels = np.zeros((20, 30), np.uint8)
    labels[2:9, 2:9] = 1
    labels[4:7, 4:7] = 0  # a hole of 9
    labels[5, 5] = 2  # with a speck of another class in it
    labels[15, 20] = 1
    labels[10:15, 10:15] = 2
    for each in ("images", "masks"):
        (tmp_path / "in" / each).mkdir(parents=True)
    Image.fromarray(photo(20, 30)).save(tmp_path / "in/images/a.png")
    Image.fromarray(labels).save(tmp_path / "in/masks/a.png")
    (tmp_path / "in/classes.json").write_text('{"1": "x", "2": "y"}')
    found = api.convert(tmp_path / "in", tmp_path / "out", to="semantic-png", fill_holes=True, min_area=2)
    wanted = labels.copy()
    wanted[4:7, 4:7] = 1
    wanted[5, 5] = 0
    wanted[15, 20] = 0
    with Image.open(tmp_path / "out/masks/a.png") as image:
        np.testing.assert_array_equal(np.asarray(image), wanted)
    assert sum(x.amount for x in found.losses if x.code == "holes-filled") == 8
    found = api.convert(
        tmp_path / "in", tmp_path / "parts", to="coco", instances="components", min_area=2, fill_holes=False
    )
    assert sorted(int(m.sum()) for m in Result(tmp_path / "parts").masks("a.png")) == [25, 40]
    assert Counter(x.code for x in found.losses) == {"below-min-area": 2}


def test_many_small_objects_take_no_longer_each_than_few(tmp_path: Path) -> None:
    """What was compared in pairs took a minute."""
    made = CocoSet(tmp_path / "in")
    id = made.image("a.png", np.zeros((900, 900), np.uint8))
    for at in range(1500):
        x, y = at % 45 * 20, at // 45 * 20
        made.draw(id, [[x, y, x + 9, y, x + 9, y + 9, x, y + 9]])
        if at < 10:
            made.draw(id, [[x + 9, y + 9, x + 15, y + 9, x + 15, y + 15, x + 9, y + 15]])  # touches it at a corner
    before = time.process_time()
    joined = api.convert(made.save(), tmp_path / "joined", to="coco", merge_components=True, workers=1)
    tiles = api.convert(tmp_path / "in", tmp_path / "tiles", to="coco", tile="100x100", workers=1)
    assert time.process_time() - before < 15
    assert joined.instances == 1500
    assert [(x.code, x.amount) for x in joined.losses] == [("instances-merged", 10)]
    assert (tiles.images, tiles.instances, tiles.losses) == (81, 1510, [])


def test_everything_at_once_is_a_clean_package(tmp_path: Path) -> None:
    made = CocoSet(tmp_path / "in", ("cat", "dog", "hen"))
    for number in range(8):
        id = made.image(f"{number}.jpg", photo(60, 80, number))
        for c in (1, 2, 3):
            made.draw(id, code(blob(60, 80, 10 * number + c)), c)
    (tmp_path / "classes.yaml").write_text("classes: [{id: 1, name: pet, from: [cat, dog]}]\ndrop: [hen]")
    options: dict[str, Any] = {
        "classes": tmp_path / "classes.yaml",
        "resize": "100x100",
        "resize_mode": "letterbox",
        "tile": "50x50",
        "split": "train=0.5,val=0.5",
        "filter": ["area>20", "instances>=1"],
        "merge_components": True,
        "fill_holes": True,
        "min_area": 30,
    }
    for workers in (1, 2):
        api.pack(made.save(), tmp_path / f"{workers}.zip", workers=workers, yolo="seg", **options)
    assert (tmp_path / "1.zip").read_bytes() == (tmp_path / "2.zip").read_bytes()
    meta = api.inspect(tmp_path / "1.zip")
    assert meta.splits == {"train": 16, "val": 16}
    assert [c.name for c in meta.classes] == ["pet"]
    assert json.dumps(meta.sizes) == '{"50x50": 32}'
