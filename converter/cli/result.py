"""How convert and pack end: the losses file, the summary, the JSON."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from converter.cli import console
from converter.errors import LossError, TargetError, UsageError
from converter.model import Loss
from converter.pipeline.converting import ClassMove, Result
from converter.pipeline.saving import save

__all__ = ["finish", "listing"]

SHOWN = 6
_HEAD = b'{\n  "losses": ['


@contextmanager
def listing(path: str | None, target: str) -> Iterator[None]:
    """A run whose losses are to be written to `path`, also where --strict ends it at the first image with one."""
    _check_losses(path, target)
    try:
        yield
    except LossError as error:
        if path is None or Path(os.path.realpath(target)) in Path(os.path.realpath(path)).parents:
            raise
        _write_losses(error.losses, path)
        raise LossError(f"{error}; {path} lists what was lost until then, and all of it without --strict") from None


def _check_losses(path: str | None, target: str) -> None:
    """UsageError where the losses file would take the place of the output, or of anything but such a file.

    It would else be the one way to overwrite a dataset that is only read.
    """
    if path is None:
        return
    if os.path.realpath(path) == os.path.realpath(target):
        raise UsageError(f"--losses {path}: is the output; name another file")
    if not _is_ours(path):
        raise UsageError(f"--losses {path}: is there, and no list of losses; name another file")


def finish(result: Result, *, losses: str | None, as_json: bool, quiet: bool) -> None:
    """Report a finished run."""
    if losses is not None:
        _write_losses(result.losses, losses)
    if not quiet:
        console.tell(result.losses, result.notes)
        if result.class_moves:
            console.log(_moves(result.class_moves))
    if as_json:
        console.json_out(_as_json(result))
    elif not quiet:
        classes = len(result.classes)
        line = console.summary(result.target, result.format, result.images, result.instances, classes, result.losses)
        console.out(line)


def _moves(moves: tuple[ClassMove, ...]) -> str:
    """Changed class ids in one line."""
    shown = ", ".join(f"{m.name} {m.source_id} -> {m.id}" for m in moves[:SHOWN])
    more = f", and {len(moves) - SHOWN} more" if len(moves) > SHOWN else ""
    return f"note: class-ids-changed ({len(moves)}): {shown}{more}"


def _write_losses(losses: Sequence[Loss], path: str) -> None:
    data = msgspec.json.format(msgspec.json.encode({"losses": list(losses)}), indent=2) + b"\n"
    if not _is_ours(path):
        raise TargetError(f"--losses {path}: is a file of the output, which is written; name another")
    file = Path(os.path.realpath(path))
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.exists() and not file.is_file():
            file.write_bytes(data)  # a terminal or a pipe
            return
    except OSError as error:
        raise TargetError(f"--losses {path}: {error.strerror}") from None
    save(file, data)


def _is_ours(path: str) -> bool:
    """Whether a file of losses may be written here: there is none, or an earlier one, or an empty file."""
    if not os.path.isfile(path):
        return True
    try:
        with open(path, "rb") as file:
            return file.read(len(_HEAD)) in {b"", _HEAD}
    except OSError as error:
        raise TargetError(f"--losses {path}: {error.strerror}") from None


def _as_json(result: Result) -> dict[str, Any]:
    return {
        "ok": True,
        "output": result.target,
        "format": result.format,
        "source_format": result.source_format,
        "images": result.images,
        "instances": result.instances,
        "classes": [{"id": c.id, "name": c.name} for c in result.classes],
        "class_ids_changed": result.class_moves,
        "losses": dict(Counter(x.code for x in result.losses)),
        "loss_list": list(result.losses),
        "notes": list(result.notes),
    }
