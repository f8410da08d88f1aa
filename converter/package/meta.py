"""meta.json: what a package is. The types here write it, check it, and are its JSON Schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import msgspec

from converter.codecs import json
from converter.errors import SourceError
from converter.format import MaskEncoding
from converter.model import ClassInfo
from converter.package.index import INDEX
from converter.storage import Source

__all__ = [
    "FORMAT",
    "META",
    "SETS",
    "VERSION",
    "ClassMeta",
    "Counts",
    "Generator",
    "MergedSet",
    "Meta",
    "Origin",
    "Resize",
    "Size",
    "about",
    "classes",
    "decode",
    "encode",
    "image_size",
    "merged_entry",
    "merged_sets",
    "schema",
    "settled",
]

META = "meta.json"
SETS = "segpack_sources"
"""Key of a file of COCO's kind: the sets that the dataset was merged from."""
FORMAT = "segmentation-dataset"
VERSION = "1.0"

Count = Annotated[int, msgspec.Meta(ge=0)]
Side = Annotated[int, msgspec.Meta(ge=1)]
Channel = Annotated[int, msgspec.Meta(ge=0, le=255)]
Name = Annotated[str, msgspec.Meta(min_length=1)]


class ClassMeta(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A class: its id in every encoding of the package, and what it was in the source."""

    id: int
    name: Name
    color: tuple[Channel, Channel, Channel] | None = None
    source_id: int | None = None
    source_name: str | None = None


class Size(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Size of the images in pixels: one for all (`uniform`), or the least and greatest of each side."""

    uniform: bool
    width: Side | None = None
    height: Side | None = None
    min_width: Side | None = None
    max_width: Side | None = None
    min_height: Side | None = None
    max_height: Side | None = None


class Resize(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How images and masks came to their size.

    stretch: every image is width x height. fit: as large as it can be within, with its own
    shape. letterbox: the same, with a margin of `pad_value` around. scale: all by one factor,
    and width x height is the largest image. What an image was before stands with it in
    coco.json, in `segpack_transform`.
    """

    mode: Literal["stretch", "fit", "letterbox", "scale"]
    width: Side
    height: Side
    image_filter: str
    mask_filter: Literal["nearest"]
    pad_value: int | list[Channel] | None


class Counts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many of what: instances by class name, images by split."""

    images: Count
    instances: Count
    per_class: dict[str, Count]
    per_split: dict[str, Count]


class MergedSet(msgspec.Struct, frozen=True, omit_defaults=True):
    """One of the sets that a dataset was merged from, as far as it was another one alone.

    `tag` is the first folder of the names of its images; `classes` are its own, whose names are
    those of the merged classes and whose ids may differ. `merged`: the sets that it was merged from.
    """

    tag: Name
    task: Literal["instance", "semantic"]
    classes: list[ClassMeta]
    background_id: Literal[0] | None = None
    ignore_id: Literal[255] | None = None
    name: str = ""
    merged: list[MergedSet] = []


class Origin(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """The format that the package was made from, what was lost on the way, by code, and what was merged."""

    format: str
    losses: dict[str, Count]
    merged: list[MergedSet] = []


class Generator(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    version: str


class Meta(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """meta.json of a segmentation dataset package."""

    format: Literal["segmentation-dataset"]
    format_version: Literal["1.0"]
    name: str
    task: Literal["instance", "semantic"]
    mask_encoding: MaskEncoding
    classes: list[ClassMeta]
    background_id: Literal[0] | None
    ignore_id: Literal[255] | None
    image_size: Size
    resize: Resize | None
    splits: list[str]
    counts: Counts
    encodings: dict[str, str]
    source: Origin
    generator: Generator


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of meta.json, from the types that write it."""
    made = msgspec.json.schema(Meta)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "meta.json of a segmentation dataset package",
        **made,
    }


def encode(meta: Meta) -> bytes:
    return json.encode_pretty(msgspec.to_builtins(meta))


def decode(data: bytes, file: str) -> Meta:
    """meta.json as written by this or a like program; SourceError names the key that is wrong."""
    try:
        return json.decode(data, file, Meta)
    except SourceError as error:
        error.code = "meta-invalid"
        raise


def about(source: Source) -> Meta | None:
    """meta.json of the package in `source`; None when there is none, or it is another program's.

    Beside an index.csv one that is no JSON is a damaged one: SourceError.
    """
    if source.entry is not None or META not in source:
        return None
    data, label = source.read(META), source.label(META)
    if FORMAT.encode() in data:
        return source.once(META, decode)
    if INDEX in source:
        try:
            json.decode(data, label)
        except SourceError as error:
            error.code = "meta-invalid"
            raise
    return None


def classes(about: Meta) -> list[ClassInfo]:
    """The classes of a package that is read, ascending by id: it is the source now, whatever they were before."""
    return sorted((ClassInfo(c.id, c.name, c.color, c.id, c.name) for c in about.classes), key=lambda c: c.id)


def merged_sets(extra: Mapping[str, Any]) -> list[MergedSet]:
    """The sets that a dataset was merged from, by its top-level entries; SourceError where they make no sense."""
    try:
        return msgspec.convert(extra.get(SETS, []), list[MergedSet])
    except msgspec.ValidationError as error:
        raise SourceError(SETS, str(error), remedy="mend or remove this entry") from None


def merged_entry(sets: Sequence[MergedSet]) -> dict[str, Any]:
    """The top-level entry that tells of `sets`; nothing when there are none."""
    return {SETS: msgspec.to_builtins(sets)} if sets else {}


def settled(resize: Resize | None, sizes: set[tuple[int, int]]) -> Resize | None:
    """The record with the size of the largest image where images were scaled by a factor; one size is a stretch."""
    if resize is None or resize.mode != "scale" or not sizes:
        return resize
    width, height = max(w for w, _ in sizes), max(h for _, h in sizes)
    mode: Literal["stretch", "scale"] = "stretch" if len(sizes) == 1 else "scale"
    return msgspec.structs.replace(resize, mode=mode, width=width, height=height)


def image_size(sizes: set[tuple[int, int]]) -> Size:
    """The `image_size` of images with these (width, height)."""
    if len(sizes) == 1:
        ((width, height),) = sizes
        return Size(True, width=width, height=height)
    widths, heights = [s[0] for s in sizes] or [1], [s[1] for s in sizes] or [1]
    return Size(
        False,
        min_width=min(widths),
        max_width=max(widths),
        min_height=min(heights),
        max_height=max(heights),
    )
