"""MOTS fixtures: two sequences, an ignored region, tracks that go on."""

from __future__ import annotations

import numpy as np

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
    _refused(cases)


def _refused(cases: Cases) -> None:
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
