"""Fixtures of oriented boxes: turned, upright, reaching outside; named by the YAML or with --from."""

from __future__ import annotations

from tests.making.drawings import color, gray
from tests.making.files import Case, Cases

ROWS = {
    "tilted": "0 0.25 0.125 0.5 0.25 0.375 0.75 0.125 0.625\n1 0.5 0.5 0.75 0.5 0.75 0.75 0.5 0.75\n",
    "outside": "1 -0.0625 0.25 0.25 0.125 0.3125 0.5 0.0 0.625\n0 0.9 0.8 1.025 0.85 1.0 1.1 0.875 1.05\n",
    "empty": "",
}


def add(case: Case, split: str, name: str, rows: str) -> None:
    case.image(f"images/{split}/{name}.png", color() if name == "tilted" else gray())
    case.text(f"labels/{split}/{name}.txt", rows)


def sound(case: Case, config: str, more: str) -> None:
    names = "names:\n  0: ship\n  1: plane\n"
    case.text(config, f"path: ../datasets/x\ntrain: images/train\nval: images/val\n{more}{names}")
    add(case, "train", "tilted", ROWS["tilted"])
    add(case, "val", "outside", ROWS["outside"])
    add(case, "val", "empty", ROWS["empty"])


def make(cases: Cases) -> None:
    sound(cases.valid("task"), "data.yaml", "task: obb\n")
    sound(cases.valid("named"), "DOTAv1.yaml", "")
    sound(cases.valid("told", format="yolo-obb"), "data.yaml", "")
    wrong = {
        "box-row": ("0 0.5 0.5 0.1 0.1\n", ("line 1", "4 numbers")),
        "words": ("0 a 0.1 0.2 0.1 0.2 0.2 0.1 0.2\n", ("line 1", "'a'")),
        "unknown-class": ("7 0.1 0.1 0.2 0.1 0.2 0.2 0.1 0.2\n", ("line 1", "class 7")),
        "pixels": ("0 100 100 200 100 200 200 100 200\n", ("line 1", "pixels?")),
        "half-class": ("0.5 0.1 0.1 0.2 0.1 0.2 0.2 0.1 0.2\n", ("line 1", "0.5")),
    }
    for name, (rows, names) in wrong.items():
        case = cases.invalid(name, "labels/train/tilted.txt", *names)
        sound(case, "data.yaml", "task: obb\n")
        case.text("labels/train/tilted.txt", rows)
