"""A part of an image at some scale: where pictures and masks are reduced or enlarged into.

Pictures are reduced with Lanczos' filter, which keeps detail without moiré. Masks are
reduced to the part of each pixel that they cover; outlines are drawn after that, so that
a line is one pixel wide at any scale, and an object smaller than a pixel still shows.
"""

from __future__ import annotations

import math
from collections.abc import Collection

import msgspec
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from converter.geometry import rle
from converter.model import LabelMap, Rle

__all__ = ["Patch", "View", "around", "coverage", "label_view", "outline", "picture", "solid", "whole"]

Pixels = NDArray[np.uint8]
GRAY = 84
OUTSIDE = 28
LEAST = 72  # pixels of the source that a close-up shows
CLOSEST = 8.0
COARSE = 3.0  # from this scale on, pixels of the source are shown as squares


class View(msgspec.Struct, frozen=True):
    """`width` x `height` pixels whose upper left corner is the source's (left, top).

    `scale`: target pixels a source pixel.
    """

    left: float
    top: float
    scale: float
    width: int
    height: int

    def x(self, source: float) -> float:
        """A source column in this view."""
        return (source - self.left) * self.scale

    def y(self, source: float) -> float:
        """A source row in this view."""
        return (source - self.top) * self.scale


class Patch(msgspec.Struct, frozen=True, eq=False):
    """A piece of a view: `cover` (height, width) uint8, 255 where all of a pixel is covered; its corner at (x, y)."""

    cover: Pixels
    x: int
    y: int


def whole(width: int, height: int, box: tuple[int, int], *, most: float = 4.0) -> View:
    """The whole image, as large as it can be in `box` (width, height), enlarged `most` times at most."""
    scale = min(box[0] / width, box[1] / height, most)
    return View(0, 0, scale, max(1, round(width * scale)), max(1, round(height * scale)))


def around(
    part: tuple[float, float, float, float], width: int, height: int, box: tuple[int, int], *, context: float = 2.5
) -> View:
    """The surroundings of `part` (x, y, w, h) in the proportions of `box`.

    `context` times its size, LEAST pixels at least; outside the image only as far as the part is.
    """
    x, y, w, h = part
    shape = box[0] / box[1]
    high = max(w * context / shape, h * context, LEAST / shape)
    left, wide = _span(x, w, high * shape, width)
    top, high = _span(y, h, high, height)
    scale = min(box[0] / wide, box[1] / high, CLOSEST)
    return View(left, top, scale, max(1, round(wide * scale)), max(1, round(high * scale)))


def _span(first: float, size: float, wanted: float, extent: int) -> tuple[float, float]:
    """Where a view begins along an axis and how long it is, on whole pixels."""
    low, end = math.floor(min(0.0, first)), math.ceil(max(float(extent), first + size))
    length = min(math.ceil(wanted), end - low)
    begin = math.floor(first + size / 2 - length / 2)
    return max(low, min(begin, end - length)), length


def picture(rgb: Pixels | None, view: View, width: int, height: int) -> Pixels:
    """What `view` shows of an image (height, width, 3), as a writable RGB array.

    Gray where there is no image file, dark outside the image.
    """
    canvas = np.full((view.height, view.width, 3), OUTSIDE, np.uint8)
    left, right = _inside(view.left, view.scale, view.width, width)
    top, bottom = _inside(view.top, view.scale, view.height, height)
    if right <= left or bottom <= top:
        return canvas
    if rgb is None:
        canvas[top:bottom, left:right] = GRAY
        return canvas
    box = (
        max(0.0, view.left + left / view.scale),
        max(0.0, view.top + top / view.scale),
        min(float(width), view.left + right / view.scale),
        min(float(height), view.top + bottom / view.scale),
    )
    filter = _filter(view.scale)
    gap = 3.0 if view.scale < 0.5 else None
    scaled = Image.fromarray(rgb).resize((right - left, bottom - top), filter, box=box, reducing_gap=gap)
    canvas[top:bottom, left:right] = np.asarray(scaled)
    return canvas


def _inside(origin: float, scale: float, size: int, extent: int) -> tuple[int, int]:
    """The target pixels of one axis that show the image."""
    first = max(0, round((0 - origin) * scale))
    last = min(size, round((extent - origin) * scale))
    return first, last


def _filter(scale: float) -> Image.Resampling:
    if scale >= COARSE:
        return Image.Resampling.NEAREST
    return Image.Resampling.LANCZOS if scale < 1 else Image.Resampling.BICUBIC


def coverage(mask: Rle, view: View) -> Patch | None:
    """How much of every pixel of `view` the mask covers; None where it has no pixel there."""
    crop, x, y = rle.decode_crop(mask)
    if not crop.size:
        return None
    height, width = crop.shape
    first_x, last_x = _reach(x, x + width, view.left, view.scale, view.width)
    first_y, last_y = _reach(y, y + height, view.top, view.scale, view.height)
    if last_x <= first_x or last_y <= first_y:
        return None
    left, right = view.left + first_x / view.scale - x, view.left + last_x / view.scale - x
    top, bottom = view.top + first_y / view.scale - y, view.top + last_y / view.scale - y
    margins = [max(0, math.ceil(v)) for v in (-top, bottom - height, -left, right - width)]
    values = np.pad(crop.view(np.uint8) * 255, (margins[:2], margins[2:]))
    box = (left + margins[2], top + margins[0], right + margins[2], bottom + margins[0])
    filter = Image.Resampling.BOX if view.scale < 1 else Image.Resampling.NEAREST
    scaled = Image.fromarray(values).resize((last_x - first_x, last_y - first_y), filter, box=_tidy(box, values.shape))
    cover = np.asarray(scaled)
    if not cover.any():
        return None
    return Patch(cover, first_x, first_y)


def _reach(first: float, last: float, origin: float, scale: float, size: int) -> tuple[int, int]:
    """The pixels of one axis of a view that a stretch of the source touches."""
    return max(0, math.floor((first - origin) * scale)), min(size, math.ceil((last - origin) * scale))


def _tidy(box: tuple[float, float, float, float], shape: tuple[int, ...]) -> tuple[float, float, float, float]:
    """The box without what rounding errors put outside the array."""
    left, top, right, bottom = box
    return max(0.0, left), max(0.0, top), min(float(shape[1]), right), min(float(shape[0]), bottom)


def solid(cover: Pixels) -> NDArray[np.bool_]:
    """The pixels that count as covered: half or more; of a sliver, those that it covers most."""
    return cover >= min(128, int(cover.max()))


def outline(region: NDArray[np.bool_], width: int = 1) -> NDArray[np.bool_]:
    """The pixels of `region` that lie within `width` of its rim; beyond the array lies nothing."""
    inner = region
    for _ in range(width):
        framed = np.pad(inner, 1)
        inner = inner & framed[:-2, 1:-1] & framed[2:, 1:-1] & framed[1:-1, :-2] & framed[1:-1, 2:]
    return region & ~inner


def label_view(labels: LabelMap, view: View, values: Collection[int]) -> LabelMap:
    """A map of ids in `view`: the one of `values` that covers most of each pixel.

    `values` holds every id that occurs. Pixels outside the map get the first of them.
    """
    if view.scale >= 1:
        rows = _centres(view.top, view.scale, view.height, labels.shape[0])
        columns = _centres(view.left, view.scale, view.width, labels.shape[1])
        return labels[np.ix_(rows, columns)]
    best = np.zeros((view.height, view.width), np.uint8)
    found = np.full((view.height, view.width), next(iter(values)), labels.dtype)
    right = min(float(labels.shape[1]), view.left + view.width / view.scale)
    bottom = min(float(labels.shape[0]), view.top + view.height / view.scale)
    box = (max(0.0, view.left), max(0.0, view.top), right, bottom)
    for value in values:
        plane = Image.fromarray((labels == value).view(np.uint8) * 255)
        cover = np.asarray(plane.resize((view.width, view.height), Image.Resampling.BOX, box=box))
        better = cover > best
        found[better], best[better] = value, cover[better]
    return found


def _centres(origin: float, scale: float, size: int, extent: int) -> NDArray[np.intp]:
    places = origin + (np.arange(size) + 0.5) / scale
    return np.clip(places.astype(np.intp), 0, extent - 1)
