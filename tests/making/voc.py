"""Pascal VOC fixtures: the challenge's way, exporters' ways, and what each breaks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from tests.making.drawings import Drawing, Thing, block, box, coins, color, torture
from tests.making.files import Case, Cases, cut

NAMES = ["small coin", "large coin"]
APART = ("parts.png", "rings.png", "borders.png", "nothing.png")


def shade(index: int) -> tuple[int, int, int]:
    """The colour of an index: its bits dealt out to red, green and blue, the highest place first."""
    bits = f"{index:024b}"[::-1]
    return tuple(int(bits[channel::3][:8], 2) for channel in range(3))  # type: ignore[return-value]


def picture(indices: Any) -> Image.Image:
    made = Image.fromarray(indices, "L").convert("P")
    made.putdata(indices.reshape(-1).tolist())
    made.putpalette([v for i in range(256) for v in shade(i)])
    return made


def xml(name: str, size: tuple[int, int], objects: Sequence[str], source: str = "Unknown") -> str:
    height, width = size
    return (
        f"<annotation>\n<folder>JPEGImages</folder><filename>{name}</filename>\n"
        f"<source><database>{source}</database></source>\n"
        f"<size><width>{width}</width><height>{height}</height><depth>3</depth></size>\n"
        "<segmented>1</segmented>\n" + "\n".join(objects) + "\n</annotation>\n"
    )


def object_(name: str, corners: Sequence[Any], more: str = "") -> str:
    sides = "".join(f"<{k}>{v}</{k}>" for k, v in zip(("xmin", "ymin", "xmax", "ymax"), corners, strict=True))
    return f"<object><name>{name}</name>{more}<bndbox>{sides}</bndbox></object>"


def corners(thing: Thing, first: int = 0) -> list[int]:
    x, y, w, h = box(thing.mask)
    return [x + first, y + first, x + w, y + h]


def masks(case: Case, drawing: Drawing, border: Any = None) -> None:
    shape = drawing.pixels.shape[:2]
    classes, objects = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    for number, thing in enumerate(drawing.things, 1):
        classes[thing.mask], objects[thing.mask] = thing.class_id, number
    if border is not None:
        classes[border] = objects[border] = 255
    stem = drawing.name.removesuffix(".png")
    case.image(f"SegmentationClass/{stem}.png", picture(classes))
    case.image(f"SegmentationObject/{stem}.png", picture(objects))


def labelmap(names: Sequence[str]) -> str:
    rows = [f"{n}:{','.join(map(str, shade(i)))}::" for i, n in enumerate(["background", *names])]
    return "# label:color_rgb:parts:actions\n" + "\n".join(rows) + "\n"


def jpeg(case: Case, drawing: Drawing, folder: str = "JPEGImages/") -> str:
    name = drawing.name.replace(".png", ".jpg")
    case.image(folder + name, drawing.pixels)
    return name


def make(cases: Cases) -> None:
    named = {d.name: d for d in torture()}
    _full(cases, [*coins(), *(named[n] for n in APART)])
    _challenge(cases, named)
    _boxes(cases)
    _semantic(cases, named)
    _exporters(cases, named)
    _refused(cases, named)


def _full(cases: Cases, drawings: Sequence[Drawing]) -> None:
    case = cases.valid("full")
    lists: dict[str, list[str]] = {"train": [], "val": []}
    for place, drawing in enumerate(drawings):
        name, stem = jpeg(case, drawing), drawing.name.removesuffix(".png")
        found = [object_(NAMES[t.class_id - 1], corners(t)) for t in drawing.things]
        case.text(f"Annotations/{stem}.xml", xml(name, drawing.pixels.shape[:2], found))
        if drawing.things:
            masks(case, drawing)
        lists["val" if place % 3 == 1 else "train"].append(stem)
    for split, stems in lists.items():
        case.text(f"ImageSets/Main/{split}.txt", "".join(f"{s}\n" for s in stems))
    case.text("labelmap.txt", labelmap(NAMES))


def _challenge(cases: Cases, named: dict[str, Drawing]) -> None:
    """1-based boxes, void borders, class lists, no file of classes, two folders deep."""
    case = cases.valid("challenge")
    cat, dog = 8, 12
    for name in ("parts.png", "borders.png"):
        drawing = named[name]
        things = [Thing(cat if t.class_id == 1 else dog, t.mask) for t in drawing.things]
        drawing = drawing._replace(things=things)
        stem, file = name.removesuffix(".png"), jpeg(case, drawing, "VOCdevkit/VOC2012/JPEGImages/")
        names = {cat: "cat", dog: "dog"}
        more = "<pose>Left</pose><truncated>1</truncated><difficult>0</difficult>"
        found = [object_(names[t.class_id], corners(t, 1), more) for t in things]
        content = xml(file, drawing.pixels.shape[:2], found, "The VOC2007 Database")
        case.text(f"VOCdevkit/VOC2012/Annotations/{stem}.xml", content)
        below = Case(case.root / "VOCdevkit/VOC2012/masks")
        masks(below, drawing, block(15, 30, 2, 8))
        for kind in ("SegmentationClass", "SegmentationObject"):
            path = below.root / kind / f"{stem}.png"
            case.bytes(f"VOCdevkit/VOC2012/{kind}/{stem}.png", path.read_bytes())
            path.unlink()
            path.parent.rmdir()
        below.root.rmdir()
    case.text("VOCdevkit/VOC2012/ImageSets/Segmentation/train.txt", "parts\n")
    case.text("VOCdevkit/VOC2012/ImageSets/Segmentation/val.txt", "borders\n")
    case.text("VOCdevkit/VOC2012/ImageSets/Main/cat_train.txt", "parts  1\n")


def _boxes(cases: Cases) -> None:
    """labelImg: XML beside the images, a path of the author's, a box from 0."""
    case = cases.valid("boxes")
    for place in range(2):
        name = f"photo-{place}"
        case.image(f"{name}.jpg", color(60 + place, 160))
        found = [
            object_("cat", [0, 3, 20, 30], "<pose>Unspecified</pose><truncated>1</truncated>"),
            object_("a dog", [10.5, 4.25, 64, 32]),
        ][place:]
        content = xml(f"{name}.jpg", (32, 64), found).replace("<source>", "<path>/photos/x.jpg</path><source>")
        case.text(f"{name}.xml", content)


def _semantic(cases: Cases, named: dict[str, Drawing]) -> None:
    case = cases.valid("semantic")
    for name in ("parts.png", "rings.png"):
        drawing = named[name]
        jpeg(case, drawing)
        indices = np.zeros(drawing.pixels.shape[:2], np.uint8)
        for thing in drawing.things:
            indices[thing.mask] = thing.class_id
        indices[28:, 60:] = 255
        case.image(f"SegmentationClass/{name}", picture(indices))
    case.text("class_names.txt", "_background_\ncat\ndog\n")


def _exporters(cases: Cases, named: dict[str, Drawing]) -> None:
    """Masks in colours, boxes of other objects than the masks; polygons beside boxes."""
    case = cases.valid("colors")
    drawing = named["parts.png"]
    name = jpeg(case, drawing)
    case.text("Annotations/parts.xml", xml(name, (32, 64), [object_("large coin", [1.5, 2, 30, 12])]))
    for kind, value in (("SegmentationClass", "class_id"), ("SegmentationObject", "")):
        rgb = np.zeros((32, 64, 3), np.uint8)
        for number, thing in enumerate(drawing.things, 1):
            rgb[thing.mask] = shade(thing.class_id if value else number)
        case.image(f"{kind}/parts.png", rgb)
    case.text("ImageSets/Segmentation/default.txt", "parts\n")
    case.text("labelmap.txt", labelmap(NAMES))
    case = cases.valid("polygons")
    case.image("valid/a.jpg", color())
    points = "".join(f"<x{i}>{x}</x{i}><y{i}>{y}</y{i}>" for i, (x, y) in enumerate([(4, 4), (30, 6), (20, 25)], 1))
    case.text("valid/a.xml", xml("a.jpg", (32, 64), [object_("cat", [4, 4, 30, 25], f"<polygon>{points}</polygon>")]))


def _refused(cases: Cases, named: dict[str, Drawing]) -> None:
    drawing = named["parts.png"]
    good = object_("small coin", corners(drawing.things[0]))
    broken: dict[str, tuple[str, tuple[str, ...]]] = {
        "turned-box": (object_("small coin", [20, 2, 4, 9]), ("parts.xml", "object 1", "xmin")),
        "no-number": (object_("small coin", ["a", 2, 4, 9]), ("parts.xml", "object 1", "xmin")),
        "unknown-class": (object_("horse", [2, 2, 4, 9]), ("parts.xml", "horse", "labelmap.txt")),
        "no-box": ("<object><name>small coin</name></object>", ("parts.xml", "object 1", "xmin")),
    }
    for name, (content, names) in broken.items():
        case = cases.invalid(name, *names)
        case.text("labelmap.txt", labelmap(NAMES))
        case.text("Annotations/parts.xml", xml(jpeg(case, drawing), (32, 64), [content]))
    sound = xml("parts.jpg", (32, 64), [good]).encode()
    wrong: dict[str, tuple[bytes, tuple[str, ...]]] = {
        "cut": (cut(sound, 0.6), ("parts.xml", "line")),
        "entities": (b'<!DOCTYPE a [<!ENTITY b "c">]>' + sound, ("parts.xml", "entities")),
        "other-size": (xml("parts.jpg", (30, 64), [good]).encode(), ("parts.jpg", "height 30", "64x32")),
    }
    for name, (data, names) in wrong.items():
        case = cases.invalid(name, *names)
        jpeg(case, drawing)
        case.bytes("Annotations/parts.xml", data)
        case.text("Annotations/sound.xml", xml("sound.jpg", (32, 64), []))
        case.image("JPEGImages/sound.jpg", drawing.pixels)
    case = cases.invalid("mask-size", "SegmentationClass/parts.png", "63x32")
    jpeg(case, drawing)
    case.image("SegmentationClass/parts.png", picture(np.ones((32, 63), np.uint8)))
    case.text("class_names.txt", "_background_\ncat\n")
    case = cases.invalid("two-classes", "SegmentationObject/parts.png", "object 1", "1, 2")
    jpeg(case, drawing)
    indices = np.ones((32, 64), np.uint8)
    case.image("SegmentationObject/parts.png", picture(indices.copy()))
    indices[5:] = 2
    case.image("SegmentationClass/parts.png", picture(indices))
    case.text("labelmap.txt", labelmap(NAMES))
