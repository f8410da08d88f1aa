"""A format of a third party: a package with an entry point is found, listed and used."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support import FIXTURES, segpack

MODULE = '''
"""Dots: the number of objects an image has, one a line."""

from converter.format import Encoded, Format, Holds
from converter.layouts.coco_write import file_name


def image_path(writing, image):
    return writing.images + file_name(image)


def encode(writing, sample):
    return Encoded([(f"dots/{sample.image.name}.txt", f"{len(sample.instances)}\\n".encode())], None)


class Assembler:
    def __init__(self, writing, out):
        self.out = out

    def add(self, record):
        pass

    def finish(self):
        self.out.write("dots.txt", b"counted\\n")


FORMAT = Format(
    name="dots",
    summary="how many objects there are",
    page=__doc__,
    holds=Holds(),
    encode=encode,
    assemble=Assembler,
    image_path=image_path,
)
'''


def install(folder: Path, module: str, content: str) -> str:
    """What pip leaves in a target folder: the module, and the metadata with its entry point."""
    (folder / f"{module}.py").write_text(content)
    info = folder / f"{module}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[segpack.formats]\ndots = {module}:FORMAT\n")
    (info / "RECORD").write_text("")
    return str(folder)


def test_it_is_found_listed_and_used(tmp_path):
    site = tmp_path / "site"
    site.mkdir()
    path = install(site, "segpack_dots", MODULE)
    listed = segpack("formats", "--json", env={"PYTHONPATH": path}).json["formats"]
    mine = next(f for f in listed if f["name"] == "dots")
    assert (mine["read"], mine["write"]) == (False, True)
    assert "Dots: the number" in segpack("formats", "dots", env={"PYTHONPATH": path}).out
    source = FIXTURES / "coco/valid/coins"
    segpack("convert", source, tmp_path / "out", "--to", "dots", env={"PYTHONPATH": path})
    coins = json.loads((source / "coco.json").read_text())
    counted = sum(int(p.read_text()) for p in (tmp_path / "out/dots").iterdir())
    assert counted == len(coins["annotations"])


def test_one_that_does_not_load_is_named(tmp_path):
    path = install(tmp_path, "segpack_broken", "import nothing_of_that_name\n")
    run = segpack("formats", check=2, env={"PYTHONPATH": path})
    assert "segpack_broken" in run.error
    assert "uninstall" in run.error


def test_without_it_there_is_no_such_format(tmp_path):
    run = segpack("convert", FIXTURES / "coco/valid/coins", tmp_path / "out", "--to", "dots", check=2)
    assert "dots" in run.error
