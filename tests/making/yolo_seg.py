"""YOLO fixtures, polygons: one ring a row, with bridges where an object has holes or parts."""

from __future__ import annotations

from tests.making import yolo
from tests.making.drawings import HEIGHT, WIDTH, Thing, color, outline, ring
from tests.making.files import Cases


def polygon_row(thing: Thing) -> str:
    """Class index and one ring as fractions: as drawn by hand on large images, exact on small ones."""
    height, width = thing.mask.shape
    small = (height, width) == (HEIGHT, WIDTH)
    drawn = ring(thing.mask) if small else max(outline(thing.mask), key=len)
    values = [f"{v / (height if i % 2 else width):.10g}" for i, v in enumerate(drawn)]
    return f"{thing.class_id - 1} {' '.join(values)}"


def make(cases: Cases) -> None:
    yolo.trees(cases, polygon_row, row_of_full="0 0 0 1 0 1 1 0 1")
    _mixed(cases)
    yolo.refused(cases, polygon_row)


def _mixed(cases: Cases) -> None:
    """Boxes and polygons in one file; a polygon with a track id, one just over the edge."""
    case = cases.valid("mixed")
    case.image("images/a.png", color())
    case.image("images/b.png", color(90))
    rows = [
        "0 0.5 0.5 0.25 0.25",
        "1 0.1 0.1 0.9 0.15 0.55 0.8",
        "1 0.1 0.1 0.9 0.15 0.55 0.8 12",
        "0 -0.005 0.1 1.004 0.15 0.55 1.01",
    ]
    case.text("labels/a.txt", "\n".join(rows) + "\n")
    case.text("labels/b.txt", rows[0] + "\n")
    case.text("data.yaml", "train: images\nval: images\nnc: 2\nnames: [odd, even]\n")
