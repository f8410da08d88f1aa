"""Label maps whose pixels are instances: which image each belongs to, and one pass that cuts it up."""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import takewhile

import msgspec
import numpy as np
from numpy.typing import NDArray

from converter.codecs import images as codec
from converter.errors import SourceError
from converter.format import Reading, Scan
from converter.geometry import labelmap
from converter.layouts.images import is_image, measure, order_splits, stem, tell_unused
from converter.layouts.masks import check_size, gray_of
from converter.layouts.undeclared import undeclared, with_told
from converter.ledger import Ledger
from converter.model import IGNORE, ClassInfo, Header, Image, Instance, LabelMap, Ref, Sample
from converter.storage import Source

__all__ = [
    "Found",
    "ImageStems",
    "Meaning",
    "colors",
    "cut",
    "files",
    "load_map",
    "numbers",
    "pairs",
    "ref_of",
    "renamed",
    "scan_of",
]


# ---------------------------------------------------------------- which image


class ImageStems:
    """Finds images by their path without its extension; `masks` are no images."""

    def __init__(self, source: Source, masks: Iterable[str] = (), *, apart: bool = False) -> None:
        taken = frozenset(masks)
        self.least = 1 if apart else 2
        self.paths: dict[str, str] = {}
        self.by_base: dict[str, list[str]] = defaultdict(list)
        for path in sorted({*source.names(), *source.special}, reverse=True):
            if is_image(path) and path not in taken:
                if stem(path) not in self.paths:
                    self.by_base[_base(stem(path))].append(stem(path))
                self.paths[stem(path)] = path  # of a.jpg and a.png the first

    def find(self, candidates: Sequence[str]) -> str | None:
        """The image at the first of these paths without extension that is there.

        Else the one whose path ends most like one of them: in its name and a folder at least, where images
        lie apart in its name. None where two are equally like it.
        """
        exact = next((self.paths[c] for c in candidates if c in self.paths), None)
        if exact is not None:
            return exact
        rated = {s: max(_tail(s, c) for c in candidates) for c in candidates for s in self.by_base.get(_base(c), ())}
        most = max(rated.values(), default=0)
        best = [s for s, alike in rated.items() if alike == most]
        return self.paths[best[0]] if most >= self.least and len(best) == 1 else None


def _base(path: str) -> str:
    return posixpath.basename(path)


def _tail(a: str, b: str) -> int:
    """How many parts two paths end alike in."""
    pairs = zip(reversed(a.split("/")), reversed(b.split("/")), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


class Found(msgspec.Struct, frozen=True):
    """A mask with its image (None: there is no file), and how the dataset knows that image."""

    mask: str
    image: str | None
    name: str
    split: str | None


def pairs(
    reading: Reading, masks: Sequence[str], candidates: Callable[[str], Sequence[str]], others: Iterable[str] = ()
) -> list[tuple[str, str | None]]:
    """Each mask with its image, looked for at `candidates(mask)`, which are paths without extension."""
    index = ImageStems(reading.images, {*masks, *others}, apart=reading.images is not reading.source)
    return [(mask, index.find(candidates(mask))) for mask in masks]


def renamed(path: str, **folders: str) -> str:
    """The path with whole folders exchanged: `a/gtFine/b` and gtFine="leftImg8bit" give `a/leftImg8bit/b`."""
    return "/".join(folders.get(part, part) for part in path.split("/"))


def ref_of(reading: Reading, found: Found, payload: object) -> Ref:
    """The ref of an image; without its file the size is that of the mask."""
    image = Image(found.name, found.split, file=found.image)
    if found.image is None:
        try:
            info = measure(reading.source, found.mask)
        except SourceError:
            return Ref(image, payload)  # loading says what is wrong with the mask
        image = msgspec.structs.replace(image, width=info.width, height=info.height)
    return Ref(image, payload)


def scan_of(
    reading: Reading,
    name: str,
    classes: Sequence[ClassInfo],
    found: Sequence[Found],
    used: Iterable[str],
    ledger: Ledger,
) -> Scan:
    """A scan of images with one instance map each; `used` are further files that belong to the set."""
    classes = with_told(classes, reading.options.classes, ledger, reading.source.name, {0, IGNORE})
    refs = [ref_of(reading, each, each.mask) for each in found]
    tell_unused(reading.images, refs, [*(each.mask for each in found), *used], ledger)
    zero = any(c.id == 0 for c in classes)
    splits = order_splits(each.split for each in found)
    header = Header(name, "instance", tuple(classes), splits, background_id=None if zero else 0)
    return Scan(header, refs)


# ---------------------------------------------------------------- what the pixels say


class Meaning(msgspec.Struct, frozen=True):
    """What a value of an instance map stands for."""

    class_id: int
    iscrowd: bool = False
    extra: Mapping[str, object] = {}


def numbers(data: bytes, file: str) -> LabelMap:
    """Whole numbers (height, width), uint8 or uint16, of a gray or palette image; SourceError for colours."""
    raw = codec.read_labels(data, file)
    if raw.lossy:
        raise SourceError(file, "is compressed with loss, so that its numbers mean nothing", remedy="use the PNG")
    array = raw.array if raw.array.ndim == 2 else gray_of(raw.array)
    if array is None:
        problem, remedy = (
            "is a picture in colours, where one number a pixel is expected",
            "save the numbers as gray PNG",
        )
        raise SourceError(file, problem, remedy=remedy)
    return array if array.dtype == np.uint16 else array.astype(np.uint8, copy=False)


def colors(data: bytes, file: str, channels: int = 3) -> NDArray[np.uint8]:
    """The channels (height, width, channels) of a colour image of 8 bits, alpha as stored; SourceError otherwise.

    A palette image is not looked up, and a gray one has no channels.
    """
    raw = codec.read_labels(data, file)
    if raw.lossy:
        raise SourceError(file, "is compressed with loss, so that its numbers mean nothing", remedy="use the PNG")
    if raw.array.ndim != 3 or raw.array.shape[2] < channels or raw.array.dtype != np.uint8:
        raise SourceError(file, f"is no picture of {channels} channels of 8 bits", remedy="use the PNG as it was made")
    return raw.array[..., :channels].astype(np.uint8, copy=False)


def cut(
    codes: LabelMap,
    file: str,
    image: Image,
    means: Callable[[int], Meaning | None],
    classes: Iterable[ClassInfo],
    ledger: Ledger,
) -> list[Instance]:
    """An instance for every value of `codes` that means one, in ascending order; one pass over the pixels.

    Values of classes that are not declared are bad annotations.
    """
    declared = {c.id for c in classes}
    instances: list[Instance] = []
    for value, region in labelmap.regions(codes).items():
        meaning = means(value)
        if meaning is None:
            continue
        if meaning.class_id not in declared:
            none = "its class is 0, and 0 is the background; is this a map of numbers as its format has them?"
            wrong = undeclared([meaning.class_id], declared) if meaning.class_id else none
            problem = SourceError(file, wrong, place=f"value {value}", code="unmapped-class")
            ledger.bad_annotation(image.path, value, problem)
            continue
        instances.append(Instance(meaning.class_id, region, iscrowd=meaning.iscrowd, extra=dict(meaning.extra)))
    return instances


def load_map(
    reading: Reading, header: Header, ref: Ref, ledger: Ledger, means: Callable[[int], Meaning | None]
) -> Sample:
    """The sample of an image whose instances are the numbers of one gray map; the payload is its path."""
    path, image = ref.payload, ref.image
    file = reading.source.label(path)
    try:
        codes = numbers(reading.source.read(path), file)
        check_size(file, codes.shape[1], codes.shape[0], image)
    except SourceError as error:
        ledger.skip_image(image.path, error)
    return Sample(image, tuple(cut(codes, file, image, means, header.classes, ledger)))


def files(reading: Reading, ref: Ref) -> list[str]:
    """The map of the image."""
    return [reading.source.label(ref.payload)]
