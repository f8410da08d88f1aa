"""Image files of a dataset: finding them by name, measuring them, naming their splits."""

from __future__ import annotations

import io
import posixpath
import re
import unicodedata
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import compress, pairwise

import msgspec

from converter.codecs import images as codec
from converter.errors import SourceError
from converter.format import Format, Reading
from converter.layouts.words import key_of
from converter.ledger import Ledger
from converter.model import Header, Image, Ref, Sample
from converter.storage import Source

__all__ = [
    "TEXTS",
    "ImageIndex",
    "check_frame",
    "fold",
    "image_files",
    "is_image",
    "is_split_name",
    "load_judged",
    "measure",
    "order_splits",
    "own_ids",
    "read_image",
    "resolve",
    "split_name",
    "stem",
    "tell_unused",
]

_ENDINGS = tuple(codec.EXTENSIONS)
TEXTS = (".csv", ".json", ".md", ".names", ".txt", ".xml", ".yaml", ".yml")
SPLIT_ORDER = {"train": 0, "val": 1, "test": 2}
SPLIT_WORDS = {"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val",
               "test": "test", "testing": "test"}  # fmt: skip
SPLIT_PATTERN = re.compile(r"(training|train|validation|valid|val|testing|test)[-_]?(?:\d{4})?", re.IGNORECASE)


def split_name(raw: str) -> str:
    """The split that a folder or file name means: `valid` is val, `train2017` is train."""
    match = SPLIT_PATTERN.fullmatch(raw)
    return SPLIT_WORDS[match[1].lower()] if match else raw


def is_split_name(raw: str) -> bool:
    """Whether `raw` is one of the usual names of splits."""
    return SPLIT_PATTERN.fullmatch(raw) is not None


def order_splits(names: Iterable[str | None]) -> tuple[str, ...]:
    """Splits without repetition: train, val, test, then the others by name."""
    return tuple(sorted({n for n in names if n}, key=lambda n: (SPLIT_ORDER.get(n, 9), n)))


def own_ids(images: Iterable[Image]) -> bool:
    """Whether every image has an id, and no other has it."""
    ids = [image.id for image in images]
    known = sorted(id for id in ids if id is not None)
    return len(known) == len(ids) and all(one != other for one, other in pairwise(known))


def is_image(path: str) -> bool:
    """Whether a path has the extension of an image; asked of every file of a source, by many formats."""
    return path.lower().endswith(_ENDINGS) and "." in path.rpartition("/")[2].lstrip(".")


def stem(path: str) -> str:
    """The path without its last extension."""
    return posixpath.splitext(path)[0]


def image_files(source: Source, folder: str = "") -> list[str]:
    """Every path of an image below `folder` ("" or ending in "/"), readable or not, in code point order."""
    found = source.known(_images_within)
    return [path for path in found if path.startswith(folder)] if folder else list(found)


def _images_within(source: Source) -> list[str]:
    return [path for path in source.listed() if is_image(path)]


def tell_unused(source: Source, refs: Iterable[Ref], others: Iterable[str], ledger: Ledger) -> None:
    """Note each file among the images that no ref speaks of; `others` are paths that readers use.

    Files that nobody reads are still part of an archive: SourceError when one is damaged.
    Beside a single file that the user named may lie what has nothing to do with it.
    """
    if source.entry is not None:
        return
    files = (ref.image.file for ref in refs if ref.image.file)
    folders: set[str] = set()
    left = bytearray(b"\1") * len(source.names())
    for path in files:
        folders.add(posixpath.dirname(path))
        _strike(left, source.place(path))
    for path in others:
        _strike(left, source.place(path))
    unused = list(compress(source.names(), left))
    source.verify(unused)
    for path in unused:
        label = source.label(path)
        if is_image(path):
            ledger.doubt(path, None, SourceError(label, "nothing speaks of this image", code="orphan-image"))
            ledger.note("orphan-image", label, "nothing speaks of this image, and it was left out")
        elif posixpath.dirname(path) in folders and not path.lower().endswith(TEXTS):
            ledger.note("unused-file", label, "lies among the images and is no part of the dataset")


def _strike(left: bytearray, at: int | None) -> None:
    if at is not None:
        left[at] = 0


class ImageIndex:
    """Finds the file that an annotation means by `file_name`, which may lack its folders; `masks` are no images."""

    def __init__(self, source: Source, masks: Iterable[str] = ()) -> None:
        self.source = source
        self.paths = frozenset(image_files(source)).difference(masks)
        self._by_base = _by_base(self.paths)

    @cached_property
    def _folded(self) -> dict[str, str]:
        """Each path in one case and normal form, of those that no other is then equal to."""
        found: dict[str, list[str]] = defaultdict(list)
        for path in self.paths:
            found[fold(path)].append(path)
        return {folded: paths[0] for folded, paths in found.items() if len(paths) == 1}

    @cached_property
    def _folded_by_base(self) -> dict[str, list[str]]:
        return _by_base(self._folded)

    def find(self, file_name: str, folders: Sequence[str] = ()) -> str | None:
        """The path of `file_name`, looked for in `folders` in order, then anywhere below.

        Elsewhere it is found only when exactly one file ends in the whole `file_name`. Where none does,
        so is one that differs from it in case alone, as trees from Windows have them, or in the normal
        form of Unicode, as those from macOS. A name without an extension may be that of a file in `folders`.
        """
        if not self.paths:
            return self._bare(file_name, folders)
        found = _find(file_name, _places(file_name, folders), self.paths, self._by_base)
        if not found:
            name = fold(file_name)
            folded = _find(name, _places(name, map(fold, folders)), self._folded, self._folded_by_base)
            found = [self._folded[path] for path in folded]
        if not found:
            return self._bare(file_name, folders)
        return found[0] if len(found) == 1 else None

    def _bare(self, file_name: str, folders: Sequence[str]) -> str | None:
        """The file that is called exactly so, which nothing but its being named makes an image."""
        if posixpath.splitext(file_name)[1]:
            return None
        return next((path for path in _places(file_name, folders) if path in self.source), None)

    @cached_property
    def _mirrors(self) -> dict[tuple[tuple[str, ...], str], list[str]]:
        """Paths by their folders, without the words for images, and name."""
        found: dict[tuple[tuple[str, ...], str], list[str]] = defaultdict(list)
        for path in sorted(self.paths):
            found[key_of(posixpath.dirname(path)), posixpath.basename(path)].append(path)
        return found

    def mirrored(self, name: str, folder: str) -> str | None:
        """The image of an annotation in `folder` whose own folders are the same but for the words of layouts.

        So images/train/ goes with labels/train/, and Images/street/ with Annotations/street/.
        """
        found = self._mirrors.get((key_of(folder), name), ())
        return found[0] if len(found) == 1 else None


def fold(path: str) -> str:
    """The path in one case and normal form of Unicode: systems differ in whether these tell names apart."""
    return path.lower() if path.isascii() else unicodedata.normalize("NFC", path).lower()


def _places(name: str, folders: Iterable[str]) -> Iterator[str]:
    return (f"{folder}/{name}" if folder else name for folder in folders)


def _by_base(paths: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(paths):
        found[posixpath.basename(path)].append(path)
    return found


def _find(name: str, places: Iterable[str], paths: Container[str], by_base: Mapping[str, Sequence[str]]) -> list[str]:
    """The first of these places that there is, else all paths that end in the name."""
    for path in places:
        if path in paths:
            return [path]
    ending = "/" + name
    return [path for path in by_base.get(posixpath.basename(name), ()) if ("/" + path).endswith(ending)]


def measure(source: Source, path: str) -> codec.ImageInfo:
    """Size and orientation of an image file, from no more of it than that takes."""
    with source.open(path) as stream:
        seekable = stream if stream.seekable() else io.BytesIO(stream.read())  # in a ZIP there is no going back
        return codec.probe(seekable, source.label(path))


def resolve(reading: Reading, ref: Ref, ledger: Ledger) -> tuple[Ref, bytes | None]:
    """`ref` with the size that its image file has, and the file's bytes when files are needed.

    Raises Skipped, or SourceError, for an image that is missing, unreadable, incomplete,
    or of another size than its annotations say.
    """
    image = ref.image
    try:
        info, data = read_image(reading, image)
        if info is None:
            return ref, None
        check_frame(reading.images.label(image.file or ""), image, info)
    except SourceError as error:
        ledger.skip_image(image.path, error)
    sized = msgspec.structs.replace(image, width=info.width, height=info.height, orientation=info.orientation)
    return msgspec.structs.replace(ref, image=sized), data


def load_judged(format: Format, reading: Reading, header: Header, ref: Ref, ledger: Ledger) -> Sample:
    """What the format makes of an image; an error that it did not judge itself is one of the image.

    Raises Skipped when the image is left out. An id that no class has goes on as it is: it ends
    every reading, as it makes all classes of the set doubtful.
    """
    assert format.load is not None
    try:
        return format.load(reading, header, ref, ledger)
    except SourceError as error:
        if error.code == "unmapped-class":
            raise
        ledger.skip_image(ref.image.path, error)


def read_image(reading: Reading, image: Image) -> tuple[codec.ImageInfo | None, bytes | None]:
    """What the image file is, and its bytes when files are needed; nothing where the set has no file.

    Raises SourceError for an image that is missing, unreadable or incomplete.
    """
    if image.file is None:
        check_absent(reading, image)
        return None, None
    if not reading.options.need_files:
        return measure(reading.images, image.file), None
    data = reading.images.read(image.file)
    return codec.verify(data, reading.images.label(image.file)), data


def check_absent(reading: Reading, image: Image) -> None:
    """An image without a file is fine only where no files are wanted and its size is known."""
    if reading.options.need_files:
        unread = next((f" ({path} {why})" for path, why in reading.images.special.items()), "")
        without = ", or convert without them with --image-files none" if image.width and image.height else ""
        raise SourceError(
            reading.source.name,
            f"the image file is not there{unread}",
            place=f"image {image.name}",
            remedy=f"say where images lie with --images DIR{without}",
            code="missing-image",
        )
    if not image.width or not image.height:
        raise SourceError(
            reading.source.name,
            "its size is not known, as there is neither an image file nor a width and height",
            place=f"image {image.name}",
            remedy="say where images lie with --images DIR",
            code="missing-image",
        )


def check_frame(file: str, image: Image, info: codec.ImageInfo) -> None:
    """The size that the annotations were drawn on must be that of the stored pixels."""
    declared = (image.width, image.height)
    if image.width in {0, info.width} and image.height in {0, info.height}:
        return
    if declared == (info.height, info.width) and info.orientation >= 5:
        raise SourceError(
            file,
            f"annotations are {declared[0]}x{declared[1]}, drawn on the picture as EXIF orientation "
            f"{info.orientation} turns it, and the stored pixels are {info.width}x{info.height}",
            remedy="convert it with --exif bake (turn the pixels upright) or --exif keep (turn the annotations)",
            code="exif-orientation",
        )
    raise SourceError(
        file,
        f"annotations are for an image of width {declared[0]} and height {declared[1]}, "
        f"the file has {info.width}x{info.height}",
        remedy="use the images that were annotated",
        code="size-mismatch",
    )
