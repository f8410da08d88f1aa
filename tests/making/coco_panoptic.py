"""Panoptic fixtures: splits, ids that repeat from image to image, crowds, images without an extension in common."""

from __future__ import annotations

from typing import Any

from tests.making.drawings import Drawing, box
from tests.making.files import Case, Cases, cut
from tests.maps import paint, pictures, rgb

CATEGORIES = [
    {"id": 1, "name": "cat", "isthing": 1, "supercategory": "animal", "color": [220, 20, 60]},
    {"id": 2, "name": "grass", "isthing": 0, "supercategory": "ground"},
]


def number(n: int, step: int) -> int:
    return n * step


def annotation(image_id: int, drawing: Drawing, step: int, file_name: str) -> dict[str, Any]:
    segments = [
        {
            "id": number(n, step),
            "category_id": t.class_id,
            "area": int(t.mask.sum()),
            "bbox": list(box(t.mask)),
            "iscrowd": int(n == 2),
        }
        for n, t in enumerate(drawing.things, 1)
    ]
    return {"image_id": image_id, "file_name": file_name, "segments_info": segments}


def image(id: int, drawing: Drawing, ending: str) -> dict[str, Any]:
    height, width = drawing.pixels.shape[:2]
    return {"id": id, "file_name": drawing.name.replace(".png", ending), "height": height, "width": width}


def dataset(case: Case, bare: str, folder: str, drawings: list[Drawing], first: int, ending: str, step: int) -> Any:
    images, annotations = [], []
    for id, drawing in enumerate(drawings, first):
        entry = image(id, drawing, ending)
        case.image(folder + entry["file_name"], drawing.pixels)
        case.image(f"annotations/{bare}/{drawing.name}", rgb(paint(drawing, lambda _, n: number(n, step))))
        images.append(entry)
        annotations.append(annotation(id, drawing, step, drawing.name))
    return {"info": {"year": 2018}, "images": images, "annotations": annotations, "categories": CATEGORIES}


def make(cases: Cases) -> None:
    case = cases.valid("plain")
    case.json("annotations/panoptic.json", dataset(case, "panoptic", "images/", pictures(), 7, ".jpg", 70001))
    case = cases.valid("splits")
    for first, (split, drawings) in enumerate({"train2017": pictures()[:2], "val2017": pictures()[2:4]}.items()):
        bare = f"panoptic_{split}"
        content = dataset(case, bare, f"{split}/", drawings, 1 + 10 * first, ".png", 1)
        case.json(f"annotations/{bare}.json", content)
    _refused(cases)


def _refused(cases: Cases) -> None:
    def broken(name: str, *names: str) -> tuple[Case, Any]:
        case = cases.invalid(name, *names)
        return case, dataset(case, "panoptic", "images/", pictures()[1:3], 1, ".jpg", 300)

    changes: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
        "unknown-category": ({"category_id": 9}, ("annotations[1]", "class 9", "--classes")),
        "id-zero": ({"id": 0}, ("annotations[1]", "the id is 0")),
        "id-not-drawn": ({"id": 1234}, ("annotations[1]", "1234")),
        "category-text": ({"category_id": "cat"}, ("annotations[1]", "category_id")),
    }
    for name, (change, names) in changes.items():
        case, content = broken(name, "panoptic.json", *names)
        content["annotations"][1]["segments_info"][0] |= change
        case.json("annotations/panoptic.json", content)
    case, content = broken("undeclared-id", "parts.png", "300", "segments_info")
    del content["annotations"][1]["segments_info"][0]
    case.json("annotations/panoptic.json", content)
    case, content = broken("unknown-image", "panoptic.json", "annotations[1]", "77")
    content["annotations"][1]["image_id"] = 77
    case.json("annotations/panoptic.json", content)
    case, content = broken("no-png", "panoptic.json", "annotations[1]", "lost.png")
    content["annotations"][1]["file_name"] = "lost.png"
    case.json("annotations/panoptic.json", content)
    case, content = broken("png-cut", "panoptic/parts.png")
    case.json("annotations/panoptic.json", content)
    file = case.root / "annotations/panoptic/parts.png"
    file.write_bytes(cut(file.read_bytes(), 0.6))
    case, content = broken("png-gray", "panoptic/parts.png", "channels")
    case.json("annotations/panoptic.json", content)
    case.image("annotations/panoptic/parts.png", paint(pictures()[2], lambda _, n: n).astype("uint8"))
    case, content = broken("png-size", "panoptic/parts.png", "64x30", "64x32")
    case.json("annotations/panoptic.json", content)
    case.image("annotations/panoptic/parts.png", rgb(paint(pictures()[2], lambda _, n: n))[:30])
