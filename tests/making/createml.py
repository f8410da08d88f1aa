"""CreateML fixtures: boxes by their centres, as three exporters write them."""

from __future__ import annotations

from typing import Any

from tests.making.drawings import box, coins, color
from tests.making.files import Cases, cut

Json = dict[str, Any]
NAMES = ["small coin", "large coin"]


def annotation(label: Any, x: float, y: float, w: float, h: float) -> Json:
    return {"label": label, "coordinates": {"x": x + w / 2, "y": y + h / 2, "width": w, "height": h}}


def make(cases: Cases) -> None:
    case = cases.valid("coins")
    entries = []
    for drawing in coins():
        case.image(f"images/{drawing.name}", drawing.pixels)
        found = [annotation(NAMES[t.class_id - 1], *box(t.mask)) for t in drawing.things]
        entries.append({"image": drawing.name, "annotations": found})
    case.json("annotations.json", entries)
    case = cases.valid("splits")
    for split in ("train", "valid"):
        case.image(f"{split}/a.jpg", color())
        entry = {"image": "a.jpg", "verified": True, "annotations": [annotation("cat", 2.5, 3, 11, 7)]}
        case.json(f"{split}/_annotations.createml.json", [entry])
    case = cases.valid("older")
    case.image("a.jpg", color())
    case.json("a.json", [{"imagefilename": "a.jpg", "annotation": [annotation("cat", 2.5, 3, 11, 7)]}])
    _refused(cases)


def _refused(cases: Cases) -> None:
    good = annotation("cat", 2, 3, 11, 7)
    broken: dict[str, tuple[Json, tuple[str, ...]]] = {
        "no-label": (annotation(None, 2, 3, 4, 5), ("annotation 2", "label")),
        "no-coordinates": ({"label": "cat"}, ("annotation 2", "coordinates")),
        "negative": (annotation("cat", 2, 3, -4, 5), ("annotation 2", "-4x5")),
        "text": ({"label": "cat", "coordinates": {"x": "a", "y": 1, "width": 1, "height": 1}}, ("annotation 2", "'a'")),
    }
    for name, (wrong, names) in broken.items():
        case = cases.invalid(name, "a.json", *names)
        case.image("a.jpg", color())
        case.json("a.json", [{"image": "a.jpg", "annotations": [good, wrong]}])
    lists: dict[str, tuple[list[Json], tuple[str, ...]]] = {
        "missing": ([{"image": "gone.jpg", "annotations": [good]}], ("gone.jpg", "--images")),
        "no-image": ([{"annotations": [good]}], ("a.json", "[0]", "image")),
        "twice": ([{"image": "a.jpg", "annotations": [good]}] * 2, ("a.json", "[1]", "a.jpg")),
        "climbing": ([{"image": "../../b.jpg", "annotations": [good]}], ("a.json", "[0]", "../../b.jpg")),
    }
    for name, (entries, names) in lists.items():
        case = cases.invalid(name, *names)
        case.image("a.jpg", color())
        case.json("a.json", entries)
    case = cases.invalid("truncated", "a.json")
    case.image("a.jpg", color())
    case.json("a.json", [{"image": "a.jpg", "annotations": [good]}])
    (case.root / "a.json").write_bytes(cut((case.root / "a.json").read_bytes(), 0.9))
