"""The package: its layout, its proof, its bytes."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import shutil
import subprocess
import zipfile
from collections import Counter
from pathlib import Path

import jsonschema
import pytest

import converter
from converter.errors import PackageError
from converter.layouts.coco_write import CocoAssembler
from converter.storage.zip_store import ZipStore
from tests.conformance.trees import READERS
from tests.data.sets import camvid_classes, dsb2018
from tests.support import FIXTURES, ROOT, codes, read, segpack, valid_cases

COLUMNS = (
    "image,mask,split,width,height,instance_id,class_id,class_name,bbox_x,bbox_y,bbox_w,bbox_h,area,iscrowd,"
    "image_sha256,mask_sha256"
)
MASKS = valid_cases("coco", "instance-png", "semantic-png", "yolo-seg")
PACKED = [c for c in MASKS if c.name in {"coins", "torture", "splits", "parallel", "sixteen-bits", "ignored", "mixed"}]


@pytest.fixture(scope="module")
def schema():
    return segpack("schema", "meta").json


def check(file: Path, schema: object) -> None:
    """What must hold of every package: unzip, the schema, the layout, the checksums, the agreement of encodings."""
    assert shutil.which("unzip"), "unzip is needed"
    subprocess.run(["unzip", "-tqq", file], check=True)
    with zipfile.ZipFile(file) as archive:
        names = archive.namelist()
        about = json.loads(archive.read("meta.json"))
        jsonschema.validate(about, schema, cls=jsonschema.Draft202012Validator)
        text = archive.read("index.csv").decode("utf-8")
        assert text.splitlines()[0] == COLUMNS
        assert "\r" not in text
        rows = list(csv.DictReader(io.StringIO(text)))
        for row in rows:
            for path, digest in ((row["image"], row["image_sha256"]), (row["mask"], row["mask_sha256"])):
                if digest:
                    assert hashlib.sha256(archive.read(path)).hexdigest() == digest
    assert {n.partition("/")[0] for n in names} <= {"meta.json", "index.csv", "images", "masks", "coco", "yolo"}
    assert {r["image"] for r in rows} == {n for n in names if n.startswith("images/")}
    assert {r["mask"] for r in rows} - {""} == {n for n in names if n.startswith("masks/")}
    assert about["counts"]["images"] == len({r["image"] for r in rows})
    assert "coco/coco.json" in names
    assert all(f"coco/{split}.json" in names for split in about["splits"])


@pytest.mark.parametrize("case", PACKED, ids=str)
def test_a_package_holds_what_its_source_does(case, schema, tmp_path):
    out = tmp_path / "out.zip"
    run = segpack("pack", case.path, out, *case.arguments, "--yolo", "seg", "--json")
    check(out, schema)
    again = read(out)
    source = read(case.path, **case.options)
    assert again["task"] == source["task"]
    assert [c["name"] for c in again["classes"]] == [c["name"] for c in source["classes"]]
    assert len(again["images"]) == len(source["images"])
    if not run.json["losses"]:
        drawn = [sorted(map(json.dumps, i["instances"])) for i in source["images"]]
        assert sorted(drawn) == sorted(sorted(map(json.dumps, i["instances"])) for i in again["images"])


@pytest.mark.parametrize("encoding", ["binary", "multi-class", "rle", "polygon"])
def test_the_mask_encoding_asked_for_is_the_primary_one(encoding, schema, tmp_path):
    out = tmp_path / "out.zip"
    segpack("pack", FIXTURES / "coco/valid/coins", out, "--mask-encoding", encoding)
    check(out, schema)
    with zipfile.ZipFile(out) as archive:
        about = json.loads(archive.read("meta.json"))
        content = json.loads(archive.read("coco/coco.json"))
        masks = [n for n in archive.namelist() if n.startswith("masks/")]
    assert about["mask_encoding"] == encoding
    assert about["task"] == ("semantic" if encoding == "multi-class" else "instance")
    assert bool(masks) == (encoding in {"binary", "multi-class"})
    kinds = {type(a["segmentation"]) for a in content["annotations"]}
    assert kinds <= ({dict} if encoding == "rle" else {list} if encoding == "polygon" else {dict, list})


@pytest.mark.parametrize("labels", ["boxes", "seg"])
def test_yolo_labels_are_those_of_a_conversion(labels, tmp_path):
    source = FIXTURES / "coco/valid/coins"
    segpack("pack", source, tmp_path / "out.zip", "--yolo", labels)
    format = {"boxes": "yolo", "seg": "yolo-seg"}[labels]
    segpack("convert", source, tmp_path / "tree", "--to", format)
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        packed = {n.removeprefix("yolo/"): archive.read(n) for n in archive.namelist() if n.startswith("yolo/labels/")}
    written = {
        p.relative_to(tmp_path / "tree").as_posix(): p.read_bytes() for p in tmp_path.glob("tree/labels/**/*.txt")
    }
    assert packed
    assert packed == written


def test_a_package_converts_to_a_tree_that_trainers_read(tmp_path):
    segpack("pack", FIXTURES / "yolo-seg/valid/splits", tmp_path / "set.zip", "--yolo", "seg")
    segpack("convert", tmp_path / "set.zip", tmp_path / "tree", "--to", "yolo-seg")
    expected = READERS["yolo-seg"](FIXTURES / "yolo-seg/valid/splits")
    assert READERS["yolo-seg"](tmp_path / "tree").keys() == expected.keys()


@pytest.mark.parametrize("encoding", ["binary", "multi-class"])
def test_class_ids_are_compared_with_those_of_the_package_that_is_read(encoding, tmp_path):
    """Not with those of the set that it was once made from."""
    first = converter.pack(FIXTURES / "yolo-seg/valid/splits", tmp_path / "a.zip", mask_encoding=encoding)
    assert [(m.source_id, m.id) for m in first.class_moves] == [(c.id - 1, c.id) for c in first.classes]
    assert converter.convert(tmp_path / "a.zip", tmp_path / "coco", to="coco").class_moves == ()
    again = converter.convert(tmp_path / "a.zip", tmp_path / "yolo", to="yolo-seg")
    assert [(m.source_id, m.id) for m in again.class_moves] == [(c.id, c.id - 1) for c in first.classes]


@pytest.mark.parametrize("case", [c for c in PACKED if c.name in {"coins", "splits"}], ids=str)
def test_the_same_bytes_wherever_and_whenever(case, tmp_path):
    """Workers, current folder, time zone, hash seed and locale leave no trace in the ZIP."""
    surroundings = [
        (tmp_path, "1", {"TZ": "UTC", "PYTHONHASHSEED": "1", "LC_ALL": "C"}),
        (ROOT, "3", {"TZ": "Asia/Tokyo", "PYTHONHASHSEED": "77", "LC_ALL": "C.UTF-8"}),
    ]
    digests = set()
    for i, (folder, workers, variables) in enumerate(surroundings):
        out = tmp_path / str(i) / "out.zip"
        segpack("pack", case.path, out, "--yolo", "seg", "--workers", workers, cwd=folder, env=variables)
        digests.add(hashlib.sha256(out.read_bytes()).hexdigest())
    assert len(digests) == 1


@pytest.mark.parametrize("way", [".", "../cells.v2", "{}", "coco.json", "../cells.v2/../cells.v2/"])
def test_a_set_has_the_name_of_its_folder_however_it_is_named(way, tmp_path, monkeypatch):
    source = tmp_path / "cells.v2"
    shutil.copytree(FIXTURES / "coco/valid/coins", source)
    monkeypatch.chdir(source)
    converter.pack(way.format(source), tmp_path / "out.zip")
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert json.loads(archive.read("meta.json"))["name"] == "cells.v2"


def test_boxes_cannot_be_packed_as_masks(tmp_path):
    run = segpack("pack", FIXTURES / "yolo/valid/coins", tmp_path / "out.zip", check=2)
    assert "--boxes-as-masks" in run.error
    assert list(tmp_path.iterdir()) == []


def test_the_schema_refuses_what_is_none(schema):
    jsonschema.Draft202012Validator.check_schema(schema)
    wrongs: list[object] = [{}, {"format": "segmentation-dataset"}, []]
    for wrong in wrongs:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, schema)


REAL = {
    "dsb2018_stage1": "dsb2018",
    "tiny_coco": "tiny_coco",
    "camvid": "camvid_segnet/CamVid",
    "coco8-seg": "ultralytics_coco8/example_datasets/coco8-seg",
}


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "is empty"), (b"<html>404</html>", "is a web page"), (b'{"format": "segm', "line 1, byte 16: is not JSON")],
)
def test_a_package_with_a_damaged_meta_json_is_refused(content, said, tmp_path):
    converter.pack(FIXTURES / "coco/valid/splits", tmp_path / "whole", workers=1)
    (tmp_path / "whole/meta.json").write_bytes(content)
    run = segpack("convert", tmp_path / "whole", tmp_path / "out", "--to", "coco", check=2)
    assert f"meta.json: {said}" in run.error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", REAL)
def test_packages_of_real_sets_are_clean_with_any_workers(name, data, whole, schema, tmp_path):
    options: list[object] = ["--yolo", "seg"]
    source = data / REAL[name]
    if name == "camvid":
        options = ["--classes", camvid_classes(tmp_path)]
    if name == "dsb2018_stage1":
        source = dsb2018(data, tmp_path / "some", None if whole else 5)
    for workers in ("1", "2"):
        segpack(
            "pack", source, tmp_path / f"{workers}.zip", *options, "--workers", workers, env={"TZ": f"UTC-{workers}"}
        )
    check(tmp_path / "1.zip", schema)
    assert (tmp_path / "1.zip").read_bytes() == (tmp_path / "2.zip").read_bytes()


def test_real_data_without_images(data, schema, tmp_path):
    source = data / "taco/data/annotations.json"
    run = segpack("pack", source, tmp_path / "taco.zip", "--image-files", "none", "--mask-encoding", "rle", "--json")
    assert run.json["images"] == 1500
    assert "duplicate-annotation-id" in codes(run.json["notes"])
    with zipfile.ZipFile(tmp_path / "taco.zip") as archive:
        jsonschema.validate(json.loads(archive.read("meta.json")), schema)


def test_real_boxes_are_packed_only_as_masks(data, tmp_path):
    source = data / "ultralytics_coco8/example_datasets/coco8"
    segpack("pack", source, tmp_path / "out.zip", check=2)
    segpack("pack", source, tmp_path / "out.zip", "--boxes-as-masks", "--yolo", "boxes")
    assert zipfile.is_zipfile(tmp_path / "out.zip")


def test_the_file_of_a_split_is_read_back_too(tmp_path, monkeypatch):
    add = CocoAssembler.add

    def forgetful(self, record):
        add(self, record)
        self.parts["val"].annotations = self.out.spool()

    monkeypatch.setattr(CocoAssembler, "add", forgetful)
    with pytest.raises(PackageError, match=r"coco/val\.json says of this image"):
        converter.pack(FIXTURES / "coco/valid/splits", tmp_path / "out.zip", workers=1)
    assert list(tmp_path.iterdir()) == []


def test_an_image_of_many_objects_is_read_back_as_often_as_one_of_few(tmp_path, monkeypatch):
    times: Counter[str] = Counter()
    plain = ZipStore.read

    def counted(store, path):
        times[path] += 1
        return plain(store, path)

    monkeypatch.setattr(ZipStore, "read", counted)
    converter.pack(FIXTURES / "coco/valid/coins", tmp_path / "out.zip", workers=1)
    images = [n for path, n in times.items() if path.startswith("images/")]
    assert len(images) == 2
    assert max(images) <= 2  # to be checked, and to be hashed
