"""What instances and images carry beside their shapes, as far as the target has a place for it."""

from __future__ import annotations

from typing import Any

import msgspec

from converter.extras import IGNORE_REGION, SILENCE, ignored
from converter.geometry import rle
from converter.ledger import Ledger
from converter.lower.plan import Lowering
from converter.model import Box, Image, Instance, Marks, Sample

__all__ = ["held", "part_groups", "strip_image", "tell_attributes"]

OWN = "segpack_"  # how the keys begin that the program itself gives to images and instances
# Where an image of COCO comes from, URLs too: facts of the set as its licenses are, and nothing that was annotated.
ORIGIN = frozenset({"date_captured", "license", "url"})
ANNOTATED = frozenset({"attributes", "description", "tags"})  # extras of an image that a person put there
GROUP = "group_id"


def held(instance: Instance, how: Lowering) -> dict[str, Any]:
    lacking = how.holds.lacks(instance)
    return {k: v for k, v in instance.extra.items() if k not in lacking}


def tell_attributes(sample: Sample, how: Lowering, ledger: Ledger) -> None:
    """Attributes that the target has no place for; what the program itself keeps books with is none."""
    if not any(i.extra for i in sample.instances):
        return
    gone = [{k for k in how.holds.lacks(i) if not k.startswith(OWN)} for i in sample.instances]
    keys = sorted(set().union(*gone))
    if keys:
        count = sum(map(bool, gone))
        message = f"{count} instances lost {', '.join(keys)}"
        ledger.lose("attribute-dropped", sample.image.path, message, amount=count)


def part_groups(fitted: list[Instance], image: Image, how: Lowering, ledger: Ledger) -> list[Instance]:
    """The instances without a group where it would make one object of several of a class, which is told."""
    members: dict[tuple[Any, int], list[int]] = {}
    for place, instance in enumerate(fitted):
        group = instance.extra.get(GROUP)
        bare = Marks if how.holds.group_boxes else Marks | Box
        if isinstance(group, how.holds.groups) and not isinstance(instance.shape, bare):
            members.setdefault((group, instance.class_id), []).append(place)
    joined = [
        place
        for places in members.values()
        if len(places) > 1 and not all(isinstance(fitted[place].shape, Box) for place in places)
        for place in places
    ]
    if not joined:
        return fitted
    parted = list(fitted)
    for place in joined:
        extra = {k: v for k, v in fitted[place].extra.items() if k != GROUP}
        parted[place] = msgspec.structs.replace(fitted[place], extra=extra)
    message = f"{len(joined)} instances lost {GROUP}, as those of one group and class would be one object"
    ledger.lose("attribute-dropped", image.path, message, amount=len(joined))
    return parted


def strip_image(image: Image, how: Lowering, ledger: Ledger) -> Image:
    """The image without the extras that the target has no place for.

    What a person annotated is a loss; what tools say of an image (paths, ids of their own, dates) a note.
    """
    gone = how.holds.image_lacks(image.extra)
    if not gone:
        return image
    name = image.path
    region = ignored(image) if IGNORE_REGION in gone else None
    if region is not None:
        pixels = rle.area(region)
        ledger.lose("ignore-dropped", name, f"{pixels} pixels to be ignored became background", amount=pixels)
    told = {k for k in gone - ORIGIN - {IGNORE_REGION} if not k.startswith(OWN) and not k.endswith("_url")}
    told = {k for k in told if image.extra[k] not in SILENCE}
    if annotated := sorted(told & ANNOTATED):
        ledger.lose("attribute-dropped", name, f"the image lost {', '.join(annotated)}")
    if others := sorted(told - ANNOTATED):
        ledger.note("metadata-dropped", name, f"the target has no place for {', '.join(others)} of images")
    return msgspec.structs.replace(image, extra={k: v for k, v in image.extra.items() if k not in gone})
