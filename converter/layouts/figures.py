"""What annotation tools draw, as shapes of the model: boxes that are turned, ellipses, grouped parts.

A turned box becomes a polygon of its four corners, an ellipse the pixels whose centres lie
in it. What was drawn stays in `extra`, as `rotation` and `ellipse` (`converter.extras`): a
writer that knows a figure restores it from these, and only while it still draws the very
pixels of the shape.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from converter.errors import ShapeError
from converter.geometry import raster, rle, shapes
from converter.ledger import Ledger
from converter.model import Box, Image, Instance, Marks, Polygons, Rle, Sample, Shape

__all__ = [
    "FIGURE_KEYS",
    "GroupNumbers",
    "Part",
    "box_between",
    "box_centre",
    "check_numbers",
    "check_polygon",
    "ellipse",
    "far_edge",
    "join",
    "placed",
    "placed_inside",
    "restored_box",
    "restored_ellipse",
    "told_outside",
    "turned_box",
]

FIGURE_KEYS = ("rotation", "ellipse")
ROUNDING = 1e-6  # pixels between the corners as they are and as the rounded box gives them


def check_numbers(values: Sequence[Any], what: str) -> list[float]:
    """`values` if all are finite numbers; ShapeError that begins with `what` otherwise."""
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e9:
            raise ShapeError(f"{what}: {value!r} is not a number near the image")
    return list(values)


def check_polygon(ring: list[float], image: Image, what: str) -> Polygons:
    """A closed ring [x0, y0, ...] as a shape; ShapeError that begins with `what` when it is none."""
    try:
        raster.check_rings([ring], image.height, image.width)
    except ShapeError as error:
        raise ShapeError(f"{what}: {str(error).removeprefix('ring 1 ')}") from None
    return Polygons([ring])


def box_between(x0: float, y0: float, x1: float, y1: float) -> Box:
    """The box between two opposite corners, whichever they are."""
    return Box(min(x0, x1), min(y0, y1), abs(x1 - x0), abs(y1 - y0))


def far_edge(start: float, extent: float) -> float:
    """The end of a side such that its distance from the start, as doubles subtract, is the extent itself."""
    end = start + extent
    near = (end, math.nextafter(end, math.inf), math.nextafter(end, -math.inf))
    return next((e for e in near if e - start == extent), end)


# ---------------------------------------------------------------- boxes that are turned


def turned_box(x: float, y: float, w: float, h: float, degrees: float, *, about: tuple[float, float]) -> list[float]:
    """The corners of a box turned clockwise about a point: a ring, from the upper left corner on."""
    angle = math.radians(degrees)
    cos, sin = math.cos(angle), math.sin(angle)
    ring: list[float] = []
    for px, py in ((x, y), (x + w, y), (x + w, y + h), (x, y + h)):
        dx, dy = px - about[0], py - about[1]
        ring += [about[0] + dx * cos - dy * sin, about[1] + dx * sin + dy * cos]
    return ring


def restored_box(instance: Instance, image: Image) -> tuple[Box, float] | None:
    """The box and its rotation about the centre, of an instance that still is one; None otherwise."""
    shape, degrees = instance.shape, instance.extra.get("rotation")
    if not isinstance(shape, Polygons) or len(shape.rings) != 1 or len(shape.rings[0]) != 8:
        return None
    if degrees is None or not math.isfinite(degrees):
        return None
    ring = shape.rings[0]
    cx, cy = sum(ring[0::2]) / 4, sum(ring[1::2]) / 4
    w = math.hypot(ring[2] - ring[0], ring[3] - ring[1])
    h = math.hypot(ring[4] - ring[2], ring[5] - ring[3])
    for digits in (2, 4, 6, 9):  # tools write few: as many as give the corners back
        box = Box(*(round(v, digits) for v in (cx - w / 2, cy - h / 2, w, h)))
        again = turned_box(box.x, box.y, box.w, box.h, degrees, about=box_centre(box))
        if max(abs(a - b) for a, b in zip(again, ring, strict=True)) < ROUNDING and _draws(
            Polygons([again]), shape, image
        ):
            return box, degrees
    return None


def box_centre(box: Box) -> tuple[float, float]:
    return box.x + box.w / 2, box.y + box.h / 2


def _draws(figure: Shape, shape: Shape, image: Image) -> bool:
    """Whether two shapes have the very same pixels."""
    drawn = shapes.mask_of(figure, image.height, image.width).counts
    return drawn == shapes.mask_of(shape, image.height, image.width).counts


# ---------------------------------------------------------------- ellipses


def ellipse(cx: float, cy: float, rx: float, ry: float, degrees: float, image: Image) -> Rle:
    """The pixels whose centres lie in an ellipse, its rim included; ShapeError for radii below 0."""
    check_numbers([cx, cy, rx, ry, degrees], "ellipse")
    if rx < 0 or ry < 0:
        raise ShapeError(f"ellipse: a radius is negative ({rx:g}, {ry:g})")
    angle = math.radians(degrees)
    cos, sin = math.cos(angle), math.sin(angle)
    half_x, half_y = math.hypot(rx * cos, ry * sin) + 1, math.hypot(rx * sin, ry * cos) + 1
    left, right = _clamp(cx - half_x, cx + half_x, image.width)
    top, bottom = _clamp(cy - half_y, cy + half_y, image.height)
    if left >= right or top >= bottom or not rx or not ry:
        return rle.empty(image.height, image.width)
    dx = np.arange(left, right)[None, :] + 0.5 - cx
    dy = np.arange(top, bottom)[:, None] + 0.5 - cy
    with np.errstate(over="ignore"):  # beyond the rim of a hair-thin one, however far
        u, v = (dx * cos + dy * sin) / rx, (dy * cos - dx * sin) / ry
        inside = u * u + v * v <= 1
    return placed(inside, left, top, image.height, image.width)


def _clamp(low: float, high: float, size: int) -> tuple[int, int]:
    return max(0, min(size, math.floor(low))), max(0, min(size, math.ceil(high)))


def restored_ellipse(instance: Instance, image: Image) -> tuple[float, float, float, float, float] | None:
    """Centre, radii and rotation of an instance that still is an ellipse; None otherwise."""
    values, degrees = instance.extra.get("ellipse"), instance.extra.get("rotation", 0)
    if values is None or isinstance(instance.shape, Box | Marks):
        return None
    try:
        cx, cy, rx, ry, angle = check_numbers([*values, degrees], "ellipse")
        drawn = ellipse(cx, cy, rx, ry, angle, image)
    except ShapeError:
        return None
    return (cx, cy, rx, ry, angle) if _draws(drawn, instance.shape, image) else None


# ---------------------------------------------------------------- cut-out masks


def told_outside(instances: Iterable[Instance], image: Image, ledger: Ledger) -> tuple[Instance, ...]:
    """The instances of an image, with a note where polygons reach outside it."""
    found = tuple(instances)
    outside = sum(isinstance(i.shape, Polygons) and _reaches_out(i.shape, image) for i in found)
    if outside:
        message = f"{outside} polygons reach outside the image; the mask of one ends at the edge"
        ledger.note("outside-image", image.path, message)
    return found


def _reaches_out(shape: Polygons, image: Image) -> bool:
    right, bottom = image.width + ROUNDING, image.height + ROUNDING
    return any(min(r) < -ROUNDING or max(r[0::2]) > right or max(r[1::2]) > bottom for r in shape.rings)


def placed(crop: NDArray[np.bool_], x: int, y: int, height: int, width: int) -> Rle:
    """The code of a bitmap (h, w) whose first pixel lies at column `x`, row `y`; what is outside is cut off."""
    crop = crop[max(0, -y) : max(0, height - y), max(0, -x) : max(0, width - x)]
    x, y = max(0, x), max(0, y)
    h, w = crop.shape
    padded = np.zeros((w, h + 2), np.int8)
    padded[:, 1:-1] = crop.T
    steps = np.diff(padded, axis=1)
    first = (np.arange(x, x + w, dtype=np.int64) * height + y)[:, None] + np.arange(h + 1)
    return rle.from_runs(first[steps == 1], first[steps == -1], height, width)


def placed_inside(
    crop: NDArray[np.bool_], x: int, y: int, image: Image, ledger: Ledger, number: int | None = None
) -> Rle:
    """As placed, on an image; pixels beyond its edge are lost, and ShapeError where all are beyond."""
    region = placed(crop, x, y, image.height, image.width)
    area = int(crop.sum())
    lost = area - rle.area(region)
    if lost and lost == area:
        raise ShapeError(f"the mask at ({x}, {y}) lies outside the image")
    if lost:
        message = f"{lost} pixels of a mask lie outside"
        ledger.lose("out-of-image", image.path, message, instance=number, amount=lost)
    return region


# ---------------------------------------------------------------- parts of one object


class Part(msgspec.Struct, frozen=True):
    """A shape as the tool lists it; those of one group and class are one object."""

    instance: Instance
    group: int | None = None


def join(parts: Sequence[Part], image: Image, ledger: Ledger, where: str) -> list[Instance]:
    """Instances in the order of their first parts: regions of one group and class are united.

    A group that holds anything else too keeps its number in `group_id`; boxes and marks are
    never united. Extras of the parts are joined, the first part's win, with a note.
    """
    members: dict[tuple[int, int], list[Instance]] = {}
    sizes: dict[int, int] = {}
    for part in parts:
        if part.group is not None:
            sizes[part.group] = sizes.get(part.group, 0) + 1
            if not isinstance(part.instance.shape, Box | Marks):
                members.setdefault((part.group, part.instance.class_id), []).append(part.instance)
    found: list[Instance] = []
    done: set[tuple[int, int]] = set()
    for part in parts:
        instance = part.instance
        if part.group is None:
            found.append(instance)
            continue
        key = (part.group, instance.class_id)
        mine = members.get(key, []) if not isinstance(instance.shape, Box | Marks) else []
        if key in done and mine:
            continue
        whole = len(mine) == sizes[part.group] > 1
        if mine:
            done.add(key)
            instance = _united(mine, image, ledger, f"{where}, group {part.group}")
        extra = instance.extra if whole else {**instance.extra, "group_id": part.group}
        found.append(msgspec.structs.replace(instance, extra=extra))
    return found


def _united(parts: Sequence[Instance], image: Image, ledger: Ledger, where: str) -> Instance:
    first = parts[0]
    if len(parts) == 1:
        return first
    extra: dict[str, Any] = {}
    for part in reversed(parts):
        extra |= {k: v for k, v in part.extra.items() if k not in FIGURE_KEYS}
    if any(extra.get(k) != v for part in parts for k, v in part.extra.items() if k not in FIGURE_KEYS):
        ledger.note("group-attributes", where, "its parts say different things of themselves; the first one's stay")
    drawn = [p.shape for p in parts]
    shape: Shape
    if all(isinstance(s, Polygons) for s in drawn):
        shape = Polygons([ring for s in drawn if isinstance(s, Polygons) for ring in s.rings])
    else:
        shape = rle.union([shapes.mask_of(s, image.height, image.width) for s in drawn])
    return msgspec.structs.replace(first, shape=shape, box=None, area=None, extra=extra)


class GroupNumbers:
    """Group numbers above 0: those of the extras where they are, free ones for objects of several parts."""

    def __init__(self, sample: Sample) -> None:
        given = [i.extra.get("group_id") for i in sample.instances]
        kept = {g for g in given if isinstance(g, int) and g > 0}
        self.numbers: dict[Any, int] = {g: g for g in kept}
        self.next = max(kept, default=0) + 1

    def of(self, instance: Instance) -> int:
        """The group of an instance; 0 is none."""
        group = instance.extra.get("group_id")
        several = isinstance(instance.shape, Polygons) and len(instance.shape.rings) > 1
        key = group if group is not None else id(instance) if several else None
        if key is None:
            return 0
        if key not in self.numbers:
            self.numbers[key] = self.next
            self.next += 1
        return self.numbers[key]
