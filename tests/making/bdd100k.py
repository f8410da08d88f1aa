"""BDD100K fixtures: bitmasks of objects, of a sequence, and of every pixel; alpha is data."""

from __future__ import annotations

from tests.making.files import Case, Cases
from tests.maps import Codes, paint, pictures, rgba

FLAGS = {1: 0, 2: 4 | 8, 3: 2, 4: 1}


def codes_of(place: int, first: int = 1, high: int = 0) -> Codes:
    """Class, flags that change from thing to thing, and numbers that need two bytes when `high` is set."""
    return paint(
        pictures()[place],
        lambda t, n: (t.class_id + first - 1) << 24 | FLAGS.get(n, 0) << 16 | (high << 8 | n),
    )


def _add(case: Case, task: str, kind: str, below: str, place: int, codes: Codes) -> None:
    case.image(f"labels/{task}/bitmasks/{below}.png", rgba(codes))
    case.image(f"images/{kind}/{below}.jpg", pictures()[place].pixels)


def make(cases: Cases) -> None:
    case = cases.valid("ins-seg")
    for place, split in enumerate(("train", "train", "val", "val")):
        _add(case, "ins_seg", "10k", f"{split}/a{place}-0", place, codes_of(place))
    case = cases.valid("seg-track")
    for place in (2, 3):
        _add(case, "seg_track_20", "seg_track_20", f"train/b1/b1-{place:07}", place, codes_of(place, 3, 1))
    case = cases.valid("pan-seg")
    codes = codes_of(2, 34)
    codes[codes == 0] = 7 << 24 | 9
    _add(case, "pan_seg", "10k", "val/c1", 2, codes)
    for name, names in {"unknown-class": ("class 77", "--classes"), "other-size": ("64x30", "64x32")}.items():
        case = cases.invalid(name, "bitmasks/train/d1.png", *names)
        codes = codes_of(2, 77) if name == "unknown-class" else codes_of(2)[:30]
        _add(case, "ins_seg", "10k", "train/d1", 2, codes)
    case = cases.invalid("several-tasks", "ins_seg", "pan_seg")
    for task in ("ins_seg", "pan_seg"):
        _add(case, task, "10k", "train/d1", 2, codes_of(2))
