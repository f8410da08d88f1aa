"""`convert`: one dataset into one format."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from converter.errors import UsageError
from converter.format import Format, Holds, MaskEncoding, WriteOptions, Writing
from converter.formats import get_format
from converter.layouts.splits import splits_share_stems, stems_in_two
from converter.lower import plan
from converter.model import ClassInfo, Loss, Note
from converter.package.tree import SENTENCES
from converter.pipeline.drawing import facts
from converter.pipeline.opening import Progress, silent
from converter.pipeline.plan import Job, Plan
from converter.pipeline.preparing import prepare
from converter.pipeline.writing import Outcome, Output, check_paths, write
from converter.storage import check_apart, open_target
from converter.transforms.resize import record

__all__ = ["ClassMove", "Job", "Result", "convert"]


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
    losses: Sequence[Loss]
    notes: Sequence[Note]


def convert(job: Job, to: str, *, progress: Progress = silent) -> Result:
    """Convert `job.source` to the format `to`; the target appears whole or not at all."""
    format = get_format(to)
    if not format.writes:
        raise UsageError(f"{to} is a format that segpack reads and does not write")
    _check_simplifying(format, job.write)
    for source in job.sources:
        check_apart(Path(source), Path(job.target))
    with open_target(Path(job.target), overwrite=job.overwrite, resume=job.resume) as target:
        made = prepare(job, progress, facts)
        output = _output(made, format, job)
        check_paths([output], made.images, made.name)
        outcome = write(made, [output], target, job, progress=progress)
        target.finish()
        target.commit()
    return result(job, made, output, outcome)


def _check_simplifying(format: Format, options: WriteOptions) -> None:
    """UsageError where polygons are to be simpler and none will be written."""
    if not options.simplifies:
        return
    if not format.holds.polygons and not format.holds.one_ring:
        raise UsageError(f"--min-iou and --tolerance simplify polygons, and {format.name} holds none")
    if options.segmentation == "rle":
        raise UsageError("--min-iou and --tolerance simplify polygons, and --segmentation rle writes none")


def _output(made: Plan, format: Format, job: Job) -> Output:
    header = made.header
    holds = narrowed(format.holds, job.write)
    lowering = plan(header, holds, job.write, made.ledger)
    encoding: MaskEncoding = "multi-class" if holds.task == "semantic" else "binary"
    writing = Writing(
        lowering.target,
        job.write,
        source_format=made.format,
        shared_stems=stems_in_two(made.images),
        split_folders=splits_share_stems(made.images),
        mask_encoding=encoding,
        encodings=(("masks", SENTENCES[encoding]),),
        was_semantic=(header.background_id, header.ignore_id) if header.task == "semantic" else None,
        resize=record(job.steps.resize),
    )
    return Output(format, lowering, writing)


def narrowed(holds: Holds, options: WriteOptions) -> Holds:
    """What the format holds, as far as the options let it."""
    if options.crowd == "keep":
        return msgspec.structs.replace(holds, crowd=True)
    return holds


def result(job: Job, made: Plan, output: Output, outcome: Outcome) -> Result:
    return Result(
        target=job.target,
        source_format=made.format,
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
