"""Whose object each mask of a set is, told by names alone: for sets with a mask an object and no list of them.

One of four namings is that of the whole set, the one under which most masks find an image:

    masks/<image>_3.png, masks/<image>_cat_3.png, <image>_mask3.png    named    the image, then the rest
    masks/3_<image>.png, masks/cat_<image>.png                         ended    the rest, then the image
    masks/<image>/3.png, masks/<image>/cat/3.png, <image>/mask_3.png   folder   a folder an image
    masks/cat/<image>.png, masks/cat/<image>_3.png                     sorted   a folder a class

Folders say what is in them (see words.py); the paths of a mask and its image are the same up to
there, so that splits may stand above or below. What is left of a mask's name without that
of its image is a number, and a class where the same words stand in the names of many masks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Literal, NamedTuple

import msgspec

from converter.errors import SourceError
from converter.layouts.images import is_image, is_split_name
from converter.layouts.masks import binary_mask
from converter.layouts.photos import Parts, Photos, base_of, folder_of, held_in, home_of, parts_of
from converter.layouts.words import (
    MASK_WORDS,
    class_in,
    is_called_mask,
    is_view,
    said,
    telling,
    without_begin,
    words_of,
)
from converter.storage import Source
from converter.worker import NotHereError, trial

__all__ = ["NamedMask", "Names", "find_names", "tells_objects"]

Naming = Literal["named", "ended", "folder", "sorted"]

BEGINS = MASK_WORDS - {"y"}  # of names that are those of masks by other signs
NAME_ENDS = "-_ ."  # what may follow the name of the image in that of its mask
TRIED = 2000  # masks that tell which naming is that of the set
LOOKED_AT = 12  # masks that are decoded to see whether they are binary


class NamedMask(NamedTuple):
    """A mask: the image that it belongs to ("" for none), what is left of its name, and the class of its folder."""

    path: str
    image: str
    rest: str = ""
    folder: str = ""


class Way(NamedTuple):
    """One way to read the name of a mask; the fields as of NamedMask."""

    image: str
    rest: str
    folder: str = ""


NOWHERE = Way("", "")


class Names(msgspec.Struct, frozen=True):
    """The masks of a set, in the order of their paths, and the images that it has: those of masks, and beside them."""

    naming: Naming
    masks: list[NamedMask]
    images: list[str]

    def found(self) -> list[NamedMask]:
        """Those that belong to an image."""
        return [mask for mask in self.masks if mask.image]

    def labels(self) -> dict[str, str]:
        """The class that each mask's name tells, by its path: all of them, or none.

        Names tell classes when there are many masks of each, one of a hash or an object none.
        """
        told = self._told()
        if all(told.values()) and 2 * len(set(told.values())) <= len(told):
            return told
        return {mask.path: mask.folder for mask in self.found()} if self.naming == "sorted" else {}

    def doubtful(self) -> list[str]:
        """Words that may be classes, where there are too few masks of each to say so."""
        words = sorted(set(self._told().values()))
        return words if not self.labels() and all(word and not any(map(str.isdecimal, word)) for word in words) else []

    def _told(self) -> dict[str, str]:
        return {mask.path: class_in(mask.rest) for mask in self.found()}


def find_names(masks: Source, images: Source) -> Names | None:
    """The masks of a set and whose they are; None where it has none, or none finds an image.

    `images` is `masks` itself, or where images lie apart.
    """
    return masks.known(_names_within) if images is masks else _find(masks, images)


def tells_objects(masks: Source, images: Source) -> bool:
    """Whether the masks are plainly of one object each; `images` as in `find_names`.

    Some of them are decoded, as names alone do not tell objects from classes.
    """
    return masks.known(_objects_within) if images is masks else _of_objects(masks, find_names(masks, images))


def _names_within(source: Source) -> Names | None:
    return _find(source, source)


def _objects_within(source: Source) -> bool:
    return _of_objects(source, find_names(source, source))


def _of_objects(source: Source, names: Names | None) -> bool:
    found = names.found() if names is not None else []
    if names is None or 2 * len(found) <= len(names.masks):
        return False
    return _several(names.naming, found) and _binary(source, found)


def _find(masks: Source, images: Source) -> Names | None:
    paths, photos = _roles(masks, images)
    if not paths or not photos:
        return None
    naming, strict = _naming(paths[:: max(1, len(paths) // TRIED)], photos)
    named = _settled(paths, naming, Photos(photos, strict=strict))
    if not any(mask.image for mask in named):
        return None
    homes = {home_of(folder_of(mask.image)) for mask in named if mask.image}
    return Names(naming, named, [path for path in photos if home_of(folder_of(path)) in homes])


def _naming(paths: Sequence[str], photos: Sequence[str]) -> tuple[Naming, bool]:
    """The naming by which most of these masks have an image, and whether all words of folders have to agree for that.

    Else their splits have to, and what lies below folders of images and of masks.
    """
    best = (0, 0)
    choice: tuple[Naming, bool] = "named", True
    for strict in (True, False):
        index = Photos(photos, strict=strict)
        for naming in NAMINGS:
            worth = _worth(_settled(paths, naming, index))
            if worth > best:
                best, choice = worth, (naming, strict)
            if naming == "named" and worth[0] == len(paths) and 2 * worth[1] >= min(len(paths), len(photos)):
                return choice
        if best[0] == len(paths):
            break
    return choice


def _settled(paths: Sequence[str], naming: Naming, photos: Photos) -> list[NamedMask]:
    """Each mask by the first way to read its name that leaves something of it, if those of all others leave some.

    `a_1_2` may be the second object of `a_1`, where all others have a number as well, or `a_1_2` itself.
    """
    find = NAMINGS[naming]
    ways = [list(find(photos, parts_of(folder_of(path), photos.strict), base_of(path))) for path in paths]
    bare = any(len(mine) == 1 and not mine[0].rest for mine in ways)
    return [NamedMask(path, *_chosen(mine, bare=bare)) for path, mine in zip(paths, ways, strict=True)]


def _chosen(ways: Sequence[Way], *, bare: bool) -> Way:
    if len(ways) > 1 and not bare:
        return next((way for way in ways if way.rest), ways[0])
    return ways[0] if ways else NOWHERE


def _worth(masks: Sequence[NamedMask]) -> tuple[int, int]:
    """How many masks have an image, then how many images a mask."""
    found = [mask.image for mask in masks if mask.image]
    return len(found), len(set(found))


def _several(naming: Naming, found: Sequence[NamedMask]) -> bool:
    """Whether names allow for more than one object on an image, and not for several views of the same."""
    words = [words_of(mask.rest) for mask in found]
    if any(map(is_view, words)) or any(is_view(words_of(folder)) for folder in {mask.folder for mask in found}):
        return False
    told = [telling(each) for each in words]
    if len({(mask.image, mask.folder, *each) for mask, each in zip(found, told, strict=True)}) < len(found):
        return False
    many = max(Counter(mask.image for mask in found).values()) > 1
    if not many and naming in {"named", "ended"} and len(set(map(tuple, words))) == 1:
        return False  # an ending that all masks have
    if naming != "folder" and len({bool(class_in(mask.rest)) for mask in found}) > 1:
        return False  # `a` and `a_predicted`
    if naming == "sorted":
        return many or len({mask.folder for mask in found}) > 1
    return naming == "folder" or many or all(told)


def _binary(source: Source, found: Sequence[NamedMask]) -> bool:
    """Whether masks from all over the set, and all of one image, have one foreground value.

    Damaged ones may, and those that are decoded in workers only.
    """
    first = next((one.image for one, other in pairwise(found) if one.image == other.image), "")
    together = [mask for mask in found if mask.image == first][:LOOKED_AT]
    looked_at = dict.fromkeys([*together, *found[:: max(1, len(found) // LOOKED_AT)]])
    return all(_may_be_binary(source, mask.path) for mask in looked_at)


def _may_be_binary(source: Source, path: str) -> bool:
    try:
        with trial():
            binary_mask(source.read(path), path)
    except SourceError as error:
        return error.code != "unexpected-value"
    except NotHereError:
        return True
    return True


# ---------------------------------------------------------------- paths


def _roles(masks: Source, images: Source) -> tuple[list[str], list[str]]:
    """The files that are masks, and those that are images."""
    here = [path for path in masks.names() if is_image(path)]
    inside = [path for path in here if held_in(folder_of(path)) == "mask"]
    apart = images is not masks
    if not apart and len(inside) == len(here):
        inside = []  # the word stands in the name of the whole set
    found = inside or [path for path in here if is_called_mask(base_of(path))]
    if apart:
        there = [path for path in images.names() if is_image(path)]
        return found or here, [path for path in there if held_in(folder_of(path)) != "mask"] or there
    taken = set(found)
    return found, [path for path in here if path not in taken]


# ---------------------------------------------------------------- namings


def _named(photos: Photos, folders: Parts, name: str) -> Iterator[Way]:
    """`<image>`, `<image>_<rest>` and `mask_<image>`: the longest image that the name begins with comes first."""
    if image := photos.get(folders, name):
        yield Way(image, "")
    for end in range(len(name) - 1, 0, -1):
        if name[end] in NAME_ENDS and (image := photos.get(folders, name[:end])):
            yield Way(image, name[end + 1 :])
    if bare := without_begin(name, BEGINS):
        yield from _named(photos, folders, bare)


def _ended(photos: Photos, folders: Parts, name: str) -> Iterator[Way]:
    """`<rest>_<image>`: the longest image that the name ends with comes first."""
    for begin in range(1, len(name)):
        if name[begin - 1] in NAME_ENDS and (image := photos.get(folders, name[begin:])):
            yield Way(image, name[: begin - 1])


def _in_folder(photos: Photos, folders: Parts, name: str) -> Iterator[Way]:
    """`<image>/<rest>`, where the rest may repeat the name of the image."""
    for depth in range(len(folders), 0, -1):
        above, own = folders[: depth - 1], folders[depth - 1]
        if image := photos.get(above, own):
            last = name[len(own) :] if name.startswith(own) and name[len(own) : len(own) + 1] in NAME_ENDS else name
            yield Way(image, "/".join((*folders[depth:], last)))


def _sorted(photos: Photos, folders: Parts, name: str) -> Iterator[Way]:
    """`<class>/<image>` and `<class>/<image>_<rest>`."""
    for at, label in enumerate(folders):
        if not is_split_name(label):
            for way in _named(photos, folders[:at] + folders[at + 1 :], name):
                yield Way(way.image, way.rest, said(label).rest if said(label).kind == "mask" else label)


NAMINGS: dict[Naming, Callable[[Photos, Parts, str], Iterator[Way]]] = {
    "named": _named,
    "ended": _ended,
    "folder": _in_folder,
    "sorted": _sorted,
}
