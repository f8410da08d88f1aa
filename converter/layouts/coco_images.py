"""The entries of images in COCO files."""

from __future__ import annotations

import json
import posixpath
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cached_property, lru_cache
from typing import Any, TypeAlias
from urllib.parse import unquote, urlsplit

import msgspec

from converter.codecs import json as codec
from converter.codecs.slices import Slices
from converter.errors import SourceError, printable
from converter.layouts.coco_files import CocoFile, in_words
from converter.layouts.images import ImageIndex, is_split_name
from converter.ledger import Ledger
from converter.model import Image
from converter.storage.names import clean, too_long

__all__ = ["IMAGE_KEYS", "Id", "ImageHead", "ImageNames", "image_folders", "number", "scan_images", "with_extra"]

Id: TypeAlias = int | float | str  # a table with a gap writes all its whole numbers as floats

LONGEST = 2**31 - 1  # pixels of a side: no format of images has more
AT_ONCE = 1024  # images: their heads take more memory than all that is kept of them
# What Label Studio says of images that it serves itself, in exports without images.
SERVED = re.compile(r"(?:https?://[^/]+)?/data/(?:local-files/\?d=|upload/)([^?&#]+).*", re.DOTALL)
CITYSCAPES = "_gtFine_leftImg8bit"  # what createPanopticImgs.py puts into the names of images, which have no gtFine
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
) -> tuple[dict[Id, tuple[Image, int]], Slices, dict[Id, str | None]]:
    """Image id -> the image and the place of its entry; the raw entries; those left out, id -> their files."""
    images: dict[Id, tuple[Image, int]] = {}
    lost: dict[Id, str | None] = {}
    entries = Slices.of(file.top["images"])
    names = ImageNames(file, index)
    for at, head in enumerate(_heads_of_images(file, entries)):
        if head.id in images or head.id in lost:
            raise SourceError(file.label, f"two images have id {head.id!r}", place="images", remedy="number them anew")
        found = None
        try:
            name, found = names.find(head)
            image = _image(file, head, name, found)
            _check_entry(entries[at], file.label, head)
            images[head.id] = (image, at)
        except SourceError as error:
            lost[head.id] = found
            ledger.bad_image(_shown(head), error)
    if names.urls:
        shown = f"in {names.urls:,} images file_name is a URL, such as {names.url}"
        ledger.note("image-renamed", file.label, f"{shown}; they are called by the end of it")
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


def _image(file: CocoFile, head: ImageHead, name: str, found: str | None) -> Image:
    place = f"image {head.id}"
    split = _split(file, head, place)
    below = name.removeprefix(f"{split}/") if head.split not in {None, ""} else name
    return Image(
        name=below,
        split=split,
        width=_side(head.width, "width", name, file, place),
        height=_side(head.height, "height", name, file, place),
        id=number(head.id),
        file=found,
        extra=_UNREAD,
    )


class ImageNames:
    """What the images of a JSON are called, and which files they are; `urls` were URLs, `url` the last of them."""

    def __init__(self, file: CocoFile, index: ImageIndex, folders: Sequence[str] | None = None) -> None:
        self.file, self.index = file, index
        self.folders = image_folders(file) if folders is None else folders
        self.urls, self.url = 0, ""

    def find(self, head: ImageHead) -> tuple[str, str | None]:
        """The name of an image, and the path of its file where there is one."""
        if parts := _parts_of_url(head.file_name):
            self.urls, self.url = self.urls + 1, head.file_name.partition("?")[0]
            return self._at_end(parts)
        name = _file_name(self.file, head, f"image {head.id}")
        found = self.index.find(name, self.folders)
        if found is None and "\\" in name:
            name = clean(name.replace("\\", "/"))  # it was written on Windows
            found = self.index.find(name, self.folders)
        for other in () if found is not None else _other_spellings(name):
            if (found := self.index.find(other, self.folders)) is not None:
                return other, found
        return name, found

    def _at_end(self, parts: Sequence[str]) -> tuple[str, str | None]:
        """As much of a URL's path as a file has, but never less than tells the image from others of the JSON."""
        least = 2 if len(parts) > 1 and (is_split_name(parts[-2]) or parts[-1] in self._shared) else 1
        for length in range(len(parts), least - 1, -1):
            name = "/".join(parts[-length:])
            found = self.index.find(name, self.folders)
            if found is not None:
                return name, found
        return "/".join(parts[-least:]), None

    @cached_property
    def _shared(self) -> frozenset[str]:
        """The last parts that more than one of the URLs have."""
        heads = _heads_of_images(self.file, Slices.of(self.file.top["images"]))
        found = Counter(parts[-1] for head in heads if (parts := _parts_of_url(head.file_name)))
        return frozenset(base for base, n in found.items() if n > 1)


def _parts_of_url(name: Any) -> list[str]:
    """The parts of the path of a URL; nothing when `name` is none, or ends in no file."""
    if not isinstance(name, str) or ("://" not in name and not name.startswith("/data/")):
        return []
    try:
        if served := SERVED.fullmatch(name):
            path = clean(unquote(served[1]).lstrip("/"))
        else:
            url = urlsplit(name)
            path = clean(unquote(url.path).lstrip("/")) if len(url.scheme) > 1 else ""  # of one letter it is a drive
    except ValueError:
        return []
    return path.split("/") if path and not too_long(path) else []


def _other_spellings(name: str) -> Iterator[str]:
    """What a file may be called that the JSON names as in URLs (%20), or as scripts of Cityscapes name its maps."""
    if "%" in name:
        with suppress(ValueError):
            yield clean(unquote(name))
    if CITYSCAPES in name:
        yield name.replace(CITYSCAPES, "_leftImg8bit")


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
    if split is None or split == "":
        return file.split
    if isinstance(split, int) and not isinstance(split, bool):
        split = str(split)  # of a fold
    if not isinstance(split, str):
        raise SourceError(file.label, f"split is {split!r:.40}, not text", place=place, remedy="name the split")
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
