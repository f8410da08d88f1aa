"""What is printed: results on stdout, everything else on stderr, one line an error."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from converter.errors import printable

if TYPE_CHECKING:
    from converter.model import Loss, Note

__all__ = ["fail", "json_out", "log", "mute", "out", "profiled", "progress", "summary", "tell"]

EXAMPLES = 3


def out(text: str) -> None:
    """A line of the result."""
    sys.stdout.write(text + "\n")


def log(text: str) -> None:
    """A line about the run."""
    sys.stderr.write(printable(text) + "\n")


def json_out(value: Any) -> None:
    """The one JSON object of --json."""
    import msgspec  # noqa: PLC0415

    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")


def fail(message: str, code: int, *, as_json: bool) -> int:
    """Report an error; returns the exit code."""
    sys.stderr.write("error: " + printable(message) + "\n")
    if as_json:
        try:
            json_out({"ok": False, "error": printable(message), "exit_code": code})
            sys.stdout.flush()
        except OSError:
            mute()
    return code


def mute() -> None:
    """Nobody reads stdout, or nothing more fits where it goes: what is still to be written is dropped."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def progress(*, quiet: bool) -> Any:
    """Progress over items: a bar when stderr is a terminal and nobody asked for quiet, else nothing."""
    from converter.pipeline.opening import silent  # noqa: PLC0415

    return silent if quiet or not sys.stderr.isatty() else _bar


def _bar(title: str, total: int, items: Iterable[Any]) -> Iterator[Any]:
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    columns = (TextColumn("{task.description:>8}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, auto_refresh=False) as bar:
        task = bar.add_task(title, total=total)
        for item in items:
            yield item
            bar.advance(task)
            bar.refresh() if bar.tasks[0].completed % max(1, total // 200) == 0 else None


@contextmanager
def profiled(*, wanted: bool) -> Iterator[None]:
    """Seconds of each stage on stderr, added up over all processes, and the seconds that have passed."""
    if not wanted:
        yield
        return
    from converter import stopwatch  # noqa: PLC0415 -- when asked for

    began = time.perf_counter()
    with stopwatch.running() as spent:
        yield
    total = sum(spent.values())
    for stage in stopwatch.STAGES:
        if stage in spent:
            log(f"profile: {stage:<6} {spent[stage]:8.2f} s {spent[stage] / total:4.0%}")
    log(f"profile: {total:.2f} s in stages, all processes together; {time.perf_counter() - began:.2f} s passed")


def tell(losses: Sequence[Loss], notes: Sequence[Note]) -> None:
    """Notes and losses on stderr: one line a code, with a count and the first few."""
    _tell("note", notes, lambda note: f"{note.where}: {note.message}")
    _tell("loss", losses, _loss)


def _tell(kind: str, records: Sequence[Any], in_words: Callable[[Any], str]) -> None:
    """Only what is shown is put into words: there may be several records an image."""
    shown: dict[str, list[str]] = {}
    times = Counter(record.code for record in records)
    for record in records:
        examples = shown.setdefault(record.code, [])
        if len(examples) < EXAMPLES:
            examples.append(in_words(record))
    for code, examples in shown.items():
        count = f" ({times[code]})" if times[code] > 1 else ""
        more = f" | and {times[code] - EXAMPLES} more" if times[code] > EXAMPLES else ""
        log(f"{kind}: {code}{count}: {' | '.join(examples)}{more}")


def _loss(loss: Loss) -> str:
    where = loss.image + (f", instance {loss.instance}" if loss.instance is not None else "")
    return f"{where}: {loss.message}" if where and not loss.code.startswith("skipped") else loss.message


def summary(target: str, format: str, images: int, instances: int, classes: int, losses: Sequence[Loss]) -> str:
    """The last line of convert and pack."""
    skipped = sum(x.code.startswith("skipped") for x in losses)
    lost = f", {len(losses)} losses" if losses else ", nothing lost"
    left_out = f" ({skipped} records skipped)" if skipped else ""
    return f"{target}: {format}, {images} images, {instances} instances, {classes} classes{lost}{left_out}"
