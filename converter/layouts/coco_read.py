"""Reading COCO instances: header and refs from the JSON files, and one image with its annotations."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec

from converter.codecs import json as codec
from converter.codecs.slices import Slices
from converter.errors import ShapeError, SourceError
from converter.format import Reading, Scan
from converter.layouts.classes import undeclared
from converter.layouts.coco_annotations import decode_head, decode_heads, instance_of, number, place_of
from converter.layouts.coco_categories import categories, settle_classes
from converter.layouts.coco_files import CocoFile, in_words, open_files
from converter.layouts.coco_images import scan_images, with_extra
from converter.layouts.images import ImageIndex, order_splits, shown_name, tell_unused
from converter.ledger import Ledger
from converter.model import ClassInfo, Header, Image, Instance, Ref, Sample

__all__ = ["Payload", "files", "load", "scan", "scan_files", "top_entries"]

TOP_KEYS = frozenset({"images", "annotations", "categories"})


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
    for i, head in enumerate(decode_heads(file, raws, images, ledger)):
        if head is None or head.image_id in lost:
            continue
        mine = grouped.get(head.image_id)
        if mine is None:
            problem = f"image_id {head.image_id!r} names no image"
            wrong = SourceError(
                file.label, problem, place=place_of(head.id, i), remedy="mend or remove it", code="orphan-mask"
            )
            ledger.bad_annotation("", number(head.id), wrong)
            continue
        if head.category_id not in declared:
            if table is None or not table.declares(head.category_id):
                name = shown_name(images[head.image_id][0])
                problem = undeclared([head.category_id], declared)
                place = f"{place_of(head.id, i)}, category_id"
                wrong = SourceError(file.label, problem, place=place, code="unmapped-class")
                ledger.bad_annotation(name, number(head.id), wrong)
                continue
            strange.add(head.category_id)
        used.add(head.category_id)
        mine.append(i)
        ids.append(number(head.id))
    for id in sorted(strange):
        declared[id] = ClassInfo(id, f"class_{id}", source_id=id)
    return grouped, ids


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


def load(reading: Reading, header: Header, ref: Ref, ledger: Ledger) -> Sample:
    """One image with its annotations; bad ones are judged one by one."""
    payload: Payload = ref.payload
    image = with_extra(ref.image, payload.entry)
    instances: list[Instance] = []
    for at in payload.mine:
        raw = payload.annotations[at]
        try:
            instances.append(instance_of(raw, image, ledger))
        except (ShapeError, msgspec.MsgspecError) as error:
            id = decode_head(raw).id
            where = f"{place_of(id, at)} of {shown_name(image)}"
            code = error.code if isinstance(error, ShapeError) else "invalid-polygon"
            wrong = SourceError(payload.file, in_words(error), place=where, remedy="mend or remove it", code=code)
            ledger.bad_annotation(shown_name(image), number(id), wrong)
    del reading, header
    return Sample(image, tuple(instances))


def files(reading: Reading, ref: Ref) -> list[str]:
    """The JSON that the image stands in."""
    del reading
    return [ref.payload.file]
