"""A contact sheet: tiles in a grid, each with its caption, a heading, and a legend of classes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from converter.model import Rgb
from converter.report import text

__all__ = ["Entry", "Tile", "contact_sheet", "tile_size"]

Pixels = NDArray[np.uint8]

PAPER: Rgb = (250, 250, 248)
INK: Rgb = (28, 30, 34)
FAINT: Rgb = (104, 108, 116)
MAT: Rgb = (236, 237, 240)

MARGIN = 28
GAP = 18
SHEET = 1560  # pixels between the margins, about
LEAST, MOST = 220, 1200
TITLE, SMALL, CAPTION = 26, 15, 14


class Tile(msgspec.Struct, frozen=True, eq=False):
    """A picture and the two lines under it."""

    pixels: Pixels
    name: str
    facts: str


class Entry(msgspec.Struct, frozen=True):
    """A line of the legend."""

    name: str
    color: Rgb


def columns(count: int) -> int:
    """Columns of a grid that is about as wide as high, and rather wider."""
    return max(1, math.ceil(math.sqrt(count)))


def tile_size(count: int) -> int:
    """The side of the square into which each of `count` pictures is fitted."""
    across = columns(count)
    return min(MOST, max(LEAST, (SHEET - GAP * (across - 1)) // across))


def contact_sheet(title: str, subtitle: str, tiles: Sequence[Tile], legend: Sequence[Entry]) -> Image.Image:
    """All tiles on one sheet, each centred in its cell; a row is as high as its highest tile."""
    side, across = tile_size(len(tiles)), columns(len(tiles))
    rows = [tiles[i : i + across] for i in range(0, len(tiles), across)]
    highs = [max((t.pixels.shape[0] for t in row), default=0) for row in rows]
    lines = _legend_lines(legend, across * (side + GAP) - GAP)
    wide = 2 * MARGIN + across * side + (across - 1) * GAP
    caption = text.height(CAPTION) * 2 + 8
    head = _head_height(subtitle, lines)
    sheet = Image.new("RGB", (wide, head + sum(h + caption + GAP for h in highs) - GAP + MARGIN), PAPER)
    draw = ImageDraw.Draw(sheet)
    _draw_head(draw, title, subtitle, lines, wide)
    top = head
    for row, high in zip(rows, highs, strict=True):
        for place, tile in enumerate(row):
            _draw_tile(sheet, draw, tile, MARGIN + place * (side + GAP), top, side, high)
        top += high + caption + GAP
    return sheet


def _draw_tile(
    sheet: Image.Image, draw: ImageDraw.ImageDraw, tile: Tile, left: int, top: int, side: int, high: int
) -> None:
    height, width = tile.pixels.shape[:2]
    draw.rectangle((left, top, left + side - 1, top + high - 1), fill=MAT)
    sheet.paste(Image.fromarray(tile.pixels), (left + (side - width) // 2, top + (high - height) // 2))
    below = top + high + 6
    name = text.shortened(text.readable(tile.name, _ascii(tile.name)), CAPTION, side, middle=True)
    draw.text((left, below), text.spaced(name), font=text.font(CAPTION), fill=INK)
    draw.text(
        (left, below + text.height(CAPTION)),
        text.spaced(text.shortened(tile.facts, CAPTION - 1, side)),
        font=text.font(CAPTION - 1),
        fill=FAINT,
    )


def _ascii(name: str) -> str:
    """A name with escapes for the letters that the font does not have."""
    return name.encode("ascii", "backslashreplace").decode()


def _head_height(subtitle: str, lines: Sequence[object]) -> int:
    below = text.height(SMALL) if subtitle else 0
    return MARGIN + text.height(TITLE) + below + (len(lines) * (text.height(SMALL) + 6) + 8 if lines else 0) + GAP


def _draw_head(
    draw: ImageDraw.ImageDraw, title: str, subtitle: str, lines: Sequence[Sequence[tuple[int, Entry]]], wide: int
) -> None:
    room = wide - 2 * MARGIN
    top = MARGIN - 6
    shown = text.shortened(text.readable(title, _ascii(title)), TITLE, room)
    draw.text((MARGIN, top), text.spaced(shown), font=text.font(TITLE), fill=INK)
    top += text.height(TITLE)
    draw.text((MARGIN, top), text.spaced(text.shortened(subtitle, SMALL, room)), font=text.font(SMALL), fill=FAINT)
    top += text.height(SMALL) + 8
    for line in lines:
        for left, entry in line:
            _draw_entry(draw, entry, MARGIN + left, top)
        top += text.height(SMALL) + 6


def _draw_entry(draw: ImageDraw.ImageDraw, entry: Entry, left: int, top: int) -> None:
    draw.rounded_rectangle((left, top + 1, left + 17, top + 18), radius=4, fill=entry.color, outline=FAINT)
    draw.text((left + 24, top), text.spaced(entry.name), font=text.font(SMALL), fill=INK)


def _legend_lines(legend: Sequence[Entry], room: int) -> list[list[tuple[int, Entry]]]:
    """The entries broken into lines, each with its distance from the left."""
    lines: list[list[tuple[int, Entry]]] = []
    left = room + 1
    for entry in legend:
        short = msgspec.structs.replace(entry, name=text.shortened(entry.name, SMALL, room - 24))
        taken = 24 + text.width(short.name, SMALL) + 22
        if left + taken - 22 > room:
            lines.append([])
            left = 0
        lines[-1].append((left, short))
        left += taken
    return lines
