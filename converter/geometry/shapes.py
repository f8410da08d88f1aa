"""The mask and the box of a shape, whatever kind of shape it is."""

from __future__ import annotations

from converter.errors import ShapeError
from converter.geometry import raster, rle
from converter.model import Box, Marks, Polygons, Rle, Shape

__all__ = ["is_empty", "mask_of", "tight_box"]


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
            raise ShapeError(f"{shape.kind} are no region")


def tight_box(shape: Shape, height: int, width: int) -> Box:
    """The smallest box around the pixels of a mask, zeros when it has none; a box as it is."""
    if isinstance(shape, Box):
        return shape
    if isinstance(shape, Polygons):
        return Box(*raster.tight_box(shape.rings, height, width))
    return Box(*rle.tight_box(mask_of(shape, height, width)))


def is_empty(shape: Shape, height: int, width: int) -> bool:
    """Whether the shape has no pixel (a box: no extent)."""
    if isinstance(shape, Box):
        return not (shape.w > 0 and shape.h > 0)
    return rle.area(mask_of(shape, height, width)) == 0
