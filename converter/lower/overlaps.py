"""Instances of an image that a target holds as one, or not one on the other."""

from __future__ import annotations

import msgspec

from converter.geometry import rle, shapes
from converter.layouts.images import shown_name
from converter.ledger import Ledger
from converter.model import Box, Image, Instance, Marks

__all__ = ["join_crowds", "part_overlaps"]


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
        ledger.lose("crowds-joined", shown_name(image), message, instance=instance.id)
    return joined


def part_overlaps(fitted: list[Instance], image: Image, ledger: Ledger) -> list[Instance]:
    """Every pixel to one instance, the smaller on top; boxes and marks take part in nothing."""
    places = [n for n, i in enumerate(fitted) if not isinstance(i.shape, Box | Marks)]
    regions = [shapes.mask_of(fitted[n].shape, image.height, image.width) for n in places]
    if sum(map(rle.area, regions)) == (rle.area(rle.union(regions)) if regions else 0):
        return fitted
    parted = list(fitted)
    above = rle.empty(image.height, image.width)
    for i in sorted(range(len(places)), key=lambda i: (rle.area(regions[i]), -i)):
        seen = rle.difference(regions[i], above)
        above = rle.union([above, regions[i]])
        lost = rle.area(regions[i]) - rle.area(seen)
        if lost:
            place, instance = places[i], fitted[places[i]]
            told = instance.id if instance.id is not None else place + 1
            message = f"{lost} pixels of class {instance.class_id} lie under smaller instances"
            ledger.lose("overlap-hidden", shown_name(image), message, instance=told, amount=lost)
            parted[place] = msgspec.structs.replace(instance, shape=seen, box=None, area=None)
    return [
        instance
        for instance in parted
        if isinstance(instance.shape, Box | Marks) or not shapes.is_empty(instance.shape, image.height, image.width)
    ]
