"""What the checks look at: one image with the masks of its objects, and what is kept of it afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from numpy.typing import NDArray

from converter.checks.catalog import finding
from converter.codecs.light import Light
from converter.codecs.phash import Look
from converter.errors import ShapeError
from converter.geometry import labelmap, rle, shapes
from converter.layouts.images import shown_name
from converter.model import Box, Finding, Header, Image, Instance, LabelMap, Marks, Rle, Sample

__all__ = ["Drawn", "Facts", "Subject", "draw", "subject_of"]


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
    semantic mask, `specks` the share of its pixels that differ from all four neighbours.
    `alignment` are the scores of `converter.checks.shift`, where they were asked for. `source` is the
    tag of a merged image, and `light` what is measured of it when sources are to be compared.
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
    per_class: dict[int, int] = {}
    pixels: dict[int, int] = {}
    areas: list[int] = []
    values: list[int] = []
    specks: float = 0.0
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
    name = shown_name(sample.image)
    drawn: list[Drawn] = []
    findings: list[Finding] = []
    for place, instance in enumerate(sample.instances):
        file = files[place] if len(files) == len(sample.instances) > 1 else (files[0] if files else "")
        number = instance.id if instance.id is not None else told[place]
        try:
            drawn.append(draw(instance, number, file, sample.image))
        except ShapeError as error:
            findings.append(finding("invalid-polygon", str(error), image=name, instance=number, file=file))
    file, seen = files[0] if files else "", {} if sample.labels is None else _values(sample.labels)
    return Subject(name, sample.image, file, header, tuple(drawn), sample.labels, seen), findings


def _values(labels: LabelMap) -> dict[int, int]:
    present, counts = labelmap.values(labels)
    return dict(zip(present.tolist(), counts.tolist(), strict=True))


def draw(instance: Instance, told: int, file: str, image: Image) -> Drawn:
    """An object with its pixels; ShapeError for what has none by its nature."""
    shape = instance.shape
    if isinstance(shape, Box | Marks):
        box = shape if isinstance(shape, Box) else Box(0, 0, 0, 0)
        return Drawn(told, instance, file, None, round(max(box.w, 0) * max(box.h, 0)), box)
    mask = shapes.mask_of(shape, image.height, image.width)
    return Drawn(told, instance, file, mask, rle.area(mask), Box(*rle.tight_box(mask)))


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
