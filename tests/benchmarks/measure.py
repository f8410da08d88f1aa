"""Commands as whole processes: what each took, by the kernel's own account.

Only the standard library is imported: Linux counts into the peak of a child what its parent
had resident when it was started.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

Command = list[str]


@dataclass(frozen=True)
class Cost:
    """Seconds of processor, user and system; seconds passed; the greatest resident size in MB."""

    cpu: float
    wall: float
    peak: float

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.cpu + other.cpu, self.wall + other.wall, max(self.peak, other.peak))


def run(command: Command) -> Cost:
    """What a command took, with the children it waited for; fails with its output when it fails."""
    # As users have it: what is imported is compiled once, not in every process.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryFile() as said:
        began = time.perf_counter()
        process = subprocess.Popen(command, stdout=said, stderr=said, env=environment)
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            raise RuntimeError(f"{' '.join(command)}: exit {process.returncode}\n{said.read().decode()}")
    resident = used.ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)
    return Cost(used.ru_utime + used.ru_stime, wall, resident)


def run_all(commands: Sequence[Command], out: Path) -> Cost:
    """The commands one after the other; what they leave in `out` is removed each time."""
    total = Cost(0, 0, 0)
    for command in commands:
        total += run(command)
        shutil.rmtree(out)
        out.mkdir()
    return total


def median(costs: Sequence[Cost]) -> Cost:
    """The median of each figure."""
    return Cost(*(statistics.median(getattr(c, name) for c in costs) for name in ("cpu", "wall", "peak")))


def compare(ours: Sequence[Command], theirs: Sequence[Command], out: Path, runs: int) -> tuple[Cost, Cost]:
    """Medians of both sides, which take turns: what slows the machine down slows both."""
    pairs = [(run_all(theirs, out), run_all(ours, out)) for _ in range(runs)]
    return median([our for _, our in pairs]), median([their for their, _ in pairs])
