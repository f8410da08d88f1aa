"""The entries of annotations in COCO files: what scanning needs of all at once, and each as an instance."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import msgspec

from converter.codecs import json as codec
from converter.codecs.slices import Slices
from converter.errors import ShapeError, SourceError
from converter.geometry import raster, runlengths
from converter.layouts.coco_files import CocoFile, in_words
from converter.layouts.coco_images import Id, number
from converter.ledger import Ledger
from converter.model import Box, Image, Instance, Polygons, Rle, Shape

__all__ = [
    "AT_ONCE",
    "SHAPE_KEYS",
    "AnnotationHead",
    "all_usual",
    "are_drawn_within",
    "crowd_flag",
    "decode_annotation",
    "decode_head",
    "decode_heads",
    "instance_of",
    "place_of",
]

Number = int | float
AT_ONCE = 4096  # annotations: a million would take more memory at once than all that is kept of them
SHAPE_KEYS = frozenset({"id", "image_id", "category_id", "segmentation", "area", "bbox", "iscrowd"})
_KEYS = tuple(f'"{key}"'.encode() for key in sorted(SHAPE_KEYS))
_OWNER_CODES = {"category_id": "unmapped-class", "image_id": "orphan-mask"}  # what an annotation is without it
FLAGS = {"0": False, "1": True, "false": False, "true": True, "0.0": False, "1.0": True}
NO_NUMBER = re.compile(rb'"(NaN|-?Infinity)"')  # how the decoder hands on what is no JSON


class AnnotationHead(msgspec.Struct, gc=False):
    """What scanning needs of an annotation."""

    image_id: Id
    category_id: Number
    id: Id | None = None


class RawRle(msgspec.Struct):
    size: list[Any]
    counts: str | list[Any]


Segmentation = list[list[Number]] | RawRle | None


class Usual(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """An annotation that has every key of the format, and no other."""

    image_id: int
    category_id: int
    id: int
    segmentation: Segmentation
    bbox: list[Number] | None
    area: Number | None
    iscrowd: int | bool | None


class Annotation(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A whole annotation as nearly all are; what does not fit, or has more keys, is looked at key by key."""

    image_id: Any
    category_id: Number
    id: Any = None
    segmentation: Segmentation | msgspec.UnsetType = msgspec.UNSET
    bbox: list[Number] | None = None
    area: Number | None = None
    iscrowd: int | bool | None = None


_annotation_heads = msgspec.json.Decoder(list[AnnotationHead])
_annotation_head = msgspec.json.Decoder(AnnotationHead)
_annotation = msgspec.json.Decoder(Annotation)
_usual = msgspec.json.Decoder(list[Usual])
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])
_segmentation = msgspec.json.Decoder(Segmentation)
_ring = msgspec.json.Decoder(list[Number])
_numbers = msgspec.json.Decoder(list[Number] | None)
_area = msgspec.json.Decoder(Number | None)
_crowd = msgspec.json.Decoder(int | bool | None)
_any = msgspec.json.Decoder()


def decode_heads(
    file: CocoFile, raws: Slices, images: dict[Id, tuple[Image, int]], ledger: Ledger
) -> Iterator[Sequence[AnnotationHead | None]]:
    """The heads of AT_ONCE annotations at a time, None for what had to be left out.

    Many are decoded at once where none is wrong, which takes a tenth of the time.
    """
    for begin in range(0, len(raws), AT_ONCE):
        end = min(begin + AT_ONCE, len(raws))
        try:
            yield _annotation_heads.decode(raws.document(begin, end))
        except msgspec.MsgspecError:
            yield [_decode_annotation(file, raws[i], i, images, ledger) for i in range(begin, end)]


def decode_head(raw: bytes) -> AnnotationHead:
    """The head of an annotation; msgspec.MsgspecError when it is none."""
    return _annotation_head.decode(raw)


def _decode_annotation(
    file: CocoFile, raw: bytes, i: int, images: dict[Id, tuple[Image, int]], ledger: Ledger
) -> AnnotationHead | None:
    try:
        return _annotation_head.decode(raw)
    except msgspec.MsgspecError as error:
        _refuse_endless(error, file.label, place_of(None, i))
        id, image = _identify(raw, images)
        problem = in_words(error)
        code = next((code for key, code in _OWNER_CODES.items() if key in problem), "")
        wrong = SourceError(file.label, problem, place=place_of(id, i), remedy="mend or remove it", code=code)
        ledger.bad_annotation(image, id, wrong)
        return None


def place_of(id: Id | None, i: int) -> str:
    return f"annotation {id}" if id is not None else f"annotations[{i}]"


def _refuse_endless(error: msgspec.MsgspecError, file: str, place: str) -> None:
    """A number of thousands of digits is nobody's id: whatever wrote it, the rest of the file is no better."""
    if "out of range" in str(error):
        raise SourceError(file, in_words(error), place=place, remedy="write the file again")


def _identify(raw: bytes, images: dict[Id, tuple[Image, int]]) -> tuple[int | None, str]:
    """Id and image name of an annotation that does not decode as one, as far as they can be read."""
    try:
        entry = _any.decode(raw)
    except msgspec.MsgspecError:
        return None, ""
    if not isinstance(entry, dict):
        return None, ""
    id, image_id = entry.get("id"), entry.get("image_id")
    known = images.get(image_id) if isinstance(image_id, int | float | str) else None
    return number(id), (known[0].path if known else "")


def all_usual(document: bytes) -> list[Usual] | None:
    """A list of annotations decoded at once, if all are usual and no key stands twice; None when each wants a look.

    Beside the keys nothing in a usual annotation is a text but the counts of a run-length code,
    so the number of quotes says whether a key stands twice.
    """
    try:
        entries = _usual.decode(document)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    quotes = sum([_quotes(entry.segmentation) for entry in entries])
    return entries if document.count(b'"') == quotes else None


def _quotes(segmentation: Segmentation) -> int:
    """How many quotes an annotation has that has every key once."""
    own = 2 * len(SHAPE_KEYS)
    if not isinstance(segmentation, RawRle):
        return own
    return own + 2 * len(RawRle.__struct_fields__) + 2 * isinstance(segmentation.counts, str)


def decode_annotation(raw: bytes) -> tuple[Annotation, dict[str, Any]]:
    """An annotation and its keys beyond those of the format; ShapeError or msgspec.MsgspecError when it is none."""
    if key := codec.twice(raw, _KEYS):
        raise ShapeError(f"the key {key!r} stands twice; remove one of the two")
    try:
        return _annotation.decode(raw), {}
    except msgspec.MsgspecError:
        return _key_by_key(raw)


def are_drawn_within(entries: Sequence[Usual], image: Image) -> bool:
    """Whether all their polygons are sound, and inside the image; False: each wants a look."""
    polygons = [entry.segmentation for entry in entries if type(entry.segmentation) is list]
    return raster.are_within(list(chain.from_iterable(polygons)), image.height, image.width)


def instance_of(
    entry: Annotation | Usual, extra: dict[str, Any], image: Image, ledger: Ledger, *, within: bool = False
) -> Instance:
    """The instance that an annotation describes; ShapeError says why it is none.

    `within`: its polygon, if it has one, is known to be sound and inside the image.
    """
    id, box = number(entry.id), _box(entry.bbox)
    shape = _shape(entry, box, image, ledger, id, within=within)
    return Instance(
        class_id=int(entry.category_id),
        shape=shape,
        id=id,
        iscrowd=bool(entry.iscrowd),
        box=None if isinstance(shape, Box) else box,
        area=entry.area,
        extra=extra,
    )


def _key_by_key(raw: bytes) -> tuple[Annotation, dict[str, Any]]:
    """An annotation and its keys beyond those of the format; ShapeError says which of its own is wrong."""
    fields = _fields.decode(raw)
    head = _annotation_head.decode(raw)
    entry = Annotation(
        head.image_id,
        head.category_id,
        head.id,
        bbox=_field(fields, "bbox", _numbers),
        segmentation=_drawn(fields) if "segmentation" in fields else msgspec.UNSET,
        iscrowd=_written_flag(fields) if "iscrowd" in fields else None,
        area=_field(fields, "area", _area),
    )
    return entry, {k: _anything(k, bytes(v)) for k, v in fields.items() if k not in SHAPE_KEYS}


def _written_flag(fields: dict[str, msgspec.Raw]) -> int | bool | None:
    """`iscrowd`, also where what wrote it made a text of it, or a float."""
    try:
        return _field(fields, "iscrowd", _crowd)  # type: ignore[no-any-return]
    except ShapeError:
        flag = crowd_flag(_any.decode(fields["iscrowd"]))
        if flag is None:
            raise
        return flag


def crowd_flag(value: Any) -> bool | None:
    """Whether `iscrowd` is set, also where it is a text or a float; None for what is no flag."""
    if value is None or isinstance(value, int):
        return bool(value)
    return FLAGS.get(str(value).lower())


def _drawn(fields: dict[str, msgspec.Raw]) -> Segmentation:
    try:
        return _field(fields, "segmentation", _segmentation)  # type: ignore[no-any-return]
    except ShapeError:
        if _is_ring(fields["segmentation"]):
            raise ShapeError("segmentation: the polygon lacks its outer list, that of its rings") from None
        raise


def _is_ring(raw: msgspec.Raw) -> bool:
    try:
        _ring.decode(raw)
    except msgspec.MsgspecError:
        return False
    return True


def _anything(key: str, raw: bytes) -> Any:
    if codec.too_deep(raw):
        raise ShapeError(f"{key}: {codec.TOO_DEEP}")
    return _any.decode(raw)


def _field(fields: dict[str, msgspec.Raw], key: str, decoder: msgspec.json.Decoder[Any]) -> Any:
    if key not in fields:
        return None
    try:
        return decoder.decode(fields[key])
    except msgspec.MsgspecError as error:
        endless = NO_NUMBER.search(bytes(fields[key]))
        problem = f"{endless[1].decode()} is no number" if endless else in_words(error)
        raise ShapeError(f"{key}: {problem}") from None


def _box(numbers: list[Number] | None) -> Box | None:
    if not numbers:
        return None
    if len(numbers) != 4 or not (min(numbers) > -1e9 and max(numbers) < 1e9):
        raise ShapeError(f"bbox: {numbers} is not x, y, width and height near the image")
    return Box(*numbers)


def _shape(
    entry: Annotation | Usual, box: Box | None, image: Image, ledger: Ledger, id: int | None, *, within: bool
) -> Shape:
    value = entry.segmentation
    if isinstance(value, RawRle):
        return _rle(value, image)
    if within and value:
        return Polygons(value)
    rings = [ring for ring in value or () if ring]
    if rings:
        try:
            extent = raster.check_rings(rings, image.height, image.width, typed=True)
        except ShapeError as error:
            raise ShapeError(f"segmentation: {error}") from None
        if extent.least < 0 or (extent.most > min(image.width, image.height) and _leaves(rings, image)):
            where = f"{image.path}, annotation {id}"
            ledger.note("outside-image", where, "the polygon reaches outside the image; its mask ends at the edge")
        return Polygons(rings)
    if box is not None and box.w > 0 and box.h > 0:
        return box
    if value is not msgspec.UNSET or box is not None:
        return Polygons([])
    raise ShapeError("it has neither segmentation nor bbox")


def _rle(value: RawRle, image: Image) -> Rle:
    if value.size != [image.height, image.width]:
        problem = f"segmentation: size {value.size} is not the image's [{image.height}, {image.width}]"
        raise ShapeError(problem, code="size-mismatch")
    try:
        if isinstance(value.counts, str):
            return runlengths.from_string(value.counts, image.height, image.width)
        return runlengths.from_counts(value.counts, image.height, image.width)
    except ShapeError as error:
        error.code = "invalid-rle"
        raise


def _leaves(rings: list[list[float]], image: Image) -> bool:
    """Whether a ring without negative numbers reaches outside the image."""
    return any(max(ring[0::2]) > image.width or max(ring[1::2]) > image.height for ring in rings)
