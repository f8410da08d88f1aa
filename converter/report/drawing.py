"""What is drawn on an image, over the image: fills, outlines, boxes, marks and names.

A mask is filled so that the object stays to be seen under it, and has a crisp outline
of its colour. Crowds are hatched, boxes are empty, ignored pixels of a label map are
hatched in gray. Large objects come first, so that small ones lie on top.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from converter.geometry import labelmap, shapes
from converter.model import Box, Header, Instance, Marks, Rgb, Rle, Sample
from converter.report import text
from converter.report.palette import class_colors, color
from converter.report.view import Patch, View, coverage, label_view, outline, picture, solid

__all__ = [
    "FILL",
    "IGNORED",
    "LABELS_FILL",
    "ColorBy",
    "Style",
    "draw_box",
    "overlay",
    "paint",
    "stripes",
    "style_of",
    "thickness",
    "trim",
]

Pixels = NDArray[np.uint8]
ColorBy: TypeAlias = Literal["instance", "class"]

FILL = 0.42
BOX_FILL = 0.08
BEYOND = 8  # pixels: more than lines are wide
LABELS_FILL = 0.55
STRIPES = 7
IGNORED: Rgb = (150, 150, 150)
NAMED = 40  # names on one picture at most


class Style(msgspec.Struct, frozen=True):
    """How a dataset is drawn; goes to the workers once. `names`: whether plates say the classes."""

    colors: dict[int, Rgb]
    class_names: dict[int, str]
    color_by: ColorBy = "instance"
    names: bool = True
    background_id: int | None = 0
    ignore_id: int | None = None


def style_of(header: Header, color_by: ColorBy = "instance") -> Style:
    """The style of a dataset; the one class of a set of one class is not written on every object."""
    return Style(
        class_colors(header.classes),
        {c.id: text.readable(c.name, f"class {c.id}") for c in header.classes},
        color_by,
        names=len(header.classes) > 1,
        background_id=header.background_id,
        ignore_id=header.ignore_id,
    )


def overlay(sample: Sample, rgb: Pixels | None, view: View, style: Style) -> Pixels:
    """`view` of a sample: its picture (`rgb` may be None) with all that is drawn on it."""
    canvas = picture(rgb, view, sample.image.width, sample.image.height)
    if sample.labels is not None:
        return _with_labels(canvas, sample, view, style)
    drawn = _drawn(sample, style)
    boxed = []
    for place, instance, tint in drawn:
        where = _draw(canvas, instance, sample, view, tint)
        if where is not None:
            boxed.append((place, instance, tint, where))
    if not style.names:
        return canvas
    return _with_names(canvas, boxed, style)


def _drawn(sample: Sample, style: Style) -> list[tuple[int, Instance, Rgb]]:
    """Place, instance and colour, the largest first, boxes last of all."""
    sized = []
    for place, instance in enumerate(sample.instances):
        box = _box(instance, sample)
        tint = style.colors[instance.class_id] if style.color_by == "class" else color(place)
        sized.append((isinstance(instance.shape, Box | Marks), -box.w * box.h, place, instance, tint))
    sized.sort(key=lambda s: s[:3])
    return [(place, instance, tint) for _, _, place, instance, tint in sized]


def _box(instance: Instance, sample: Sample) -> Box:
    if isinstance(instance.shape, Marks):
        xs, ys = instance.shape.points[::2], instance.shape.points[1::2]
        return Box(min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)) if xs else Box(0, 0, 0, 0)
    return shapes.tight_box(instance.shape, sample.image.height, sample.image.width)


Where: TypeAlias = tuple[float, float, float, float]


def _draw(canvas: Pixels, instance: Instance, sample: Sample, view: View, tint: Rgb) -> Where | None:
    """Draw one instance; its box in the view, None when nothing of it lies there."""
    shape = instance.shape
    if isinstance(shape, Box):
        return draw_box(canvas, shape, view, tint)
    if isinstance(shape, Marks):
        return _draw_marks(canvas, shape, view, tint)
    region = shapes.mask_of(shape, sample.image.height, sample.image.width)
    return paint(canvas, region, view, tint, hatched=instance.iscrowd)


def paint(
    canvas: Pixels,
    region: Rle,
    view: View,
    tint: Rgb,
    *,
    fill: float = FILL,
    line: int | None = None,
    hatched: bool = False,
) -> Where | None:
    """Fill and outline a region; its box in the view, None when it has no pixel there."""
    patch = coverage(region, view)
    if patch is None:
        return None
    height, width = patch.cover.shape
    piece = canvas[patch.y : patch.y + height, patch.x : patch.x + width]
    alpha = patch.cover[..., None] * np.float32(fill / 255)
    if hatched:
        alpha = alpha * stripes(patch)[..., None] * np.float32(1.8)
    mix(piece, tint, alpha)
    trim(piece, solid(patch.cover), tint, thickness(view) if line is None else line)
    return patch.x, patch.y, patch.x + width, patch.y + height


def mix(piece: Pixels, tint: Rgb, alpha: NDArray[np.float32]) -> None:
    """Blend a colour into a part of the canvas; alpha (height, width, 1) from 0 to 1."""
    alpha = np.minimum(alpha, 1)
    piece[:] = np.rint(piece * (1 - alpha) + np.asarray(tint, np.float32) * alpha).astype(np.uint8)


def trim(piece: Pixels, region: NDArray[np.bool_], tint: Rgb, line: int) -> None:
    """The outline of a region, on a part of the canvas of the region's size."""
    if line:
        piece[outline(region, line)] = tint


def thickness(view: View) -> int:
    """Lines are thicker on large pictures."""
    return 1 if max(view.width, view.height) < 520 else 2


def stripes(patch: Patch) -> NDArray[np.bool_]:
    """Diagonal stripes that run on across patches."""
    height, width = patch.cover.shape
    rows, columns = np.arange(height)[:, None] + patch.y, np.arange(width)[None, :] + patch.x
    striped: NDArray[np.bool_] = (rows + columns) % STRIPES < STRIPES // 2
    return striped


def draw_box(canvas: Pixels, box: Box, view: View, tint: Rgb, *, fill: float = BOX_FILL, line: int = 2) -> Where | None:
    """A box with a faint fill and a dark hair line around, to be seen on any ground."""
    x0, y0 = _near(view.x(box.x), view.width), _near(view.y(box.y), view.height)
    x1 = max(x0 + 1, _near(view.x(box.x + box.w), view.width))
    y1 = max(y0 + 1, _near(view.y(box.y + box.h), view.height))
    left, top, right, bottom = max(0, x0), max(0, y0), min(view.width, x1), min(view.height, y1)
    if right <= left or bottom <= top:
        return None
    if fill:
        piece = canvas[top:bottom, left:right]
        mix(piece, tint, np.full((*piece.shape[:2], 1), fill, np.float32))
    image = Image.fromarray(canvas)
    draw = ImageDraw.Draw(image)
    draw.rectangle((x0 - 1, y0 - 1, x1, y1), outline=(0, 0, 0))
    draw.rectangle((x0, y0, x1 - 1, y1 - 1), outline=tint, width=line)
    canvas[:] = np.asarray(image)
    return left, top, right, bottom


def _near(place: float, side: int) -> int:
    """A place in the view, or just beyond its edge: boxes may claim to end anywhere, and Pillow walks all the way."""
    return round(min(max(place, -BEYOND), side + BEYOND))


def _draw_marks(canvas: Pixels, marks: Marks, view: View, tint: Rgb) -> Where | None:
    points = [(view.x(x), view.y(y)) for x, y in zip(marks.points[::2], marks.points[1::2], strict=True)]
    if not points:
        return None
    image = Image.fromarray(canvas)
    draw = ImageDraw.Draw(image)
    if marks.kind == "polyline":
        draw.line(points, fill=(0, 0, 0), width=4, joint="curve")
        draw.line(points, fill=tint, width=2, joint="curve")
    for x, y in points:
        draw.ellipse((x - 3, y - 3, x + 3, y + 3), fill=tint, outline=(0, 0, 0))
    canvas[:] = np.asarray(image)
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return min(xs), min(ys), max(xs), max(ys)


# ---------------------------------------------------------------- names


def _with_names(canvas: Pixels, boxed: Sequence[tuple[int, Instance, Rgb, Where]], style: Style) -> Pixels:
    """Plates at the upper left of objects, where they cover neither another plate nor all of the object."""
    image, draw = text.array_draw(canvas)
    size = 11 if max(canvas.shape) < 520 else 14
    taken: list[Where] = []
    for _, instance, tint, where in sorted(boxed, key=lambda b: (b[3][0] - b[3][2]) * (b[3][3] - b[3][1])):
        if len(taken) == NAMED:
            break
        name = style.class_names[instance.class_id] + (" (crowd)" if instance.iscrowd else "")
        name = text.shortened(name, size, canvas.shape[1] - 10)
        spot = _spot(name, size, where, canvas, taken)
        if spot is not None:
            text.plate(draw, name, size, *spot, tint)
            taken.append(text.plate_box(name, size, *spot))
    return np.array(image)


def _spot(name: str, size: int, where: Where, canvas: Pixels, taken: Sequence[Where]) -> tuple[int, int] | None:
    """Above the object, within its upper left corner, or below it; the first that is free."""
    _, _, wide, high = text.plate_box(name, size, 0, 0)
    left = int(max(0, min(where[0], canvas.shape[1] - wide)))
    for top in (int(where[1]) - high, int(where[1]), int(where[3])):
        mine = (left, top, left + wide, top + high)
        inside = top == int(where[1])
        if inside and (where[2] - where[0] < wide * 1.1 or where[3] - where[1] < high * 1.8):
            continue
        if top >= 0 and mine[3] <= canvas.shape[0] and not any(_meet(mine, other) for other in taken):
            return left, top
    return None


def _meet(a: Where, b: Where) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


# ---------------------------------------------------------------- label maps


def _with_labels(canvas: Pixels, sample: Sample, view: View, style: Style) -> Pixels:
    """Every class in its colour, a dark line between classes, ignored pixels hatched."""
    labels = sample.labels
    assert labels is not None
    present = [int(v) for v in labelmap.values(labels)[0]]
    small = label_view(labels, view, present)
    for value in present:
        if value == style.background_id:
            continue
        where = small == value
        tint = style.colors.get(value, IGNORED)
        alpha = where.astype(np.float32) * np.float32(LABELS_FILL)
        if value not in style.colors:
            alpha = alpha * stripes(Patch(where.view(np.uint8), 0, 0))
        mix(canvas, tint, alpha[..., None])
    canvas[_borders(small)] = (20, 20, 20)
    return canvas


def _borders(labels: NDArray[np.unsignedinteger]) -> NDArray[np.bool_]:
    """The pixels whose right or lower neighbour has another label."""
    border = np.zeros(labels.shape, np.bool_)
    border[:, :-1] |= labels[:, 1:] != labels[:, :-1]
    border[:-1] |= labels[1:] != labels[:-1]
    return border
