"""Two versions of what is drawn on an image, and where they differ, as pictures of one view."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from converter.geometry import rle
from converter.model import Rgb, Rle
from converter.report.drawing import mix, paint
from converter.report.view import View, around, coverage, picture, whole

__all__ = ["ONLY_A", "ONLY_B", "Mark", "difference", "drawn", "view_of"]

Pixels = NDArray[np.uint8]

ONLY_A: Rgb = (255, 70, 50)
ONLY_B: Rgb = (40, 140, 255)
OTHERWISE: Rgb = (215, 60, 230)
CLOSE = 0.35  # of the image's sides; smaller differences are enlarged


class Mark(msgspec.Struct, frozen=True):
    """What differs in one place: pixels of either side; `otherwise`: the same pixels, and something else differs."""

    a: Rle | None
    b: Rle | None
    otherwise: bool = False


def view_of(marks: Sequence[Mark], width: int, height: int, box: tuple[int, int]) -> View:
    """All of the image, or the part in which all differences lie when that is small."""
    regions = [r for m in marks for r in _differing(m) if rle.area(r)]
    if regions:
        x, y, w, h = rle.tight_box(rle.union(regions))
        if max(w / width, h / height) < CLOSE:
            return around((x, y, w, h), width, height, box)
    return whole(width, height, box)


def _differing(mark: Mark) -> list[Rle]:
    if mark.a is not None and mark.b is not None and not mark.otherwise:
        return [rle.difference(mark.a, mark.b), rle.difference(mark.b, mark.a)]
    return [r for r in (mark.a, mark.b) if r is not None]


def drawn(rgb: Pixels | None, shapes: Sequence[tuple[Rle, Rgb]], view: View, width: int, height: int) -> Pixels:
    """One side: the picture with its regions, the largest first."""
    canvas = picture(rgb, view, width, height)
    for region, tint in sorted(shapes, key=lambda s: -rle.area(s[0])):
        paint(canvas, region, view, tint)
    return canvas


def difference(
    rgb: Pixels | None, marks: Sequence[Mark], changed: Rle | None, view: View, width: int, height: int
) -> Pixels:
    """The picture faint and gray, and on it what only one of the sides has; small places are ringed.

    `changed`: pixels of the picture itself that differ.
    """
    canvas = picture(rgb, view, width, height)
    gray = canvas @ np.array([0.299, 0.587, 0.114], np.float32)
    canvas[:] = (110 + gray * 0.45).astype(np.uint8)[..., None]
    if changed is not None:
        _fill(canvas, changed, view, OTHERWISE)
    for mark in marks:
        if mark.otherwise or mark.a is None or mark.b is None:
            tint = OTHERWISE if mark.otherwise else ONLY_B if mark.a is None else ONLY_A
            for region in (mark.a, mark.b):
                if region is not None:
                    paint(canvas, region, view, tint, fill=0.6)
            continue
        paint(canvas, rle.intersection(mark.a, mark.b), view, (60, 60, 60), fill=0.12, line=1)
        _fill(canvas, rle.difference(mark.a, mark.b), view, ONLY_A)
        _fill(canvas, rle.difference(mark.b, mark.a), view, ONLY_B)
    return canvas


def _fill(canvas: Pixels, region: Rle, view: View, tint: Rgb) -> None:
    patch = coverage(region, view)
    if patch is None:
        return
    height, width = patch.cover.shape
    piece = canvas[patch.y : patch.y + height, patch.x : patch.x + width]
    mix(piece, tint, (patch.cover > 0)[..., None] * np.float32(1))
    if max(width, height) < 14:
        x, y = patch.x + width / 2, patch.y + height / 2
        image = Image.fromarray(canvas)
        ImageDraw.Draw(image).ellipse((x - 13, y - 13, x + 13, y + 13), outline=tint, width=2)
        canvas[:] = np.asarray(image)
