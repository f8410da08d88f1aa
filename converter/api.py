"""The Python API: the commands as functions, and datasets to walk through.

Each function imports what it runs: a conversion has no use for templates, checks or drawing.
"""
# ruff: noqa: PLC0415

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
from numpy.typing import NDArray

from converter.errors import UsageError
from converter.format import MaskEncoding
from converter.geometry import labelmap, rle, shapes
from converter.keywords import (
    JobKeywords,
    ReadKeywords,
    RunKeywords,
    StrPath,
    check_keywords,
    check_value,
    path_of,
    read_job,
    read_options,
    reading_limits,
    workers_of,
)
from converter.ledger import Ledger
from converter.model import Box, ClassInfo, Header, Image, Instance, LabelMap, Loss, Marks, Sample
from converter.pipeline.opening import Opened, Progress, load_sample, open_dataset, silent
from converter.transforms.classes import apply

if TYPE_CHECKING:
    from converter.pipeline.checking import CheckReport, FailOn
    from converter.pipeline.converting import Result
    from converter.pipeline.diffing import Diff
    from converter.pipeline.inspecting import Inspection
    from converter.pipeline.packing import Yolo
    from converter.pipeline.previewing import Preview
    from converter.report.drawing import ColorBy

__all__ = [
    "Dataset",
    "DatasetInstance",
    "DatasetSample",
    "check",
    "convert",
    "diff",
    "inspect",
    "merge",
    "open",
    "pack",
    "preview",
]


class DatasetInstance:
    """One object of a sample."""

    def __init__(self, instance: Instance, image: Image, class_name: str) -> None:
        self._instance, self._image = instance, image
        self.class_id = instance.class_id
        self.class_name = class_name
        self.id = instance.id
        self.iscrowd = instance.iscrowd
        self.shape = instance.shape
        self.attributes: Mapping[str, Any] = instance.extra

    @property
    def is_box(self) -> bool:
        """Whether the object has only a box, and no mask of its own."""
        return isinstance(self._instance.shape, Box)

    @property
    def area(self) -> int:
        """Number of pixels; points and lines have none."""
        return 0 if isinstance(self._instance.shape, Marks) else rle.area(self._rle())

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, width and height in pixels: of the mask or marks, tight; of a box, as it is."""
        shape = self._instance.shape
        if isinstance(shape, Marks):
            (left, right), (top, bottom) = ((min(v), max(v)) for v in (shape.points[0::2], shape.points[1::2]))
            return (left, top, right - left, bottom - top)
        box = shapes.tight_box(shape, self._image.height, self._image.width)
        return (box.x, box.y, box.w, box.h)

    def mask(self) -> NDArray[np.bool_]:
        """Bool array (height, width). Raises UsageError for an object that has only a box."""
        if isinstance(self._instance.shape, Box | Marks):
            kind = "a box" if self.is_box else "a point or line"
            raise UsageError(f"{self._image.name}: {kind} has no mask; see .shape")
        return rle.decode(self._rle())

    def _rle(self) -> Any:
        return shapes.mask_of(self._instance.shape, self._image.height, self._image.width)

    def __repr__(self) -> str:
        return f"DatasetInstance(class_name={self.class_name!r}, id={self.id!r})"


class DatasetSample:
    """One image with its objects; of a semantic dataset `labels` is the map of class ids."""

    def __init__(self, sample: Sample, header: Header, losses: Sequence[Loss]) -> None:
        names = {c.id: c.name for c in header.classes}
        self.image = sample.image
        self.labels: LabelMap | None = sample.labels
        self.losses = tuple(losses)
        instances = sample.instances
        if sample.labels is not None:
            found = labelmap.regions(sample.labels, skip=set(_values(sample.labels)) - names.keys())
            instances = tuple(Instance(id, region) for id, region in found.items())
        self.instances = tuple(DatasetInstance(i, sample.image, names[i.class_id]) for i in instances)

    def __repr__(self) -> str:
        return f"DatasetSample(image={self.image.path!r}, instances={len(self.instances)})"


def _values(labels: LabelMap) -> list[int]:
    return [int(v) for v in labelmap.values(labels)[0]]


class Dataset:
    """A dataset that is known but not loaded: each pass over it reads one image at a time."""

    def __init__(self, opened: Opened, options: ReadKeywords) -> None:
        self._opened, self._options = opened, options
        header, self._mapping = opened.classed()
        self._header = header
        self.format = opened.format.name
        self.task = header.task
        self.classes: tuple[ClassInfo, ...] = header.classes
        self.splits = header.splits
        self._skipped: dict[Loss, None] = {}

    @property
    def losses(self) -> tuple[Loss, ...]:
        """What the source holds and no sample shows: found when it was opened, and images skipped in passes so far."""
        return (*self._opened.ledger.losses, *self._skipped)

    def __len__(self) -> int:
        """The number of images."""
        return len(self._opened.scan.refs)

    def __iter__(self) -> Iterator[DatasetSample]:
        for ref in self._opened.scan.refs:
            ledger = Ledger(self._opened.reading.on_error)
            with reading_limits(self._options):
                loaded = load_sample(self._opened.format, self._opened.reading, self._opened.scan.header, ref, ledger)
            if loaded is None:
                self._skipped |= dict.fromkeys(ledger.losses)
            else:
                sample = loaded[0]
                if self._mapping is not None:
                    sample = apply(sample, self._mapping, self._header.background_id, ledger)
                yield DatasetSample(sample, self._header, ledger.losses)

    def __repr__(self) -> str:
        return f"Dataset(format={self.format!r}, task={self.task!r}, images={len(self)}, classes={len(self.classes)})"


def open(source: StrPath, **options: Unpack[ReadKeywords]) -> Dataset:
    """The dataset at `source` (folder, file or ZIP), lazily. Image files may be absent when sizes are known."""
    check_keywords("open", options, ReadKeywords)
    with reading_limits(options):
        opened = open_dataset(
            path_of("source", source),
            format=options.get("format"),
            options=read_options(options, need_files=False),
            on_error=options.get("on_error", "stop"),
        )
    return Dataset(opened, options)


def convert(source: StrPath, target: StrPath, *, to: str, **options: Unpack[JobKeywords]) -> Result:
    """`segpack convert`: write `source` to `target` in the format `to`; see Result for what it cost.

    `options` are those of the command line, by the same names: segmentation="rle", resize="640x480",
    split="train=0.8,val=0.2", filter=["class=person"], and so on.
    """
    from converter.pipeline import converting

    check_keywords("convert", options, JobKeywords)
    check_value("to", to, str, needed=True)
    with reading_limits(options):
        return converting.convert(read_job(source, target, options), to, progress=options.get("progress", silent))


def pack(
    source: StrPath | Sequence[StrPath],
    target: StrPath,
    *,
    mask_encoding: MaskEncoding | None = None,
    yolo: Yolo | None = None,
    **options: Unpack[JobKeywords],
) -> Result:
    """`segpack pack`: write `source` as a package, read it back, and only then put it in place.

    Several sources become one dataset, as in `merge`; `tags` name them. `options` as in `convert`.
    """
    from converter.pipeline import packing

    check_keywords("pack", options, JobKeywords)
    check_value("mask_encoding", mask_encoding, MaskEncoding)
    check_value("yolo", yolo, packing.Yolo)
    with reading_limits(options):
        job, progress = read_job(source, target, options), options.get("progress", silent)
        return packing.pack(job, mask_encoding=mask_encoding, yolo=yolo, progress=progress)


def merge(sources: Sequence[StrPath], target: StrPath, *, to: str, **options: Unpack[JobKeywords]) -> Result:
    """`segpack merge`: several datasets as one, in the format `to`.

    Image names get the tag of their dataset as a folder (`tags`; default: from the paths), so that
    equal names stay apart and `filter=["source=TAG"]` gives each dataset back.
    """
    from converter.pipeline import converting

    check_keywords("merge", options, JobKeywords)
    check_value("to", to, str, needed=True)
    with reading_limits(options):
        job, progress = read_job(sources, target, options), options.get("progress", silent)
        return converting.convert(job, to, progress=progress)


def check(
    source: StrPath,
    *,
    sample: int | None = None,
    seed: int = 0,
    fail_on: FailOn = "error",
    report: StrPath | None = None,
    **options: Unpack[RunKeywords],
) -> CheckReport:
    """`segpack check`: everything that can be asked of a dataset, or of a seeded sample of `sample` images.

    `report` names an HTML file that shows what was found.
    """
    from converter.pipeline import checking

    check_keywords("check", options, RunKeywords)
    check_value("fail_on", fail_on, checking.FailOn, needed=True)
    check_value("sample", sample, int)
    check_value("seed", seed, int, needed=True)
    workers, progress = _running(options)
    if report is not None:
        from converter.pipeline import reporting

        reporting.check_report(path_of("report", report), path_of("source", source))
    with reading_limits(options):
        checked = checking.examine(
            path_of("source", source),
            format=options.get("format"),
            options=read_options(options, need_files=True),
            sample=sample,
            seed=seed,
            fail_on=fail_on,
            on_error=options.get("on_error", "skip"),
            workers=workers,
            progress=progress,
        )
        if report is not None:
            reporting.write_report(checked, path_of("report", report), workers=workers, progress=progress)
    return checked.report


def diff(a: StrPath, b: StrPath, *, report: StrPath | None = None, **options: Unpack[RunKeywords]) -> Diff:
    """`segpack diff`: what two datasets of any formats differ in.

    `format` names one for both, or two with a comma between. The other options say how both are read.
    `report` names an HTML file that shows the images that differ side by side.
    """
    from converter.pipeline import diffing

    check_keywords("diff", options, RunKeywords)
    workers, progress = _running(options)
    if report is not None:
        from converter.pipeline import diff_reporting

        diff_reporting.check_report(path_of("report", report), path_of("a", a), path_of("b", b))
    with reading_limits(options):
        first, comma, second = (options.get("format") or "").partition(",")
        read = read_options(options, need_files=False)
        compared = diffing.compare(
            path_of("a", a),
            path_of("b", b),
            formats=(first or None, (second if comma else first) or None),
            options=(read, read),
            on_error=options.get("on_error", "stop"),
            workers=workers,
            progress=progress,
        )
        if report is not None:
            diff_reporting.write_report(compared, path_of("report", report), workers=workers, progress=progress)
    return compared.diff


def inspect(source: StrPath, **options: Unpack[RunKeywords]) -> Inspection:
    """`segpack inspect`: format and evidence, task, splits, sizes, classes with counts, encodings."""
    from converter.pipeline import inspecting

    check_keywords("inspect", options, RunKeywords)
    workers, progress = _running(options)
    with reading_limits(options):
        return inspecting.inspect(
            path_of("source", source),
            format=options.get("format"),
            options=read_options(options, need_files=False),
            on_error=options.get("on_error", "stop"),
            workers=workers,
            progress=progress,
        )


def preview(
    source: StrPath,
    target: StrPath,
    *,
    count: int = 16,
    seed: int = 0,
    image_names: Sequence[str] = (),
    color_by: ColorBy = "instance",
    **options: Unpack[RunKeywords],
) -> Preview:
    """`segpack preview`: a contact sheet of `image_names`, or of a sample of `count` images, as a picture file."""
    from converter.pipeline import previewing
    from converter.report import drawing

    check_keywords("preview", options, RunKeywords)
    check_value("color_by", color_by, drawing.ColorBy, needed=True)
    check_value("count", count, int, needed=True)
    check_value("seed", seed, int, needed=True)
    check_value("image_names", image_names, Sequence[str])
    workers, progress = _running(options)
    with reading_limits(options):
        return previewing.preview(
            path_of("source", source),
            path_of("target", target),
            count=count,
            seed=seed,
            images=[image_names] if isinstance(image_names, str) else image_names,
            color_by=color_by,
            format=options.get("format"),
            options=read_options(options, need_files=False),
            on_error=options.get("on_error", "stop"),
            workers=workers,
            progress=progress,
        )


def _running(options: RunKeywords) -> tuple[int, Progress]:
    return workers_of(options), options.get("progress", silent)
