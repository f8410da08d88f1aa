"""Every format reads its fixtures: found by looking, wherever they lie, and as the golden files say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from converter.formats import all_formats
from converter.pipeline.opening import detect
from converter.storage import open_source
from tests.support import ROOT, read, valid_cases, zipped

GOLDEN = ROOT / "tests" / "golden"
CASES = valid_cases()
LOOKS = [c for c in CASES if not {"format", "masks"} & c.options.keys()]  # these say what the set is


@pytest.mark.parametrize("case", CASES, ids=str)
def test_reads_as_the_golden_file_says(case, regenerate):
    found = read(case.path, **case.options)
    golden = GOLDEN / case.format / f"{case.name}.json"
    if regenerate:
        golden.parent.mkdir(parents=True, exist_ok=True)
        golden.write_text(json.dumps(found, indent=1) + "\n")
    assert golden.is_file(), "no golden file; look at what is read, then run pytest --regenerate"
    assert found == json.loads(golden.read_text())


@pytest.mark.parametrize("name", [n for n, f in all_formats().items() if f.reads])
def test_golden_files_have_their_fixtures(name):
    golden = {p.stem for p in (GOLDEN / name).glob("*.json")}
    assert golden <= {c.name for c in valid_cases(name)}


@pytest.mark.parametrize("case", LOOKS, ids=str)
def test_is_detected(case):
    format, evidence, _ = detect(open_source(case.path))
    assert format.name == case.format
    assert evidence.text


@pytest.mark.parametrize("below", ["", "export/"], ids=["plain", "one-top-folder"])
@pytest.mark.parametrize("case", LOOKS, ids=str)
def test_a_zip_reads_as_its_folder(case, below, tmp_path, monkeypatch):
    archive = zipped(case.path, tmp_path / f"{case.name}.zip", below)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    for variable in ("TMPDIR", "TEMP", "TMP"):
        monkeypatch.setenv(variable, str(temporary))
    monkeypatch.setattr("tempfile.tempdir", None)
    before = set(tmp_path.rglob("*"))
    assert read(archive, **case.options) == read(case.path, **case.options)
    assert set(tmp_path.rglob("*")) == before, "something was unpacked"


@pytest.mark.parametrize("case", CASES, ids=str)
def test_named_with_from(case):
    options = {"format": case.format, **case.options}
    assert read(case.path, **options) == read(case.path, **case.options)


def test_a_file_of_the_set_can_be_named():
    whole = read(Path("fixtures/coco/valid/coins"))
    assert read(Path("fixtures/coco/valid/coins/coco.json")) == whole
    assert read(Path("fixtures/yolo/valid/coins/data.yaml")) == read(Path("fixtures/yolo/valid/coins"))
