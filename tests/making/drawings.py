"""Photos and masks to make datasets of.

Masks are bool arrays (height, width). Torture images are 64 x 32, so that coordinates
divided by the size are short decimals and nothing hides in rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco
from scipy import ndimage
from skimage import data, filters, measure, segmentation

Mask = NDArray[np.bool_]
Pixels = NDArray[np.uint8]
HEIGHT, WIDTH = 32, 64


class Thing(NamedTuple):
    """An object as it is to be stored: class id, its pixels, crowd or not."""

    class_id: int
    mask: Mask
    iscrowd: bool = False


class Drawing(NamedTuple):
    """An image and what is drawn on it."""

    name: str
    pixels: Pixels
    things: list[Thing]


# ---------------------------------------------------------------- photos


def gray(top: int = 40, left: int = 180, height: int = HEIGHT, width: int = WIDTH) -> Pixels:
    """A piece of the cameraman, (height, width)."""
    return np.ascontiguousarray(data.camera()[top : top + height, left : left + width])


def color(top: int = 60, left: int = 160, height: int = HEIGHT, width: int = WIDTH) -> Pixels:
    """A piece of Chelsea the cat, (height, width, 3)."""
    return np.ascontiguousarray(data.chelsea()[top : top + height, left : left + width])


def face(height: int = 96, width: int = 80) -> Pixels:
    """The astronaut's face, (height, width, 3)."""
    return np.ascontiguousarray(data.astronaut()[70 : 70 + height, 180 : 180 + width])


# ---------------------------------------------------------------- coins


@cache
def coins() -> tuple[Drawing, ...]:
    """Coins on a table, cut at the edges: watershed on the gradient, holes filled; class 2 is the larger."""
    table = data.coins()
    seeds = np.zeros(table.shape, np.int32)
    seeds[table < 30] = 1
    seeds[table > 150] = 2
    found = ndimage.binary_fill_holes(segmentation.watershed(filters.sobel(table), seeds) == 2)
    labels, count = ndimage.label(found)
    masks = [labels == i for i in range(1, count + 1)]
    whole = [Thing(2 if m.sum() > 1700 else 1, m) for m in masks if m.sum() > 50]
    return tuple(
        _cut(f"{name}.png", table, whole, *window)
        for name, window in {"coins-left": (0, 70, 246, 300), "coins-corner": (215, 256, 88, 128)}.items()
    )


def _cut(name: str, pixels: Pixels, things: list[Thing], top: int, left: int, height: int, width: int) -> Drawing:
    window = slice(top, top + height), slice(left, left + width)
    cut = [Thing(t.class_id, np.ascontiguousarray(t.mask[window]), t.iscrowd) for t in things]
    return Drawing(name, np.ascontiguousarray(pixels[window]), [t for t in cut if t.mask.any()])


# ---------------------------------------------------------------- torture


def blank(height: int = HEIGHT, width: int = WIDTH) -> Mask:
    return np.zeros((height, width), np.bool_)


def block(top: int, left: int, height: int, width: int) -> Mask:
    """A rectangle of pixels in an otherwise empty mask."""
    mask = blank()
    mask[top : top + height, left : left + width] = True
    return mask


def _dots(*places: tuple[int, int]) -> Mask:
    mask = blank()
    for y, x in places:
        mask[y, x] = True
    return mask


def _spiral() -> Mask:
    """A path one pixel wide that winds inwards with a gap of one pixel."""
    mask = blank()
    y, x, dy, dx = 0, 0, 0, 1
    length = [WIDTH - 1, HEIGHT - 1]
    mask[y, x] = True
    legs = 0
    while length[legs % 2] > 0:
        for _ in range(length[legs % 2]):
            y, x = y + dy, x + dx
            mask[y, x] = True
        dy, dx = dx, -dy
        legs += 1
        if legs >= 3:
            length[legs % 2] -= 2
    return mask


def _rings() -> Mask:
    """A hole, an island in the hole, and a hole in the island."""
    mask = block(2, 4, 28, 50)
    mask[6:26, 8:50] = False
    mask[10:22, 14:40] = True
    mask[13:19, 20:30] = False
    return mask


def _checkers() -> Mask:
    y, x = np.indices((HEIGHT, WIDTH))
    mask: Mask = ((x + y) % 2 == 0) & (x >= 20) & (x < 34) & (y >= 8) & (y < 20)
    return mask


def _noise() -> Mask:
    mask = blank()
    mask[5:27, 10:40] = np.random.default_rng(7).random((22, 30)) < 0.5
    return mask


def _blob() -> Mask:
    y, x = np.indices((HEIGHT, WIDTH))
    mask: Mask = (x - 30.3) ** 2 / 22**2 + (y - 15.1) ** 2 / 11.4**2 < 1
    return mask


@cache
def torture() -> tuple[Drawing, ...]:
    """Masks that converters get wrong, an image for each kind."""
    diagonal = _dots(*((i + 3, i + 10) for i in range(20)))
    kinds: dict[str, list[Thing]] = {
        "dots": [Thing(1, _dots((9, 30))), Thing(2, _dots((0, 0))), Thing(1, _dots((HEIGHT - 1, WIDTH - 1)))],
        "lines": [Thing(1, block(4, 5, 1, 40)), Thing(2, block(6, 50, 20, 1)), Thing(1, block(30, 0, 1, WIDTH))],
        "diagonals": [Thing(1, diagonal), Thing(2, np.ascontiguousarray(diagonal[:, ::-1]))],
        "checkerboard": [Thing(1, _checkers())],
        "spiral": [Thing(2, _spiral())],
        "rings": [Thing(1, _rings())],
        "borders": [
            Thing(1, block(0, 20, 3, 20)),
            Thing(2, block(HEIGHT - 4, 10, 4, 9)),
            Thing(1, block(8, 0, 9, 5)),
            Thing(2, block(6, WIDTH - 6, 12, 6)),
        ],
        "full": [Thing(2, ~blank())],
        "frame": [Thing(1, ~block(1, 1, HEIGHT - 2, WIDTH - 2))],
        "parts": [
            Thing(1, block(3, 3, 8, 10) | block(20, 40, 6, 11)),
            Thing(2, block(2, 50, 4, 4) | block(6, 54, 4, 4)),
        ],
        "overlaps": [
            Thing(1, block(4, 6, 20, 30)),
            Thing(2, block(10, 20, 14, 30)),
            Thing(2, block(12, 24, 5, 6)),
            Thing(1, block(4, 6, 20, 29)),
        ],
        "noise": [Thing(2, _noise())],
        "blob": [Thing(1, _blob())],
        "nothing": [],
    }
    return tuple(
        Drawing(f"{name}.png", gray(40 + 3 * i, 180 + 5 * i), things) for i, (name, things) in enumerate(kinds.items())
    )


# ---------------------------------------------------------------- shapes


def rle(mask: Mask) -> dict[str, Any]:
    """The compressed code of the COCO API, ready for JSON."""
    code = coco.encode(np.asfortranarray(mask, np.uint8))
    return {"size": [int(v) for v in code["size"]], "counts": code["counts"].decode()}


def counts(mask: Mask) -> dict[str, Any]:
    """The uncompressed code: plain run lengths down the columns, background first."""
    flat = mask.T.reshape(-1)
    edges = np.flatnonzero(np.diff(flat)) + 1
    lengths = np.diff(np.concatenate(([0], edges, [flat.size]))).tolist()
    return {"size": list(mask.shape), "counts": ([0, *lengths] if flat[0] else lengths)}


def box(mask: Mask) -> tuple[int, int, int, int]:
    """Left, top, width and height of what is in the mask; zeros when nothing is."""
    ys, xs = np.nonzero(mask)
    if not ys.size:
        return (0, 0, 0, 0)
    return (int(xs.min()), int(ys.min()), int(np.ptp(xs)) + 1, int(np.ptp(ys)) + 1)


def ring(mask: Mask) -> list[float]:
    """One ring [x0, y0, ...] of any mask: a rectangle for every run of a row, each joined to the first corner.

    Long, and plain to see through: every bridge is walked there and back.
    """
    found: list[float] = []
    for y, row in enumerate(mask):
        edges = np.flatnonzero(np.diff(np.concatenate(([False], row, [False]))))
        for a, b in edges.reshape(-1, 2).tolist():
            found += [a, y, b, y, b, y + 1, a, y + 1, a, y]
            if len(found) > 10:
                found += found[:2]
    height, width = mask.shape
    drawn = coco.merge(coco.frPyObjects([found], height, width))
    assert drawn["counts"].decode() == rle(mask)["counts"]
    return found


def outline(mask: Mask) -> list[list[float]]:
    """Contours through the edges of pixels, a little simplified: what an annotator would have clicked."""
    found = []
    for contour in measure.find_contours(np.pad(mask, 1).astype(float), 0.5):
        simple = _simplified(contour)
        points = (simple if len(simple) > 3 else contour)[:-1, ::-1] - 0.5
        inside = np.clip(np.round(points, 2), 0, (mask.shape[1], mask.shape[0]))
        found.append([float(v) for v in inside.reshape(-1)])
    return found


def pairs(flat: Sequence[float]) -> list[list[float]]:
    """The points [x, y] of a ring."""
    return [[x, y] for x, y in zip(flat[0::2], flat[1::2], strict=True)]


def _simplified(contour: NDArray[Any]) -> NDArray[Any]:
    """Douglas and Peucker's of the points that are more than 0.7 from the line; of equally far ones the first.

    In whole numbers, halves of pixels: with rounded distances another machine finds another point the farthest.
    """
    points = [(int(y), int(x)) for y, x in (contour * 2).tolist()]
    kept, spans = {0, len(points) - 1}, [(0, len(points) - 1)]
    while spans:
        start, end = spans.pop()
        far = [_squared_distance(p, points[start], points[end]) for p in points[start + 1 : end]]
        if far and max(far) > Fraction(7, 5) ** 2:
            farthest = start + 1 + far.index(max(far))
            kept.add(farthest)
            spans += [(start, farthest), (farthest, end)]
    return contour[sorted(kept)]


def _squared_distance(p: tuple[int, int], a: tuple[int, int], b: tuple[int, int]) -> Fraction:
    """From a point to the segment between two others."""
    along, to = (b[0] - a[0], b[1] - a[1]), (p[0] - a[0], p[1] - a[1])
    length, projected = along[0] ** 2 + along[1] ** 2, along[0] * to[0] + along[1] * to[1]
    if 0 < projected < length:
        return Fraction((along[0] * to[1] - along[1] * to[0]) ** 2, length)
    return Fraction(min(to[0] ** 2 + to[1] ** 2, (p[0] - b[0]) ** 2 + (p[1] - b[1]) ** 2))
