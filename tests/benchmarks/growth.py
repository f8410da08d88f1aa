"""How much memory each further image takes: peaks of a task at two sizes of one set."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks import measure, tasks
from tests.benchmarks.tasks import Bench

HEAD = ("| task | images | peak MB | bytes an image |", "|---|---:|---:|---:|")
# Target, options, and whether from the masks that segpack wrote, not from COCO.
WORK = {
    "T1": ("instance-png", (), False),
    "T2": ("semantic-png", (), False),
    "T3own": ("coco", ("--segmentation", "rle"), True),
    "T4": ("coco", ("--segmentation", "polygon"), True),
    "T5": ("yolo", (), False),
    "T5seg": ("yolo-seg", (), False),
}


def rows(room: Path, sizes: Sequence[int], names: Sequence[str], runs: int) -> list[str]:
    """A row of the table for each task. The document of a COCO source, which is kept whole, is not counted."""
    few, many = sizes
    small, large = (_prepare(room / str(images), images, names) for images in sizes)
    return [_row(name, (few, many), _peak(name, small, runs), _peak(name, large, runs)) for name in names]


def _row(name: str, images: tuple[int, int], small: float, large: float) -> str:
    each = (large - small) / (images[1] - images[0])
    figures = f"{images[0]:,} to {images[1]:,} | {small / 2**20:.0f} to {large / 2**20:.0f} | **{each:.0f}**"
    return f"| {name}: {WORK[name][0]} | {figures} |"


def _prepare(room: Path, images: int, names: Sequence[str]) -> Bench:
    room.mkdir()
    bench = Bench(tasks.drawn(room / "data", images, "--no-images"), room, "none")
    bench.out.mkdir()
    if any(WORK[name][2] for name in names):
        measure.run(bench.convert(bench.data, "instance-png"))
        (bench.out / "converted").rename(room / "own")
    return bench


def _peak(name: str, bench: Bench, runs: int) -> float:
    """In bytes, the median of some runs, without the document of a COCO source."""
    to, options, masks = WORK[name]
    command = bench.convert(bench.room / "own" if masks else bench.data, to, *options)
    peaks = [measure.run_all([command], bench.out).peak for _ in range(runs)]
    document = 0 if masks else sum(path.stat().st_size for path in bench.data.rglob("*.json"))
    return statistics.median(peaks) * 2**20 - document
