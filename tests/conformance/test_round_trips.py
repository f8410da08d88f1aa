"""What a format writes, it reads as the same dataset; what it cannot hold is named, and that alone is gone."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

import converter
from converter.api import Dataset
from tests.support import instances, read, segpack_here, tree, valid_cases, written_formats, zipped

WRITTEN = written_formats()
# What is to be ignored by trainIds has no place in labelIds: tests/formats/test_label_maps.py says what remains.
IGNORING = "cityscapes-train-ids"
ROUND = [c for c in valid_cases(*WRITTEN) if str(c) != IGNORING]
# Losses that take a whole object away, and nothing but it.
OBJECTS = {"box-dropped", "crowd-dropped", "empty-mask"}


@pytest.mark.parametrize("case", ROUND, ids=str)
def test_read_write_read(case, tmp_path):
    source = read(case.path, **case.options)
    result = converter.convert(case.path, tmp_path / "out", to=case.format, **case.options)
    found = read(tmp_path / "out")
    assert {loss.code for loss in result.losses} <= OBJECTS
    assert found["task"] == source["task"]
    assert found["classes"] == source["classes"]
    assert found["splits"] == source["splits"]
    assert _heads(found) == _heads(source)
    before, after = instances(source), instances(found)
    gone = Counter(loss.image for loss in result.losses)
    for name, drawn in after.items():
        assert not drawn - before[name], f"{name} has what the source has not"
        missing = before[name] - drawn
        assert missing.total() == gone[name.removeprefix("/")], f"{name}: {missing}"


def _heads(found: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Images without their objects; label maps whole."""
    keys = ("name", "split", "size", "labels", "pixels")
    return sorted((tuple(str(image.get(k)) for k in keys) for image in found["images"]), key=str)


@pytest.mark.parametrize("name", WRITTEN)
def test_a_zip_holds_what_the_folder_holds(name, tmp_path):
    case = valid_cases(name)[0]
    converter.convert(case.path, tmp_path / "out", to=name, **case.options)
    converter.convert(case.path, tmp_path / "out.zip", to=name, **case.options)
    assert read(tmp_path / "out.zip") == read(tmp_path / "out")
    again = zipped(tmp_path / "out", tmp_path / "again.zip", "below/")
    assert read(again) == read(tmp_path / "out")


@pytest.mark.parametrize("name", WRITTEN)
def test_writing_twice_is_writing_once(name, tmp_path):
    """What segpack wrote is a fixed point: converted again, no byte of it changes."""
    case = valid_cases(name)[0]
    converter.convert(case.path, tmp_path / "a" / "set", to=name, **case.options)
    converter.convert(tmp_path / "a" / "set", tmp_path / "b" / "set", to=name)
    once, twice = tree(tmp_path / "a"), tree(tmp_path / "b")
    assert once.keys() == twice.keys()
    differing = [path for path in once if once[path] != twice[path]]
    assert set(differing) <= {"set/meta.json"}, differing  # it says what it was made from


@pytest.mark.parametrize("name", WRITTEN)
def test_the_command_writes_what_the_api_writes(name, tmp_path, capfd):
    case = valid_cases(name)[0]
    converter.convert(case.path, tmp_path / "a", to=name, **case.options)
    run = segpack_here(capfd, "convert", case.path, tmp_path / "b", "--to", name, *case.arguments)
    assert run.code == 0
    assert tree(tmp_path / "a") == tree(tmp_path / "b")


@pytest.mark.parametrize("case", ROUND, ids=str)
def test_images_are_copied_byte_for_byte(case, tmp_path):
    converter.convert(case.path, tmp_path / "out", to=case.format, **case.options)
    written = _images(converter.open(tmp_path / "out"))
    assert written
    assert written <= _images(converter.open(case.path, **case.options))


def _images(dataset: Dataset) -> set[bytes]:
    """The bytes of all images, wherever the format has them."""
    files = (ref.image.file for ref in dataset._opened.scan.refs)
    return {dataset._opened.reading.images.read(file) for file in files if file is not None}
