"""EXIF orientation: all eight, annotated in either frame, baked and kept; the oracle is Pillow's exif_transpose."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from converter import api
from converter.codecs import redraw
from converter.errors import SourceError
from tests.oracle import Mask
from tests.transforms.sets import CocoSet, Result, blob, code, photo

HEIGHT, WIDTH = 24, 38
ALL = range(1, 9)
TURNED = range(2, 9)


def tagged(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "a camera"
    return exif.tobytes()


def upright(array: Any, orientation: int) -> Any:
    """What a viewer shows of stored pixels, by Pillow."""
    stream = BytesIO()
    Image.fromarray(array).save(stream, "PNG", exif=tagged(orientation))
    return np.asarray(ImageOps.exif_transpose(Image.open(stream)))


def shown(mask: Mask, orientation: int) -> Mask:
    turned: Mask = upright(mask.astype(np.uint8) * 255, orientation) > 0
    return turned


def make(folder: Path, orientation: int, frame: str, *, name: str = "a.png", pixels: Any = None) -> tuple[str, Mask]:
    """A set of one image with a mask, a polygon and a box; and the mask on the stored pixels."""
    pixels = photo(HEIGHT, WIDTH) if pixels is None else pixels
    height, width = pixels.shape[:2]
    stored = blob(height, width, 3)
    drawn = stored if frame == "stored" else shown(stored, orientation)
    made = CocoSet(folder)
    options = {"quality": 95} if name.endswith(".jpg") else {}
    id = made.image(name, pixels, size=(drawn.shape[1], drawn.shape[0]), exif=tagged(orientation), **options)
    made.draw(id, code(drawn))
    made.draw(id, [[2, 3, 12, 3, 12, 9, 2, 9]], 2)
    made.draw(id, [], 2, bbox=[2, 3, 10, 6])
    return made.save(), stored


@pytest.mark.parametrize("frame", ["stored", "shown"])
@pytest.mark.parametrize("orientation", ALL)
def test_bake_turns_pixels_and_annotations_upright(tmp_path: Path, orientation: int, frame: Any) -> None:
    source, stored = make(tmp_path / "in", orientation, frame)
    told = frame if orientation < 5 else None  # else the declared size tells
    api.convert(source, tmp_path / "out", to="coco", exif="bake", exif_frame=told)
    result = Result(tmp_path / "out")
    wanted = shown(stored, orientation)
    mask, polygon, _ = result.masks("a.png")
    np.testing.assert_array_equal(mask, wanted)
    np.testing.assert_array_equal(result.pixels("a.png"), upright(photo(HEIGHT, WIDTH), orientation))
    rectangle = np.zeros((HEIGHT, WIDTH) if frame == "stored" else wanted.shape, np.bool_)
    rectangle[3:9, 2:12] = True
    rectangle = shown(rectangle, orientation) if frame == "stored" else rectangle
    np.testing.assert_array_equal(polygon, rectangle)
    rows, columns = np.flatnonzero(rectangle.any(1)), np.flatnonzero(rectangle.any(0))
    box = [columns[0], rows[0], len(columns), len(rows)]
    assert result.annotations("a.png")[2]["bbox"] == box
    with Image.open(tmp_path / "out" / "images" / "a.png") as image:
        exif = image.getexif()
        assert exif.get(0x0112) is None or orientation == 1
        assert exif.get(0x010F) == "a camera"


@pytest.mark.parametrize("frame", ["stored", "shown"])
@pytest.mark.parametrize("orientation", ALL)
def test_keep_leaves_bytes_and_brings_annotations_to_the_stored_pixels(
    tmp_path: Path, orientation: int, frame: Any
) -> None:
    source, stored = make(tmp_path / "in", orientation, frame)
    told = frame if orientation < 5 else None
    found = api.convert(source, tmp_path / "out", to="coco", exif="keep", exif_frame=told)
    result = Result(tmp_path / "out")
    np.testing.assert_array_equal(result.masks("a.png")[0], stored)
    before, after = (tmp_path / side / "images" / "a.png" for side in ("in", "out"))
    assert before.read_bytes() == after.read_bytes()
    assert [n.code for n in found.notes if n.code.startswith("exif")] == ["exif-kept"] * (orientation > 1)


@pytest.mark.parametrize("orientation", ALL)
def test_jpeg_is_baked_too(tmp_path: Path, orientation: int) -> None:
    source, stored = make(tmp_path / "in", orientation, "shown", name="a.jpg")
    with Image.open(tmp_path / "in" / "images" / "a.jpg") as image:
        wanted = np.asarray(ImageOps.exif_transpose(image)).astype(int)
    api.convert(source, tmp_path / "out", to="coco", exif="bake")
    result = Result(tmp_path / "out")
    np.testing.assert_array_equal(result.masks("a.jpg")[0], shown(stored, orientation))
    assert np.abs(result.pixels("a.jpg").astype(int) - wanted).mean() < 2
    with Image.open(tmp_path / "out" / "images" / "a.jpg") as image:
        assert image.format == "JPEG"
        assert 0x0112 not in image.getexif() or orientation == 1


@pytest.mark.parametrize("frame", ["stored", "shown"])
@pytest.mark.parametrize("orientation", TURNED)
@pytest.mark.parametrize("mode", ["bake", "keep"])
def test_square_images_go_by_what_is_said(tmp_path: Path, orientation: int, frame: Any, mode: Any) -> None:
    source, stored = make(tmp_path / "in", orientation, frame, pixels=photo(30, 30))
    api.convert(source, tmp_path / "out", to="coco", exif=mode, exif_frame=frame)
    wanted = shown(stored, orientation) if mode == "bake" else stored
    np.testing.assert_array_equal(Result(tmp_path / "out").masks("a.png")[0], wanted)


def test_where_size_cannot_tell_bake_takes_the_shown_picture(tmp_path: Path) -> None:
    source, stored = make(tmp_path / "in", 3, "shown")
    api.convert(source, tmp_path / "out", to="coco", exif="bake")
    np.testing.assert_array_equal(Result(tmp_path / "out").masks("a.png")[0], shown(stored, 3))


@pytest.mark.parametrize("frame", ["stored", "shown"])
@pytest.mark.parametrize("orientation", TURNED)
@pytest.mark.parametrize("mode", ["bake", "keep"])
def test_mask_files_tell_their_frame_by_their_size(tmp_path: Path, orientation: int, frame: str, mode: Any) -> None:
    stored = blob(HEIGHT, WIDTH, 5)
    drawn = stored if frame == "stored" else shown(stored, orientation)
    for folder in ("images", "masks"):
        (tmp_path / "in" / folder).mkdir(parents=True)
    Image.fromarray(photo(HEIGHT, WIDTH)).save(tmp_path / "in/images/a.png", exif=tagged(orientation))
    Image.fromarray(drawn.astype(np.uint8) * 2 + 1).save(tmp_path / "in/masks/a.png")
    told: Any = frame if orientation < 5 else None
    api.convert(tmp_path / "in", tmp_path / "out", to="semantic-png", exif=mode, exif_frame=told)
    wanted = stored if mode == "keep" else shown(stored, orientation)
    with Image.open(tmp_path / "out/masks/a.png") as image:
        np.testing.assert_array_equal(np.asarray(image), wanted.astype(np.uint8) * 2 + 1)


@pytest.mark.parametrize("frame", ["stored", "shown"])
@pytest.mark.parametrize("orientation", [3, 5, 6, 7, 8])
@pytest.mark.parametrize("mode", ["bake", "keep"])
def test_diff_finds_a_turned_set_equal_to_the_one_it_came_from(
    tmp_path: Path, orientation: int, frame: Any, mode: Any
) -> None:
    """But for JPEG, pixels and all; the page draws both in one frame."""
    source, _ = make(tmp_path / "in", orientation, frame if orientation > 4 else {"bake": "shown"}.get(mode, "stored"))
    api.convert(source, tmp_path / "out", to="coco", exif=mode)
    for a, b in ((source, tmp_path / "out"), (tmp_path / "out", source)):
        found = api.diff(a, b, report=tmp_path / "page.html")
        assert (found.equal, found.instances_equal) == (True, 3)


@pytest.mark.parametrize("orientation", TURNED)
def test_diff_takes_pixels_whose_tag_was_lost_as_they_are(tmp_path: Path, orientation: int) -> None:
    tagged_set, stored = make(tmp_path / "in", orientation, "stored")
    bare = CocoSet(tmp_path / "bare")
    id = bare.image("a.png", photo(HEIGHT, WIDTH))
    bare.draw(id, code(stored))
    bare.draw(id, [[2, 3, 12, 3, 12, 9, 2, 9]], 2)
    bare.draw(id, [], 2, bbox=[2, 3, 10, 6])
    assert api.diff(tagged_set, bare.save()).equal


def test_a_difference_of_a_turned_set_lies_where_it_is_seen(tmp_path: Path) -> None:
    source, _ = make(tmp_path / "in", 6, "shown")
    api.convert(source, tmp_path / "out", to="coco", exif="bake")
    file = tmp_path / "out" / "coco.json"
    coco = json.loads(file.read_bytes())
    moved = next(a for a in coco["annotations"] if a["category_id"] == 2 and a["segmentation"])
    moved["segmentation"] = [[2, 3, 12, 3, 12, 10, 2, 10]]
    file.write_bytes(json.dumps(coco).encode())
    (image,) = api.diff(source, tmp_path / "out").images
    assert (image.size_a, image.size_b, image.content) == ((HEIGHT, WIDTH), (HEIGHT, WIDTH), 0)
    assert [(d.kind, d.region) for d in image.instances] == [("changed", (2, 9, 10, 1))]


def test_inspect_counts_what_is_drawn_on_turned_pictures(tmp_path: Path) -> None:
    source, _ = make(tmp_path / "in", 6, "shown")
    found = api.inspect(source)
    assert (found.instances, found.sizes) == (3, {f"{WIDTH}x{HEIGHT}": 1})
    assert [n.code for n in found.notes] == ["exif-kept"]


def test_without_the_option_a_conflict_is_refused_and_says_what_to_do(tmp_path: Path) -> None:
    source, _ = make(tmp_path / "in", 6, "shown")
    with pytest.raises(SourceError, match=r"--exif bake .* or --exif keep"):
        api.convert(source, tmp_path / "out", to="coco")
    assert not (tmp_path / "out").exists()


def test_without_the_option_annotations_in_the_stored_frame_are_kept(tmp_path: Path) -> None:
    source, stored = make(tmp_path / "in", 6, "stored")
    found = api.convert(source, tmp_path / "out", to="coco")
    np.testing.assert_array_equal(Result(tmp_path / "out").masks("a.png")[0], stored)
    assert [n.code for n in found.notes] == ["exif-kept"]
    assert not found.losses


def test_a_baked_package_is_clean_and_remembers_the_turn(tmp_path: Path) -> None:
    source, stored = make(tmp_path / "in", 8, "stored")
    api.pack(source, tmp_path / "out", exif="bake", boxes_as_masks=True)
    entry = Result(tmp_path / "out" / "coco").images["a.png"]
    assert entry["segpack_transform"] == [{"op": "turn", "orientation": 8, "width": WIDTH, "height": HEIGHT}]
    assert (entry["width"], entry["height"]) == (HEIGHT, WIDTH)
    np.testing.assert_array_equal(Result(tmp_path / "out" / "coco").masks("a.png")[0], shown(stored, 8))


@pytest.mark.parametrize("orientation", TURNED)
@pytest.mark.parametrize("mode", ["L", "1", "P", "RGBA", "I;16", "rgb16"])
def test_every_kind_of_png_is_turned_without_loss(orientation: int, mode: str) -> None:
    rng = np.random.default_rng(1)
    if mode == "rgb16":
        deep = redraw.Picture(rng.integers(0, 65536, (5, 7, 3), dtype=np.uint16), "PNG", "deep.png")
        array, data = deep.pixels, redraw.encode(deep)
        turned = redraw.read(redraw.encode(redraw.turn(redraw.read(data, "a"), orientation)), "b").pixels
        for channel in range(3):
            wanted = upright(np.asarray(array)[..., channel], orientation)
            np.testing.assert_array_equal(np.asarray(turned)[..., channel], wanted)
        return
    array = rng.integers(0, 65536 if mode == "I;16" else 256, (5, 7), dtype=np.uint16)
    image = Image.fromarray(array) if mode == "I;16" else Image.fromarray(array.astype(np.uint8)).convert(mode)
    stream = BytesIO()
    image.save(stream, "PNG", exif=tagged(orientation))
    wanted = np.asarray(ImageOps.exif_transpose(Image.open(BytesIO(stream.getvalue()))))
    data = redraw.encode(redraw.turn(redraw.read(stream.getvalue(), "a"), orientation))
    found = Image.open(BytesIO(data))
    assert found.mode == image.mode
    np.testing.assert_array_equal(np.asarray(found), wanted)


@pytest.mark.parametrize("orientation", TURNED)
def test_tiff_which_pillow_turns_by_itself(orientation: int) -> None:
    array = photo(9, 13)
    stream = BytesIO()
    Image.fromarray(array).save(stream, "TIFF", tiffinfo={0x0112: orientation})
    picture = redraw.read(stream.getvalue(), "a.tif")
    np.testing.assert_array_equal(np.asarray(picture.pixels), array)
    again = redraw.read(redraw.encode(picture), "a.tif")
    np.testing.assert_array_equal(np.asarray(again.pixels), array)
    with Image.open(BytesIO(redraw.encode(redraw.turn(picture, orientation)))) as found:
        np.testing.assert_array_equal(np.asarray(found), upright(array, orientation))
