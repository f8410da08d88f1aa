"""Changes of shapes that a user asks for by name: joined parts, filled holes, no specks.

In this order: --merge-components makes one instance of those of a class that touch or
overlap (8-connected); --fill-holes fills what no path of pixels joined at their sides leads
out of; --min-area N takes out instances of fewer than N pixels, of a map of classes the
connected regions. They work on what is going to be written, in its pixels.
"""

from __future__ import annotations

from collections import defaultdict

import msgspec
import numpy as np
from numpy.typing import NDArray

from converter.errors import UsageError
from converter.geometry import rle, shapes
from converter.ledger import Ledger
from converter.model import Box, Header, Instance, LabelMap, Marks, Rle, Sample

__all__ = ["Edits", "apply"]


class Edits(msgspec.Struct, frozen=True):
    """What is asked for."""

    merge_components: bool = False
    fill_holes: bool = False
    min_area: int = 0

    @property
    def any(self) -> bool:
        return self != Edits()


def apply(sample: Sample, how: Edits, header: Header, ledger: Ledger) -> Sample:
    """The sample with its shapes changed as asked; every change of pixels is told."""
    if not how.any:
        return sample
    if sample.labels is not None:
        return msgspec.structs.replace(sample, labels=_edit_labels(sample, how, header, ledger))
    instances = sample.instances
    if how.merge_components:
        instances = _merge(sample, ledger)
    if how.fill_holes:
        instances = _fill(instances, sample, ledger)
    if how.min_area:
        instances = _sweep(instances, sample, how.min_area, ledger)
    return msgspec.structs.replace(sample, instances=instances)


def _is_mask(instance: Instance) -> bool:
    return not isinstance(instance.shape, Box | Marks)


def _mask(instance: Instance, sample: Sample) -> Rle:
    return shapes.mask_of(instance.shape, sample.image.height, sample.image.width)


def _redrawn(instance: Instance, mask: Rle) -> Instance:
    return msgspec.structs.replace(instance, shape=mask, box=None, area=None)


# ---------------------------------------------------------------- instances


def _merge(sample: Sample, ledger: Ledger) -> tuple[Instance, ...]:
    """One instance for those of a class whose pixels touch; it keeps the place and id of the first."""
    groups: dict[tuple[int, bool], list[int]] = defaultdict(list)
    for at, instance in enumerate(sample.instances):
        if _is_mask(instance):
            groups[instance.class_id, instance.iscrowd].append(at)
    result: dict[int, Instance] = dict(enumerate(sample.instances))
    for members in groups.values():
        for touching in _touching(members, sample):
            first, *others = touching
            whole = rle.union([_mask(sample.instances[i], sample) for i in touching])
            result[first] = _redrawn(sample.instances[first], whole)
            for other in others:
                del result[other]
    gone = len(sample.instances) - len(result)
    if gone:
        ledger.lose("instances-merged", sample.image.path, f"{gone} joined the ones they touch", amount=gone)
    return tuple(result[at] for at in sorted(result))


def _touching(members: list[int], sample: Sample) -> list[list[int]]:
    """Groups of two and more instances that lie in one connected region of their union."""
    masks = {at: _mask(sample.instances[at], sample) for at in members}
    filled = {at: mask for at, mask in masks.items() if rle.area(mask)}
    if len(filled) < 2:
        return []
    regions, left, top = _regions(rle.union(list(filled.values())))
    leader = {at: at for at in filled}
    first: dict[int, int] = {}
    for at, mask in filled.items():
        crop, x, y = rle.decode_crop(mask)
        mine = regions[y - top : y - top + crop.shape[0], x - left : x - left + crop.shape[1]][crop]
        for region in np.unique(mine).tolist():
            leader[_find(leader, at)] = _find(leader, first.setdefault(region, at))
    groups: dict[int, list[int]] = defaultdict(list)
    for at in filled:
        groups[_find(leader, at)].append(at)
    return sorted(sorted(group) for group in groups.values() if len(group) > 1)


def _regions(mask: Rle) -> tuple[NDArray[np.int32], int, int]:
    """The number of the 8-connected region of each pixel, 0 outside; and the column and row of the first."""
    from skimage.measure import label  # noqa: PLC0415 - slow to import and seldom needed

    crop, x, y = rle.decode_crop(mask)
    return label(crop, connectivity=2).astype(np.int32, copy=False), x, y  # type: ignore[no-untyped-call]


def _find(leader: dict[int, int], at: int) -> int:
    while leader[at] != at:
        at = leader[at]
    return at


def _fill(instances: tuple[Instance, ...], sample: Sample, ledger: Ledger) -> tuple[Instance, ...]:
    result, added = [], 0
    for instance in instances:
        if not _is_mask(instance):
            result.append(instance)
            continue
        mask = _mask(instance, sample)
        whole = _without_holes(mask)
        more = rle.area(whole) - rle.area(mask)
        result.append(_redrawn(instance, whole) if more else instance)
        added += more
    if added:
        ledger.lose("holes-filled", sample.image.path, f"{added} pixels of holes were filled", amount=added)
    return tuple(result)


def _without_holes(mask: Rle) -> Rle:
    crop, x, y = rle.decode_crop(mask)
    if not crop.size:
        return mask
    filled = _filled(crop)
    if filled is crop:
        return mask
    bitmap = np.zeros((mask.height, mask.width), np.bool_)
    bitmap[y : y + crop.shape[0], x : x + crop.shape[1]] = filled
    return msgspec.structs.replace(rle.encode(bitmap), listed=mask.listed)


def _filled(crop: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """The bitmap with every background region filled that does not reach the edge (4-connected); itself when none."""
    from skimage.measure import label  # noqa: PLC0415 - slow to import and seldom needed

    outside = np.pad(~crop, 1, constant_values=True)
    regions = label(outside, connectivity=1)  # type: ignore[no-untyped-call]
    holes = outside & (regions != regions[0, 0])
    return crop | holes[1:-1, 1:-1] if holes.any() else crop


def _sweep(instances: tuple[Instance, ...], sample: Sample, least: int, ledger: Ledger) -> tuple[Instance, ...]:
    kept = []
    for number, instance in enumerate(instances, 1):
        told = instance.id if instance.id is not None else number
        area = _area(instance, sample)
        if area is None or area >= least:
            kept.append(instance)
        else:
            message = f"{area:g} pixels are fewer than {least}"
            ledger.lose("below-min-area", sample.image.path, message, instance=told, amount=area)
    return tuple(kept)


def _area(instance: Instance, sample: Sample) -> float | None:
    if isinstance(instance.shape, Marks):
        return None
    if isinstance(instance.shape, Box):
        return instance.shape.w * instance.shape.h
    return rle.area(_mask(instance, sample))


# ---------------------------------------------------------------- maps of classes


def _edit_labels(sample: Sample, how: Edits, header: Header, ledger: Ledger) -> LabelMap:
    labels = sample.labels
    assert labels is not None
    background = header.background_id
    if background is None:
        raise UsageError(
            "--fill-holes and --min-area need a background, and every pixel of this set has a class; "
            "write instances with --instances components"
        )
    edited = labels.copy()
    for id in sorted(c.id for c in header.classes if bool((labels == c.id).any())):
        if how.fill_holes:
            holes = _filled(edited == id) & (edited == background)
            edited[holes] = id
            _tell_pixels("holes-filled", f"holes of class {id} were filled", int(holes.sum()), sample, ledger)
        if how.min_area:
            regions, x, y = _regions(rle.encode(edited == id))
            small = np.bincount(regions.ravel()) < how.min_area
            small[0] = False
            specks = small[regions]
            edited[y : y + specks.shape[0], x : x + specks.shape[1]][specks] = background
            gone = int(specks.sum())
            what = f"{int(small.sum())} regions of class {id} below {how.min_area} became background"
            _tell_pixels("below-min-area", what, gone, sample, ledger)
    return edited


def _tell_pixels(code: str, what: str, pixels: int, sample: Sample, ledger: Ledger) -> None:
    if pixels:
        ledger.lose(code, sample.image.path, f"{pixels} pixels: {what}", amount=pixels)
