"""The work that is measured: commands of segpack, and of the plain scripts for the same."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks import measure
from tests.benchmarks.measure import Command

BASELINES = Path(__file__).with_name("baselines.py")
# Strict, as masks that are left out cost nothing.
NAMED = ["--from", "instance-png", "--masks", "{image}_{instance}_{class}.png", "--strict"]
MANY = 20  # times the images, for the work that is about great files


@dataclass(frozen=True)
class Task:
    """A row of the table: what is done, by which libraries else, and the commands of both sides."""

    name: str
    title: str
    against: str
    ours: Sequence[Command]
    theirs: Sequence[Command]


@dataclass(frozen=True)
class Bench:
    """Where the data lies, where outputs go, and the library that the plain scripts use."""

    data: Path
    room: Path
    library: str

    @property
    def out(self) -> Path:
        return self.room / "out"

    def plain(self, work: str, data: Path, *, library: str = "") -> Command:
        """A plain script as a command."""
        return [sys.executable, str(BASELINES), work, library or self.library, str(data), str(self.out / work)]

    def convert(self, data: Path, to: str, *options: str, name: str = "converted") -> Command:
        """A conversion by segpack, of annotations alone unless `name` is a ZIP."""
        images = [] if name.endswith(".zip") else ["--image-files", "none"]
        places = [str(data), str(self.out / name)]
        return [*SEGPACK, "convert", *places, "--to", to, *options, *images, *QUIET]


SEGPACK = [sys.executable, "-m", "converter"]
QUIET = ["--workers", "1", "--quiet"]
NAMES = ("T1", "T2", "T3", "T3own", "T4", "T5", "T5seg", "T6", "T7", "pack", "check")


def library() -> str:
    """OpenCV where it is installed, else Pillow."""
    return "opencv" if importlib.util.find_spec("cv2") else "pillow"


def prepare(room: Path, data: Path | None, images: int, names: Sequence[str], library: str) -> Bench:
    """Draw the data if there is none, and what the tasks start from, each in a process of its own."""
    data = data or drawn(room / "data", images)
    bench = Bench(data, room, library)
    bench.out.mkdir()
    if "T6" in names:
        drawn(room / "many", images * MANY, "--no-images")
    if {"T3", "T3own", "T4", "pack"} & set(names):
        measure.run(bench.plain("binary", data))
        (bench.out / "binary").rename(room / "masks")
    if "T3own" in names:
        measure.run(bench.convert(data, "instance-png"))
        (bench.out / "converted").rename(room / "own")
    return bench


def drawn(out: Path, images: int, *options: str) -> Path:
    measure.run([sys.executable, "-m", "tests.benchmarks.drawing", str(out), "--images", str(images), *options])
    return out


def task(name: str, bench: Bench) -> Task:
    """One row."""
    data, masks, plain, convert = bench.data, bench.room / "masks", bench.plain, bench.convert
    label = {"opencv": "OpenCV", "pillow": "Pillow"}[bench.library]
    coco = f"pycocotools + {label}"
    contours = "OpenCV contours, inexact" if bench.library == "opencv" else "scikit-image contours, inexact"
    named = [*NAMED, "--images", str(data / "images")]
    as_rle, as_polygons = ("--segmentation", "rle"), ("--segmentation", "polygon")
    match name:
        case "T1":
            ours, theirs = convert(data, "instance-png"), [plain("binary", data)]
            return Task(name, "COCO to binary PNGs, one an instance", coco, [ours], theirs)
        case "T2":
            ours, theirs = convert(data, "semantic-png"), [plain("semantic", data)]
            return Task(name, "COCO to semantic PNGs", coco, [ours], theirs)
        case "T3":
            ours, theirs = convert(masks, "coco", *as_rle, *named), [plain("rle", masks)]
            return Task(name, f"binary PNGs of {label} to COCO RLE", coco, [ours], theirs)
        case "T3own":
            ours, theirs = convert(bench.room / "own", "coco", *as_rle), [plain("rle", masks)]
            return Task(name, "binary PNGs of segpack to COCO RLE", coco, [ours], theirs)
        case "T4":
            ours, theirs = convert(masks, "coco", *as_polygons, *named), [plain("polygons", masks)]
            return Task(name, "binary PNGs to COCO polygons, exact", contours, [ours], theirs)
        case "T5":
            ours, theirs = convert(data, "yolo"), [plain("yolo", data, library="none")]
            return Task(name, "COCO to YOLO boxes", "json", [ours], theirs)
        case "T5seg":
            ours, theirs = convert(data, "yolo-seg"), [plain("yolo_seg", data, library="none")]
            return Task(name, "COCO to YOLO polygons, exact", "json, six digits", [ours], theirs)
        case "T6":
            many = bench.room / "many"
            ours, theirs = convert(many, "yolo"), [plain("typed_yolo", many, library="none")]
            return Task(name, f"COCO of {MANY} times the images to YOLO boxes", "msgspec, typed", [ours], theirs)
        case "T7":
            ours, theirs = convert(data, "coco", name="coco.zip"), [plain("stored", data, library="none")]
            return Task(name, "the set as a ZIP", "zipfile, stored", [ours], theirs)
        case "pack":
            theirs = [plain("binary", data), plain("rle", masks), plain("stored", data, library="none")]
            ours = [*SEGPACK, "pack", str(data), str(bench.out / "package.zip"), *QUIET]
            return Task(name, "the package, read back and checked", "T1 + T3 + T7 of the scripts", [ours], theirs)
        case "check":
            ours = [*SEGPACK, "check", str(data), "--fail-on", "never", *QUIET]
            theirs = [plain("decode", data, library="none")]
            return Task(name, "every question about the set", "Pillow and json decode its files", [ours], theirs)
    raise ValueError(name)
