"""How the sets of a merged dataset differ: the measures themselves, and what check says of them."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFilter

import converter
from converter.checks.sources import SourceStats, differences
from converter.codecs.light import measure
from tests.checks import small
from tests.support import FIXTURES, segpack

COINS, SPLITS = FIXTURES / "coco/valid/coins", FIXTURES / "coco/valid/splits"


# ---------------------------------------------------------------- light


def laplacian(gray: NDArray[np.uint8]) -> float:
    """The variance written out, pixel by pixel."""
    g = gray.tolist()
    found = [
        4 * g[y][x] - g[y - 1][x] - g[y + 1][x] - g[y][x - 1] - g[y][x + 1]
        for y in range(1, len(g) - 1)
        for x in range(1, len(g[0]) - 1)
    ]
    return float(statistics.pvariance(found))


@pytest.mark.parametrize("size", [(3, 3), (17, 40), (64, 5)])
def test_light_is_what_the_words_say(size: tuple[int, int]) -> None:
    gray = np.random.default_rng(1).integers(0, 256, size, dtype=np.uint8)
    light = measure(Image.fromarray(gray))
    assert light.brightness == pytest.approx(gray.mean(), rel=1e-12)
    assert light.contrast == pytest.approx(gray.std(), rel=1e-12)
    assert light.sharpness == pytest.approx(laplacian(gray), rel=1e-12)


@pytest.mark.parametrize("size", [(1, 1), (2, 50), (50, 2), (2000, 1)])
def test_a_picture_without_inner_pixels_has_no_sharpness(size: tuple[int, int]) -> None:
    light = measure(Image.new("L", size, 77))
    assert (light.brightness, light.contrast, light.sharpness) == (77.0, 0.0, 0.0)


def test_blur_takes_sharpness_and_size_does_not_give_it() -> None:
    gray = Image.fromarray(np.random.default_rng(2).integers(0, 256, (256, 512), dtype=np.uint8))
    assert measure(gray.filter(ImageFilter.GaussianBlur(1))).sharpness < measure(gray).sharpness / 10
    assert measure(gray.resize((2048, 1024), Image.Resampling.NEAREST)).sharpness == measure(gray).sharpness


# ---------------------------------------------------------------- what is told


def source(name: str, light: float = 100, contrast: float = 50, sharp: float = 400, size: float = 900) -> SourceStats:
    return SourceStats(name, 1, 1, light, contrast, sharp, size)


def test_the_greatest_difference_comes_first_and_squares_count_by_their_roots() -> None:
    told = differences([source("a", light=200, sharp=600, size=900), source("b", size=100)])
    assert told == "they differ most in object size: a 900, b 100 (9 times); brightness: a 200, b 100 (2 times)"


def test_sets_that_are_alike_are_said_to_be() -> None:
    assert differences([source("a"), source("b", light=120, sharp=620)]).startswith("they are alike")
    assert differences([source("a")]) == ""


def test_nothing_to_measure_and_nothing_at_all_are_no_division() -> None:
    bare = SourceStats("b", 1, 0, None, None, 0.0, None)
    assert differences([source("a"), bare]) == "they differ most in sharpness: a 400, b 0"
    assert differences([bare, bare]).startswith("they are alike")


# ---------------------------------------------------------------- datasets


def known() -> dict[str, tuple[int, int, float, float, float]]:
    """Images, instances, brightness, contrast, and object size, from the files alone."""
    found = {}
    for tag, root in (("real", COINS), ("synthetic", SPLITS)):
        pictures = [np.asarray(Image.open(p).convert("RGB").convert("L")) for p in sorted(root.rglob("*.png"))]
        with_masks = [i.mask().sum() for sample in converter.open(root) for i in sample.instances]
        found[tag] = (
            len(pictures),
            len(with_masks),
            round(float(np.mean([p.mean() for p in pictures])), 2),
            round(float(np.mean([p.std() for p in pictures])), 2),
            float(np.median([area for area in with_masks if area])),
        )
    return found


@pytest.fixture(scope="module")
def merged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real and a synthetic set as one COCO dataset, and packages of it."""
    root = tmp_path_factory.mktemp("merged")
    converter.merge([COINS, SPLITS], root / "coco", to="coco", tags=["real", "synthetic"], workers=1)
    for encoding in ("binary", "rle"):
        converter.pack(root / "coco", root / f"{encoding}.zip", mask_encoding=encoding, workers=1)
    converter.pack(root / "coco", root / "multi-class.zip", mask_encoding="multi-class", workers=1)
    return root


@pytest.mark.parametrize("form", ["coco", "binary.zip", "rle.zip"])
def test_sources_are_compared_in_every_form(merged: Path, form: str) -> None:
    report = converter.check(merged / form, workers=1)
    measured = {s.source: (s.images, s.instances, s.brightness, s.contrast, s.object_size) for s in report.sources}
    assert measured == known()
    assert report.source_differences.startswith("they differ most in object size: real")


def test_a_map_of_classes_has_no_size_of_objects(merged: Path) -> None:
    report = converter.check(merged / "multi-class.zip", workers=1)
    assert [(s.source, s.instances, s.object_size) for s in report.sources] == [
        ("real", 0, None),
        ("synthetic", 0, None),
    ]
    assert {s.source: s.brightness for s in report.sources} == {tag: numbers[2] for tag, numbers in known().items()}


def test_a_class_file_leaves_the_sources_of_a_package(merged: Path, tmp_path: Path) -> None:
    classes = tmp_path / "classes.json"
    classes.write_text('[{"id": 1, "name": "thing", "from": ["small coin", "large coin", "cat", "dog"]}]')
    report = converter.check(merged / "binary.zip", classes=classes, workers=1)
    assert [s.images for s in report.sources] == [2, 5]


def test_the_command_shows_a_table_and_the_json_has_the_same(merged: Path) -> None:
    out = segpack("check", merged / "binary.zip").out
    lines = out[out.index("sources\n") :].splitlines()
    assert lines[1].split() == [
        "source",
        "images",
        "instances",
        "brightness",
        "contrast",
        "sharpness",
        "object",
        "size",
    ]
    assert [line.split()[:3] for line in lines[2:4]] == [["real", "2", "25"], ["synthetic", "5", "10"]]
    assert "they differ most in" in lines[4]
    said = [segpack("check", merged / "binary.zip", "--json", "--workers", n).json for n in (1, 2)]
    assert said[0] == said[1]
    assert [s["source"] for s in said[0]["sources"]] == ["real", "synthetic"]
    assert said[0]["source_differences"] == lines[4].strip()


def test_it_is_no_finding(merged: Path) -> None:
    assert converter.check(merged / "coco", workers=1).counts == {"tiny-instance": 6}


CITIES = ("berlin", "berlin", "bonn", "bonn")


def tag(root: Path, even: str, odd: str) -> None:
    def put(content: Any) -> None:
        for image in content["images"]:
            image["segpack_source"] = odd if image["id"] % 2 else even

    small.edit(root, put)


def test_one_source_and_folders_are_nothing_to_compare(tmp_path: Path) -> None:
    root = small.coco(tmp_path / "set")
    assert small.look(root).sources == []
    (root / "images/berlin").mkdir()
    (root / "images/bonn").mkdir()
    for number, city in enumerate(CITIES, 1):
        (root / f"images/{number}.png").rename(root / f"images/{city}/{number}.png")

    def move(content: Any) -> None:
        for image, city in zip(content["images"], CITIES, strict=True):
            image["file_name"] = f"{city}/{image['file_name']}"

    small.edit(root, move)
    assert small.look(root).sources == []
    assert "sources" not in segpack("check", root).out
    tag(root, "one", "one")
    assert small.look(root).sources == []


def test_images_that_cannot_be_read_count_and_are_not_measured(tmp_path: Path) -> None:
    root = small.coco(tmp_path / "set")
    tag(root, "a", "b")
    before = small.look(root).sources
    (root / "images/1.png").write_bytes(b"no picture")
    after = small.look(root).sources
    assert [(s.source, s.images) for s in after] == [("a", 2), ("b", 2)]
    assert after[0] == before[0]
    picture = np.asarray(Image.open(root / "images/3.png").convert("L"))
    assert after[1].brightness == round(float(picture.mean()), 2)


def test_a_sample_compares_what_it_looked_at(merged: Path) -> None:
    report = converter.check(merged / "binary.zip", sample=4, workers=1)
    assert sum(s.images for s in report.sources) in {0, 4}
