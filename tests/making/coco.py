"""COCO fixtures: polygons, both kinds of RLE, boxes; the layouts that exporters write."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from tests.making import drawings
from tests.making.drawings import Drawing, Thing, box, coins, color, counts, face, gray, outline, rle, torture
from tests.making.files import Case, Cases, cut, flipped

Json = dict[str, Any]
COINS = [{"id": 1, "name": "small coin"}, {"id": 2, "name": "large coin"}]
PAIR = [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]


def annotation(id: int, image_id: int, thing: Thing, segmentation: Any) -> Json:
    """A complete annotation: box and area are those of the mask."""
    return {
        "id": id,
        "image_id": image_id,
        "category_id": thing.class_id,
        "segmentation": segmentation,
        "area": int(thing.mask.sum()),
        "bbox": list(box(thing.mask)),
        "iscrowd": int(thing.iscrowd),
    }


def image(id: int, file_name: str, height: int = drawings.HEIGHT, width: int = drawings.WIDTH) -> Json:
    return {"id": id, "file_name": file_name, "width": width, "height": height}


def dataset(pictures: Sequence[Drawing], categories: list[Json], draw: Any, first: int = 1) -> Json:
    """The JSON of drawings; `draw` makes the segmentation of a mask."""
    images: list[Json] = []
    annotations: list[Json] = []
    for image_id, drawing in enumerate(pictures, first):
        images.append(image(image_id, drawing.name, *drawing.pixels.shape[:2]))
        for thing in drawing.things:
            id = 100 * first + len(annotations)
            annotations.append(annotation(id, image_id, thing, draw(thing.mask)))
    return {"images": images, "annotations": annotations, "categories": [dict(c) for c in categories]}


def images(case: Case, pictures: Sequence[Drawing], folder: str = "images/") -> None:
    for drawing in pictures:
        case.image(folder + drawing.name, drawing.pixels)


def make(cases: Cases) -> None:
    _coins(cases)
    _torture(cases)
    _drawn(cases)
    _layouts(cases)
    _refused(cases)
    _refused_files(cases)


# ---------------------------------------------------------------- valid


def _coins(cases: Cases) -> None:
    case = cases.valid("coins")
    content = dataset(coins(), COINS, outline)
    info = {"description": "Coins of Pompeii, from scikit-image", "version": "1.0"}
    case.json("coco.json", {"info": info, **content})
    images(case, coins())


def _torture(cases: Cases) -> None:
    classes = [{"id": 1, "name": "odd"}, {"id": 2, "name": "even"}]
    crowded = [d._replace(things=[t._replace(iscrowd=d.name == "noise.png") for t in d.things]) for d in torture()]
    crowded[-1] = crowded[-1]._replace(things=[Thing(1, drawings.blank())])
    for name, draw in {"torture": rle, "torture-lists": counts}.items():
        case = cases.valid(name)
        case.json("coco.json", dataset(crowded, classes, draw))
        images(case, torture())


def _drawn(cases: Cases) -> None:
    """Polygons as people draw them."""
    case = cases.valid("polygons")
    rings: dict[str, list[list[float]]] = {
        "plain": [[10.5, 4.25, 40.75, 6, 38.1, 27.3, 12.2, 25.9]],
        "two parts": [[2, 2, 12, 2, 12, 12, 2, 12], [30.4, 14.2, 44.7, 15.1, 36.6, 29.9]],
        "overlapping parts": [[5, 5, 30, 5, 30, 20, 5, 20], [20, 10, 50, 10, 50, 28, 20, 28]],
        "outside": [[-1, -1, 20.5, -1, 18, 12, -1, 10]],
        "to the edge": [[50, 20, 64, 20, 64, 32, 50, 32]],
        "thin": [[3.2, 30.1, 60.3, 30.2, 60.3, 30.4]],
        "bow tie": [[40, 2, 60, 12, 60, 2, 40, 12]],
    }
    annotations = [
        {"id": i, "image_id": 7, "category_id": 1 + i % 2, "segmentation": drawn, "iscrowd": 0, "note": note}
        for i, (note, drawn) in enumerate(rings.items(), 11)
    ]
    case.json("coco.json", {"images": [image(7, "cat.png")], "annotations": annotations, "categories": PAIR})
    case.image("images/cat.png", color())
    case = cases.valid("boxes")
    more: list[Json] = [{"segmentation": []}, {}, {"iscrowd": False}]
    boxes = [[0, 0, 64, 32], [3.25, 4.5, 10.125, 7.75], [63, 31, 1, 1]]
    annotations = [
        {"id": i, "image_id": 1, "category_id": 2, "bbox": b, **extra}
        for i, (b, extra) in enumerate(zip(boxes, more, strict=True), 1)
    ]
    case.json("coco.json", {"images": [image(1, "cat.png")], "annotations": annotations, "categories": PAIR})
    case.image("images/cat.png", color())


def _layouts(cases: Cases) -> None:
    _splits(cases)
    _roboflow(cases)
    _bare(cases)


def _splits(cases: Cases) -> None:
    case = cases.valid("splits")
    for first, (split, pictures) in enumerate({"train": torture()[:3], "val": torture()[3:5]}.items()):
        content = dataset(pictures, PAIR, rle, first=1 + 10 * first)
        case.json(f"annotations/instances_{split}2017.json", content)
        images(case, pictures, f"images/{split}2017/")


def _roboflow(cases: Cases) -> None:
    """A JSON beside the images of each split; class 0 is a dummy that nothing uses."""
    case = cases.valid("roboflow")
    categories = [
        {"id": 0, "name": "animals", "supercategory": "none"},
        {"id": 1, "name": "cat", "supercategory": "animals"},
        {"id": 2, "name": "dog", "supercategory": "animals"},
    ]
    for split, pictures in {"train": torture()[10:12], "valid": torture()[12:13], "test": torture()[13:]}.items():
        content = dataset(pictures, categories, outline, first=0)
        case.json(f"{split}/_annotations.coco.json", {"info": {"year": "2024"}, "licenses": [], **content})
        images(case, pictures, f"{split}/")


def _bare(cases: Cases) -> None:
    """Only what is needed; ids with gaps, an id that occurs twice, a real class 0, folders in names."""
    case = cases.valid("bare")
    drawn = torture()[9].things
    annotations = [
        {"id": 5, "image_id": 40, "category_id": 0, "segmentation": rle(drawn[0].mask)},
        {"id": 5, "image_id": 40, "category_id": 70, "segmentation": rle(drawn[1].mask), "attributes": {"z": 1}},
        {"id": 9, "image_id": 3, "category_id": 70, "segmentation": [[1, 1, 9, 1, 9, 9]], "area": 32.0},
    ]
    content = {
        "images": [image(40, "a/same.png"), {"id": 3, "file_name": "b/same.png"}],
        "annotations": annotations,
        "categories": [{"id": 70, "name": 'café, "noir"'}, {"id": 0, "name": "zero"}],
    }
    case.json("labels.json", content)
    case.image("images/a/same.png", gray())
    case.image("images/b/same.png", face())


# ---------------------------------------------------------------- invalid


def base() -> Json:
    """A small sound dataset, to be broken in one place."""
    content = dataset(torture()[9:11], PAIR, rle)
    content["annotations"][1]["segmentation"] = [[50, 2, 58, 2, 58, 10]]
    return content


def broken(cases: Cases, name: str, *names: str, **changes: Any) -> Json:
    """A case whose JSON is the sound one with `changes` to annotation 101."""
    content = base()
    content["annotations"][1] |= changes
    write(cases, name, content, *names)
    return content


def write(cases: Cases, name: str, content: Json, *names: str, file: str = "coco.json") -> Case:
    case = cases.invalid(name, *([file] if file else []), *names)
    case.json("coco.json", content)
    images(case, torture()[9:11])
    return case


def _refused(cases: Cases) -> None:
    """One bad record each."""
    size = [drawings.HEIGHT, drawings.WIDTH]
    broken(cases, "rle-sum", "annotation 101", "2048", segmentation={"size": size, "counts": [5, 10, 3]})
    broken(cases, "rle-string-sum", "annotation 101", segmentation={"size": size, "counts": "05"})
    broken(cases, "rle-characters", "annotation 101", segmentation={"size": size, "counts": "~~~"})
    broken(cases, "rle-negative", "annotation 101", segmentation={"size": size, "counts": [2050, -2]})
    broken(cases, "rle-transposed", "annotation 101", "size", segmentation={"size": size[::-1], "counts": [2048]})
    broken(cases, "nan", "annotation 101", "NaN", segmentation=[[1, 1, float("nan"), 5, 8, 8]])
    broken(cases, "two-points", "annotation 101", segmentation=[[1, 1, 8, 8]])
    broken(cases, "odd-number", "annotation 101", segmentation=[[1, 1, 8, 8, 3, 9, 4]])
    broken(cases, "text-coordinate", "annotation 101", segmentation=[[1, 1, "8", 8, 3, 9]])
    broken(cases, "unknown-image", "annotation 101", "77", image_id=77)
    broken(cases, "unknown-category", "annotation 101", "9", "--classes", category_id=9)
    broken(cases, "bad-box", "annotation 101", "bbox", segmentation=None, bbox=[1, 2, 3])
    content = base()
    content["categories"][1]["name"] = "cat"
    write(cases, "class-name-twice", content, "categories", "'cat'", "--classes")
    content = base()
    content["categories"].append({"id": 1, "name": "bird"})
    write(cases, "class-id-twice", content, "categories", "bird")
    for name, path in {"absolute-path": "/etc/cat.png", "climbing-path": "../../cat.png"}.items():
        content = base()
        content["images"][0]["file_name"] = path
        write(cases, name, content, "image 1", path)
    content = base()
    content["images"][1]["id"] = 1
    write(cases, "image-id-twice", content, "images", "id 1")
    content = base()
    content["images"][0]["width"] = -5
    write(cases, "negative-width", content, "image 1", "-5")
    content = base()
    del content["annotations"]
    content["annotations"] = {"a": 1}
    write(cases, "annotations-no-list", content, "annotations")


def _refused_files(cases: Cases) -> None:
    """Files that are cut off, corrupt, missing, or of another size."""
    text = json.dumps(base()).encode()
    case = write(cases, "truncated", base(), "line 1")
    case.bytes("coco.json", cut(text, 0.8))
    case = write(cases, "corrupt-image", base(), file="images/parts.png")
    case.bytes("images/parts.png", flipped(case.root.joinpath("images/parts.png").read_bytes()))
    case = write(cases, "truncated-image", base(), file="images/parts.png")
    case.bytes("images/parts.png", cut(case.root.joinpath("images/parts.png").read_bytes()))
    case = write(cases, "missing-image", base(), "parts.png", "--images", file="")
    case.root.joinpath("images/parts.png").unlink()
    case = write(cases, "other-size", base(), "height 32", "64x30", file="images/parts.png")
    case.image("images/parts.png", gray()[:30])
    case = cases.invalid("empty", "input")
    case.text("notes.txt", "nothing here\n")
    case = cases.invalid("several-files", "input", "a.json", "b.json")
    for name in ("a.json", "b.json"):
        case.json(name, base())
    images(case, torture()[9:11])
