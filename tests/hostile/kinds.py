"""Hostile inputs of our own: small datasets with one thing wrong each.

Every dataset has the images `bad.png` and `good.png`, 20 x 14, and on good.png a dog of 5 x 4
pixels at (3, 6). What is wrong concerns bad.png only, unless the whole set is to be refused.
"""

from __future__ import annotations

import io
import json
import os
import socket
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from PIL import Image

from tests.codecs.pngs import SIGNATURE, chunk, header

__all__ = ["DOG_AREA", "DOG_BOX", "KINDS", "SECRET", "Kind"]

WIDTH, HEIGHT = 20, 14
DOG_BOX, DOG_AREA = (3, 6, 5, 4), 20
SECRET = b"only-for-the-owner"
Must = Literal["refuse", "skip", "convert"]


class Kind(NamedTuple):
    """A way to be wrong: `refuse` in both modes, `skip` what is bad when asked to, or `convert` all the same."""

    id: str
    make: Callable[[Path], None]
    must: Must
    names: Sequence[str] = ()
    input: str = "set"
    needs: str = ""


KINDS: list[Kind] = []


def put(path: Path, data: bytes | str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)


def picture(width: int = WIDTH, height: int = HEIGHT, kind: str = "PNG", **more: Any) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), (90, 120, 30)).save(out, kind, **more)
    return out.getvalue()


def gray(value: int = 1, width: int = WIDTH, height: int = HEIGHT) -> bytes:
    """A mask with the 5 x 4 box in `value`."""
    array = np.zeros((height, width), np.uint8)
    array[6:10, 3:8] = value
    out = io.BytesIO()
    Image.fromarray(array).save(out, "PNG")
    return out.getvalue()


# ---------------------------------------------------------------- COCO


RING = [3, 6, 8, 6, 8, 10, 3, 10]


def coco_json() -> dict[str, Any]:
    images = [
        {"id": i, "file_name": name, "width": WIDTH, "height": HEIGHT} for i, name in ((7, "bad.png"), (8, "good.png"))
    ]
    objects = [
        {
            "id": 70 + i,
            "image_id": 7 + i,
            "category_id": 1 + i,
            "segmentation": [RING],
            "bbox": [3, 6, 5, 4],
            "area": 20,
        }
        for i in (0, 1)
    ]
    categories = [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]
    return {"images": images, "annotations": objects, "categories": categories}


Change = Callable[[dict[str, Any]], bytes | str | None]


def coco_set(root: Path, change: Change, files: Mapping[str, bytes] | None = None) -> None:
    value = coco_json()
    text = change(value)
    put(root / "set/labels.json", json.dumps(value) if text is None else text)
    for name, data in {"bad.png": picture(), "good.png": picture(), **(files or {})}.items():
        put(root / "set/images" / name, data)
    put(root / "outside.png", picture() + SECRET)


def coco(id: str, must: Must, names: Sequence[str], change: Change, **files: bytes) -> None:
    KINDS.append(Kind(f"coco-{id}", lambda root: coco_set(root, change, files), must, names))


def same(_: dict[str, Any]) -> None:
    """The dataset as it is."""


def first(where: str, **values: Any) -> Change:
    def change(value: dict[str, Any]) -> None:
        value[where][0].update(values)

    return change


def text(old: str, new: str) -> Change:
    """The JSON with a piece of its text replaced: for what no writer of JSON writes."""

    def change(value: dict[str, Any]) -> str:
        whole = json.dumps(value)
        assert old in whole
        return whole.replace(old, new, 1)

    return change


def shaped(id: str, segmentation: Any, *more: str) -> None:
    coco(id, "skip", ["labels.json", "annotation 70", *more], first("annotations", segmentation=segmentation))


def counted(counts: Any, size: Any = (HEIGHT, WIDTH)) -> dict[str, Any]:
    return {"size": list(size) if isinstance(size, tuple) else size, "counts": counts}


TOTAL = WIDTH * HEIGHT
shaped("counts-short", counted([5, 5]), "counts")
shaped("counts-bool", counted([True, TOTAL - 1]), "counts")
shaped("counts-null", counted(None), "counts")
shaped("counts-nested", counted([[1, 2]]), "counts")
shaped("counts-text-number", counted(["5", TOTAL - 5]), "counts")
shaped("counts-2-63", counted([2**63, TOTAL]), "counts")
shaped("counts-empty-text", counted(""), "counts")
shaped("counts-long-text", counted("o" * 300_000 + "0"), "counts")
shaped("counts-negative-text", counted("Q"), "counts")
shaped("size-turned", counted([TOTAL], (WIDTH, HEIGHT)), "size")
shaped("size-text", counted([TOTAL], "14x20"), "size")
shaped("size-three", counted([TOTAL], [HEIGHT, WIDTH, 1]), "size")
shaped("ring-odd", [[*RING, 4]], "segmentation")
shaped("ring-deep", [[[RING]]], "segmentation")
shaped("ring-null", [[3, 6, None, 6, 8, 10]], "segmentation")
shaped("ring-bool", [[True, False, True, True, False, True]], "segmentation")
shaped("ring-huge-integer", [[10**400, 1, 2, 3, 4, 5]], "segmentation")
shaped("ring-1e300", [[0, 0, 1e300, 0, 1e300, 1e300]], "segmentation")
shaped("ring-many-laps", [[v for _ in range(60_000) for v in (0, 0, WIDTH, HEIGHT)]], "segmentation")
shaped("segmentation-text", "everything", "segmentation")
shaped("segmentation-number", 7, "segmentation")
coco("box-three", "skip", ["annotation 70", "bbox"], first("annotations", bbox=[1, 2, 3]))
coco("box-text", "skip", ["annotation 70", "bbox"], first("annotations", bbox="1 2 3 4"))
coco("box-huge", "skip", ["annotation 70", "bbox"], text("[3, 6, 5, 4]", "[3, 6, 1e400, 4]"))
coco("area-text", "skip", ["annotation 70", "area"], first("annotations", area="large"))
coco("crowd-text", "skip", ["annotation 70", "iscrowd"], first("annotations", iscrowd="yes"))
coco("category-text", "skip", ["annotation 70", "category_id"], first("annotations", category_id="cat"))
coco("category-gone", "skip", ["annotation 70", "category_id"], first("annotations", category_id=9))
coco("category-float", "skip", ["annotation 70", "category_id"], first("annotations", category_id=1.5))
coco("annotation-text", "skip", ["annotations[0]"], lambda v: v["annotations"].insert(0, "nothing"))
coco("image-text", "refuse", ["images[0]"], lambda v: v["images"].insert(0, "nothing"))
coco("image-without-id", "refuse", ["images[0]", "id"], lambda v: v["images"][0].pop("id") and None)
coco("image-id-twice", "refuse", ["labels.json", "id 7"], lambda v: v["images"].append({**v["images"][0]}))
coco("file-name-number", "skip", ["image 7", "file_name"], first("images", file_name=5))
coco("file-name-null", "skip", ["image 7", "file_name"], first("images", file_name=None))
coco("file-name-empty", "skip", ["image 7", "file_name"], first("images", file_name=""))
coco("file-name-zero-byte", "skip", ["file_name"], first("images", file_name="bad.png\0.txt"))
coco("file-name-surrogate", "refuse", ["labels.json"], text('"bad.png"', r'"\ud800.png"'))
coco("file-name-long", "skip", ["image 7", "file_name"], first("images", file_name="x" * 5000 + "x.png"))
coco("file-name-out", "skip", ["file_name", "outside.png"], first("images", file_name="../outside.png"))
coco("file-name-drive", "skip", ["file_name"], first("images", file_name="C:\\outside.png"))
coco("split-out", "skip", ["split"], first("images", split="../../up"))
coco("split-newline", "skip", ["split"], first("images", split="a\nb"))
coco("width-text", "skip", ["bad.png", "width"], first("images", width="20"))
coco("width-float", "skip", ["bad.png", "width"], first("images", width=20.5))
coco("width-1e400", "skip", ["bad.png", "width"], text('"width": 20', '"width": 1e400'))
coco("image-extra-1e400", "skip", ["image 7"], text('"file_name"', '"taken": 1e400, "file_name"'))
coco("info-1e400", "refuse", ["labels.json", "info"], text('"images"', '"info": {"year": 1e400}, "images"'))
coco("name-null", "refuse", ["categories"], first("categories", name=None))
coco("name-blank", "refuse", ["categories"], first("categories", name="  "))
coco("name-escape", "refuse", ["categories"], first("categories", name="cat\x1b[2J"))
coco("category-id-twice", "refuse", ["labels.json", "id 1"], lambda v: v["categories"].append({"id": 1, "name": "cow"}))
coco("category-id-float", "refuse", ["categories"], first("categories", id=1.5))
coco("categories-object", "refuse", ["categories"], lambda v: v.update(categories={"1": "cat"}))
coco("images-object", "refuse", ["images"], lambda v: v.update(images={}))
coco("annotations-null", "refuse", ["annotations"], lambda v: v.update(annotations=None))
coco("key-twice", "refuse", ["labels.json", "annotations"], text('{"images"', '{"annotations": [], "images"'))
coco("utf-16", "convert", [], lambda v: json.dumps(v).encode("utf-16"))
coco("mark", "convert", [], lambda v: b"\xef\xbb\xbf" + json.dumps(v).encode())
coco("zero-bytes", "refuse", ["labels.json"], lambda v: json.dumps(v).encode() + b"\0" * 9)
coco("two-values", "refuse", ["labels.json"], lambda v: json.dumps(v) + "{}")
coco("comment", "refuse", ["labels.json"], lambda v: "// made by hand\n" + json.dumps(v))
coco("deep-extra", "refuse", ["labels.json"], text('"images"', '"info": ' + "[" * 50_000 + "]" * 50_000 + ', "images"'))
coco(
    "deep-attribute",
    "skip",
    ["annotation 70", "nested"],
    text('"bbox"', '"note": ' + "[" * 900 + "]" * 900 + ', "bbox"'),
)
coco("formula", "convert", [], first("categories", name="=HYPERLINK(1)"))
coco("html-picture", "skip", ["bad.png"], same, **{"bad.png": b"<html>404</html>"})
coco("postscript-picture", "skip", ["bad.png"], same, **{"bad.png": b"%!PS-Adobe-3.0 EPSF-3.0\n(x) run\n"})
coco("cut-picture", "skip", ["bad.png"], same, **{"bad.png": picture()[:-20]})
coco("cut-jpeg", "skip", ["bad.png"], same, **{"bad.png": picture(kind="JPEG")[:-90]})
coco("cut-gif", "skip", ["bad.png"], same, **{"bad.png": picture(kind="GIF")[:-12]})
coco("other-size", "skip", ["bad.png"], same, **{"bad.png": picture(10, 10)})


# ---------------------------------------------------------------- masks


def mask_set(root: Path, mask: bytes, image: bytes, classes: bytes | str) -> None:
    put(root / "set/images/bad.png", image)
    put(root / "set/images/good.png", picture())
    put(root / "set/masks/bad.png", mask)
    put(root / "set/masks/good.png", gray(2))
    put(root / "set/classes.json", classes)


CLASSES = '{"0": "background", "1": "cat", "2": "dog"}'


def mask(
    id: str,
    must: Must,
    names: Sequence[str],
    mask: bytes = gray(),
    image: bytes = picture(),
    classes: bytes | str = CLASSES,
) -> None:
    KINDS.append(Kind(f"mask-{id}", lambda root: mask_set(root, mask, image, classes), must, names))


def png(*chunks: bytes, **more: int) -> bytes:
    return SIGNATURE + header(WIDTH, HEIGHT, **more) + b"".join(chunks) + chunk(b"IEND")


def rows(step: int, fill: int = 0, count: int = HEIGHT) -> bytes:
    return zlib.compress((b"\0" + bytes([fill]) * step) * count)


def colours(mode: str, *values: tuple[int, ...]) -> bytes:
    image = Image.new(mode, (WIDTH, HEIGHT))
    for x, value in enumerate(values):
        image.putpixel((x, 3), value)
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


BAD_MASK = ["masks/bad.png"]
mask("few-rows", "skip", BAD_MASK, png(chunk(b"IDAT", rows(WIDTH, count=HEIGHT - 1))))
mask("many-rows", "skip", BAD_MASK, png(chunk(b"IDAT", rows(WIDTH, count=HEIGHT + 1))))
mask("wrong-filter", "skip", BAD_MASK, png(chunk(b"IDAT", zlib.compress((b"\x09" + bytes(WIDTH)) * HEIGHT))))
mask("wrong-checksum", "skip", BAD_MASK, png(chunk(b"IDAT", rows(WIDTH), crc=1)))
mask("wrong-adler", "skip", BAD_MASK, png(chunk(b"IDAT", rows(WIDTH)[:-4] + b"abcd")))
mask("no-data", "skip", BAD_MASK, png())
mask("no-end", "skip", BAD_MASK, png(chunk(b"IDAT", rows(WIDTH)))[:-12])
mask("chunk-beyond", "skip", BAD_MASK, png(struct.pack(">I", 2**31 - 1) + b"IDAT" + rows(WIDTH)))
mask("depth-3", "skip", BAD_MASK, png(chunk(b"IDAT", rows(WIDTH)), depth=3))
mask("palette-short", "skip", BAD_MASK, png(chunk(b"PLTE", bytes(6)), chunk(b"IDAT", rows(WIDTH, 9)), color=3))
mask("two-heads", "skip", BAD_MASK, png(header(WIDTH, HEIGHT), chunk(b"IDAT", rows(WIDTH))))
mask("16-bit-colours", "skip", BAD_MASK, png(chunk(b"IDAT", rows(WIDTH * 6, 7)), depth=16, color=2))
mask("colours", "skip", BAD_MASK, colours("RGB", (255, 0, 0), (0, 255, 0)))
mask("soft-alpha", "skip", BAD_MASK, colours("RGBA", (255, 0, 0, 128), (0, 255, 0, 9)))
mask("tiff-cut", "skip", ["images/bad.png"], image=picture(kind="TIFF", compression="tiff_lzw")[:-30])
mask("jpeg-noise", "skip", BAD_MASK, picture(kind="JPEG"))
mask("undeclared-value", "skip", [*BAD_MASK, "77"], gray(77))
mask("long-side", "skip", BAD_MASK, SIGNATURE + header(2**31 - 1, 1) + chunk(b"IDAT", rows(3)) + chunk(b"IEND"))
mask("image-cut", "skip", ["images/bad.png"], image=picture()[:60])
mask("image-empty", "skip", ["images/bad.png"], image=b"")
mask("classes-list-of-numbers", "refuse", ["classes.json"], classes="[1, 2, 3]")
mask("classes-id-text", "refuse", ["classes.json"], classes='{"one": "cat"}')
mask("classes-id-twice", "refuse", ["classes.json"], classes='{"1": "cat", "01": "cow", "2": "dog"}')
mask("classes-key-twice", "refuse", ["classes.json"], classes='{"1": "cat", "1": "cow", "2": "dog"}')
mask("classes-huge-id", "refuse", ["classes.json"], classes='{"1": "cat", "2": "dog", "' + "9" * 5000 + '": "cow"}')
mask("classes-cut", "refuse", ["classes.json"], classes='{"1": "cat", ')


def named(id: str, name: str | bytes, must: Must, *names: str) -> None:
    """The bad image and its mask have an odd name, and nothing else is wrong."""

    def make(root: Path) -> None:
        mask_set(root, gray(), picture(), CLASSES)
        for part in ("images", "masks"):
            folder = os.fsencode(root / "set" / part)
            os.rename(folder + b"/bad.png", folder + b"/" + os.fsencode(name))

    KINDS.append(Kind(f"name-{id}", make, must, names))


named("newline", "a\nb.png", "skip", "a\\nb.png")
named("escape", "a\x1b[2Jb.png", "skip", "a\\x1b[2Jb.png")
named("reserved", "aux.png", "skip", "aux.png")
named("colon", "a:b.png", "skip", "a:b.png")
named("trailing-space", " .png", "convert")
named("bytes", b"\xff\xfe.png", "skip", "\\udcff\\udcfe.png")
named("formula", "=1+1.png", "convert")
named("percent", "%s%n.png", "convert")
named("long", "n" * 251 + ".png", "convert")


# ---------------------------------------------------------------- YOLO


def yolo_set(root: Path, label: bytes | str, yaml: str, lists: Mapping[str, str]) -> None:
    good = " ".join(str(v / (HEIGHT if i % 2 else WIDTH)) for i, v in enumerate(RING))
    for name in ("bad", "good"):
        put(root / f"set/images/train/{name}.png", picture())
    put(root / "set/labels/train/bad.txt", label)
    put(root / "set/labels/train/good.txt", f"1 {good}\n")
    put(root / "set/data.yaml", yaml)
    for name, content in lists.items():
        put(root / "set" / name, content)
    put(root / "outside.png", picture() + SECRET)


YAML = "train: images/train\nval: images/train\nnames: [cat, dog]\n"
ROW = "0 0.1 0.1 0.5 0.1 0.5 0.5 0.1 0.5\n"


def yolo(id: str, must: Must, names: Sequence[str], label: bytes | str = ROW, yaml: str = YAML, **lists: str) -> None:
    files = {f"{name}.txt": content for name, content in lists.items()}
    KINDS.append(Kind(f"yolo-{id}", lambda root: yolo_set(root, label, yaml, files), must, names))


LINE = ["bad.txt", "line 1"]
yolo("three-numbers", "skip", LINE, "0 0.1 0.2 0.3\n")
yolo("hexadecimal", "skip", LINE, "0 0x1p-1 0.1 0.5 0.1 0.5 0.5\n")
yolo("comma", "skip", LINE, "0 0,1 0,1 0,5 0,1 0,5 0,5\n")
yolo("minus-infinity", "skip", LINE, "0 -inf 0.1 0.5 0.1 0.5 0.5\n")
yolo("class-huge", "skip", LINE, "1e30 0.1 0.1 0.5 0.1 0.5 0.5\n")
yolo("class-4000-digits", "skip", LINE, "9" * 4400 + " 0.1 0.1 0.5 0.1 0.5 0.5\n")
yolo("negative-box", "skip", LINE, "0 0.5 0.5 -0.2 0.2\n")
yolo("zero-bytes", "skip", ["bad.txt"], ROW.encode() + b"\0\0\0\n")
yolo("utf-16", "convert", [], ROW.encode("utf-16"))
yolo("latin-1", "skip", ["bad.txt"], b"0 0.1 0.1 0.5 \xe9 0.5 0.5\n")
yolo("names-yes", "convert", [], yaml=YAML.replace("[cat, dog]", "[yes, dog]"))
yolo("names-null", "refuse", ["data.yaml", "names"], yaml=YAML.replace("[cat, dog]", "[~, dog]"))
yolo("names-number", "refuse", ["data.yaml", "names"], yaml=YAML.replace("[cat, dog]", "7"))
yolo("names-twice", "refuse", ["data.yaml", "cat"], yaml=YAML.replace("dog", "cat"))
yolo("key-twice", "refuse", ["data.yaml", "names"], yaml=YAML + "names: [cow]\n")
yolo("deep", "refuse", ["data.yaml"], yaml=YAML + "x: " + "[" * 5000 + "]" * 5000 + "\n")
yolo("python-tag", "refuse", ["data.yaml"], yaml=YAML + "x: !!python/object/apply:os.system ['touch never.txt']\n")
yolo("tabs", "refuse", ["data.yaml"], yaml="train: images/train\nnames:\n\t- cat\n\t- dog\n")
yolo("two-documents", "refuse", ["data.yaml"], yaml=YAML + "---\nnames: [cow]\n")
yolo("train-number", "refuse", ["data.yaml", "train"], yaml=YAML.replace("train: images/train", "train: [5]"))
yolo("train-out", "refuse", ["data.yaml", "train"], yaml=YAML.replace("images/train", ".."))
yolo("train-url", "refuse", ["data.yaml", "train"], yaml=YAML.replace("images/train", "http://localhost/x"))
yolo(
    "list-out", "skip", ["train.txt", "line 1"],
    yaml="train: train.txt\nval: train.txt\nnames: [cat, dog]\n", train="../outside.png\nimages/train/good.png\n",
)  # fmt: skip


# ---------------------------------------------------------------- archives


Entries = Callable[[zipfile.ZipFile], object]


def archive(id: str, must: Must, names: Sequence[str], more: Entries, change: Callable[[bytes], bytes] = bytes) -> None:
    def make(root: Path) -> None:
        coco_set(root, same)
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as packed:
            for path in sorted((root / "set").rglob("*.*")):
                packed.write(path, path.relative_to(root / "set").as_posix())
            more(packed)
        put(root / "set.zip", change(out.getvalue()))

    KINDS.append(Kind(f"zip-{id}", make, must, names, "set.zip"))


def entry(name: str, mode: int = stat.S_IFREG | 0o644, data: bytes = b"x") -> Entries:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return lambda packed: packed.writestr(info, data)


def many_zeros(packed: zipfile.ZipFile) -> None:
    for i in range(60):
        packed.writestr(f"images/{i}.bin", bytes(20_000_000), zipfile.ZIP_DEFLATED, 9)


archive("absolute", "refuse", ["set.zip", "/etc/x"], entry("/etc/x"))
archive("link", "refuse", ["set.zip", "images/l.png"], entry("images/l.png", stat.S_IFLNK | 0o777, b"/etc/passwd"))
archive("fifo", "refuse", ["set.zip", "images/f"], entry("images/f", stat.S_IFIFO | 0o644))
archive("long-name", "refuse", ["set.zip"], entry("images/" + "n" * 60_000))
archive("deep-name", "refuse", ["set.zip"], entry("d/" * 3000 + "x"))
archive("ratio", "refuse", ["set.zip"], many_zeros)
archive("cut-front", "refuse", ["set.zip"], entry("x"), lambda data: data[40:])
archive("cut-data", "refuse", ["set.zip"], entry("x"), lambda data: data[:90] + data[130:])
archive("not-one", "refuse", ["set.zip"], entry("x"), lambda data: b"#!/bin/sh\n" + data)
archive(
    "lying-size",
    "skip",
    ["set.zip", "bad.png"],
    entry("x"),
    lambda data: data.replace(b"\x14\0\0\0\0\0", b"\x14\0\1\0\0\0", 1),
)
archive("comment", "convert", [], lambda packed: setattr(packed, "comment", b"made by hand"))


# ---------------------------------------------------------------- the file system


def placed(id: str, must: Must, names: Sequence[str], change: Callable[[Path], object], needs: str = "") -> None:
    def make(root: Path) -> None:
        coco_set(root, same)
        change(root / "set")

    KINDS.append(Kind(f"file-{id}", make, must, names, needs=needs))


def instead(make: Callable[[Path], object]) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / "images/bad.png").unlink()
        make(folder / "images/bad.png")

    return change


def bind(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # the name of a socket has room for 107 bytes
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path.name)
    finally:
        os.chdir(here)


def bytes_name(folder: Path) -> None:
    os.link(folder / "images/good.png", os.fsencode(folder / "images") + b"/\xff\xfe.png")


def fifo_of_annotations(folder: Path) -> None:
    (folder / "labels.json").unlink()
    os.mkfifo(folder / "labels.json")


def moved_out(folder: Path) -> None:
    (folder / "labels.json").rename(folder.parent / "l.json")
    (folder / "labels.json").symlink_to("../l.json")


placed("socket", "skip", ["bad.png"], instead(bind))
placed("fifo", "skip", ["bad.png"], instead(os.mkfifo))
placed("device-link", "skip", ["bad.png"], instead(lambda p: p.symlink_to("/dev/zero")))
placed("link-out", "skip", ["bad.png"], instead(lambda p: p.symlink_to("../../outside.png")))
placed("link-absolute", "skip", ["bad.png"], instead(lambda p: p.symlink_to(p.parents[2] / "outside.png")))
placed("folder-loop", "convert", [], lambda folder: (folder / "images/again").symlink_to(".."))
placed("folder-out", "convert", [], lambda folder: (folder / "images/etc").symlink_to("/etc"))
placed("name-bytes", "convert", [], bytes_name)
placed("annotations-fifo", "refuse", ["labels.json"], fifo_of_annotations)
placed("annotations-out", "refuse", ["labels.json"], moved_out)
placed("annotations-empty", "refuse", ["set"], lambda f: put(f / "labels.json", b""))
placed("unreadable", "skip", ["bad.png"], lambda f: (f / "images/bad.png").chmod(0), needs="ordinary user")
placed(
    "annotations-unreadable", "refuse", ["labels.json"], lambda f: (f / "labels.json").chmod(0), needs="ordinary user"
)
