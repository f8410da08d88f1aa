"""Reading COCO instances: header and refs from the JSON files, and one image with its annotations."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from converter.codecs.slices import Slices
from converter.errors import ShapeError, SourceError, some_of
from converter.format import ClassTable, Reading, Scan
from converter.layouts.coco_annotations import (
    AT_ONCE,
    AnnotationHead,
    all_usual,
    are_drawn_within,
    decode_annotation,
    decode_head,
    decode_heads,
    instance_of,
    place_of,
)
from converter.layouts.coco_categories import categories, settle_classes
from converter.layouts.coco_files import CocoFile, in_words, open_files, tell_endless
from converter.layouts.coco_images import Id, number, scan_images, with_extra
from converter.layouts.coco_root import images_around
from converter.layouts.coco_top import tell_other_entries, told_header
from converter.layouts.coco_unread import tell_unread
from converter.layouts.groups import NOBODY, Groups
from converter.layouts.images import ImageIndex, order_splits, own_ids, tell_unused
from converter.layouts.undeclared import undeclared
from converter.ledger import Ledger
from converter.model import ClassInfo, Header, Image, Instance, Ref, Sample

__all__ = [
    "Payload",
    "files",
    "load",
    "scan",
    "scan_files",
    "scan_one",
]


class Entries(msgspec.Struct, frozen=True):
    """What the images of a file share: its entries as they are written, and which annotations are whose."""

    file: str
    images: Slices
    annotations: Slices
    groups: Groups


class Payload(msgspec.Struct, frozen=True, gc=False):
    """The place of an image among the entries of its file."""

    entries: Entries
    at: int

    @property
    def file(self) -> str:
        return self.entries.file

    @property
    def entry(self) -> bytes:
        """The raw entry of the image."""
        return self.entries.images[self.at]

    @property
    def annotations(self) -> Slices:
        """The raw entries of all annotations of the file."""
        return self.entries.annotations

    @property
    def mine(self) -> NDArray[np.int32]:
        """The places among them of those that are the image's."""
        return self.entries.groups[self.at]


class Ids:
    """The ids of a file's annotations: in 8 bytes each, but for those that are no number of 64 bits.

    `no_number` is the first that is no whole number at all.
    """

    def __init__(self) -> None:
        self._numbers = array("q")
        self._others: list[int | None] = []
        self.no_number: Id | None = None

    def add(self, id: Id | None) -> None:
        try:
            self._numbers.append(id)  # type: ignore[arg-type]  # it is tried
        except (TypeError, OverflowError):
            known = number(id)
            self._others.append(known)
            if known is None and self.no_number is None:
                self.no_number = id

    def add_all(self, ids: Sequence[Any]) -> None:
        """As `add` of each."""
        try:
            self._numbers += array("q", ids)
        except (TypeError, OverflowError):
            for id in ids:
                self.add(id)

    def extend(self, other: Ids) -> None:
        self._numbers += other._numbers
        self._others += other._others

    @property
    def complete(self) -> bool:
        """Whether every annotation has one."""
        return None not in self._others

    def twice(self) -> list[int]:
        """Those that more than one annotation has, in order."""
        numbers = np.array(self._numbers, np.int64)
        numbers.sort()
        others = [id for id, n in Counter(self._others).items() if n > 1 and id is not None]
        return sorted({*numbers[1:][numbers[1:] == numbers[:-1]].tolist(), *others})


def scan(reading: Reading, ledger: Ledger) -> Scan:
    """Header and refs of all COCO files of the source; no annotation is decoded beyond its ids."""
    return scan_files(reading, open_files(reading.source), ledger, alone=False)


def scan_files(reading: Reading, files: Sequence[CocoFile], ledger: Ledger, *, alone: bool = True) -> Scan:
    """As scan, of these files. Unless they are meant `alone`, what lies beside them is told."""
    tell_endless(files, ledger)
    declared = categories(files, ledger)
    tell_other_entries(files, ledger)
    around = images_around(reading, files[0])
    index = ImageIndex(around or reading.images)
    refs: list[Ref] = []
    used: set[int] = set()
    ids: list[tuple[str, Ids]] = []
    spoken_of = [file.path for file in files]
    for file in files:
        found, mine, refused = _scan_file(reading, file, index, declared, used, ledger)
        refs += found
        ids.append((file.label, mine))
        spoken_of += refused
    if not alone:
        spoken_of += tell_unread(reading.source, files, refs, index, ledger)
    tell_unused(reading.images, refs, spoken_of, ledger)
    classes, background = settle_classes(declared, used, files, reading.options.classes, ledger)
    ids_kept = _unique_annotations(ids, ledger)
    if not own_ids(r.image for r in refs):
        if len(files) > 1 and all(r.image.id is not None for r in refs):
            _tell_restart("images", files[0].label, ledger)
        refs = [msgspec.structs.replace(r, image=msgspec.structs.replace(r.image, id=None)) for r in refs]
    splits = order_splits(r.image.split for r in refs)
    return Scan(told_header("coco", files, classes, background, splits), refs, ids_kept, images=around)


def scan_one(reading: Reading, file: CocoFile, ledger: Ledger) -> tuple[dict[int, ClassInfo], list[Ref]]:
    """The classes by id and the images of one file, which is not the source."""
    declared = categories([file], ledger)
    refs, _, _ = _scan_file(reading, file, ImageIndex(reading.images), declared, set(), ledger)
    return declared, refs


def _scan_file(
    reading: Reading,
    file: CocoFile,
    index: ImageIndex,
    declared: dict[int, ClassInfo],
    used: set[int],
    ledger: Ledger,
) -> tuple[list[Ref], Ids, list[str]]:
    """The images of a file, the ids of all their annotations, and the files of images that were left out."""
    annotations = Slices.of(file.top["annotations"])  # before there are images: it takes memory for a moment
    images, raws, lost = scan_images(file, index, ledger)
    owners, ids = _owners(reading, file, annotations, images, lost, declared, used, ledger)
    _tell_other_ids(file, images, ids, ledger)
    entries = Entries(file.label, raws, annotations, Groups.of(np.asarray(memoryview(owners)), len(raws)))
    return [Ref(image, Payload(entries, at)) for image, at in images.values()], ids, list(filter(None, lost.values()))


def _tell_other_ids(file: CocoFile, images: Iterable[Id], annotations: Ids, ledger: Ledger) -> None:
    """Ids that are no whole numbers have no place in any target."""
    found = {"images": next((id for id in images if number(id) is None), None), "annotations": annotations.no_number}
    shown = [f"{kind} ({id!r})" for kind, id in found.items() if id is not None]
    if shown:
        message = f"ids of {' and '.join(shown)} are no whole numbers: all were numbered anew"
        ledger.note("ids-renumbered", file.label, message)


def _owners(
    reading: Reading,
    file: CocoFile,
    raws: Slices,
    images: dict[Id, tuple[Image, int]],
    lost: Container[Id],
    declared: dict[int, ClassInfo],
    used: set[int],
    ledger: Ledger,
) -> tuple[array[int], Ids]:
    """The place of the image of each annotation, NOBODY for those that had to be left out; and the ids of the others.

    Annotations that belong to no image or class are judged.
    """
    owners, ids = array("i"), Ids()
    judge = _Judge(file, images, lost, declared, reading.options.classes, ledger)
    for heads in decode_heads(file, raws, images, ledger):
        mine = _plain_owners(heads, images, declared) or [judge.owner(len(owners) + i, h) for i, h in enumerate(heads)]
        owners.extend(mine)
        kept = [head for head, owner in zip(heads, mine, strict=True) if head is not None and owner != NOBODY]
        used.update(map(int, {head.category_id for head in kept}))
        ids.add_all([head.id for head in kept])
    for id in sorted(judge.strange):
        declared[id] = ClassInfo(id, f"class_{id}", source_id=id)
    return owners, ids


def _plain_owners(
    heads: Sequence[AnnotationHead | None],
    images: Mapping[Id, tuple[Image, int]],
    declared: Mapping[int, ClassInfo],
) -> list[int] | None:
    """The places of their images where every annotation has one, and a class; None when each wants a look."""
    try:
        owners = [images[head.image_id][1] for head in heads]  # type: ignore[union-attr]  # it is tried
        classes = {head.category_id for head in heads}  # type: ignore[union-attr]
    except (AttributeError, KeyError):
        return None
    return owners if classes <= declared.keys() else None


class _Judge:
    """Says whose an annotation is; `strange` are the classes that only the user's table declares."""

    def __init__(
        self,
        file: CocoFile,
        images: Mapping[Id, tuple[Image, int]],
        lost: Container[Id],
        declared: Mapping[int, ClassInfo],
        table: ClassTable | None,
        ledger: Ledger,
    ) -> None:
        self.file, self.images, self.lost, self.declared = file, images, lost, declared
        self.table, self.ledger = table, ledger
        self.strange: set[int] = set()

    def owner(self, i: int, head: AnnotationHead | None) -> int:
        """The place of the image of annotation `i`, NOBODY for one that is left out."""
        if head is None or head.image_id in self.lost:
            return NOBODY
        place = place_of(head.id, i)
        owner = self.images.get(head.image_id)
        if owner is None:
            problem = f"image_id {head.image_id!r} names no image"
            wrong = SourceError(self.file.label, problem, place=place, remedy="mend or remove it", code="orphan-mask")
            self.ledger.bad_annotation("", number(head.id), wrong)
            return NOBODY
        if head.category_id not in self.declared:
            known = number(head.category_id)
            if self.table is None or known is None or not self.table.declares(known):
                problem = undeclared([known], self.declared) if known is not None else "is no whole number"
                wrong = SourceError(self.file.label, problem, place=f"{place}, category_id", code="unmapped-class")
                self.ledger.bad_annotation(owner[0].path, number(head.id), wrong)
                return NOBODY
            self.strange.add(known)
        return owner[1]


def _unique_annotations(files: Sequence[tuple[str, Ids]], ledger: Ledger) -> bool:
    """Whether annotation ids, given by file, stay; those that occur twice in one file are told."""
    for file, found in files:
        if twice := found.twice():
            shown = some_of([f"id {i}" for i in twice], 5)
            ledger.note(
                "duplicate-annotation-id",
                file,
                f"annotations: {shown} occurs more than once; all were numbered anew",
            )
    alone = all(found.complete and not found.twice() for _, found in files)
    (first, whole), *others = files
    for _, found in others:
        whole.extend(found)
    kept = whole.complete and not whole.twice()
    if alone and not kept:
        _tell_restart("annotations", first, ledger)
    return kept


def _tell_restart(what: str, file: str, ledger: Ledger) -> None:
    """Ids that start again in each file."""
    message = f"ids of {what} occur in other files of the set too: all were numbered anew"
    ledger.note("ids-renumbered", file, message)


def load(reading: Reading, header: Header, ref: Ref, ledger: Ledger) -> Sample:
    """One image with its annotations; bad ones are judged one by one."""
    payload: Payload = ref.payload
    image = with_extra(ref.image, payload.entry)
    places = payload.mine
    entries = all_usual(payload.annotations.gathered(places)) if len(places) <= AT_ONCE else None
    within = entries is not None and are_drawn_within(entries, image)
    instances: list[Instance] = []
    for i, at in enumerate(places.tolist()):
        try:
            entry, extra = (entries[i], {}) if entries else decode_annotation(payload.annotations[at])
            instances.append(instance_of(entry, extra, image, ledger, within=within))
        except (ShapeError, msgspec.MsgspecError) as error:
            id = decode_head(payload.annotations[at]).id
            where = f"{place_of(id, at)} of {image.path}"
            code = error.code if isinstance(error, ShapeError) else "invalid-polygon"
            wrong = SourceError(payload.file, in_words(error), place=where, remedy="mend or remove it", code=code)
            ledger.bad_annotation(image.path, number(id), wrong)
    del reading, header
    return Sample(image, tuple(instances))


def files(reading: Reading, ref: Ref) -> list[str]:
    """The JSON that the image stands in."""
    del reading
    return [ref.payload.file]
