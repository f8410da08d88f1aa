"""What is wrong, marked on its image: the object of a finding in red amid the others, enlarged so that it is seen.

Some findings have a mark of their own: shared pixels in yellow, pieces each in their
colour, the box that was stored beside the box of the mask, the outline as it lies beside
the outline as it would fit, pixels of no class in magenta.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from converter.errors import ShapeError
from converter.geometry import labelmap, rle, shapes
from converter.model import Box, Finding, Instance, Marks, Polygons, Rgb, Rle, Sample
from converter.report.drawing import Style, draw_box, mix, overlay, paint
from converter.report.palette import color
from converter.report.view import View, around, coverage, outline, picture, solid, whole

__all__ = ["BAD", "GOOD", "KEYS", "example"]

Pixels = NDArray[np.uint8]

BAD: Rgb = (255, 45, 60)
GOOD: Rgb = (40, 220, 110)
SHARED: Rgb = (255, 225, 0)
STRANGE: Rgb = (255, 0, 230)
OTHER: Rgb = (215, 220, 228)

# What the colours of a picture say, for its legend.
KEYS: dict[str, str] = {
    "overlap": "red: the object; yellow: the pixels it shares",
    "duplicate-instance": "red: the object; yellow: the pixels it shares with its twin",
    "disconnected-instance": "each piece has its colour",
    "box-mismatch": "red: the box as stored; green: the box of the mask",
    "out-of-bounds": "red: the shape as stored; dark: outside the image",
    "shifted-masks": "red: masks as they lie; green: where they would fit",
    "unexpected-value": "magenta: pixels of no class",
    "lossy-mask": "magenta: pixels of no class",
    "palette-mask": "magenta: pixels of no class",
}


def example(
    finding: Finding, sample: Sample, rgb: Pixels | None, style: Style, box: tuple[int, int], number: int | None = None
) -> Pixels:
    """The picture of a finding, at most `box` (width, height) large.

    `number`: the place, from 0, of the object that it is about; None when it is about the image.
    """
    image = sample.image
    full = whole(image.width, image.height, box)
    if number is None or sample.labels is not None:
        if finding.code == "shifted-masks":
            return _shifted(finding, sample, rgb, full)
        canvas = overlay(sample, rgb, full, style)
        _mark_strange(canvas, finding, sample, full, style)
        return canvas
    subject = sample.instances[number]
    view = around(_extent(finding, subject, sample), image.width, image.height, box)
    canvas = picture(rgb, view, image.width, image.height)
    for place, other in enumerate(sample.instances):
        if place != number:
            _faint(canvas, other, sample, view)
    _MARKS.get(finding.code, _mark)(canvas, subject, sample, view)
    return canvas


def _extent(finding: Finding, instance: Instance, sample: Sample) -> tuple[float, float, float, float]:
    """The part of the image that has to be seen: the object, and what is claimed or drawn of it elsewhere."""
    if finding.code == "overlap":
        shared = _shared(instance, sample)
        if shared is not None:
            x, y, w, h = rle.tight_box(shared)
            return x, y, w, h
    boxes = [_box_of(instance, sample)]
    if finding.code == "box-mismatch" and instance.box is not None:
        boxes.append(instance.box)
    if finding.code == "out-of-bounds":
        boxes.append(_reach(instance))
    sides = [(b.x, b.y, b.x + b.w, b.y + b.h) for b in boxes if b.w > 0 or b.h > 0]
    if not sides:
        return (0, 0, sample.image.width, sample.image.height)
    left, top = min(s[0] for s in sides), min(s[1] for s in sides)
    right, bottom = max(s[2] for s in sides), max(s[3] for s in sides)
    largest = 4.0 * max(sample.image.width, sample.image.height)
    left, top = max(left, -largest), max(top, -largest)
    return left, top, min(right, largest) - left, min(bottom, largest) - top


def _box_of(instance: Instance, sample: Sample) -> Box:
    if isinstance(instance.shape, Marks):
        return _around_points(instance.shape.points)
    try:
        return shapes.tight_box(instance.shape, sample.image.height, sample.image.width)
    except ShapeError:
        return _reach(instance)


def _reach(instance: Instance) -> Box:
    """Around the coordinates as they stand, wherever they lie."""
    if isinstance(instance.shape, Polygons):
        return _around_points([v for ring in instance.shape.rings for v in ring])
    return instance.shape if isinstance(instance.shape, Box) else Box(0, 0, 0, 0)


def _around_points(points: Sequence[float]) -> Box:
    xs, ys = points[::2], points[1::2]
    return Box(min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)) if xs and ys else Box(0, 0, 0, 0)


def _region(instance: Instance, sample: Sample) -> Rle | None:
    if isinstance(instance.shape, Marks):
        return None
    try:
        return shapes.mask_of(instance.shape, sample.image.height, sample.image.width)
    except ShapeError:
        return None


# ---------------------------------------------------------------- marks


def _faint(canvas: Pixels, instance: Instance, sample: Sample, view: View) -> None:
    """The others, in outline only."""
    if isinstance(instance.shape, Box):
        draw_box(canvas, instance.shape, view, OTHER, fill=0, line=1)
        return
    region = _region(instance, sample)
    if region is not None:
        paint(canvas, region, view, OTHER, fill=0.08, line=1)


def _mark(canvas: Pixels, instance: Instance, sample: Sample, view: View) -> None:
    """The object in red, and a ring around it when it is small."""
    if isinstance(instance.shape, Box):
        draw_box(canvas, instance.shape, view, BAD, fill=0.15)
    else:
        region = _region(instance, sample)
        if region is not None:
            paint(canvas, region, view, BAD, fill=0.35, line=2)
    _ring(canvas, _box_of(instance, sample), view)


def _ring(canvas: Pixels, box: Box, view: View) -> None:
    size = max(box.w, box.h) * view.scale
    if size > 24:
        return
    x, y = view.x(box.x + box.w / 2), view.y(box.y + box.h / 2)
    image = Image.fromarray(canvas)
    draw = ImageDraw.Draw(image)
    for radius, tint in ((size / 2 + 11, (255, 255, 255)), (size / 2 + 9, BAD)):
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), outline=tint, width=2)
    canvas[:] = np.asarray(image)


def _mark_shared(canvas: Pixels, instance: Instance, sample: Sample, view: View) -> None:
    region = _region(instance, sample)
    if region is None:
        _mark(canvas, instance, sample, view)
        return
    paint(canvas, region, view, BAD, fill=0.3, line=2)
    shared = _shared(instance, sample)
    if shared is not None:
        paint(canvas, shared, view, SHARED, fill=0.85, line=0)
        _ring(canvas, Box(*rle.tight_box(shared)), view)


def _shared(instance: Instance, sample: Sample) -> Rle | None:
    """The pixels of an object that are others' as well; None when there are none."""
    region = _region(instance, sample)
    if region is None:
        return None
    others = [_region(o, sample) for o in sample.instances if o is not instance and not o.iscrowd]
    masks = [o for o in others if o is not None and rle.overlap(region, o)]
    return rle.intersection(region, rle.union(masks)) if masks else None


def _mark_pieces(canvas: Pixels, instance: Instance, sample: Sample, view: View) -> None:
    region = _region(instance, sample)
    if region is None:
        return
    for place, part in enumerate(labelmap.components(region)):
        paint(canvas, part, view, color(place), fill=0.5, line=2)


def _mark_boxes(canvas: Pixels, instance: Instance, sample: Sample, view: View) -> None:
    region = _region(instance, sample)
    if region is not None:
        paint(canvas, region, view, GOOD, fill=0.25, line=1)
        draw_box(canvas, _box_of(instance, sample), view, GOOD, fill=0)
    if instance.box is not None:
        draw_box(canvas, instance.box, view, BAD, fill=0)


def _mark_outside(canvas: Pixels, instance: Instance, sample: Sample, view: View) -> None:
    region = _region(instance, sample)
    if region is not None and not isinstance(instance.shape, Box):
        paint(canvas, region, view, BAD, fill=0.35, line=0)
    if not isinstance(instance.shape, Polygons):
        _mark(canvas, instance, sample, view)
        return
    image = Image.fromarray(canvas)
    draw = ImageDraw.Draw(image)
    edge = (view.x(0) - 1, view.y(0) - 1, view.x(sample.image.width), view.y(sample.image.height))
    draw.rectangle(edge, outline=(255, 255, 255))
    for ring in instance.shape.rings:
        points = [(view.x(x), view.y(y)) for x, y in zip(ring[::2], ring[1::2], strict=False)]
        draw.line([*points, points[0]], fill=BAD, width=2)
    canvas[:] = np.asarray(image)


_MARKS: dict[str, Callable[[Pixels, Instance, Sample, View], None]] = {
    "overlap": _mark_shared,
    "duplicate-instance": _mark_shared,
    "disconnected-instance": _mark_pieces,
    "box-mismatch": _mark_boxes,
    "out-of-bounds": _mark_outside,
}


def _mark_strange(canvas: Pixels, finding: Finding, sample: Sample, view: View, style: Style) -> None:
    """Pixels of a label map whose value is no class, no background, not to be ignored, or named by the finding."""
    if sample.labels is None:
        return
    known = {*style.colors, style.background_id, style.ignore_id} - set(finding.details.get("values", ()))
    strange = [int(v) for v in labelmap.values(sample.labels)[0] if int(v) not in known]
    if not strange:
        return
    patch = coverage(rle.encode(np.isin(sample.labels, strange)), view)
    if patch is not None:
        height, width = patch.cover.shape
        piece = canvas[patch.y : patch.y + height, patch.x : patch.x + width]
        mix(piece, STRANGE, (patch.cover > 0)[..., None] * np.float32(0.9))


# ---------------------------------------------------------------- masks that lie beside their objects


def _shifted(finding: Finding, sample: Sample, rgb: Pixels | None, view: View) -> Pixels:
    """Outlines as they lie, and as they would fit."""
    canvas = picture(rgb, view, sample.image.width, sample.image.height)
    regions = [r for r in _regions(sample) if rle.area(r)]
    fitting = [_mirrored(r, finding.details.get("mirrored", "")) for r in regions]
    for seen, tint, drawn in ((view, BAD, regions), (_moved(finding, view, sample), GOOD, fitting)):
        for region in drawn:
            patch = coverage(region, seen)
            if patch is not None:
                height, width = patch.cover.shape
                piece = canvas[patch.y : patch.y + height, patch.x : patch.x + width]
                piece[outline(solid(patch.cover))] = tint
    return canvas


def _mirrored(region: Rle, axes: str) -> Rle:
    """The region as it lies in a mirrored image; `axes` is "x", "y", "xy" or ""."""
    if not axes:
        return region
    mask = rle.decode(region)
    return rle.encode(mask[:: -1 if "y" in axes else 1, :: -1 if "x" in axes else 1])


def _regions(sample: Sample) -> list[Rle]:
    if sample.labels is not None:
        return list(labelmap.regions(sample.labels).values())
    return [r for r in (_region(i, sample) for i in sample.instances if not isinstance(i.shape, Box)) if r is not None]


def _moved(finding: Finding, view: View, sample: Sample) -> View:
    """The view through which masks are seen where they would fit, from what the finding says of them."""
    off = finding.details
    grown = 1 + off.get("scale", 0.0)
    cx, cy = (0.0, 0.0) if off.get("anchor") == "corner" else (sample.image.width / 2, sample.image.height / 2)
    left, top = cx - (cx - view.left) * grown + off.get("x", 0.0), cy - (cy - view.top) * grown + off.get("y", 0.0)
    return View(left, top, view.scale / grown, view.width, view.height)
