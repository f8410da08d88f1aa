"""Between instances and maps of class ids: what is cut out of a map, and what is painted on one."""

from __future__ import annotations

import msgspec
import numpy as np

from converter.errors import UsageError
from converter.extras import IGNORE_REGION, ignored, ignoring
from converter.geometry import labelmap, rle, shapes
from converter.ledger import Ledger
from converter.lower.extras import strip_image, tell_attributes
from converter.lower.instances import BOX_DROPPED
from converter.lower.plan import Lowering
from converter.model import IGNORE, Box, Header, Image, Instance, LabelMap, Marks, Rle, Sample

__all__ = ["cut", "to_semantic"]


def cut(sample: Sample, how: Lowering, ledger: Ledger) -> Sample:
    """One instance a class, or one a connected region; ignored pixels are kept apart or lost."""
    labels = sample.labels
    assert labels is not None
    header = how.source
    outside = {v for v in (header.background_id, how.ignored_before) if v is not None}
    regions = labelmap.regions(labels, skip=outside)
    if how.options.instances == "components":
        found = [(id, part) for id, region in regions.items() for part in labelmap.components(region)]
    else:
        found = list(regions.items())
    image = _keep_ignored(sample, how, ledger)
    return Sample(image, tuple(Instance(id, region) for id, region in found))


def _keep_ignored(sample: Sample, how: Lowering, ledger: Ledger) -> Image:
    """The image with its ignored region where the target has a place for it; else a loss."""
    image, ignore = sample.image, how.ignored_before
    if ignore is None or sample.labels is None or not (sample.labels == ignore).any():
        return image
    region = rle.encode(sample.labels == ignore)
    if how.holds.ignored:
        return ignoring(image, region)
    pixels = rle.area(region)
    ledger.lose("ignore-dropped", image.path, f"{pixels} pixels to be ignored became background", amount=pixels)
    return image


def to_semantic(sample: Sample, how: Lowering, ledger: Ledger) -> Sample:
    """A map of class ids; where instances overlap, the smaller lies on top."""
    image = sample.image
    extra = {k: v for k, v in image.extra.items() if k != IGNORE_REGION or how.ignored_after is None}
    bare = strip_image(msgspec.structs.replace(image, extra=extra), how, ledger)
    if sample.labels is not None:
        return Sample(bare, labels=sample.labels)
    regions, told = _paintable(sample, how, ledger)
    background = how.fill
    labels, covered = labelmap.paint(image.height, image.width, background, regions)
    for number, (instance, lost) in zip(told, zip(regions, covered, strict=True), strict=True):
        if lost:
            ledger.lose(
                "overlap-hidden",
                image.path,
                f"{lost} pixels of class {instance[0]} lie under smaller instances",
                instance=number,
                amount=lost,
            )
    labels = _paint_ignored(labels, image, how, ledger)
    if how.source.task == "semantic" and how.source.background_id is None:
        _tell_uncovered(labels, image, how, ledger)
    return Sample(bare, labels=_typed(labels, how.target))


def _paintable(sample: Sample, how: Lowering, ledger: Ledger) -> tuple[list[tuple[int, Rle]], list[int]]:
    """(class id, region) of every instance that has a region, and how losses name it."""
    name = sample.image.path
    height, width = sample.image.height, sample.image.width
    regions: list[tuple[int, Rle]] = []
    told: list[int] = []
    bare = Marks if how.options.boxes_as_masks else Marks | Box
    masks = shapes.masks_of([i.shape for i in sample.instances if not isinstance(i.shape, bare)], height, width)
    drawn = zip(masks, rle.areas(masks), strict=True)
    for number, instance in enumerate(sample.instances, 1):
        id = instance.id if instance.id is not None else number
        if isinstance(instance.shape, Marks):
            ledger.lose("not-a-region", name, f"marks ({instance.shape.kind}) are no region", instance=id)
            continue
        if isinstance(instance.shape, bare):
            ledger.lose(BOX_DROPPED, name, "a box is no mask (--boxes-as-masks fills it)", instance=id)
            continue
        region, area = next(drawn)
        if not area:
            ledger.lose("empty-mask", name, "an object without a pixel", instance=id, amount=0)
            continue
        regions.append((how.ids[instance.class_id], region))
        told.append(id)
    crowds = sum(i.iscrowd for i in sample.instances)
    if crowds:
        ledger.lose("crowd-flag-dropped", name, f"{crowds} crowd regions are like any other here", amount=crowds)
    tell_attributes(sample, how, ledger)
    return regions, told


def _paint_ignored(labels: LabelMap, image: Image, how: Lowering, ledger: Ledger) -> LabelMap:
    """Pixels to be ignored lie over objects, as borders of VOC do: nobody is to learn from them."""
    ignore = how.ignored_after
    region = ignored(image) if ignore is not None else None
    if region is not None:
        inside = rle.decode(region)
        hidden = int(np.count_nonzero(labels[inside] != how.fill))
        labels[inside] = ignore
        if hidden:
            said = f"{hidden} pixels of objects lie under what is to be ignored"
            ledger.lose("overlap-hidden", image.path, said, amount=hidden)
    return labels


def _tell_uncovered(labels: LabelMap, image: Image, how: Lowering, ledger: Ledger) -> None:
    """A set whose every pixel has a class, and an image that leaves some without."""
    if how.fill == how.source.ignore_id:
        return
    uncovered, region = labels == how.fill, ignored(image)
    bare = int(np.count_nonzero(uncovered if region is None else uncovered & ~rle.decode(region)))
    if not bare:
        return
    if how.fill != how.ignored_after:
        taken = next(c.name for c in how.target.classes if c.id == IGNORE)
        raise UsageError(
            f"{image.path}: {bare} pixels belong to no class, every pixel of this set has one, and {IGNORE}, "
            f"which would say that they are to be ignored, is '{taken}'; move that class with --classes"
        )
    said = f"{bare} pixels belong to no class and became {how.fill}, to be ignored"
    ledger.lose("unlabelled", image.path, said, amount=bare)


def _typed(labels: LabelMap, header: Header) -> LabelMap:
    """8 bits where every id of the dataset fits, so that all masks of a set are of one kind."""
    wide = any(c.id > 255 for c in header.classes)
    typed: LabelMap = labels.astype(np.uint16 if wide else np.uint8, copy=False)
    return typed
