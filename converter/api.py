"""The Python API: the commands as functions, and datasets to walk through."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Unpack

import numpy as np
from numpy.typing import NDArray

from converter import engine
from converter.errors import UsageError
from converter.format import ClassTable, MaskEncoding, ReadOptions, Segmentation, WriteOptions
from converter.geometry import labelmap, rle, shapes
from converter.layouts.classes import read_class_file
from converter.ledger import Ledger, OnError
from converter.model import Box, ClassInfo, Image, Instance, LabelMap, Loss, Marks, Sample
from converter.pipeline import (
    checking,
    converting,
    diff_reporting,
    diffing,
    inspecting,
    packing,
    previewing,
    reporting,
)
from converter.pipeline.checking import CheckReport, FailOn
from converter.pipeline.converting import Result
from converter.pipeline.diffing import Diff
from converter.pipeline.inspecting import Inspection
from converter.pipeline.opening import Opened, Progress, load_sample, open_dataset, silent
from converter.pipeline.preparing import Job
from converter.pipeline.previewing import Preview
from converter.storage import open_source
from converter.transforms import classes as class_files
from converter.transforms.split import parse_lists
from converter.transforms.steps import Options, Steps, read_steps

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

StrPath = str | os.PathLike[str]
ImageFiles = Literal["copy", "hardlink", "symlink", "none"]


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
        """Number of pixels."""
        return rle.area(self._rle())

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, width and height in pixels: of the mask, tight; of a box, as it is."""
        box = shapes.tight_box(self._instance.shape, self._image.height, self._image.width)
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

    def __init__(self, sample: Sample, opened: Opened, losses: Sequence[Loss]) -> None:
        names = {c.id: c.name for c in opened.scan.header.classes}
        self.image = sample.image
        self.labels: LabelMap | None = sample.labels
        self.losses = tuple(losses)
        instances = sample.instances
        if sample.labels is not None:
            found = labelmap.regions(sample.labels, skip=set(_values(sample.labels)) - names.keys())
            instances = tuple(Instance(id, region) for id, region in found.items())
        self.instances = tuple(DatasetInstance(i, sample.image, names[i.class_id]) for i in instances)

    def __repr__(self) -> str:
        return f"DatasetSample(image={self.image.name!r}, instances={len(self.instances)})"


def _values(labels: LabelMap) -> list[int]:
    return [int(v) for v in labelmap.values(labels)[0]]


class Dataset:
    """A dataset that is known but not loaded: each pass over it reads one image at a time."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened
        header = opened.scan.header
        self.format = opened.format.name
        self.task = header.task
        self.classes: tuple[ClassInfo, ...] = header.classes
        self.splits = header.splits

    def __len__(self) -> int:
        """The number of images."""
        return len(self._opened.scan.refs)

    def __iter__(self) -> Iterator[DatasetSample]:
        for ref in self._opened.scan.refs:
            ledger = Ledger(self._opened.reading.on_error)
            loaded = load_sample(self._opened.format, self._opened.reading, self._opened.scan.header, ref, ledger)
            if loaded is not None:
                yield DatasetSample(loaded[0], self._opened, ledger.losses)

    def __repr__(self) -> str:
        return f"Dataset(format={self.format!r}, task={self.task!r}, images={len(self)}, classes={len(self.classes)})"


def open(
    source: StrPath,
    *,
    format: str | None = None,
    images: StrPath | None = None,
    classes: StrPath | None = None,
    colors: StrPath | None = None,
    class_name: str | None = None,
    masks: str | None = None,
    on_error: OnError = "stop",
) -> Dataset:
    """The dataset at `source` (folder, file or ZIP), lazily. Image files may be absent when sizes are known."""
    options = read_options(images, classes, colors, class_name, masks, need_files=False)
    return Dataset(open_dataset(str(source), format=format, options=options, on_error=on_error))


def read_options(
    images: StrPath | None,
    classes: StrPath | None,
    colors: StrPath | None,
    class_name: str | None,
    masks: str | None,
    *,
    need_files: bool,
) -> ReadOptions:
    """Options of reading from what a user names: paths are opened here."""
    return ReadOptions(
        images=open_source(str(images)) if images is not None else None,
        need_files=need_files,
        classes=_class_table(classes),
        colors=_legend(colors),
        class_name=class_name,
        masks=masks,
    )


def _class_table(path: StrPath | None) -> ClassTable | None:
    if path is None:
        return None
    return class_files.parse(_read(path, "--classes"), str(path))


def _legend(path: StrPath | None) -> tuple[tuple[str, tuple[int, int, int]], ...]:
    """A legend of colours: {name: [r, g, b]}, CSV name,r,g,b, or a labelmap.txt."""
    if path is None:
        return ()
    _read(path, "--colors")
    if Path(path).suffix.lower() in {".json", ".yaml", ".yml"}:
        return class_files.parse_colors(_read(path, "--colors"), str(path))
    source = open_source(str(Path(path).resolve().parent))
    name = Path(path).name
    found = read_class_file(source, name) if name == "labelmap.txt" or name.endswith(".csv") else {}
    legend = tuple((c.name, c.color) for c in found.values() if c.color is not None)
    if not legend:
        raise UsageError(f"{path}: no colours in it; write {{name: [r, g, b]}}, a CSV name,r,g,b, or a labelmap.txt")
    return legend


def _read(path: StrPath, option: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise UsageError(f"{option} {path}: {error.strerror}") from None


def convert(
    source: StrPath,
    target: StrPath,
    *,
    to: str,
    format: str | None = None,
    images: StrPath | None = None,
    classes: StrPath | None = None,
    colors: StrPath | None = None,
    class_name: str | None = None,
    masks: str | None = None,
    image_files: ImageFiles = "copy",
    segmentation: Segmentation = "auto",
    instances: Literal["class", "components"] | None = None,
    boxes_as_masks: bool = False,
    crowd: Literal["drop", "keep"] = "drop",
    min_iou: float | None = None,
    tolerance: float | None = None,
    strict: bool = False,
    on_error: OnError = "stop",
    overwrite: bool = False,
    workers: int | None = None,
    progress: Progress = silent,
    **transforms: Unpack[Options],
) -> Result:
    """`segpack convert`: write `source` to `target` in the format `to`; see Result for what it cost.

    `transforms` are the options that change the dataset, as on the command line: resize="640x480",
    split="train=0.8,val=0.2", filter=["class=person"], and so on; see `Options`.
    """
    job = Job(
        str(source),
        str(target),
        format,
        read_options(images, classes, colors, class_name, masks, need_files=image_files != "none"),
        _write_options(segmentation, instances, boxes_as_masks, crowd, min_iou, tolerance, image_files),
        on_error,
        strict,
        overwrite,
        workers or engine.cores(),
        _steps(transforms),
    )
    return converting.convert(job, to, progress=progress)


def pack(
    source: StrPath | Sequence[StrPath],
    target: StrPath,
    *,
    mask_encoding: MaskEncoding | None = None,
    yolo: packing.Yolo | None = None,
    format: str | None = None,
    images: StrPath | None = None,
    classes: StrPath | None = None,
    colors: StrPath | None = None,
    class_name: str | None = None,
    masks: str | None = None,
    image_files: ImageFiles = "copy",
    instances: Literal["class", "components"] | None = None,
    boxes_as_masks: bool = False,
    crowd: Literal["drop", "keep"] = "drop",
    min_iou: float | None = None,
    tolerance: float | None = None,
    strict: bool = False,
    on_error: OnError = "stop",
    overwrite: bool = False,
    workers: int | None = None,
    tags: Sequence[str] = (),
    progress: Progress = silent,
    **transforms: Unpack[Options],
) -> Result:
    """`segpack pack`: write `source` as a package, read it back, and only then put it in place.

    Several sources become one dataset, as in `merge`; `tags` name them. `transforms` as in `convert`.
    """
    job = Job(
        _sources(source),
        str(target),
        format,
        read_options(images, classes, colors, class_name, masks, need_files=image_files != "none"),
        _write_options("auto", instances, boxes_as_masks, crowd, min_iou, tolerance, image_files),
        on_error,
        strict,
        overwrite,
        workers or engine.cores(),
        _steps(transforms),
        tuple(tags),
    )
    return packing.pack(job, mask_encoding=mask_encoding, yolo=yolo, progress=progress)


def merge(
    sources: Sequence[StrPath],
    target: StrPath,
    *,
    to: str,
    format: str | None = None,
    classes: StrPath | None = None,
    colors: StrPath | None = None,
    class_name: str | None = None,
    masks: str | None = None,
    image_files: ImageFiles = "copy",
    segmentation: Segmentation = "auto",
    instances: Literal["class", "components"] | None = None,
    boxes_as_masks: bool = False,
    crowd: Literal["drop", "keep"] = "drop",
    min_iou: float | None = None,
    tolerance: float | None = None,
    strict: bool = False,
    on_error: OnError = "stop",
    overwrite: bool = False,
    workers: int | None = None,
    tags: Sequence[str] = (),
    progress: Progress = silent,
    **transforms: Unpack[Options],
) -> Result:
    """`segpack merge`: several datasets as one, in the format `to`.

    Image names get the tag of their dataset as a folder (`tags`; default: from the paths), so that
    equal names stay apart and `filter=["source=TAG"]` gives each dataset back.
    """
    job = Job(
        _sources(sources),
        str(target),
        format,
        read_options(None, classes, colors, class_name, masks, need_files=image_files != "none"),
        _write_options(segmentation, instances, boxes_as_masks, crowd, min_iou, tolerance, image_files),
        on_error,
        strict,
        overwrite,
        workers or engine.cores(),
        _steps(transforms),
        tuple(tags),
    )
    return converting.convert(job, to, progress=progress)


def _sources(source: StrPath | Sequence[StrPath]) -> str | tuple[str, ...]:
    return str(source) if isinstance(source, str | os.PathLike) else tuple(map(str, source))


def _steps(transforms: Options) -> Steps:
    file = transforms.get("split_from")
    return read_steps(transforms, None if file is None else parse_lists(_read(file, "--split-from"), file))


def _write_options(
    segmentation: Segmentation,
    instances: Literal["class", "components"] | None,
    boxes_as_masks: bool,
    crowd: Literal["drop", "keep"],
    min_iou: float | None,
    tolerance: float | None,
    image_files: ImageFiles,
) -> WriteOptions:
    if min_iou is not None and not 0 < min_iou <= 1:
        raise UsageError(f"--min-iou {min_iou:g} is not above 0 and at most 1")
    if tolerance is not None and not 0 <= tolerance < 1e6:
        raise UsageError(f"--tolerance {tolerance:g} is not a number of pixels from 0")
    return WriteOptions(segmentation, instances, boxes_as_masks, crowd, min_iou, tolerance, image_files)


def check(
    source: StrPath,
    *,
    sample: int | None = None,
    seed: int = 0,
    fail_on: FailOn = "error",
    report: StrPath | None = None,
    format: str | None = None,
    images: StrPath | None = None,
    classes: StrPath | None = None,
    colors: StrPath | None = None,
    class_name: str | None = None,
    masks: str | None = None,
    on_error: OnError = "skip",
    workers: int | None = None,
    progress: Progress = silent,
) -> CheckReport:
    """`segpack check`: everything that can be asked of a dataset, or of a seeded sample of `sample` images.

    `report` names an HTML file that shows what was found.
    """
    if report is not None:
        reporting.check_report(str(report), str(source))
    checked = checking.examine(
        str(source),
        format=format,
        options=read_options(images, classes, colors, class_name, masks, need_files=True),
        sample=sample,
        seed=seed,
        fail_on=fail_on,
        on_error=on_error,
        workers=workers or engine.cores(),
        progress=progress,
    )
    if report is not None:
        reporting.write_report(checked, str(report), workers=workers or engine.cores(), progress=progress)
    return checked.report


def diff(
    a: StrPath,
    b: StrPath,
    *,
    report: StrPath | None = None,
    format: str | None = None,
    images: StrPath | None = None,
    classes: StrPath | None = None,
    colors: StrPath | None = None,
    class_name: str | None = None,
    masks: str | None = None,
    on_error: OnError = "stop",
    workers: int | None = None,
    progress: Progress = silent,
) -> Diff:
    """`segpack diff`: what two datasets of any formats differ in.

    `format` names one for both, or two with a comma between. The other options say how both are read.
    `report` names an HTML file that shows the images that differ side by side.
    """
    if report is not None:
        diff_reporting.check_report(str(report), str(a), str(b))
    first, comma, second = (format or "").partition(",")
    options = read_options(images, classes, colors, class_name, masks, need_files=False)
    compared = diffing.compare(
        str(a),
        str(b),
        formats=(first or None, (second if comma else first) or None),
        options=(options, options),
        on_error=on_error,
        workers=workers or engine.cores(),
        progress=progress,
    )
    if report is not None:
        diff_reporting.write_report(compared, str(report), workers=workers or engine.cores(), progress=progress)
    return compared.diff


def inspect(
    source: StrPath,
    *,
    format: str | None = None,
    images: StrPath | None = None,
    classes: StrPath | None = None,
    colors: StrPath | None = None,
    class_name: str | None = None,
    masks: str | None = None,
    on_error: OnError = "stop",
    workers: int | None = None,
    progress: Progress = silent,
) -> Inspection:
    """`segpack inspect`: format and evidence, task, splits, sizes, classes with counts, encodings."""
    options = read_options(images, classes, colors, class_name, masks, need_files=False)
    return inspecting.inspect(
        str(source),
        format=format,
        options=options,
        on_error=on_error,
        workers=workers or engine.cores(),
        progress=progress,
    )


def preview(
    source: StrPath,
    target: StrPath,
    *,
    count: int = 16,
    seed: int = 0,
    image_names: Sequence[str] = (),
    color_by: Literal["instance", "class"] = "instance",
    format: str | None = None,
    images: StrPath | None = None,
    classes: StrPath | None = None,
    colors: StrPath | None = None,
    class_name: str | None = None,
    masks: str | None = None,
    on_error: OnError = "stop",
    workers: int | None = None,
    progress: Progress = silent,
) -> Preview:
    """`segpack preview`: a contact sheet of `image_names`, or of a sample of `count` images, as a picture file."""
    return previewing.preview(
        str(source),
        str(target),
        count=count,
        seed=seed,
        images=image_names,
        color_by=color_by,
        format=format,
        options=read_options(images, classes, colors, class_name, masks, need_files=False),
        on_error=on_error,
        workers=workers or engine.cores(),
        progress=progress,
    )
