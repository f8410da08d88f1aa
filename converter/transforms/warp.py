"""One geometry for everything that is drawn on an image: turns, resizing and tiles.

Every one of them treats the two axes apart, after swapping them or not. So one `Warp`
says it all, and image, masks, polygons, boxes and marks go through the same one.

Coordinates are pixels from the outer corner of the first pixel. Masks and label maps take
the nearest pixel: of n source pixels drawn on m, target pixel i takes source pixel
floor((i + 0.5) * n / m), in whole numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from converter.errors import ShapeError
from converter.extras import IGNORE_REGION, fits, ignored, ignoring
from converter.geometry import raster, rle, shapes
from converter.layouts.figures import FIGURE_KEYS, restored_box, restored_ellipse
from converter.ledger import Ledger
from converter.model import Box, Image, Instance, LabelMap, Marks, Polygons, Rle, Sample, Shape
from converter.transforms.keypoints import KEYPOINTS, are_keypoints, moved_keypoints

__all__ = ["CUT", "STEPS", "Axis", "Warp", "turn", "warp_rle", "warp_sample"]

CUT = "cut"
"""Key of an instance that reaches beyond the tile it is in."""
STEPS = "segpack_transform"
"""Key of an image: what was done to it, step by step, each with the size before."""

Indices = NDArray[np.int64]


class Axis(msgspec.Struct, frozen=True):
    """Pixels [begin, end) of `source` are drawn on pixels [first, first + length) of `size`."""

    source: int
    begin: int
    end: int
    first: int
    length: int
    size: int
    flip: bool = False

    @property
    def cuts(self) -> bool:
        """Whether something of the source is left out."""
        return (self.begin, self.end) != (0, self.source)

    @property
    def keeps(self) -> bool:
        """Whether every pixel stays where it is."""
        return not self.flip and not self.cuts and self.first == 0 and self.length == self.size == self.source

    def sources(self) -> Indices:
        """The source pixel of every target pixel, (size,) int64; -1 where there is none."""
        extent = self.end - self.begin
        inner = self.begin + (2 * np.arange(self.length, dtype=np.int64) + 1) * extent // (2 * self.length)
        found = np.full(self.size, -1, np.int64)
        found[self.first : self.first + self.length] = inner[::-1] if self.flip else inner
        return found

    def move(self, value: float) -> float:
        """A coordinate of the source in the target."""
        extent = self.end - self.begin
        inner = value - self.begin
        if extent != self.length:
            inner = inner * self.length / extent
        return self.first + (self.length - inner if self.flip else inner)


class Warp(msgspec.Struct, frozen=True):
    """From one pixel grid to another. With `swap` rows and columns change places first."""

    x: Axis
    y: Axis
    swap: bool = False

    @property
    def keeps(self) -> bool:
        return not self.swap and self.x.keeps and self.y.keeps

    @property
    def cuts(self) -> bool:
        return self.x.cuts or self.y.cuts

    @property
    def pads(self) -> bool:
        return self.x.length < self.x.size or self.y.length < self.y.size

    def points(self, flat: list[float]) -> list[float]:
        """Coordinates [x0, y0, x1, y1, ...] in the target."""
        xs, ys = (flat[1::2], flat[0::2]) if self.swap else (flat[0::2], flat[1::2])
        return [v for x, y in zip(xs, ys, strict=True) for v in (self.x.move(x), self.y.move(y))]

    def array(self, array: NDArray[Any], fill: int) -> NDArray[Any]:
        """The array (height, width) on the target's grid, `fill` where nothing is drawn."""
        turned = array.T if self.swap else array
        rows, columns = self.y.sources(), self.x.sources()
        moved = np.full((self.y.size, self.x.size), fill, array.dtype)
        down, along = np.flatnonzero(rows >= 0), np.flatnonzero(columns >= 0)
        moved[np.ix_(down, along)] = turned[np.ix_(rows[down], columns[along])]
        return moved


def turn(orientation: int, width: int, height: int) -> Warp:
    """From the stored pixels (width x height) of an image to the upright ones.

    `orientation` as in Exif 2.32, section 4.6.5: 6 is a quarter turn clockwise, 8 one
    against it, 5 and 7 mirror at a diagonal. The way back of 6 is 8; the others undo themselves.
    """
    swap = orientation >= 5
    if swap:
        width, height = height, width
    return Warp(
        Axis(width, 0, width, 0, width, width, flip=orientation in {2, 3, 6, 7}),
        Axis(height, 0, height, 0, height, height, flip=orientation in {3, 4, 7, 8}),
        swap,
    )


# ---------------------------------------------------------------- a sample


def warp_sample(sample: Sample, warp: Warp, pad: int, step: dict[str, Any] | None, ledger: Ledger) -> Sample:
    """The sample on the target's grid; `pad` is the label where nothing is drawn.

    What no pixel of the target shows is a loss, but for tiles: there it is in another one.
    Polygons stay polygons where they still draw exactly the mapped mask.
    """
    image = _warp_image(sample.image, warp, step)
    if warp.keeps:
        return msgspec.structs.replace(sample, image=image)
    labels = None
    if sample.labels is not None:
        labels = warp.array(sample.labels, pad)
        if not warp.cuts:
            _tell_classes(sample.labels, labels, image, ledger)
    moved = [_warp_instance(i, n, sample.image, warp, ledger) for n, i in enumerate(sample.instances, 1)]
    there = [_with_keypoints(i, warp, image, ledger) for i in moved if i is not None]
    figures = [_is_figure(i, sample.image) for i, m in zip(sample.instances, moved, strict=True) if m is not None]
    kept = _without_figures(there, figures, image, ledger)
    _tell_polygons(sample.instances, moved, image, ledger)
    return Sample(image, kept, labels)


def _warp_image(image: Image, warp: Warp, step: dict[str, Any] | None) -> Image:
    if not warp.keeps and IGNORE_REGION in image.extra:
        region = ignored(image)
        image = ignoring(image, None if region is None else warp_rle(region, warp))
    extra = dict(image.extra)
    if step is not None:
        before = extra.get(STEPS)
        extra[STEPS] = [*(before if isinstance(before, list) else []), step]
    return msgspec.structs.replace(image, width=warp.x.size, height=warp.y.size, extra=extra)


def warp_rle(mask: Rle, warp: Warp) -> Rle:
    """The mask on the target's grid, every pixel the nearest one of the source."""
    crop, left, top = rle.decode_crop(mask)
    if warp.swap:
        crop, left, top = crop.T, top, left
    rows, columns = warp.y.sources() - top, warp.x.sources() - left
    down = np.flatnonzero((rows >= 0) & (rows < crop.shape[0]) & (warp.y.sources() >= 0))
    along = np.flatnonzero((columns >= 0) & (columns < crop.shape[1]) & (warp.x.sources() >= 0))
    if not (down.size and along.size):
        return msgspec.structs.replace(rle.empty(warp.y.size, warp.x.size), listed=mask.listed)
    shown = crop[np.ix_(rows[down], columns[along])]
    moved = rle.encode_crop(shown, int(along[0]), int(down[0]), warp.y.size, warp.x.size)
    return msgspec.structs.replace(moved, listed=mask.listed)


def _warp_instance(instance: Instance, number: int, image: Image, warp: Warp, ledger: Ledger) -> Instance | None:
    shape = instance.shape
    if isinstance(shape, Box):
        return _warp_box(instance, shape, warp)
    if isinstance(shape, Marks):
        return _warp_marks(instance, shape, warp)
    mask = shapes.mask_of(shape, image.height, image.width)
    moved = warp_rle(mask, warp)
    before, after = rle.area(mask), rle.area(moved)
    if before and not after:
        if not warp.cuts:
            told = instance.id if instance.id is not None else number
            ledger.lose(
                "instance-vanished",
                image.path,
                f"its {before} pixels lie between those of {warp.x.size}x{warp.y.size}",
                instance=told,
                amount=before,
            )
        return None
    if warp.cuts and not before:
        return None
    drawn = _polygons(shape, warp, moved) if isinstance(shape, Polygons) else moved
    claimed = _claimed_box(instance.box, warp, moved)
    cut = warp.cuts and after < before
    extra = {**instance.extra, CUT: True} if cut else instance.extra
    return msgspec.structs.replace(instance, shape=drawn, box=None if cut else claimed, area=None, extra=extra)


def _with_keypoints(instance: Instance, warp: Warp, image: Image, ledger: Ledger) -> Instance:
    """The keypoints of an object go with it; what stands in their place and is none would be wrong from now on."""
    extra = instance.extra
    if KEYPOINTS not in extra:
        return instance
    if are_keypoints(extra[KEYPOINTS]):
        return msgspec.structs.replace(instance, extra=moved_keypoints(extra, warp))
    said = "its keypoints are no list of x, y and v, and cannot be moved"
    ledger.lose("keypoints-dropped", image.path, said, instance=instance.id)
    return msgspec.structs.replace(instance, extra={k: v for k, v in extra.items() if k != KEYPOINTS})


def _is_figure(instance: Instance, image: Image) -> bool:
    """Whether an object is still the ellipse or the turned box that it says it was drawn as."""
    said = {k: v for k, v in instance.extra.items() if k in FIGURE_KEYS}
    if not said or not all(fits(k, v) for k, v in said.items()):
        return False
    return restored_box(instance, image) is not None or restored_ellipse(instance, image) is not None


def _without_figures(
    moved: Sequence[Instance], figures: Sequence[bool], image: Image, ledger: Ledger
) -> tuple[Instance, ...]:
    """The instances without what they were drawn as, where these were `figures` and are none on the new grid."""
    kept = list(moved)
    for place, instance in enumerate(moved):
        if figures[place] and not _is_figure(instance, image):
            extra = {k: v for k, v in instance.extra.items() if k not in FIGURE_KEYS}
            kept[place] = msgspec.structs.replace(instance, extra=extra)
    became = sum(a is not b for a, b in zip(moved, kept, strict=True))
    if became:
        message = f"{became} ellipses or turned boxes are regions as any other now that their pixels have moved"
        ledger.note("figure-to-region", image.path, message)
    return tuple(kept)


def _polygons(shape: Polygons, warp: Warp, moved: Rle) -> Shape:
    """The polygon with its vertices moved, if that draws the moved mask and nothing else; else the mask."""
    rings = [warp.points(ring) for ring in shape.rings]
    if warp.cuts and not all(_inside(ring, warp) for ring in rings):
        return moved
    try:
        drawn = raster.polygons_to_rle(rings, moved.height, moved.width)
    except ShapeError:
        return moved
    return Polygons(rings) if drawn.counts == moved.counts else moved


def _inside(ring: list[float], warp: Warp) -> bool:
    return (
        min(ring, default=0) >= 0
        and max(ring[0::2], default=0) <= warp.x.size
        and max(ring[1::2], default=0) <= warp.y.size
    )


def _claimed_box(box: Box | None, warp: Warp, moved: Rle) -> Box | None:
    """The box that the source claims, moved; None where it is more than 1 px off the moved mask."""
    if box is None:
        return None
    mapped = _moved_box(box, warp)
    x, y, w, h = rle.tight_box(moved)
    off = (mapped.x - x, mapped.y - y, mapped.x + mapped.w - x - w, mapped.y + mapped.h - y - h)
    return mapped if max(map(abs, off)) <= 1 else None


def _moved_box(box: Box, warp: Warp) -> Box:
    x0, y0, x1, y1 = warp.points([box.x, box.y, box.x + box.w, box.y + box.h])
    return Box(min(x0, x1), min(y0, y1), abs(x1 - x0), abs(y1 - y0))


def _warp_box(instance: Instance, shape: Box, warp: Warp) -> Instance | None:
    box, extra = _moved_box(shape, warp), instance.extra
    if warp.cuts:
        left, top = max(box.x, 0.0), max(box.y, 0.0)
        right, bottom = min(box.x + box.w, warp.x.size), min(box.y + box.h, warp.y.size)
        if right <= left or bottom <= top:
            return None
        within = Box(left, top, right - left, bottom - top)
        if within != box:
            box, extra = within, {**extra, CUT: True}
    return msgspec.structs.replace(instance, shape=box, box=None, area=None, extra=extra)


def _warp_marks(instance: Instance, shape: Marks, warp: Warp) -> Instance | None:
    """Points of a tile are those within; a line stays whole where a point of it is within."""
    points, extra = warp.points(shape.points), instance.extra
    if warp.cuts:
        pairs = list(zip(points[0::2], points[1::2], strict=True))
        within = [p for p in pairs if 0 <= p[0] < warp.x.size and 0 <= p[1] < warp.y.size]
        if not within:
            return None
        if len(within) < len(pairs):
            extra = {**extra, CUT: True}
            points = [v for p in within for v in p] if shape.kind == "points" else points
    return msgspec.structs.replace(instance, shape=Marks(shape.kind, points), box=None, area=None, extra=extra)


def _tell_classes(before: LabelMap, after: LabelMap, image: Image, ledger: Ledger) -> None:
    """Classes of a semantic image that no pixel shows any more."""
    gone = np.setdiff1d(np.unique(before), np.unique(after))
    for value in gone.tolist():
        pixels = int(np.count_nonzero(before == value))
        message = f"class {value} had {pixels} pixels and has none"
        ledger.lose("class-vanished", image.path, message, amount=pixels)


def _tell_polygons(before: tuple[Instance, ...], after: list[Instance | None], image: Image, ledger: Ledger) -> None:
    became = sum(
        isinstance(a.shape, Polygons) and b is not None and isinstance(b.shape, Rle)
        for a, b in zip(before, after, strict=True)
    )
    if became:
        ledger.note(
            "polygon-to-mask",
            image.path,
            f"{became} polygons became masks, as with moved corners they would draw other pixels",
        )
