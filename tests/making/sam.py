"""Segment Anything fixtures: masks that overlap, sizes turned over, plain lists of counts."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.making.drawings import Drawing, box, coins, counts, rle, torture
from tests.making.files import Case, Cases, cut


def annotation(id: int, mask: Any, segmentation: Any) -> dict[str, Any]:
    return {
        "id": id,
        "segmentation": segmentation,
        "bbox": list(box(mask)),
        "area": int(mask.sum()),
        "predicted_iou": 0.9,
        "stability_score": 0.97,
        "point_coords": [[1.5, 2.5]],
        "crop_box": [0.0, 0.0, 64.0, 32.0],
    }


def page(image_id: int, drawing: Drawing, draw: Any) -> dict[str, Any]:
    height, width = drawing.pixels.shape[:2]
    head = {"image_id": image_id, "width": width, "height": height, "file_name": drawing.name.replace(".png", ".jpg")}
    marks = [annotation(1000 * image_id + n, t.mask, draw(t.mask)) for n, t in enumerate(drawing.things)]
    return {"image": head, "annotations": marks}


def swapped(mask: Any) -> dict[str, Any]:
    """Counts as they should be, size as width and height."""
    code = rle(mask)
    return {**code, "size": code["size"][::-1]}


def turned(mask: Any) -> dict[str, Any]:
    """The code of the mask turned over at its diagonal."""
    return rle(np.ascontiguousarray(mask.T))


def add(case: Case, place: int, drawing: Drawing, draw: Any, folder: str = "") -> None:
    name = drawing.name.removesuffix(".png")
    case.json(f"{folder}{name}.json", page(place, drawing, draw))
    case.image(f"{folder}{name}.jpg", drawing.pixels)


def make(cases: Cases) -> None:
    named = {d.name: d for d in torture()}
    case = cases.valid("plain")
    for place, drawing in enumerate((named["overlaps.png"], named["rings.png"], coins()[1], named["nothing.png"]), 223):
        add(case, place, drawing, rle)
    case = cases.valid("turned", class_name="thing")
    for place, (name, draw) in enumerate({"blob.png": swapped, "borders.png": turned, "parts.png": counts}.items(), 1):
        add(case, place, named[name], draw)
    _refused(cases, named)


def _refused(cases: Cases, named: dict[str, Drawing]) -> None:
    blob = swapped(named["blob.png"].things[0].mask)
    changes: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
        "size": ({"segmentation": {"size": [5, 6], "counts": [30]}}, ("annotations[1]", "[5, 6]")),
        "sum": ({"segmentation": {"size": [32, 64], "counts": [30]}}, ("annotations[1]", "2048")),
        "characters": ({"segmentation": {"size": [32, 64], "counts": "~~"}}, ("annotations[1]",)),
        "no-mask": ({"segmentation": None}, ("annotations[1]", "segmentation")),
        "unclear": (
            {"segmentation": blob, "bbox": None},
            ("annotations[1]", "box"),
        ),
    }
    for name, (change, names) in changes.items():
        case = cases.invalid(name, "parts.json", *names)
        case.image("parts.jpg", named["parts.png"].pixels)
        content = page(1, named["parts.png"], rle)
        content["annotations"][1] |= change
        case.json("parts.json", content)
    for name, change, names in (
        ("climbing", {"file_name": "../x.jpg"}, ("parts.json", "../x.jpg")),
        ("no-width", {"width": 0}, ("parts.json", "image", "0x32")),
        ("no-image", {"file_name": "gone.jpg"}, ("gone.jpg", "--images")),
    ):
        case = cases.invalid(name, *names)
        if name != "no-image":
            case.image("parts.jpg", named["parts.png"].pixels)
        content = page(1, named["parts.png"], rle)
        content["image"] |= change
        case.json("page.json" if name == "no-image" else "parts.json", content)
    case = cases.invalid("truncated", "parts.json")
    add(case, 1, named["parts.png"], rle)
    file = case.root / "parts.json"
    file.write_bytes(cut(file.read_bytes(), 0.8))
