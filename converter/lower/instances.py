"""Instances as a target of instances can hold them, one by one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import msgspec

from converter.geometry import polygons, quads, raster, rle, shapes
from converter.geometry.claims import BOX, box_off, is_area_off
from converter.ledger import Ledger
from converter.lower.extras import held, part_groups, strip_image, tell_attributes
from converter.lower.overlaps import join_crowds, part_overlaps, tell_covered
from converter.lower.plan import Lowering
from converter.model import Box, Image, Instance, Marks, Polygons, Rle, Sample, Shape

__all__ = ["BOX_DROPPED", "CROWD_DROPPED", "to_instances"]

BOX_DROPPED = "box-dropped"
CROWD_DROPPED = "crowd-dropped"
# Over an edge so little comes of rounding: of pixels, or of the sixth digit of a fraction of the image.
NO_MORE, NO_MORE_OF_ALL = 1e-4, 2e-6


def to_instances(sample: Sample, how: Lowering, ledger: Ledger) -> Sample:
    """The instances of a sample as the target can hold them."""
    fitted = []
    for number, (instance, box) in enumerate(zip(sample.instances, _boxes(sample, how), strict=True), 1):
        kept = _fit(instance, box, number, sample.image, how, ledger)
        if kept is not None:
            fitted.append(kept)
    _tell_reductions(sample, fitted, how, ledger)
    if how.holds.groups:
        fitted = part_groups(fitted, sample.image, how, ledger)
    if how.holds.one_crowd:
        fitted = join_crowds(fitted, sample.image, ledger)
    if not how.holds.overlaps:
        fitted = part_overlaps(fitted, sample.image, ledger)
        if how.holds.ignore:
            tell_covered(fitted, sample.image, ledger)
    return Sample(strip_image(sample.image, how, ledger), tuple(fitted))


def _boxes(sample: Sample, how: Lowering) -> Sequence[Box | None]:
    """The box of each region where that is all that is held of it, those of an image drawn at once; else nothing."""
    if not _boxes_alone(how):
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
    name = image.path
    told = instance.id if instance.id is not None else number
    if isinstance(instance.shape, Marks):
        return _fit_marks(instance, instance.shape, name, told, how, ledger)
    if instance.iscrowd and not how.holds.crowd and how.options.crowd == "drop":
        pixels = rle.area(shapes.mask_of(instance.shape, image.height, image.width))
        ledger.lose(
            CROWD_DROPPED,
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
    shape = box if box is not None else _drawn(instance.shape, image, how)
    if isinstance(instance.shape, Box) and isinstance(shape, Box) and not how.holds.outside:
        inside = _inside(shape, image, told, ledger)
        if inside is None:
            return None
        shape = inside
    if how.holds.least_side and isinstance(shape, Box):
        shape = _widened(shape, how.holds.least_side, name, told, ledger)
    if not how.holds.empty and shapes.is_empty(shape, image.height, image.width):
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
        instance = msgspec.structs.replace(instance, extra=held(instance, how))
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


def _widened(box: Box, least: float, name: str, told: int, ledger: Ledger) -> Box:
    """A box with sides of `least` pixels where they are shorter, which is a loss."""
    if min(box.w, box.h) >= least:
        return box
    wide = Box(box.x, box.y, max(box.w, least), max(box.h, least))
    sides = f"{box.w:g} x {box.h:g} pixels became {wide.w:g} x {wide.h:g}"
    ledger.lose("box-widened", name, f"the box is thinner than can be said here: {sides}", instance=told)
    return wide


def _inside(box: Box, image: Image, told: int, ledger: Ledger) -> Box | None:
    """A box as far as it lies in the image, which is told; None for one that lies outside, a loss."""
    left, top = max(box.x, 0), max(box.y, 0)
    right, bottom = min(box.x + box.w, image.width), min(box.y + box.h, image.height)
    beyond = max(left - box.x, top - box.y, box.x + box.w - right, box.y + box.h - bottom)
    if beyond <= max(NO_MORE, NO_MORE_OF_ALL * max(image.width, image.height)):
        return box
    name = image.path
    if left >= right or top >= bottom:
        ledger.lose("out-of-image", name, "the box lies outside the image", instance=told)
        return None
    ledger.note("outside-image", f"{name}, instance {told}", "the box reaches outside the image; it ends at the edge")
    return Box(left, top, right - left, bottom - top)


def _drawn(shape: Shape, image: Image, how: Lowering) -> Shape:
    """What all that follows needs of a shape, drawn once: its mask, where the target has no place for its vertices."""
    if isinstance(shape, Polygons) and not _keeps_rings(how):
        return shapes.mask_of(shape, image.height, image.width)
    return shape


def _bare(instance: Instance, shape: Shape, how: Lowering) -> Instance:
    """The instance as the target numbers it, without claims and without what it has no place for."""
    extra = held(instance, how) if instance.extra else {}
    return Instance(how.ids[instance.class_id], shape, instance.id, instance.iscrowd, extra=extra)


def _fit_marks(
    instance: Instance, shape: Marks, name: str, told: int, how: Lowering, ledger: Ledger
) -> Instance | None:
    """Points and lines where the target has a place for them; they never become masks or boxes."""
    if not how.holds.marks:
        ledger.lose("not-a-region", name, f"marks ({shape.kind}) are no region", instance=told)
        return None
    instance = msgspec.structs.replace(instance, class_id=how.ids[instance.class_id])
    return msgspec.structs.replace(instance, extra=held(instance, how))


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
            image.path,
            f"IoU {iou:.4f} with the exact mask, {changed} pixels differ",
            instance=told,
            amount=changed,
        )
    return msgspec.structs.replace(instance, shape=Polygons(rings), box=None, area=None)


def _settle_claims(instance: Instance, told: int, image: Image, ledger: Ledger) -> Instance:
    """The source's box and area where they fit the mask; otherwise they are computed anew, with a note.

    Of what has no pixel the box is all that says where it is, and there is nothing that it has to fit.
    """
    if isinstance(instance.shape, Box) or (instance.box is None and instance.area is None):
        return instance
    mask = shapes.mask_of(instance.shape, image.height, image.width)
    box, area = instance.box, instance.area
    x, y, w, h = rle.tight_box(mask)
    pixels = rle.area(mask)
    where = f"{image.path}, annotation {told}"
    if box is not None and pixels and box_off(box, Box(x, y, w, h)) > BOX:
        ledger.note("box-computed", where, f"the box {[box.x, box.y, box.w, box.h]} became the mask's, {[x, y, w, h]}")
        box = None
    if area is not None and is_area_off(area, pixels):
        ledger.note("area-computed", where, f"the area {area:g} became the mask's, {pixels}")
        area = None
    if box is instance.box and area is instance.area:
        return instance
    return msgspec.structs.replace(instance, box=box, area=area)


def _tell_reductions(sample: Sample, fitted: list[Instance], how: Lowering, ledger: Ledger) -> None:
    """What a whole image lost in kind: masks that became boxes, attributes."""
    name = sample.image.path
    if not how.holds.masks:
        boxes = sum(isinstance(i.shape, Box) or (how.holds.quads and quads.is_quad(i.shape)) for i in sample.instances)
        masks = len(fitted) - boxes
        if masks > 0:
            ledger.lose("mask-to-box", name, _became_boxes(masks), amount=masks)
    tell_attributes(sample, how, ledger)


@cache
def _became_boxes(masks: int) -> str:
    """One text for all images of which it is true: it is told of each."""
    return f"{masks} masks became boxes"
