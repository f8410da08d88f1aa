"""The long run: every target for some seconds, or one; what it finds becomes a file of fixtures/fuzz.

    python -m tests.fuzz.run                   60 seconds a target
    python -m tests.fuzz.run 600 coco zip      600 seconds each for these

Findings are told as they come, and replayed by the suite from then on. Under Linux a run that
takes more than SECONDS, or more memory than MEMORY, is a finding as well.
"""

from __future__ import annotations

import hashlib
import random
import resource
import signal
import sys
import time
import traceback
from pathlib import Path
from types import FrameType
from typing import NoReturn

from tests.fuzz.mutate import mutated
from tests.fuzz.targets import TARGETS

CORPUS = Path(__file__).resolve().parents[2] / "fixtures" / "fuzz"
SECONDS = 10
MEMORY = 3 << 30
KEPT = 200  # inputs that were survived, to go on from


class HangError(Exception):
    """An input took too long."""


def fuzz(name: str, seconds: float, seed: int) -> tuple[int, list[Path]]:
    """How many inputs a target was given, and the files of those that it did not survive."""
    target, chance = TARGETS[name], random.Random(seed)
    pool = [*target.seeds(), *(p.read_bytes() for p in sorted((CORPUS / name).glob("*")))]
    found: list[Path] = []
    known: set[str] = set()
    count, until = 0, time.monotonic() + seconds
    while time.monotonic() < until:
        data = mutated(chance.choice(pool), target.words, target.mend, chance)
        count += 1
        try:
            signal.alarm(SECONDS)
            target.run(data)
        except Exception as error:  # noqa: BLE001 -- any is a finding
            place = traceback.extract_tb(error.__traceback__)[-1]
            mark = f"{type(error).__name__} {place.filename}:{place.lineno}"
            if mark not in known:
                known.add(mark)
                found.append(_keep(name, data))
                print(f"{name}: {mark}: {error}: {found[-1]}", flush=True)
        finally:
            signal.alarm(0)
        if chance.random() < 0.01 and len(data) < 20_000:
            pool.append(data)
            pool = pool if len(pool) < KEPT else pool[: KEPT // 2]
    return count, found


def _keep(name: str, data: bytes) -> Path:
    path = CORPUS / name / hashlib.sha256(data).hexdigest()[:16]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def _too_long(_: int, __: FrameType | None) -> NoReturn:
    raise HangError(f"more than {SECONDS} s")


def main(arguments: list[str]) -> int:
    seconds = float(arguments[0]) if arguments else 60
    signal.signal(signal.SIGALRM, _too_long)
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, resource.RLIM_INFINITY))
    failed = False
    for name in arguments[1:] or TARGETS:
        count, found = fuzz(name, seconds, time.time_ns())
        print(f"{name}: {count} inputs, {len(found)} findings", flush=True)
        failed = failed or bool(found)
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
