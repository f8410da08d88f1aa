"""How convert and pack end: the losses file, the summary, the JSON."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import msgspec

from converter.cli import console
from converter.errors import TargetError
from converter.pipeline.converting import Result

__all__ = ["finish"]


def finish(result: Result, *, losses: str | None, as_json: bool, quiet: bool) -> None:
    """Report a finished run."""
    if losses is not None:
        _write_losses(result, losses)
    if not quiet:
        console.tell(result.losses, result.notes)
        for move in result.class_moves:
            console.log(f"class: {move.name}: id {move.source_id} became {move.id}")
    if as_json:
        console.json_out(_as_json(result))
    elif not quiet:
        classes = len(result.classes)
        line = console.summary(result.target, result.format, result.images, result.instances, classes, result.losses)
        console.out(line)


def _write_losses(result: Result, path: str) -> None:
    data = msgspec.json.format(msgspec.json.encode({"losses": result.losses}), indent=2)
    try:
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
        "loss_list": result.losses,
        "notes": result.notes,
    }
