"""`pack`: a dataset into a package that is read back and found clean before it appears."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

from converter.errors import PackageError, UsageError
from converter.format import Format, Holds, MaskEncoding, WriteOptions, Writing
from converter.formats import get_format
from converter.layouts.splits import stems_in_two
from converter.ledger import Ledger
from converter.lower import plan
from converter.model import Finding, Header, Task
from converter.package.tree import SENTENCES, PackageAssembler, image_path, rows_only
from converter.pipeline.converting import Result, result
from converter.pipeline.drawing import facts
from converter.pipeline.opening import Progress, silent
from converter.pipeline.plan import Job, Plan
from converter.pipeline.preparing import prepare
from converter.pipeline.verifying import verify
from converter.pipeline.writing import Output, check_paths, write
from converter.storage import check_apart, open_target
from converter.transforms.origins import TAG
from converter.transforms.resize import record
from converter.transforms.warp import STEPS

__all__ = ["Yolo", "pack"]

Yolo: TypeAlias = Literal["boxes", "seg"]
ROWS_ONLY = Format(
    name="package",
    summary="the index of a package without masks/",
    page="",
    holds=Holds(crowd=True, empty=True, attributes=True, facts=True, colors=True, polygons=True),
    encode=rows_only,
    assemble=PackageAssembler,
    image_path=image_path,
)


def pack(
    job: Job,
    *,
    mask_encoding: MaskEncoding | None = None,
    yolo: Yolo | None = None,
    progress: Progress = silent,
) -> Result:
    """Pack `job.source` into the ZIP (or folder) `job.target`.

    Raises PackageError, and leaves no output, when reading the package back finds an error.
    """
    for source in job.sources:
        check_apart(Path(source), Path(job.target))
    with open_target(Path(job.target), overwrite=job.overwrite, resume=job.resume) as target:
        made = prepare(job, progress, facts)
        encoding = mask_encoding or ("multi-class" if made.header.task == "semantic" else "binary")
        outputs = _outputs(made, encoding, yolo, job)
        check_paths(outputs, made.images, made.name)
        outcome = write(made, outputs, target, job, progress=progress, prints=True)
        target.finish()
        findings = verify(target.staged(), outputs, outcome, workers=job.workers, progress=progress)
        if findings:
            raise PackageError(_verdict(findings))
        target.commit()
    return msgspec.structs.replace(result(job, made, outputs[0], outcome), format="package")


def _outputs(made: Plan, encoding: MaskEncoding, yolo: Yolo | None, job: Job) -> list[Output]:
    """The primary encoding, COCO, and YOLO when asked for; the later ones are made from the first."""
    primary = _primary(encoding)
    first = plan(made.header, primary.holds, _first_options(encoding, job.write), made.ledger)
    lowered: Header = first.target
    options = msgspec.structs.replace(job.write, min_iou=None, tolerance=None)  # the first encoding has done that
    if encoding in {"rle", "polygon"}:
        options = msgspec.structs.replace(options, segmentation=encoding)
    formats: list[tuple[str, Format, str]] = [("", primary, ""), ("coco", get_format("coco"), "coco/")]
    if yolo is not None:
        formats.append(("yolo", get_format("yolo" if yolo == "boxes" else "yolo-seg"), "yolo/"))
    described = tuple(
        (folder or "masks", SENTENCES[folder or encoding] + (_remarks(job) if folder == "coco" else ""))
        for folder, _, _ in formats
        if folder or encoding in SENTENCES
    )
    outputs = []
    for folder, format, prefix in formats:
        task: Task = lowered.task
        how = first if not folder else plan(lowered, format.holds, options, _quiet(made))
        writing = Writing(
            how.target,
            options,
            source_format=made.format,
            prefix=prefix,
            shared_stems=stems_in_two(made.images),
            mask_encoding=encoding,
            encodings=described,
            was_semantic=(lowered.background_id, lowered.ignore_id) if task == "semantic" else None,
            resize=record(job.steps.resize),
        )
        outputs.append(Output(format, how, writing))
    return outputs


def _first_options(encoding: MaskEncoding, options: WriteOptions) -> WriteOptions:
    """Polygons are simplified before anything is made of them, so that all encodings have the same pixels."""
    if not options.simplifies:
        return options
    if encoding == "multi-class":
        raise UsageError("--min-iou and --tolerance simplify polygons, and a map of classes has none")
    return msgspec.structs.replace(options, segmentation="polygon")


def _quiet(made: Plan) -> Ledger:
    """The secondary encodings follow the primary one: what that means is not told again."""
    return Ledger(made.ledger.on_error)


def _remarks(job: Job) -> str:
    """How to read the entries of images that transforms and merging leave in coco.json."""
    moved = (
        " images[].segpack_transform lists how pixels came to their place, in this order, each with the size before: "
        "turn (EXIF orientation), resize (place: x, y, width, height of the picture in the image), tile (window in it; "
        "annotations[].segpack_instance is the id of the object in the whole image)."
    )
    merged = (
        " images[].segpack_source names the dataset that an image came from, as the first folder of its name does; "
        "segpack_sources lists those datasets with the classes and ids that they had."
    )
    return (moved if job.steps.moves else "") + (merged if len(job.sources) > 1 else "")


def _primary(encoding: MaskEncoding) -> Format:
    if encoding == "multi-class":
        format = get_format("semantic-png")
        holds = msgspec.structs.replace(format.holds, image_keys=(*format.holds.image_keys, STEPS, TAG))
        return msgspec.structs.replace(format, holds=holds)
    if encoding == "binary":
        format = get_format("instance-png")
        holds = msgspec.structs.replace(format.holds, attributes=True, facts=True, colors=True, polygons=True)
        return msgspec.structs.replace(format, holds=holds)
    return ROWS_ONLY


def _verdict(findings: list[Finding]) -> str:
    """The findings of a package in one line: the first of each code, and how many there are."""
    counts = Counter(f.code for f in findings)
    firsts = {f.code: f for f in reversed(findings)}
    shown = "; ".join(f"{code} ({n}): {firsts[code].message}" for code, n in counts.items())
    return f"the package was read back and is not clean: {shown}"
