"""What errors say to do about files that are not there, or of another frame, can be done and helps."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import converter
from converter.errors import SegpackError, SourceError
from tests.support import FIXTURES, segpack, zipped

COINS = FIXTURES / "coco/valid/coins"
GONE = [
    path
    for path in sorted(FIXTURES.glob("*/invalid/*/input"))
    if path.parent.name in {"missing", "missing-image", "no-image"} and path.parts[-4] not in {"yolo", "yolo-seg"}
]


def refusal(source: Path, target: Path, **options: Any) -> str:
    """The error of a conversion; "" when there is none."""
    try:
        converter.convert(source, target, to="coco", boxes_as_masks=True, workers=1, overwrite=True, **options)
    except SourceError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("case", GONE, ids=lambda p: f"{p.parts[-4]}-{p.parts[-2]}")
def test_an_image_that_is_not_there_is_found_or_done_without_as_the_error_says(case: Path, tmp_path: Path) -> None:
    format, target = case.parts[-4], tmp_path / "out"
    said = refusal(case, target, format=format)
    if "--images DIR" not in said:
        assert "it names no image" in said or "it refers to no image" in said
        return
    if "--image-files none" in said:
        assert not refusal(case, target, format=format, image_files="none")
    images = tmp_path / "images"
    images.mkdir()
    for path in [p for p in case.rglob("*") if p.suffix in {".png", ".jpg"}]:
        shutil.copy(path, images)
    gone = re.search(r"image (\S+): ", said)
    assert gone is not None
    sizes = {(s.image.width, s.image.height) for s in known(case, format) if s.image.path.endswith(gone[1])}
    Image.new("RGB", sizes.pop() if sizes else (64, 32)).save(images / Path(gone[1]).name)
    assert not refusal(case, target, format=format, images=images)


def known(source: Path, format: str) -> list[Any]:
    """The images whose size needs no file; none where one of them does."""
    try:
        return list(converter.open(source, format=format))
    except SegpackError:
        return []


def test_a_merge_says_what_to_do_instead_of_images(tmp_path: Path) -> None:
    gone = FIXTURES / "coco/invalid/missing-image/input"
    run = segpack("merge", gone, COINS, tmp_path / "out", "--to", "coco", "--images", tmp_path, check=2)
    assert "convert that one by itself, with --images" in run.error


@pytest.mark.parametrize("is_zip", [False, True], ids=["folder", "zip"])
@pytest.mark.parametrize("lost", ["meta.json", "index.csv"])
def test_a_package_without_one_of_its_files_is_read_as_the_error_says(lost: str, is_zip: bool, tmp_path: Path) -> None:
    package, source = tmp_path / "whole", tmp_path / "set"
    converter.pack(FIXTURES / "instance-png/valid/splits", package)
    shutil.copytree(package, source)
    (source / lost).unlink()
    shutil.rmtree(source / "coco")
    if is_zip:
        source = zipped(source, tmp_path / "set.zip")
    said = refusal(source, tmp_path / "out", format="instance-png")
    options: dict[str, Any] = {}
    if lost == "meta.json":
        assert "name the classes with --classes FILE" in said
        options["classes"] = tmp_path / "classes.yaml"
        options["classes"].write_text("- {id: 1, name: odd}\n- {id: 2, name: even}")
    else:
        pattern = re.search(r"use --masks '(.*)'", said)
        assert pattern is not None, said
        options["masks"] = pattern[1]
    assert not refusal(source, tmp_path / "out", **options)
    assert converter.diff(tmp_path / "out", package, workers=1).equal
