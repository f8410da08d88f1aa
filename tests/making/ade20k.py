"""ADE20K fixtures: objects and parts, a JSON in Latin-1, PNGs of single objects; and the 150 classes."""

from __future__ import annotations

import json

import numpy as np
from numpy.typing import NDArray

from tests.making.drawings import block
from tests.making.files import Case, Cases, cut
from tests.maps import paint, pictures

NAMES = {401: "car, auto", 2836: "caf\xe9 light", 774: "door", 12: "wall"}


def seg(place: int) -> NDArray[np.uint8]:
    """R carries class // 256 * 10 and some more below ten, G class % 256, B the object."""
    codes = paint(pictures()[place], lambda t, n: ((401 if t.class_id == 1 else 2836) << 8) + n)
    codes[(codes == 0) & block(28, 0, 4, 64)] = (12 << 8) + 200 if codes.shape == (32, 64) else 0
    kind = codes >> 8
    return np.stack([kind // 256 * 10, kind % 256, codes & 255], axis=2).astype(np.uint8)


def parts() -> NDArray[np.uint8]:
    codes = np.zeros((32, 64), np.uint32)
    codes[block(4, 6, 5, 9)] = (774 << 8) + 1
    codes[block(4, 30, 5, 9)] = (774 << 8) + 2
    kind = codes >> 8
    return np.stack([kind // 256 * 10, kind % 256, codes & 255], axis=2).astype(np.uint8)


def page(name: str) -> bytes:
    objects = [
        {"id": i, "name": n, "name_ndx": ndx, "occluded": "no", "parts": {"part_level": int(ndx == 774)}}
        for i, (ndx, n) in enumerate(NAMES.items())
    ]
    return json.dumps({"annotation": {"filename": name, "object": objects}}, ensure_ascii=False).encode("latin-1")


def full(case: Case, split: str, place: int) -> str:
    base = f"images/ADE/{split}/urban/street/ADE_{split[:5]}_{place:08}"
    case.image(f"{base}.jpg", pictures()[place].pixels)
    case.image(f"{base}_seg.png", seg(place))
    case.bytes(f"{base}.json", page(f"{base}.jpg"))
    return base


def parsing(case: Case, place: int, split: str) -> None:
    codes = paint(pictures()[place], lambda t, _: 149 + t.class_id - 1)
    case.image(f"images/{split}/ADE_{place:08}.jpg", pictures()[place].pixels)
    case.image(f"annotations/{split}/ADE_{place:08}.png", codes.astype(np.uint8))


def table(case: Case, content: str = "") -> None:
    rows = "".join(
        f"{i}\t0.1\t5\t6\t{int(i == 1)}\t{n}      \n" for i, n in ((1, "wall"), (149, "glass, drink"), (150, "clock"))
    )
    case.text("objectInfo150.txt", content or "Idx\tRatio\tTrain\tVal\tStuff\tName\n" + rows)


RELEASE_2016 = (
    '001 # 0 # 0 # car, auto # car # ""\n002 # 0 # 1 # café light # lamp # ""\n003 # 0 # 0 # wall # wall # ""\n'
)


def _release_2016(case: Case, place: int) -> str:
    """Objects are known by their order alone: the first two things of a drawing, and the wall below."""
    base = f"images/training/s/street/ADE_train_{place:08}"
    things = pictures()[place].things[:2]
    codes = np.zeros(things[0].mask.shape, np.uint32)
    for number, (thing, kind) in enumerate(zip(things, (401, 2836), strict=True), 3):
        codes[thing.mask] = (kind << 8) + 20 * number
    codes[29:, 40:] = (12 << 8) + 200
    colors = np.stack([(codes >> 16) * 10, codes >> 8 & 255, codes & 255], axis=2)
    case.image(f"{base}.jpg", pictures()[place].pixels)
    case.image(f"{base}_seg.png", colors.astype(np.uint8))
    case.bytes(f"{base}_atr.txt", RELEASE_2016.encode("latin-1"))
    return base


def make(cases: Cases) -> None:
    case = cases.valid("full")
    base = full(case, "training", 1)
    case.image(f"{base}_parts_1.png", parts())
    alone = np.where(pictures()[1].things[0].mask, 255, 0).astype(np.uint8)
    alone[:2] = 128
    case.image(f"{base}/instance_000_{base.rpartition('/')[2]}.png", alone)
    full(case, "training", 2)
    full(case, "validation", 3)
    case = cases.valid("release-2016")
    base = _release_2016(case, 3)
    case.image(f"{base}_parts_1.png", parts())
    more = '001 # 1 # 0 # door # car door # "open, red"\n002 # 1 # 0 # door # door # ""\n'
    case.bytes(f"{base}_atr.txt", (RELEASE_2016 + more).encode("latin-1"))
    _release_2016(case, 2)
    case = cases.valid("150-classes")
    table(case)
    for place, split in enumerate(("training", "training", "validation")):
        parsing(case, place, split)
    _refused(cases)


def _refused(cases: Cases) -> None:
    case = cases.invalid("json-cut", ".json")
    base = full(case, "training", 2)
    case.bytes(f"{base}.json", cut(page("x.jpg"), 0.6))
    case = cases.invalid("json-other", ".json", "annotation.object")
    base = full(case, "training", 2)
    case.json(f"{base}.json", {"annotation": {}})
    case = cases.invalid("text-short", "_atr.txt", "line 1")
    base = _release_2016(case, 3)
    case.text(f"{base}_atr.txt", "001 # 0 # wall\n")
    case = cases.invalid("unknown-class", "_seg.png", "class 2560", "--classes")
    base = full(case, "training", 2)
    pixels = seg(2)
    pixels[:1] = (100, 0, 1)
    case.image(f"{base}_seg.png", pixels)
    case = cases.invalid("gray", "_seg.png", "channels")
    base = full(case, "training", 2)
    case.image(f"{base}_seg.png", seg(2)[..., 1])
    case = cases.invalid("other-size", "_parts_1.png", "64x30", "64x32")
    base = full(case, "training", 2)
    case.image(f"{base}_parts_1.png", parts()[:30])
    case = cases.invalid("value", "ADE_00000002.png", "class 151")
    table(case)
    parsing(case, 2, "training")
    case.image("annotations/training/ADE_00000002.png", np.full((32, 64), 151, np.uint8))
    case = cases.invalid("table", "objectInfo150.txt", "line 1")
    table(case, "number,name\n1,wall\n")
    parsing(case, 2, "training")
    case = cases.invalid("row", "objectInfo150.txt", "line 2")
    table(case, "Idx\tName\none\twall\n")
    parsing(case, 2, "training")
