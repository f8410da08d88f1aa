"""Bad input: exit code 2, one line that names file and place, and nothing left behind."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from converter.formats import all_formats
from tests.support import FIXTURES, ROOT, flags, segpack_here

INVALID = [
    folder
    for name, format in all_formats().items()
    if format.reads
    for folder in sorted((FIXTURES / name / "invalid").glob("*"))
]


def target_format(folder: Path) -> str:
    """The format itself where it is written; else COCO, which holds most."""
    name = folder.relative_to(FIXTURES).parts[0]
    return name if all_formats()[name].writes else "coco"


@pytest.mark.parametrize("folder", INVALID, ids=lambda p: f"{p.relative_to(FIXTURES).parts[0]}-{p.name}")
def test_is_refused_in_one_line(folder, tmp_path, capfd):
    expected = json.loads((folder / "expect.json").read_text())
    source = folder / "input" / expected.get("source", "")
    target = tmp_path / "target"
    options = flags({"to": target_format(folder), **expected.get("options", {})})
    run = segpack_here(capfd, "convert", source, target, *options)
    assert run.code == 2
    for name in expected["names"]:
        assert name in run.error, f"{name!r} is not in {run.error}"
    assert run.out == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "folder", list({p.parents[1].name: p for p in reversed(INVALID)}.values()), ids=lambda p: p.parents[1].name
)
def test_pack_refuses_the_same(folder, tmp_path, capfd):
    expected = json.loads((folder / "expect.json").read_text())
    options = flags(expected.get("options", {}))
    run = segpack_here(capfd, "pack", folder / "input", tmp_path / "out.zip", *options, "--json")
    assert run.code == 2
    assert run.json["ok"] is False
    assert run.json["error"] in run.error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("folder", INVALID, ids=lambda p: f"{p.relative_to(FIXTURES).parts[0]}-{p.name}")
def test_the_expectation_names_something(folder):
    expected = json.loads((folder / "expect.json").read_text())
    assert expected.keys() <= {"names", "source", "options"}
    assert expected["names"]
    assert (folder / "input").is_dir()
    assert folder.is_relative_to(ROOT)
