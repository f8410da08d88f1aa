"""What is fuzzed: every reader, by the file that it trusts most, and the codecs.

A target takes bytes and may raise nothing but SegpackError (codecs of shapes: ShapeError).
Whatever else comes out of it, or takes more than some seconds, is a defect.
"""

from __future__ import annotations

import io
import json
import os
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

import converter
from converter.codecs import csvs, images, png, text, xml, yaml
from converter.codecs import json as json_codec
from converter.errors import SegpackError, ShapeError
from converter.geometry import raster, rle

__all__ = ["TARGETS", "Target"]

HEIGHT, WIDTH = 9, 12
RING = [2, 2, 8, 2, 8, 7, 2, 7]


class Target(NamedTuple):
    """`run` takes the bytes; `seeds` are good inputs to begin from; `words` are worth inserting.

    `mend` makes of a changed input one that is not refused at first sight.
    """

    run: Callable[[bytes], object]
    seeds: Callable[[], list[bytes]]
    words: tuple[bytes, ...] = ()
    mend: Callable[[bytes], bytes] = bytes


def with_checksums(data: bytes) -> bytes:
    """A PNG whose chunks have the checksums of what is in them, so that they are looked into."""
    made, at = bytearray(data[:8]), 8
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        body = data[at + 4 : at + 8 + length]
        made += data[at : at + 4] + body + struct.pack(">I", zlib.crc32(body))
        at += 12 + length
    return bytes(made) + data[at:]


# ---------------------------------------------------------------- seeds


def picture(kind: str = "PNG", mode: str = "RGB") -> bytes:
    out = io.BytesIO()
    array = np.arange(HEIGHT * WIDTH, dtype=np.uint8).reshape(HEIGHT, WIDTH)
    image = Image.fromarray(array).convert("RGB").convert(mode)
    image.save(out, kind)
    return out.getvalue()


def mask(mode: str = "L", value: int = 1) -> bytes:
    array = np.zeros((HEIGHT, WIDTH), np.uint8)
    array[2:7, 2:8] = value
    image = Image.fromarray(array).convert(mode)
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def coco_json() -> bytes:
    area = HEIGHT * WIDTH
    shapes = [
        [RING],
        {"size": [HEIGHT, WIDTH], "counts": [20, 5, area - 25]},
        {"size": [HEIGHT, WIDTH], "counts": rle.from_counts([20, 5, area - 25], HEIGHT, WIDTH).counts.decode()},
        [],
    ]
    annotations = [
        {"id": i, "image_id": 1 + i % 2, "category_id": 1, "segmentation": shape, "bbox": [2, 2, 6, 5], "area": 30,
         "iscrowd": 0, "note": {"deep": [1, None, "x"]}}
        for i, shape in enumerate(shapes)
    ]  # fmt: skip
    entries = [
        {"id": i + 1, "file_name": n, "width": WIDTH, "height": HEIGHT} for i, n in enumerate(("a.png", "b.png"))
    ]
    categories = [{"id": 1, "name": "cat", "supercategory": "animal"}, {"id": 3, "name": "dog"}]
    whole = {"info": {}, "images": entries, "annotations": annotations, "categories": categories}
    return json.dumps(whole).encode()


# ---------------------------------------------------------------- readers


@cache
def folder(name: str) -> Path:
    """A small good dataset, in which one file is going to be replaced over and over."""
    root = Path(tempfile.mkdtemp(prefix="segpack-fuzz-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None))
    made = root / name
    parts: dict[str, bytes] = {}
    if name == "coco":
        parts = {"labels.json": coco_json(), "images/a.png": picture(), "images/b.png": picture()}
    elif name == "yolo":
        row = " ".join(str(v / (HEIGHT if i % 2 else WIDTH)) for i, v in enumerate(RING))
        parts = {
            "data.yaml": b"train: images/train\nval: images/train\nnames: {0: cat, 1: dog}\n",
            "images/train/a.png": picture(),
            "images/train/b.png": picture(),
            "labels/train/a.txt": f"0 {row}\n1 0.5 0.5 0.2 0.3\n".encode(),
            "labels/train/b.txt": f"1 {row}\n".encode(),
        }
    elif name == "masks":
        parts = {
            "classes.json": b'{"0": "background", "1": "cat", "2": {"name": "dog"}}'.replace(
                b'{"name": "dog"}', b'"dog"'
            ),
            "images/a.png": picture(),
            "images/b.png": picture(),
            "masks/a.png": mask(),
            "masks/b.png": mask(value=2),
        }
    for path, data in parts.items():
        place = made / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    if name == "package":
        converter.convert(folder("coco"), made, to="instance-png", workers=1)
    return made


def read_all(source: Path) -> None:
    """Everything that a reader makes of a source, stopping at what is bad, and leaving it out."""
    for mode in ("stop", "skip"):
        with suppress(SegpackError):
            for sample in converter.open(source, on_error=mode):
                for instance in sample.instances:
                    with suppress(SegpackError):
                        instance.mask()


def replaced(name: str, path: str) -> Callable[[bytes], object]:
    def run(data: bytes) -> None:
        place = folder(name) / path
        before = place.read_bytes()
        place.write_bytes(data)
        try:
            read_all(folder(name))
        finally:
            place.write_bytes(before)

    return run


def seed(name: str, path: str) -> Callable[[], list[bytes]]:
    return lambda: [(folder(name) / path).read_bytes()]


def read_zip(data: bytes) -> None:
    place = folder("coco").parent / "set.zip"
    place.write_bytes(data)
    read_all(place)


def zips() -> list[bytes]:
    made = []
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", method) as packed:
            for path in sorted(folder("coco").rglob("*.*")):
                packed.write(path, path.relative_to(folder("coco")).as_posix())
        made.append(out.getvalue())
    return made


# ---------------------------------------------------------------- codecs


def only(error: type[Exception], function: Callable[[bytes], object]) -> Callable[[bytes], object]:
    def run(data: bytes) -> None:
        with suppress(error):
            function(data)

    return run


def all_of_image(data: bytes) -> None:
    for function in (images.probe, images.verify, images.decode, images.read_labels):
        with suppress(SegpackError):
            function(data, "file")


def png_like_pillow(data: bytes) -> None:
    """What is read is what Pillow reads, where both do."""
    try:
        raw = png.read_raw(data, "file")
    except SegpackError:
        return
    try:
        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            theirs = np.asarray(image)
            mode = image.mode
    except Exception:  # noqa: BLE001 -- Pillow raises anything, and may be stricter
        return
    if mode in {"L", "RGB", "RGBA", "P", "LA"} and raw.bit_depth == 8:
        assert (raw.array == theirs).all()


def run_lengths(data: bytes) -> None:
    try:
        code = rle.from_string(data, HEIGHT, WIDTH)
    except ShapeError:
        return
    bitmap = rle.decode(code)
    assert bitmap.shape == (HEIGHT, WIDTH)
    assert rle.area(code) == int(bitmap.sum())
    assert rle.encode(bitmap).counts == code.counts


def listed_counts(data: bytes) -> None:
    with suppress(SegpackError, ShapeError):
        values = json_codec.decode(data, "file")
        assert rle.area(rle.from_counts(values, HEIGHT, WIDTH)) <= HEIGHT * WIDTH


def rings(data: bytes) -> None:
    values = [v for (v,) in struct.iter_unpack("<f", data[: len(data) // 4 * 4])]
    with suppress(ShapeError):
        assert rle.area(raster.polygons_to_rle([values[:40], values[40:]], HEIGHT, WIDTH)) <= HEIGHT * WIDTH


JSON_WORDS = (b"null", b"1e400", b"-1", b"NaN", b"[]", b"{}", b'""', b"true", b"9" * 400, b'"\\ud800"', b"1.5", b"0")
YOLO_WORDS = (b"nan", b"1e999", b"-", b"\0", b"1e-400", b"0x1", b"\xc2\xb2", b" ", b"\n")
YAML_WORDS = (b"&a", b"*a", b"!!python", b"<<: ", b"- ", b"? ", b"[", b"{", b"yes", b"~", b"\t", b"---\n", b"../")
TARGETS: dict[str, Target] = {
    "coco": Target(replaced("coco", "labels.json"), seed("coco", "labels.json"), JSON_WORDS),
    "coco-image": Target(
        replaced("coco", "images/a.png"),
        lambda: [picture(), picture("JPEG"), picture("GIF"), picture("WEBP")],
        mend=with_checksums,
    ),
    "yolo-label": Target(replaced("yolo", "labels/train/a.txt"), seed("yolo", "labels/train/a.txt"), YOLO_WORDS),
    "yolo-yaml": Target(replaced("yolo", "data.yaml"), seed("yolo", "data.yaml"), YAML_WORDS),
    "mask": Target(
        replaced("masks", "masks/a.png"), lambda: [mask(), mask("1", 255), mask("RGB"), mask("P")], mend=with_checksums
    ),
    "classes": Target(replaced("masks", "classes.json"), seed("masks", "classes.json"), JSON_WORDS),
    "meta": Target(replaced("package", "meta.json"), seed("package", "meta.json"), JSON_WORDS),
    "index": Target(replaced("package", "index.csv"), seed("package", "index.csv"), (b'"', b",", b"\n", b"..", b"/")),
    "zip": Target(read_zip, zips, (b"PK\3\4", b"PK\1\2", b"PK\5\6", b"PK\6\6", b"\xff\xff\xff\xff", b"../", b"\0")),
    "codec-image": Target(
        all_of_image,
        lambda: (
            [picture(k) for k in ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF")] + [picture(mode="P"), picture(mode="1")]
        ),
        mend=with_checksums,
    ),
    "codec-png": Target(
        png_like_pillow,
        lambda: [picture(), picture(mode="L"), picture(mode="P"), picture(mode="RGBA")],
        mend=with_checksums,
    ),
    "codec-json": Target(only(SegpackError, lambda d: json_codec.decode(d, "file")), lambda: [coco_json()], JSON_WORDS),
    "codec-yaml": Target(only(SegpackError, lambda d: yaml.decode(d, "file")), seed("yolo", "data.yaml"), YAML_WORDS),
    "codec-csv": Target(
        only(SegpackError, lambda d: csvs.rows(d, "file")), seed("package", "index.csv"), (b'"', b"\0")
    ),
    "codec-text": Target(only(SegpackError, lambda d: text.decode_text(d, "file")), lambda: ["caf\xe9\n".encode()]),
    "codec-xml": Target(
        only(SegpackError, lambda d: xml.decode(d, "file")),
        lambda: [b"<?xml version='1.0'?><a b='1'><c>x</c><!-- d --></a>"],
        (b"<!DOCTYPE a [<!ENTITY b 'c'>]>", b"&b;", b"<![CDATA[", b"]]>", b"xmlns:x='y'"),
    ),
    "rle-text": Target(run_lengths, lambda: [rle.from_counts([20, 5, 83], HEIGHT, WIDTH).counts]),
    "rle-list": Target(listed_counts, lambda: [b"[20, 5, 83]", b"[0, 0, 20, 88]"], JSON_WORDS),
    "rings": Target(rings, lambda: [np.array(RING * 3, np.float32).tobytes()]),
}
