"""The table of figures, with the machine they were taken on beside it."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.benchmarks.measure import Cost
from tests.benchmarks.tasks import Task

BEGIN, END = "<!-- benchmarks -->", "<!-- /benchmarks -->"
PACKAGES = ("segpack", "numpy", "pycocotools", "pillow", "opencv-python-headless", "opencv-python")

HEAD = (
    "| task | beside | CPU s | wall s | peak MB | CPU, of the other | wall | peak |",
    "|---|---|---:|---:|---:|---:|---:|---:|",
)


def row(task: Task, ours: Cost, theirs: Cost) -> str:
    """The figures of segpack / those of the other, and then the ratios."""
    figures = [
        f"{ours.cpu:.2f} / {theirs.cpu:.2f}",
        f"{ours.wall:.2f} / {theirs.wall:.2f}",
        f"{ours.peak:.0f} / {theirs.peak:.0f}",
        f"**{ours.cpu / theirs.cpu:.2f}**",
        f"{ours.wall / theirs.wall:.2f}",
        f"{ours.peak / theirs.peak:.2f}",
    ]
    return f"| {task.name}: {task.title} | {task.against} | {' | '.join(figures)} |"


def machine() -> str:
    """Processor, cores, memory, system, load and the versions of what was measured, in a sentence."""
    parts = [
        _processor(),
        f"{len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()} cores",
        f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / (1 << 30):.0f} GB",
        f"{platform.system()} {platform.release()}",
        f"load {os.getloadavg()[0]:.1f}",
        f"Python {platform.python_version()}",
        *_versions(),
    ]
    return ", ".join(parts)


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _versions() -> Iterable[str]:
    for name in PACKAGES:
        try:
            yield f"{name} {importlib.metadata.version(name)}"
        except importlib.metadata.PackageNotFoundError:
            continue


def whole(rows: Sequence[str], what: str) -> str:
    """The table and what it was measured on."""
    return "\n".join([*HEAD, *rows, "", f"{what} On {machine()}."])


def write_readme(readme: Path, text: str) -> None:
    """Put the table between its marks."""
    before, begin, rest = readme.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{readme}: has no {BEGIN} ... {END}")
    readme.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")
