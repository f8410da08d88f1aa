"""The JSON files of LabelMe in a set: which they are, whose images, and what classes all of them use."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from converter.codecs import json, text
from converter.errors import SourceError
from converter.format import Reading, Scan
from converter.layouts.by_name import named_classes, with_classes
from converter.layouts.class_files import nameless
from converter.layouts.embedded import decode_base64, extension, with_embedded
from converter.layouts.images import (
    ImageIndex,
    image_files,
    is_split_name,
    order_splits,
    split_name,
    stem,
    tell_unused,
)
from converter.ledger import Ledger
from converter.model import Header, Image, Ref
from converter.storage import Source
from converter.storage.names import clean

__all__ = ["BACKGROUND", "IGNORE", "labelme_files", "scan", "settle", "survey"]

IGNORE, BACKGROUND = "__ignore__", "_background_"
LISTS = ("labels.txt", "class_names.txt")
HEAD = 65536
TRIED = 5


class Head(msgspec.Struct):
    """The part of a file that scanning needs."""

    imagePath: Any = None  # noqa: N815 -- the format's own words
    imageData: msgspec.Raw = msgspec.Raw(b"null")  # noqa: N815
    imageHeight: Any = None  # noqa: N815
    imageWidth: Any = None  # noqa: N815


class Labels(msgspec.Struct):
    """The labels of a file, whatever they are."""

    shapes: Any = None


# ---------------------------------------------------------------- finding the files


def labelme_files(source: Source) -> list[str]:
    """JSON files with shapes and an image; where others are sound, also what bears the name of an image."""
    names = [source.entry] if source.entry is not None else source.names()
    found = [n for n in names if n.lower().endswith(".json")]
    sound = [n for n in found[:TRIED] if _looks(source, n)]
    if not sound:
        return []
    images = {stem(path) for path in image_files(source)}
    return [n for n in found if n in sound or stem(n) in images or _looks(source, n)]


def _looks(source: Source, path: str) -> bool:
    with source.open(path) as stream:
        head = stream.read(HEAD)
        if b'"shapes"' not in head and b'"imagePath"' not in head:
            return False
        return all(key in head or key in stream.read() for key in (b'"shapes"', b'"imagePath"'))


def scan(reading: Reading, ledger: Ledger) -> Scan:
    """Refs with their JSON and image; classes are settled after a look into all files."""
    source = reading.source
    files = labelme_files(source)
    if not files:
        raise SourceError(source.name, "holds no LabelMe JSON", remedy="name the folder of the JSON files")
    finder = _Finder(reading)
    refs: list[Ref] = []
    for path in files:
        try:
            refs.append(Ref(finder.image(path), path))
        except SourceError as error:
            ledger.bad_image(path, error)
    tell_unused(reading.images, refs, files, ledger)
    header = Header("labelme", "instance", (), order_splits(r.image.split for r in refs))
    images = with_embedded(reading.images, finder.inside) if finder.inside else None
    return Scan(header, refs, images=images)


class _Finder:
    """Finds the image of each JSON: the file it names, the picture in it, or a file of its own name."""

    def __init__(self, reading: Reading) -> None:
        self.source, self.images = reading.source, reading.images
        self.index = ImageIndex(reading.images)
        self.taken: dict[str, str] = {}
        self.inside: dict[str, str] = {}
        self.by_stem: dict[str, list[str]] = {}
        for path in image_files(reading.images):
            self.by_stem.setdefault(stem(path), []).append(path)

    def image(self, path: str) -> Image:
        label = self.source.label(path)
        head = json.decode(self.source.read(path), label, Head)
        file = self._file(path, head)
        if file is None:
            name = posixpath.join(posixpath.dirname(path), self._base(head) or posixpath.basename(path))
        else:
            name = file
        if name in self.taken:
            problem = f"its image {name} is that of {self.taken[name]} as well"
            raise SourceError(label, problem, place="imagePath", remedy="keep one of the two")
        try:
            shown, split = _split_of(clean(name))
        except ValueError as error:
            problem = f"the image '{name}' {error}"
            raise SourceError(label, problem, place="imagePath", remedy="name a file of the set") from None
        self.taken[name] = path
        width, height = (
            _side(v, label, k) for v, k in ((head.imageWidth, "imageWidth"), (head.imageHeight, "imageHeight"))
        )
        return Image(shown, split, width if height else 0, height if width else 0, file=file)

    def _base(self, head: Head) -> str:
        named = head.imagePath if isinstance(head.imagePath, str) else ""
        return posixpath.basename(named.replace("\\", "/"))

    def _file(self, path: str, head: Head) -> str | None:
        here = posixpath.dirname(path)
        named = head.imagePath.replace("\\", "/") if isinstance(head.imagePath, str) else ""
        literal = posixpath.normpath(posixpath.join(here, named)) if named else ""
        base = posixpath.basename(named)
        for candidate in (literal, posixpath.join(here, base)):
            if candidate in self.index.paths:
                return candidate
        found = None
        if base and not base.endswith(".json"):
            found = self.index.find(base) or self.index.mirrored(base, here)
        if found is not None:
            return found
        if bytes(head.imageData) not in {b"null", b'""'}:
            return self._embedded(path, base, head)
        beside = self.by_stem.get(stem(path), [])
        return beside[0] if len(beside) == 1 else None

    def _embedded(self, path: str, base: str, head: Head) -> str:
        """A path for the picture in the JSON: its own name, or the JSON's with the ending of its kind."""
        start = bytes(head.imageData)[1:65].decode("ascii", "replace")
        try:
            kind = extension(decode_base64(start[: len(start) // 4 * 4], path, "imageData"))
        except SourceError:
            kind = ".png"  # reading the picture will say what is wrong
        name = base if base and not base.lower().endswith(".json") else posixpath.basename(stem(path)) + kind
        virtual = posixpath.join(posixpath.dirname(path), name)
        self.inside[virtual] = path
        return virtual


def _split_of(path: str) -> tuple[str, str | None]:
    """The name of an image and its split, from the folders it lies in."""
    folders = path.split("/")
    kept = [f for f in folders[:-1] if f.lower() not in {"images", "imgs"}]
    split = next((f for f in kept if is_split_name(f)), None)
    if split is not None:
        kept.remove(split)
    return "/".join([*kept, folders[-1]]), split_name(split) if split else None


def _side(value: Any, label: str, key: str) -> int:
    """A declared width or height; 0 when the file leaves it to the image."""
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise SourceError(label, f"is {value!r}", place=key, remedy="it has to be a number of pixels")
    return value


# ---------------------------------------------------------------- classes


def survey(reading: Reading, ref: Ref) -> list[str] | None:
    """The labels in a file; None when it cannot be read (loading will say why)."""
    source = reading.source
    try:
        found = json.decode(source.read(ref.payload), source.label(ref.payload), Labels).shapes
    except SourceError:
        return None
    if not isinstance(found, list):
        return None
    labels = [n for s in found if isinstance(s, dict) and isinstance(n := s.get("label"), str)]
    return list(dict.fromkeys(labels))


def settle(scan: Scan, facts: Iterable[list[str] | None], reading: Reading, ledger: Ledger) -> Scan:
    """The scan with its classes: those of labels.txt in their order, then others by name."""
    del ledger
    used = {n for found in facts if found for n in found}
    path = _list_file(reading.source, scan.refs)
    declared: list[str] = []
    if path is not None:
        lines = text.decode_text(reading.source.read(path), reading.source.label(path)).splitlines()
        declared = [line if line in used else line.strip() for line in lines if line.strip()]
        if not declared:
            raise nameless(reading.source.label(path))
    declared = [n for n in dict.fromkeys(declared) if n not in {IGNORE, BACKGROUND}]
    file = reading.source.label(path) if path else reading.source.name
    return with_classes(scan, named_classes(declared, used - {IGNORE}, file), ignore=IGNORE in used)


def _list_file(source: Source, refs: Sequence[Ref]) -> str | None:
    folders = dict.fromkeys(["", *(posixpath.dirname(r.payload) for r in refs[:50])])
    places = [posixpath.join(folder, name) for folder in folders for name in LISTS]
    return next((p for p in places if p in source), None)
