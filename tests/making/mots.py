"""MOTS fixtures: two sequences, an ignored region, tracks that go on."""

from __future__ import annotations

import numpy as np
from pycocotools import mask as coder

from tests.making.drawings import block
from tests.making.files import Case, Cases, cut
from tests.maps import deep, paint, pictures


def make(cases: Cases) -> None:
    case = cases.valid("sequences")
    for place, drawing in enumerate(pictures()):
        frame = f"{place // 4:04}/{place % 4:06}"
        codes = paint(drawing, lambda thing, number: thing.class_id * 1000 + number - 1)
        if drawing.name == "nothing.png":
            codes[block(2, 3, 9, 20)] = 10000
        case.image(f"instances/{frame}.png", deep(codes))
        case.image(f"images/{frame}.png", drawing.pixels)
    case = cases.valid("kitti-tree")
    drawing = pictures()[2]
    case.image("instances/0002/000011.png", deep(paint(drawing, lambda _, n: 2000 + n)))
    case.image("training/image_02/0002/000011.png", drawing.pixels)
    case = cases.valid("tables")
    table(case, "")
    _refused(cases)


def table(case: Case, wrong: str) -> None:
    """Two frames of three, one with a region to be ignored; and a row that is `wrong`."""
    rows = []
    for frame, drawing in enumerate(pictures()[1:4], 1):
        case.image(f"train/MOTS20-02/img1/{frame:06}.jpg", drawing.pixels)
        for number, thing in enumerate(drawing.things if frame < 3 else (), 1):
            height, width = thing.mask.shape
            code = coder.encode(np.asfortranarray(thing.mask, np.uint8))["counts"].decode()
            kind, track = (10, 10000) if (frame, number) == (2, 1) else (2, 2000 + number)
            rows.append(f"{frame} {track} {kind} {height} {width} {code}\n")
    case.text("train/MOTS20-02/gt/gt.txt", "".join(rows) + wrong)
    case.text("train/MOTS20-02/seqinfo.ini", "[Sequence]\nname=MOTS20-02\n")


def _refused(cases: Cases) -> None:
    wrong = {
        "row-short": ("2 2009 2 32 64\n", "frame id class"),
        "row-size": ("2 2009 2 30 64 0\n", "64x30"),
        "row-code": ("2 2009 2 32 64 ~~~\n", ""),
        "row-class": ("2 2009 7 32 64 PP2\n", "class 7"),
    }
    for name, (row, *names) in wrong.items():
        table(cases.invalid(name, "gt.txt: line", *filter(None, names)), row)

    def broken(name: str, *names: str) -> tuple[Case, np.ndarray]:
        case = cases.invalid(name, "instances/0000/000001.png", *names)
        for frame, drawing in enumerate(pictures()[1:3]):
            case.image(f"images/0000/{frame:06}.png", drawing.pixels)
            case.image(f"instances/0000/{frame:06}.png", deep(paint(drawing, lambda _, n: 1000 + n)))
        return case, deep(paint(pictures()[2], lambda _, n: 1000 + n))

    case, codes = broken("unknown-class", "class 7", "value 7001")
    codes[codes == 1001] = 7001
    case.image("instances/0000/000001.png", codes)
    case, codes = broken("other-size", "64x30", "64x32")
    case.image("instances/0000/000001.png", codes[:30])
    case, codes = broken("cut")
    file = case.root / "instances/0000/000001.png"
    file.write_bytes(cut(file.read_bytes(), 0.7))
    case, codes = broken("colours", "colours")
    case.image("instances/0000/000001.png", np.stack([codes.astype(np.uint8)] * 3, axis=2))
