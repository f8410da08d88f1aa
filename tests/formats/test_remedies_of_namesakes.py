"""What an error says to do about classes of one name settles it, in every format and command."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import converter
from converter.errors import SourceError, UsageError
from tests.support import FIXTURES

MERGE = re.compile(
    r"classes are called .*, ids [\d, ]+ and (\d+); merge them with --classes FILE holding '(- .*?\})', or"
)
CASES = [p for p in sorted(FIXTURES.glob("*/invalid/*-twice/input")) if re.search("names?-twice", p.parent.name)]
COCO = FIXTURES / "coco/invalid/class-name-twice/input"


def written(source: Path, target: Path, **options: Any) -> Counter[str]:
    """How many objects of each class a conversion makes; 0 for a class without any."""
    converter.convert(source, target, to="coco", image_files="none", boxes_as_masks=True, workers=1, **options)
    return counted(target)


def counted(dataset: Path, **options: Any) -> Counter[str]:
    found = converter.open(dataset, **options)
    drawn = Counter(i.class_name for sample in found for i in sample.instances)
    return Counter({c.name: drawn[c.name] for c in found.classes})


def remedies(source: Path, tmp_path: Path, format: str | None = None) -> tuple[Path, Path]:
    """The class files that the error names: one that merges the classes, and one that renames the last of them."""
    with pytest.raises(SourceError) as error:
        written(source, tmp_path / "refused", format=format)
    found = MERGE.search(str(error.value))
    assert found is not None, error.value
    merging, renaming = tmp_path / "merging.yaml", tmp_path / "renaming.yaml"
    merging.write_text(found[2])
    renaming.write_text(f"- {{name: another, from: [{found[1]}]}}")
    return merging, renaming


@pytest.mark.parametrize("case", CASES, ids=lambda p: f"{p.parts[-4]}-{p.parts[-2]}")
def test_two_classes_of_one_name_are_settled_as_the_error_says(case: Path, tmp_path: Path) -> None:
    format = case.parts[-4]
    merging, renaming = remedies(case, tmp_path, format)
    merged = written(case, tmp_path / "merged", format=format, classes=merging)
    renamed = written(case, tmp_path / "renamed", format=format, classes=renaming)
    assert merged.keys() | {"another"} == renamed.keys()
    if converter.open(case, format=format, classes=merging).task == "instance":
        assert merged.total() == renamed.total()


@pytest.mark.parametrize(
    ("case", "file", "names"),
    [
        ("ade20k/valid/150-classes", "objectInfo150.txt", ("wall", "clock")),
        ("cityscapes/valid/own-classes", "classes.json", ("dog", "cat")),
        ("datumaro/valid/coins", "*.json", ("large coin", "small coin")),
        ("openimages/valid/splits", "class-descriptions-boxable.csv", ("Cat", "Dog")),
        ("rle-csv/valid/numbers", "classes.json", ("shoe", "shirt")),
        ("supervisely/valid/coins", "*.json", ("large coin", "small coin")),
        ("mapillary/valid/release-1", "config.json", ("object--car", "animal--bird")),
    ],
)
def test_so_they_are_in_formats_that_say_the_names_elsewhere(
    case: str, file: str, names: tuple[str, str], tmp_path: Path
) -> None:
    source = tmp_path / "set"
    shutil.copytree(FIXTURES / case, source)
    for found in source.rglob(file):
        found.write_text(found.read_text().replace(*names))
    format = case.partition("/")[0]
    merging, renaming = remedies(source, tmp_path, format)
    merged = written(source, tmp_path / "merged", format=format, classes=merging)
    renamed = written(source, tmp_path / "renamed", format=format, classes=renaming)
    assert merged.keys() | {"another"} == renamed.keys()
    assert merged.total() == renamed.total() == written(FIXTURES / case, tmp_path / "whole", format=format).total()


def test_three_classes_of_one_name_are_merged_at_once(tmp_path: Path) -> None:
    source = tmp_path / "set"
    shutil.copytree(COCO, source)
    coco = json.loads((source / "coco.json").read_text())
    coco["categories"].append({"id": 3, "name": "cat"})
    (source / "coco.json").write_text(json.dumps(coco))
    merging, renaming = remedies(source, tmp_path)
    assert written(source, tmp_path / "merged", classes=merging).keys() == {"cat"}
    with pytest.raises(SourceError, match=r"two classes are called 'cat', ids 1 and 2; merge them"):
        written(source, tmp_path / "renamed", classes=renaming)


def test_a_name_of_two_classes_is_not_guessed_over(tmp_path: Path) -> None:
    table = tmp_path / "classes.yaml"
    table.write_text("- {name: feline, from: [cat]}")
    with pytest.raises(SourceError, match=r"'cat' may be either of the set's classes 1, 2; name them by id"):
        written(COCO, tmp_path / "out", classes=table)
    table.write_text("{1: cat, 2: dog}")
    assert written(COCO, tmp_path / "out", classes=table) == {"cat": 3, "dog": 3}


def test_a_merge_of_datasets_leaves_them_to_a_conversion(tmp_path: Path) -> None:
    merging, _ = remedies(COCO, tmp_path)
    with pytest.raises(UsageError, match=r"classes 1, 2 are all called 'cat'; convert that one by itself"):
        converter.merge([COCO, FIXTURES / "coco/valid/coins"], tmp_path / "out", to="coco", classes=merging)


def test_so_does_a_comparison(tmp_path: Path) -> None:
    merging, _ = remedies(COCO, tmp_path)
    with pytest.raises(UsageError, match=r"classes 1, 2 are all called 'cat'; convert it with --classes FILE"):
        converter.diff(COCO, COCO, classes=merging, workers=1)


@pytest.mark.parametrize("kind", ["yolo", "yolo-seg"])
def test_ids_in_a_class_file_are_those_of_the_source_in_all_commands(kind: str, tmp_path: Path) -> None:
    source, table = FIXTURES / kind / "invalid/names-twice/input", tmp_path / "classes.yaml"
    table.write_text("- {id: 5, name: first, from: [0]}\n- {id: 6, name: second, from: [1]}")
    expected = written(source, tmp_path / "out", classes=table)
    inspected = converter.inspect(source, classes=table, workers=1)
    assert expected == counted(source, classes=table) == {c.name: c.instances for c in inspected.classes}
    shown = converter.preview(source, tmp_path / "out.png", classes=table, workers=1)
    assert shown.classes == dict(expected)
    checked = converter.check(source, classes=table, workers=1)
    assert not {f.code for f in checked.findings} & {"unmapped-class", "duplicate-class-name"}


def test_a_class_without_a_name_that_is_another_among_all_is_not_renamed(tmp_path: Path) -> None:
    strange, table = FIXTURES / "coco/invalid/unknown-category/input", tmp_path / "classes.yaml"
    table.write_text("- {id: 9, name: horse, from: [9]}")
    merged = tmp_path / "out"
    converter.merge([strange, FIXTURES / "coco/valid/coins"], merged, to="coco", classes=table, image_files="none")
    assert counted(merged)["horse"] == 1
    other = tmp_path / "other"
    nine = tmp_path / "nine.yaml"
    nine.write_text("- {id: 9, name: sheep, from: [1]}")
    written(FIXTURES / "coco/valid/coins", other, classes=nine)
    with pytest.raises(UsageError, match=r"nothing names its class 9, which is \d+ among all; convert that one by"):
        converter.merge([other, strange], tmp_path / "no", to="coco", classes=table, image_files="none")
