"""Fits a sample to what a target can hold, and says what that cost.

The only step that may lose anything: readers do not guess and encoders do not lose.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import numpy as np

from converter.errors import UsageError
from converter.extras import IGNORE_REGION, ignored, ignoring
from converter.format import Holds, WriteOptions
from converter.geometry import labelmap, polygons, quads, raster, rle, shapes
from converter.layouts.images import shown_name
from converter.ledger import Ledger
from converter.model import Box, ClassInfo, Header, Image, Instance, LabelMap, Marks, Polygons, Rle, Sample, Shape

__all__ = ["BOX_DROPPED", "REDUCED", "Lowering", "cut", "lower", "plan"]

BOX_DROPPED = "box-dropped"
# Losses of kind: the object is there, drawn or described with less.
REDUCED = frozenset({"mask-to-box", "attribute-dropped", "crowd-flag-dropped"})
IGNORE = 255
GREATEST = 65535
OWN = "segpack_"  # how the keys begin that the program itself gives to images and instances
ANNOTATED = frozenset({"attributes", "tags"})  # extras of an image that a person put there


class Lowering(msgspec.Struct, frozen=True):
    """How samples of `source` become samples of `target`: class ids mapped, shapes fitted to `holds`."""

    source: Header
    target: Header
    holds: Holds
    options: WriteOptions
    ids: dict[int, int]
    fill: int = 0


# ---------------------------------------------------------------- the header


def plan(source: Header, holds: Holds, options: WriteOptions, ledger: Ledger) -> Lowering:
    """The header that the target will have. Class ids move only where they must, with a note."""
    _tell_metadata(source, holds, ledger)
    if holds.task == "semantic":
        return _plan_semantic(source, holds, options, ledger)
    ids = {c.id: c.id for c in source.classes}
    if source.task == "semantic" and options.instances is None:
        ledger.note(
            "instances-by-class",
            source.format,
            "every class of an image became one instance; --instances components makes one of each connected region",
        )
    classes = source.classes
    if holds.last_id is not None:
        ids = _free_ids(classes, None, ledger, holds.last_id)
        classes = tuple(sorted((msgspec.structs.replace(c, id=ids[c.id]) for c in classes), key=lambda c: c.id))
    background = None if 0 in ids.values() else 0
    target = msgspec.structs.replace(source, task="instance", classes=classes, background_id=background, ignore_id=None)
    return Lowering(source, target, holds, options, ids)


def _tell_metadata(source: Header, holds: Holds, ledger: Ledger) -> None:
    """Facts about the set that are no annotations, and that the target has no place for."""
    keys = {*source.extra, *(key for c in source.classes for key in c.extra)}
    lost = sorted(key for key in keys if not holds.keeps(key))
    if lost:
        ledger.note(
            "metadata-dropped",
            source.format,
            f"the target has no place for {', '.join(lost)}, nor for such facts of images",
        )


def _plan_semantic(source: Header, holds: Holds, options: WriteOptions, ledger: Ledger) -> Lowering:
    if source.task == "semantic":
        taken = {c.id for c in source.classes}
        fill = source.background_id
        ignore = source.ignore_id
        if fill is None:
            fill = ignore if ignore is not None else IGNORE if IGNORE not in taken else max(taken) + 1
        return Lowering(source, source, holds, options, {c.id: c.id for c in source.classes}, fill)
    ids = _free_ids(source.classes, source.ignore_id, ledger)
    classes = tuple(sorted((msgspec.structs.replace(c, id=ids[c.id]) for c in source.classes), key=lambda c: c.id))
    target = msgspec.structs.replace(source, task="semantic", classes=classes, background_id=0)
    return Lowering(source, target, holds, options, ids)


def _free_ids(classes: Iterable[ClassInfo], ignore: int | None, ledger: Ledger, last: int = GREATEST) -> dict[int, int]:
    """Ids that fit a pixel (16 bits, or up to `last`) and mean nothing else there: others move to free ones."""
    ids = {c.id: c.id for c in classes if 0 < c.id <= last and c.id != ignore}
    taken = {*ids, ignore}
    for c in classes:
        if c.id not in ids:
            free = next((i for i in range(1, last + 1) if i not in taken), None)
            if free is None:
                raise UsageError(f"the target numbers {last} classes and there are more; drop some with --classes FILE")
            taken.add(free)
            ids[c.id] = free
            ledger.note(
                "class-id-moved",
                c.name,
                f"class {c.id} '{c.name}' became {free}: 0 is the background"
                + (f", {ignore} is to be ignored," if ignore is not None else "")
                + f" and ids end at {last}",
            )
    return ids


# ---------------------------------------------------------------- a sample


def lower(sample: Sample, how: Lowering, ledger: Ledger) -> Sample:
    """`sample` as the target can hold it."""
    if how.holds.task == "semantic":
        return _to_semantic(sample, how, ledger)
    if sample.labels is not None:
        sample = cut(sample, how, ledger)
    fitted = []
    for number, (instance, box) in enumerate(zip(sample.instances, _boxes(sample, how), strict=True), 1):
        kept = _fit(instance, box, number, sample.image, how, ledger)
        if kept is not None:
            fitted.append(kept)
    _tell_reductions(sample, fitted, how, ledger)
    if how.holds.one_crowd:
        fitted = _join_crowds(fitted, sample.image, ledger)
    if not how.holds.overlaps:
        fitted = _part_overlaps(fitted, sample.image, ledger)
    return Sample(_strip_image(sample.image, how, ledger), tuple(fitted))


def _boxes(sample: Sample, how: Lowering) -> Sequence[Box | None]:
    """The box of each region where something depends on it, those of an image drawn at once; else nothing.

    It is all that is held of a region, or says whether there is a pixel in what is not drawn otherwise.
    """
    wanted = _boxes_alone(how) or (_keeps_rings(how) and not how.holds.empty)
    if not wanted:
        return [None] * len(sample.instances)
    image = sample.image
    shapes_now = [_filled(instance, image, how).shape for instance in sample.instances]
    regions = [shape for shape in shapes_now if not isinstance(shape, Marks)]
    boxes = iter(shapes.tight_boxes(regions, image.height, image.width))
    return [None if isinstance(shape, Marks) else next(boxes) for shape in shapes_now]


def _boxes_alone(how: Lowering) -> bool:
    return not how.holds.masks and not how.holds.quads


def _keeps_rings(how: Lowering) -> bool:
    return how.holds.polygons or how.holds.one_ring


def _fit(
    instance: Instance, box: Box | None, number: int, image: Image, how: Lowering, ledger: Ledger
) -> Instance | None:
    """One instance as the target can hold it; None when it cannot. `box` is that of its region, if it is known."""
    name = shown_name(image)
    told = instance.id if instance.id is not None else number
    if isinstance(instance.shape, Marks):
        return _fit_marks(instance, instance.shape, name, told, how, ledger)
    if instance.iscrowd and not how.holds.crowd and how.options.crowd == "drop":
        pixels = rle.area(shapes.mask_of(instance.shape, image.height, image.width))
        ledger.lose(
            "crowd-dropped",
            name,
            "a crowd region is no object here (--crowd keep writes it)",
            instance=told,
            amount=pixels,
        )
        return None
    if isinstance(instance.shape, Box) and not how.holds.boxes and not how.options.boxes_as_masks:
        ledger.lose(BOX_DROPPED, name, "a box is no mask (--boxes-as-masks fills it)", instance=told)
        return None
    instance = _filled(instance, image, how)
    if how.holds.quads and quads.is_quad(instance.shape):
        return _bare(instance, instance.shape, how)
    shape = box if box is not None and _boxes_alone(how) else _drawn(instance.shape, image, how)
    if not how.holds.empty and shapes.is_empty(box or shape, image.height, image.width):
        ledger.lose("empty-mask", name, "an object without a pixel", instance=told, amount=0)
        return None
    if how.holds.quads and not isinstance(shape, Box):
        shape = quads.around(shapes.mask_of(shape, image.height, image.width))
    if not how.holds.attributes and not how.options.simplifies:
        return _bare(instance, shape, how)
    instance = msgspec.structs.replace(instance, class_id=how.ids[instance.class_id], shape=shape)
    if how.holds.masks and how.options.simplifies and _writes_polygons(instance, how):
        instance = _simplify(instance, told, image, how, ledger)
    if instance.extra:
        instance = msgspec.structs.replace(instance, extra=_held(instance, how))
    if how.holds.attributes:
        return _settle_claims(instance, told, image, ledger)
    return msgspec.structs.replace(instance, box=None, area=None)


def _filled(instance: Instance, image: Image, how: Lowering) -> Instance:
    """A box as the mask that --boxes-as-masks makes of it where the target holds masks; anything else as it is."""
    box = instance.shape
    if not isinstance(box, Box) or not how.options.boxes_as_masks or not (how.holds.masks or not how.holds.boxes):
        return instance
    region = raster.box_to_rle(box.x, box.y, box.w, box.h, image.height, image.width)
    return msgspec.structs.replace(instance, shape=region, box=None, area=None)


def _drawn(shape: Shape, image: Image, how: Lowering) -> Shape:
    """What all that follows needs of a shape, drawn once: its mask, where the target has no place for its vertices."""
    if isinstance(shape, Polygons) and not _keeps_rings(how):
        return shapes.mask_of(shape, image.height, image.width)
    return shape


def _bare(instance: Instance, shape: Shape, how: Lowering) -> Instance:
    """The instance as the target numbers it, without claims and without what it has no place for."""
    extra = _held(instance, how) if instance.extra else {}
    return Instance(how.ids[instance.class_id], shape, instance.id, instance.iscrowd, extra=extra)


def _held(instance: Instance, how: Lowering) -> dict[str, Any]:
    lacking = how.holds.lacks(instance.extra)
    return {k: v for k, v in instance.extra.items() if k not in lacking}


def _join_crowds(fitted: list[Instance], image: Image, ledger: Ledger) -> list[Instance]:
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


def _part_overlaps(fitted: list[Instance], image: Image, ledger: Ledger) -> list[Instance]:
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


def _fit_marks(
    instance: Instance, shape: Marks, name: str, told: int, how: Lowering, ledger: Ledger
) -> Instance | None:
    """Points and lines where the target has a place for them; they never become masks or boxes."""
    if not how.holds.marks:
        ledger.lose("not-a-region", name, f"{shape.kind} are no region", instance=told)
        return None
    instance = msgspec.structs.replace(instance, class_id=how.ids[instance.class_id])
    return msgspec.structs.replace(instance, extra=_held(instance, how))


def _writes_polygons(instance: Instance, how: Lowering) -> bool:
    """Whether the target will hold a polygon of this instance."""
    if isinstance(instance.shape, Box):
        return False
    if how.holds.one_ring:
        return True
    if not how.holds.polygons:
        return False
    as_rle = how.options.segmentation == "rle" or (
        how.options.segmentation == "auto" and isinstance(instance.shape, Rle)
    )
    return not as_rle


def _simplify(instance: Instance, told: int, image: Image, how: Lowering, ledger: Ledger) -> Instance:
    """Fewer vertices, never below the IoU asked for; what that cost is a loss."""
    mask = shapes.mask_of(instance.shape, image.height, image.width)
    options = how.options
    if how.holds.one_ring:
        ring, iou = polygons.simplified_ring(mask, min_iou=options.min_iou, tolerance=options.tolerance)
        rings = [ring] if ring else []
    else:
        rings, iou = polygons.simplified_polygons(mask, min_iou=options.min_iou, tolerance=options.tolerance)
    if isinstance(instance.shape, Polygons) and sum(map(len, instance.shape.rings)) <= sum(map(len, rings)):
        return instance
    if iou < 1:
        changed = rle.area(rle.xor(mask, raster.polygons_to_rle(rings, image.height, image.width)))
        ledger.lose(
            "simplified",
            shown_name(image),
            f"IoU {iou:.4f} with the exact mask, {changed} pixels differ",
            instance=told,
            amount=changed,
        )
    return msgspec.structs.replace(instance, shape=Polygons(rings), box=None, area=None)


def _settle_claims(instance: Instance, told: int, image: Image, ledger: Ledger) -> Instance:
    """The source's box and area where they fit the mask; otherwise they are computed anew, with a note."""
    if isinstance(instance.shape, Box) or (instance.box is None and instance.area is None):
        return instance
    mask = shapes.mask_of(instance.shape, image.height, image.width)
    box, area = instance.box, instance.area
    x, y, w, h = rle.tight_box(mask)
    pixels = rle.area(mask)
    where = f"{shown_name(image)}, annotation {told}"
    if (
        box is not None
        and max(abs(box.x - x), abs(box.y - y), abs(box.x + box.w - x - w), abs(box.y + box.h - y - h)) > 1
    ):
        ledger.note("box-computed", where, f"the box {[box.x, box.y, box.w, box.h]} became the mask's, {[x, y, w, h]}")
        box = None
    if area is not None and abs(area - pixels) > max(10, 0.05 * pixels):
        ledger.note("area-computed", where, f"the area {area:g} became the mask's, {pixels}")
        area = None
    if box is instance.box and area is instance.area:
        return instance
    return msgspec.structs.replace(instance, box=box, area=area)


def _tell_reductions(sample: Sample, fitted: list[Instance], how: Lowering, ledger: Ledger) -> None:
    """What a whole image lost in kind: masks that became boxes, attributes."""
    name = shown_name(sample.image)
    if not how.holds.masks:
        boxes = sum(isinstance(i.shape, Box) or (how.holds.quads and quads.is_quad(i.shape)) for i in sample.instances)
        masks = len(fitted) - boxes
        if masks > 0:
            ledger.lose("mask-to-box", name, f"{masks} masks became boxes", amount=masks)
    _tell_attributes(sample, how, ledger)


def _tell_attributes(sample: Sample, how: Lowering, ledger: Ledger) -> None:
    """Attributes that the target has no place for; what the program itself keeps books with is none."""
    if not any(i.extra for i in sample.instances):
        return
    gone = [{k for k in how.holds.lacks(i.extra) if not k.startswith(OWN)} for i in sample.instances]
    keys = sorted(set().union(*gone))
    if keys:
        count = sum(map(bool, gone))
        message = f"{count} instances lost {', '.join(keys)}"
        ledger.lose("attribute-dropped", shown_name(sample.image), message, amount=count)


def _strip_image(image: Image, how: Lowering, ledger: Ledger) -> Image:
    """The image without the extras that the target has no place for; what annotators gave it is a loss."""
    gone = how.holds.image_lacks(image.extra)
    if not gone:
        return image
    name = shown_name(image)
    region = ignored(image) if IGNORE_REGION in gone else None
    if region is not None:
        pixels = rle.area(region)
        ledger.lose("ignore-dropped", name, f"{pixels} pixels to be ignored became background", amount=pixels)
    told = sorted(ANNOTATED.intersection(gone))
    if told:
        ledger.lose("attribute-dropped", name, f"the image lost {', '.join(told)}")
    return msgspec.structs.replace(image, extra={k: v for k, v in image.extra.items() if k not in gone})


# ---------------------------------------------------------------- semantic to instances


def cut(sample: Sample, how: Lowering, ledger: Ledger) -> Sample:
    """One instance a class, or one a connected region; ignored pixels are kept apart or lost."""
    labels = sample.labels
    assert labels is not None
    header = how.source
    outside = {v for v in (header.background_id, header.ignore_id) if v is not None}
    regions = labelmap.regions(labels, skip=outside)
    if how.options.instances == "components":
        found = [(id, part) for id, region in regions.items() for part in labelmap.components(region)]
    else:
        found = list(regions.items())
    image = _keep_ignored(sample, how, ledger)
    return Sample(image, tuple(Instance(id, region) for id, region in found))


def _keep_ignored(sample: Sample, how: Lowering, ledger: Ledger) -> Image:
    """The image with its ignored region where the target has a place for it; else a loss."""
    image, ignore = sample.image, how.source.ignore_id
    if ignore is None or sample.labels is None or not (sample.labels == ignore).any():
        return image
    region = rle.encode(sample.labels == ignore)
    if how.holds.keeps(IGNORE_REGION):
        return ignoring(image, region)
    pixels = rle.area(region)
    ledger.lose("ignore-dropped", shown_name(image), f"{pixels} pixels to be ignored became background", amount=pixels)
    return image


# ---------------------------------------------------------------- instances to semantic


def _to_semantic(sample: Sample, how: Lowering, ledger: Ledger) -> Sample:
    """A map of class ids; where instances overlap, the smaller lies on top."""
    image = sample.image
    extra = {k: v for k, v in image.extra.items() if k != IGNORE_REGION or how.source.ignore_id is None}
    bare = _strip_image(msgspec.structs.replace(image, extra=extra), how, ledger)
    if sample.labels is not None:
        return Sample(bare, labels=sample.labels)
    regions, told = _paintable(sample, how, ledger)
    background = how.fill
    labels, covered = labelmap.paint(image.height, image.width, background, regions)
    for number, (instance, lost) in zip(told, zip(regions, covered, strict=True), strict=True):
        if lost:
            ledger.lose(
                "overlap-hidden",
                shown_name(image),
                f"{lost} pixels of class {instance[0]} lie under smaller instances",
                instance=number,
                amount=lost,
            )
    labels = _paint_ignored(labels, image, how)
    if how.source.task == "semantic" and how.source.background_id is None:
        _tell_uncovered(labels, image, how, ledger)
    return Sample(bare, labels=_typed(labels, how.target))


def _paintable(sample: Sample, how: Lowering, ledger: Ledger) -> tuple[list[tuple[int, Rle]], list[int]]:
    """(class id, region) of every instance that has a region, and how losses name it."""
    name = shown_name(sample.image)
    height, width = sample.image.height, sample.image.width
    regions: list[tuple[int, Rle]] = []
    told: list[int] = []
    for number, instance in enumerate(sample.instances, 1):
        id = instance.id if instance.id is not None else number
        if isinstance(instance.shape, Marks):
            ledger.lose("not-a-region", name, f"{instance.shape.kind} are no region", instance=id)
            continue
        if isinstance(instance.shape, Box) and not how.options.boxes_as_masks:
            ledger.lose(BOX_DROPPED, name, "a box is no mask (--boxes-as-masks fills it)", instance=id)
            continue
        region = shapes.mask_of(instance.shape, height, width)
        if not rle.area(region):
            ledger.lose("empty-mask", name, "an object without a pixel", instance=id, amount=0)
            continue
        regions.append((how.ids[instance.class_id], region))
        told.append(id)
    crowds = sum(i.iscrowd for i in sample.instances)
    if crowds:
        ledger.lose("crowd-flag-dropped", name, f"{crowds} crowd regions are like any other here", amount=crowds)
    _tell_attributes(sample, how, ledger)
    return regions, told


def _paint_ignored(labels: LabelMap, image: Image, how: Lowering) -> LabelMap:
    ignore = how.source.ignore_id
    region = ignored(image) if ignore is not None else None
    if region is not None:
        labels[rle.decode(region)] = ignore
    return labels


def _tell_uncovered(labels: LabelMap, image: Image, how: Lowering, ledger: Ledger) -> None:
    """A set whose every pixel has a class, and an image that leaves some without."""
    bare = int(np.count_nonzero(labels == how.fill)) if how.fill != how.source.ignore_id else 0
    if bare:
        ledger.lose(
            "unlabelled",
            shown_name(image),
            f"{bare} pixels belong to no class and became {how.fill}",
            amount=bare,
        )


def _typed(labels: LabelMap, header: Header) -> LabelMap:
    """8 bits where every id of the dataset fits, so that all masks of a set are of one kind."""
    wide = any(c.id > 255 for c in header.classes)
    typed: LabelMap = labels.astype(np.uint16 if wide else np.uint8, copy=False)
    return typed
