"""Runs work on items: in this process, or in workers; in order, with bounded work in flight.

`work` is a pure function of one item. The first items run here; a crew of workers is only
started when what is left is worth it, when the guard is to hold from the first item on, or when
an item comes to what is `only_in_workers`.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Generator, Sequence
from typing import Any, NoReturn, TypeVar

from converter.errors import SegpackError
from converter.worker import Guard, NotHereError, announce, trial

__all__ = ["Guard", "announce", "cores", "run"]

Item = TypeVar("Item")
Result = TypeVar("Result")

TRIAL = 0.05  # seconds of work done here before workers are thought of
WORTH = 0.2  # seconds of work left that pay for starting them
CHUNK = 0.1  # seconds of work given to a worker at a time
LONGEST = 64  # items given to a worker at a time, at most


def cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run(
    work: Callable[[Item], Result],
    items: Sequence[Item],
    *,
    workers: int,
    guard: Guard | None = None,
    lost: Callable[[Item, str], Result] | None = None,
    clear: Callable[[Any], object] | None = None,
) -> Generator[Result, None, None]:
    """`work(item)` for every item, in the order of the items. The first error in that order is raised.

    `lost(item, reason)` gives the result of an item that cannot be had, or raises; without
    it the run ends with an error that has the item's number. `clear` is called with what
    such an item had announced, before it is tried again and when it is given up.
    """
    if not _may_have_children():
        yield from map(work, items)
        return
    guard = guard or Guard()
    began, done = time.perf_counter(), 0
    for item in () if guard.always and items else items:
        spent = time.perf_counter() - began
        if workers > 1 and done and spent > TRIAL and spent / done * (len(items) - done) > WORTH:
            break
        try:
            with trial():
                result = work(item)
        except NotHereError:
            break
        yield result
        done += 1
    if done < len(items):
        from converter.crew import Crew  # noqa: PLC0415 -- slow to import, and one worker needs none

        cost = (time.perf_counter() - began) / done if done else CHUNK / 4
        size = max(1, min(LONGEST, int(CHUNK / cost), (len(items) - done) // (4 * workers) or 1))
        yield from Crew(work, items, guard, lost or _give_up(len(items)), clear or _ignore).run(done, size, workers)


def _may_have_children() -> bool:
    """Not in a worker of somebody's pool, to which multiprocessing allows none."""
    process = sys.modules.get("multiprocessing.process")
    return process is None or not process.current_process().daemon


def _give_up(total: int) -> Callable[[Any, str], NoReturn]:
    def give_up(_: Any, reason: str) -> NoReturn:
        raise SegpackError(f"one of {total} images {reason}; run with --on-error skip to leave it out")

    return give_up


def _ignore(_: Any) -> None:
    """Nothing was left behind."""
