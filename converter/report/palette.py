"""Colours that can be told apart, in any number, the same on every machine.

Hues go round by the golden angle, so that any first n lie about evenly; lightness
alternates, so that neighbours in the list differ even where hues are hard to see.
Colours are computed in OKLCH (Ottosson 2020), where equal steps look about equal.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

from converter.model import ClassInfo, Rgb

__all__ = ["class_colors", "color", "hex_of", "ink_on"]


GOLDEN_ANGLE = 137.50776405003785
FIRST_HUE = 30.0
LIGHTNESS = (0.70, 0.82, 0.62)
CHROMA = (0.19, 0.16, 0.20)


@cache
def color(number: int) -> Rgb:
    """The colour of place `number`, from 0."""
    turn = number % len(LIGHTNESS)
    hue = math.radians((FIRST_HUE + number * GOLDEN_ANGLE) % 360)
    chroma = CHROMA[turn]
    while True:
        found = _srgb(LIGHTNESS[turn], chroma * math.cos(hue), chroma * math.sin(hue))
        if all(0 <= v <= 1 for v in found) or chroma < 0.01:
            red, green, blue = (round(255 * min(1.0, max(0.0, v))) for v in found)
            return red, green, blue
        chroma *= 0.96


def class_colors(classes: Sequence[ClassInfo]) -> dict[int, Rgb]:
    """A colour for every class id: the dataset's own where it has one that shows, else the palette's."""
    own = {c.id: c.color for c in classes if c.color is not None and max(c.color) >= 64}
    if len(set(own.values())) < len(own):
        own = {}
    return {c.id: own.get(c.id) or color(place) for place, c in enumerate(classes)}


def hex_of(rgb: Rgb) -> str:
    """`#rrggbb`."""
    return "#{:02x}{:02x}{:02x}".format(*rgb)


def ink_on(rgb: Rgb) -> Rgb:
    """Black or white, whichever can be read better on `rgb` (WCAG 2 relative luminance)."""
    red, green, blue = (_linear(v / 255) for v in rgb)
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return (255, 255, 255) if luminance < 0.179 else (0, 0, 0)


def _srgb(lightness: float, a: float, b: float) -> tuple[float, float, float]:
    """OKLab to sRGB, not clipped."""
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    middle = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        _companded(4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short),
        _companded(-1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short),
        _companded(-0.0041960863 * long - 0.7034186147 * middle + 1.7076147010 * short),
    )


def _companded(value: float) -> float:
    return 12.92 * value if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055


def _linear(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
