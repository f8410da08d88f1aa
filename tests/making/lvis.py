"""LVIS fixtures: names from coco_url and from file_name, classes that were looked for."""

from __future__ import annotations

from typing import Any

from tests.making.coco import dataset, image, images
from tests.making.drawings import rle, torture
from tests.making.files import Case, Cases

CATEGORIES = [
    {
        "id": 1,
        "name": "aerosol_can",
        "synset": "aerosol.n.02",
        "frequency": "c",
        "image_count": 64,
        "instance_count": 109,
    },
    {"id": 2, "name": "air conditioner", "frequency": "f", "image_count": 364, "instance_count": 1910},
    {"id": 3, "name": "airplane", "frequency": "r", "image_count": 0, "instance_count": 0},
]


def content(first: int = 1) -> Any:
    made = dataset(torture()[9:12], CATEGORIES, rle, first)
    made["annotations"][0]["segmentation"] = [[3.5, 3, 13, 3, 13, 11.25, 3.5, 11.25]]
    for entry in made["annotations"]:
        del entry["iscrowd"]
    for place, entry in enumerate(made["images"]):
        entry |= {"neg_category_ids": [3], "not_exhaustive_category_ids": [2] if place else []}
    return made


def make(cases: Cases) -> None:
    case = cases.valid("file-names")
    case.json("annotations/lvis.json", content())
    images(case, torture()[9:12])
    case = cases.valid("urls")
    made = content()
    for entry, split in zip(made["images"], ("train2017", "val2017", "train2017"), strict=True):
        name = entry.pop("file_name")
        entry["coco_url"] = f"http://images.cocodataset.org/{split}/{name}"
        drawing = next(d for d in torture() if d.name == name)
        case.image(f"{split}/{name}", drawing.pixels)
    made["images"][0]["file_name"] = "train2017/" + torture()[9].name  # it wins
    made["images"][0]["coco_url"] = "http://images.cocodataset.org/val2017/other.png"
    case.json("lvis_v1_val.json", made)
    changes: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
        "unknown-category": ({"category_id": 9}, ("annotation 101", "class 9")),
        "two-points": ({"segmentation": [[1, 1, 2, 2]]}, ("annotation 101",)),
        "rle-sum": ({"segmentation": {"size": [32, 64], "counts": [5, 10]}}, ("annotation 101", "2048")),
    }
    for name, (change, names) in changes.items():
        case = cases.invalid(name, "lvis.json", *names)
        _broken(case, change)
    case = cases.invalid("no-name", "lvis.json", "image 9")
    made = content()
    made["images"].append(image(9, "x.png") | {"file_name": None, "neg_category_ids": []})
    case.json("lvis.json", made)
    images(case, torture()[9:12])


def _broken(case: Case, change: dict[str, Any]) -> None:
    made = content()
    made["annotations"][1] |= change
    case.json("lvis.json", made)
    images(case, torture()[9:12])
