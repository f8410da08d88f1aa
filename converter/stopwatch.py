"""Where the time of a run goes: the seconds of each stage of the work, when somebody asks.

    with stopwatch.running() as spent:
        with stopwatch.stage("load"):
            ...
    spent["load"]

A stage within another is not counted in that one. What workers spend is theirs to `take`
along with their results and the parent's to `add`: of two workers the seconds add up, and
may be more than have passed.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Literal, TypeAlias

__all__ = ["STAGES", "Stage", "add", "begin", "is_running", "running", "stage", "take"]

Stage: TypeAlias = Literal["scan", "load", "lower", "encode", "write", "check"]
STAGES: tuple[Stage, ...] = ("scan", "load", "lower", "encode", "write", "check")

_UNTIMED = nullcontext()


class _Watch:
    """The stages that are on, the innermost last, and since when that one runs."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = defaultdict(float)
        self.stages: list[Stage] = []
        self.since = 0.0

    def turn(self) -> None:
        now = time.perf_counter()
        if self.stages:
            self.spent[self.stages[-1]] += now - self.since
        self.since = now

    @contextmanager
    def stage(self, name: Stage) -> Iterator[None]:
        self.turn()
        self.stages.append(name)
        try:
            yield
        finally:
            self.turn()
            self.stages.pop()


_watch: _Watch | None = None


def stage(name: Stage) -> AbstractContextManager[None]:
    """What is done inside counts as `name`; costs nothing when nobody asked."""
    return _watch.stage(name) if _watch is not None else _UNTIMED


def is_running() -> bool:
    """Whether somebody asked."""
    return _watch is not None


def begin(*, wanted: bool) -> None:
    """Start at nothing, in a process that may have inherited the watch of its parent."""
    global _watch  # noqa: PLW0603 -- one watch a process, as there is one clock
    _watch = _Watch() if wanted else None


def take() -> dict[str, float]:
    """The seconds of each stage since they were last taken."""
    if _watch is None:
        return {}
    spent, _watch.spent = _watch.spent, defaultdict(float)
    return dict(spent)


def add(spent: Mapping[str, float]) -> None:
    """Seconds that another process took."""
    if _watch is not None:
        for name, seconds in spent.items():
            _watch.spent[name] += seconds


@contextmanager
def running() -> Iterator[dict[str, float]]:
    """Time the stages in this block; the seconds are there when it has ended."""
    spent: dict[str, float] = {}
    begin(wanted=True)
    try:
        yield spent
    finally:
        spent.update(take())
        begin(wanted=False)
