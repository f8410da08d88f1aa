"""Mapillary fixtures: both releases; class 0 is a bird."""

from __future__ import annotations

import numpy as np

from tests.making.files import Case, Cases
from tests.maps import Codes, deep, paint, pictures

LABELS = [
    {"name": "animal--bird", "readable": "Bird", "instances": True, "evaluate": True, "color": [165, 42, 42]},
    {"name": "object--car", "readable": "Car", "instances": True, "evaluate": True, "color": [0, 0, 142]},
    {"name": "construction--flat--road", "readable": "Road", "instances": False, "evaluate": True, "color": [1, 2, 3]},
    {"name": "void--unlabeled", "readable": "Unlabeled", "instances": False, "evaluate": False, "color": [0, 0, 0]},
]


def codes_of(place: int) -> Codes:
    """Birds and cars numbered from 0, the rest road and unlabelled."""
    codes = paint(pictures()[place], lambda t, n: (t.class_id - 1) * 256 + n - 1 + 65536)
    codes[codes == 0] = 2 * 256
    codes[:2, :5] = 3 * 256
    return (codes & 0xFFFF).astype(np.uint32)


def _add(case: Case, version: str, split: str, place: int, codes: Codes) -> None:
    folder = f"{split}/{version}/" if version else f"{split}/"
    case.image(f"{folder}instances/p{place}.png", deep(codes))
    case.image(f"{folder}labels/p{place}.png", (codes >> 8).astype(np.uint8))


def make(cases: Cases) -> None:
    case = cases.valid("release-1")
    case.json("config.json", {"labels": LABELS, "version": 1.1})
    for place, split in enumerate(("training", "training", "validation")):
        case.image(f"{split}/images/p{place}.jpg", pictures()[place].pixels)
        _add(case, "", split, place, codes_of(place))
    case = cases.valid("release-2")
    for version, labels in {"v1.2": LABELS[:2], "v2.0": LABELS}.items():
        case.json(f"config_{version}.json", {"labels": labels})
        _add(case, version, "training", 1, codes_of(1) if version == "v2.0" else np.zeros((32, 64), np.uint32))
    case.image("training/images/p1.jpg", pictures()[1].pixels)
    _refused(cases)


def _refused(cases: Cases) -> None:
    labels = {
        "unknown-class": (LABELS[:2], ("p1.png", "class 2", "value 512")),
        "no-names": ([{"color": [0, 0, 0]}], ("config.json", "labels[0]")),
        "name-twice": ([*LABELS, LABELS[0]], ("config.json", "animal--bird")),
        "no-list": ({"a": 1}, ("config.json", "labels")),
    }
    for name, (content, names) in labels.items():
        case = cases.invalid(name, *names)
        case.json("config.json", {"labels": content})
        case.image("training/images/p1.jpg", pictures()[1].pixels)
        _add(case, "", "training", 1, codes_of(1))
