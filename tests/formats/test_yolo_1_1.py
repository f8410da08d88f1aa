"""YOLO 1.1: which lists are read."""

from __future__ import annotations

import shutil

import pytest

import converter
from tests.formats.twins import fixture


@pytest.mark.parametrize(("key", "file"), [("val", "val.txt"), ("second", "second.txt"), ("valid", "images.txt")])
def test_a_subset_has_the_list_that_obj_data_names(key, file, tmp_path):
    """Datumaro calls a subset val; CVAT writes a list for every subset of a project, whatever its name."""
    folder = shutil.copytree(fixture("yolo-1.1") / "valid" / "subsets", tmp_path / "set")
    (folder / "valid.txt").rename(folder / file)
    data = (folder / "obj.data").read_text()
    (folder / "obj.data").write_text(data.replace("valid = data/valid.txt", f"{key} = data/{file}"))
    dataset = converter.open(folder)
    assert set(dataset.splits) == {"train", "val" if key != "second" else "second"}
    assert [s.image.split for s in dataset].count("train") == len(list(dataset)) - 2
