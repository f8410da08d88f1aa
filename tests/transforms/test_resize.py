"""Resizing: masks against the nearest neighbour by pixel centres, written here with loops and fractions."""

from __future__ import annotations

import csv
import json
import shutil
from fractions import Fraction
from math import floor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from converter import api
from converter.errors import LossError, SourceError, UsageError
from tests.oracle import coco_masks, from_segmentation
from tests.transforms.sets import CocoSet, Result, blob, code, noise, photo, semantic_set

Box = tuple[int, int, int, int]


def nearest(n: int, m: int) -> list[int]:
    """The source pixel whose span holds the centre of each target pixel."""
    return [floor((Fraction(i) + Fraction(1, 2)) * n / m) for i in range(m)]


def placed(mode: str, asked: Any, width: int, height: int) -> tuple[Box, tuple[int, int]]:
    """Where the picture lies (x, y, width, height), and the size of the whole image."""
    if mode == "stretch":
        return (0, 0, *asked), asked
    factor = asked if mode == "scale" else min(Fraction(asked[0], width), Fraction(asked[1], height))
    inner = max(1, round(width * factor)), max(1, round(height * factor))
    if mode != "letterbox":
        return (0, 0, *inner), inner
    return ((asked[0] - inner[0]) // 2, (asked[1] - inner[1]) // 2, *inner), asked


def resized(array: NDArray[Any], mode: str, asked: Any, fill: int = 0) -> NDArray[Any]:
    height, width = array.shape
    (x, y, w, h), size = placed(mode, asked, width, height)
    result = np.full(size[::-1], fill, array.dtype)
    result[y : y + h, x : x + w] = array[nearest(height, h)][:, nearest(width, w)]
    return result


def arguments(mode: str, asked: Any) -> dict[str, Any]:
    if mode == "scale":
        return {"scale": str(asked)}
    return {"resize": f"{asked[0]}x{asked[1]}", "resize_mode": mode}


CASES = [
    ("stretch", (31, 47)),
    ("stretch", (120, 90)),
    ("fit", (40, 40)),
    ("fit", (200, 70)),
    ("letterbox", (64, 64)),
    ("letterbox", (33, 90)),
    ("scale", Fraction(1, 2)),
    ("scale", Fraction(5, 3)),
]


@pytest.mark.parametrize(("mode", "asked"), CASES)
def test_masks_are_the_nearest_neighbour_and_boxes_follow(tmp_path: Path, mode: str, asked: Any) -> None:
    made = CocoSet(tmp_path / "in")
    shapes = {"a.png": (37, 53), "b.png": (60, 24)}
    sources: dict[str, list[NDArray[np.bool_]]] = {}
    for seed, (name, (height, width)) in enumerate(shapes.items()):
        id = made.image(name, photo(height, width, seed))
        polygon = [[3.2, 4.1, 20.7, 5.5, 17.3, 30.2]]
        masks = [noise(height, width, seed), blob(height, width, seed)]
        for mask in masks:
            made.draw(id, code(mask))
        made.draw(id, polygon, 2)
        made.draw(id, [], 2, bbox=[2.5, 3, 10, 6.25])
        sources[name] = [*masks, from_segmentation(polygon, height, width)]
    api.convert(made.save(), tmp_path / "out", to="coco", **arguments(mode, asked))
    result = Result(tmp_path / "out")
    for name, masks in sources.items():
        height, width = shapes[name]
        (x, y, w, h), size = placed(mode, asked, width, height)
        entry = result.images[name]
        assert (entry["width"], entry["height"]) == size
        assert result.pixels(name).shape == (size[1], size[0], 3)
        for mask, found in zip(masks, result.masks(name), strict=False):
            np.testing.assert_array_equal(found, resized(mask, mode, asked))
        box = result.annotations(name)[-1]["bbox"]
        wanted = [x + 2.5 * w / width, y + 3 * h / height, 10 * w / width, 6.25 * h / height]
        assert box == pytest.approx(wanted, abs=1e-9)


def test_a_polygon_stays_one_where_its_moved_corners_draw_the_nearest_neighbour(tmp_path: Path) -> None:
    made = CocoSet(tmp_path / "in")
    id = made.image("a.png", photo(40, 40))
    made.draw(id, [[4, 6, 20, 6, 20, 30, 4, 30]])
    made.draw(id, [[4.3, 6.1, 33.9, 7.7, 21.1, 35.3]])
    found = api.convert(made.save(), tmp_path / "out", to="coco", scale=2)
    square, triangle = (a["segmentation"] for a in Result(tmp_path / "out").annotations("a.png"))
    assert square == [[8, 12, 40, 12, 40, 60, 8, 60]]
    assert isinstance(triangle, dict)
    assert [n.code for n in found.notes] == ["polygon-to-mask"]


@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 60), st.integers(1, 60), st.integers(0, 99))
def test_any_size_to_any_size(width: int, height: int, wide: int, high: int, seed: int) -> None:
    from converter.geometry import rle
    from converter.transforms import resize
    from converter.transforms.warp import warp_rle

    mask = noise(height, width, seed)
    for mode in ("stretch", "fit", "letterbox"):
        grid = resize.warp(resize.Resize(mode, wide, high), width, height)
        moved = rle.decode(warp_rle(rle.encode(mask), grid))
        np.testing.assert_array_equal(moved, resized(mask, mode, (wide, high)))
        values = np.arange(height * width, dtype=np.int64).reshape(height, width)
        np.testing.assert_array_equal(grid.array(values, -1), resized(values, mode, (wide, high), -1))


def test_the_picture_lies_where_its_masks_do(tmp_path: Path) -> None:
    """A white square: after resizing its edge in the image and that of its mask agree to half a pixel."""
    made = CocoSet(tmp_path / "in")
    mask = np.zeros((80, 120), np.bool_)
    mask[20:52, 36:84] = True
    id = made.image("a.png", np.repeat(mask[..., None], 3, 2).astype(np.uint8) * 255)
    made.draw(id, code(mask))
    source = made.save()
    for mode, asked in [("stretch", (60, 70)), ("fit", (97, 97)), ("letterbox", (200, 100)), ("scale", Fraction(3, 2))]:
        out = tmp_path / f"{mode}"
        api.convert(source, out, to="coco", **arguments(mode, asked))
        result = Result(out)
        image, moved = result.pixels("a.png")[..., 0].astype(float) / 255, result.masks("a.png")[0]
        inside = (image > 0.6) if mode != "letterbox" else (image > 0.6) & (image != 114 / 255)
        assert abs(inside.sum(0).max() - moved.sum(0).max()) <= 1
        for axis in (0, 1):
            centres = [np.average(np.arange(a.shape[1 - axis]), weights=a.sum(axis)) for a in (inside, moved)]
            assert abs(centres[0] - centres[1]) <= 0.5


def test_letterbox_colours_the_margin_and_says_so(tmp_path: Path) -> None:
    made = CocoSet(tmp_path / "in")
    made.draw(made.image("a.png", photo(20, 40)), code(blob(20, 40)))
    api.pack(made.save(), tmp_path / "out", resize="60x61", resize_mode="letterbox", pad_value="1,2,3")
    with Image.open(tmp_path / "out/images/a.png") as image:
        pixels = np.asarray(image)
    assert (pixels[:15] == [1, 2, 3]).all()
    assert (pixels[45:] == [1, 2, 3]).all()
    assert not (pixels[15] == [1, 2, 3]).all()
    meta = json.loads((tmp_path / "out/meta.json").read_text())
    wanted = {"mode": "letterbox", "width": 60, "height": 61, "image_filter": "lanczos", "mask_filter": "nearest"}
    assert meta["resize"] == {**wanted, "pad_value": [1, 2, 3]}
    assert meta["image_size"] == {"uniform": True, "width": 60, "height": 61}
    step = Result(tmp_path / "out/coco").top["images"][0]["segpack_transform"]
    assert step == [{"op": "resize", "width": 40, "height": 20, "place": [0, 15, 60, 30]}]
    assert "segpack_transform" in meta["encodings"]["coco"]


@pytest.mark.parametrize(("scale", "mode"), [("0.5", "scale"), (None, None)])
def test_meta_of_a_factor_and_of_nothing(tmp_path: Path, scale: str | None, mode: str | None) -> None:
    made = CocoSet(tmp_path / "in")
    made.image("a.png", photo(20, 40))
    made.image("b.png", photo(60, 10))
    api.pack(made.save(), tmp_path / "out", scale=scale)
    found = json.loads((tmp_path / "out/meta.json").read_text())["resize"]
    assert (found and (found["mode"], found["width"], found["height"])) == (mode and (mode, 20, 30))


@pytest.mark.parametrize(("names", "margin"), [({1: "a", 2: "b"}, 0), ({0: "sky", 1: "a", 2: "b"}, 255)])
def test_margin_of_a_label_map(tmp_path: Path, names: dict[int, str], margin: int) -> None:
    labels = np.random.default_rng(0).integers(0, 3, (30, 50), dtype=np.uint8)
    source = semantic_set(tmp_path / "in", labels, names)
    api.pack(source, tmp_path / "out", resize="40x40", resize_mode="letterbox")
    with Image.open(tmp_path / "out/masks/a.png") as image:
        np.testing.assert_array_equal(np.asarray(image), resized(labels, "letterbox", (40, 40), margin))
    meta = json.loads((tmp_path / "out/meta.json").read_text())
    assert meta["ignore_id"] == (255 if margin else None)
    region = json.loads((tmp_path / "out/coco/coco.json").read_text())["images"][0].get("ignore_region")
    assert (region is not None) == (margin == 255)


def test_the_margin_of_a_set_of_regions_that_cover_everything_is_ignored(tmp_path: Path) -> None:
    """A semantic set with a class 0, as COCO, letterboxed, and back: the margin is 255."""
    labels = np.random.default_rng(0).integers(0, 3, (30, 50), dtype=np.uint8)
    source = semantic_set(tmp_path / "in", labels, {0: "sky", 1: "a", 2: "b"})
    api.convert(source, tmp_path / "coco", to="coco")
    api.convert(tmp_path / "coco", tmp_path / "out", to="semantic-png", resize="40x40", resize_mode="letterbox")
    with Image.open(tmp_path / "out/masks/a.png") as image:
        np.testing.assert_array_equal(np.asarray(image), resized(labels, "letterbox", (40, 40), 255))


def test_a_margin_that_has_no_value_left_is_refused(tmp_path: Path) -> None:
    labels = np.random.default_rng(0).choice(np.array([0, 7, 255], np.uint8), (30, 50))
    source = semantic_set(tmp_path / "in", labels, {0: "sky", 7: "a", 255: "b"})
    with pytest.raises(UsageError, match="255"):
        api.convert(source, tmp_path / "out", to="semantic-png", resize="40x40", resize_mode="letterbox")


def test_what_vanishes_is_a_loss(tmp_path: Path) -> None:
    made = CocoSet(tmp_path / "in")
    dot = np.zeros((40, 40), np.bool_)
    dot[8, 8] = True
    id = made.image("a.png", photo(40, 40))
    made.draw(id, code(dot))
    made.draw(id, code(~dot))
    found = api.convert(made.save(), tmp_path / "out", to="coco", scale="0.25")
    (loss,) = found.losses
    assert (loss.code, loss.image, loss.instance, loss.amount) == ("instance-vanished", "a.png", 1, 1)
    assert len(Result(tmp_path / "out").annotations("a.png")) == 1
    with pytest.raises(LossError):
        api.convert(made.save(), tmp_path / "strict", to="coco", scale="0.25", strict=True)
    assert not (tmp_path / "strict").exists()


def test_an_image_of_the_size_asked_for_is_copied_byte_for_byte(tmp_path: Path) -> None:
    made = CocoSet(tmp_path / "in")
    made.image("a.jpg", photo(30, 40), quality=60)
    made.image("b.jpg", photo(60, 80), quality=60)
    api.convert(made.save(), tmp_path / "out", to="coco", resize="40x30")
    for name, same in (("a.jpg", True), ("b.jpg", False)):
        before, after = ((tmp_path / side / "images" / name).read_bytes() for side in ("in", "out"))
        assert (before == after) == same


@pytest.mark.parametrize("options", [{"scale": "64"}, {"resize": "65536x65536"}, {"scale": "64", "tile": "9x9"}])
def test_what_would_be_larger_than_what_is_read_is_refused(tmp_path: Path, options: dict[str, Any]) -> None:
    made = CocoSet(tmp_path / "in")
    made.draw(made.image("a.png", photo(30, 40)), code(blob(30, 40)))
    made.image("b.png", photo(3, 4))
    source = made.save()
    with pytest.raises(SourceError, match=r"^a.png, resized: .* \(--max-pixels\)$"):
        api.convert(source, tmp_path / "out", to="coco", max_pixels=1_000_000, **options)
    if "resize" not in options:
        found = api.convert(source, tmp_path / "out", to="coco", max_pixels=1_000_000, on_error="skip", **options)
        assert [(x.code, x.image) for x in found.losses] == [("skipped-image", "a.png")]


@pytest.mark.parametrize("ending", ["png", "jpg", "bmp", "tif", "webp", "gif"])
def test_every_kind_of_image_is_resized(tmp_path: Path, ending: str) -> None:
    made = CocoSet(tmp_path / "in")
    made.draw(made.image(f"a.{ending}", photo(40, 60)), code(blob(40, 60)))
    api.pack(made.save(), tmp_path / "out", resize="30x20")
    name = "a.png" if ending == "gif" else f"a.{ending}"
    with Image.open(tmp_path / "out/images" / name) as image:
        assert image.size == (30, 20)
        assert image.format == {"jpg": "JPEG", "tif": "TIFF", "gif": "PNG"}.get(ending, ending.upper())
        wanted = Image.fromarray(photo(40, 60)).resize((30, 20), Image.Resampling.LANCZOS)
        off = np.asarray(image.convert("RGB")).astype(int) - np.asarray(wanted).astype(int)
        assert np.abs(off).mean() < 12


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16", "CMYK", "rgb16"])
def test_every_mode_is_resized(mode: str) -> None:
    from io import BytesIO

    from converter.codecs import redraw

    stream = BytesIO()
    if mode == "rgb16":
        deep = np.full((10, 12, 3), 40_000, np.uint16)
        data = redraw.encode(redraw.Picture(deep, "PNG", "a"))
    else:
        image = (
            Image.fromarray(np.full((10, 12), 40_000, np.uint16))
            if mode == "I;16"
            else Image.fromarray(photo(10, 12)).convert(mode)
        )
        image.save(stream, "JPEG" if mode == "CMYK" else "PNG")
        data = stream.getvalue()
    picture = redraw.place(redraw.read(data, "a"), (6, 5), (1, 0), (8, 5), 114)
    with Image.open(BytesIO(redraw.encode(picture))) as found:
        assert found.size == (8, 5)
        if mode == "I;16":
            assert set(np.asarray(found)[:, 1:7].ravel().tolist()) == {40_000}
            assert set(np.asarray(found)[:, 7].tolist()) == {114 * 257}
    if mode == "rgb16":
        again = np.asarray(redraw.read(redraw.encode(picture), "a").pixels)
        assert set(again[:, 1:7].ravel().tolist()) == {40_000}


@pytest.mark.parametrize(
    "options",
    [
        {"resize": "640"},
        {"resize": "0x10"},
        {"resize": "10x10", "scale": 2},
        {"resize_mode": "fit"},
        {"scale": "0"},
        {"scale": "x"},
        {"scale": 2, "resize_mode": "fit"},
        {"resize": "9x9", "pad_value": 3},
        {"resize": "9x9", "resize_mode": "letterbox", "pad_value": "1,2"},
        {"resize": "9x9", "resize_mode": "letterbox", "pad_value": 256},
    ],
)
def test_options_that_make_no_sense_are_refused(tmp_path: Path, options: dict[str, Any]) -> None:
    made = CocoSet(tmp_path / "in")
    made.image("a.png", photo(10, 10))
    with pytest.raises(UsageError):
        api.convert(made.save(), tmp_path / "out", to="coco", **options)


# ---------------------------------------------------------------- real sets

REAL = [("stretch", (257, 191)), ("letterbox", (200, 333)), ("scale", Fraction(1, 3))]


@pytest.mark.parametrize(("mode", "asked"), REAL)
def test_masks_of_camvid_are_resized_by_nearest_neighbour(tmp_path: Path, data: Path, mode: str, asked: Any) -> None:
    source = data / "camvid_segnet" / "CamVid"
    api.pack(source, tmp_path / "out", workers=1, **arguments(mode, asked))
    with (tmp_path / "out/index.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows
    for row in rows[::4]:
        name = Path(row["image"]).name
        (annotated,) = source.glob(f"{row['split']}annot/{name}")
        with Image.open(annotated) as before, Image.open(tmp_path / "out" / row["mask"]) as after:
            labels = np.asarray(before)
            found = np.asarray(after)
        np.testing.assert_array_equal(found, resized(labels, mode, asked))
        assert set(np.unique(found)) <= {0, *np.unique(labels)}


@pytest.mark.parametrize(("mode", "asked"), REAL)
def test_objects_of_dsb2018_are_resized_or_told_as_vanished(tmp_path: Path, data: Path, mode: str, asked: Any) -> None:
    source = data / "dsb2018_stage1" / "stage1_train"
    folder = tmp_path / "in"
    folder.mkdir()
    for each in sorted(source.iterdir())[:5]:
        shutil.copytree(each, folder / each.name)
    found = api.convert(folder, tmp_path / "out", to="coco", workers=1, **arguments(mode, asked))
    gone = [x for x in found.losses if x.code == "instance-vanished"]
    kept, vanished = 0, 0
    masks = coco_masks(tmp_path / "out/coco.json")
    for name, mine in masks.items():
        paths = sorted((source / Path(name).stem / "masks").iterdir())
        wanted = []
        for path in paths:
            with Image.open(path) as image:
                moved = resized(np.asarray(image.convert("L")) > 0, mode, asked)
            vanished += not moved.any()
            wanted += [moved] if moved.any() else []
        assert len(wanted) == len(mine)
        for one, (_, _, other) in zip(wanted, mine, strict=True):
            np.testing.assert_array_equal(one, other)
        kept += len(mine)
    assert (kept, vanished) == (found.instances, len(gone))


@pytest.mark.parametrize(("mode", "asked"), REAL)
def test_polygons_of_tiny_coco_are_resized_by_the_same_geometry(
    tmp_path: Path, data: Path, mode: str, asked: Any
) -> None:
    source = data / "tiny_coco"
    found = api.convert(source, tmp_path / "out", to="coco", workers=1, **arguments(mode, asked))
    after = json.loads((tmp_path / "out/coco.json").read_text())
    sizes = {i["id"]: (i["height"], i["width"]) for i in after["images"]}
    moved = {a["id"]: a for a in after["annotations"]}
    count = 0
    for path in sorted((source / "annotations").glob("*.json")):
        before = json.loads(path.read_text())
        images = {i["id"]: i for i in before["images"]}
        for entry in before["annotations"]:
            image = images[entry["image_id"]]
            mask = resized(from_segmentation(entry["segmentation"], image["height"], image["width"]), mode, asked)
            if not mask.any():
                assert entry["id"] not in moved
                continue
            other = moved[entry["id"]]
            count += 1
            np.testing.assert_array_equal(from_segmentation(other["segmentation"], *sizes[other["image_id"]]), mask)
            (x, y, w, h), _ = placed(mode, asked, image["width"], image["height"])
            bx, by, bw, bh = entry["bbox"]
            sx, sy = w / image["width"], h / image["height"]
            near = [x + bx * sx, y + by * sy, bw * sx, bh * sy]
            ux, uy, uw, uh = other["bbox"]
            rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
            tight = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])
            assert np.abs(np.array([ux, uy, ux + uw, uy + uh]) - tight).max() <= 1
            mapped = np.array([near[0], near[1], near[0] + near[2], near[1] + near[3]])
            if np.abs(mapped - tight).max() <= 1:
                assert [ux, uy, uw, uh] == pytest.approx(near, abs=1e-9)
    assert count == found.instances
