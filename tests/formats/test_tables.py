"""Formats of tables and JSON files: masks against those that they were made of."""

from __future__ import annotations

from collections import Counter

import numpy as np

import converter
from converter.geometry import rle
from tests.making.drawings import torture
from tests.making.openimages import drawings as pictures
from tests.making.rle_csv import drawings, pairs
from tests.support import FIXTURES, segpack


def test_pairs_of_start_and_length():
    from converter.formats.rle_csv import decode

    for drawing in torture():
        for thing in drawing.things:
            assert (rle.decode(decode(pairs(thing.mask), *thing.mask.shape)) == thing.mask).all()


def test_rle_csv_has_every_mask():
    dataset = converter.open(FIXTURES / "rle-csv/valid/numbers")
    wanted = {d.name: Counter((t.class_id, t.mask.tobytes()) for t in d.things) for d in drawings() if d.things}
    ids = {c.name: c.id for c in dataset.classes}
    found = {s.image.name: Counter((ids[i.class_name], i.mask().tobytes()) for i in s.instances) for s in dataset}
    assert found == wanted


def test_masks_of_another_size_are_scaled_to_the_image():
    """Twice as large, each pixel of the image has four alike."""
    dataset = converter.open(FIXTURES / "openimages/valid/other-sizes")
    wanted = {d.name.removesuffix(".png"): [t.mask for t in d.things] for d in pictures()}
    for sample in dataset:
        masks = wanted[sample.image.name.removesuffix(".jpg")]
        assert all((i.mask() == m).all() for i, m in zip(sample.instances, masks, strict=True))


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
