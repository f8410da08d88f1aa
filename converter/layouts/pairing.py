"""Sets with a mask an image: which belongs to which, told by the names of folders and files alone.

Folders say what is in them (see words.py); a name that ends in `_mask`, `_gt` or the like is
a mask anywhere. A mask and its image have the same path once those words are taken out of it.
"""

from __future__ import annotations

import functools
import posixpath
from collections.abc import Collection, Iterable, Mapping, Sequence
from string import digits

from converter.errors import SourceError
from converter.format import Reading
from converter.layouts.images import fold, is_image, is_split_name, split_name, stem
from converter.layouts.mask_names import find_names
from converter.layouts.patterns import matches
from converter.layouts.places import places
from converter.layouts.splits import tell_lists
from converter.layouts.words import (
    IMAGE_ENDS,
    MASK_ENDS,
    in_mask_folder,
    is_view,
    key_of,
    kind_of,
    outer_kind_of,
    parted,
    said,
    shortened,
    shows_masks,
    without_end,
)
from converter.ledger import Ledger
from converter.model import Image
from converter.storage import Source

__all__ = ["NAME_THEM", "NO_MASKS", "mask_an_image", "pair_beside", "pair_masks", "tell_orphans"]

NO_MASKS = "no masks with the names of images in it"
NAME_THEM = "put them in images/ and masks/, use --images DIR, or say where they lie with --masks and --image-pattern"
BY_HAND = frozenset({"manual"})  # in folders of masks: 21_manual1
MOST = 500
Key = tuple[str, ...]


def mask_an_image(
    reading: Reading, ledger: Ledger, splits: Collection[str] = ()
) -> tuple[list[tuple[Image, str]], list[str]]:
    """The images that have a mask, each with the one it has, and every file that is a mask.

    By the patterns of the user, else by the usual names. Masks without an image are losses; SourceError
    where no image has a mask, or one has two. `splits` are names of splits beside the usual ones.
    """
    source = reading.source
    if reading.options.patterned:
        found = [(m.image, path) for m in matches(reading, ledger) for path, _ in m.masks]
        orphans: list[str] = []
    else:
        pairs, orphans = pair_masks(source, reading.images)
        pairs = pairs or (pair_beside(source) if reading.images is source else [])
        known = zip(places(pairs, splits), pairs, strict=True)
        found = [(Image(place.name, place.split, file=image), mask) for place, (image, mask) in known]
    tell_orphans(source, orphans, ledger)
    if not found:
        first = next((f" ({loss.message})" for loss in ledger.losses if loss.code == "orphan-mask"), "")
        raise SourceError(source.name, NO_MASKS + first, remedy=NAME_THEM)
    _check_one_each(reading, found)
    tell_lists(source, (image for image, _ in found), ledger)
    return found, [*orphans, *(mask for _, mask in found)]


def _check_one_each(reading: Reading, found: Iterable[tuple[Image, str]]) -> None:
    first: dict[str, str] = {}
    for image, mask in found:
        file = image.file or ""
        if first.setdefault(file, mask) != mask:
            problem = f"{reading.images.label(file)} has two masks, this one and {reading.source.label(first[file])}"
            remedy = "say which with --masks PATTERN and --from, which is instance-png for masks of single objects"
            raise SourceError(reading.source.label(mask), problem, remedy=remedy)


def tell_orphans(source: Source, masks: Iterable[str], ledger: Ledger) -> None:
    """Masks that belong to no image are losses."""
    for path in masks:
        ledger.lose("orphan-mask", path, f"{source.label(path)}: no image belongs to this mask")


def pair_masks(masks: Source, images: Source) -> tuple[list[tuple[str, str]], list[str]]:
    """Pairs (image path, mask path), and the masks for which no image was found.

    `images` is `masks` itself, or where images lie apart. Of several images that a mask may
    belong to, by its name alone, it takes the one whose path is most like its own, and none
    where two are equally like it, or images in more than 500 folders bear that name. An image
    with masks of two kinds (`manual1/a.png` and `mask/a.png`) is in a pair with each.
    """
    return masks.known(_pairs_within) if images is masks else _pair(masks, images)


def _pairs_within(source: Source) -> tuple[list[tuple[str, str]], list[str]]:
    return _pair(source, source)


def _pair(masks: Source, images: Source) -> tuple[list[tuple[str, str]], list[str]]:
    wanted, photos = _roles(masks, images, apart=images is not masks)
    by_name = _by_name(photos) if wanted else {}
    pairs = _matched(wanted, by_name)
    strange = {m: alike for m, alike in wanted.items() if m not in pairs and not _namesakes(m, by_name, alike=alike)}
    if strange:
        taken = set(pairs.values())
        pairs |= _matched_folded(strange, [path for path in photos if path not in taken])
    if not pairs and (ended := _of_one_ending(masks, images)):
        return ended, []
    pictures = set(pairs.values()) if images is masks else set()  # a mask's picture is none, as left_L.png
    orphans = [m for m in wanted if m not in pairs and m not in pictures]
    return sorted((image, mask) for mask, image in pairs.items() if mask not in pictures), orphans


def _matched(wanted: Mapping[str, bool], by_name: Mapping[tuple[bool, str], dict[Key, list[str]]]) -> dict[str, str]:
    """Mask -> image."""
    pairs: dict[str, str] = {}
    later: list[tuple[str, dict[Key, list[str]]]] = []
    for mask, alike in wanted.items():
        found = _namesakes(mask, by_name, alike=alike)
        same = found.get(key_of(posixpath.dirname(mask)))
        if same:
            pairs[mask] = same[0]
        else:
            later.append((mask, found))
    owners = {image: mask for mask, image in pairs.items()}
    for mask, found in later:
        images = [path for paths in found.values() for path in paths] if len(found) <= MOST else []
        best = _likest(mask, [path for path in images if path not in owners])
        if best is None:
            best = next((path for path in images if path in owners and _rivals(mask, owners[path])), None)
        if best is not None:
            pairs[mask] = best
    return pairs


def _rivals(one: str, other: str) -> bool:
    """Whether the folders of two masks of an image differ in what they call masks alone, and neither is a view."""
    mine, theirs = posixpath.dirname(one).split("/"), posixpath.dirname(other).split("/")
    differing = [pair for pair in zip(mine, theirs, strict=False) if pair[0] != pair[1]]
    if len(mine) != len(theirs) or len(differing) != 1:
        return False
    return all(found.kind == "mask" and not is_view(found.rest.split("_")) for found in map(said, differing[0]))


def _matched_folded(wanted: Mapping[str, bool], photos: Iterable[str]) -> dict[str, str]:
    """As `_matched`, by names in one case and normal form of Unicode, where a folder has only one such name."""
    masks, images = _by_folded(wanted), _by_folded(photos)
    pairs = _matched({folded: wanted[mask] for folded, mask in masks.items()}, _by_name(images))
    return {masks[mask]: images[image] for mask, image in pairs.items()}


def _by_folded(paths: Iterable[str]) -> dict[str, str]:
    """Path with its name folded -> path; the words of folders are told by their case."""
    found: dict[str, list[str]] = {}
    for path in paths:
        folder, base = posixpath.split(path)
        found.setdefault(posixpath.join(folder, fold(base)), []).append(path)
    return {folded: same[0] for folded, same in found.items() if len(same) == 1}


def _of_one_ending(masks: Source, images: Source) -> list[tuple[str, str]]:
    """Pairs where every mask bears the name of an image and the same after it, whatever that is."""
    names = find_names(masks, images)
    if names is None or names.naming != "named" or len({mask.rest for mask in names.masks}) > 1:
        return []
    pairs = sorted((mask.image, mask.path) for mask in names.found())
    return pairs if len(pairs) == len(names.masks) and len(pairs) == len(dict(pairs)) else []


def pair_beside(source: Source) -> list[tuple[str, str]]:
    """Pairs (image path, mask path) of files beside each other: JPEGs are images, others masks.

    They differ in their extension alone; or all masks bear the same after the names of images, as in `a_m.png`.
    """
    alike: dict[str, list[str]] = {}
    for path in source.names():
        if is_image(path):
            alike.setdefault(stem(path), []).append(path)
    found = []
    for paths in alike.values():
        photos = [path for path in paths if _is_jpeg(path)]
        if len(paths) == 2 and len(photos) == 1:
            found.append((photos[0], next(path for path in paths if path != photos[0])))
    return found or _beside_of_one_ending({name: paths[0] for name, paths in alike.items() if len(paths) == 1})


def _beside_of_one_ending(paths: Mapping[str, str]) -> list[tuple[str, str]]:
    """Pairs, where every file that is no JPEG is called as one, and the same after it; `paths` by their stems."""
    ends: set[str] = set()
    found = []
    for name, path in paths.items():
        if not _is_jpeg(path):
            before, _ = parted(name)
            photo = paths.get(before, "")
            if not _is_jpeg(photo):
                return []
            ends.add(name[len(before) :])
            found.append((photo, path))
    return found if len(ends) == 1 else []


def _is_jpeg(path: str) -> bool:
    return path.lower().endswith((".jpg", ".jpeg"))


def _roles(masks: Source, images: Source, *, apart: bool) -> tuple[dict[str, bool], list[str]]:
    """The files that are masks, with whether they may bear the very name of their image, and what may be images."""
    here = [p for p in masks.listed() if is_image(p) and not shows_masks(p)]
    mixed = _mixed(here)
    named = {p for p in here if in_mask_folder(p) and posixpath.dirname(p) not in mixed}
    if not apart and len(named) == len(here):
        named = set()  # the word stands in the name of the whole set
    if not apart and not named:
        named = _by_outer_folders(here)
    wanted = {p: p in named for p in here if p in named or shortened(_base(p), MASK_ENDS)}
    if not apart:
        return wanted, [p for p in here if p not in named]
    there = [p for p in images.listed() if is_image(p)]
    return wanted or dict.fromkeys(here, True), [p for p in there if not in_mask_folder(p)] or there


def _by_outer_folders(paths: Sequence[str]) -> set[str]:
    """The masks of `images/photos` and `masks/photos`: trees of equal folders, all of which seem to hold images."""
    kinds = {path: outer_kind_of(posixpath.dirname(path)) for path in paths}
    return {path for path, kind in kinds.items() if kind == "mask"} if "image" in kinds.values() else set()


def _mixed(paths: Iterable[str]) -> set[str]:
    """Folders of images with their masks beside them, which only one above calls masks: `my-segmentation/1/a_mask.png`.

    A lone `l` may as well be a left picture.
    """
    by_folder: dict[str, set[str]] = {}
    for path in paths:
        folder = posixpath.dirname(path)
        if kind_of(folder) == "mask" and not said(posixpath.basename(folder)).kind:
            by_folder.setdefault(folder, set()).add(_base(path))
    ends = MASK_ENDS - {"l"}
    return {f for f, names in by_folder.items() if any(not names.isdisjoint(shortened(name, ends)) for name in names)}


def _base(path: str) -> str:
    return posixpath.basename(stem(path))


def _by_name(photos: Iterable[str]) -> dict[tuple[bool, str], dict[Key, list[str]]]:
    """(whether a word was taken off, name without extension) -> paths by what is left of their folders.

    That is a word for images, or the split (`21_training`).
    """
    found: dict[tuple[bool, str], dict[Key, list[str]]] = {}
    for path in photos:
        base, key = _base(path), key_of(posixpath.dirname(path))
        before, last = parted(base)
        shorter = [*shortened(base, IMAGE_ENDS), *([before] if is_split_name(last) else [])]
        for name in ((False, base), *((True, plain) for plain in shorter)):
            found.setdefault(name, {}).setdefault(key, []).append(path)
    return found


def _namesakes(
    mask: str, by_name: Mapping[tuple[bool, str], dict[Key, list[str]]], *, alike: bool
) -> dict[Key, list[str]]:
    """The images that bear the name of a mask, with as little taken off the two as there has to be."""
    base = _base(mask)
    names = [base, *shortened(base, MASK_ENDS)] if alike else shortened(base, MASK_ENDS)
    if alike and (drawn := without_end(base.rstrip(digits), BY_HAND)):
        names.append(drawn)
    return next((f for name in names for bare in (False, True) if (f := by_name.get((bare, name)))), {})


def _likest(mask: str, images: Sequence[str]) -> str | None:
    """The image whose folders begin and end most like the mask's; none where two are equally like it.

    Folders that are named for images go before others.
    """
    folder = posixpath.dirname(mask)
    mine = _splits(folder)
    rated = []
    for path in [path for path in images if kind_of(posixpath.dirname(path)) == "image"] or images:
        theirs = _splits(posixpath.dirname(path))
        if mine == theirs or not mine or not theirs:
            rated.append((_alike(key_of(folder), key_of(posixpath.dirname(path))), path))
    best = [path for score, path in rated if score == max(rated)[0]]
    return best[0] if len(best) == 1 else None


@functools.lru_cache(maxsize=4096)
def _splits(folder: str) -> frozenset[str]:
    return frozenset(split_name(rest) for rest in key_of(folder) if is_split_name(rest))


def _alike(a: Sequence[str], b: Sequence[str]) -> int:
    least = min(len(a), len(b))
    head = next((i for i in range(least) if a[i] != b[i]), least)
    tail = next((i for i in range(least) if a[-1 - i] != b[-1 - i]), least)
    return min(head + tail, least)
