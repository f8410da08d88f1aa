"""The mask and the box of a shape, whatever kind of shape it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from converter.errors import ShapeError
from converter.geometry import raster, rle
from converter.model import Box, Marks, Polygons, Rle, Shape

__all__ = ["is_empty", "mask_of", "masks_of", "tight_box", "tight_boxes"]


def mask_of(shape: Shape, height: int, width: int) -> Rle:
    """The pixels of `shape` in an image of height x width.

    A box counts as the pixels whose centre it holds; callers decide whether a box may
    stand for a mask at all. Raises ShapeError for polygons that are none, and for marks.
    """
    match shape:
        case Rle():
            return shape
        case Polygons():
            return raster.polygons_to_rle(shape.rings, height, width)
        case Box():
            return raster.box_to_rle(shape.x, shape.y, shape.w, shape.h, height, width)
        case Marks():
            raise ShapeError(f"marks ({shape.kind}) are no region")


def masks_of(shapes: Sequence[Shape], height: int, width: int) -> list[Rle]:
    """As `mask_of`, of all shapes of an image: polygons are drawn together, which takes half the time."""
    polygons = [shape.rings for shape in shapes if isinstance(shape, Polygons)]
    drawn = iter(raster.all_to_rle(polygons, height, width) if polygons else ())
    return [next(drawn) if isinstance(shape, Polygons) else mask_of(shape, height, width) for shape in shapes]


def tight_box(shape: Shape, height: int, width: int) -> Box:
    """The smallest box around the pixels of a mask, zeros when it has none; a box as it is."""
    return shape if isinstance(shape, Box) else tight_boxes([shape], height, width)[0]


def tight_boxes(shapes: Sequence[Shape], height: int, width: int) -> list[Box]:
    """As `tight_box`, of all shapes of an image: polygons are drawn together, which takes half the time."""
    polygons = [shape.rings for shape in shapes if isinstance(shape, Polygons)]
    drawn = iter(raster.tight_boxes(polygons, height, width) if polygons else ())
    return [_box(shape, drawn, height, width) for shape in shapes]


def _box(shape: Shape, drawn: Iterator[tuple[int, int, int, int]], height: int, width: int) -> Box:
    if isinstance(shape, Polygons):
        return Box(*next(drawn))
    return shape if isinstance(shape, Box) else Box(*rle.tight_box(mask_of(shape, height, width)))


def is_empty(shape: Shape, height: int, width: int) -> bool:
    """Whether the shape has no pixel (a box: no extent)."""
    if isinstance(shape, Box):
        return not (shape.w > 0 and shape.h > 0)
    if isinstance(shape, Polygons) and any(raster.is_surely_drawn(ring, height, width) for ring in shape.rings):
        return False
    return rle.area(mask_of(shape, height, width)) == 0
