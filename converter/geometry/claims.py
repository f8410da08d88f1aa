"""What a source says of an object beside its shape: how far its box and area may be off the mask's."""

from __future__ import annotations

from converter.model import Box

__all__ = ["BOX", "box_off", "is_area_off"]

BOX = 1.0  # pixels a side may be off: boxes of polygons are not whole numbers
AREA_SHARE, AREA_PIXELS = 0.05, 10


def box_off(box: Box, tight: Box) -> float:
    """How many pixels the side of a box that is farthest off is from that of the mask's."""
    right, bottom = box.x + box.w - tight.x - tight.w, box.y + box.h - tight.y - tight.h
    return max(abs(box.x - tight.x), abs(box.y - tight.y), abs(right), abs(bottom))


def is_area_off(area: float, pixels: int) -> bool:
    """Whether an area is not that of a mask of so many pixels."""
    return abs(area - pixels) > max(AREA_PIXELS, AREA_SHARE * pixels)
