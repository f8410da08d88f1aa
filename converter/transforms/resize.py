"""Resizing: to a size (stretch), into a size (fit), into a size with a margin (letterbox), by a factor (scale).

Sides are rounded to the nearest whole pixel, halves to the even one, and are 1 at least.
A letterbox is centred, an odd pixel of margin lies right or below. An image that has
its size already is not touched, and its file is copied byte for byte.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any, Literal, TypeAlias

import msgspec

from converter.codecs.pixels import FILTER, Pad
from converter.codecs.text import ratio
from converter.errors import UsageError
from converter.ledger import Ledger
from converter.model import IGNORE, Header
from converter.package import meta
from converter.transforms.warp import Axis, Warp

__all__ = ["Mode", "Resize", "margin", "parse_pad", "parse_resize", "parse_size", "record", "step", "warp"]

Mode: TypeAlias = Literal["stretch", "fit", "letterbox"]
LARGEST = 1 << 16
GRAY = 114


class Resize(msgspec.Struct, frozen=True):
    """What is asked for: a size and how to come to it, or a factor. `pad` colours the margin of images."""

    mode: Literal["stretch", "fit", "letterbox", "scale"]
    width: int = 0
    height: int = 0
    factor: str = ""
    pad: Pad = GRAY


def parse_resize(size: str | None, mode: Mode | None, factor: str | None, pad: str | None) -> Resize | None:
    """The options --resize, --resize-mode, --scale and --pad-value; UsageError when they make no sense together."""
    if size is None and factor is None:
        for option, value in (("--resize-mode", mode), ("--pad-value", pad)):
            if value is not None:
                raise UsageError(f"{option} {value} needs --resize WxH")
        return None
    if size is not None and factor is not None:
        raise UsageError("--resize and --scale both say how large images become; use one")
    if pad is not None and mode != "letterbox":
        raise UsageError("--pad-value colours the margin of --resize-mode letterbox; say that mode")
    if factor is not None:
        if mode is not None:
            raise UsageError("--scale keeps the shape of images; --resize-mode goes with --resize WxH")
        return Resize("scale", factor=_factor(factor))
    width, height = parse_size(size or "", "--resize")
    return Resize(mode or "stretch", width, height, pad=parse_pad(pad))


def parse_size(text: str, option: str) -> tuple[int, int]:
    """`WxH` in pixels."""
    match = re.fullmatch(r"\s*(\d{1,6})\s*[xX]\s*(\d{1,6})\s*", text)
    width, height = (int(match[1]), int(match[2])) if match else (0, 0)
    if not (0 < width <= LARGEST and 0 < height <= LARGEST):
        raise UsageError(f"{option} {text}: is no size; write width x height in pixels, as in 640x480")
    return width, height


def parse_pad(text: str | None) -> Pad:
    """A gray value, or r,g,b."""
    if text is None:
        return GRAY
    values = [int(v) for v in text.split(",") if re.fullmatch(r"\s*\d{1,3}\s*", v)]
    if len(values) != len(text.split(",")) or len(values) not in {1, 3} or max(values) > 255:
        raise UsageError(f"--pad-value {text}: is no colour; write 0 to 255, or r,g,b")
    return values[0] if len(values) == 1 else (values[0], values[1], values[2])


def _factor(text: str) -> str:
    value = ratio(text)
    if value is None or not 0 < value <= 64:
        raise UsageError(f"--scale {text}: is no factor; write a number above 0 and up to 64, as 0.5 or 1/3")
    return str(value)


# ---------------------------------------------------------------- geometry


def warp(how: Resize, width: int, height: int) -> Warp:
    """From an image of width x height to its new grid."""
    inner, size = _sizes(how, width, height)
    left, top = (size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2
    return Warp(
        Axis(width, 0, width, left, inner[0], size[0]),
        Axis(height, 0, height, top, inner[1], size[1]),
    )


def _sizes(how: Resize, width: int, height: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """The size that the picture is drawn with, and that of the whole image."""
    if how.mode == "stretch":
        return (how.width, how.height), (how.width, how.height)
    if how.mode == "scale":
        factor = Fraction(how.factor)
    else:
        factor = min(Fraction(how.width, width), Fraction(how.height, height))
    inner = max(1, round(width * factor)), max(1, round(height * factor))
    return inner, ((how.width, how.height) if how.mode == "letterbox" else inner)


def step(grid: Warp, width: int, height: int) -> dict[str, Any]:
    """What the image remembers: its size before, and where it is drawn now."""
    place = [grid.x.first, grid.y.first, grid.x.length, grid.y.length]
    return {"op": "resize", "width": width, "height": height, "place": place}


# ---------------------------------------------------------------- what the set is told


def margin(how: Resize | None, header: Header, ledger: Ledger) -> tuple[Header, int]:
    """The label of the margin: background, or ignore where every pixel has a class; and the header that says so."""
    background = header.background_id if header.task == "semantic" else 0
    if how is None or how.mode != "letterbox" or background is not None:
        return header, background or 0
    if header.ignore_id is not None:
        return header, header.ignore_id
    taken = next((c.name for c in header.classes if c.id == IGNORE), None)
    if taken is not None:
        raise UsageError(
            f"every pixel of this set has a class, and {IGNORE}, which would mark the margin of a letterbox, "
            f"is '{taken}'; move that class with --classes, or use --resize-mode fit"
        )
    ledger.note("margin-ignored", header.format, f"the margin of the letterbox is {IGNORE}, to be ignored")
    return msgspec.structs.replace(header, ignore_id=IGNORE), IGNORE


def record(how: Resize | None) -> meta.Resize | None:
    """The `resize` of meta.json; by a factor its size is known when everything is written."""
    if how is None:
        return None
    pad = how.pad if how.mode == "letterbox" else None
    value = list(pad) if isinstance(pad, tuple) else pad
    return meta.Resize(how.mode, how.width or 1, how.height or 1, FILTER, "nearest", value)
