"""Turned boxes: four corners, as oriented-box formats have them."""

from __future__ import annotations

import numpy as np

from converter.geometry import rle
from converter.model import Box, Polygons, Rle, Shape

__all__ = ["around", "corners", "is_quad"]


def is_quad(shape: Shape) -> bool:
    """Whether the shape is one ring of four corners."""
    return isinstance(shape, Polygons) and len(shape.rings) == 1 and len(shape.rings[0]) == 8


def around(mask: Rle) -> Polygons:
    """The smallest rectangle, turned as need be, around the pixels of a mask that has some."""
    from shapely import get_coordinates, multipoints, oriented_envelope  # noqa: PLC0415 -- slow to import

    starts, ends = rle.to_runs(mask)
    columns, last = starts // mask.height, (ends - 1) // mask.height
    # A run may go on in the next column, and then touches the bottom and the top.
    tops = np.where(columns == last, starts - columns * mask.height, 0)
    bottoms = np.where(columns == last, ends - columns * mask.height, mask.height)
    corners_of_runs = [(x, y) for x in (columns, last + 1) for y in (tops, bottoms)]
    points = np.concatenate([np.stack(pair, axis=1) for pair in corners_of_runs])
    found = get_coordinates(oriented_envelope(multipoints(points)))[:4]
    return Polygons([[float(v) for v in found.reshape(-1)]])


def corners(box: Box) -> list[float]:
    """The corners of an upright box, clockwise from the top left."""
    right, bottom = box.x + box.w, box.y + box.h
    return [box.x, box.y, right, box.y, right, bottom, box.x, bottom]
