"""Random small datasets through every format, narrowed to what each holds: nothing is lost, nothing added."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

import converter
from converter.format import Format, Holds
from converter.formats import all_formats
from tests import oracle
from tests.making.drawings import rle

EXAMPLES = 8
GENERAL = [f for f in all_formats().values() if f.reads and f.writes]
NAMES = ["cat", "dog", "a b", "café", "7", 'q"', "x,y", "null", "-"]

Json = dict[str, Any]


@st.composite
def masks(draw: st.DrawFn, height: int, width: int, *, empty: bool) -> NDArray[np.bool_]:
    """A mask of rectangles put on and cut out, or of noise; with a pixel unless empty ones may be."""
    if draw(st.booleans()):
        bits = draw(st.lists(st.booleans(), min_size=height * width, max_size=height * width))
        mask = np.array(bits, np.bool_).reshape(height, width)
    else:
        mask = np.zeros((height, width), np.bool_)
        for _ in range(draw(st.integers(1, 4))):
            top, left = draw(st.integers(0, height - 1)), draw(st.integers(0, width - 1))
            tall, wide = draw(st.integers(1, height)), draw(st.integers(1, width))
            mask[top : top + tall, left : left + wide] = draw(st.booleans())
    if not mask.any() and not (empty and draw(st.booleans())):
        mask[draw(st.integers(0, height - 1)), draw(st.integers(0, width - 1))] = True
    return mask


@st.composite
def instance_sets(draw: st.DrawFn, holds: Holds) -> tuple[Json, dict[str, list[tuple[Any, ...]]]]:
    """A COCO dataset, and what a reader of it has to see on each image."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True))
    ids = sorted(draw(st.lists(st.integers(1, 200), min_size=len(names), max_size=len(names), unique=True)))
    images: list[Json] = []
    annotations: list[Json] = []
    seen: dict[str, list[tuple[Any, ...]]] = {}
    for image_id in range(1, draw(st.integers(1, 3)) + 1):
        height, width = draw(st.integers(1, 12)), draw(st.integers(1, 12))
        file_name = f"{image_id}.png"
        images.append({"id": image_id, "file_name": file_name, "width": width, "height": height})
        seen[file_name] = []
        covered = np.zeros((height, width), np.bool_)
        crowded: set[int] = set()
        for _ in range(draw(st.integers(0, 3))):
            mask = draw(masks(height, width, empty=holds.empty))
            if not holds.overlaps:
                mask &= ~covered
                covered |= mask
            if not (mask.any() or holds.empty):
                continue
            at = draw(st.integers(0, len(names) - 1))
            crowd = holds.crowd and draw(st.booleans()) and not (holds.one_crowd and at in crowded)
            crowded |= {at} if crowd else set()
            only_box = holds.boxes and mask.any() and (not holds.masks or draw(st.booleans()))
            entry = {"id": len(annotations) + 1, "image_id": image_id, "category_id": ids[at], "iscrowd": int(crowd)}
            if only_box:
                box = [float(v) for v in oracle.tight_box(mask)]
                annotations.append(entry | {"bbox": box})
                seen[file_name].append((names[at], crowd, tuple(box)))
            else:
                annotations.append(entry | {"segmentation": rle(mask)})
                seen[file_name].append((names[at], crowd, oracle.digest(mask)))
    categories = [{"id": i, "name": n} for i, n in zip(ids, names, strict=True)]
    return {"images": images, "annotations": annotations, "categories": categories}, seen


def write_coco(folder: Path, content: Json) -> None:
    (folder / "images").mkdir(parents=True)
    (folder / "coco.json").write_text(json.dumps(content))
    for image in content["images"]:
        pixels = np.full((image["height"], image["width"]), 90, np.uint8)
        Image.fromarray(pixels).save(folder / "images" / image["file_name"])


def seen_in(folder: Path, *, quads: bool) -> dict[str, Counter[tuple[Any, ...]]]:
    """What is drawn on each image; boxes that may be turned are polygons, and compared as the boxes they were."""
    found: dict[str, Counter[tuple[Any, ...]]] = {}
    for sample in converter.open(folder):
        things = found.setdefault(sample.image.name, Counter())
        for i in sample.instances:
            box = tuple(round(v, 3) + 0.0 for v in i.box)
            things[i.class_name, i.iscrowd, box if i.is_box or quads else oracle.digest(i.mask())] += 1
    return found


@pytest.mark.parametrize("format", [f for f in GENERAL if f.holds.task == "instance"], ids=lambda f: f.name)
@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_instances_come_back_as_they_were_drawn(format: Format, data: st.DataObject):
    content, expected = data.draw(instance_sets(format.holds))
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "in"), Path(folder, "out")
        write_coco(source, content)
        result = converter.convert(source, target, to=format.name, workers=1)
        assert result.losses == []
        # A set without a single object does not say what it is.
        found = seen_in(target, quads=format.holds.quads) if content["annotations"] else {}
    if content["annotations"]:
        assert found == {name: Counter(things) for name, things in expected.items()}


@pytest.mark.parametrize("format", [f for f in GENERAL if f.holds.task == "semantic"], ids=lambda f: f.name)
@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_maps_of_classes_come_back_as_they_were_drawn(format: Format, data: st.DataObject):
    height, width = data.draw(st.integers(1, 12)), data.draw(st.integers(1, 12))
    ids = data.draw(st.lists(st.integers(1, 400), min_size=1, max_size=4, unique=True))
    values = st.lists(st.sampled_from([0, *ids]), min_size=height * width, max_size=height * width)
    labels = np.array(data.draw(values), np.uint16).reshape(height, width)
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "in"), Path(folder, "out")
        for part, pixels in (("images", np.zeros((height, width), np.uint8)), ("masks", labels)):
            (source / part).mkdir(parents=True)
            Image.fromarray(pixels).save(source / part / "1.png")
        (source / "classes.json").write_text(json.dumps({str(i): f"class {i}" for i in ids}))
        result = converter.convert(source, target, to=format.name, workers=1)
        (sample,) = converter.open(target)
    assert result.losses == []
    assert sample.labels is not None
    names = {c.id: c.name for c in result.classes}
    found = [[names.get(int(v), "") for v in row] for row in sample.labels]
    assert found == [[f"class {v}" if v else "" for v in row] for row in labels.tolist()]
