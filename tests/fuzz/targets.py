"""What is fuzzed: every reader by every file of its fixtures, archives, option files, and the codecs.

A target takes bytes and may raise nothing but SegpackError (codecs of shapes: ShapeError).
Whatever else comes out of it, or takes more than some seconds, is a defect.
"""

from __future__ import annotations

import atexit
import io
import os
import re
import shutil
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager, suppress
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

import converter
from converter.api import DatasetSample
from converter.codecs import csvs, images, png, text, xml, yaml
from converter.codecs import json as json_codec
from converter.errors import SegpackError, ShapeError, SourceError, UsageError
from converter.geometry import raster, rle, runlengths
from converter.transforms import class_table, split_lists
from tests.support import FIXTURES, Case, valid_cases

__all__ = ["CODECS", "READERS", "TARGETS", "Target"]

HEIGHT, WIDTH = 9, 12
RING = [2, 2, 8, 2, 8, 7, 2, 7]
LARGEST = 30_000  # bytes of a file that is worth changing: what is in large ones is in small ones too
WRITTEN = ("coco", "instance-png", "yolo-seg", "voc", "semantic-png", "datumaro")


class Target(NamedTuple):
    """`run` takes the bytes and says what came of them; `seeds` are good inputs to begin from.

    Of a target with `headed` the first line of the bytes says which file of which fixture the rest stands for,
    and after a tab where that file lies instead.
    """

    run: Callable[[bytes], object]
    seeds: Callable[[], list[bytes]]
    headed: bool = False


# ---------------------------------------------------------------- readers


@cache
def workplace() -> Path:
    """A folder in memory where fixtures are damaged; it goes with the process."""
    made = tempfile.mkdtemp(prefix="segpack-fuzz-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return Path(made)


@cache
def fixture(format: str, name: str) -> tuple[Path, dict[str, Any]]:
    """A copy of a good dataset, of which one file is going to be replaced over and over, and what it is read with."""
    case, copy = Case(format, name), workplace() / format / name
    shutil.copytree(case.path, copy)
    return copy, case.options_for(copy)


def files_of(format: str) -> list[bytes]:
    """Every file of the fixtures of a format that is small enough, after a line that says which it is."""
    return [
        f"{case.name}/{path.relative_to(case.path).as_posix()}\n".encode() + path.read_bytes()
        for case in valid_cases()
        if case.format == format
        for path in sorted(case.path.rglob("*"))
        if path.is_file() and path.stat().st_size < LARGEST
    ]


def damaged(format: str, data: bytes) -> object:
    """What a reader makes of a fixture in which one file is another."""
    head, _, content = data.partition(b"\n")
    path, _, other = head.decode().partition("\t")
    name, _, path = path.partition("/")
    folder, options = fixture(format, name)
    good, place = folder / path, folder / (other or path)
    before = good.read_bytes()
    good.unlink()
    if place.exists() or not place.resolve().is_relative_to(folder):
        place = good
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)
    try:
        return read_all(folder, data, **options)
    finally:
        place.unlink()
        good.write_bytes(before)


def read_all(source: Path, data: bytes, **options: Any) -> object:
    """What is made of a source: read strictly, read leniently, or, mostly, written as well; `data` says how."""
    outcome: list[object] = []
    pick = zlib.crc32(data) % 24
    with told(outcome):
        if pick < 6:
            outcome += map(masks_of, converter.open(source, **options))
        elif pick < 12:
            found = converter.open(source, on_error="skip", **options)
            outcome += leniently(map(masks_of, found))
        else:
            target = workplace() / "out"
            shutil.rmtree(target, ignore_errors=True)
            how = {"on_error": "skip", "workers": 1, "image_files": "none", "boxes_as_masks": True, **options}
            result = converter.convert(source, target, to=WRITTEN[pick % len(WRITTEN)], **how)
            outcome += [result.images, *sorted({loss.code for loss in result.losses})]
    return tuple(outcome)


def masks_of(sample: DatasetSample) -> int:
    for instance in sample.instances:
        with suppress(UsageError):  # a box has no mask
            instance.mask()
    return len(sample.instances)


def leniently(counts: Iterable[int]) -> list[int]:
    """All of them: a bad image is left out, and does not end a reading that has begun.

    A list of names with a gap does, as it makes every class of the set doubtful.
    """
    try:
        return list(counts)
    except SegpackError as error:
        if isinstance(error, SourceError) and error.code == "unmapped-class":
            raise
        raise AssertionError("a lenient reading was ended") from error


@contextmanager
def told(outcome: list[object]) -> Iterator[None]:
    """A refusal is an outcome, whatever the names and numbers in it."""
    try:
        yield
    except (SegpackError, ShapeError) as error:
        outcome.append(re.sub(r"[0-9]+|'[^']*'", "", str(error))[-60:])


def read_zip(data: bytes) -> object:
    place = workplace() / "set.zip"
    place.write_bytes(data)
    return read_all(place, data)


def zips() -> list[bytes]:
    made = []
    for case in ("coco/valid/bare", "yolo-seg/valid/mixed"):
        for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            out = io.BytesIO()
            with zipfile.ZipFile(out, "w", method) as packed:
                for path in sorted((FIXTURES / case).rglob("*.*")):
                    packed.write(path, path.relative_to(FIXTURES / case).as_posix())
            made.append(out.getvalue())
    return made


# ---------------------------------------------------------------- codecs


def picture(kind: str = "PNG", mode: str = "RGB") -> bytes:
    out = io.BytesIO()
    array = np.arange(HEIGHT * WIDTH, dtype=np.uint8).reshape(HEIGHT, WIDTH)
    image = Image.fromarray(array).convert("RGB").convert(mode)
    image.save(out, kind)
    return out.getvalue()


def alone(function: Callable[[bytes], object]) -> Callable[[bytes], object]:
    """What one function makes of the bytes: a refusal, or how much of which kind."""

    def run(data: bytes) -> object:
        outcome: list[object] = []
        with told(outcome):
            made = function(data)
            outcome += type(made), len(made).bit_length() if isinstance(made, Sized) else made
        return tuple(map(str, outcome))

    return run


def all_of_image(data: bytes) -> object:
    return tuple(
        alone(lambda d, f=function: type(f(d, "file")))(data)  # type: ignore[misc]
        for function in (images.probe, images.verify, images.decode, images.read_labels)
    )


def png_like_pillow(data: bytes) -> str:
    """What is read is what Pillow reads, where both do."""
    raw = png.read_raw(data, "file")
    try:
        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            theirs = np.asarray(image)
            mode = image.mode
    except Exception:  # noqa: BLE001 -- Pillow raises anything, and may be stricter
        return f"ours alone {raw.bit_depth}"
    if mode in {"L", "RGB", "RGBA", "P", "LA"} and raw.bit_depth == 8:
        assert (raw.array == theirs).all()
    return f"{mode} {raw.bit_depth}"


def run_lengths(data: bytes) -> int:
    code = runlengths.from_string(data, HEIGHT, WIDTH)
    bitmap = rle.decode(code)
    assert bitmap.shape == (HEIGHT, WIDTH)
    assert rle.area(code) == int(bitmap.sum())
    assert rle.encode(bitmap).counts == code.counts
    return rle.area(code)


def listed_counts(data: bytes) -> int:
    area = rle.area(runlengths.from_counts(json_codec.decode(data, "file"), HEIGHT, WIDTH))
    assert area <= HEIGHT * WIDTH
    return area


def rings(data: bytes) -> int:
    values = [v for (v,) in struct.iter_unpack("<f", data[: len(data) // 4 * 4])]
    area = rle.area(raster.polygons_to_rle([values[:40], values[40:]], HEIGHT, WIDTH))
    assert area <= HEIGHT * WIDTH
    return area


def option_file(parse: Callable[[bytes, str], object], name: str) -> Callable[[bytes], object]:
    return alone(lambda data: parse(data, name))


CLASSES_YAML = b"classes:\n- {id: 1, name: vehicle, from: [car, truck, 7]}\n- {name: person}\ndrop: [sky]\n"
CLASSES_JSON = b'{"classes": [{"id": 1, "name": "vehicle", "from": ["car", 7]}, {"name": "person"}], "drop": ["sky"]}'
CODECS: dict[str, Target] = {
    "zip": Target(read_zip, zips),
    "codec-image": Target(
        all_of_image,
        lambda: (
            [picture(k) for k in ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF")] + [picture(mode="P"), picture(mode="1")]
        ),
    ),
    "codec-png": Target(
        alone(png_like_pillow), lambda: [picture(), picture(mode="L"), picture(mode="P"), picture(mode="RGBA")]
    ),
    "codec-json": Target(
        alone(lambda d: json_codec.decode(d, "file")),
        lambda: [(FIXTURES / "coco/valid/bare/labels.json").read_bytes()],
    ),
    "codec-yaml": Target(
        alone(lambda d: yaml.decode(d, "file")),
        lambda: [CLASSES_YAML, (FIXTURES / "yolo-seg/valid/mixed/data.yaml").read_bytes()],
    ),
    "codec-csv": Target(alone(lambda d: csvs.rows(d, "file")), lambda: [b'a,b,c\n1,"x,y",\n2,"""",z\n']),
    "codec-text": Target(alone(lambda d: text.decode_text(d, "file")), lambda: ["caf\xe9\n".encode()]),
    "codec-xml": Target(
        alone(lambda d: xml.decode(d, "file")),
        lambda: [b"<?xml version='1.0'?><a b='1'><c>x</c><!-- d --></a>"],
    ),
    "option-classes": Target(option_file(class_table.parse, "c.yaml"), lambda: [CLASSES_YAML]),
    "option-classes-json": Target(option_file(class_table.parse, "c.json"), lambda: [CLASSES_JSON]),
    "option-classes-csv": Target(
        option_file(class_table.parse, "c.csv"), lambda: [b"id,name,from\n1,vehicle,car|truck\n2,person,\n"]
    ),
    "option-colors": Target(
        option_file(class_table.parse_colors, "c.json"), lambda: [b'{"cat": [1, 2, 3], "dog": [4, 5, 6]}']
    ),
    "option-split-from": Target(
        option_file(lambda data, file: split_lists.parse_lists({file: data}, file), "s.json"),
        lambda: [b'{"train": ["a.png"], "val": ["b.png"]}'],
    ),
    "rle-text": Target(alone(run_lengths), lambda: [runlengths.from_counts([20, 5, 83], HEIGHT, WIDTH).counts]),
    "rle-list": Target(alone(listed_counts), lambda: [b"[20, 5, 83]", b"[0, 0, 20, 88]"]),
    "rings": Target(alone(rings), lambda: [np.array(RING * 3, np.float32).tobytes()]),
}
READERS = {
    format: Target(partial(damaged, format), cache(partial(files_of, format)), headed=True)
    for format in sorted({case.format for case in valid_cases()})
}
TARGETS = {**READERS, **CODECS}
