"""Formats whose pixels are numbers of objects: what is read is what was painted, thing by thing."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pycocotools.mask import encode

import converter
from tests.maps import pictures
from tests.oracle import decode
from tests.support import FIXTURES, segpack_here

CASES = [
    ("mots", "sequences", {}),
    ("kitti", "training", {}),
    ("bdd100k", "ins-seg", {}),
    ("mapillary", "release-1", {}),
    ("cityscapes", "objects", {}),
    ("instance-map", "folders", {"format": "instance-map"}),
]
STUFF = {"road", "construction--flat--road", "void--unlabeled"}


@pytest.mark.parametrize(("name", "case", "options"), CASES, ids=[c[0] for c in CASES])
def test_every_thing_is_there_with_its_pixels(name, case, options):
    painted = [Counter(t.mask.tobytes() for t in d.things) for d in pictures()]
    dataset = converter.open(FIXTURES / name / "valid" / case, **options)
    seen = 0
    for sample in dataset:
        found = Counter(i.mask().tobytes() for i in sample.instances if i.class_name not in STUFF)
        whole = [p for p in painted if p and not p - found]
        assert whole or not found
        seen += bool(whole)
    assert seen >= 3


@pytest.mark.parametrize("channels", [3, 4])
def test_numbers_of_a_gray_picture_in_rgb(tmp_path, channels):
    codes = np.arange(48, dtype=np.uint8).reshape(6, 8)
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
        alpha = np.full((6, 8, channels - 3), 255, np.uint8)
        Image.fromarray(np.dstack([codes, codes, codes, alpha])).save(tmp_path / folder / "a.png")
    (sample,) = converter.open(tmp_path, format="instance-map")
    assert [np.flatnonzero(i.mask()).tolist() for i in sample.instances] == [[n] for n in range(1, 48)]


def test_objects_told_by_colours_are_refused(tmp_path, capfd):
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
        Image.new("RGB", (4, 4), (1, 2, 3)).save(tmp_path / folder / "a.png")
    error = segpack_here(capfd, "inspect", tmp_path, "--from", "instance-map").error
    assert error.endswith("a picture in colours, where one number a pixel is expected; save the numbers as gray PNG")


def losses_of(path: Any, tmp_path: Any, to: str) -> list[Any]:
    return list(converter.convert(path, tmp_path / "out", to=to).losses)


def test_mots_keeps_what_is_to_be_ignored_apart(tmp_path):
    source = FIXTURES / "mots/valid/sequences"
    assert not losses_of(source, tmp_path, "coco")
    back = converter.open(tmp_path / "out")
    regions = [s.image.extra["ignore_region"] for s in back if "ignore_region" in s.image.extra]
    assert len(regions) == 1
    assert {"ignore-dropped"} <= {x.code for x in converter.convert(source, tmp_path / "yolo", to="yolo-seg").losses}


def test_every_row_of_a_mots_table_counts(tmp_path):
    """Two regions to be ignored are one; numbers above 1000 that are not of their class are tracks as they stand."""
    masks = np.zeros((5, 9, 12), np.uint8, order="F")
    for place, mask in enumerate(masks):
        mask[place, 2 * place : 2 * place + 2] = 1
    ids = ((1, 2), (1001, 2), (2003, 2), (10000, 10), (10000, 10))
    codes = [encode(np.asfortranarray(mask))["counts"].decode() for mask in masks]
    rows = [f"1 {id} {class_id} 9 12 {code}\n" for (id, class_id), code in zip(ids, codes, strict=True)]
    (tmp_path / "set/0001/gt").mkdir(parents=True)
    (tmp_path / "set/0001/gt/gt.txt").write_text("".join(rows))
    converter.convert(tmp_path / "set", tmp_path / "out", to="coco", image_files="none")
    read = json.loads((tmp_path / "out/coco.json").read_text())
    assert [a["track_id"] for a in read["annotations"]] == [1, 1001, 3]
    assert np.array_equal(decode(read["images"][0]["ignore_region"]), masks[3] | masks[4])


@pytest.mark.parametrize("background", [True, False])
def test_kitti_and_cityscapes_with_classes_of_their_own(tmp_path, background):
    """As Datumaro and CVAT write them: without a background KITTI begins at class 0, Cityscapes at 1."""
    lines = ["0 0 0 background"] * background + ["128 0 0 traffic light", "0 128 0 dog", "0 0 128 fox"]
    shift = 256 * background
    kitti = np.repeat([[0, shift + 1, shift + 2, shift + 256 + 3]], 2, 0)
    city = np.repeat([[0, 1, 1, 2]], 2, 0)
    files: dict[str, Any] = {
        "kitti/train/image_2/a.png": city.astype(np.uint8),
        "kitti/train/instance/a.png": kitti.astype(np.uint16),
        "city/leftImg8bit/train/a_leftImg8bit.png": city.astype(np.uint8),
        "city/gtFine/train/a_gtFine_instanceIds.png": city.astype(np.uint16),
    }
    for name, pixels in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / name)
    for name, codes, wanted in (
        ("kitti", kitti, ["traffic light", "traffic light", "dog"]),
        ("city", city, ["traffic light", "dog"]),
    ):
        (tmp_path / name / "label_colors.txt").write_text("\n".join(lines))
        dataset = converter.open(tmp_path / name)
        (sample,) = dataset
        assert [c.name for c in dataset.classes] == ["traffic light", "dog", "fox"]
        assert [i.class_name for i in sample.instances] == wanted
        assert [i.mask().tolist() for i in sample.instances] == [
            (codes == v).tolist() for v in sorted({*codes.flat} - {0})
        ]
        assert [i.iscrowd for i in sample.instances] == [name == "city"] * len(wanted)


def test_kitti_with_folders_below_its_own(tmp_path):
    """As Datumaro writes images that lie in folders, one of which may have the name of another's."""
    for value, name in enumerate(("one/a", "two/a", "b"), 26 * 256 + 1):
        for folder, kind in (("instance", np.uint16), ("image_2", np.uint8), ("semantic_rgb", np.uint8)):
            path = tmp_path / f"val/{folder}/{name}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.full((4, value - 6650), value, np.uint32).astype(kind)).save(path)
    found = {(s.image.split, s.image.name): [i.mask().size for i in s.instances] for s in converter.open(tmp_path)}
    assert found == {("val", "one/a.png"): [28], ("val", "two/a.png"): [32], ("val", "b.png"): [36]}
    assert not converter.inspect(tmp_path).notes


def test_mots_that_names_its_classes_beside_its_maps(tmp_path):
    """As Datumaro and CVAT write it: no sequences, any classes, of which the first is class 1."""
    names = [f"kind {n}" for n in range(1, 11)]
    codes = {"train/deep/a": np.repeat([[0, 1001, 2003, 10000]], 3, 0), "val/b": np.repeat([[2001, 0, 2002]], 2, 0)}
    for place, pixels in codes.items():
        split, _, frame = place.partition("/")
        for folder, picture in (("instances", pixels.astype(np.uint16)), ("images", pixels.astype(np.uint8))):
            path = tmp_path / split / folder / f"{frame}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture).save(path)
        (tmp_path / split / "instances/labels.txt").write_text("\n".join(names))
    dataset = converter.open(tmp_path)
    assert (dataset.format, [c.name for c in dataset.classes]) == ("mots", names)
    found = {
        f"{s.image.split}/{s.image.name}": [
            (i.class_name, i.attributes["track_id"], i.mask().tolist()) for i in s.instances
        ]
        for s in dataset
    }
    assert found == {
        f"{place}.png": [(names[v // 1000 - 1], v % 1000, (pixels == v).tolist()) for v in sorted({*pixels.flat} - {0})]
        for place, pixels in codes.items()
    }
    (tmp_path / "val/instances/labels.txt").write_text("other")
    with pytest.raises(converter.SegpackError, match="names other classes than"):
        converter.open(tmp_path)


def test_bdd_flags_are_kept_and_alpha_is_data():
    dataset = converter.open(FIXTURES / "bdd100k/valid/ins-seg")
    extras = [dict(i.attributes) for s in dataset for i in s.instances]
    assert {"occluded": True, "truncated": True} in extras
    assert {"ignored": True} in extras
    assert sum(i.iscrowd for s in dataset for i in s.instances) == 2


def test_bdd_classes_are_those_of_the_folder_that_is_named(tmp_path):
    source = FIXTURES / "bdd100k/valid/pan-seg"
    whole = converter.open(source)
    assert [c.name for c in whole.classes][::39] == ["dynamic", "truck"]
    assert converter.open(source / "labels/pan_seg", images=source / "images").classes == whole.classes
    shutil.copytree(FIXTURES / "bdd100k/valid/ins-seg/labels/ins_seg", tmp_path / "renamed")
    (note,) = converter.inspect(tmp_path / "renamed").notes
    assert "no folder says of which task" in note.message


def test_a_bird_is_class_0_of_mapillary():
    dataset = converter.open(FIXTURES / "mapillary/valid/release-1")
    assert dataset.classes[0].id == 0
    assert any(i.class_name == "animal--bird" for s in dataset for i in s.instances)
    covered = [sum(int(i.mask().sum()) for i in s.instances) - s.image.width * s.image.height for s in dataset]
    assert covered == [0, 0, 0]


def test_polygons_of_cityscapes_are_painted_as_its_scripts_do():
    sample = next(iter(converter.open(FIXTURES / "cityscapes/valid/polygons")))
    masks = {(i.class_name, n): i.mask() for n, i in enumerate(sample.instances)}
    cars = [m for (name, _), m in masks.items() if name == "car"]
    road = next(m for (name, _), m in masks.items() if name == "road")
    assert len(cars) == 2
    assert not (cars[0] & cars[1]).any()
    assert not (road & cars[1]).any()
    assert cars[1][8:19, 15:31].all()  # the later one lies on top, with its outline
    assert [i.class_name for i in sample.instances if i.iscrowd] == ["person"]
    assert not np.any([name == "bus" for name, _ in masks])


def test_polygons_of_other_classes_are_objects_where_a_class_file_names_them(tmp_path, capfd):
    boxes = {"autorickshaw": [(2, 2), (20, 2)], "car": [(2, 12)], "autorickshawgroup": [(2, 22)]}
    drawn = [
        {"label": label, "polygon": [[x, y], [x + 5, y], [x + 5, y + 5], [x, y + 5]]}
        for label, corners in boxes.items()
        for x, y in corners
    ]
    for folder in ("leftImg8bit/train/0", "gtFine/train/0"):
        (tmp_path / "idd" / folder).mkdir(parents=True)
    Image.new("RGB", (40, 30)).save(tmp_path / "idd/leftImg8bit/train/0/024541_leftImg8bit.jpg")
    drawing = json.dumps({"imgHeight": 30, "imgWidth": 40, "objects": drawn})
    (tmp_path / "idd/gtFine/train/0/024541_gtFine_polygons.json").write_text(drawing)
    run = segpack_here(capfd, "convert", tmp_path / "idd", tmp_path / "out", "--to", "coco")
    assert "'autorickshaw' is not declared; mend it, or name all classes of the set in a classes.json" in run.error
    (tmp_path / "idd/classes.json").write_text('{"26": "car", "40": "autorickshaw"}')
    (sample,) = converter.open(tmp_path / "idd")
    found = sorted((i.class_name, i.iscrowd, int(i.mask().sum())) for i in sample.instances)
    assert found == [("autorickshaw", False, 36)] * 2 + [("autorickshaw", True, 36), ("car", False, 36)]


def test_cityscapes_written_for_its_own_tools(tmp_path):
    converter.convert(FIXTURES / "coco/valid/coins", tmp_path / "out", to="cityscapes")
    images = sorted(p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").rglob("*.png"))
    assert "leftImg8bit/all/all/coins-left_leftImg8bit.png" in images
    assert "gtFine/all/all/coins-left_gtFine_instanceIds.png" in images
    assert (tmp_path / "out/classes.json").is_file()


def test_what_train_ids_ignore_has_no_place_in_label_ids(tmp_path):
    source = FIXTURES / "cityscapes/valid/train-ids"
    lost = losses_of(source, tmp_path, "cityscapes")
    before, after = converter.open(source), converter.open(tmp_path / "out")
    (old,), (new,) = list(before), list(after)
    assert old.labels is not None
    assert new.labels is not None
    ignored = old.labels == 255
    assert [(loss.code, loss.amount) for loss in lost] == [("ignore-dropped", ignored.sum())]
    assert not new.labels[ignored].any()
    ids = {c.name: c.id for c in after.classes}
    for c in before.classes:
        assert np.array_equal(old.labels == c.id, new.labels == ids[c.name]), c.name
