"""YOLO fixtures, boxes. The trees are those of yolo-seg, which takes them from here."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence

from tests.making.drawings import HEIGHT, WIDTH, Drawing, Mask, Thing, box, coins, color, face, gray, torture
from tests.making.files import Case, Cases, cut, flipped

Row = Callable[[Thing], str]
NAMES = ["odd", "even"]
COINS = ["small coin", "large coin"]


def box_row(thing: Thing) -> str:
    """Class index, centre and size as fractions: the class ids of drawings begin at 1."""
    return f"{thing.class_id - 1} " + " ".join(f"{v:.10g}" for v in fractions(thing.mask))


def fractions(mask: Mask) -> tuple[float, float, float, float]:
    x, y, w, h = box(mask)
    height, width = mask.shape
    return (x + w / 2) / width, (y + h / 2) / height, w / width, h / height


def put(case: Case, pictures: Sequence[Drawing], row: Row, images: str = "images/", labels: str = "labels/") -> None:
    for drawing in pictures:
        case.image(images + drawing.name, drawing.pixels)
        rows = [row(t) for t in drawing.things]
        case.text(labels + drawing.name.rpartition(".")[0] + ".txt", "".join(f"{r}\n" for r in rows))


def config(names: Sequence[str], **entries: str) -> str:
    lines = [f"{key}: {value}" for key, value in entries.items()]
    return "\n".join([*lines, f"nc: {len(names)}", "names:", *(f"  {i}: {n}" for i, n in enumerate(names))]) + "\n"


def make(cases: Cases) -> None:
    trees(cases, box_row, row_of_full="0 0.5 0.5 1 1")
    _edges(cases)
    refused(cases, box_row)
    _refused_boxes(cases)


# ---------------------------------------------------------------- valid


def trees(cases: Cases, row: Row, row_of_full: str) -> None:
    """Every tree that is in use, with rows as the format has them."""
    case = cases.valid("coins")
    put(case, coins(), row, "images/train/", "labels/train/")
    case.text("data.yaml", config(COINS, train="images/train", val="images/train"))
    case = cases.valid("torture")
    put(case, torture(), row)
    case.text("data.yaml", config(NAMES, train="images", val="images"))
    _splits(cases, row)
    _listed(cases, row)
    _foreign(cases, row)
    _bare(cases, row, row_of_full)


def _splits(cases: Cases, row: Row) -> None:
    case = cases.valid("splits")
    for split, pictures in {"train": torture()[8:10], "val": torture()[10:11], "test": torture()[11:12]}.items():
        put(case, pictures, row, f"images/{split}/", f"labels/{split}/")
    case.text("data.yaml", config(NAMES, path=".", train="images/train", val="images/val", test="images/test"))


def _listed(cases: Cases, row: Row) -> None:
    """List files instead of folders, one of them with roots of the author's machine."""
    case = cases.valid("lists")
    put(case, torture()[8:11], row)
    case.text("train.txt", "./images/frame.png\n./images/parts.png\n")
    case.text("val.txt", "/datasets/author/set/images/overlaps.png\n")
    case.text("data.yaml", f"train: train.txt\nval: [val.txt]\nnames: {NAMES}\n")


def _foreign(cases: Cases, row: Row) -> None:
    """A root on the author's machine; and Roboflow's paths, which lead out of the folder."""
    case = cases.valid("foreign-root")
    put(case, torture()[8:9], row, "images/train/", "labels/train/")
    put(case, torture()[9:10], row, "images/val/", "labels/val/")
    case.text("set.yaml", config(NAMES, path="/datasets/set", train="images/train", val="images/val"))
    case = cases.valid("roboflow")
    for split, drawing in zip(["train", "valid"], torture()[9:11], strict=True):
        jpeg = drawing._replace(name=drawing.name.replace(".png", "_png.rf.1f.jpg"), pixels=color())
        put(case, [jpeg], row, f"{split}/images/", f"{split}/labels/")
    entries = "train: ../train/images\nval: ../valid/images\ntest: ../test/images\n\nnc: 2\n"
    origin = "roboflow:\n  workspace: mine\n  version: 3\n  license: CC BY 4.0\n"
    case.text("data.yaml", f"{entries}names: ['odd', 'even']\n\n{origin}")


def _bare(cases: Cases, row: Row, row_of_full: str) -> None:
    """No data.yaml; an empty label, a missing one, blank lines, CRLF, names in classes.txt."""
    case = cases.valid("classes-txt")
    case.text("classes.txt", "odd\neven\n")
    case.image("images/full.png", gray())
    case.text("labels/full.txt", f"{row_of_full}\r\n\r\n")
    case.image("images/parts.jpeg", face(HEIGHT, WIDTH))
    case.text("labels/parts.txt", "\n".join(row(t) for t in torture()[9].things))
    case.image("images/empty.png", gray())
    case.text("labels/empty.txt", "")
    case.image("images/unlabelled.PNG".lower(), gray(50))


def _edges(cases: Cases) -> None:
    """Boxes just over the edge, a class with a point, a track id, a box of one pixel."""
    case = cases.valid("edges")
    case.image("images/a.png", color())
    rows = [
        "0 0.5 0.5 1.005 1",
        "1.0 0.9921875 0.984375 0.015625 0.03125",
        "1 0.25 0.5 0.25 0.5 17",
        "0 .5 5e-1 .25 +0.5",
    ]
    case.text("labels/a.txt", "\n".join(rows))
    case.text("data.yaml", "train: images\nval: images\nnames: {0: odd, 1: even}\n")


# ---------------------------------------------------------------- invalid


def sound(cases: Cases, row: Row, name: str, *names: str) -> Case:
    case = cases.invalid(name, *names)
    put(case, torture()[9:11], row)
    case.text("data.yaml", config(NAMES, train="images", val="images"))
    return case


def broken(cases: Cases, row: Row, name: str, line: str, *names: str) -> None:
    """A second row gone wrong."""
    case = sound(cases, row, name, "labels/parts.txt", "line 2", *names)
    case.text("labels/parts.txt", f"{row(torture()[9].things[0])}\n{line}\n")


def refused(cases: Cases, row: Row) -> None:
    """What both kinds of rows have in common."""
    broken(cases, row, "three-numbers", "0 0.5 0.5 0.5", "3 numbers")
    broken(cases, row, "outside", "0 0.5 0.5 0.5 1.5", "1.5")
    broken(cases, row, "negative", "0 -0.5 0.5 0.5 0.5", "-0.5")
    broken(cases, row, "nan", "0 nan 0.5 0.5 0.5", "nan")
    broken(cases, row, "no-number", "0 0,5 0,5 0.5 0.5", "0,5")
    broken(cases, row, "half-a-class", "0.5 0.5 0.5 0.5 0.5", "0.5")
    broken(cases, row, "undeclared-class", "7 0.5 0.5 0.5 0.5", "class 7", "--classes")
    _refused_configs(cases, row)
    image = "images/parts.png"
    case = sound(cases, row, "corrupt-image", image)
    case.bytes(image, flipped(case.root.joinpath(image).read_bytes()))
    case = sound(cases, row, "truncated-image", image)
    case.bytes(image, cut(case.root.joinpath(image).read_bytes()))
    case = sound(cases, row, "one-label", "parts.png", "parts.jpg")
    case.image("images/parts.jpg", color())
    case = sound(cases, row, "binary-label", "labels/parts.txt")
    case.bytes("labels/parts.txt", zlib.compress(b"rows", 0) + b"\xff\xfe\x80")
    case.bytes("labels/overlaps.txt", b"0 0.5 0.5 0.5 0.5 0.7 0.7\n" if row is not box_row else b"0 0.5 0.5 0.5 0.5\n")


def _refused_configs(cases: Cases, row: Row) -> None:
    for name, content, names in (
        ("names-count", "train: images\nval: images\nnc: 3\nnames: [odd, even]\n", ("nc", "3")),
        ("names-twice", "train: images\nval: images\nnames: [odd, odd]\n", ("'odd'", "--classes")),
        ("names-missing", "train: images\nval: images\nnc: 2\n", ("names",)),
        ("folder-missing", "train: pictures/train\nval: images\nnames: [odd, even]\n", ("train", "pictures/train")),
        ("list-of-paths", "train: 7\nval: images\nnames: [odd, even]\n", ("train", "7")),
        ("broken-yaml", "train: images\nval: [images\nnames: [odd, even]\n", ()),
    ):
        sound(cases, row, name, "data.yaml", *names).text("data.yaml", content)


def _refused_boxes(cases: Cases) -> None:
    case = cases.invalid("no-names", "names", "--classes")
    put(case, torture()[9:10], box_row)
