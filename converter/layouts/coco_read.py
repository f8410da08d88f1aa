"""Reading COCO instances: the scan of the JSON, and the loading of one image's annotations."""

from __future__ import annotations

import json
import posixpath
import re
from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from converter.codecs import json as codec
from converter.codecs.slices import Slices
from converter.errors import ShapeError, SourceError, printable
from converter.format import Reading, Scan
from converter.geometry import raster, rle
from converter.layouts.classes import check_classes, check_name, is_background, undeclared
from converter.layouts.coco_files import CocoFile, open_files
from converter.layouts.images import ImageIndex, is_split_name, order_splits, shown_name, tell_unused
from converter.ledger import Ledger
from converter.model import Box, ClassInfo, Header, Image, Instance, Polygons, Ref, Rle, Sample, Shape
from converter.storage.names import clean, too_long

__all__ = [
    "categories",
    "files",
    "load",
    "scan",
    "scan_files",
    "scan_images",
    "settle_classes",
    "top_entries",
    "with_extra",
]

Number = int | float
IMAGE_KEYS = frozenset({"id", "file_name", "width", "height", "split", "ignore_region"})
SHAPE_KEYS = frozenset({"id", "image_id", "category_id", "segmentation", "area", "bbox", "iscrowd"})
CATEGORY_KEYS = frozenset({"id", "name", "color"})
TOP_KEYS = frozenset({"images", "annotations", "categories"})
NO_NUMBER = re.compile(rb'"(NaN|-?Infinity)"')  # how the decoder hands on what is no JSON


class ImageHead(msgspec.Struct, gc=False):
    """What scanning needs of an image; all but the id is judged later, so that one bad entry is one."""

    id: int | str
    file_name: Any = None
    width: Any = None
    height: Any = None
    coco_url: Any = None
    split: Any = None


class AnnotationHead(msgspec.Struct, gc=False):
    """What scanning needs of an annotation."""

    image_id: int | str
    category_id: int
    id: int | str | None = None


class RawRle(msgspec.Struct):
    size: list[Any]
    counts: str | list[Any]


class Annotation(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A whole annotation as nearly all are; what does not fit, or has more keys, is looked at key by key."""

    image_id: Any
    category_id: int
    id: Any = None
    segmentation: list[list[Number]] | RawRle | msgspec.UnsetType | None = msgspec.UNSET
    bbox: list[Number] | None = None
    area: Number | None = None
    iscrowd: int | bool | None = None


class Payload(msgspec.Struct, frozen=True):
    """Where an image and its annotations stand in a file: places in lists that all images of the file share."""

    file: str
    images: Sequence[bytes]
    annotations: Sequence[bytes]
    at: int
    mine: array[int]

    @property
    def entry(self) -> bytes:
        """The raw entry of the image."""
        return self.images[self.at]


_image_heads = msgspec.json.Decoder(list[ImageHead])
_image_head = msgspec.json.Decoder(ImageHead)
_annotation_heads = msgspec.json.Decoder(list[AnnotationHead])
_annotation_head = msgspec.json.Decoder(AnnotationHead)
_annotation = msgspec.json.Decoder(Annotation)
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])
_any = msgspec.json.Decoder()
_segmentation = msgspec.json.Decoder(list[list[Number]] | RawRle | None)
_numbers = msgspec.json.Decoder(list[Number] | None)
_area = msgspec.json.Decoder(Number | None)
_crowd = msgspec.json.Decoder(int | bool | None)


# ---------------------------------------------------------------- scan


def scan(reading: Reading, ledger: Ledger) -> Scan:
    """Header and refs of all COCO files of the source; no annotation is decoded beyond its ids."""
    return scan_files(reading, open_files(reading.source), ledger)


def scan_files(reading: Reading, files: Sequence[CocoFile], ledger: Ledger) -> Scan:
    """As scan, of these files."""
    declared = categories(files)
    index = ImageIndex(reading.images)
    refs: list[Ref] = []
    used: set[int] = set()
    ids: list[tuple[str, list[int | None]]] = []
    for file in files:
        found, mine = _scan_file(reading, file, index, declared, used, ledger)
        refs += found
        ids.append((file.label, mine))
    tell_unused(reading.images, refs, [file.path for file in files], ledger)
    classes, background = settle_classes(declared, used, files, ledger)
    ids_kept = _unique_annotations(ids, ledger)
    if not _unique_images(refs):
        refs = [msgspec.structs.replace(r, image=msgspec.structs.replace(r.image, id=None)) for r in refs]
    return Scan(_header(files, classes, background, refs), refs, ids_kept)


def categories(files: Sequence[CocoFile]) -> dict[int, ClassInfo]:
    """Declared classes by id, the same in every file."""
    declared: dict[int, ClassInfo] = {}
    for file in files:
        raw = file.top.get("categories", msgspec.Raw(b"[]"))
        try:
            entries = msgspec.json.decode(raw, type=list[dict[str, Any]])
        except msgspec.MsgspecError as error:
            raise SourceError(file.label, str(error), place="categories", remedy="each is {id, name}") from None
        for i, entry in enumerate(entries):
            c = _category(entry, file.label, f"categories[{i}]")
            if declared.setdefault(c.id, c).name != c.name:
                raise SourceError(
                    file.label,
                    f"id {c.id} is '{c.name}' here and '{declared[c.id].name}' before",
                    place="categories",
                    remedy="give both files the same categories",
                    code="duplicate-class-name",
                )
    return dict(sorted(declared.items()))


def _category(entry: dict[str, Any], file: str, place: str) -> ClassInfo:
    id = entry.get("id")
    if not isinstance(id, int) or isinstance(id, bool):
        raise SourceError(file, f"the id is {id!r}, not a whole number", place=place, remedy="number the categories")
    name = check_name(entry.get("name"), file, place)
    color = entry.get("color")
    rgb = tuple(color) if isinstance(color, list) and len(color) == 3 else None
    extra = {k: v for k, v in entry.items() if k not in CATEGORY_KEYS or (k == "color" and rgb is None)}
    return ClassInfo(id, name, color=rgb, source_id=id, source_name=name, extra=extra)


def _scan_file(
    reading: Reading,
    file: CocoFile,
    index: ImageIndex,
    declared: dict[int, ClassInfo],
    used: set[int],
    ledger: Ledger,
) -> tuple[list[Ref], list[int | None]]:
    """The images of a file, and the ids of all their annotations."""
    images, entries, lost = scan_images(file, index, ledger)
    raws = Slices.of(file.top["annotations"])
    mine, ids = _group(reading, file, raws, images, lost, declared, used, ledger)
    refs = [Ref(image, Payload(file.label, entries, raws, at, mine[id])) for id, (image, at) in images.items()]
    return refs, ids


def scan_images(
    file: CocoFile, index: ImageIndex, ledger: Ledger
) -> tuple[dict[int | str, tuple[Image, int]], Slices, set[int | str]]:
    """Image id -> the image and the place of its entry; the raw entries; the ids of those that had to be left out."""
    images: dict[int | str, tuple[Image, int]] = {}
    lost: set[int | str] = set()
    entries = Slices.of(file.top["images"])
    folders = _folders(file)
    for at, head in enumerate(_heads_of_images(file, entries)):
        if head.id in images or head.id in lost:
            raise SourceError(file.label, f"two images have id {head.id!r}", place="images", remedy="number them anew")
        try:
            image = _image(file, head, index, folders)
            _check_entry(entries[at], file.label, head)
            images[head.id] = (image, at)
        except SourceError as error:
            lost.add(head.id)
            ledger.bad_image(_shown(head), error)
    return images, entries, lost


def _heads_of_images(file: CocoFile, entries: Slices) -> list[ImageHead]:
    """All at once where none is wrong, which takes a tenth of the time."""
    try:
        return _image_heads.decode(file.top["images"])
    except msgspec.MsgspecError:
        return [_decode_image(file, raw, i) for i, raw in enumerate(entries)]


def _check_entry(raw: bytes, file: str, head: ImageHead) -> None:
    """The keys of an entry that are not looked at yet will be wanted as well."""
    try:
        _any.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        codec.decode(raw, file, place=f"image {head.id}")


def _decode_image(file: CocoFile, raw: bytes, i: int) -> ImageHead:
    try:
        return _image_head.decode(raw)
    except msgspec.MsgspecError as error:
        head = _salvaged(raw)
        if head is not None:
            return head
        raise SourceError(file.label, _plain(error), place=f"images[{i}]", remedy="each image has an id") from None


def _salvaged(raw: bytes) -> ImageHead | None:
    """The head of an entry that holds a number beyond any use, such as 1e400, which Python reads as infinity."""
    try:
        entry = json.loads(raw)
        return msgspec.convert(entry, ImageHead)
    except (ValueError, RecursionError, msgspec.MsgspecError):
        return None


def _shown(head: ImageHead) -> str:
    return head.file_name if isinstance(head.file_name, str) else f"image {head.id}"


def _image(file: CocoFile, head: ImageHead, index: ImageIndex, folders: Sequence[str]) -> Image:
    place = f"image {head.id}"
    name = _file_name(file, head, place)
    split = _split(file, head, place)
    below = name.removeprefix(f"{split}/") if head.split else name
    return Image(
        name=below,
        split=split,
        width=_side(head.width, "width", name, file, place),
        height=_side(head.height, "height", name, file, place),
        id=head.id if isinstance(head.id, int) else None,
        file=index.find(name, folders),
    )


def _file_name(file: CocoFile, head: ImageHead, place: str) -> str:
    name = head.file_name
    if name is None and isinstance(head.coco_url, str):
        name = _name_in_url(head.coco_url)
    if not isinstance(name, str) or not name:
        raise SourceError(file.label, f"file_name is {name!r}", place=place, remedy="it has to name the image file")
    if long := too_long(name):
        raise SourceError(file.label, f"file_name '{name[:60]}...' {long}", place=place, remedy="rename the file")
    try:
        return clean(name)
    except ValueError as error:
        raise SourceError(
            file.label, f"file_name '{name}' {error}", place=place, remedy="name files inside the dataset"
        ) from None


def _name_in_url(url: str) -> str:
    """The file, below the folder of its split: LVIS takes images of train2017 and val2017 for one set."""
    folder, base = posixpath.split(url)
    above = posixpath.basename(folder)
    return f"{above}/{base}" if is_split_name(above) else base


def _split(file: CocoFile, head: ImageHead, place: str) -> str | None:
    """The split of an image, which becomes a folder: so one part of a path, and nothing that hides in a terminal."""
    split = head.split
    if not isinstance(split, str) or not split:
        return file.split
    if "/" in split or "\\" in split or split.startswith(".") or not split.isprintable():
        problem = f"the split '{printable(split)}' cannot be the name of a folder"
        raise SourceError(file.label, problem, place=place, remedy="rename it")
    return split


def _side(value: Any, key: str, name: str, file: CocoFile, place: str) -> int:
    """A declared width or height; 0 when the entry has none and the file is to tell."""
    if value is None:
        return 0
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        raise SourceError(
            file.label,
            f"{key} of {name} is {value!r}",
            place=place,
            remedy="it has to be a number of pixels above 0",
            code="size-mismatch",
        )
    return value


def _folders(file: CocoFile) -> list[str]:
    """Folders that images of this JSON usually lie in, the likeliest first."""
    here = posixpath.dirname(file.path)
    above = posixpath.dirname(here)
    splits = [s for s in dict.fromkeys((file.raw_split, file.split)) if s]
    bases = [here, above, ""]
    found = [posixpath.join(base, "images", s) for base in bases for s in splits]
    found += [posixpath.join(base, s) for base in bases for s in splits]
    found += [posixpath.join(base, "images") for base in bases]
    return list(dict.fromkeys([*([here] if here else []), *found, *bases]))


def _group(
    reading: Reading,
    file: CocoFile,
    raws: Slices,
    images: dict[int | str, tuple[Image, int]],
    lost: set[int | str],
    declared: dict[int, ClassInfo],
    used: set[int],
    ledger: Ledger,
) -> tuple[dict[int | str, array[int]], list[int | None]]:
    """The places of annotations by image id, those that belong to no image or class judged; and their ids."""
    grouped: dict[int | str, array[int]] = {id: array("q") for id in images}
    ids: list[int | None] = []
    table = reading.options.classes
    strange: set[int] = set()
    for i, head in enumerate(_heads_of_annotations(file, raws, images, ledger)):
        if head is None or head.image_id in lost:
            continue
        mine = grouped.get(head.image_id)
        if mine is None:
            problem = f"image_id {head.image_id!r} names no image"
            wrong = SourceError(
                file.label, problem, place=_place(head.id, i), remedy="mend or remove it", code="orphan-mask"
            )
            ledger.bad_annotation("", _number(head.id), wrong)
            continue
        if head.category_id not in declared:
            if table is None or not table.declares(head.category_id):
                name = shown_name(images[head.image_id][0])
                problem = undeclared([head.category_id], declared)
                place = f"{_place(head.id, i)}, category_id"
                wrong = SourceError(file.label, problem, place=place, code="unmapped-class")
                ledger.bad_annotation(name, _number(head.id), wrong)
                continue
            strange.add(head.category_id)
        used.add(head.category_id)
        mine.append(i)
        ids.append(_number(head.id))
    for id in sorted(strange):
        declared[id] = ClassInfo(id, f"class_{id}", source_id=id)
    return grouped, ids


def _heads_of_annotations(
    file: CocoFile, raws: Slices, images: dict[int | str, tuple[Image, int]], ledger: Ledger
) -> Sequence[AnnotationHead | None]:
    """All at once where none is wrong, which takes a tenth of the time; None for what had to be left out."""
    try:
        return _annotation_heads.decode(file.top["annotations"])
    except msgspec.MsgspecError:
        return [_decode_annotation(file, raw, i, images, ledger) for i, raw in enumerate(raws)]


def _decode_annotation(
    file: CocoFile, raw: bytes, i: int, images: dict[int | str, tuple[Image, int]], ledger: Ledger
) -> AnnotationHead | None:
    try:
        return _annotation_head.decode(raw)
    except msgspec.MsgspecError as error:
        _refuse_endless(error, file.label, _place(None, i))
        id, image = _identify(raw, images)
        wrong = SourceError(file.label, _plain(error), place=_place(id, i), remedy="mend or remove it")
        ledger.bad_annotation(image, id, wrong)
        return None


def _place(id: int | str | None, i: int) -> str:
    return f"annotation {id}" if id is not None else f"annotations[{i}]"


def _number(id: int | str | None) -> int | None:
    return id if isinstance(id, int) else None


def _refuse_endless(error: msgspec.MsgspecError, file: str, place: str) -> None:
    """A number of thousands of digits is nobody's id: whatever wrote it, the rest of the file is no better."""
    if "out of range" in str(error):
        raise SourceError(file, _plain(error), place=place, remedy="write the file again")


def _identify(raw: bytes, images: dict[int | str, tuple[Image, int]]) -> tuple[int | None, str]:
    """Id and image name of an annotation that does not decode as one, as far as they can be read."""
    try:
        entry = _any.decode(raw)
    except msgspec.MsgspecError:
        return None, ""
    if not isinstance(entry, dict):
        return None, ""
    id, image_id = entry.get("id"), entry.get("image_id")
    known = images.get(image_id) if isinstance(image_id, int | str) else None
    return (id if isinstance(id, int) else None), (shown_name(known[0]) if known else "")


def settle_classes(
    declared: dict[int, ClassInfo], used: set[int], files: Sequence[CocoFile], ledger: Ledger
) -> tuple[tuple[ClassInfo, ...], int | None]:
    """The classes without a dummy or background class 0, and the background's id (None: 0 is a real class)."""
    zero = declared.get(0)
    others = [c for c in declared.values() if c.id != 0]
    if zero is not None and 0 not in used and _is_dummy(zero, others):
        where = files[0].label
        ledger.note("dummy-class", where, f"class 0 '{zero.name}' is used by nothing and was left out")
        declared = {c.id: c for c in others}
        zero = None
    elif zero is not None and 0 not in used and is_background(zero.name):
        declared = {c.id: c for c in others}
        zero = None
    classes = tuple(sorted(declared.values(), key=lambda c: c.id))
    check_classes(classes, files[0].label, "categories")
    return classes, (None if zero is not None else 0)


def _is_dummy(zero: ClassInfo, others: Iterable[ClassInfo]) -> bool:
    """Roboflow adds a class 0 that only serves as the supercategory of the others, or repeats a name."""
    names = {c.name for c in others}
    if zero.name in names:
        return True
    parents = {c.extra.get("supercategory") for c in others}
    return zero.extra.get("supercategory") == "none" and parents == {zero.name}


def _unique_images(refs: Sequence[Ref]) -> bool:
    ids = [r.image.id for r in refs]
    return None not in ids and len(set(ids)) == len(ids)


def _unique_annotations(files: Sequence[tuple[str, Sequence[int | None]]], ledger: Ledger) -> bool:
    """Whether annotation ids, given by file, stay; those that occur twice in one file are told."""
    for file, found in files:
        if len(set(found)) == len(found):
            continue
        twice = sorted(i for i, n in Counter(found).items() if n > 1 and i is not None)
        if twice:
            shown = ", ".join(f"id {i}" for i in twice[:5]) + (", ..." if len(twice) > 5 else "")
            ledger.note(
                "duplicate-annotation-id",
                file,
                f"annotations: {shown} occurs more than once; all were numbered anew",
            )
    ids = {id for _, found in files for id in found}
    return None not in ids and len(ids) == sum(len(found) for _, found in files)


def top_entries(files: Sequence[CocoFile]) -> dict[str, Any]:
    """The entries of the files beside images, annotations and categories; of equal keys the first."""
    extra: dict[str, Any] = {}
    for file in files:
        extra.update(
            (k, codec.decode(v, file.label, place=k))
            for k, v in file.top.items()
            if k not in TOP_KEYS and k not in extra
        )
    return extra


def _header(
    files: Sequence[CocoFile], classes: tuple[ClassInfo, ...], background: int | None, refs: Sequence[Ref]
) -> Header:
    extra = top_entries(files)
    info = extra.get("info")
    mark = info.get("segpack") if isinstance(info, dict) else None
    splits = order_splits(r.image.split for r in refs)
    if isinstance(mark, dict) and mark.get("task") == "semantic":
        extra["info"] = {k: v for k, v in info.items() if k != "segpack"} if isinstance(info, dict) else {}
        return Header("coco", "semantic", classes, splits, "", mark.get("background_id"), mark.get("ignore_id"), extra)
    return Header("coco", "instance", classes, splits, background_id=background, extra=extra)


# ---------------------------------------------------------------- load


def load(reading: Reading, header: Header, ref: Ref, ledger: Ledger) -> Sample:
    """One image with its annotations; bad ones are judged one by one."""
    payload: Payload = ref.payload
    image = with_extra(ref.image, payload.entry)
    instances: list[Instance] = []
    for at in payload.mine:
        raw = payload.annotations[at]
        try:
            instances.append(_instance(raw, image, ledger))
        except (ShapeError, msgspec.MsgspecError) as error:
            id = _annotation_head.decode(raw).id
            where = f"{_place(id, at)} of {shown_name(image)}"
            code = error.code if isinstance(error, ShapeError) else "invalid-polygon"
            wrong = SourceError(payload.file, _plain(error), place=where, remedy="mend or remove it", code=code)
            ledger.bad_annotation(shown_name(image), _number(id), wrong)
    del reading, header
    return Sample(image, tuple(instances))


def files(reading: Reading, ref: Ref) -> list[str]:
    """The JSON that the image stands in."""
    del reading
    return [ref.payload.file]


def _plain(error: Exception) -> str:
    """The error's text, with the path into the record in the words of the format."""
    text = str(error)
    message, found, path = text.partition(" - at `$")
    return f"{path.rstrip('`').lstrip('.')}: {message}" if found else text


def with_extra(image: Image, entry: bytes) -> Image:
    """The image with what its entry says beyond name and size."""
    fields = _any.decode(entry)
    extra = {k: v for k, v in fields.items() if k not in IMAGE_KEYS}
    if "ignore_region" in fields:
        extra["ignore_region"] = fields["ignore_region"]
    return msgspec.structs.replace(image, extra=extra)


def _instance(raw: bytes, image: Image, ledger: Ledger) -> Instance:
    extra: dict[str, Any] = {}
    try:
        entry = _annotation.decode(raw)
    except msgspec.MsgspecError:
        entry, extra = _key_by_key(raw)
    id, box = _number(entry.id), _box(entry.bbox)
    shape = _shape(entry, box, image, ledger, id)
    return Instance(
        class_id=entry.category_id,
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
        segmentation=_field(fields, "segmentation", _segmentation) if "segmentation" in fields else msgspec.UNSET,
        iscrowd=_field(fields, "iscrowd", _crowd),
        area=_field(fields, "area", _area),
    )
    return entry, {k: _any.decode(v) for k, v in fields.items() if k not in SHAPE_KEYS}


def _field(fields: dict[str, msgspec.Raw], key: str, decoder: msgspec.json.Decoder[Any]) -> Any:
    if key not in fields:
        return None
    try:
        return decoder.decode(fields[key])
    except msgspec.MsgspecError as error:
        endless = NO_NUMBER.search(bytes(fields[key]))
        problem = f"{endless[1].decode()} is no number" if endless else _plain(error)
        raise ShapeError(f"{key}: {problem}") from None


def _box(numbers: list[Number] | None) -> Box | None:
    if not numbers:
        return None
    if len(numbers) != 4 or not all(abs(v) < 1e9 for v in numbers):
        raise ShapeError(f"bbox: {numbers} is not x, y, width and height near the image")
    return Box(*numbers)


def _shape(entry: Annotation, box: Box | None, image: Image, ledger: Ledger, id: int | None) -> Shape:
    value = entry.segmentation
    if isinstance(value, RawRle):
        return _rle(value, image)
    rings = [ring for ring in value or () if ring]
    if rings:
        try:
            extent = raster.check_rings(rings, image.height, image.width)
        except ShapeError as error:
            raise ShapeError(f"segmentation: {error}") from None
        if extent.least < 0 or extent.most > min(image.width, image.height):
            _note_outside(rings, image, ledger, id)
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
            return rle.from_string(value.counts, image.height, image.width)
        return rle.from_counts(value.counts, image.height, image.width)
    except ShapeError as error:
        error.code = "invalid-rle"
        raise


def _note_outside(rings: list[list[float]], image: Image, ledger: Ledger, id: int | None) -> None:
    if min(map(min, rings)) < 0 or any(max(r[0::2]) > image.width or max(r[1::2]) > image.height for r in rings):
        ledger.note(
            "outside-image",
            f"{shown_name(image)}, annotation {id}",
            "the polygon reaches outside the image; its mask ends at the edge",
        )
