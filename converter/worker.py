"""A worker process: it runs the items that it is named, and tells its parent what became of them.

Answers go through a pipe, several at a time where items are quick: a message costs more
than many an item. What the parent has to know when the worker is dead stands on a slate,
in memory that both see: the item it was at, and what the items without an answer announced.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import io
import mmap
import os
import pickle
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from converter import heap, stopwatch
from converter.errors import SegpackError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

__all__ = ["Answer", "Guard", "NotHereError", "Slate", "announce", "only_in_workers", "serve", "trial"]

# "done" and a result, "error" and an exception, "memory", or "announce" and what has no room on the slate.
Answer: TypeAlias = tuple[str, Any]

HANGUP = {signal.SIGHUP} if hasattr(signal, "SIGHUP") else set()
STOPPING = {signal.SIGINT, signal.SIGTERM} | HANGUP
PR_SET_PDEATHSIG = 1  # linux/prctl.h
_LIBRARIES = 32 << 20  # bytes for those that are imported when an item first needs them
_NOT_MAPPED = "failed to map segment"  # ld.so, of a library that memory does not suffice for
PATIENCE = 0.02  # seconds that an answer may wait for others

_listeners: list[Callable[[Any], None]] = []  # of a worker: its parent
_trials: list[None] = []  # of a process that runs items itself: one, for as long as it does


class Guard(msgspec.Struct, frozen=True):
    """What an item may take in a worker: seconds, and bytes beyond what the worker begins with.

    `always`: no item runs in the parent, so that none can take it down.
    """

    seconds: float = 600.0
    memory: int = 4 << 30
    always: bool = False


class NotHereError(Exception):
    """An item of a trial has come to what is only done in workers."""


@contextlib.contextmanager
def trial() -> Iterator[None]:
    """What runs in this block would take the whole run with it, if it died; see `only_in_workers`."""
    _trials.append(None)
    try:
        yield
    finally:
        _trials.pop()


def only_in_workers() -> None:
    """What follows gives a stranger's bytes to a library that may crash on them: NotHereError in a trial."""
    if _trials:
        raise NotHereError


def announce(what: Any) -> None:
    """Tell the process that runs the work what the item is about to leave behind; see `clear` of `engine.run`."""
    for tell in _listeners:
        tell(what)


class Slate:
    """What a worker writes down as it goes, and its parent reads when it has died.

    `memory` is shared by both. It begins with the item that the worker is at, and how many bytes
    of notes follow; they are written before their number is, so that none is ever read in part.
    """

    SIZE = 1 << 20

    def __init__(self, memory: Any) -> None:
        self._memory = memory
        self.at(-1)
        self.wipe()

    @classmethod
    def forked(cls) -> Slate:
        """One that a fork will share; pages that are not written to cost nothing."""
        return cls(mmap.mmap(-1, cls.SIZE))

    def at(self, index: int) -> None:
        """The worker begins with this item."""
        self._index = index
        self._memory[0:8] = index.to_bytes(8, "little", signed=True)

    def wipe(self) -> None:
        """What is noted has become known in another way."""
        self._used = 0
        self._write_used()

    def note(self, what: Any) -> bool:
        """Something about the item that the worker is at; whether there was room for it."""
        data = pickle.dumps((self._index, what))
        begin = 16 + self._used
        if begin + len(data) > self.SIZE:
            return False
        self._memory[begin : begin + len(data)] = data
        self._used += len(data)
        self._write_used()
        return True

    def _write_used(self) -> None:
        self._memory[8:16] = self._used.to_bytes(8, "little")

    def read(self) -> tuple[int, list[tuple[int, Any]]]:
        """For the parent: the item that the worker was at, and the notes, each with its item."""
        index = int.from_bytes(self._memory[0:8], "little", signed=True)
        used = int.from_bytes(self._memory[8:16], "little")
        file, notes = io.BytesIO(self._memory[16 : 16 + used]), []
        while file.tell() < used:
            notes.append(pickle.load(file))  # noqa: S301 -- of a process of this run
        return index, notes


class _Parent:
    """The way to the parent: answers are kept for a moment, so that several go in one message."""

    def __init__(self, pipe: Connection, slate: Slate) -> None:
        self._pipe, self._slate = pipe, slate
        self._answers: list[Answer] = []
        self._since = time.monotonic()

    def tell(self, answer: Answer) -> None:
        self._answers.append(answer)
        if answer[0] != "done" or time.monotonic() - self._since > PATIENCE:
            self.flush()

    def flush(self) -> None:
        """Send what is kept; the parent then needs no notes about it."""
        answers, self._answers = self._answers, []
        spent = stopwatch.take()
        try:
            self._pipe.send((answers, spent))
        except (AttributeError, TypeError, RecursionError, pickle.PicklingError):
            for answer in answers:
                self._send(answer, spent)
                spent = {}
        self._slate.wipe()
        self._since = time.monotonic()

    def give_up(self) -> None:
        """Say that memory does not suffice; answers that cannot be sent are worked out again by another worker."""
        try:
            self._pipe.send(([*self._answers, ("memory", None)], {}))
        except (AttributeError, TypeError, RecursionError, pickle.PicklingError):
            self._pipe.send(([("memory", None)], {}))

    def _send(self, answer: Answer, spent: dict[str, float]) -> None:
        try:
            self._pipe.send(([answer], spent))
        except (AttributeError, TypeError, RecursionError, pickle.PicklingError) as error:
            self._pipe.send(([("error", RuntimeError(f"the result cannot be sent: {error}"))], spent))

    def announce(self, what: Any) -> None:
        if not self._slate.note(what):
            self.flush()
            if not self._slate.note(what):
                self._pipe.send(([("announce", what)], {}))


def serve(
    pipe: Connection,
    others: Sequence[Connection],
    slate: Slate,
    work: Callable[[Any], Any],
    items: Sequence[Any],
    memory: int,
    parent: int,
    timed: bool,
) -> None:
    """Run the items that are named on the pipe, a first and one past the last, until it is closed.

    `others` are the pipes of siblings, `memory` the bytes that an item may take, `parent` the
    process to live no longer than, `timed` whether the stages of the work are.
    """
    _settle_in(others, memory, parent)
    stopwatch.begin(wanted=timed)
    to_parent = _Parent(pipe, slate)
    _listeners.append(to_parent.announce)
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        try:
            while True:
                first, end = pipe.recv()
                for index in range(first, end):
                    slate.at(index)
                    to_parent.tell(_answer(work, items[index]))
                to_parent.flush()
        except MemoryError:  # of an item, or of what is left beside its answer
            _lift_limit()
            to_parent.give_up()


def _settle_in(others: Sequence[Connection], memory: int, parent: int) -> None:
    heap.keep()
    gc.freeze()  # what came with the fork stays, and looking through it again and again would copy it
    for signum in {signal.SIGINT} | HANGUP:
        signal.signal(signum, signal.SIG_IGN)  # the parent decides what an interrupt means
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)
    for other in others:
        other.close()  # held open here, they would hide from a sibling that the parent is gone
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
        _, most = resource.getrlimit(resource.RLIMIT_DATA)
        allowed = _data_in_use() + _LIBRARIES + heap.KEPT + memory  # what was kept of others is none of an item's
        resource.setrlimit(resource.RLIMIT_DATA, (allowed if most < 0 else min(allowed, most), most))


def _lift_limit() -> None:
    """To say that there is no memory takes some, and so does an orderly end."""
    if sys.platform == "linux":
        _, most = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def _data_in_use() -> int:
    """Bytes that RLIMIT_DATA counts, of which a fork has as many as its parent."""
    with open("/proc/self/status", "rb") as status:
        return next((int(line.split()[1]) << 10 for line in status if line.startswith(b"VmData:")), 0)


def _answer(work: Callable[[Any], Any], item: Any) -> tuple[str, Any]:
    try:
        return "done", work(item)
    except MemoryError:
        raise
    except Exception as error:
        if isinstance(error, ImportError) and _NOT_MAPPED in str(error):
            raise MemoryError from error
        if not isinstance(error, SegpackError):
            error.add_note(traceback.format_exc())
        return "error", error
