"""Datumaro fixtures: all annotations that are held, groups, subsets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.making.drawings import coins, color, outline, rle, torture
from tests.making.files import Cases, cut

Json = dict[str, Any]
NAMES = ["small coin", "large coin"]


def annotation(id: int, kind: str, label: int, group: int = 0, **more: Any) -> Json:
    head = {"id": id, "type": kind, "attributes": {}, "group": group, "label_id": label, "z_order": 0}
    return head | more


def item(name: str, annotations: Sequence[Json], size: tuple[int, int] = (32, 64), **more: Any) -> Json:
    about = {"image": {"path": name, "size": list(size)}, "media": {"path": name}}
    return {"id": name.rpartition(".")[0], "attr": {}, "annotations": list(annotations)} | about | more


def page(names: Sequence[str], items: Sequence[Json]) -> Json:
    labels = [{"name": n, "parent": "", "attributes": []} for n in names]
    return {"info": {}, "categories": {"label": {"labels": labels, "attributes": []}}, "items": list(items)}


def make(cases: Cases) -> None:
    case = cases.valid("coins")
    id = 0
    for subset, drawing in zip(("train", "validation"), coins(), strict=True):
        case.image(f"images/{subset}/{drawing.name}", drawing.pixels)
        found = []
        for thing in drawing.things:
            id += 1
            found += [annotation(id, "polygon", thing.class_id - 1, id, points=r) for r in outline(thing.mask)]
        page_ = page(NAMES, [item(drawing.name, found, drawing.pixels.shape[:2])])
        case.json(f"annotations/{subset}.json", page_)
    case = cases.valid("masks")
    items = []
    for drawing in torture():
        case.image(f"images/default/{drawing.name}", drawing.pixels)
        found = [annotation(0, "mask", t.class_id, rle=rle(t.mask)) for t in drawing.things]
        items.append(item(drawing.name, found))
    case.json("annotations/default.json", page(["background", *NAMES], items))
    _figures(cases)
    _refused(cases)


def _figures(cases: Cases) -> None:
    case = cases.valid("figures")
    case.image("images/a.jpg", color())
    polygon = [4, 4, 30, 4, 30, 24]
    attributes = {"occluded": True, "colour": "red", "count": 3}
    found = [
        annotation(1, "bbox", 0, bbox=[4.5, 3, 15.5, 12.25], z_order=1, attributes=attributes),
        annotation(2, "polygon", 1, 7, points=polygon),
        annotation(2, "bbox", 1, 7, bbox=[4, 4, 26, 20]),
        annotation(3, "polyline", 2, points=[1, 1, 30, 20, 60, 2.5]),
        annotation(4, "points", 3, points=[5, 5, 6, 7], visibility=[2, 2]),
        annotation(5, "mask", 1, rle=rle(torture()[0].things[0].mask), attributes={"is_crowd": True}),
        annotation(6, "polygon", 0, 9, points=[40, 4, 50, 4, 50, 14]),
        annotation(7, "polygon", 1, 9, points=[40, 16, 50, 16, 50, 26]),
    ]
    items = [item("a.jpg", found, media={"path": "/photos/a.jpg"})]
    case.json("annotations/default.json", page(["box", "shape", "line", "dot"], items))


def _refused(cases: Cases) -> None:
    good = annotation(1, "bbox", 0, bbox=[1, 1, 5, 5])
    broken: dict[str, tuple[Json, tuple[str, ...]]] = {
        "label-9": (annotation(2, "bbox", 9, bbox=[1, 1, 5, 5]), ("annotations[1]", "9")),
        "no-label": (good | {"label_id": None}, ("annotations[1]", "label_id")),
        "negative": (annotation(2, "bbox", 0, bbox=[1, 1, -5, 5]), ("annotations[1]", "bbox")),
        "two-points": (annotation(2, "polygon", 0, points=[1, 1, 5, 5]), ("annotations[1]", "points")),
        "rle-size": (annotation(2, "mask", 0, rle={"counts": "0", "size": [1, 2]}), ("annotations[1]", "[1, 2]")),
        "rle-sum": (annotation(2, "mask", 0, rle={"counts": "00", "size": [32, 64]}), ("annotations[1]",)),
        "unknown-type": (annotation(2, "sphere", 0), ("annotations[1]", "sphere")),
    }
    for name, (wrong, names) in broken.items():
        case = cases.invalid(name, "default.json", "items[0]", *names)
        case.image("images/default/a.jpg", color())
        case.json("annotations/default.json", page(["cat"], [item("a.jpg", [good, wrong])]))
    case = cases.invalid("missing", "gone.jpg", "--images")
    case.json("annotations/default.json", page(["cat"], [item("gone.jpg", [good])]))
    case = cases.invalid("other-size", "a.jpg", "height 30", "64x32")
    case.image("images/default/a.jpg", color())
    case.json("annotations/default.json", page(["cat"], [item("a.jpg", [good], (30, 64))]))
    case = cases.invalid("labels-differ", "train.json", "labels")
    for subset, label in (("test", "cat"), ("train", "dog")):
        case.image(f"images/{subset}/{subset}.jpg", color())
        case.json(f"annotations/{subset}.json", page([label], [item(f"{subset}.jpg", [good])]))
    case = cases.invalid("truncated", "default.json")
    case.image("images/default/a.jpg", color())
    case.json("annotations/default.json", page(["cat"], [item("a.jpg", [good])]))
    file = case.root / "annotations/default.json"
    file.write_bytes(cut(file.read_bytes(), 0.9))
