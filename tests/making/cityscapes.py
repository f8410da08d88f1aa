"""Cityscapes fixtures: objects, polygons, maps of classes, trainIds, two roots, classes of one's own."""

from __future__ import annotations

import numpy as np

from tests.making.files import Case, Cases
from tests.maps import Codes, deep, paint, pictures

CAR, PERSON, ROAD = 26, 24, 7


def codes_of(place: int) -> Codes:
    """Cars and people, road around them, a corner of nothing, and a group of people in the second."""
    counts = {CAR: 0, PERSON: 0}

    def value(class_id: int) -> int:
        own = CAR if class_id == 1 else PERSON
        counts[own] += 1
        return own * 1000 + counts[own] - 1

    codes = paint(pictures()[place], lambda t, _: value(t.class_id))
    codes[codes == 0] = ROAD
    codes[:2, :5] = 0
    if place == 1:
        codes[:2, 50:] = PERSON
    return codes


def labels_of(codes: Codes) -> np.ndarray:
    return np.where(codes >= 1000, codes // 1000, codes).astype(np.uint8)


def _add(case: Case, split: str, city: str, place: int, codes: Codes) -> None:
    base = f"{split}/{city}/{city}_{place:06}_000019"
    case.image(f"leftImg8bit/{base}_leftImg8bit.png", pictures()[place].pixels)
    case.image(f"gtFine/{base}_gtFine_instanceIds.png", deep(codes))
    case.image(f"gtFine/{base}_gtFine_labelIds.png", labels_of(codes))


POLYGONS = {
    "imgHeight": 32,
    "imgWidth": 64,
    "objects": [
        {"label": "road", "polygon": [[0, 10], [63, 10], [63, 31], [0, 31]]},
        {"label": "car", "polygon": [[5, 5], [20, 5], [20, 15], [5, 15]]},
        {"label": "car", "polygon": [[15, 8], [30, 8], [30, 18], [15, 18]]},
        {"label": "persongroup", "polygon": [[40, 4], [50, 4], [45, 20]]},
        {"label": "license plate", "polygon": [[6, 6], [9, 6], [9, 8]]},
        {"label": "bus", "deleted": 1, "polygon": [[0, 0], [63, 0], [63, 31]]},
    ],
}


def make(cases: Cases) -> None:
    case = cases.valid("objects")
    for place, (split, city) in enumerate((("train", "aachen"), ("train", "bochum"), ("val", "ulm"))):
        _add(case, split, city, place, codes_of(place))
    case = cases.valid("polygons")
    case.json("gtFine/train/aachen/aachen_000001_000019_gtFine_polygons.json", POLYGONS)
    case.image("leftImg8bit/train/aachen/aachen_000001_000019_leftImg8bit.png", pictures()[1].pixels)
    case = cases.valid("labels")
    case.image("gtFine/val/ulm/ulm_000000_000019_gtFine_labelIds.png", labels_of(codes_of(0)))
    case.image("leftImg8bit/val/ulm/ulm_000000_000019_leftImg8bit.png", pictures()[0].pixels)
    case = cases.valid("train-ids")
    table = np.full(256, 255, np.uint8)
    table[[ROAD, PERSON, CAR]] = 0, 11, 13
    case.image("gtFine/train/ulm/ulm_000001_000019_gtFine_labelTrainIds.png", table[labels_of(codes_of(1))])
    case.image("leftImg8bit/train/ulm/ulm_000001_000019_leftImg8bit.png", pictures()[1].pixels)
    case = cases.valid("two-roots")
    case.image("truth/gtFine/val/ulm/ulm_000000_000019_gtFine_instanceIds.png", deep(codes_of(0)))
    case.image("truth/gtCoarse/val/ulm/ulm_000000_000019_gtCoarse_instanceIds.png", deep(codes_of(0) * 0 + ROAD))
    case.image("pictures/leftImg8bit/val/ulm/ulm_000000_000019_leftImg8bit.png", pictures()[0].pixels)
    case = cases.valid("own-classes")
    case.json("classes.json", [{"id": 3, "name": "cat"}, {"id": 5, "name": "dog", "color": [9, 8, 7]}])
    codes = paint(pictures()[2], lambda t, _: (1 + 2 * t.class_id) * 1000)
    codes[:2] = 5
    case.image("leftImg8bit/all/all/parts_leftImg8bit.png", pictures()[2].pixels)
    case.image("gtFine/all/all/parts_gtFine_instanceIds.png", deep(codes))
    _refused(cases)


def _refused(cases: Cases) -> None:
    case = cases.invalid("unknown-class", "aachen_000002_000019_gtFine_instanceIds.png", "class 50", "value 50000")
    codes = codes_of(2)
    codes[codes >= 1000] = 50000
    _add(case, "train", "aachen", 2, codes)
    case = cases.invalid("no-objects", "ulm_000000_000019_gtFine_labelIds.png", "no objects")
    _add(case, "train", "aachen", 2, codes_of(2))
    case.image("gtFine/val/ulm/ulm_000000_000019_gtFine_labelIds.png", labels_of(codes_of(0)))
    case.image("leftImg8bit/val/ulm/ulm_000000_000019_leftImg8bit.png", pictures()[0].pixels)
    case = cases.invalid("other-size", "instanceIds.png", "64x30", "64x32")
    _add(case, "train", "aachen", 2, codes_of(2)[:30])
    objects = POLYGONS["objects"]
    assert isinstance(objects, list)
    wrong = {
        "unknown-label": ([*objects, {"label": "cow", "polygon": [[1, 1], [2, 2], [3, 3]]}], ("objects[6]", "cow")),
        "two-points": ([{"label": "car", "polygon": [[1, 1], [2, 2]]}], ("objects[0]", "2 points")),
        "no-number": ([{"label": "car", "polygon": [[1, "a"], [2, 2], [3, 3]]}], ("objects[0]",)),
    }
    for name, (content, names) in wrong.items():
        case = cases.invalid(name, "polygons.json", *names)
        case.json("gtFine/train/a/a_1_gtFine_polygons.json", {**POLYGONS, "objects": content})
        case.image("leftImg8bit/train/a/a_1_leftImg8bit.png", pictures()[1].pixels)
