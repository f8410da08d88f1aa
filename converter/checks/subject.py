"""What the checks look at: one image with the masks of its objects, and what is kept of it afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from numpy.typing import NDArray

from converter.checks.catalog import finding
from converter.codecs.light import Light
from converter.codecs.phash import Look
from converter.errors import ShapeError
from converter.geometry import labelmap, rle, shapes
from converter.model import Box, Finding, Header, Image, Instance, LabelMap, Marks, Rle, Sample, Shape

__all__ = ["Drawn", "Facts", "Subject", "subject_of"]


class Drawn(msgspec.Struct, frozen=True):
    """An object: how findings call it, the file it is in, its pixels (None: it has only a box or marks)."""

    told: int
    instance: Instance
    file: str
    mask: Rle | None
    area: int
    box: Box


class Subject(msgspec.Struct, frozen=True):
    """One image. `file` is that of its annotations; `values` are those of a label map and how often each occurs."""

    name: str
    image: Image
    file: str
    header: Header
    drawn: tuple[Drawn, ...] = ()
    labels: LabelMap | None = None
    values: dict[int, int] = {}


class Facts(msgspec.Struct, frozen=True):
    """What is kept of an image: small, no pixels.

    `file` as findings name it, "" without one. `per_class` and `pixels` are by class id: objects
    (semantic: 1) and pixels. `areas` are the pixels of every object. `values` are those of a
    semantic mask, `specks` and `softness` what `converter.checks.values.restlessness` says of it.
    `alignment` are the scores of `converter.checks.shift`, where they were asked for. `source` is the
    tag of a merged image, and `light` what is measured of it when sources are to be compared. `boxes`
    are objects that have no more than a box, `masks` those that have pixels.
    """

    image: str
    split: str | None
    file: str
    width: int
    height: int
    orientation: int = 1
    sha256: str = ""
    look: Look | None = None
    instances: int = 0
    crowds: int = 0
    boxes: int = 0
    masks: int = 0
    per_class: dict[int, int] = {}
    pixels: dict[int, int] = {}
    areas: list[int] = []
    values: list[int] = []
    specks: float = 0.0
    softness: float = 0.0
    mask_file: str = ""
    findings: list[Finding] = []
    alignment: NDArray[Any] | None = None
    source: str = ""
    light: Light | None = None


def subject_of(
    sample: Sample, header: Header, files: Sequence[str], told: Sequence[int]
) -> tuple[Subject, list[Finding]]:
    """The sample with its masks drawn, and findings for shapes that cannot be.

    `files` are those of the annotations: one for all, or one an object; `told` the numbers of
    the objects that have no id.
    """
    name = sample.image.path
    drawn: list[Drawn] = []
    findings: list[Finding] = []
    masks = _masks(sample)
    measures = zip(*rle.measures([mask for mask in masks if isinstance(mask, Rle)]), strict=True)
    for place, (instance, mask) in enumerate(zip(sample.instances, masks, strict=True)):
        file = files[place] if len(files) == len(sample.instances) > 1 else (files[0] if files else "")
        number, shape = instance.id if instance.id is not None else told[place], instance.shape
        if isinstance(mask, ShapeError):
            findings.append(finding("invalid-polygon", str(mask), image=name, instance=number, file=file))
        elif mask is not None:
            area, tight = next(measures)
            drawn.append(Drawn(number, instance, file, mask, area, Box(*tight)))
        else:
            box = shape if isinstance(shape, Box) else Box(0, 0, 0, 0)
            drawn.append(Drawn(number, instance, file, None, round(max(box.w, 0) * max(box.h, 0)), box))
    file, seen = files[0] if files else "", {} if sample.labels is None else _values(sample.labels)
    return Subject(name, sample.image, file, header, tuple(drawn), sample.labels, seen), findings


def _values(labels: LabelMap) -> dict[int, int]:
    present, counts = labelmap.values(labels)
    return dict(zip(present.tolist(), counts.tolist(), strict=True))


def _masks(sample: Sample) -> list[Rle | ShapeError | None]:
    """The pixels of each object: None for what has none by its nature, the error of a shape that cannot be."""
    height, width = sample.image.height, sample.image.width
    regions = [i.shape for i in sample.instances if not isinstance(i.shape, Box | Marks)]
    found: Iterator[Rle | ShapeError]
    try:
        found = iter(shapes.masks_of(regions, height, width))
    except ShapeError:
        found = (_mask(shape, height, width) for shape in regions)
    return [None if isinstance(i.shape, Box | Marks) else next(found) for i in sample.instances]


def _mask(shape: Shape, height: int, width: int) -> Rle | ShapeError:
    try:
        return shapes.mask_of(shape, height, width)
    except ShapeError as error:
        return error


def count(subject: Subject) -> tuple[dict[int, int], dict[int, int], list[int]]:
    """Objects by class, pixels by class, and pixels of every object; a class of a label map counts 1."""
    per_class: dict[int, int] = {}
    pixels: dict[int, int] = {}
    if subject.labels is not None:
        names = {c.id for c in subject.header.classes}
        pixels = {value: n for value, n in subject.values.items() if value in names}
        return dict.fromkeys(pixels, 1), pixels, []
    for each in subject.drawn:
        id = each.instance.class_id
        per_class[id] = per_class.get(id, 0) + 1
        pixels[id] = pixels.get(id, 0) + each.area
    return per_class, pixels, [d.area for d in subject.drawn]
