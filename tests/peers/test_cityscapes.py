"""Cityscapes: the dataset's own scripts paint what segpack paints, and find the objects that it writes."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
from PIL import Image

import converter
from tests.peers import peer
from tests.support import FIXTURES

Instance = peer("cityscapesscripts.evaluation.instance").Instance
Annotation = peer("cityscapesscripts.helpers.annotation").Annotation
name2label = peer("cityscapesscripts.helpers.labels").name2label
create_instance_image = peer("cityscapesscripts.preparation.json2instanceImg").createInstanceImage

LABELS = ("sky", "road", "car", "car", "cargroup", "person", "persongroup", "pole", "license plate", "rider")


def scene(seed: int) -> dict[str, object]:
    """Polygons of all sizes, some of a line or a point, some over the border."""
    random = np.random.default_rng(seed)
    objects = [
        {"label": label, "polygon": random.integers(-9, 100, (random.integers(3, 8), 2)).tolist()} for label in LABELS
    ]
    return {"imgWidth": 96, "imgHeight": 64, "objects": objects}


def test_polygons_are_painted_alike(tmp_path):
    for seed in range(20):
        base = f"gtFine/train/ulm/ulm_{seed:06}_000019_gtFine"
        image = tmp_path / f"leftImg8bit/train/ulm/ulm_{seed:06}_000019_leftImg8bit.png"
        for path in (image, tmp_path / base):
            path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (96, 64)).save(image)
        (tmp_path / f"{base}_polygons.json").write_text(json.dumps(scene(seed)))
    for seed, sample in enumerate(converter.open(tmp_path)):
        annotation = Annotation()
        annotation.fromJsonText(json.dumps(scene(seed)))
        codes = np.asarray(create_instance_image(annotation, "ids"))
        wanted = Counter((codes == v).tobytes() for v in np.unique(codes) if v)
        assert Counter(i.mask().tobytes() for i in sample.instances) == wanted


def test_its_scripts_find_the_objects_written(tmp_path):
    source = FIXTURES / "cityscapes/valid/objects"
    converter.convert(source, tmp_path / "out", to="cityscapes")
    files = sorted(tmp_path.glob("out/gtFine/*/*/*_instanceIds.png"))
    dataset = list(converter.open(source))
    assert len(files) == len(dataset)
    for file, sample in zip(files, dataset, strict=True):
        codes = np.asarray(Image.open(file))
        found = Counter((Instance(codes, v).labelID, Instance(codes, v).pixelCount) for v in np.unique(codes) if v)
        assert found == Counter((name2label[i.class_name].id, i.area) for i in sample.instances)
