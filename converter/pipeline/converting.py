"""`convert`: one dataset into one format."""

from __future__ import annotations

from pathlib import Path

import msgspec

from converter.errors import UsageError
from converter.format import ClassTable, Format, Holds, MaskEncoding, ReadOptions, WriteOptions, Writing
from converter.formats import get_format
from converter.ledger import OnError
from converter.lower import plan
from converter.model import ClassInfo, Header, Loss, Note
from converter.package.tree import SENTENCES
from converter.pipeline.opening import Opened, Progress, open_dataset, silent
from converter.pipeline.writing import Outcome, Output, check_paths, stems_in_two, write
from converter.storage import check_apart, open_target
from converter.transforms import classes as class_files

__all__ = ["ClassMove", "Job", "Result", "convert", "prepare"]


class Job(msgspec.Struct, frozen=True):
    """What convert and pack have in common: where from, where to, and how to run."""

    source: str
    target: str
    format: str | None = None
    read: ReadOptions = ReadOptions()
    write: WriteOptions = WriteOptions()
    on_error: OnError = "stop"
    strict: bool = False
    overwrite: bool = False
    workers: int = 1


class ClassMove(msgspec.Struct, frozen=True):
    """A class whose id in the output is not the one it had in the source."""

    name: str
    source_id: int
    id: int


class Result(msgspec.Struct, frozen=True):
    """What was written, from what, and what it cost."""

    target: str
    source_format: str
    format: str
    images: int
    instances: int
    classes: tuple[ClassInfo, ...]
    class_moves: tuple[ClassMove, ...]
    losses: list[Loss]
    notes: list[Note]


def convert(job: Job, to: str, *, progress: Progress = silent) -> Result:
    """Convert `job.source` to the format `to`; the target appears whole or not at all."""
    format = get_format(to)
    if not format.writes:
        raise UsageError(f"{to} is a format that segpack reads and does not write")
    check_apart(Path(job.source), Path(job.target))
    with open_target(Path(job.target), overwrite=job.overwrite) as target:
        opened = open_job(job, progress)
        header, mapping = prepare(opened, job.read.classes)
        output = _output(opened, header, format, job)
        check_paths([output], opened.scan.refs, opened.reading.source.name)
        outcome = write(
            opened,
            header,
            mapping,
            [output],
            target,
            workers=job.workers,
            progress=progress,
            strict=job.strict,
        )
        target.finish()
        target.commit()
    return result(job, opened, output, outcome)


def open_job(job: Job, progress: Progress) -> Opened:
    return open_dataset(
        job.source,
        format=job.format,
        options=job.read,
        on_error=job.on_error,
        workers=job.workers,
        progress=progress,
    )


def prepare(opened: Opened, table: ClassTable | None) -> tuple[Header, dict[int, int | None] | None]:
    """The header after the class file, and where each class id goes (None: nothing moves)."""
    header = opened.scan.header
    if not header.name:
        header = msgspec.structs.replace(header, name=Path(opened.reading.source.name).stem)
    if table is None:
        return header, None
    return class_files.plan(header, table)


def _output(opened: Opened, header: Header, format: Format, job: Job) -> Output:
    holds = narrowed(format.holds, job.write)
    lowering = plan(header, holds, job.write, opened.ledger)
    encoding: MaskEncoding = "multi-class" if holds.task == "semantic" else "binary"
    writing = Writing(
        lowering.target,
        job.write,
        source_format=opened.format.name,
        shared_stems=stems_in_two(opened.scan.refs),
        mask_encoding=encoding,
        encodings=(("masks", SENTENCES[encoding]),),
        was_semantic=(header.background_id, header.ignore_id) if header.task == "semantic" else None,
    )
    return Output(format, lowering, writing)


def narrowed(holds: Holds, options: WriteOptions) -> Holds:
    """What the format holds, as far as the options let it."""
    if options.crowd == "keep":
        return msgspec.structs.replace(holds, crowd=True)
    return holds


def result(job: Job, opened: Opened, output: Output, outcome: Outcome) -> Result:
    return Result(
        target=job.target,
        source_format=opened.format.name,
        format=output.format.name,
        images=outcome.images,
        instances=outcome.instances,
        classes=output.writing.header.classes,
        class_moves=class_moves(output),
        losses=outcome.losses,
        notes=outcome.notes,
    )


def class_moves(output: Output) -> tuple[ClassMove, ...]:
    """Classes that the output numbers otherwise than the source did."""
    classes = sorted(output.writing.header.classes, key=lambda c: c.id)
    numbered = (
        enumerate(classes, output.format.first_class) if output.format.indexed_classes else ((c.id, c) for c in classes)
    )
    return tuple(
        ClassMove(c.name, c.source_id, id) for id, c in numbered if c.source_id is not None and c.source_id != id
    )
