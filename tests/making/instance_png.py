"""Fixtures of binary masks, one file an instance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from tests.making import drawings
from tests.making.drawings import Drawing, Mask, Thing, block, box, coins, color, gray, torture
from tests.making.files import Case, Cases, cut, flipped

COLUMNS = [
    *("image", "mask", "split", "width", "height", "instance_id", "class_id", "class_name"),
    *("bbox_x", "bbox_y", "bbox_w", "bbox_h", "area", "iscrowd", "image_sha256", "mask_sha256"),
]
COINS = {1: "small coin", 2: "large coin"}
PAIR = {1: "odd", 2: "even"}


def meta(name: str, classes: dict[int, str], counts: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A meta.json of binary masks; `changes` replace whole entries."""
    return {
        "format": "segmentation-dataset",
        "format_version": "1.0",
        "name": name,
        "task": "instance",
        "mask_encoding": "binary",
        "classes": [{"id": id, "name": n} for id, n in classes.items()],
        "background_id": 0,
        "ignore_id": None,
        "image_size": {"uniform": True, "width": drawings.WIDTH, "height": drawings.HEIGHT},
        "resize": None,
        "splits": [],
        "counts": {"images": 0, "instances": 0, "per_class": {}, "per_split": {}, **counts},
        "encodings": {"masks": "255 is the instance"},
        "source": {"format": "drawn", "losses": {}},
        "generator": {"name": "tests", "version": "0"},
        **changes,
    }


def package(
    case: Case,
    pictures: Sequence[tuple[str, Drawing]],
    classes: dict[int, str],
    meta_changes: dict[str, Any] | None = None,
) -> list[list[object]]:
    """The tree of a package of (split, drawing); returns the rows of its index, header first."""
    rows: list[list[object]] = [list(COLUMNS)]
    id = 0
    for split, drawing in pictures:
        below = f"{split}/{drawing.name}" if split else drawing.name
        height, width = drawing.pixels.shape[:2]
        case.image(f"images/{below}", drawing.pixels)
        for number, thing in enumerate(drawing.things, 1):
            id += 1
            path = f"masks/{below.rpartition('.')[0]}/{number:04d}_{thing.class_id}.png"
            case.mask(path, thing.mask)
            measures = [*box(thing.mask), int(thing.mask.sum()), int(thing.iscrowd), "", ""]
            named = [id, thing.class_id, classes[thing.class_id]]
            rows.append([f"images/{below}", path, split, width, height, *named, *measures])
        if not drawing.things:
            rows.append([f"images/{below}", "", split, width, height, *[""] * 11])
    splits = sorted({split for split, _ in pictures if split})
    sizes = {d.pixels.shape[:2] for _, d in pictures}
    size: dict[str, Any] = {} if len(sizes) == 1 else {"image_size": _spread(sizes)}
    counts = {"images": len(pictures), "instances": id}
    content = meta(case.root.name, classes, counts, splits=splits, **size)
    case.json("meta.json", content | (meta_changes or {}))
    case.csv("index.csv", rows)
    return rows


def _spread(sizes: set[tuple[int, ...]]) -> dict[str, Any]:
    heights, widths = {s[0] for s in sizes}, {s[1] for s in sizes}
    return {
        "uniform": False,
        "min_width": min(widths),
        "max_width": max(widths),
        "min_height": min(heights),
        "max_height": max(heights),
    }


def make(cases: Cases) -> None:
    package(cases.valid("coins"), [("", d) for d in coins()], COINS)
    _torture(cases)
    splits = zip(["train", "train", "val", "test"], torture()[8:12], strict=True)
    package(cases.valid("splits"), list(splits), PAIR)
    _folders(cases)
    _modes(cases)
    _named(cases)
    _refused(cases)


# ---------------------------------------------------------------- valid


def _torture(cases: Cases) -> None:
    pictures = [("", d) for d in torture()]
    nothing = [Thing(1, drawings.blank()), Thing(2, block(2, 2, 9, 9), iscrowd=True)]
    pictures[-1] = ("", Drawing("empty-and-crowd.png", gray(), nothing))
    package(cases.valid("torture"), [*pictures, ("", torture()[-1])], PAIR)


def _folders(cases: Cases) -> None:
    """A folder an image, as DSB 2018 has it: RGBA photos, masks with names that mean nothing."""
    case = cases.valid("folders")
    for name, drawing in zip(["0a1b", "0a1c", "ff00"], [*torture()[2:4], torture()[-1]], strict=True):
        opaque = np.dstack([color(), np.full((drawings.HEIGHT, drawings.WIDTH), 255, np.uint8)])
        case.image(f"{name}/images/{name}.png", opaque)
        for i, thing in enumerate(drawing.things):
            case.mask(f"{name}/masks/{'cafe' + str(i) if i % 2 else 'beef' + str(i)}.png", thing.mask)


def _modes(cases: Cases) -> None:
    """The same ring in every mode that masks come in, the one foreground value differing."""
    case = cases.valid("modes")
    mask = torture()[5].things[0].mask
    case.image("images/rings.png", color())
    for name, picture in modes(mask).items():
        case.image(f"masks/rings/{name}.png", picture)


def modes(mask: Mask) -> dict[str, Image.Image]:
    """Pictures of one mask in mode 1, L, P, RGB and RGBA, and gray of 16 bits."""
    plain = mask.astype(np.uint8)
    indexed = Image.fromarray(plain * 3)
    indexed.putpalette([0, 0, 0, 9, 9, 9, 99, 99, 99, 200, 30, 30])
    clear = np.zeros((*mask.shape, 4), np.uint8)
    clear[mask] = (0, 0, 0, 255)
    return {
        "bilevel": Image.fromarray(mask),
        "gray-1": Image.fromarray(plain),
        "gray-255": Image.fromarray(plain * 255),
        "palette": indexed,
        "rgb": Image.fromarray(np.dstack([plain * 200, plain * 0, plain * 30])),
        "rgba-alpha": Image.fromarray(clear),
        "rgba-opaque": Image.fromarray(np.dstack([plain * 255] * 3 + [np.full_like(plain, 255)])),
        "sixteen": Image.fromarray(mask.astype(np.uint16) * 65535),
    }


def _named(cases: Cases) -> None:
    """Masks that say their class in their names: with a pattern of the user's, with numbers, with words."""
    case = cases.valid("pattern", masks="objects/{class}/{image}-{instance}.png")
    for drawing in torture()[9:11]:
        case.image(f"photos/{drawing.name}", drawing.pixels)
        for i, thing in enumerate(drawing.things):
            stem = drawing.name.rpartition(".")[0]
            case.mask(f"objects/{PAIR[thing.class_id]}/{stem}-{i}.png", thing.mask)
    case = cases.valid("numbered")
    case.text("classes.txt", "background\nodd\neven\n")
    for drawing in torture()[9:11]:
        case.image(f"images/{drawing.name}", drawing.pixels)
        for i, thing in enumerate(drawing.things):
            case.mask(f"masks/{drawing.name.rpartition('.')[0]}/{i}_{thing.class_id}.png", thing.mask)
    case = cases.valid("words")
    for drawing in torture()[9:11]:
        case.image(f"images/train/{drawing.name}", drawing.pixels)
        for i, thing in enumerate(drawing.things):
            case.mask(f"masks/train/{drawing.name.rpartition('.')[0]}_{PAIR[thing.class_id]}_{i}.png", thing.mask)


# ---------------------------------------------------------------- invalid


def _sound(cases: Cases, name: str, *names: str, **changes: Any) -> tuple[Case, list[list[object]]]:
    case = cases.invalid(name, *names)
    return case, package(case, [("", d) for d in torture()[9:11]], PAIR, changes)


def _refused(cases: Cases) -> None:
    first = "masks/parts/0001_1.png"
    case, _ = _sound(cases, "corrupt-mask", first)
    case.bytes(first, flipped(case.root.joinpath(first).read_bytes()))
    case, _ = _sound(cases, "truncated-mask", first)
    case.bytes(first, cut(case.root.joinpath(first).read_bytes()))
    case, _ = _sound(cases, "mask-of-other-size", first, "64x31", "64x32")
    case.mask(first, torture()[9].things[0].mask[:31])
    case, _ = _sound(cases, "several-values", first, "100")
    grays = torture()[9].things[0].mask.astype(np.uint8) * 255
    grays[3, 3] = 100
    case.image(first, grays)
    case, _ = _sound(cases, "missing-mask", "index.csv", "line 2", first)
    case.root.joinpath(first).unlink()
    case, _ = _sound(cases, "corrupt-image", "images/parts.png")
    case.bytes("images/parts.png", flipped(case.root.joinpath("images/parts.png").read_bytes()))
    case, _ = _sound(cases, "undeclared-class", "class 2", "--classes", classes=[{"id": 1, "name": "odd"}])
    twice = [{"id": 1, "name": "odd"}, {"id": 2, "name": "odd"}]
    _sound(cases, "class-name-twice", "meta.json", "'odd'", "--classes", classes=twice)
    case, _ = _sound(cases, "truncated-meta", "meta.json")
    case.bytes("meta.json", cut(case.root.joinpath("meta.json").read_bytes(), 0.9))
    _rows(cases)


def _rows(cases: Cases) -> None:
    """A row of the index gone wrong."""
    for name, column, value, names in (
        ("climbing-mask", "mask", "../../masks/parts/0001_1.png", ("line 2", "../../masks")),
        ("absolute-image", "image", "/images/parts.png", ("line 2", "/images/parts.png")),
        ("class-no-number", "class_id", "odd", ("line 2", "odd")),
    ):
        case, rows = _sound(cases, name, "index.csv", *names)
        rows[1][COLUMNS.index(column)] = value
        case.csv("index.csv", rows)
