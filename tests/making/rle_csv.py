"""Fixtures of run-length tables: one class, classes by number and by name, two columns in one."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.making.drawings import Drawing, coins, torture
from tests.making.files import Case, Cases


def pairs(mask: Any) -> str:
    """`start length ...` down the columns, from 1."""
    flat = np.concatenate(([False], mask.T.reshape(-1), [False]))
    edges = np.flatnonzero(flat[1:] != flat[:-1])
    return " ".join(f"{a + 1} {b - a}" for a, b in edges.reshape(-1, 2).tolist())


def drawings() -> list[Drawing]:
    named = {d.name: d for d in torture()}
    return [coins()[1], *(named[f"{n}.png"] for n in ("overlaps", "rings", "full", "nothing"))]


def images(case: Case, folder: str = "images/") -> None:
    for drawing in drawings():
        case.image(folder + drawing.name, drawing.pixels)


def make(cases: Cases) -> None:
    case = cases.valid("one-class", class_name="nucleus")
    rows = [(d.name.removesuffix(".png"), pairs(t.mask)) for d in drawings() for t in d.things]
    case.csv("stage1_train_labels.csv", [("ImageId", "EncodedPixels"), *rows, ("nothing", "")])
    images(case)
    case = cases.valid("numbers")
    rows3 = [(d.name, pairs(t.mask), t.class_id, *d.pixels.shape[:2]) for d in drawings() for t in d.things]
    case.csv("train.csv", [("ImageId", "EncodedPixels", "ClassId", "Height", "Width"), *rows3])
    case.json("classes.json", {"1": "shirt", "2": "shoe"})
    images(case, "train_images/")
    case = cases.valid("joined")
    names = {1: "Fish", 2: "Gravel"}
    joined = [(f"{d.name}_{names[t.class_id]}", pairs(t.mask)) for d in drawings() for t in d.things]
    case.csv("train.csv", [("Image_Label", "EncodedPixels"), *joined, ("nothing.png_Fish", "-1")])
    images(case, "")
    _refused(cases)


def _refused(cases: Cases) -> None:
    wrong = {
        "outside": ("2040 20", ("line 3", "2059", "2048")),
        "zero": ("0 5", ("line 3", "pixel 1")),
        "odd": ("1 5 9", ("line 3", "pairs")),
        "words": ("one two", ("line 3", "one two")),
        "overlapping": ("1 5 3 4", ("line 3", "same pixel")),
    }
    for name, (code, names) in wrong.items():
        case = cases.invalid(name, "train.csv", *names)
        case.csv("train.csv", [("ImageId", "EncodedPixels"), ("rings.png", "1 3"), ("rings.png", code)])
        images(case)
    case = cases.invalid("fields", "train.csv", "line 3")
    case.text("train.csv", "ImageId,EncodedPixels\nrings.png,1 3\nrings.png,1 3,4\n")
    images(case)
    case = cases.invalid("no-image", "gone.png", "--images")
    case.csv("train.csv", [("ImageId", "EncodedPixels"), ("gone.png", "1 3")])
    images(case)
    case = cases.invalid("climbing", "train.csv", "../x.png")
    case.csv("train.csv", [("ImageId", "EncodedPixels"), ("../x.png", "1 3")])
    images(case)
    case = cases.invalid("unknown-class", "classes.json", "class 7", "--classes")
    case.csv("train.csv", [("ImageId", "EncodedPixels", "ClassId"), ("rings.png", "1 3", 7)])
    case.json("classes.json", {"1": "shirt"})
    images(case)
