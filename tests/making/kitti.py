"""KITTI fixtures: roads and cars, with the maps of classes beside."""

from __future__ import annotations

import numpy as np

from tests.making.files import Cases
from tests.maps import Codes, deep, paint, pictures

CAR, ROAD, PERSON = 26, 7, 24


def codes_of(place: int) -> Codes:
    """Cars and people with numbers from 1, the rest road; a group of people in the second."""
    drawing = pictures()[place]
    codes = paint(drawing, lambda t, n: (CAR if t.class_id == 1 else PERSON) * 256 + n)
    codes[codes == 0] = ROAD * 256
    codes[3:5, :2] = 0
    if place == 1:
        codes[:2, 50:] = PERSON * 256
    return codes


def make(cases: Cases) -> None:
    case = cases.valid("training")
    for place, drawing in enumerate(pictures()[:4]):
        codes = codes_of(place)
        case.image(f"training/image_2/{place:06}_10.png", drawing.pixels)
        case.image(f"training/instance/{place:06}_10.png", deep(codes))
        case.image(f"training/semantic/{place:06}_10.png", (codes >> 8).astype(np.uint8))
    for name, names in {"unknown-class": ("class 99", "--classes"), "other-size": ("64x30", "64x32")}.items():
        case = cases.invalid(name, "instance/000001_10.png", *names)
        codes = codes_of(1)
        codes[:1] = 99 * 256
        case.image("training/image_2/000001_10.png", pictures()[1].pixels)
        case.image("training/instance/000001_10.png", deep(codes if name == "unknown-class" else codes[:30]))
