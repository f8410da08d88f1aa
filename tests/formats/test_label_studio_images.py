"""Tasks of several images: every object is on the image that it was drawn on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import converter
from converter.errors import SourceError
from tests.formats.twins import drawn, masks, objects

WIDTH, HEIGHT = 40, 30
FIRST = [[5, 10], [30, 10], [30, 40], [5, 40]]
SECOND = [[50, 50], [90, 50], [90, 90]]
PAIR = {"left": "/data/upload/1/11111111-a.png", "right": "/data/upload/1/22222222-b.png"}
CONFIGURATION = """<View>
<Image name="img1" value="$left"/><PolygonLabels name="l1" toName="img1"><Label value="cat"/></PolygonLabels>
<Image name="img2" value="$right"/><PolygonLabels name="l2" toName="img2"><Label value="dog"/></PolygonLabels>
</View>"""


def polygon(points: list[list[int]], label: str, **said: Any) -> dict[str, Any]:
    value = {"points": points, "polygonlabels": [label]}
    return {"type": "polygonlabels", "value": value, "original_width": WIDTH, "original_height": HEIGHT, **said}


def tag(choice: str, **said: Any) -> dict[str, Any]:
    return {"type": "choices", "value": {"choices": [choice]}, "from_name": "tag", **said}


def tasks(folder: Path, data: dict[str, Any], *results: dict[str, Any], configuration: str = "") -> Path:
    """A set of one task, with the images a.png and b.png."""
    folder.mkdir()
    for name in ("a.png", "b.png"):
        Image.new("L", (WIDTH, HEIGHT)).save(folder / name)
    task = {"id": 7, "data": data, "annotations": [{"id": 1, "result": list(results)}]}
    (folder / "tasks.json").write_text(json.dumps([task]))
    if configuration:
        (folder / "label_config.xml").write_text(configuration)
    return folder


def check(folder: Path) -> None:
    """The first polygon is on a.png, the second on b.png, and nothing else is anywhere."""
    found = masks(folder)
    assert {name: [label for label, _ in there] for name, there in found.items()} == {
        "a.png": ["cat"],
        "b.png": ["dog"],
    }
    for name, points in (("a.png", FIRST), ("b.png", SECOND)):
        ring = [float(v * size / 100) for point in points for v, size in zip(point, (WIDTH, HEIGHT), strict=True)]
        assert np.array_equal(found[name][0][1], drawn([ring], HEIGHT, WIDTH))


def test_the_configuration_says_which_image_is_which(tmp_path):
    first, second = polygon(FIRST, "cat", to_name="img1"), polygon(SECOND, "dog", to_name="img2")
    night, day = tag("night", to_name="img2"), tag("day", to_name="img1")
    source = tasks(tmp_path / "set", PAIR, first, night, second, day, configuration=CONFIGURATION)
    check(source)
    assert {s.image.name: s.image.extra["tags"] for s in converter.open(source)} == {
        "a.png": ["day"],
        "b.png": ["night"],
    }


def test_names_of_images_that_are_those_of_the_data_need_no_configuration(tmp_path):
    check(tasks(tmp_path / "set", PAIR, polygon(SECOND, "dog", to_name="right"), polygon(FIRST, "cat", to_name="left")))


def test_an_image_of_several_pages_is_several_images(tmp_path):
    first, second = polygon(FIRST, "cat", to_name="image", item_index=0), polygon(SECOND, "dog", item_index=1)
    check(tasks(tmp_path / "set", {"images": list(PAIR.values())}, first, {**second, "to_name": "image"}))


def test_the_flat_export_names_controls(tmp_path):
    """JSON-MIN has the values of results below the names of their controls."""
    source = tasks(tmp_path / "set", {}, configuration=CONFIGURATION)
    size = {"original_width": WIDTH, "original_height": HEIGHT}
    values = [{"points": p, "polygonlabels": [n], **size} for p, n in ((FIRST, "cat"), (SECOND, "dog"))]
    (source / "tasks.json").write_text(json.dumps([{"id": 1, **PAIR, "l1": values[:1], "l2": values[1:]}]))
    check(source)


def test_an_image_with_nothing_on_it_is_still_an_image_of_the_task(tmp_path):
    source = tasks(tmp_path / "set", PAIR, polygon(SECOND, "dog", to_name="img2"), configuration=CONFIGURATION)
    assert {name: len(there) for name, there in objects(source).items()} == {"a.png": 0, "b.png": 1}


@pytest.mark.parametrize("names", [("img1", "img2"), ("img2", "img2")])
def test_what_may_be_on_either_image_is_refused(names, tmp_path):
    results = [polygon(p, c, to_name=n) for p, c, n in zip((FIRST, SECOND), ("cat", "dog"), names, strict=True)]
    source = tasks(tmp_path / "set", PAIR, *results)
    with pytest.raises(SourceError, match=r"nothing says on which .*img2.* label_config\.xml"):
        converter.convert(source, tmp_path / "out", to="coco")


def test_a_page_that_is_not_there_is_refused(tmp_path):
    source = tasks(tmp_path / "set", {"images": list(PAIR.values())}, polygon(FIRST, "cat", item_index=2))
    with pytest.raises(SourceError, match="page 2"):
        converter.convert(source, tmp_path / "out", to="coco")


def test_a_second_picture_in_the_data_is_no_image_of_the_set(tmp_path):
    data = {"thumb": PAIR["right"], "image": PAIR["left"]}
    assert list(objects(tasks(tmp_path / "set", data, polygon(FIRST, "cat", to_name="picture")))) == ["a.png"]
