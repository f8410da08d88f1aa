"""What is drawn on an image as transparent pictures over it: one a class, so that a page can switch them.

A layer is a PNG with a palette: colour 0 is clear, and every object has two, for its
fill and for its outline. Few colours and large areas of one make it small.
"""

from __future__ import annotations

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from converter.geometry import labelmap, shapes
from converter.model import Box, Instance, Marks, Rgb, Sample
from converter.report.drawing import FILL, IGNORED, LABELS_FILL, Style, stripes, thickness
from converter.report.palette import color
from converter.report.view import Patch, View, coverage, label_view, outline, solid

__all__ = ["layers"]

Canvas = NDArray[np.uint8]
TINTS = 120  # pairs of palette entries


def layers(sample: Sample, view: View, style: Style) -> dict[int, bytes]:
    """A PNG of the size of `view` for every class id that is drawn there; -1 stands for ignored pixels."""
    if sample.labels is not None:
        return _of_labels(sample, view, style)
    canvases: dict[int, Canvas] = {}
    tints: dict[int, list[Rgb]] = {}
    order = sorted(range(len(sample.instances)), key=lambda n: -_size(sample.instances[n], sample))
    for place in order:
        instance = sample.instances[place]
        canvas = canvases.setdefault(instance.class_id, np.zeros((view.height, view.width), np.uint8))
        mine = tints.setdefault(instance.class_id, [])
        entry = len(mine) % TINTS
        if entry == len(mine):
            mine.append(style.colors[instance.class_id] if style.color_by == "class" else color(place))
        _draw(canvas, instance, sample, view, 1 + 2 * entry)
    return {id: _encoded(canvases[id], tints[id], FILL) for id in sorted(canvases)}


def _size(instance: Instance, sample: Sample) -> float:
    if isinstance(instance.shape, Marks):
        return 0
    box = shapes.tight_box(instance.shape, sample.image.height, sample.image.width)
    return box.w * box.h


def _draw(canvas: Canvas, instance: Instance, sample: Sample, view: View, fill: int) -> None:
    """Fill has the palette entry `fill`, the outline the one after it."""
    shape = instance.shape
    if isinstance(shape, Box):
        _draw_box(canvas, shape, view, fill + 1)
        return
    if isinstance(shape, Marks):
        for x, y in zip(shape.points[::2], shape.points[1::2], strict=True):
            _draw_box(
                canvas, Box(x - 2 / view.scale, y - 2 / view.scale, 4 / view.scale, 4 / view.scale), view, fill + 1
            )
        return
    patch = coverage(shapes.mask_of(shape, sample.image.height, sample.image.width), view)
    if patch is None:
        return
    region = solid(patch.cover)
    height, width = region.shape
    piece = canvas[patch.y : patch.y + height, patch.x : patch.x + width]
    inner = region & stripes(patch) if instance.iscrowd else region
    piece[inner] = fill
    piece[outline(region, thickness(view))] = fill + 1


def _draw_box(canvas: Canvas, box: Box, view: View, entry: int) -> None:
    xs = np.clip([round(view.x(box.x)), round(view.x(box.x + box.w))], 0, view.width)
    ys = np.clip([round(view.y(box.y)), round(view.y(box.y + box.h))], 0, view.height)
    area = canvas[ys[0] : max(ys[1], ys[0] + 1), xs[0] : max(xs[1], xs[0] + 1)]
    if area.size:
        area[outline(np.ones(area.shape, np.bool_), 2)] = entry


def _of_labels(sample: Sample, view: View, style: Style) -> dict[int, bytes]:
    assert sample.labels is not None
    present = [int(v) for v in labelmap.values(sample.labels)[0]]
    small = label_view(sample.labels, view, present)
    made: dict[int, bytes] = {}
    ignored = np.zeros(small.shape, np.bool_)
    for value in present:
        region = small == value
        if value == style.background_id or not region.any():
            continue
        if value not in style.colors:
            ignored |= region
            continue
        canvas = region.view(np.uint8).copy()
        canvas[outline(region)] = 2
        made[value] = _encoded(canvas, [style.colors[value]], LABELS_FILL)
    if ignored.any():
        hatched = (ignored & stripes(Patch(ignored.view(np.uint8), 0, 0))).view(np.uint8)
        made[-1] = _encoded(hatched, [IGNORED], LABELS_FILL)
    return made


def _encoded(canvas: Canvas, tints: list[Rgb], fill: float) -> bytes:
    palette = [0, 0, 0] + [v for tint in tints for v in (*tint, *tint)]
    image = Image.fromarray(canvas).convert("P")
    image.putpalette(palette)
    alphas = bytes([0] + [round(255 * fill), 255] * len(tints))
    stream = BytesIO()
    image.save(stream, "PNG", optimize=True, transparency=alphas)
    return stream.getvalue()
