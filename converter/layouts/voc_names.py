"""What images of a Pascal VOC set are called: the keys that join their files, and the lists of ImageSets."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence

import msgspec

from converter.codecs import text
from converter.layouts.images import is_image, is_split_name, order_splits, split_name, stem
from converter.ledger import Ledger
from converter.storage import Source

__all__ = ["CLASS_FOLDERS", "OBJECT_FOLDERS", "Known", "Lists", "image_key", "read_lists", "split_lists"]

CLASS_FOLDERS = frozenset({"segmentationclass", "segmentationclasspng"})
OBJECT_FOLDERS = frozenset({"segmentationobject", "segmentationobjectpng"})
FOLDERS = CLASS_FOLDERS | OBJECT_FOLDERS | {"annotations", "jpegimages"}
NO_SPLIT = "default"  # what CVAT and Datumaro call the list of images in no split
FLAGGED = re.compile(r"(?P<name>.*\S)\s+(?:-1|0|1)")
NUMBERED = re.compile(r"(?P<name>.*\S)\s+-?\d+")
QUOTED = re.compile(r'"(?P<name>[^"]+)"(?:\s.*)?')


def image_key(path: str) -> str:
    """The path without extension and without the folder that says what kind of file it is."""
    parts = stem(path).split("/")
    return "/".join(p for p in parts[:-1] if p.lower() not in FOLDERS) + "/" + parts[-1]


class Known(msgspec.Struct, frozen=True):
    """What images of a set are called: annotations and pictures by key, pictures by the last part of it too."""

    annotations: Sequence[Mapping[str, object]]
    pictures: Mapping[str, object]
    bases: Mapping[str, object]

    def annotates(self, key: str) -> bool:
        return any(key in keys for keys in self.annotations)

    def has(self, key: str) -> bool:
        return self.annotates(key) or key in self.pictures

    def may_have(self, key: str) -> bool:
        return self.has(key) or posixpath.basename(key) in self.bases


class Lists(msgspec.Struct, frozen=True):
    """What the lists say: image key -> splits, and list and line of keys without an annotation."""

    splits: dict[str, tuple[str | None, ...]]
    places: dict[str, tuple[str, int]]


def split_lists(source: Source) -> list[str]:
    """The lists of ImageSets that name splits, those that count first in front.

    Lists of segmentation count before those of detection, train, val and test before others.
    """
    found, texts = [], [path for path in source.names() if path.endswith(".txt")]
    for kind in ("Segmentation", "Main", "Layout"):
        mine = []
        for path in texts:
            raw = posixpath.basename(stem(path))
            if posixpath.dirname(path).split("/")[-2:] != ["ImageSets", kind]:
                continue
            # aeroplane_train.txt is a list of one class
            if raw != "trainval" and (kind == "Segmentation" or "_" not in raw or is_split_name(raw)):
                mine.append(path)
        found += sorted(mine, key=lambda path: (_split_of(path) == NO_SPLIT, not is_split_name(_split_of(path))))
    return found


def _split_of(path: str) -> str:
    return split_name(posixpath.basename(stem(path)))


def read_lists(source: Source, lists: Sequence[str], known: Known, ledger: Ledger) -> Lists:
    """The splits of all images that `lists` name.

    What stands in train and in val is in both: so a check can say it. Lists of other names, as
    trainaug, may be made of these: of what stands in several, the first list counts, with a note.
    """
    found: dict[str, tuple[str, tuple[str, ...]]] = {}  # the folder of the lists, and the splits
    places: dict[str, tuple[str, int]] = {}
    for path in lists:
        folder, split, beside = posixpath.dirname(path), _split_of(path), 0
        first = (folder, (split,))
        for number, key in _keys(source, path, known):
            before, splits = found.setdefault(key, first)
            if split not in splits and before == folder and is_split_name(split):
                found[key] = folder, (*splits, split)
            else:
                beside += split not in splits and split != NO_SPLIT
            if not known.annotates(key):
                places.setdefault(key, (source.label(path), number))
        if beside:
            message = f"{beside} of its images are in another split, by lists that count before it"
            ledger.note("split-chosen", source.label(path), message)
    return Lists({key: _named(splits) for key, (_, splits) in found.items()}, places)


def _named(splits: tuple[str, ...]) -> tuple[str | None, ...]:
    return (None,) if splits == (NO_SPLIT,) else splits if len(splits) == 1 else order_splits(splits)


def _keys(source: Source, path: str, known: Known) -> list[tuple[int, str]]:
    """Line number and image key of every line of a list.

    Names may have spaces, and a flag (-1, 0, 1) or the number of an object may follow them:
    the names of the images tell which it is.
    """
    above = "/".join(posixpath.dirname(path).split("/")[:-2])
    content = text.decode_text(source.read(path), source.label(path)).splitlines()
    lines = [(number, line) for number, line in enumerate(content, 1) if line.strip()]
    flags = _has_flags([line.strip() for _, line in lines], above, known)
    return [(number, _key_of(line, above, known, flags)) for number, line in lines]


def _has_flags(lines: Sequence[str], above: str, known: Known) -> bool:
    """Whether flags are the only reading of a list that makes an image of every line."""
    matches = [match for line in lines if (match := FLAGGED.fullmatch(line))]
    if len(matches) < len(lines) or all(known.may_have(_key(line, above)) for line in lines):
        return False
    keys = {_key(match["name"], above) for match in matches}
    return len(keys) == len(lines) and all(map(known.may_have, keys))


def _key_of(raw: str, above: str, known: Known, flags: bool) -> str:
    """The key of the image that a line names; when there is none, of what it would name with a number behind it."""
    line = raw.strip()
    if line != raw and known.has(exact := _key(raw, above)):  # a blank at an end may belong to the name
        return exact
    if '"' not in line and len(line.split(maxsplit=1)) == 1:
        return _key(line, above)
    match = QUOTED.fullmatch(line) or NUMBERED.fullmatch(line)
    bare = _key(match["name"] if match else line, above)
    whole = _key(line, above)
    tried = [*((bare, whole) if flags else (whole, bare)), _key(line.split(maxsplit=1)[0], above)]
    return next(filter(known.has, tried), None) or next(filter(known.may_have, tried), bare)


def _key(name: str, above: str) -> str:
    """The key of an image by its name, with or without an extension, in a list of the set in the folder `above`."""
    name = stem(name) if is_image(name) else name
    return image_key(f"{above}/{name}.x" if above else f"{name}.x")
