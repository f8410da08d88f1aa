"""The command: exit codes, the JSON, the sample, what a person reads."""

from __future__ import annotations

from pathlib import Path

import pytest

import converter
from converter.format import ReadOptions
from converter.pipeline.opening import open_dataset
from converter.pipeline.sampling import sample
from tests.checks import small
from tests.checks.test_defects import change, cut
from tests.support import FIXTURES, segpack


def test_the_exit_code_follows_the_fail_level(tmp_path: Path) -> None:
    root = small.coco(tmp_path / "set")
    assert segpack("check", root).code == 0
    change(23, area=700)(root)
    assert segpack("check", root).code == 0
    assert segpack("check", root, "--fail-on", "warning", check=1).code == 1
    cut(root)
    assert segpack("check", root, check=1).code == 1
    assert segpack("check", root, "--fail-on", "never").code == 0
    assert segpack("check", tmp_path / "nothing", check=2).code == 2
    assert segpack("check", root, "--on-error", "stop", check=2).code == 2


def test_the_json_names_image_file_and_counts(tmp_path: Path) -> None:
    root = small.coco(tmp_path / "set")
    cut(root)
    said = segpack("check", root, "--json", check=1).json
    assert (said["ok"], said["images_checked"], said["images_total"]) == (False, 4, 4)
    assert said["counts"] == {"unreadable-image": 1}
    (finding,) = said["findings"]
    assert finding["where"] == {"image": "2.png", "file": "images/2.png"}
    assert finding["severity"] == "error"
    assert finding["message"]
    assert finding["fix"]


def test_the_verdict_comes_first_and_a_code_is_told_once(tmp_path: Path) -> None:
    root = small.coco(tmp_path / "set", count=8)

    def spoil(content: dict[str, list[dict[str, object]]]) -> None:
        for each in content["annotations"]:
            each["area"] = 5000

    small.edit(root, spoil)
    lines = segpack("check", root).out.splitlines()
    assert "look at the warnings: 24 warnings" in lines[0]
    assert lines.count("  area-mismatch (24)") == 1
    assert "and 21 more" in "\n".join(lines)
    assert len(lines) < 12


def test_a_head_that_cannot_be_read_is_a_finding(tmp_path: Path) -> None:
    root = small.coco(tmp_path / "set")
    small.edit(root, lambda c: c["categories"][1].update(name="cat"))
    report = small.look(root)
    assert (report.ok, report.images_checked) == (False, 0)
    assert "no further" in report.stopped


def test_a_sample_is_the_same_in_every_format_and_for_every_number_of_workers(tmp_path: Path) -> None:
    root = small.coco(tmp_path / "set", count=20)
    converter.convert(root, tmp_path / "yolo", to="yolo-seg", workers=1)
    converter.convert(root, tmp_path / "masks.zip", to="instance-png", workers=1)
    for each in (root, tmp_path / "yolo", tmp_path / "masks.zip"):
        refs = sample(open_dataset(str(each), options=ReadOptions()).scan.refs, 5, 1)
        assert sorted(r.image.name for r in refs) == CHOSEN
    reports = [segpack("check", root, "--sample", 5, "--seed", 1, "--json", "--workers", n).out for n in (1, 2)]
    assert reports[0] == reports[1]
    assert small.look(root, sample=5, seed=1).images_checked == 5
    assert small.look(root, sample=5, seed=1).images_total == 20


# Worked out apart: the five least of sha256("1" NUL name).
CHOSEN = ["10.png", "11.png", "2.png", "4.png", "6.png"]


def test_a_sample_looks_at_its_images_only(tmp_path: Path) -> None:
    root = small.coco(tmp_path / "set", count=20)
    cut(root)
    found = {seed: small.look(root, sample=5, seed=seed).counts for seed in range(8)}
    assert 0 < sum(bool(f) for f in found.values()) < 8


@pytest.mark.parametrize("workers", [1, 2])
def test_findings_do_not_depend_on_workers(workers: int, data: Path) -> None:
    report = converter.check(data / "tiny_coco", workers=workers)
    assert report.counts == {
        "box-mismatch": 26, "area-mismatch": 4, "no-annotations": 2, "tiny-instance": 6, "unused-class": 37,
        "class-imbalance": 1, "overlap": 222, "disconnected-instance": 26,
    }  # fmt: skip


def test_pack_says_which_error_it_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from converter.codecs import png_write
    from converter.errors import PackageError

    root = small.coco(tmp_path / "set")
    make = png_write.encode_mask
    monkeypatch.setattr(png_write, "encode_mask", lambda crop, x, y, height, width: make(crop, x, y, height + 1, width))
    with pytest.raises(PackageError, match="size-mismatch"):
        converter.pack(root, tmp_path / "out.zip", workers=1)
    assert not (tmp_path / "out.zip").exists()


SIZES = sorted(p for p in FIXTURES.glob("*/invalid/*size*/input") if p.parent.name != "size-text")


@pytest.mark.parametrize("source", SIZES, ids=lambda path: f"{path.parts[-4]}-{path.parts[-2]}")
def test_what_has_another_size_is_called_so(source: Path) -> None:
    assert "size-mismatch" in {finding.code for finding in converter.check(source).findings}


def test_a_set_without_images_is_not_called_ready(tmp_path: Path) -> None:
    small.write(tmp_path, {"images": [], "annotations": [], "categories": [{"id": 1, "name": "cat"}]})
    run = segpack("check", tmp_path, "--report", tmp_path / "page.html")
    assert ": there is no image in it: 1 info (coco, 0 images)" in run.out
    assert "Nothing to check" in (tmp_path / "page.html").read_text()


def test_what_was_assumed_is_said(tmp_path: Path) -> None:
    root = small.semantic(tmp_path / "set")
    (root / "classes.json").unlink()
    run = segpack("check", root)
    assert run.err.startswith("note: class-names-unknown: ")
    assert segpack("check", root, "--quiet").err == ""
    assert [n["code"] for n in segpack("check", root, "--json").json["notes"]] == ["class-names-unknown"]
