"""Measure segpack beside plain scripts, and print the table.

    python -m tests.benchmarks [--task T1 ...] [--images 500] [--data DIR] [--runs 5] [--write-readme]
    python -m tests.benchmarks --growth 500 50000 [--task T1 ...] [--runs 5]

Every command is a process of its own, from start to end, with one worker and with its output
in memory where the system has a place for that; segpack and the script take turns. With
--growth it is segpack alone, at two numbers of images, for the memory that each image more takes.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks import growth, measure, table, tasks

README = Path(__file__).resolve().parents[2] / "README.md"
MEMORY = Path("/dev/shm")  # figures are to be of the program, not of a disk


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--task", action="append", choices=tasks.NAMES, help="default: all; repeat for more")
    parser.add_argument("--images", type=int, default=500, help="how many to draw (default: 500)")
    parser.add_argument("--data", type=Path, help="a COCO set to measure on instead; T6 is always drawn")
    parser.add_argument("--runs", type=int, default=5, help="of each side; medians are shown (default: 5)")
    parser.add_argument("--library", choices=["opencv", "pillow"], default=tasks.library(), help="of the scripts")
    parser.add_argument("--growth", type=int, nargs=2, metavar=("FEW", "MANY"), help="of memory, between these numbers")
    parser.add_argument("--write-readme", action="store_true", help="put the table into README.md")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    options = arguments(argv)
    if options.growth:
        print(*growth.HEAD, *_growth(options), sep="\n")
        return
    names = options.task or tasks.NAMES
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as room:
        bench = tasks.prepare(Path(room), options.data, options.images, names, options.library)
        rows = []
        for name in names:
            task = tasks.task(name, bench)
            ours, theirs = measure.compare(task.ours, task.theirs, bench.out, options.runs)
            rows.append(table.row(task, ours, theirs))
            print(rows[-1], file=sys.stderr, flush=True)
    data = f"the set {options.data.name}" if options.data else f"{options.images} drawn images of 640 x 480"
    what = f"segpack / the other, medians of {options.runs} runs in turns, one worker, {data}."
    text = table.whole(rows, what)
    print(text)
    if options.write_readme:
        table.write_readme(README, text)


def _growth(options: argparse.Namespace) -> list[str]:
    names = [name for name in options.task or growth.WORK if name in growth.WORK]
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as room:
        return growth.rows(Path(room), options.growth, names, options.runs)


if __name__ == "__main__":
    main()
