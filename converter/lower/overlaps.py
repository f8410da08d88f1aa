"""Instances of an image that a target holds as one, or not one on the other."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from converter.extras import ignored
from converter.geometry import rle, shapes
from converter.ledger import Ledger
from converter.model import Box, Image, Instance, Marks, Rle

__all__ = ["join_crowds", "part_overlaps", "seen_of", "tell_covered"]

PAINTED = 16  # times the pixels of an image: more of them are not painted one over the other
CANVAS = 1 << 27  # pixels: a larger image would take more memory than its masks do


def join_crowds(fitted: list[Instance], image: Image, ledger: Ledger) -> list[Instance]:
    """The crowd regions of a class as one; no pixel is lost, only where one ended and the next began."""
    joined: list[Instance] = []
    places: dict[int, int] = {}
    for instance in fitted:
        place = places.setdefault(instance.class_id, len(joined)) if instance.iscrowd else len(joined)
        if place == len(joined):
            joined.append(instance)
            continue
        first = joined[place]
        regions = [shapes.mask_of(i.shape, image.height, image.width) for i in (first, instance)]
        joined[place] = msgspec.structs.replace(first, shape=rle.union(regions), box=None, area=None)
        message = f"crowd regions of class {instance.class_id} became one"
        ledger.lose("crowds-joined", image.path, message, instance=instance.id)
    return joined


def part_overlaps(fitted: list[Instance], image: Image, ledger: Ledger) -> list[Instance]:
    """Every pixel to one instance, the smaller on top; boxes and marks take part in nothing."""
    places = [n for n, i in enumerate(fitted) if not isinstance(i.shape, Box | Marks)]
    regions = [shapes.mask_of(fitted[n].shape, image.height, image.width) for n in places]
    if sum(rle.areas(regions)) == (rle.area(rle.union(regions)) if regions else 0):
        return fitted
    parted = list(fitted)
    for i, seen in seen_of(regions):
        lost = rle.area(regions[i]) - rle.area(seen)
        if lost:
            place, instance = places[i], fitted[places[i]]
            told = instance.id if instance.id is not None else place + 1
            message = f"{lost} pixels of class {instance.class_id} lie under smaller instances"
            ledger.lose("overlap-hidden", image.path, message, instance=told, amount=lost)
            parted[place] = msgspec.structs.replace(instance, shape=seen, box=None, area=None)
    return [
        instance
        for instance in parted
        if isinstance(instance.shape, Box | Marks) or not shapes.is_empty(instance.shape, image.height, image.width)
    ]


def tell_covered(fitted: Sequence[Instance], image: Image, ledger: Ledger) -> None:
    """Pixels that are to be ignored and are an object's: where either has the pixel, it is the object's."""
    region = ignored(image)
    if region is None:
        return
    drawn = [i.shape for i in fitted if not isinstance(i.shape, Box | Marks)]
    free = rle.difference(region, rle.union(shapes.masks_of(drawn, image.height, image.width))) if drawn else region
    lost = rle.area(region) - rle.area(free)
    if lost:
        ledger.lose("ignore-dropped", image.path, f"{lost} pixels to be ignored lie under objects", amount=lost)


def seen_of(regions: Sequence[Rle]) -> list[tuple[int, Rle]]:
    """Place of each mask, the smallest first, and what is seen of it: it lies on the larger ones, and of equal ones
    the later on the earlier.
    """
    areas, boxes = rle.measures(regions)
    order = sorted(range(len(regions)), key=lambda i: (areas[i], -i))
    height, width = regions[0].height, regions[0].width
    painted = height * width <= CANVAS and sum(w * h for _, _, w, h in boxes) <= PAINTED * height * width
    return _painted(regions, order) if painted else _covered(regions, order)


def _covered(regions: Sequence[Rle], order: Sequence[int]) -> list[tuple[int, Rle]]:
    """By codes, which is slow for many masks: all that lies above is gone through for each."""
    found = []
    above = rle.empty(regions[0].height, regions[0].width)
    for i in order:
        found.append((i, rle.difference(regions[i], above)))
        above = rle.union([above, regions[i]])
    return found


def _painted(regions: Sequence[Rle], order: Sequence[int]) -> list[tuple[int, Rle]]:
    """By painting one over the other, the largest first, which is slow for many large masks."""
    height, width = regions[0].height, regions[0].width
    canvas = np.full((height, width), -1, np.min_scalar_type(-len(regions)))
    for i in reversed(order):
        crop, x, y = rle.decode_crop(regions[i])
        canvas[y : y + crop.shape[0], x : x + crop.shape[1]][crop] = i
    found = []
    for i in order:
        x, y, w, h = rle.tight_box(regions[i])
        mine = canvas[y : y + h, x : x + w] == i
        whole = np.count_nonzero(mine) == rle.area(regions[i])
        found.append((i, regions[i] if whole else rle.encode_crop(mine, x, y, height, width)))
    return found
