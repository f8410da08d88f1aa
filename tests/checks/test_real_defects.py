"""One defect of every code in copies of real sets: found at its file and object, and nothing else newly told."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import converter
from converter.checks.catalog import CATALOG
from tests.checks import small
from tests.checks.small import Key

Spoil = Callable[[Path], Any]
Mask = NDArray[np.uint8]

# ---------------------------------------------------------------- files of pictures


def repaint(path: Path, change: Callable[[Mask], Any], target: Path | None = None, **save: Any) -> None:
    """Change the pixels of a picture."""
    found = Image.fromarray(change(np.asarray(Image.open(path)).copy()))
    (target or path).unlink(missing_ok=True)
    found.save(target or path, **save)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def turned(path: Path) -> None:
    """With a tag that says: stored upside down."""
    picture, exif = Image.open(path), Image.Exif()
    exif[0x0112] = 3
    picture.save(path, exif=exif, **({"quality": "keep"} if picture.format == "JPEG" else {}))


def aside(folder: Path, pattern: str) -> None:
    """All pictures moved by 4 pixels to the right, as when only they were cropped and padded."""
    for path in folder.glob(pattern):
        repaint(path, lambda pixels: np.roll(pixels, 4, axis=1))


def noisy(mask: Mask) -> Mask:
    """What JPEG makes of it."""
    stream = BytesIO()
    Image.fromarray(mask).save(stream, "JPEG", quality=70)
    return np.asarray(Image.open(stream))


def block(value: int) -> Callable[[Mask], Mask]:
    def change(mask: Mask) -> Mask:
        mask[3:9, 3:9] = value
        return mask

    return change


# ---------------------------------------------------------------- dsb2018: a folder an image

PLACE, MASK = 5, 2  # the folder and the mask that are spoilt


def folders(root: Path) -> list[Path]:
    return sorted((root / "stage1_train").iterdir())


def masks(root: Path) -> list[Path]:
    return sorted((folders(root)[PLACE] / "masks").iterdir())


def picture(root: Path, place: int = PLACE) -> Path:
    found: Path = next((folders(root)[place] / "images").iterdir())
    return found


def on_mask(change: Callable[[Mask], Any]) -> Spoil:
    return lambda root: repaint(masks(root)[MASK], change)


def speck(mask: Mask) -> Mask:
    y, x = (int(np.median(places)) for places in np.nonzero(mask))
    spot = np.zeros_like(mask)
    spot[y : y + 3, x : x + 3] = mask[y : y + 3, x : x + 3]
    return spot


def gap(mask: Mask) -> Mask:
    """Two pieces: a row in the middle is taken out."""
    rows = np.flatnonzero(mask.any(axis=1))
    mask[rows[len(rows) // 2]] = 0
    return mask


def half_of_another(root: Path) -> None:
    """The mask becomes the upper half of the first one."""
    other = np.asarray(Image.open(masks(root)[0])).copy()
    rows = np.flatnonzero(other.any(axis=1))
    other[rows[len(rows) // 2] :] = 0
    repaint(masks(root)[MASK], lambda _: other)


def colorful(mask: Mask) -> Mask:
    colors = np.array([[0, 0, 0], [200, 30, 40], [20, 160, 90]], np.uint8)
    parts = (mask > 0).astype(int)
    parts[:, : np.flatnonzero(mask.any(axis=0))[3]] *= 2
    return np.asarray(colors[parts])


def as_jpeg(root: Path) -> None:
    path = masks(root)[MASK]
    repaint(path, noisy, path.with_suffix(".jpg"), quality=70)
    path.unlink()


def stray_mask(root: Path) -> None:
    """Masks whose image is not there."""
    lost = folders(root)[PLACE].with_name("zz_lost")
    (lost / "masks").mkdir(parents=True)
    shutil.copyfile(masks(root)[0], lost / "masks" / "a.png")


def no_masks(root: Path) -> None:
    for path in masks(root):
        path.unlink()


def dsb(code: str, root: Path) -> set[Key]:
    """Where a defect of dsb2018 is."""
    code, _, what = code.partition(": ")
    name, mask = f"{folders(root)[PLACE].name}.png", f"stage1_train/{folders(root)[PLACE].name}/masks"
    image = picture(root).relative_to(root).as_posix()
    lost = "stage1_train/zz_lost/masks/a.png"
    if not what and code in {"exif-orientation", "unreadable-image", "duplicate-image", "missing-mask"}:
        return {(code, name, None, image)}
    if code == "shifted-masks":
        return {(code, "", None, "")}
    if code == "orphan-mask":
        return {(code, lost.removeprefix("stage1_train/"), None, lost)}
    file = f"{mask}/{masks(root)[MASK].stem}.{'jpg' if what == 'a JPEG' else 'png'}"
    return {(code, name, MASK + 1, file)}


DSB: dict[str, Spoil] = {
    "size-mismatch": on_mask(lambda m: m[:-1]),
    "exif-orientation": lambda root: turned(picture(root)),
    "shifted-masks": lambda root: aside(root, "stage1_train/*/images/*.png"),
    "unexpected-value": on_mask(block(77)),
    "lossy-mask": on_mask(noisy),
    "lossy-mask: a JPEG": as_jpeg,
    "palette-mask": on_mask(colorful),
    "empty-mask": on_mask(np.zeros_like),
    "tiny-instance": on_mask(speck),
    "overlap": half_of_another,
    "duplicate-instance": lambda root: shutil.copyfile(masks(root)[0], masks(root)[MASK]),
    "disconnected-instance": on_mask(gap),
    "missing-mask": no_masks,
    "orphan-mask": stray_mask,
    "unreadable-image": lambda root: cut(picture(root)),
    "unreadable-image: a mask": lambda root: masks(root)[MASK].write_bytes(b"no picture"),
    "duplicate-image": lambda root: shutil.copyfile(picture(root, 0), picture(root)),
}

# ---------------------------------------------------------------- tiny_coco

TRAIN, VAL = "annotations/instances_train2017.json", "annotations/instances_val2017.json"


def content(root: Path, file: str = TRAIN) -> Any:
    return json.loads((root / file).read_text())


def first(root: Path) -> Any:
    """The first polygon of the training set that is large."""
    return next(a for a in content(root)["annotations"] if a["area"] > 3000 and len(a["segmentation"]) == 1)


def image_of(root: Path, annotation: Any, file: str = TRAIN) -> Any:
    return next(i for i in content(root, file)["images"] if i["id"] == annotation["image_id"])


def train(root: Path) -> Path:
    name: str = image_of(root, first(root))["file_name"]
    return root / "images/train2017" / name


def change(new: dict[str, Any] | Callable[[Any], dict[str, Any]]) -> Spoil:
    """Change the annotation; a function is given its image."""

    def act(root: Path) -> None:
        about = first(root)
        values = new(image_of(root, about)) if callable(new) else new
        small.edit(root, lambda c: small.annotation(c, about["id"]).update(values), TRAIN)

    return act


def add(make: Callable[[Any], dict[str, Any]]) -> Spoil:
    """Add an annotation, number 7, that is like the first one but for what is made of it."""
    return lambda root: small.edit(
        root, lambda c: c["annotations"].append({**first(root), "id": 7, **make(first(root))}), TRAIN
    )


def inside(about: Any) -> dict[str, Any]:
    """A square in the middle of the box of an object."""
    x, y, w, h = (round(v) for v in about["bbox"])
    return small.square(x + w // 2 - 4, y + h // 2 - 4, 9, 9)


def far_out(image: Any) -> dict[str, Any]:
    return small.square(image["width"] - 30, 5, 50, 20) | {"bbox": [image["width"] - 30, 5, 30, 20], "area": 600}


def top(act: Callable[[Any], Any]) -> Spoil:
    return lambda root: small.edit(root, act, TRAIN)


def both(act: Callable[[Any], Any]) -> Spoil:
    def in_both(root: Path) -> None:
        for file in (TRAIN, VAL):
            small.edit(root, act, file)

    return in_both


def without_annotations(root: Path) -> None:
    image = first(root)["image_id"]
    top(lambda c: c.update(annotations=[a for a in c["annotations"] if a["image_id"] != image]))(root)


def alien(root: Path) -> None:
    Image.fromarray(small.picture(3)).save(root / "images/train2017/alien.png")


def size(path: Path) -> tuple[int, int]:
    with Image.open(path) as found:
        return found.size


def lonely(root: Path) -> Path:
    """A picture of the other split."""
    return min((root / "images/val2017").iterdir())


def resaved(root: Path) -> None:
    """It becomes one of the training set, in the size that it had and at another quality."""
    with Image.open(train(root)) as found:
        found.resize(size(lonely(root))).save(lonely(root), quality=50)


def twins(root: Path) -> tuple[Path, Path]:
    """Two training images of one size, in the order of the file."""
    listed = [root / "images/train2017" / i["file_name"] for i in content(root)["images"]]
    return next((a, b) for n, b in enumerate(listed) for a in listed[:n] if size(a) == size(b))


def runs(*counts: int) -> Callable[[Any], dict[str, Any]]:
    """Run lengths that end with the pixels that are left of the image, or, without any, stand for none of them."""

    def make(image: Any) -> dict[str, Any]:
        size = [image["height"], image["width"]]
        return {"segmentation": {"size": size, "counts": list(counts) or [size[0] * size[1]]}}

    return make


PIECES = {
    "segmentation": [*small.square(2, 2, 9, 9)["segmentation"], *small.square(2, 20, 9, 9)["segmentation"]],
    "bbox": [2, 2, 9, 27],
    "area": 162,
}
BRUSH = {"id": 91, "name": "hair brush", "supercategory": "indoor"}
TINY: dict[str, Spoil] = {
    "size-mismatch": lambda root: repaint(train(root), lambda pixels: pixels[:-3]),
    "exif-orientation": lambda root: turned(train(root)),
    "out-of-bounds": change(far_out),
    "shifted-masks": lambda root: aside(root / "images", "*/*.jpg"),
    "empty-mask": change(runs()),
    "no-annotations": without_annotations,
    "tiny-instance": change(small.square(2, 2, 3, 3)),
    "unmapped-class": change({"category_id": 999}),
    "duplicate-class-name": both(lambda c: c["categories"][1].update(name=c["categories"][0]["name"])),
    "unused-class": both(lambda c: c["categories"].append(BRUSH)),
    "overlap": add(inside),
    "duplicate-instance": add(lambda _: {}),
    "disconnected-instance": change(PIECES),
    "missing-image": lambda root: train(root).unlink(),
    "orphan-mask": add(lambda _: {"image_id": 77}),
    "orphan-image": alien,
    "unreadable-image": lambda root: cut(train(root)),
    "duplicate-image": lambda root: shutil.copyfile(*twins(root)),
    "split-leak": resaved,
    "invalid-polygon": change({"segmentation": [[1, 2, 3, 4]]}),
    "invalid-rle": change(runs(5, 10, 3)),
    "box-mismatch": change({"bbox": [0, 0, 3, 3]}),
    "area-mismatch": change({"area": 99999}),
}


def tiny(code: str, root: Path) -> set[Key]:
    """Where a defect of tiny_coco is."""
    about = first(root)
    name, file = f"train/{train(root).name}", f"images/train2017/{train(root).name}"
    if code in {"shifted-masks", "unused-class"}:
        return {(code, "", None, "")}
    if code == "duplicate-class-name":
        return {(code, "", None, TRAIN)}
    if code == "no-annotations":
        return {(code, name, None, TRAIN)}
    if code == "orphan-image":
        return {(code, "images/train2017/alien.png", None, "images/train2017/alien.png")}
    if code == "missing-image":
        return {(code, name, None, train(root).name)}
    if code == "orphan-mask":
        return {(code, "", 7, TRAIN)}
    if code == "split-leak":
        return {(code, f"val/{lonely(root).name}", None, f"images/val2017/{lonely(root).name}")}
    if code == "duplicate-image":
        copy = twins(root)[1].name
        return {(code, f"train/{copy}", None, f"images/train2017/{copy}")}
    if code in {"size-mismatch", "exif-orientation", "unreadable-image"}:
        return {(code, name, None, file)}
    return {(code, name, 7 if code in {"overlap", "duplicate-instance"} else about["id"], TRAIN)}


# ---------------------------------------------------------------- camvid: label maps


def street(root: Path, place: int = 3) -> Path:
    return sorted((root / "val").iterdir())[place]


def annot(root: Path) -> Path:
    return root / "valannot" / street(root).name


def on_labels(change: Callable[[Mask], Any]) -> Spoil:
    return lambda root: repaint(annot(root), change)


def in_colors(mask: Mask) -> Mask:
    return np.random.default_rng(1).integers(0, 255, (12, 3), dtype=np.uint8)[mask]


def labels_as_jpeg(root: Path) -> None:
    repaint(annot(root), lambda m: m * 20, annot(root).with_suffix(".jpg"), quality=70)
    annot(root).unlink()


CAMVID: dict[str, Spoil] = {
    "size-mismatch": on_labels(lambda m: m[1:]),
    "exif-orientation": lambda root: turned(street(root)),
    "shifted-masks": lambda root: aside(root / "val", "*.png"),
    "unexpected-value": on_labels(block(200)),
    "lossy-mask": on_labels(lambda m: noisy(m * 20)),
    "lossy-mask: a JPEG": labels_as_jpeg,
    "palette-mask": on_labels(in_colors),
    "missing-mask": lambda root: annot(root).unlink(),
    "orphan-mask": lambda root: street(root).unlink(),
    "unreadable-image": lambda root: cut(street(root)),
    "unreadable-image: a mask": lambda root: cut(annot(root)),
    "duplicate-image": lambda root: shutil.copyfile(street(root, 0), street(root)),
}


def camvid(code: str, root: Path) -> set[Key]:
    """Where a defect of CamVid is."""
    code, _, what = code.partition(": ")
    image, mask = f"val/{street(root).name}", f"valannot/{street(root).name}"
    if code == "shifted-masks":
        return {(code, "", None, "")}
    if code == "missing-mask":
        return {(code, image, None, image)}
    if code == "orphan-mask":
        return {(code, mask, None, mask)}
    if what == "a JPEG":
        mask = mask.replace(".png", ".jpg")
    whole = code in {"exif-orientation", "duplicate-image"} or (code == "unreadable-image" and not what)
    return {(code, image, None, image if whole else mask)}


# ---------------------------------------------------------------- coco8: boxes, and coco8-seg: polygons

NAME, COPY = "000000000009", "000000000030.jpg"


def label(root: Path) -> Path:
    return root / f"labels/train/{NAME}.txt"


def photograph(root: Path) -> Path:
    return root / f"images/train/{NAME}.jpg"


def row(*texts: str) -> Spoil:
    """Add rows to the labels of an image."""

    def act(root: Path) -> None:
        lines = label(root).read_text().splitlines()
        label(root).write_text("\n".join([*lines, *texts]) + "\n")

    return act


def again(root: Path) -> None:
    row(label(root).read_text().splitlines()[0])(root)


def names(root: Path) -> None:
    """Two classes of one name."""
    (file,) = root.glob("*.yaml")
    text = file.read_text()
    assert "1: bicycle" in text
    file.write_text(text.replace("1: bicycle", "1: person"))


def more_names(root: Path) -> None:
    (file,) = root.glob("*.yaml")
    file.write_text(file.read_text().replace("79: toothbrush", "79: toothbrush\n  80: comb"))


GRID = [f"0 {0.01 + 0.03 * (n % 30):.3f} {0.01 + 0.04 * (n // 30):.3f} 0.01 0.01" for n in range(500)]
COCO8: dict[str, Spoil] = {
    "exif-orientation": lambda root: turned(photograph(root)),
    "out-of-bounds": row("1 0.9 0.5 1.4 0.2"),
    "empty-mask": row("45 0.5 0.5 0 0"),
    "no-annotations": lambda root: label(root).write_text(""),
    "unmapped-class": row("99 0.5 0.5 0.2 0.2"),
    "duplicate-class-name": names,
    "unused-class": more_names,
    "class-imbalance": row(*GRID),
    "duplicate-instance": again,
    "missing-mask": lambda root: label(root).unlink(),
    "orphan-mask": lambda root: photograph(root).unlink(),
    "unreadable-image": lambda root: cut(photograph(root)),
    "duplicate-image": lambda root: shutil.copyfile(photograph(root), photograph(root).with_name(COPY)),
    "split-leak": lambda root: shutil.copyfile(photograph(root), root / "images/val/000000000036.jpg"),
    "invalid-polygon": row("1 0.5 0.5 0.2"),
}
SEG: dict[str, Spoil] = {
    "out-of-bounds": row("45 0.9 0.9 1.2 0.9 1.2 0.95 0.9 0.95"),
    "tiny-instance": row("45 0.01 0.01 0.014 0.01 0.014 0.014 0.01 0.014"),
    "overlap": row("45 0.2 0.2 0.21 0.2 0.21 0.21 0.2 0.21 0.2 0.2"),
    "duplicate-instance": again,
    "disconnected-instance": row(
        "45 0.01 0.01 0.03 0.01 0.03 0.03 0.01 0.03 0.01 0.01 0.01 0.06 0.03 0.06 0.03 0.08 0.01 0.08 0.01 0.06"
    ),
    "invalid-polygon": row("45 0.1 0.1 0.2"),
}


def coco8(code: str, root: Path) -> set[Key]:
    """Where a defect of coco8 or coco8-seg is."""
    added = len(label(root).read_text().splitlines()) + 1
    name, image, file = f"train/{NAME}.jpg", f"images/train/{NAME}.jpg", f"labels/train/{NAME}.txt"
    if code in {"unused-class", "class-imbalance"}:
        return {(code, "", None, "")}
    if code == "duplicate-class-name":
        return {(code, "", None, next(root.glob("*.yaml")).name)}
    if code == "orphan-mask":
        return {(code, file, None, file)}
    if code == "duplicate-image":
        return {(code, f"train/{COPY}", None, f"images/train/{COPY}")}
    if code == "split-leak":
        return {(code, "val/000000000036.jpg", None, "images/val/000000000036.jpg")}
    if code in {"exif-orientation", "unreadable-image", "missing-mask"}:
        return {(code, name, None, image)}
    return {(code, name, None if code == "no-annotations" else added, file)}


# ---------------------------------------------------------------- packages


def rewrite(file: str, act: Callable[[str], str]) -> Spoil:
    def spoil(root: Path) -> None:
        text = (root / file).read_text()
        assert act(text) != text
        (root / file).write_text(act(text))

    return spoil


def row_of(root: Path) -> list[str]:
    """The first row of the index."""
    return (root / "index.csv").read_text().splitlines()[1].split(",")


def bright(root: Path) -> None:
    """The first picture, with one pixel that is another."""
    repaint(root / row_of(root)[0], lambda p: np.where(np.arange(p.size).reshape(p.shape) < 3, 255 - p, p))


def another_area(text: str) -> str:
    """The first row with an area, or without one a width, that is not its mask's."""
    lines = text.splitlines(keepends=True)
    fields = lines[1].split(",")
    fields[12 if fields[12] else 3] += "1"
    return "".join([lines[0], ",".join(fields), *lines[2:]])


def moved(root: Path) -> None:
    """The first object of the COCO file lies elsewhere."""
    file = root / "coco/coco.json"
    found = json.loads(file.read_text())
    about = found["annotations"][0]
    image = next(i for i in found["images"] if i["id"] == about["image_id"])
    about.update(runs(7, 99, image["height"] * image["width"] - 106)(image))
    file.write_text(json.dumps(found))


PACKAGES: dict[str, Spoil] = {
    "encoding-disagreement": moved,
    "index-mismatch": rewrite("index.csv", another_area),
    "meta-invalid": rewrite("meta.json", lambda text: text.replace('"images": ', '"images": 1', 1)),
    "checksum-mismatch": bright,
}


def packaged(code: str, root: Path) -> set[Key]:
    if code == "meta-invalid":
        return {(code, "", None, "meta.json")}
    rows = row_of(root)
    name, number = rows[0].removeprefix("images/"), int(rows[5]) if rows[5] else None
    if code == "encoding-disagreement":
        about = json.loads((root / "coco/coco.json").read_text())["annotations"][0]
        return {(code, name, about["id"], "coco/")}
    return {(code, name, None, rows[0]) if code == "checksum-mismatch" else (code, name, number, "index.csv")}


# ---------------------------------------------------------------- the tests

SETS: dict[str, tuple[str, dict[str, Spoil], Callable[[str, Path], set[Key]]]] = {
    "dsb2018": ("dsb2018_stage1", DSB, dsb),
    "tiny_coco": ("tiny_coco", TINY, tiny),
    "camvid": ("camvid_segnet/CamVid", CAMVID, camvid),
    "coco8": ("ultralytics_coco8/example_datasets/coco8", COCO8, coco8),
    "coco8-seg": ("ultralytics_coco8/example_datasets/coco8-seg", SEG, coco8),
}
CASES = [(name, code) for name, (_, spoils, _) in SETS.items() for code in spoils]
# What follows from many a defect: objects that are lost or added are counted.
COUNTS = {"unused-class", "class-imbalance"}


def told(root: Path) -> set[tuple[Key, str]]:
    """What is found, and of the whole set the words as well."""
    found = small.look(root).findings
    return {
        (
            (f.code, f.where.get("image", ""), f.where.get("instance"), f.where.get("file", "")),
            "" if f.where else f.message,
        )
        for f in found
    }


@pytest.fixture(scope="module")
def sound(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Path, set[tuple[Key, str]]]]:
    """A copy of a set (of dsb2018 ten small images, or a package), and what is found in it."""
    root, known = tmp_path_factory.mktemp("sound"), dict[str, tuple[Path, set[tuple[Key, str]]]]()

    def make(name: str) -> tuple[Path, set[tuple[Key, str]]]:
        if name not in known:
            target = root / name
            if name.startswith("package of "):
                converter.pack(make(name.removeprefix("package of "))[0], target, workers=1)
            elif name == "dsb2018":
                for each in sorted((data / SETS[name][0] / "stage1_train").iterdir()):
                    if len(list((each / "masks").iterdir())) < 30 and len(list(target.glob("*/*"))) < 8:
                        small.copied(each, target / "stage1_train" / each.name)
            else:
                small.copied(data / SETS[name][0], target)
            known[name] = target, told(target)
        return known[name]

    return make


@pytest.mark.parametrize(("name", "case"), CASES)
def test_a_defect_put_into_a_real_set_is_found_where_it_is(name: str, case: str, sound, tmp_path: Path) -> None:
    source, before = sound(name)
    root = small.copied(source, tmp_path / "set")
    _, spoils, where = SETS[name]
    expected, code = where(case, root), case.partition(":")[0]
    spoils[case](root)
    assert {key for key, _ in told(root) - before if key[0] == code or key[0] not in COUNTS} == expected


@pytest.mark.parametrize("name", ["dsb2018", "tiny_coco", "camvid", "coco8-seg"])
@pytest.mark.parametrize("code", PACKAGES)
def test_a_defect_of_a_package(name: str, code: str, sound, tmp_path: Path) -> None:
    source, before = sound(f"package of {name}")
    root = small.copied(source, tmp_path / "set")
    expected = packaged(code, root)
    PACKAGES[code](root)
    assert {key for key, _ in told(root) - before} == expected


def test_every_code_is_put_into_a_real_set() -> None:
    assert {*(case.partition(":")[0] for _, case in CASES), *PACKAGES} == set(CATALOG)
