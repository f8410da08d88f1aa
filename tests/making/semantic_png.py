"""Fixtures of class masks, one file an image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.making import drawings
from tests.making.drawings import Drawing, Thing, coins, color, gray, torture
from tests.making.files import Case, Cases, cut, flipped
from tests.making.instance_png import COINS, COLUMNS, PAIR, meta

Labels = NDArray[Any]
LEGEND = {(0, 0, 0): "background", (200, 30, 40): "odd", (0, 128, 255): "even"}


def labels(things: Sequence[Thing], shape: tuple[int, ...] = (drawings.HEIGHT, drawings.WIDTH)) -> Labels:
    """Class ids, the smaller object on top; 0 elsewhere."""
    found = np.zeros(shape[:2], np.uint8)
    for thing in sorted(things, key=lambda t: -int(t.mask.sum())):
        found[thing.mask] = thing.class_id
    return found


def streets() -> list[Labels]:
    """Two maps that leave no pixel without a class: 0 is a real one."""
    y, x = np.indices((drawings.HEIGHT, drawings.WIDTH))
    first = np.where(y > 12, np.where(abs(x - 30) < y - 8, 1, 2), 0).astype(np.uint8)
    second = np.where(y > 20, 1, np.where(x % 17 < 6, 2, 0)).astype(np.uint8)
    return [first, second]


def make(cases: Cases) -> None:
    package(cases.valid("coins"), [("", d) for d in coins()], COINS)
    package(cases.valid("torture"), [("", d) for d in torture()], PAIR)
    splits = zip(["train", "train", "val", "test"], torture()[8:12], strict=True)
    package(cases.valid("splits"), list(splits), PAIR)
    _depths(cases)
    _colors(cases)
    _layouts(cases)
    _values(cases)
    _refused(cases)


def package(case: Case, pictures: Sequence[tuple[str, Drawing]], classes: dict[int, str], **changes: Any) -> None:
    """The tree of a package of (split, drawing)."""
    rows: list[list[object]] = [list(COLUMNS)]
    for split, drawing in pictures:
        below = f"{split}/{drawing.name}" if split else drawing.name
        height, width = drawing.pixels.shape[:2]
        mask = f"masks/{below.rpartition('.')[0]}.png"
        case.image(f"images/{below}", drawing.pixels)
        case.image(mask, labels(drawing.things, drawing.pixels.shape))
        rows.append([f"images/{below}", mask, split, width, height, *[""] * 11])
    splits = list(dict.fromkeys(split for split, _ in pictures if split))
    about = {"task": "semantic", "mask_encoding": "multi-class", "splits": splits}
    case.json("meta.json", meta(case.root.name, classes, {"images": len(pictures)}, **about) | changes)
    case.csv("index.csv", rows)


# ---------------------------------------------------------------- valid


def _depths(cases: Cases) -> None:
    """A palette, whose indices count and not its colours; and 16 bits."""
    case = cases.valid("palette")
    case.image("images/blob.png", color())
    indexed = Image.fromarray(labels(torture()[12].things) * 2)
    indexed.putpalette([7, 7, 7, 255, 255, 255, 0, 0, 0])
    case.image("masks/blob.png", indexed)
    case.text("classes.txt", "background\none\ntwo\n")
    case = cases.valid("sixteen-bits")
    case.image("images/overlaps.png", gray())
    case.image("masks/overlaps.png", labels(torture()[10].things).astype(np.uint16) * 1000)
    case.json("classes.json", {"1000": "odd", "2000": "even", "65535": "unused"})


def _colors(cases: Cases) -> None:
    """Colours with a legend: beside the masks in two forms, and named by the user."""
    drawing = torture()[9]
    painted = paint(labels(drawing.things))
    case = cases.valid("legend-labelmap")
    case.text("labelmap.txt", "# label:color_rgb:parts:actions\n" + "".join(_line(c, n) for c, n in LEGEND.items()))
    _colored(case, painted)
    case = cases.valid("legend-csv")
    case.csv("class_dict.csv", [["name", "r", "g", "b"], *([name, *c] for c, name in LEGEND.items())])
    _colored(case, painted)
    case = cases.valid("legend-option", colors="legend.json")
    case.json("legend.json", {name: list(c) for c, name in LEGEND.items() if name != "background"})
    _colored(case, painted)


def paint(ids: Labels) -> NDArray[np.uint8]:
    """The ids in the colours of the legend."""
    return np.array(list(LEGEND), np.uint8)[ids]


def _line(color: tuple[int, int, int], name: str) -> str:
    return f"{name}:{','.join(map(str, color))}::\n"


def _colored(case: Case, painted: NDArray[np.uint8]) -> None:
    case.image("images/parts.jpg", color())
    case.image("masks/parts.png", painted)


def _layouts(cases: Cases) -> None:
    case = cases.valid("roboflow")
    for split, drawing in zip(["train", "valid"], torture()[9:11], strict=True):
        stem = drawing.name.rpartition(".")[0]
        case.image(f"{split}/{stem}.jpg", color())
        case.image(f"{split}/{stem}_mask.png", labels(drawing.things))
        rows: list[list[object]] = [["Pixel Value", " Class"], [0, " background"], [1, " odd"], [2, " even"]]
        case.csv(f"{split}/_classes.csv", rows)
    case = cases.valid("parallel")
    case.text("classes.txt", "sky\nroad\nbuilding\n")
    for split, ids in zip(["train", "val"], streets(), strict=True):
        case.image(f"{split}/{split}_001.png", color())
        case.image(f"{split}annot/{split}_001.png", ids)


def _values(cases: Cases) -> None:
    """What 0 and 255 mean, and values that nothing names."""
    case = cases.valid("ignored")
    case.image("images/a.png", gray())
    marked = labels(torture()[9].things)
    marked[28:] = 255
    case.image("masks/a.png", marked)
    case.text("classes.txt", "background\nodd\neven\n")
    case = cases.valid("binary", class_name="wall")
    case.image("images/a.png", gray())
    case.mask("masks/a.png", torture()[12].things[0].mask)
    case = cases.valid("unnamed")
    case.image("images/a.png", gray())
    case.image("masks/a.png", labels(torture()[9].things) * 3)


# ---------------------------------------------------------------- invalid


def _plain(cases: Cases, name: str, *names: str, ids: Labels | Image.Image | None = None, **options: str) -> Case:
    """One image and its mask, which is `ids`, and two classes."""
    case = cases.invalid(name, *names, **options)
    case.image("images/a.png", gray())
    case.image("masks/a.png", labels(torture()[9].things) if ids is None else ids)
    case.text("classes.txt", "background\nodd\neven\n")
    return case


def _refused(cases: Cases) -> None:
    sound = labels(torture()[9].things)
    case = _plain(cases, "corrupt-mask", "masks/a.png")
    case.bytes("masks/a.png", flipped(case.root.joinpath("masks/a.png").read_bytes()))
    case = _plain(cases, "truncated-mask", "masks/a.png")
    case.bytes("masks/a.png", cut(case.root.joinpath("masks/a.png").read_bytes()))
    case = _plain(cases, "corrupt-image", "images/a.png")
    case.bytes("images/a.png", flipped(case.root.joinpath("images/a.png").read_bytes()))
    _plain(cases, "other-size", "masks/a.png", "64x30", "64x32", ids=sound[:30])
    _plain(cases, "undeclared-value", "masks/a.png", "class 4", "--classes", ids=sound * 2)
    case = _plain(cases, "class-name-twice", "classes.txt", "'odd'", "--classes")
    case.text("classes.txt", "background\nodd\nodd\n")
    _plain(cases, "no-legend", "masks/a.png", "--colors", ids=paint(sound))
    case = _plain(cases, "not-in-legend", "masks/a.png", "9,9,9", "x=0, y=0", ids=_with_pixel(paint(sound)))
    case.root.joinpath("classes.txt").unlink()
    case.text("labelmap.txt", "".join(_line(c, n) for c, n in LEGEND.items()))
    case = cases.invalid("truncated-meta", "meta.json")
    package(case, [("", torture()[9])], PAIR)
    case.bytes("meta.json", cut(case.root.joinpath("meta.json").read_bytes(), 0.9))


def _with_pixel(painted: NDArray[np.uint8]) -> NDArray[np.uint8]:
    changed = painted.copy()
    changed[0, 0] = 9
    return changed
