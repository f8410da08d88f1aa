"""YOLO 1.1 fixtures: foreign paths, empty label files, folders, two subsets."""

from __future__ import annotations

from tests.making.drawings import Drawing, box, torture
from tests.making.files import Case, Cases

DATA = "classes = 2\ntrain = data/train.txt\nvalid = data/valid.txt\nnames = data/obj.names\nbackup = backup/\n"


def rows(drawing: Drawing) -> str:
    found = []
    for thing in drawing.things:
        x, y, w, h = box(thing.mask)
        found.append(f"{thing.class_id - 1} {(x + w / 2) / 64} {(y + h / 2) / 32} {w / 64} {h / 32}\n")
    return "".join(found)


def add(case: Case, subset: str, drawings: tuple[Drawing, ...], folder: str = "", root: str = "data/") -> None:
    paths = [f"obj_{subset}_data/{folder}{d.name}" for d in drawings]
    case.text(f"{subset}.txt", "".join(f"{root}{p}\n" for p in paths))
    for path, drawing in zip(paths, drawings, strict=True):
        case.image(path, drawing.pixels)
        case.text(path.replace(".png", ".txt"), rows(drawing))


def sound(case: Case) -> None:
    case.text("obj.data", DATA)
    case.text("obj.names", "cat\ndog\n")
    add(case, "train", torture()[9:11])


def make(cases: Cases) -> None:
    case = cases.valid("subsets")
    sound(case)
    add(case, "valid", (torture()[6], torture()[13]), "a/b/")
    case = cases.valid("foreign")
    case.text("obj.data", DATA.replace("data/", "/darknet/").replace("\n", "\r\n"))
    case.text("obj.names", "cat\ndog\n\n")
    add(case, "train", torture()[9:11], root="D:\\work\\data\\")
    wrong = {
        "unknown-class": ("7 0.5 0.5 0.1 0.1\n", ("line 1", "class 7")),
        "outside": ("0 5 0.5 0.1 0.1\n", ("line 1", "5")),
        "words": ("0 a b c d\n", ("line 1", "'a'")),
        "too-few": ("0 0.1 0.2\n", ("line 1",)),
    }
    for name, (text, names) in wrong.items():
        case = cases.invalid(name, "obj_train_data/parts.txt", *names)
        sound(case)
        case.text("obj_train_data/parts.txt", text)
    case = cases.invalid("climbing", "train.txt", "line 1", "../../x.png")
    sound(case)
    case.text("train.txt", "data/obj_train_data/../../x.png\n")
    case = cases.invalid("no-image", "gone.png", "--images")
    sound(case)
    case.text("train.txt", "data/obj_train_data/gone.png\n")
    case = cases.invalid("name-twice", "obj.names", "cat")
    sound(case)
    case.text("obj.names", "cat\ncat\n")
