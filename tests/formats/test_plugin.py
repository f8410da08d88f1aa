"""A format of a third party: a package with an entry point is found, listed and used."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from pycocotools import mask

from converter import formats
from tests.support import FIXTURES, segpack

MODULE = '''
"""Dots: the boxes of an image, one a line of `dots/<image>.txt`; the images lie in images/."""

from converter.format import Encoded, Evidence, Format, Holds, Scan
from converter.model import Box, ClassInfo, Header, Image, Instance, Ref, Sample


def detect(source):
    return Evidence("dots.txt", certain=True) if "dots.txt" in source else None


def scan(reading, ledger):
    names = reading.source.read("dots.txt").decode().splitlines()
    refs = [Ref(Image(name, file=f"images/{name}"), f"dots/{name}.txt") for name in names]
    return Scan(Header("dots", "instance", (ClassInfo(1, "dot", source_id=1),)), refs)


def load(reading, header, ref, ledger):
    rows = reading.source.read(ref.payload).decode().splitlines()
    return Sample(ref.image, tuple(Instance(1, Box(*map(float, row.split()))) for row in rows))


def image_path(writing, image):
    return writing.images + image.path


def encode(writing, sample):
    rows = [f"{b.x} {b.y} {b.w} {b.h}\\n" for b in (i.shape for i in sample.instances)]
    return Encoded([(f"dots/{sample.image.path}.txt", "".join(rows).encode())], sample.image.path)


class Assembler:
    def __init__(self, writing, out):
        self.out, self.names = out, []

    def add(self, record):
        self.names.append(record.value)

    def finish(self):
        self.out.write("dots.txt", "".join(f"{name}\\n" for name in self.names).encode())


FORMAT = Format(
    name="dots",
    summary="boxes, one a line",
    page=__doc__,
    holds=Holds(masks=False, boxes=True),
    detect=detect,
    scan=scan,
    load=load,
    encode=encode,
    assemble=Assembler,
    image_path=image_path,
)
'''
PROJECT = """
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "{module}"
version = "1.0"

[project.entry-points."segpack.formats"]
dots = "{module}:FORMAT"

[tool.setuptools]
py-modules = ["{module}"]
"""


def install(folder: Path, module: str, content: str) -> str:
    """Have pip install a package of one module into a folder of its own, from what is on this machine."""
    project, site = folder / "project", folder / "site"
    project.mkdir()
    (project / f"{module}.py").write_text(content)
    (project / "pyproject.toml").write_text(PROJECT.format(module=module))
    offline = ["--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--target", str(site)]
    subprocess.run([sys.executable, "-m", "pip", "install", *offline, str(project)], check=True)
    return str(site)


def test_it_is_found_listed_and_used(tmp_path):
    here = {"PYTHONPATH": install(tmp_path, "segpack_dots", MODULE)}
    listed = segpack("formats", "--json", env=here).json["formats"]
    mine = next(f for f in listed if f["name"] == "dots")
    assert (mine["read"], mine["write"]) == (True, True)
    assert "Dots: the boxes" in segpack("formats", "dots", env=here).out
    source = FIXTURES / "coco/valid/coins"
    segpack("convert", source, tmp_path / "out", "--to", "dots", env=here)
    assert segpack("inspect", tmp_path / "out", "--json", env=here).json["format"] == "dots"
    segpack("convert", tmp_path / "out", tmp_path / "back", "--to", "coco", env=here)
    assert boxes(tmp_path / "back") == tight_boxes(source)


def boxes(folder: Path) -> list[list[float]]:
    return sorted(a["bbox"] for a in json.loads((folder / "coco.json").read_text())["annotations"])


def tight_boxes(folder: Path) -> list[list[float]]:
    """As pycocotools finds them in the polygons."""
    data = json.loads((folder / "coco.json").read_text())
    sizes = {i["id"]: (i["height"], i["width"]) for i in data["images"]}
    drawn = ((mask.frPyObjects(a["segmentation"], *sizes[a["image_id"]])) for a in data["annotations"])
    return sorted(mask.toBbox(mask.merge(rings)).tolist() for rings in drawn)


def test_one_that_does_not_load_is_named(tmp_path):
    path = install(tmp_path, "segpack_broken", "import nothing_of_that_name\n")
    run = segpack("formats", check=2, env={"PYTHONPATH": path})
    assert "segpack_broken" in run.error
    assert "uninstall" in run.error


def test_without_it_there_is_no_such_format(tmp_path):
    run = segpack("convert", FIXTURES / "coco/valid/coins", tmp_path / "out", "--to", "dots", check=2)
    assert "dots" in run.error


def test_places_that_may_not_be_read_are_passed_over(monkeypatch):
    def forbidden(place):
        raise PermissionError(13, "Permission denied", place)

    monkeypatch.setattr("os.listdir", forbidden)
    assert not formats._may_offer(str(FIXTURES))
