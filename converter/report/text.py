"""Labels and captions in Pillow's own scalable font, so that they look the same everywhere.

The font has the letters of English only. Accents are left out, and a name that it cannot
write is shown by what stands in for it (the id of a class), never as a row of empty boxes.
Fonts of the machine would have more letters, and would make other pictures elsewhere.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from converter.errors import printable
from converter.model import Rgb
from converter.report.palette import ink_on

__all__ = ["array_draw", "font", "height", "plate", "plate_box", "readable", "shortened", "spaced", "width"]

MISSING = "\ufffe"
# Letters that are no base letter with an accent.
_PLAIN = str.maketrans({
    "ß": "ss", "æ": "ae", "Æ": "Ae", "œ": "oe", "Œ": "Oe", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L",
    "đ": "d", "Đ": "D", "ð": "d", "þ": "th", "\u0131": "i", "\u2013": "-", "\u2014": "-", "\u00d7": "x",
})  # fmt: skip


@cache
def font(size: int) -> Any:
    """Pillow's default font at `size` pixels."""
    return ImageFont.load_default(size)


def width(text: str, size: int) -> int:
    """Pixels that a line takes."""
    return int(font(size).getlength(spaced(text))) + 1


def spaced(text: str) -> str:
    """Words a little further apart: this font has hardly any room between them."""
    return text.replace(" ", "  ")


def height(size: int) -> int:
    """Pixels from the top of one line to the top of the next."""
    return round(size * 1.35)


def readable(text: str, instead: str = "?") -> str:
    """`text` on one line, or `instead` when the font has no letters for it."""
    line = printable(text)
    if not all(_drawn(c) for c in line):
        parts = unicodedata.normalize("NFKD", line.translate(_PLAIN))
        line = "".join(c for c in parts if not unicodedata.combining(c))
    return line if all(_drawn(c) for c in line) else instead


@cache
def _drawn(character: str) -> bool:
    if character.isspace():
        return True
    small = font(16)
    mine, none = small.getmask(character), small.getmask(MISSING)
    return bool(mine.size != none.size or bytes(mine) != bytes(none))


def shortened(text: str, size: int, most: int, *, middle: bool = False) -> str:
    """`text`, or as much of it as fits into `most` pixels, with an ellipsis at its end or in its middle."""
    if width(text, size) <= most:
        return text
    for kept in range(len(text) - 1, 0, -1):
        head, tail = (kept - kept // 2, kept // 2) if middle else (kept, 0)
        short = text[:head] + "…" + (text[-tail:] if tail else "")
        if width(short, size) <= most:
            return short
    return "…"


def plate(draw: ImageDraw.ImageDraw, text: str, size: int, left: int, top: int, color: Rgb) -> None:
    """A line on a plate of its own colour; `left`, `top` is the plate's corner."""
    box = plate_box(text, size, left, top)
    draw.rounded_rectangle(box, radius=3, fill=color)
    draw.text((left + 4, top + 1), spaced(text), font=font(size), fill=ink_on(color))


def plate_box(text: str, size: int, left: int, top: int) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of the plate of `text`."""
    return left, top, left + width(text, size) + 8, top + height(size) + 1


def array_draw(pixels: Any) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """A picture of an RGB array, and what draws on it."""
    image = Image.fromarray(pixels)
    return image, ImageDraw.Draw(image)
