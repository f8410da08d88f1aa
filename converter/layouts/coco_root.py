"""Where images lie of one JSON that was named: beside it, or beside the folder of annotations that it is in."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import msgspec

from converter.codecs.slices import Slices
from converter.errors import SourceError
from converter.format import Reading
from converter.layouts.coco_files import CocoFile
from converter.layouts.coco_images import ImageHead, ImageNames
from converter.layouts.images import ImageIndex, is_split_name
from converter.storage import Source, open_source

__all__ = ["images_around"]

ANNOTATIONS = frozenset({"annotation", "annotations"})
IMAGES = ("images", "data")
TRIED = 100  # images: of a set that was downloaded in part the first may be absent

_image_head = msgspec.json.Decoder(ImageHead)


def images_around(reading: Reading, file: CocoFile) -> Source | None:
    """The folder beside that of the annotations which holds images of the file; None where `reading` knows better.

    So `annotations/instances_train2017.json` finds `train2017/`, without the rest of what lies
    around: only folders that sets have are looked into, for the very files that are named.
    """
    source = reading.source
    if source.entry is None or reading.options.images is not None:
        return None
    here = source.local(source.entry)
    if here is None or here.parent.name.lower() not in ANNOTATIONS:
        return None
    within = ImageIndex(source)
    root, above = here.parent.parent, posixpath.join(source.name, "..")
    for name, there in islice(_names(file, within), TRIED):
        if there is not None:
            return None
        for folder in _folders(file, name):
            if _is_file(root / folder / name):
                return open_source(root / folder, name=posixpath.normpath(posixpath.join(above, folder)))
    return None


def _names(file: CocoFile, index: ImageIndex) -> Iterator[tuple[str, str | None]]:
    """The name of each image, and its file where the index has one."""
    names = ImageNames(file, index, [""])
    for raw in Slices.of(file.top["images"]):
        try:
            yield names.find(_image_head.decode(raw))
        except (SourceError, msgspec.MsgspecError):
            continue


def _folders(file: CocoFile, name: str) -> list[str]:
    """Folders of a set in which an image of this name may lie, the likeliest first."""
    splits = [split for split in dict.fromkeys((file.raw_split, file.split)) if split]
    found = [posixpath.join("images", split) for split in splits] + splits + list(IMAGES)
    first = name.partition("/")[0] if "/" in name else ""
    return [*found, ""] if first in IMAGES or is_split_name(first) else found


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
