"""Open Images fixtures: masks of the image's size and of others, descriptions of classes."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.making.drawings import Drawing, box, torture
from tests.making.files import Case, Cases

HEAD = (
    "MaskPath",
    "ImageID",
    "LabelName",
    "BoxID",
    "BoxXMin",
    "BoxXMax",
    "BoxYMin",
    "BoxYMax",
    "PredictedIoU",
    "Clicks",
)
LABELS = {1: "/m/01yrx", 2: "/m/0bt9lr"}


def drawings() -> list[Drawing]:
    named = {d.name: d for d in torture()}
    return [named[f"{n}.png"] for n in ("overlaps", "rings", "parts", "dots")]


def row(drawing: Drawing, number: int) -> tuple[Any, ...]:
    thing = drawing.things[number]
    name, (x, y, w, h) = drawing.name.removesuffix(".png"), box(thing.mask)
    label = LABELS[thing.class_id]
    path = f"{name}_{label[1:].replace('/', '')}_{number:08x}.png"
    return path, name, label, f"{number:08x}", x / 64, (x + w) / 64, y / 32, (y + h) / 32, 0.83, "1.5 2.5 1;3 4 0"


def add(case: Case, split: str, pictures: list[Drawing], scale: int = 1) -> list[tuple[Any, ...]]:
    rows = []
    for drawing in pictures:
        case.image(f"{split}/{drawing.name.removesuffix('.png')}.jpg", drawing.pixels)
        for number, thing in enumerate(drawing.things):
            rows.append(row(drawing, number))
            mask = np.kron(thing.mask, np.ones((scale, scale), np.bool_)).astype(np.bool_)
            case.image(f"{split}-masks-0/{rows[-1][0]}", mask.astype(np.uint8) * 255)
    case.csv(f"{split}-annotations-object-segmentation.csv", [HEAD, *rows])
    return rows


def make(cases: Cases) -> None:
    case = cases.valid("splits")
    add(case, "train", drawings()[:2])
    add(case, "validation", drawings()[2:3])
    case.csv("class-descriptions-boxable.csv", [("/m/01yrx", "Cat"), ("/m/0bt9lr", "Dog"), ("/m/011k07", "Tortoise")])
    case = cases.valid("other-sizes")
    add(case, "test", drawings()[1:], scale=2)
    wrong: dict[str, tuple[int, Any, tuple[str, ...]]] = {
        "no-mask": (0, "gone.png", ("line 2", "gone.png")),
        "box-text": (4, "left", ("line 2", "number")),
        "climbing": (1, "../x", ("line 2", "../x")),
        "no-image": (1, "gone", ("gone.jpg", "--images")),
    }
    for name, (column, value, names) in wrong.items():
        case = cases.invalid(name, *names)
        rows = add(case, "train", drawings()[2:3])
        rows[0] = (*rows[0][:column], value, *rows[0][column + 1 :])
        case.csv("train-annotations-object-segmentation.csv", [HEAD, *rows])
    case = cases.invalid("gray-mask", "_m01yrx_", "several foreground values")
    rows = add(case, "train", drawings()[2:3])
    case.image(f"train-masks-0/{rows[0][0]}", drawings()[0].pixels)
