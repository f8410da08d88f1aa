"""How a dataset knows its images: by their paths below the folders that are part of the layout, and their splits."""

from __future__ import annotations

import functools
import posixpath
from collections import Counter
from collections.abc import Collection, Sequence

import msgspec

from converter.layouts.images import is_split_name, split_name
from converter.layouts.words import is_layout_word, said

__all__ = ["Place", "places"]


class Place(msgspec.Struct, frozen=True):
    """The path of an image below the folder of images and of its split, and that split."""

    name: str
    split: str | None


def places(pairs: Sequence[tuple[str, str]], splits: Collection[str] = ()) -> list[Place]:
    """How each image (with its mask) is known; `splits` are names of splits beside the usual ones.

    Where two images would be known by one name, all their folders tell them apart.
    """
    found = [_place(image, mask, splits) for image, mask in pairs]
    counts = Counter(found)
    return [
        place if counts[place] == 1 else _long(image, place.split, splits)
        for place, (image, _) in zip(found, pairs, strict=True)
    ]


def _place(image: str, mask: str, splits: Collection[str]) -> Place:
    folder, split = _layout(posixpath.dirname(image), posixpath.dirname(mask), frozenset(splits))
    return Place(posixpath.join(folder, posixpath.basename(image)), split)


@functools.lru_cache(maxsize=4096)
def _layout(folder: str, mask_folder: str, splits: frozenset[str]) -> tuple[str, str | None]:
    """What a folder of images adds to their names, and its split."""
    folders = [f for f in folder.split("/") if f]
    at = max((i for i, f in enumerate(folders) if said(f).kind == "image"), default=-1)
    near = sorted(range(len(folders)), key=lambda i: (i <= at, abs(i - at)))
    where = next((i for i in near if _split(folders[i], splits)), None)
    split = _split(folders[where], splits) if where is not None else None
    first = max(at, -1 if where is None else where) + 1
    if at < 0 and where is None:
        first = _shared(folders, mask_folder)
    return "/".join(folders[first:]), split


def _split(folder: str, splits: Collection[str]) -> str | None:
    """The split that a folder is of: by its name, or what is left of it, as in `train_images`."""
    if folder in splits:
        return folder
    rest = said(folder).rest
    return next((split_name(name) for name in (folder, rest) if is_split_name(name)), None)


def _shared(folders: Sequence[str], mask_folder: str) -> int:
    """How many leading folders of an image belong to the layout: as many as lead to the folder of masks."""
    above = mask_folder.split("/")
    depth = max((i for i, f in enumerate(above) if said(f).kind == "mask"), default=len(folders) - 1)
    return min(depth + 1, len(folders))


def _long(image: str, split: str | None, splits: Collection[str]) -> Place:
    folders = posixpath.dirname(image).split("/")
    kept = [f for f in folders if not is_layout_word(f) and (split is None or _split(f, splits) != split)]
    return Place("/".join([*kept, posixpath.basename(image)]), split)
