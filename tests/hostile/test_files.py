"""An image file that is none, in a set of every format: it is named, and the other images come out the same."""

from __future__ import annotations

import os
import posixpath
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import converter
from tests.hostile.judging import Objects, drawn, losses_of
from tests.hostile.runs import Server
from tests.support import Case, flags, valid_cases


def fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:40])


def several_images() -> dict[str, Case]:
    """A case of each format with at least two image files, each of one image."""
    found: dict[str, Case] = {}
    for case in valid_cases():
        images = [s.image for s in converter.open(case.path, **case.options)]
        apart = len(images) == len({i.name for i in images}) == len({i.file for i in images})
        if case.format not in found and len(images) > 1 and apart and all(i.file for i in images):
            found[case.format] = case
    return found


def converted(source: Path, case: Case, server: Server, folder: Path) -> Objects:
    folder.mkdir()
    arguments = ["--to", "datumaro", "--on-error", "skip", "--losses", str(folder / "losses.json")]
    run = server.run(["convert", source, folder / "out", *arguments, *flags(case.options_for(source))], seconds=20)
    assert (run.code, run.timed_out) == (0, False), run.err
    assert "Traceback" not in run.err
    return drawn(folder / "out")


CASES = several_images()


def test_every_format_has_such_a_case() -> None:
    assert CASES.keys() == {case.format for case in valid_cases()}


@pytest.mark.parametrize("name", CASES)
def test_an_image_file_that_is_none(name: str, tmp_path: Path, server: Server) -> None:
    case, source = CASES[name], tmp_path / "set"
    shutil.copytree(case.path, source)
    whole = converted(source, case, server, tmp_path / "whole")
    sample = next(iter(converter.open(source, **case.options_for(source))))
    assert sample.image.file is not None
    bad = source / sample.image.file
    good = bad.read_bytes()
    spoil: Callable[[Path], None]
    for spoil in (cut, fifo):
        spoil(bad)
        left = converted(source, case, server, tmp_path / spoil.__name__)
        losses = losses_of(tmp_path / spoil.__name__ / "out")
        assert any(bad.name in loss["image"] + loss["message"] for loss in losses if loss["code"] == "skipped-image")
        lost = {n for n in whole if left.get(n) != whole[n]}
        assert {posixpath.basename(n) for n in lost} == {posixpath.basename(sample.image.name)}
        assert left.keys() == whole.keys() - lost
        bad.unlink()
        bad.write_bytes(good)
