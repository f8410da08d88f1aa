"""The long run: every target for some seconds, or one; what it finds becomes a file of fixtures/fuzz.

    python -m tests.fuzz.run                   60 seconds of a processor a target
    python -m tests.fuzz.run 600 coco zip      600 seconds each for these

Findings are told as they come, and replayed by the suite from then on. Inputs after which
something came out that had not been seen before are kept to go on from. Under Linux an input
that takes more than SECONDS of a processor, or more memory than MEMORY, is a finding as well.
No worker is started for an input, which would take longer than most inputs do; every target
has a process of its own instead, and what that dies of is a finding too.
"""

from __future__ import annotations

import hashlib
import os
import random
import re
import resource
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from converter import engine
from tests.fuzz.mutate import mutated, renamed
from tests.fuzz.targets import TARGETS, Target

__all__ = ["CORPUS", "changed"]

CORPUS = Path(__file__).resolve().parents[2] / "fixtures" / "fuzz"
SECONDS = 10
MEMORY = 3 << 30
RENAMED = 0.05  # of the inputs: another name and not another content
FRAME = re.compile(r'File "(.+)", line (\d+)')
LONGEST = 50_000  # bytes of an input to go on from


class HangError(Exception):
    """An input took too long."""


def changed(target: Target, pool: Sequence[bytes], chance: random.Random) -> bytes:
    """A new input from one of the pool."""
    data = chance.choice(pool)
    if not target.headed:
        return mutated(data, chance)
    head, _, content = data.partition(b"\n")
    if chance.random() < RENAMED:
        path = head.partition(b"\t")[0].decode()
        return f"{path}\t{renamed(path.partition('/')[2], chance)}\n".encode() + content
    return head + b"\n" + mutated(content, chance)


def fuzz(name: str, seconds: float, seed: int, last: Path) -> tuple[int, int, list[Path]]:
    """How many inputs a target was given, how many outcomes there were, and the files that it did not survive.

    `last` holds the input that the target is at.
    """
    target, chance = TARGETS[name], random.Random(seed)
    pool = [*target.seeds(), *(p.read_bytes() for p in sorted((CORPUS / name).glob("*")))]
    found: list[Path] = []
    known: set[str] = set()
    outcomes: set[object] = set()
    count, until = 0, time.process_time() + seconds  # of a processor: a busy machine tries no fewer inputs
    while time.process_time() < until:
        data = changed(target, pool, chance)
        last.write_bytes(data)
        count += 1
        try:
            signal.setitimer(signal.ITIMER_PROF, SECONDS)
            outcome = target.run(data)
            if outcome not in outcomes and len(data) < LONGEST:
                outcomes.add(outcome)
                pool.append(data)
        except Exception as error:  # noqa: BLE001 -- any is a finding
            mark = f"{type(error).__name__} {_place(error)}"
            if mark not in known:
                known.add(mark)
                found.append(_keep(name, data))
                print(f"{name}: {mark}: {str(error)[:300]}: {found[-1]}", flush=True)
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
    return count, len(outcomes), found


def _place(error: Exception) -> str:
    """File and line that an error comes from; of one that was sent by a worker, the line there."""
    frames = [f"{f.filename}:{f.lineno}" for f in traceback.extract_tb(error.__traceback__)]
    there = [":".join(found) for note in getattr(error, "__notes__", ()) for found in FRAME.findall(note)]
    return (there or frames)[-1]


def _keep(name: str, data: bytes) -> Path:
    path = CORPUS / name / hashlib.sha256(data).hexdigest()[:16]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def _too_long(_: int, __: FrameType | None) -> NoReturn:
    raise HangError(f"more than {SECONDS} s")


def _here(work: Callable[[Any], Any], items: Sequence[Any], **_: Any) -> Iterator[Any]:
    """What `engine.run` does, without workers."""
    return map(work, items)


def _apart(name: str, seconds: float) -> bool:
    """Fuzz a target in a process of its own; whether something was found."""
    with tempfile.NamedTemporaryFile() as file:
        last = Path(file.name)
        pid = os.fork()
        if pid == 0:
            # Whatever happens here, what the parent has opened is the parent's to close.
            status = 1
            try:
                count, outcomes, found = fuzz(name, seconds, time.time_ns(), last)
                print(f"{name}: {count} inputs, {outcomes} outcomes, {len(found)} findings", flush=True)
                status = int(bool(found))
            except Exception:  # noqa: BLE001 -- told once, by the process it happened in
                traceback.print_exc()
            finally:
                os._exit(status)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        if code < 0:
            print(f"{name}: {signal.Signals(-code).name}: {_keep(name, last.read_bytes())}", flush=True)
    return code != 0


def main(arguments: list[str]) -> int:
    seconds = float(arguments[0]) if arguments else 60
    signal.signal(signal.SIGPROF, _too_long)
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, resource.RLIM_INFINITY))
    warnings.simplefilter("error")  # as in the suite: a user would see them
    engine.run = _here  # type: ignore[assignment]
    found = [_apart(name, seconds) for name in arguments[1:] or TARGETS]
    return any(found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
