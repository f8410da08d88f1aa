"""LabelMe fixtures: every kind of shape, groups, void, pictures inside the JSON."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from tests.making.drawings import Drawing, block, box, coins, color, outline, pairs, torture
from tests.making.files import Case, Cases, cut

Json = dict[str, Any]
NAMES = ["small coin", "large coin"]


def png(pixels: Any) -> str:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return base64.b64encode(stream.getvalue()).decode()


def shape(label: str, points: Sequence[Any], kind: str = "polygon", **more: Any) -> Json:
    made: Json = {
        "label": label,
        "points": [list(p) for p in points],
        "group_id": None,
        "shape_type": kind,
        "flags": {},
    }
    return made | more


def mask(label: str, pixels: Any, **more: Any) -> Json:
    x, y, w, h = box(pixels)
    patch = pixels[y : y + h, x : x + w].astype(np.uint8) * 255
    return shape(label, [[x, y], [x + w - 1, y + h - 1]], "mask", mask=png(patch), **more)


def page(name: str, shapes: list[Json], size: tuple[int, int] = (32, 64), **more: Any) -> Json:
    top: Json = {"version": "5.5.0", "flags": {}, "shapes": shapes, "imagePath": name, "imageData": None}
    return top | {"imageHeight": size[0], "imageWidth": size[1]} | more


def make(cases: Cases) -> None:
    _coins(cases)
    _shapes(cases)
    _pictures(cases)
    _refused(cases)


def _coins(cases: Cases) -> None:
    """Polygons by hand with splits; objects of several parts by group; masks of all kinds."""
    case = cases.valid("coins")
    for split, drawing in zip(("train", "val"), coins(), strict=True):
        case.image(f"{split}/{drawing.name}", drawing.pixels)
        shapes = [
            shape(NAMES[t.class_id - 1], pairs(ring), group_id=n if len(outline(t.mask)) > 1 else None)
            for n, t in enumerate(drawing.things)
            for ring in outline(t.mask)
        ]
        size = drawing.pixels.shape[:2]
        case.json(f"{split}/{drawing.name.removesuffix('.png')}.json", page(drawing.name, shapes, size))
    case.text("labels.txt", "__ignore__\n_background_\nsmall coin\nlarge coin\n")
    case = cases.valid("masks")
    for drawing in torture():
        _masks(case, drawing)


def _masks(case: Case, drawing: Drawing) -> None:
    case.image(drawing.name, drawing.pixels)
    shapes = [mask(NAMES[t.class_id - 1], t.mask) for t in drawing.things]
    case.json(drawing.name.replace(".png", ".json"), page(drawing.name, shapes))


def _shapes(cases: Cases) -> None:
    case = cases.valid("shapes")
    case.image("all.jpg", color())
    square, kite = [[4.5, 3], [20, 3], [20, 15.25], [4.5, 15.25]], [[30, 2], [40, 12], [30, 22], [20, 12]]
    shapes = [
        shape("box", [[20, 15.25], [4.5, 3]], "rectangle"),
        shape("box", square, "rectangle", difficult=True),
        shape("box", kite, "rotation", direction=0.785),
        shape("disc", [[32.5, 16.5], [36.5, 19.5]], "circle", description="round"),
        shape("line", [[1, 1], [60, 30]], "line"),
        shape("line", [[1, 1], [30, 20], [60, 2.5]], "linestrip"),
        shape("dot", [[12.5, 20.5]], "point"),
        shape("blob", [[50.4, 10.6], [61.4, 25.6]], "mask", mask=png(np.full((16, 12), 255, np.uint8))),
        shape("blob", [[2, 20], [12, 20], [12, 30]], group_id=3),
        shape("blob", [[14, 20], [24, 20], [24, 30]], group_id=3),
        shape("disc", [[26, 20], [29, 20], [29, 30]], group_id=3, flags={"checked": True}),
        shape("__ignore__", [[55, 0], [64, 0], [64, 6], [55, 6]]),
    ]
    case.json("all.json", page("all.jpg", shapes, flags={"sharp": True, "dark": False}))
    case.image("old.jpg", color(80))
    old = shape("box", [[2, 2], [30, 4], [20, 28]])
    del old["shape_type"], old["group_id"]
    old |= {"line_color": None, "fill_color": None}
    top = page("..\\pictures\\old.jpg", [old], lineColor=[0, 255, 0, 128], fillColor=[255, 0, 0, 128])
    del top["imageHeight"], top["imageWidth"]
    case.json("old.json", top)


def _pictures(cases: Cases) -> None:
    """The picture in the JSON only; imagePath that names the JSON itself."""
    case = cases.valid("embedded")
    for name, path in (("inside", "inside.json"), ("gone", "C:\\photos\\gone.png")):
        top = page(path, [shape("cat", [[2, 2], [30, 4], [20, 28]])], imageData=png(color()))
        case.json(f"{name}.json", top)


def _refused(cases: Cases) -> None:
    broken: dict[str, tuple[Json, tuple[str, ...]]] = {
        "two-points": (shape("cat", [[1, 1], [5, 5]]), ("a.json", "shapes[1]", "points")),
        "no-label": (shape("", [[1, 1], [5, 5], [1, 9]]), ("a.json", "shapes[1]", "label")),
        "unknown-type": (shape("cat", [[1, 1]], "cube"), ("a.json", "shapes[1]", "cube")),
        "text-point": (shape("cat", [["1", 1], [5, 5], [1, 9]]), ("a.json", "shapes[1]", "points")),
        "no-mask": (shape("cat", [[1, 1], [5, 5]], "mask"), ("a.json", "shapes[1]", "mask")),
        "cut-mask": (
            shape("cat", [[1, 1], [5, 5]], "mask", mask=png(block(0, 0, 32, 64).astype(np.uint8))[:40]),
            ("a.json", "shapes[1]", "mask"),
        ),
    }
    good = shape("cat", [[2, 2], [30, 4], [20, 28]])
    for name, (wrong, names) in broken.items():
        case = cases.invalid(name, *names)
        case.image("a.jpg", color())
        case.json("a.json", page("a.jpg", [good, wrong]))
    tops: dict[str, tuple[Json, tuple[str, ...]]] = {
        "shapes-object": ({"shapes": {"0": good}}, ("a.json", "shapes")),
        "not-base64": ({"imagePath": "gone.png", "imageData": "%%%"}, ("a.json", "imageData")),
        "no-image": ({"imagePath": "gone.png"}, ("gone.png", "--images")),
        "other-size": ({"imageHeight": 31}, ("a.jpg", "height 31", "64x32")),
        "size-text": ({"imageHeight": "32"}, ("a.json", "imageHeight")),
    }
    for name, (change, names) in tops.items():
        case = cases.invalid(name, *names)
        if name != "no-image":
            case.image("a.jpg", color())
        case.json("a.json", page("a.jpg", [good]) | change)
    case = cases.invalid("truncated", "a.json")
    case.image("a.jpg", color())
    case.json("a.json", page("a.jpg", [good]))
    (case.root / "a.json").write_bytes(cut((case.root / "a.json").read_bytes(), 0.9))
    case = cases.invalid("shared-image", "b.json", "a.json", "a.jpg")
    case.image("a.jpg", color())
    for name in ("a", "b"):
        case.json(f"{name}.json", page("a.jpg", [good]))
