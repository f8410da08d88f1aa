"""Supervisely fixtures: bitmaps, holes, tags, datasets."""

from __future__ import annotations

import base64
import io
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from tests.making.drawings import Mask, box, coins, color, outline, pairs, torture
from tests.making.files import Case, Cases, cut

Json = dict[str, Any]
NAMES = ["small coin", "large coin"]


def bitmap(mask: Mask, mode: str = "L") -> Json:
    """The tight box as PNG: gray, one bit, or colour with alpha."""
    x, y, w, h = box(mask)
    crop = mask[y : y + h, x : x + w]
    made = Image.fromarray(crop.astype(np.uint8) * 255)
    if mode == "RGBA":
        alpha = made
        made = Image.new("RGBA", alpha.size, (9, 200, 80, 0))
        made.putalpha(alpha)
    stream = io.BytesIO()
    (made if mode == "RGBA" else made.convert(mode)).save(stream, "PNG")
    data = base64.b64encode(zlib.compress(stream.getvalue())).decode()
    return {"geometryType": "bitmap", "bitmap": {"data": data, "origin": [x, y]}}


def figure(kind: str, exterior: Sequence[Sequence[float]], interior: Sequence[Any] = (), **more: Any) -> Json:
    return {"geometryType": kind, "points": {"exterior": list(exterior), "interior": list(interior)}} | more


def object_(title: str, shape: Json, **more: Any) -> Json:
    return {"description": "", "tags": [], "classTitle": title} | shape | more


def page(objects: list[Json], size: tuple[int, int] = (32, 64), **more: Any) -> Json:
    return {"description": "", "tags": [], "size": {"height": size[0], "width": size[1]}, "objects": objects} | more


def meta(names: Sequence[str]) -> Json:
    classes = [{"title": n, "shape": "any", "color": f"#{i:02X}8040"} for i, n in enumerate(names, 1)]
    return {"classes": classes, "tags": [], "projectType": "images"}


def make(cases: Cases) -> None:
    case = cases.valid("coins")
    for split, drawing in zip(("train", "val"), coins(), strict=True):
        case.image(f"{split}/img/{drawing.name}", drawing.pixels)
        objects = [object_(NAMES[t.class_id - 1], figure("polygon", pairs(outline(t.mask)[0]))) for t in drawing.things]
        case.json(f"{split}/ann/{drawing.name}.json", page(objects, drawing.pixels.shape[:2]))
    case.json("meta.json", meta(NAMES))
    case = cases.valid("bitmaps")
    for place, drawing in enumerate(torture()):
        case.image(f"ds0/img/{drawing.name}", drawing.pixels)
        mode = ("L", "1", "RGBA")[place % 3]
        objects = [object_(NAMES[t.class_id - 1], bitmap(t.mask, mode)) for t in drawing.things]
        name = drawing.name if place % 2 else drawing.name.removesuffix(".png")
        case.json(f"ds0/ann/{name}.json", page(objects))
    case.json("meta.json", meta(NAMES))
    _figures(cases)
    _refused(cases)


def _figures(cases: Cases) -> None:
    case = cases.valid("figures")
    case.image("one/img/a.jpg", color())
    case.image("two/img/a.jpg", color(70))
    hole = [[10, 8], [20, 8], [20, 16], [10, 16]]
    tags = [{"name": "colour", "value": "red"}, {"name": "count", "value": 3}]
    objects = [
        object_("box", figure("rectangle", [[40, 4], [55, 20]]), tags=tags),
        object_("shape", figure("polygon", [[4, 4], [30, 4], [30, 24], [4, 24]], [hole]), description="with a hole"),
        object_("line", figure("line", [[1, 1], [30, 20], [60, 2.5]])),
        object_("dot", figure("point", [[12, 20]])),
        object_("dot", {"geometryType": "graph", "nodes": {"a": {"loc": [1, 2]}, "b": {"loc": [3, 4]}}}),
    ]
    case.json("one/ann/a.jpg.json", page(objects, tags=[{"name": "sharp", "value": None}]))
    case.json("two/ann/a.jpg.json", page([]))
    case.json("meta.json", meta(["box", "shape", "line", "dot"]))


def _refused(cases: Cases) -> None:
    good = object_("cat", figure("polygon", [[4, 4], [30, 4], [30, 24]]))
    sound = bitmap(np.ones((4, 4), np.bool_))
    broken: dict[str, tuple[Json, tuple[str, ...]]] = {
        "unknown-class": (good | {"classTitle": "horse"}, ("objects[1]", "horse")),
        "two-points": (object_("cat", figure("polygon", [[4, 4], [30, 4]])), ("objects[1]", "exterior")),
        "not-base64": (object_("cat", sound | {"bitmap": {"data": "%%%", "origin": [0, 0]}}), ("objects[1]", "base64")),
        "not-deflated": (
            object_("cat", sound | {"bitmap": {"data": "AAAA", "origin": [0, 0]}}),
            ("objects[1]", "bitmap"),
        ),
        "outside": (
            object_("cat", sound | {"bitmap": sound["bitmap"] | {"origin": [64, 0]}}),
            ("objects[1]", "outside"),
        ),
        "no-origin": (object_("cat", sound | {"bitmap": {"data": "AAAA"}}), ("objects[1]", "origin")),
    }
    for name, (wrong, names) in broken.items():
        case = _start(cases, name, "a.jpg.json", *names)
        case.json("ds0/ann/a.jpg.json", page([good, wrong]))
    case = _start(cases, "other-size", "a.jpg.json", "size", "64x30")
    case.json("ds0/ann/a.jpg.json", page([good], (30, 64)))
    case = _start(cases, "missing", "b.jpg", "--images")
    case.json("ds0/ann/b.jpg.json", page([good]))
    case = _start(cases, "truncated", "a.jpg.json")
    case.json("ds0/ann/a.jpg.json", page([good]))
    file = case.root / "ds0/ann/a.jpg.json"
    file.write_bytes(cut(file.read_bytes()))
    case = _start(cases, "classes", "meta.json", "classes")
    case.json("ds0/ann/a.jpg.json", page([good]))
    case.json("meta.json", {"classes": {"title": "cat"}})


def _start(cases: Cases, name: str, *names: str) -> Case:
    case = cases.invalid(name, *names)
    case.image("ds0/img/a.jpg", color())
    case.json("meta.json", meta(["cat"]))
    return case
