"""The fixtures themselves: there for every format, made anew the same, and small."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from converter.formats import all_formats
from tests.make_fixtures import make, makers
from tests.support import FIXTURES, ROOT

READ = [name for name, format in all_formats().items() if format.reads]


@pytest.mark.parametrize("name", READ)
def test_every_format_has_fixtures(name):
    for kind in ("valid", "invalid"):
        folder = FIXTURES / name / kind
        assert folder.is_dir(), f"fixtures/{name}/{kind} is missing"
        assert any(p.is_dir() for p in folder.iterdir()), f"fixtures/{name}/{kind} is empty"


def test_a_folder_of_fixtures_belongs_to_a_format():
    assert {p.name for p in FIXTURES.iterdir() if p.is_dir()} <= {*READ, "fuzz"}


def test_fixtures_are_small():
    assert sum(p.stat().st_size for p in FIXTURES.rglob("*") if p.is_file()) < 5_000_000


@pytest.mark.parametrize("name", makers())
def test_fixtures_are_made_anew_the_same(name, tmp_path):
    make(tmp_path, [name])
    assert content(tmp_path / name) == content(FIXTURES / name)


def content(folder: Path) -> dict[str, Any]:
    """Every file of a folder by what it says: PNG encoders differ in bytes and JPEG decoders in pixels."""
    return {p.relative_to(folder).as_posix(): _said(p) for p in sorted(folder.rglob("*")) if p.is_file()}


def _said(file: Path) -> Any:
    data = file.read_bytes()
    if "invalid" in file.parts and file.suffix in {".png", ".jpg"}:
        return "an image, sound or not"
    if file.suffix == ".png":
        with Image.open(io.BytesIO(data)) as picture:
            return picture.mode, picture.size, picture.getpalette(), np.asarray(picture).tobytes()
    if file.suffix in {".jpg", ".jpeg"}:
        with Image.open(io.BytesIO(data)) as picture:
            return picture.mode, picture.size
    if file.name == "index.csv":
        return list(csv.reader(io.StringIO(data.decode())))
    return data


def test_the_first_command_of_the_readme_has_its_dataset():
    assert (ROOT / "fixtures/coco/valid/coins/coco.json").is_file()
