"""JSONs beside the COCO files that are read: what they hold that nothing else carries is told."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from converter.codecs.slices import Slices
from converter.errors import SourceError
from converter.layouts.coco_files import WHOLE, CocoFile, damage, unread_files
from converter.layouts.coco_images import ImageHead, ImageNames, image_folders
from converter.layouts.images import ImageIndex
from converter.ledger import Ledger
from converter.model import Ref
from converter.storage import Source

__all__ = ["tell_unread"]

AT_ONCE = 4096

T = TypeVar("T")


class _Object(msgspec.Struct, gc=False):
    """What tells an annotation from others."""

    image_id: int | float | str | None = None
    category_id: int | float | str | None = None
    id: int | float | str | None = None
    bbox: tuple[int | float | None, ...] | None = None


_objects = msgspec.json.Decoder(list[_Object])
_images = msgspec.json.Decoder(list[ImageHead])


def tell_unread(
    source: Source, files: Sequence[CocoFile], refs: Sequence[Ref], index: ImageIndex, ledger: Ledger
) -> list[str]:
    """Tell of each JSON that lists images and was not read; gives the files of the images that they list.

    Objects that stand in no file that was read are a loss. They are the same where their
    image, class, id and box are.
    """
    known = {ref.image.file or ref.image.name for ref in refs}
    where = _Where(index)
    carried: NDArray[np.int64] | None = None
    listed: list[str] = []
    for file in unread_files(source, {file.path for file in files} | _repeating(files, refs)):
        if not file.top:
            problem = damage(source, file.path) or "its annotations are no list"
            ledger.lose("annotation-dropped", "", f"{file.label} was not read, and it is broken: {problem}")
        if not (images := where.paths(file)):
            continue
        listed += images.values()
        objects = _marks(file, images)
        if carried is None and len(objects):
            carried = np.concatenate([_marks(read, where.paths(read)) for read in files])
        lost = len(objects) - int(np.isin(objects, carried).sum()) if carried is not None else 0
        _tell(file, len(objects), lost, len(set(images.values()) - known), ledger)
    return listed


def _repeating(files: Sequence[CocoFile], refs: Sequence[Ref]) -> set[str]:
    """What this program writes beside the file of all splits."""
    whole = files[0].path
    splits = {ref.image.split for ref in refs if ref.image.split} if whole in WHOLE else ()
    return {f"{whole.removesuffix('coco.json')}{split}.json" for split in splits}


def _tell(file: CocoFile, objects: int, lost: int, images: int, ledger: Ledger) -> None:
    more = f"; {images:,} of its images are in no other file" if images else ""
    if lost:
        message = f"{file.label} was not read, and {lost:,} of its {objects:,} annotations are in no other file{more}"
        ledger.lose("annotation-dropped", "", f"{message}; name it to convert it by itself", amount=lost)
        return
    held = f"its {objects:,} annotations are in the files that were" if objects else "it holds no instances"
    ledger.note("unused-file", file.label, f"it was not read: {held}{more}")


class _Where:
    """Finds the images of files, those of one list once: in COCO's own files it is the same."""

    def __init__(self, index: ImageIndex) -> None:
        self.index = index
        self.last: tuple[list[str], bytes, dict[Any, str]] = [], b"", {}

    def paths(self, file: CocoFile) -> dict[Any, str]:
        """Image id -> the file of the image, or its name where there is none."""
        folders, raw = image_folders(file), bytes(file.top.get("images", b"[]"))
        if self.last[:2] != (folders, raw):
            self.last = folders, raw, self._paths(file, folders)
        return self.last[2]

    def _paths(self, file: CocoFile, folders: list[str]) -> dict[Any, str]:
        paths: dict[Any, str] = {}
        names = ImageNames(file, self.index, folders)
        for head in _lenient(_images, Slices.of(file.top.get("images", msgspec.Raw(b"[]")))):
            try:
                name, found = names.find(head)
            except SourceError:
                continue
            paths[head.id] = found or name
        return paths


def _marks(file: CocoFile, images: dict[Any, str]) -> NDArray[np.int64]:
    """A number for each object of a file, the same for the same object in another file."""
    marks = array("q")
    for one in _lenient(_objects, Slices.of(file.top.get("annotations", msgspec.Raw(b"[]")))):
        if one.category_id is not None:
            image = images.get(one.image_id, one.image_id)
            marks.append(hash((image, one.category_id, one.id, one.bbox)))
    return np.array(marks, np.int64)


def _lenient(decoder: msgspec.json.Decoder[list[T]], entries: Slices) -> Iterator[T]:
    """The entries of a list; those that are none are left out."""
    for begin in range(0, len(entries), AT_ONCE):
        end = min(begin + AT_ONCE, len(entries))
        try:
            yield from decoder.decode(entries.document(begin, end))
        except (msgspec.MsgspecError, UnicodeDecodeError):
            for at in range(begin, end):
                try:
                    yield from decoder.decode(entries.document(at, at + 1))
                except (msgspec.MsgspecError, UnicodeDecodeError):
                    continue
