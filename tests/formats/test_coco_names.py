"""COCO files that are named for more than their split."""

from __future__ import annotations

import shutil

import pytest

import converter
from tests.formats.twins import fixture


@pytest.mark.parametrize("pattern", ["person_keypoints_{}2017", "stuff_{}", "{}_annotations", "set.{}"])
def test_a_word_of_the_name_is_the_split(pattern, tmp_path):
    folder = shutil.copytree(fixture("coco") / "valid" / "splits", tmp_path / "set")
    files = sorted((folder / "annotations").glob("*.json"))
    splits = converter.open(folder).splits
    for file in files:
        split = file.stem.removeprefix("instances_")
        file.rename(file.with_name(pattern.format(split.removesuffix("2017")) + ".json"))
    assert converter.open(folder).splits == splits
