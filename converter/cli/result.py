"""How convert and pack end: the losses file, the summary, the JSON."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import msgspec

from converter.cli import console
from converter.errors import TargetError
from converter.pipeline.converting import ClassMove, Result

__all__ = ["finish"]

SHOWN = 6


def finish(result: Result, *, losses: str | None, as_json: bool, quiet: bool) -> None:
    """Report a finished run."""
    if losses is not None:
        _write_losses(result, losses)
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


def _write_losses(result: Result, path: str) -> None:
    data = msgspec.json.format(msgspec.json.encode({"losses": list(result.losses)}), indent=2)
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_bytes(data + b"\n")
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
