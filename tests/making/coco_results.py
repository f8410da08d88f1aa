"""Fixtures of result lists: with categories beside, and with a bare list of images elsewhere."""

from __future__ import annotations

from typing import Any

from tests.making.coco import PAIR, dataset, images
from tests.making.drawings import box, rle, torture
from tests.making.files import Case, Cases, cut


def results() -> list[dict[str, Any]]:
    found = []
    for image_id, drawing in enumerate(torture()[9:11], 1):
        for n, thing in enumerate(drawing.things):
            shape = {"bbox": [float(v) for v in box(thing.mask)]} if n == 3 else {"segmentation": rle(thing.mask)}
            found.append({"image_id": image_id, "category_id": thing.class_id, "score": 0.25 * (n + 1), **shape})
    return found


def listed(case: Case, path: str, **more: Any) -> None:
    content = dataset(torture()[9:11], PAIR, rle)
    case.json(path, {"images": content["images"], **more})
    images(case, torture()[9:11])


def make(cases: Cases) -> None:
    case = cases.valid("categories")
    case.json("results.json", results())
    listed(case, "image_info_test.json", categories=PAIR)
    case = cases.valid("elsewhere", images="lists/images.json")
    case.json("results.json", results())
    content = dataset(torture()[9:11], PAIR, rle)
    case.json("lists/images.json", {"images": content["images"], "categories": PAIR[::-1]})
    images(case, torture()[9:11], "lists/images/")
    changes: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
        "unknown-image": ({"image_id": 77}, ("annotations[1]", "77")),
        "unknown-category": ({"category_id": 9}, ("annotations[1]", "class 9")),
        "rle-sum": ({"segmentation": {"size": [32, 64], "counts": [3]}}, ("annotations[1]", "2048")),
        "no-shape": ({"segmentation": [[1, 2, 3, 4]]}, ("annotations[1]",)),
    }
    for name, (change, names) in changes.items():
        case = cases.invalid(name, "results.json", *names)
        content_of = results()
        content_of[1] |= change
        case.json("results.json", content_of)
        listed(case, "images.json", categories=PAIR)
    case = cases.invalid("no-list", "results.json", "--images")
    case.json("results.json", results())
    case = cases.invalid("truncated", "results.json")
    case.json("results.json", results())
    listed(case, "images.json", categories=PAIR)
    file = case.root / "results.json"
    file.write_bytes(cut(file.read_bytes(), 0.7))
