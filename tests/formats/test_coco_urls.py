"""Names of images in COCO that are URLs, or are written as in URLs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

import converter
from converter.errors import SourceError

HOST = "https://bucket.s3.amazonaws.com/"


def made(root: Path, said: list[str], files: list[str]) -> Path:
    """A set whose images are called so, one object each, and what lies there; each file has a gray of its own."""
    for gray, file in enumerate(files):
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (20, 10), gray).save(root / file)
    images = [{"id": i, "file_name": name, "width": 20, "height": 10} for i, name in enumerate(said, 1)]
    objects = [{"id": i, "image_id": i, "category_id": 1, "bbox": [i, 1, 4, 4]} for i, _ in enumerate(said, 1)]
    root.mkdir(exist_ok=True)
    content = {"images": images, "annotations": objects, "categories": [{"id": 1, "name": "cat"}]}
    (root / "labels.json").write_text(json.dumps(content))
    return root


@pytest.mark.parametrize(
    ("said", "files", "names"),
    [
        (["x/a.png?sig=1&x=" + "f" * 600, "x/b.png"], ["images/a.png", "images/b.png"], ["a.png", "b.png"]),
        (["x/a.png", "y/a.png"], ["images/y/a.png", "images/x/a.png"], ["x/a.png", "y/a.png"]),
        (["my%20cat.png#1"], ["images/my cat.png"], ["my cat.png"]),
        (["set/train2017/a.png"], ["images/train2017/a.png"], ["train2017/a.png"]),
    ],
)
def test_a_url_is_the_file_that_it_ends_in(said: list[str], files: list[str], names: list[str], tmp_path: Path) -> None:
    source = made(tmp_path / "set", [HOST + url for url in said], files)
    result = converter.convert(source, tmp_path / "out", to="coco", strict=True)
    written = {i["file_name"]: i["id"] for i in json.loads((tmp_path / "out/coco.json").read_text())["images"]}
    assert written == {name: i for i, name in enumerate(names, 1)}
    for name in names:
        (file,) = [f for f in files if f.endswith("/" + name)]
        assert (tmp_path / "out/images" / name).read_bytes() == (source / file).read_bytes()
    (note,) = result.notes
    assert f"in {len(said)} images file_name is a URL, such as {HOST}" in note.message
    assert "sig=" not in note.message


@pytest.mark.parametrize("host", ["", "http://localhost:8080"])
def test_images_that_label_studio_serves_are_the_files_that_they_end_in(host: str, tmp_path: Path) -> None:
    """So its COCO names them, where images are not exported with it."""
    said = ["local-files/?d=photos/my%20cat.png", "local-files/?d=photos/b.png", "upload/3/1f2e-c.png"]
    files = ["images/my cat.png", "images/b.png", "images/1f2e-c.png"]
    source = made(tmp_path / "set", [f"{host}/data/{name}" for name in said], files)
    assert [s.image.name for s in converter.open(source)] == [f.removeprefix("images/") for f in files]
    (note,) = converter.inspect(source).notes
    assert "in 3 images file_name is a URL" in note.message


@pytest.mark.parametrize("name", ["/data/cats/a.png", "/data/upload/../../a.png"])
def test_other_absolute_paths_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="file_name"):
        converter.open(made(tmp_path / "set", [name], ["images/a.png"]))


@pytest.mark.parametrize(
    ("said", "files"),
    [
        (["x/a.png", "y/a.png"], ["images/a.png"]),
        (["train/a.png"], ["images/val/a.png"]),
        (["x/a.png"], ["r/a.png", "s/a.png"]),
        (["x/a.png"], ["images/b.png"]),
    ],
)
def test_a_url_that_may_mean_another_file_is_none(said: list[str], files: list[str], tmp_path: Path) -> None:
    source = made(tmp_path / "set", [HOST + url for url in said], files)
    assert [sample.image.file for sample in converter.open(source)] == [None] * len(said)
    with pytest.raises(SourceError, match=r"a\.png: the image file is not there"):
        converter.convert(source, tmp_path / "out", to="coco")
    result = converter.convert(source, tmp_path / "out", to="coco", image_files="none")
    assert result.instances == len(said)


def test_a_url_that_climbs_out(tmp_path: Path) -> None:
    source = made(tmp_path / "set", [HOST + "../../%2e%2e/a.png"], ["a.png"])
    assert [sample.image.file for sample in converter.open(source)] == [None]


@pytest.mark.parametrize(
    ("said", "files", "found"),
    [
        (["my%20cat.png", "b%C3%BC.png"], ["my cat.png", "images/bü.png"], ["my cat.png", "images/bü.png"]),
        (["50%25.png", "100%.png"], ["50%25.png", "50%.png", "100%.png"], ["50%25.png", "100%.png"]),
        (["%2e%2e/a.png"], ["a.png"], [None]),
        (["a%20b.png"], ["x/a b.png", "y/a b.png"], [None]),
    ],
)
def test_names_as_in_urls(said: list[str], files: list[str], found: list[str | None], tmp_path: Path) -> None:
    source = made(tmp_path / "set", said, files)
    assert [sample.image.file for sample in converter.open(source)] == found
