"""Runs work on items: in this process, or on a pool; in order, with bounded work in flight.

`work` is a picklable callable and a pure function of one item, so it runs anywhere. The
first items run here; a pool is only started when what is left is worth it.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from converter.errors import SegpackError

__all__ = ["cores", "run"]

Item = TypeVar("Item")
Result = TypeVar("Result")

TRIAL = 0.25  # seconds of work done here before a pool is thought of
WORTH = 0.5  # seconds of work left that pay for starting one
CHUNK = 0.1  # seconds of work in one message to a worker
LONGEST = 64  # items in one message at most

_work: Callable[[Any], Any] | None = None
_items: Sequence[Any] | None = None


def cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run(work: Callable[[Item], Result], items: Sequence[Item], *, workers: int) -> Iterator[Result]:
    """`work(item)` for every item, in the order of the items. The first error in that order is raised."""
    began, done = time.perf_counter(), 0
    for item in items:
        spent = time.perf_counter() - began
        if workers > 1 and spent > TRIAL and spent / done * (len(items) - done) > WORTH:
            break
        yield work(item)
        done += 1
    if done < len(items):
        cost = (time.perf_counter() - began) / done
        size = max(1, min(LONGEST, int(CHUNK / cost), (len(items) - done) // (4 * workers) or 1))
        yield from _pooled(work, items, done, size, workers)


def _pooled(
    work: Callable[[Item], Result], items: Sequence[Item], start: int, size: int, workers: int
) -> Iterator[Result]:
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    forked = context.get_start_method() == "fork"
    _hold(work, items)  # a forked worker finds both in place, and only places travel
    pool = ProcessPoolExecutor(
        workers,
        mp_context=context,
        initializer=_begin,
        initargs=(None, None) if forked else (work, list(items)),
    )
    chunks = iter([(i, min(i + size, len(items))) for i in range(start, len(items), size)])
    waiting: deque[tuple[tuple[int, int], Future[list[Result]]]] = deque()
    try:
        for chunk in chunks:
            waiting.append((chunk, pool.submit(_chunk, *chunk)))
            if len(waiting) >= 3 * workers:
                yield from _next(waiting)
        while waiting:
            yield from _next(waiting)
    except BaseException:
        _kill(pool)
        raise
    else:
        pool.shutdown()
    finally:
        _hold(None, None)


def _next(waiting: deque[tuple[tuple[int, int], Future[list[Result]]]]) -> list[Result]:
    (first, end), future = waiting.popleft()
    try:
        return future.result()
    except BrokenProcessPool:
        raise SegpackError(
            f"a worker process died between items {first + 1} and {end}; out of memory? try --workers 1"
        ) from None


def _hold(work: Callable[[Any], Any] | None, items: Sequence[Any] | None) -> None:
    global _work, _items
    _work, _items = work, items


def _begin(work: Callable[[Any], Any] | None, items: Sequence[Any] | None) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt means
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if work is not None:
        _hold(work, items)


def _chunk(first: int, end: int) -> list[Any]:
    assert _work is not None
    assert _items is not None
    return [_work(_items[i]) for i in range(first, end)]


def _kill(pool: ProcessPoolExecutor) -> None:
    """End the workers now: what they do is of no more use."""
    processes = list((pool._processes or {}).values())  # noqa: SLF001 -- there is no public way
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.terminate()
    for process in processes:
        process.join()
