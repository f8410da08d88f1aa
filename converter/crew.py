"""Workers and what they do: who is given what, what has come back, who has died at what.

On Linux workers are forked: they find work and items in place, and only places and results travel.

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
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from typing import Any, Generic, TypeVar

from converter import stopwatch
from converter.errors import SegpackError
from converter.worker import STOPPING, Answer, Guard, Slate, serve

__all__ = ["Crew"]

Item = TypeVar("Item")
Result = TypeVar("Result")

AHEAD = 3  # chunks a worker that may be done and not yet asked for
LISTEN = 1.0  # seconds: a signal that another thread has taken does not end the waiting of this one


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


class Crew(Generic[Item, Result]):
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
            busy[-1].give(self.returned.popleft() if self.returned else self._next_chunk(workers))

    def _next_chunk(self, workers: int) -> range:
        """The smaller the nearer to the end, so that all workers come to it together."""
        begin = self.next_item
        left = len(self.items) - begin
        self.next_item = begin + min(self.size, max(1, left // (2 * workers)))
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
        for pipe in wait(list(busy), min(max(0.0, patience), LISTEN)):
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
