"""Formats of tables and JSON files: masks against those that they were made of."""

from __future__ import annotations

import shutil
from collections import Counter

import numpy as np
import pytest
from PIL import Image

import converter
from converter.errors import SourceError
from converter.geometry import rle
from converter.layouts.run_pairs import Counting, decode
from tests.making.drawings import torture
from tests.making.openimages import drawings as pictures
from tests.making.rle_csv import drawings, pairs
from tests.support import FIXTURES, segpack, segpack_here


@pytest.mark.parametrize("base", [0, 1])
@pytest.mark.parametrize("order", ["columns", "rows"])
def test_pairs_of_start_and_length(order, base):
    for drawing in torture():
        for thing in drawing.things:
            mask = thing.mask if order == "columns" else thing.mask.T
            numbers = [int(n) for n in pairs(mask).split()]
            numbers[0::2] = [n - 1 + base for n in numbers[0::2]]
            region = decode(
                " ".join(map(str, numbers)), thing.mask.shape[0], thing.mask.shape[1], Counting(order, base)
            )
            assert (rle.decode(region) == thing.mask).all()


SQUARE = np.pad(np.ones((3, 4), bool), ((1, 4), (0, 3)))


@pytest.mark.parametrize(
    ("header", "code", "options", "told"),
    [
        ("ImageId,EncodedPixels", "2 3 10 3 18 3 26 3", {}, "down the columns from 1"),
        ("id,annotation,cell_type", "8 4 15 4 22 4", {}, "along the rows from 1"),
        ("ImageId,EncodedPixels", "8 4 15 4 22 4", {"rle_order": "rows"}, "along the rows from 1"),
        ("ImageId,EncodedPixels", "1 3 9 3 17 3 25 3", {"rle_base": 0}, "down the columns from 0"),
        ("ImageId,EncodedPixels", "7 4 14 4 21 4", {"rle_base": 0, "rle_order": "rows"}, None),
    ],
)
def test_how_pixels_are_counted_is_told(tmp_path, header, code, options, told):
    Image.new("L", (7, 8)).save(tmp_path / "a.png")
    (tmp_path / "train.csv").write_text(f"{header}\na,{code}{',astro' * header.count('cell')}\n")
    masks = [i.mask() for s in converter.open(tmp_path, **options) for i in s.instances]
    assert len(masks) == 1
    assert np.array_equal(masks[0], SQUARE)
    notes = [n.message for n in converter.inspect(tmp_path, **options).notes if n.code == "rle-order"]
    assert len(notes) == (told is not None)
    assert told is None or told in notes[0]


def test_names_that_are_of_folder_and_file(tmp_path):
    """UW-Madison GI tract: the file says the size of a pixel, too."""
    named = {}
    for day in ("case1_day1", "case1_day12", "case11_day1"):
        folder = tmp_path / "set/train" / day.split("_")[0] / day / "scans"
        folder.mkdir(parents=True)
        for number in (1, 11):
            file = folder / f"slice_{number:04d}_7_8_1.50_1.50.png"
            Image.new("I;16", (7, 8)).save(file)
            named[f"{day}_slice_{number:04d}"] = file
    rows = [f"{name},stomach,8 4 15 4 22 4" for name in named]
    (tmp_path / "set/train.csv").write_text(
        "\n".join(["id,class,segmentation", *rows, "case2_day1_slice_0001,stomach,"])
    )
    outcome = converter.convert(tmp_path / "set", tmp_path / "out", to="coco", on_error="skip")
    assert [x.image for x in outcome.losses] == ["case2_day1_slice_0001"]
    found = {s.image.name: s for s in converter.open(tmp_path / "out")}
    assert found.keys() == {f"{name}.png" for name in named}
    assert all((i.mask() == SQUARE).all() for s in found.values() for i in s.instances)
    files = {s.image.name: s.image.file for s in converter.open(tmp_path / "set", on_error="skip")}
    assert files == {f"{name}.png": str(file.relative_to(tmp_path / "set")) for name, file in named.items()}


def test_a_run_that_starts_at_0_asks_for_the_base(tmp_path, capfd):
    Image.new("L", (7, 8)).save(tmp_path / "a.png")
    (tmp_path / "train.csv").write_text("ImageId,EncodedPixels\na,0 2 55 1\n")
    assert "--rle-base 0" in segpack_here(capfd, "convert", tmp_path, tmp_path.parent / "out", "--to", "coco").error
    (sample,) = converter.open(tmp_path, rle_base=0)
    assert [tuple(p) for p in np.argwhere(sample.instances[0].mask())] == [(0, 0), (1, 0), (7, 6)]


def test_a_class_without_an_object_is_one(tmp_path):
    Image.new("L", (7, 8)).save(tmp_path / "a.png")
    rows = ["a.png_Fish,1 3", "a.png_Flower,", "a.png_2_wheeler,nan"]
    (tmp_path / "train.csv").write_text("\n".join(["Image_Label,EncodedPixels", *rows[:2]]) + "\n")
    assert [c.name for c in converter.open(tmp_path).classes] == ["Fish", "Flower"]
    rows = ["a.png,1 3,Fish", "a.png,1 4,2_wheeler", "b.png,,"]
    Image.new("L", (7, 8)).save(tmp_path / "b.png")
    (tmp_path / "train.csv").write_text("\n".join(["ImageId,EncodedPixels,Class", *rows]) + "\n")
    dataset = converter.open(tmp_path)
    assert [c.name for c in dataset.classes] == ["2_wheeler", "Fish"]
    assert [[i.class_name for i in s.instances] for s in dataset] == [["Fish", "2_wheeler"], []]


@pytest.mark.parametrize(
    ("rows", "listed", "classes"),
    [
        (["a.png,1 3,1", "a.png,,2"], None, [(1, "class_1"), (2, "class_2")]),
        (["a.png,1 3,1", "a.png,,0"], '{"1": "cat", "2": "dog"}', [(1, "cat"), (2, "dog")]),
        (["a.png,1 3,1", "a.png,,healthy"], None, [(1, "class_1")]),
        (["a.png,1 3,cat", "a.png,,0"], None, [(1, "cat")]),
    ],
)
def test_rows_without_an_object_change_no_class_of_others(tmp_path, rows, listed, classes):
    Image.new("L", (7, 8)).save(tmp_path / "a.png")
    (tmp_path / "train.csv").write_text("\n".join(["ImageId,EncodedPixels,ClassId", *rows]) + "\n")
    if listed is not None:
        (tmp_path / "classes.json").write_text(listed)
    assert [(c.id, c.name) for c in converter.open(tmp_path).classes] == classes


@pytest.mark.parametrize("label", ["6_20_43", "6_20,43"])
def test_attributes_of_imaterialist_are_kept_or_lost_aloud(tmp_path, label):
    root = tmp_path / "set"
    root.mkdir()
    Image.new("L", (7, 8)).save(root / "a.png")
    (root / "train.csv").write_text(f'ImageId,EncodedPixels,ClassId\na.png,1 3,"{label}"\n')
    (sample,) = converter.open(root)
    assert [(i.class_id, i.attributes["attributes"]) for i in sample.instances] == [(6, {"ids": "20,43"})]
    losses = converter.convert(root, tmp_path / "out", to="instance-png").losses
    assert [x.code for x in losses] == ["attribute-dropped"]


def test_a_table_beside_masks_is_the_same_said_again(tmp_path, capfd):
    folder = tmp_path / "stage1_train/abc"
    for name, value in (("images/abc.png", 7), ("masks/one.png", 255)):
        (folder / name).parent.mkdir(parents=True)
        Image.new("L", (7, 8), value).save(folder / name)
    (tmp_path / "stage1_train_labels.csv").write_text("ImageId,EncodedPixels\nabc,1 56\n")
    assert converter.open(tmp_path).format == "instance-png"
    assert converter.open(tmp_path / "stage1_train_labels.csv").format == "rle-csv"
    run = segpack_here(capfd, "inspect", tmp_path, "--rle-order", "rows")
    assert run.code == 2
    assert "--rle-order is for rle-csv, and this is instance-png" in run.error


def test_rle_csv_has_every_mask():
    dataset = converter.open(FIXTURES / "rle-csv/valid/numbers")
    wanted = {d.name: Counter((t.class_id, t.mask.tobytes()) for t in d.things) for d in drawings() if d.things}
    ids = {c.name: c.id for c in dataset.classes}
    found = {s.image.name: Counter((ids[i.class_name], i.mask().tobytes()) for i in s.instances) for s in dataset}
    assert found == wanted


def test_a_table_of_boxes_beside_that_of_masks_is_told(tmp_path):
    source = shutil.copytree(FIXTURES / "openimages/valid/other-sizes", tmp_path / "set")
    row = "rings,xclick,/m/01yrx,1,0.1,0.2,0.3,0.4,0,0,0,0,0"
    header = (
        "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsTruncated,IsGroupOf,IsDepiction,IsInside"
    )
    (source / "test-annotations-bbox.csv").write_text(f"{header}\n{row}\n")
    result = converter.convert(source, tmp_path / "out", to="coco")
    (note,) = [n for n in result.notes if n.code == "unused-file"]
    assert note.where.endswith("test-annotations-bbox.csv")
    assert note.message == "it was not read: it holds boxes without masks"


def test_masks_of_another_size_are_scaled_to_the_image():
    """Twice as large, each pixel of the image has four alike."""
    dataset = converter.open(FIXTURES / "openimages/valid/other-sizes")
    wanted = {d.name.removesuffix(".png"): [t.mask for t in d.things] for d in pictures()}
    for sample in dataset:
        masks = wanted[sample.image.name.removesuffix(".jpg")]
        assert all((i.mask() == m).all() for i, m in zip(sample.instances, masks, strict=True))


def test_images_of_open_images_are_pngs_below_folders_and_splits_share_their_names(tmp_path):
    """As Datumaro and CVAT write them: a mask is named after its image, so that two splits may name theirs alike."""
    head = "MaskPath,ImageID,LabelName,BoxID,BoxXMin,BoxXMax,BoxYMin,BoxYMax,PredictedIoU,Clicks"
    painted: dict[tuple[str | None, str], np.ndarray] = {}
    for place, split in enumerate(("train", "validation")):
        for id, mask in (("sub/a", "suba_cat_0.png"), ("b", "b_cat_0.png")):
            pixels = np.zeros((4, 6), np.uint8)
            pixels[place : place + 2, len(id) :] = 255
            painted[split.removesuffix("idation"), f"{id}.png"] = pixels > 0
            for path in (tmp_path / f"images/{split}/{id}.png", tmp_path / f"masks/{split}/{mask}"):
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).save(path)
        rows = [f"{mask},{id},cat,0{',' * 6}" for id, mask in (("sub/a", "suba_cat_0.png"), ("b", "b_cat_0.png"))]
        (tmp_path / f"{split}-annotations-object-segmentation.csv").write_text("\n".join([head, *rows]) + "\n")
    found = {(s.image.split, s.image.name): s for s in converter.open(tmp_path)}
    assert found.keys() == painted.keys()
    for key, sample in found.items():
        assert f"images/{key[0]}" in str(sample.image.file)
        assert [i.mask().tolist() for i in sample.instances] == [painted[key].tolist()]


def test_sizes_turned_over_are_set_right():
    named = {d.name.removesuffix(".png"): d for d in torture()}
    for sample in converter.open(FIXTURES / "sam/valid/turned"):
        things = named[sample.image.name.removesuffix(".jpg")].things
        assert all((i.mask() == t.mask).all() for i, t in zip(sample.instances, things, strict=True))


def test_scores_reach_coco(tmp_path):
    converter.convert(FIXTURES / "coco-results/valid/categories", tmp_path / "out", to="coco")
    scores = [i.attributes["score"] for s in converter.open(tmp_path / "out") for i in s.instances]
    assert scores == [0.25, 0.5, 0.25, 0.5, 0.75, 1.0]


def test_results_without_their_images_say_what_is_missing(tmp_path):
    (tmp_path / "results.json").write_text('[{"image_id":1,"category_id":1,"score":1,"bbox":[1,2,3,4]}]')
    run = segpack("inspect", tmp_path / "results.json", check=2)
    assert "--images FILE.json" in run.error


def test_parts_of_ade20k_are_objects_of_their_own():
    dataset = converter.open(FIXTURES / "ade20k/valid/full")
    sample = next(iter(dataset))
    levels = [(i.class_name, i.attributes.get("part_level", 0)) for i in sample.instances]
    assert levels == [("wall", 0), ("car, auto", 0), ("door", 1), ("door", 1)]
    assert [c.id for c in dataset.classes] == [12, 401, 774, 2836]
    assert int(sample.instances[2].mask().sum()) == 45


def test_nothing_is_other_in_the_150_classes():
    dataset = converter.open(FIXTURES / "ade20k/valid/150-classes")
    sample = next(iter(dataset))
    assert dataset.task == "semantic"
    assert sample.labels is not None
    assert set(np.unique(sample.labels)) == {0, 149, 150}


def drawn(folder, header, *rows, **options):
    """The masks that a table gives, by image, and the notes that it is given."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    for name in ("a", "b"):
        Image.new("RGB", (7, 5)).save(folder / f"images/{name}.png")
    (folder / "train.csv").write_text("\n".join((header, *rows)) + "\n")
    opened = converter.open(folder, format="rle-csv", **options)
    return {s.image.name: [i.mask() for i in s.instances] for s in opened}


def test_carvana_counts_along_the_rows(tmp_path):
    (mask,) = drawn(tmp_path, "img,rle_mask", "a.png,2 3 9 3")["a.png"]
    assert np.argwhere(mask).tolist() == [[0, 1], [0, 2], [0, 3], [1, 1], [1, 2], [1, 3]]


def test_starts_that_do_not_ascend_are_steps(tmp_path):
    """SIIM: its own mask_functions.py begins at 0, and counts each start from the end of the run before."""
    rows = ("a,11 2 3 2 3 1", "b,-1")
    (mask,) = drawn(tmp_path, "ImageId, EncodedPixels", *rows)["a.png"]
    expected, at = np.zeros(35, bool), 0
    for start, length in ((11, 2), (3, 2), (3, 1)):
        at += start
        expected[at : at + length] = True
        at += length
    assert np.array_equal(mask, expected.reshape(7, 5).T)
    notes = [note.code for note in converter.inspect(tmp_path, format="rle-csv").notes]
    assert notes == ["rle-steps", "rle-order"]


def test_a_row_whose_starts_do_not_ascend_among_many_that_do(tmp_path):
    rows = [f"a,{start} 2 {start + 5} 2" for start in range(1, 20)] * 40
    with pytest.raises(SourceError, match="line 762: the starts of its runs do not ascend"):
        drawn(tmp_path, "ImageId,EncodedPixels", *rows, "b,9 2 3 2")


def test_columns_that_have_no_place_are_told(tmp_path):
    drawn(tmp_path, "id,rle,organ,age", "a,1 2,lung,70")
    notes = {note.code: note.message for note in converter.inspect(tmp_path, format="rle-csv").notes}
    assert notes["attributes-unread"] == "columns that have no place are left out: organ, age"


def test_attributes_in_a_column_of_their_own(tmp_path):
    """IMaterialist 2020."""
    header = "ImageId,EncodedPixels,Height,Width,ClassId,AttributesIds"
    drawn(tmp_path, header, 'a,1 2,5,7,3,"115,136"', "b,4 2,5,7,4,")
    opened = converter.open(tmp_path, format="rle-csv")
    assert [i.attributes for s in opened for i in s.instances] == [{"attributes": {"ids": "115,136"}}, {}]
    assert "attributes-unread" not in {note.code for note in converter.inspect(tmp_path, format="rle-csv").notes}


def test_columns_of_open_images_that_have_no_place_are_noted(tmp_path):
    source = shutil.copytree(FIXTURES / "openimages/valid/other-sizes", tmp_path / "set")
    (table,) = source.glob("*-annotations-object-segmentation.csv")
    head, *rows = table.read_text().splitlines()
    table.write_text("\n".join([f"{head},IsOccluded", *(f"{row},1" for row in rows)]) + "\n")
    notes = {note.code: note.message for note in converter.convert(source, tmp_path / "out", to="coco").notes}
    assert notes["attributes-unread"] == "columns that have no place are left out: IsOccluded"
