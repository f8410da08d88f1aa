"""The entries of images in COCO files."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

import msgspec

from converter.codecs import json as codec
from converter.codecs.slices import Slices
from converter.errors import SourceError, printable
from converter.layouts.coco_files import CocoFile, in_words
from converter.layouts.images import ImageIndex, is_split_name
from converter.ledger import Ledger
from converter.model import Image
from converter.storage.names import clean, too_long

__all__ = ["IMAGE_KEYS", "Id", "ImageHead", "image_folders", "meant_file", "number", "scan_images", "with_extra"]

Id: TypeAlias = int | float | str  # a table with a gap writes all its whole numbers as floats

LONGEST = 2**31 - 1  # pixels of a side: no format of images has more
AT_ONCE = 1024  # images: their heads take more memory than all that is kept of them
IMAGE_KEYS = frozenset({"id", "file_name", "width", "height", "split"})


class ImageHead(msgspec.Struct, gc=False):
    """What scanning needs of an image; all but the id is judged later, so that one bad entry is one."""

    id: Id
    file_name: Any = None
    width: Any = None
    height: Any = None
    coco_url: Any = None
    split: Any = None


_UNREAD: dict[str, Any] = {}  # of every image until with_extra reads what it has: one each would be 64 bytes
_KEYS = (b'"id"', b'"file_name"', b'"width"', b'"height"')
_image_heads = msgspec.json.Decoder(list[ImageHead])
_image_head = msgspec.json.Decoder(ImageHead)
_any = msgspec.json.Decoder()


def scan_images(
    file: CocoFile, index: ImageIndex, ledger: Ledger
) -> tuple[dict[Id, tuple[Image, int]], Slices, set[Id]]:
    """Image id -> the image and the place of its entry; the raw entries; the ids of those that had to be left out."""
    images: dict[Id, tuple[Image, int]] = {}
    lost: set[Id] = set()
    entries = Slices.of(file.top["images"])
    folders = image_folders(file)
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


def number(id: Any) -> int | None:
    """The id where it is a whole number, also one that is written as 12.0; None for others."""
    if isinstance(id, float) and id.is_integer():
        return int(id)
    return id if isinstance(id, int) and not isinstance(id, bool) else None


def _heads_of_images(file: CocoFile, entries: Slices) -> Iterator[ImageHead]:
    """Many at once where none is wrong, which takes a tenth of the time."""
    for begin in range(0, len(entries), AT_ONCE):
        end = min(begin + AT_ONCE, len(entries))
        try:
            yield from _image_heads.decode(entries.document(begin, end))
        except msgspec.MsgspecError:
            yield from (_decode_image(file, entries[i], i) for i in range(begin, end))


def _check_entry(raw: bytes, file: str, head: ImageHead) -> None:
    """The keys of an entry that are not looked at yet will be wanted as well."""
    place = f"image {head.id}"
    if key := codec.twice(raw, _KEYS):
        raise SourceError(file, f"the key {key!r} stands twice", place=place, remedy="remove one of the two")
    try:
        _any.decode(raw)
        sound = not codec.too_deep(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        sound = False
    if not sound:
        codec.decode(raw, file, place=place)  # says why


def _decode_image(file: CocoFile, raw: bytes, i: int) -> ImageHead:
    try:
        return _image_head.decode(raw)
    except msgspec.MsgspecError as error:
        head = _salvaged(raw)
        if head is not None:
            return head
        raise SourceError(file.label, in_words(error), place=f"images[{i}]", remedy="each image has an id") from None


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
    name, found = meant_file(file, head, index, folders)
    split = _split(file, head, place)
    below = name.removeprefix(f"{split}/") if head.split else name
    return Image(
        name=below,
        split=split,
        width=_side(head.width, "width", name, file, place),
        height=_side(head.height, "height", name, file, place),
        id=number(head.id),
        file=found,
        extra=_UNREAD,
    )


def meant_file(file: CocoFile, head: ImageHead, index: ImageIndex, folders: Sequence[str]) -> tuple[str, str | None]:
    """The name of an image, and the path of its file where there is one."""
    name = _file_name(file, head, f"image {head.id}")
    found = index.find(name, folders)
    if found is None and "\\" in name:
        name = clean(name.replace("\\", "/"))  # it was written on Windows
        found = index.find(name, folders)
    return name, found


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
    said = value
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= LONGEST:
        raise SourceError(
            file.label,
            f"{key} of {name} is {said!r}",
            place=place,
            remedy=f"it has to be a number of pixels, 1 to {LONGEST}",
            code="size-mismatch",
        )
    return _one_of(value)


@lru_cache(maxsize=1024)
def _one_of(side: int) -> int:
    """The same number for all images of a size, which has 32 bytes for itself."""
    return side


def image_folders(file: CocoFile) -> list[str]:
    """Folders that images of this JSON usually lie in, the likeliest first."""
    here = posixpath.dirname(file.path)
    above = posixpath.dirname(here)
    splits = [s for s in dict.fromkeys((file.raw_split, file.split)) if s]
    bases = [here, above, ""]
    found = [posixpath.join(base, "images", s) for base in bases for s in splits]
    found += [posixpath.join(base, s) for base in bases for s in splits]
    found += [posixpath.join(base, folder) for folder in ("images", "data") for base in bases]
    return list(dict.fromkeys([*([here] if here else []), *found, *bases]))


def with_extra(image: Image, entry: bytes) -> Image:
    """The image with what its entry says beyond name and size."""
    fields = _any.decode(entry)
    extra = {k: v for k, v in fields.items() if k not in IMAGE_KEYS}
    return msgspec.structs.replace(image, extra=extra)
