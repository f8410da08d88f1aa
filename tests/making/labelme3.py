"""LabelMe 3.0 fixtures: polygons, boxes, masks with soft alpha, parts, deleted objects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tests.making.drawings import Mask, box, coins, color, outline, pairs, torture
from tests.making.files import Case, Cases, cut

NAMES = ["small coin", "large coin"]


def object_(id: int, name: str, inner: str, **more: Any) -> str:
    said = {"deleted": 0, "verified": 0, "occluded": "no", "attributes": ""} | more
    parts = said.pop("parts", "<hasparts></hasparts><ispartof></ispartof>")
    words = "".join(f"<{k}>{v}</{k}>" for k, v in said.items())
    return f"<object><name>{name}</name>{words}<parts>{parts}</parts><id>{id}</id>{inner}</object>\n"


def polygon(points: Sequence[Sequence[Any]]) -> str:
    return "<polygon><username/>" + "".join(f"<pt><x>{x}</x><y>{y}</y></pt>" for x, y in points) + "</polygon>"


def page(name: str, objects: Sequence[str], size: tuple[int, int] = (32, 64)) -> str:
    rows = f"<imagesize><nrows>{size[0]}</nrows><ncols>{size[1]}</ncols></imagesize>"
    head = f"<filename>{name}</filename><folder></folder><source><sourceImage/></source>{rows}"
    return f"<annotation>{head}\n{''.join(objects)}</annotation>\n"


def segm(case: Case, name: str, mask: Mask, mode: str) -> str:
    """A mask file and the element that names it: RGBA with a soft edge, gray, or cut out at its box."""
    x, y, w, h = box(mask)
    if mode == "RGBA":
        rgba = np.zeros((*mask.shape, 4), np.uint8)
        rgba[..., 1] = 203
        rgba[..., 3] = mask * np.uint8(153)
        rgba[y + h - 1, :, 3] = mask[y + h - 1]
        case.image(f"Masks/{name}", rgba)
    else:
        case.image(f"Masks/{name}", (mask if mode == "L" else mask[y : y + h, x : x + w]).astype(np.uint8) * 255)
    sides = f"<xmin>{x}</xmin><ymin>{y}</ymin><xmax>{x + w}</xmax><ymax>{y + h}</ymax>"
    return f"<segm><username/><mask>{name}</mask><box>{sides}</box></segm>"


def make(cases: Cases) -> None:
    case = cases.valid("coins")
    for drawing in coins():
        case.image(drawing.name, drawing.pixels)
        found = [
            object_(n, NAMES[t.class_id - 1], polygon(pairs(outline(t.mask)[0]))) for n, t in enumerate(drawing.things)
        ]
        size = drawing.pixels.shape[:2]
        case.text(f"{drawing.name.removesuffix('.png')}.xml", page(drawing.name, found, size))
    case = cases.valid("masks")
    for place, drawing in enumerate(torture()):
        case.image(drawing.name, drawing.pixels)
        stem, mode = drawing.name.removesuffix(".png"), ("RGBA", "L", "cut")[place % 3]
        found = [
            object_(n, NAMES[t.class_id - 1], segm(case, f"{stem}_mask_{n}.png", t.mask, mode))
            for n, t in enumerate(drawing.things)
        ]
        case.text(f"{stem}.xml", page(drawing.name, found))
    case = cases.valid("parts")
    case.image("train/a.jpg", color())
    square = [[2, 2], [20, 2], [20, 14], [2, 14]]
    found = [
        object_(0, "car", polygon(square), type="bounding_box", occluded="yes", attributes="colour=red, new"),
        object_(1, "car", polygon([[30, 2], [40, 2], [40, 12]]), parts="<hasparts>2</hasparts><ispartof></ispartof>"),
        object_(2, "car", polygon([[44, 2], [54, 2], [54, 12]]), parts="<hasparts></hasparts><ispartof>1</ispartof>"),
        object_(3, "gone", polygon(square), deleted=1),
    ]
    case.text("train/a.xml", page("a.jpg", found))
    _refused(cases)


def _refused(cases: Cases) -> None:
    good = object_(0, "cat", polygon([[2, 2], [30, 4], [20, 28]]))
    broken: dict[str, tuple[str, tuple[str, ...]]] = {
        "two-points": (object_(1, "cat", polygon([[2, 2], [30, 4]])), ("a.xml", "object 2", "polygon")),
        "no-name": (object_(1, "", polygon([[2, 2], [30, 4], [20, 28]])), ("a.xml", "object 2", "name")),
        "text": (object_(1, "cat", polygon([["a", 2], [30, 4], [20, 28]])), ("a.xml", "object 2", "'a'")),
        "no-mask": (object_(1, "cat", "<segm><mask>gone.png</mask></segm>"), ("a.xml", "object 2", "gone.png")),
        "mask-size": (object_(1, "cat", "<segm><mask>m.png</mask></segm>"), ("m.png", "5x4", "64x32")),
    }
    for name, (wrong, names) in broken.items():
        case = cases.invalid(name, *names)
        case.image("a.jpg", color())
        case.image("Masks/m.png", np.full((4, 5), 255, np.uint8))
        case.text("a.xml", page("a.jpg", [good, wrong]))
    whole = page("a.jpg", [good])
    pages: dict[str, tuple[bytes, tuple[str, ...]]] = {
        "truncated": (cut(whole.encode(), 0.8), ("a.xml", "line")),
        "entities": (b'<!DOCTYPE a [<!ENTITY b "c">]>' + whole.encode(), ("a.xml", "entities")),
        "missing": (page("gone.jpg", [good]).encode(), ("gone.jpg", "--images")),
        "other-size": (page("a.jpg", [good], (30, 64)).encode(), ("a.jpg", "height 30", "64x32")),
    }
    for name, (content, names) in pages.items():
        case = cases.invalid(name, *names)
        case.image("a.jpg", color())
        case.bytes("a.xml", content)
