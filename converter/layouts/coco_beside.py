"""What coco/coco.json of a package says beside its masks: attributes, and facts of images, classes and the set.

    coco/coco.json

Masks and index.csv have no place for them. They belong to the image of the same path, and to the object
whose annotation id the index gives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from converter.errors import ShapeError, SourceError
from converter.format import Reading
from converter.layouts.coco_annotations import AT_ONCE, all_usual, decode_annotation
from converter.layouts.coco_files import WHOLE, in_words, open_file
from converter.layouts.coco_images import number, with_extra
from converter.layouts.coco_read import Payload, scan_one
from converter.layouts.coco_top import top_extra
from converter.layouts.images import own_ids
from converter.ledger import Ledger
from converter.model import ClassInfo, Image, Ref

__all__ = ["Beside", "find_beside"]


class Beside(msgspec.Struct, frozen=True):
    """The entries of coco/coco.json: of the set, of classes by id, and where those of each image are."""

    extra: dict[str, Any]
    classes: Mapping[int, ClassInfo]
    refs: Mapping[str, Ref]

    def numbered(self, image: Image) -> Image:
        """The image with its id."""
        ref = self.refs.get(image.path)
        return image if ref is None else msgspec.structs.replace(image, id=ref.image.id)

    def told(self, classes: Sequence[ClassInfo]) -> list[ClassInfo]:
        """The classes with what is said of those of the same id and name."""
        known = {c.id: c.extra for c in self.classes.values() if c.extra}
        names = {c.id: c.name for c in self.classes.values()}
        return [msgspec.structs.replace(c, extra=known[c.id]) if c.id in known and names[c.id] == c.name else c
                for c in classes]  # fmt: skip

    def whole(self, image: Image) -> Image:
        """The image with what its entry says beyond name and size."""
        payload = self._payload(image)
        if payload is None:
            return image
        return msgspec.structs.replace(image, extra=with_extra(image, payload.entry).extra)

    def extras(self, image: Image) -> dict[int | None, dict[str, Any]]:
        """What annotations of the image say beyond the keys of the format, by their ids; those that do so.

        None stands for ids that are no whole numbers.
        """
        payload = self._payload(image)
        if payload is None or not len(payload.mine):
            return {}
        mine = payload.mine
        if len(mine) <= AT_ONCE and all_usual(payload.annotations.gathered(mine)) is not None:
            return {}
        found: dict[int | None, dict[str, Any]] = {}
        for at in mine.tolist():
            try:
                entry, extra = decode_annotation(payload.annotations[at])
            except (ShapeError, msgspec.MsgspecError):
                continue  # its mask is what counts, and a check of the package tells of it
            if extra:
                found[number(entry.id)] = extra
        return found

    def _payload(self, image: Image) -> Payload | None:
        ref = self.refs.get(image.path)
        return None if ref is None else ref.payload


def find_beside(reading: Reading, ledger: Ledger) -> Beside | None:
    """What the package says beside its masks; None without a coco/coco.json, and, with a note, for a damaged one."""
    place = WHOLE[1]
    if place not in reading.source:
        return None
    try:
        file = open_file(reading.source, place)
        classes, refs = scan_one(reading, file, Ledger("skip"))
        extra = top_extra([file])
    except (SourceError, msgspec.MsgspecError) as error:
        said = error.problem if isinstance(error, SourceError) else in_words(error)
        ledger.note(
            "attributes-unread", reading.source.label(place), f"attributes that it may hold were left out: {said}"
        )
        return None
    if not own_ids(ref.image for ref in refs):
        refs = [msgspec.structs.replace(ref, image=msgspec.structs.replace(ref.image, id=None)) for ref in refs]
    return Beside(extra, classes, {ref.image.path: ref for ref in refs})
