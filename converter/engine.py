"""Runs work on items: in this process, or in workers; in order, with bounded work in flight.

`work` is a pure function of one item. The first items run here; workers are only started
when what is left is worth it, or when the guard is to hold from the first item on. On Linux
they are forked: they find work and items in place, and only places and results travel.

A worker that dies (killed, out of memory, a crash in C) or runs out of time costs the item it
was at. That item is tried once more, alone, in a new worker, as it may have been the victim
of its neighbours; when that fails too, `lost` says what stands in its place. Of the others
only those are run again whose results had not been sent yet. Workers end with their parent,
however that ends.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from typing import Any, Generic, NoReturn, TypeVar

import msgspec

from converter import stopwatch
from converter.errors import SegpackError
from converter.worker import STOPPING, Answer, Slate, announce, serve

__all__ = ["Guard", "announce", "cores", "run"]

Item = TypeVar("Item")
Result = TypeVar("Result")

TRIAL = 0.05  # seconds of work done here before workers are thought of
WORTH = 0.2  # seconds of work left that pay for starting them
CHUNK = 0.1  # seconds of work given to a worker at a time
LONGEST = 64  # items given to a worker at a time, at most
AHEAD = 3  # chunks a worker that may be done and not yet asked for


class Guard(msgspec.Struct, frozen=True):
    """What an item may take in a worker: seconds, and bytes beyond what the worker begins with.

    `always`: no item runs in this process, so that none can take it down.
    """

    seconds: float = 600.0
    memory: int = 4 << 30
    always: bool = False


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
    guard = guard or Guard()
    began, done = time.perf_counter(), 0
    for item in () if guard.always and items else items:
        spent = time.perf_counter() - began
        if workers > 1 and done and spent > TRIAL and spent / done * (len(items) - done) > WORTH:
            break
        yield work(item)
        done += 1
    if done < len(items):
        cost = (time.perf_counter() - began) / done if done else CHUNK / 4
        size = max(1, min(LONGEST, int(CHUNK / cost), (len(items) - done) // (4 * workers) or 1))
        yield from _Crew(work, items, guard, lost or _give_up(len(items)), clear or _ignore).run(done, size, workers)


def _give_up(total: int) -> Callable[[Any, str], NoReturn]:
    def give_up(_: Any, reason: str) -> NoReturn:
        raise SegpackError(f"one of {total} images {reason}; run with --on-error skip to leave it out")

    return give_up


def _ignore(_: Any) -> None:
    """Nothing was left behind."""


# ---------------------------------------------------------------- in the parent


class _Worker:
    """A worker process, the items it has been given and not yet answered for, and since when."""

    def __init__(self, process: Any, pipe: Connection, slate: Slate) -> None:
        self.process, self.pipe, self.slate = process, pipe, slate
        self.items: deque[int] = deque()
        self.since = 0.0
        self.announced: list[Any] = []

    def give(self, items: Sequence[int]) -> None:
        self.items.extend(items)
        self.since, self.announced = time.monotonic(), []
        self.pipe.send((items[0], items[-1] + 1))

    def end(self) -> str:
        """Kill it if it still lives; how it ended, in words."""
        self.process.kill()
        self.process.join()
        self.pipe.close()
        code = self.process.exitcode or 0
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"


class _Crew(Generic[Item, Result]):
    """Workers and what they do. Results are kept until it is their turn."""

    def __init__(
        self,
        work: Callable[[Item], Result],
        items: Sequence[Item],
        guard: Guard,
        lost: Callable[[Item, str], Result],
        clear: Callable[[Any], object],
    ) -> None:
        self.work, self.items, self.guard, self.lost, self.clear = work, items, guard, lost, clear
        self.context: Any = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
        self.workers: list[_Worker] = []
        self.results: dict[int, tuple[bool, Any]] = {}
        self.again: deque[int] = deque()  # items to be tried once more, alone
        self.returned: deque[list[int]] = deque()  # what a worker that died had not begun
        self.tried: set[int] = set()

    def run(self, start: int, size: int, workers: int) -> Iterator[Result]:
        self.next_item, self.size, self.turn = start, size, start
        try:
            while self.turn < len(self.items):
                self._hand_out(workers)
                if self.turn not in self.results:
                    self._listen()
                while self.turn in self.results:
                    good, value = self.results.pop(self.turn)
                    if not good:
                        raise value
                    self.turn += 1
                    yield value
        finally:
            for worker in self.workers:
                worker.end()

    def _hand_out(self, workers: int) -> None:
        """Give idle workers chunks. What is suspect goes first, and runs alone."""
        busy = [w for w in self.workers if w.items]
        if self.again:
            if not busy:
                self._idle(workers).give([self.again.popleft()])
            return
        if len(busy) == 1 and busy[0].items[0] in self.tried:
            return
        ahead = AHEAD * workers * self.size
        while len(busy) < workers and (self.returned or self.next_item < min(len(self.items), self.turn + ahead)):
            busy.append(self._idle(workers))
            busy[-1].give(self.returned.popleft() if self.returned else self._next_chunk())

    def _next_chunk(self) -> range:
        begin = self.next_item
        self.next_item = min(begin + self.size, len(self.items))
        return range(begin, self.next_item)

    def _idle(self, workers: int) -> _Worker:
        idle = next((w for w in self.workers if not w.items), None)
        if idle is None:
            assert len(self.workers) < workers
            idle = self._start()
        return idle

    def _start(self) -> _Worker:
        mine, theirs = self.context.Pipe()
        others = [w.pipe for w in self.workers] + [mine] if self.context.get_start_method() == "fork" else []
        slate = self._slate()
        of_work = (self.work, self.items, self.guard.memory, os.getpid(), stopwatch.is_running())
        process = self.context.Process(target=serve, args=(theirs, others, slate, *of_work), daemon=True)
        with _undisturbed():
            process.start()
        theirs.close()
        worker = _Worker(process, mine, slate)
        self.workers.append(worker)
        return worker

    def _slate(self) -> Slate:
        forks = self.context.get_start_method() == "fork"
        return Slate.forked() if forks else Slate(self.context.RawArray("c", Slate.SIZE))

    def _listen(self) -> None:
        """Take what workers have to say, and see to those that say nothing any more."""
        busy = {w.pipe: w for w in self.workers if w.items}
        patience = min(w.since for w in busy.values()) + self.guard.seconds - time.monotonic()
        for pipe in wait(list(busy), max(0.0, patience)):
            worker = busy[pipe]  # type: ignore[index]  # wait gives back what it was given
            try:
                answers, spent = worker.pipe.recv()
            except (EOFError, OSError):
                self._fail(worker, "")
            else:
                stopwatch.add(spent)
                self._take(worker, answers)
        for worker in busy.values():
            if worker.items and time.monotonic() - worker.since > self.guard.seconds:
                self._fail(worker, f"takes more than {self.guard.seconds:g} s (--item-timeout)")

    def _take(self, worker: _Worker, answers: Sequence[Answer]) -> None:
        for kind, value in answers:
            if kind == "announce":
                worker.announced.append(value)
            elif kind == "memory":
                self._fail(worker, "takes more memory than a worker has (--max-memory)")
            else:
                self.results[worker.items.popleft()] = (kind == "done", value)
                worker.since, worker.announced = time.monotonic(), []

    def _fail(self, worker: _Worker, reason: str) -> None:
        """A worker is at its end, and what it was at is tried again alone or given up."""
        how = worker.end()
        self.workers.remove(worker)
        begun, notes = worker.slate.read()
        # What it had done and not yet answered for is done again.
        items = list(worker.items)
        for what in (*worker.announced, *(note for item, note in notes if item in items)):
            self.clear(what)
        at = items.index(begun) if begun in items else 0
        self.returned += [part for part in (items[:at], items[at + 1 :]) if part]
        index = items[at]
        if index in self.tried:
            self._lose(index, reason or f"makes the process that reads it die ({how})")
        else:
            self.tried.add(index)
            self.again.append(index)

    def _lose(self, index: int, reason: str) -> None:
        try:
            self.results[index] = (True, self.lost(self.items[index], reason))
        except SegpackError as error:
            self.results[index] = (False, error)


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Hold signals back while a worker begins, which then has set up how it answers to them."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
