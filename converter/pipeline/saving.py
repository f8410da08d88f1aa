"""A file that people asked for by name: a sheet, a report. It appears whole, or what was there stays."""

from __future__ import annotations

import os
from pathlib import Path

from converter.errors import TargetError, UsageError

__all__ = ["check_output", "save"]


def check_output(path: str, source: str, option: str, suffixes: tuple[str, ...]) -> Path:
    """The path of an output file. UsageError for another suffix, or for a file that is read or could be."""
    target = Path(path)
    if target.suffix.lower() not in suffixes:
        raise UsageError(f"{option} {path}: its name ends in none of {', '.join(suffixes)}; give it such a name")
    if target.is_dir():
        raise UsageError(f"{option} {path}: is a folder; name a file")
    if not target.parent.is_dir():
        raise TargetError(f"{target.parent}: there is no such folder; make it, or name another")
    if target.exists():
        real, read = target.resolve(), Path(source).resolve()
        if real == read or read in real.parents:
            raise UsageError(f"{option} {path}: is a file of the source, which is never changed; name another")
    return target


def save(target: Path, data: bytes) -> None:
    """Write a file beside its place, and move it there in one step."""
    staged = target.with_name(f".{target.name}.{os.urandom(4).hex()}")
    try:
        staged.write_bytes(data)
        os.replace(staged, target)
    except OSError as error:
        raise TargetError(f"{target}: {error.strerror}") from None
    finally:
        staged.unlink(missing_ok=True)
