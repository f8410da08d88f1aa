"""What an error says to do about a class that nothing declares settles it, in every format."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import converter
from converter.errors import SourceError
from converter.format import MaskEncoding
from converter.pipeline.converting import Result
from tests.support import FIXTURES

REMEDY = re.compile(r"FILE holding '- \{id: (\d+), name: \.\.\., from: \[(\d+)\]\}'.*, or drop it with 'drop: \[\2\]'")
UNKNOWN = re.compile("unknown-category|unknown-class|undeclared-class|undeclared-value|row-class")
BY_NAME = {"supervisely", "voc"}
CASES = [
    path
    for path in sorted(FIXTURES.glob("*/invalid/*/input"))
    if UNKNOWN.fullmatch(path.parent.name) and path.parts[-4] not in BY_NAME
]


def attempt(source: Path, target: Path, classes: Path | None, format: str | None = None) -> Result | str:
    """The result of a conversion, or the error that ended it."""
    try:
        return converter.convert(
            source,
            target,
            to="coco",
            format=format,
            image_files="none",
            boxes_as_masks=True,
            classes=classes,
            workers=1,
        )
    except SourceError as error:
        return str(error)


def check_remedy(source: Path, target: Path, *, is_named: bool, format: str | None = None) -> None:
    """Do what errors say until there is none; each of them is about another class."""
    settled: list[str] = []
    table = target.with_name("classes.yaml")
    while isinstance(result := attempt(source, target, table if settled else None, format), str):
        found = REMEDY.search(result)
        assert found is not None, result
        assert found[2] not in settled, result
        settled.append(found[2])
        named = [f"- {{id: {id}, name: strange {id}, from: [{id}]}}" for id in settled]
        table.write_text("\n".join(named) if is_named else f"drop: [{', '.join(settled)}]")
    assert settled
    names = {c.name for c in result.classes}
    if is_named:
        drawn = {i.class_name for sample in converter.open(target) for i in sample.instances}
        assert {f"strange {id}" for id in settled} <= names & drawn
    else:
        assert "class-dropped" in {loss.code for loss in result.losses}
        assert not names & {f"class_{id}" for id in settled}


@pytest.mark.parametrize("case", CASES, ids=lambda p: f"{p.parts[-4]}-{p.parts[-2]}")
@pytest.mark.parametrize("is_named", [True, False], ids=["named", "dropped"])
def test_a_class_that_nothing_declares_is_settled_as_the_error_says(case: Path, is_named: bool, tmp_path: Path) -> None:
    check_remedy(case, tmp_path / "out", is_named=is_named, format=case.parts[-4])


@pytest.mark.parametrize("encoding", ["multi-class", "binary"])
@pytest.mark.parametrize("is_named", [True, False], ids=["named", "dropped"])
def test_so_it_is_of_a_package(encoding: MaskEncoding, is_named: bool, tmp_path: Path) -> None:
    source = tmp_path / "set"
    converter.pack(FIXTURES / "coco/valid/coins", source, mask_encoding=encoding)
    if encoding == "binary":
        head, first, *rows = (source / "index.csv").read_text().splitlines()
        cells = dict(zip(head.split(","), first.split(","), strict=True)) | {"class_id": "77"}
        (source / "index.csv").write_text("\n".join([head, ",".join(cells.values()), *rows]) + "\n")
    else:
        mask = next((source / "masks").rglob("*.png"))
        with Image.open(mask) as picture:
            pixels = np.array(picture)
        pixels[:3, :3] = 77
        Image.fromarray(pixels).save(mask)
    check_remedy(source, tmp_path / "out", is_named=is_named)


@pytest.mark.parametrize("source", ["yolo-seg/valid/coins", "yolo-1.1/valid/subsets", "datumaro/valid/coins"])
def test_ids_that_only_the_class_file_speaks_of_are_told(source: str, tmp_path: Path) -> None:
    table = tmp_path / "classes.yaml"
    table.write_text("drop: [9]")
    notes = converter.convert(FIXTURES / source, tmp_path / "out", to="coco", classes=table, workers=1).notes
    told = [note.message for note in notes if note.code == "class-undeclared"]
    assert told == [f"the set declares no class 9: what is of it is what {table} says"]
