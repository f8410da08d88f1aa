"""COCO panoptic: against the twin in RLE that its authors made, and by the rules of panopticapi."""

from __future__ import annotations

import io
import json
import shutil

import numpy as np
from PIL import Image, ImageOps

import converter
from converter.geometry import rle
from converter.pipeline.opening import detect
from converter.storage import open_source
from tests.support import FIXTURES, read


def test_every_segment_is_its_twin(data):
    folder = data / "panopticapi_sample" / "sample_data"
    twin = json.loads((folder / "panoptic_coco_detection_format.json").read_text())
    wanted: dict[int, list[tuple[int, bool, str]]] = {}
    for a in twin["annotations"]:
        code = a["segmentation"]["counts"]
        wanted.setdefault(a["image_id"], []).append((a["category_id"], bool(a["iscrowd"]), code))
    dataset = converter.open(folder / "panoptic_examples.json")
    ids = {c.name: c.id for c in dataset.classes}
    alike = 0
    for sample in dataset:
        found = [(ids[i.class_name], i.iscrowd, rle.encode(i.mask()).counts.decode()) for i in sample.instances]
        assert sorted(found) == sorted(wanted[sample.image.id or 0])
        alike += len(found)
    assert alike == 50


def test_the_sample_is_detected_beside_its_twin(data):
    format, _, _ = detect(open_source(data / "panopticapi_sample"))
    assert format.name == "coco-panoptic"


def test_written_files_keep_the_rules_of_panopticapi(data, tmp_path):
    source = data / "panopticapi_sample" / "sample_data" / "panoptic_examples.json"
    converter.convert(source, tmp_path / "out", to="coco-panoptic")
    found = json.loads((tmp_path / "out/annotations/panoptic.json").read_text())
    original = {a["image_id"]: a for a in json.loads(source.read_text())["annotations"]}
    assert {c["isthing"] for c in found["categories"]} == {0, 1}
    for a in found["annotations"]:
        pixels = np.asarray(Image.open(tmp_path / "out/annotations/panoptic" / a["file_name"]), np.uint32)
        codes = pixels[..., 0] + 256 * pixels[..., 1] + 65536 * pixels[..., 2]
        areas = {int(v): int(n) for v, n in zip(*np.unique(codes, return_counts=True), strict=True) if v}
        assert areas == {s["id"]: s["area"] for s in a["segments_info"]}
        assert areas.keys() == {s["id"] for s in original[a["image_id"]]["segments_info"]}
        assert (
            Image.open(io.BytesIO((tmp_path / "out/annotations/panoptic" / a["file_name"]).read_bytes())).mode == "RGB"
        )


def test_what_overlaps_is_told(tmp_path):
    result = converter.convert(FIXTURES / "coco/valid/torture", tmp_path / "out", to="coco-panoptic")
    codes = {loss.code for loss in result.losses}
    assert codes == {"overlap-hidden", "empty-mask"}
    assert read(tmp_path / "out")["task"] == "instance"


def test_crowds_are_flagged_in_many_ways(tmp_path):
    """A text of 0 is not true for not being empty."""
    converter.convert(FIXTURES / "coco/valid/coins", tmp_path / "set", to="coco-panoptic")
    file = tmp_path / "set/annotations/panoptic.json"
    top = json.loads(file.read_text())
    segments = [s for a in top["annotations"] for s in a["segments_info"]]
    flags = ["0", "1", "false", "true", 0.0, 1]
    for segment, flag in zip(segments, flags, strict=False):
        segment["iscrowd"] = flag
    file.write_text(json.dumps(top))
    crowds = [i.iscrowd for sample in converter.open(tmp_path / "set") for i in sample.instances]
    assert crowds[: len(flags)] == [False, True, False, True, False, True]
    assert not any(crowds[len(flags) :])


def test_pngs_in_a_folder_called_panoptic_beside_semantic_ones_of_each_split(tmp_path):
    converter.convert(FIXTURES / "coco/valid/coins", tmp_path / "out", to="coco-panoptic")
    masks = [i.mask() for s in converter.open(tmp_path / "out") for i in s.instances]
    for split in ("train", "val"):
        tree = tmp_path / "lars" / split
        shutil.copytree(tmp_path / "out/images", tree / "images")
        shutil.copy(tmp_path / "out/annotations/panoptic.json", tree / "panoptic_annotations.json")
        for kind in ("panoptic_masks", "semantic_masks"):
            shutil.copytree(tmp_path / "out/annotations/panoptic", tree / kind)
        for path in (tree / "semantic_masks").iterdir():
            Image.open(path).convert("L").point(bool).save(path)
    for path in (tmp_path / "lars/val").glob("*/*.png"):
        ImageOps.mirror(Image.open(path)).save(path)
    found = list(converter.open(tmp_path / "lars"))
    for split, way in (("train", 1), ("val", -1)):
        read = [i.mask()[:, ::way].tolist() for s in found if s.image.split == split for i in s.instances]
        assert read == [mask.tolist() for mask in masks]
    converter.convert(tmp_path / "lars", tmp_path / "copy", to="coco")
    for path in (tmp_path / "copy/images").rglob("*.png"):
        split, name = path.parts[-2:]
        assert path.read_bytes() == (tmp_path / "lars" / split / "images" / name).read_bytes()


def test_trees_as_the_script_of_cityscapes_makes_them(tmp_path):
    """The names of images have a `gtFine` in them that their files have not; splits stand at the end of the JSONs'."""
    converter.convert(FIXTURES / "coco/valid/coins", tmp_path / "out", to="coco-panoptic")
    before = [i.mask().tolist() for s in converter.open(tmp_path / "out") for i in s.instances]
    for split in ("train", "val"):
        truth, images = tmp_path / f"set/gtFine/cityscapes_panoptic_{split}", tmp_path / f"set/leftImg8bit/{split}/ulm"
        truth.mkdir(parents=True)
        images.mkdir(parents=True)
        top = json.loads((tmp_path / "out/annotations/panoptic.json").read_text())
        ids = {image["id"]: f"ulm_{split}_{at:06}" for at, image in enumerate(top["images"])}
        for image in top["images"]:
            bare = ids[image["id"]]
            shutil.copy(tmp_path / "out/images" / image["file_name"], images / f"{bare}_leftImg8bit.png")
            image |= {"file_name": f"{bare}_gtFine_leftImg8bit.png", "id": bare}
        for annotation in top["annotations"]:
            mask = f"{ids[annotation['image_id']]}_gtFine_panoptic.png"
            shutil.copy(tmp_path / "out/annotations/panoptic" / annotation["file_name"], truth / mask)
            annotation |= {"file_name": mask, "image_id": ids[annotation["image_id"]]}
        truth.with_suffix(".json").write_text(json.dumps(top))
    found = list(converter.open(tmp_path / "set"))
    assert [s.image.path for s in found] == [
        f"{split}/ulm_{split}_00000{at}_leftImg8bit.png" for split in ("train", "val") for at in (0, 1)
    ]
    assert [i.mask().tolist() for s in found for i in s.instances] == 2 * before
    assert not converter.convert(tmp_path / "set", tmp_path / "copy", to="coco").notes
