"""Writing YOLO trees: rows of one image, and data.yaml as Ultralytics wants it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache
from itertools import accumulate, chain
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec
import numpy as np

from converter.format import Encoded, Record, Writing
from converter.geometry import numbers, polygons, rle, shapes
from converter.layouts.images import split_name
from converter.layouts.yolo_tree import label_of
from converter.model import Header, Image, Instance, Polygons, Rle, Sample, Shape
from converter.storage import Target

__all__ = ["YoloAssembler", "config", "encode_boxes", "encode_polygons", "encode_rows", "image_path", "label_path"]

WORDS = re.compile(r"[\W_]+")
_ID = attrgetter("id")


def image_path(writing: Writing, image: Image) -> str:
    return writing.images + image.path


def label_path(writing: Writing, image: Image) -> str:
    """Where trainers look for the label: below `prefix`, the last /images/ turned into /labels/."""
    return writing.prefix + label_of("images/" + image.path)


def encode_boxes(writing: Writing, sample: Sample) -> Encoded:
    """Rows `class x y w h`; masks give their tight box."""
    return encode_rows(writing, sample, (_box_row(i, sample.image) for i in sample.instances))


def encode_polygons(writing: Writing, sample: Sample) -> Encoded:
    """Rows `class x1 y1 x2 y2 ...`; one ring an instance, holes and parts joined by bridges."""
    rings = _rings(sample)
    # All of an image at once, as there are few numbers in a ring.
    flat = np.array(list(chain.from_iterable(rings)), np.float64)
    sizes = np.resize((sample.image.width, sample.image.height), len(flat))
    return encode_rows(writing, sample, numbers.normalised_rows(flat, sizes, list(accumulate(map(len, rings)))))


def encode_rows(writing: Writing, sample: Sample, rows: Iterable[str]) -> Encoded:
    """The label file of an image: `rows` are what follows the class, of each instance in turn."""
    index = _indices(tuple(map(_ID, writing.header.classes)))
    lines = [f"{index[i.class_id]} {row}\n" for i, row in zip(sample.instances, rows, strict=True)]
    path = label_path(writing, sample.image)
    return Encoded([(path, "".join(lines).encode())], None, [i.id for i in sample.instances])


@lru_cache(maxsize=1)
def _indices(ids: tuple[int, ...]) -> dict[int, int]:
    """Class id -> 0 ... n-1 in ascending order of the ids."""
    return {id: index for index, id in enumerate(sorted(ids))}


def _box_row(instance: Instance, image: Image) -> str:
    box = shapes.tight_box(instance.shape, image.height, image.width)
    w, h = image.width, image.height
    return f"{_unit(box.x + box.w / 2, w)} {_unit(box.y + box.h / 2, h)} {_side(box.w, w)} {_side(box.h, h)}"


@lru_cache(maxsize=1 << 14)
def _unit(value: float, size: int) -> str:
    """`value` / `size` with digits enough for a ten-thousandth of a pixel; for masks it is often the same."""
    text = _form(size) % (value / size)
    return text.rstrip("0").rstrip(".") if text[-1] == "0" else text


def _side(value: float, size: int) -> str:
    """As `_unit`; rounded to nothing, a side would take its box with it."""
    text = _unit(value, size)
    return f"{value / size:.6g}" if text == "0" and value else text


@cache
def _form(size: int) -> str:
    return f"%.{max(6, math.ceil(math.log10(size)) + 4)}f"


class _Outline(NamedTuple):
    """What goes around an object: rings of the source, and masks where something has to be traced instead.

    `whole` is the mask of all, where there are several.
    """

    parts: list[list[float] | Rle]
    whole: Rle | None = None

    def ring(self, traced: Iterator[list[float]]) -> list[float]:
        """The parts in one ring, the next ones of `traced` in the place of masks."""
        rings = [next(traced) if isinstance(part, Rle) else part for part in self.parts]
        if self.whole is None:
            return rings[0]
        return polygons.joined_rings(rings, self.whole) or polygons.exact_ring(self.whole)


def _rings(sample: Sample) -> list[list[float]]:
    """One ring an instance, with the vertices of the source around parts that lie inside the image and apart."""
    outlines = [_outline(instance.shape, sample.image) for instance in sample.instances]
    masks = [part for outline in outlines for part in outline.parts if isinstance(part, Rle)]
    traced = iter(polygons.all_exact_rings(masks))
    return [outline.ring(traced) for outline in outlines]


def _outline(shape: Shape, image: Image) -> _Outline:
    height, width = image.height, image.width
    if not isinstance(shape, Polygons) or not shape.rings or not all(_inside(ring, image) for ring in shape.rings):
        return _Outline([shapes.mask_of(shape, height, width)])
    if len(shape.rings) == 1:
        return _Outline([shape.rings[0]])
    groups = polygons.apart(shape.rings, height, width)
    parts: list[list[float] | Rle] = [rings[0] if len(rings) == 1 else mask for rings, mask in groups]
    return _Outline(parts, rle.union([mask for _, mask in groups]) if len(groups) > 1 else None)


def _inside(ring: list[float], image: Image) -> bool:
    return min(ring) >= 0 and max(ring[0::2]) <= image.width and max(ring[1::2]) <= image.height


class YoloAssembler:
    """Writes data.yaml; the rows are in files of their own."""

    def __init__(self, writing: Writing, out: Target) -> None:
        self.writing, self.out = writing, out
        self.splits: set[str | None] = set()

    def add(self, record: Record) -> None:
        """The split is all that is kept: label files are complete by themselves."""
        self.splits.add(record.image.split)

    def finish(self) -> None:
        from converter.codecs import yaml  # noqa: PLC0415 -- slow to import, and seldom needed

        self.out.write(f"{self.writing.prefix}data.yaml", yaml.encode(self.config()))

    def config(self) -> dict[str, Any]:
        """What data.yaml says: of splits that are left with no image there is no folder."""
        header = self.writing.header
        return config(msgspec.structs.replace(header, splits=tuple(s for s in header.splits if s in self.splits)))


def config(header: Header) -> dict[str, Any]:
    """Without `path` the folder of the YAML is the root; train and val are required."""
    folders = {split: f"images/{split}" for split in header.splits}
    train, val, test = (_serving(folders, role) for role in ("train", "val", "test"))
    first = next(iter(folders.values()), "images")
    found: dict[str, Any] = {"train": train or first, "val": val or test or train or first}
    found |= {split: folder for split, folder in folders.items() if split not in found}
    names = {i: c.name for i, c in enumerate(sorted(header.classes, key=lambda c: c.id))}
    return found | {"nc": len(names), "names": names}


def _serving(folders: Mapping[str, str], role: str) -> str | None:
    """The folder of the split of this name, else of the first one that has it among its words: val_fold0."""
    worded = (folder for split, folder in folders.items() if role in map(split_name, WORDS.split(split)))
    return folders.get(role) or next(worded, None)
