"""What holds for images of any kind of file: how many pixels they may have, and how they are drawn anew."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeAlias

from converter.errors import SourceError

__all__ = ["FILTER", "MAX_PIXELS", "MOST_PIXELS", "Pad", "check_size", "pixel_limit", "pixels_up_to"]

FILTER = "lanczos"
"""How images are resized."""
Pad: TypeAlias = int | tuple[int, int, int]
"""The colour of a margin: gray, or red, green and blue, 0..255."""

MAX_PIXELS = 100_000_000
"""Larger images are refused: 100 M pixels are more than cameras have, and 0.4 GB as RGBA."""
MOST_PIXELS = 2**29 - 1
"""The most that can be asked for: run lengths count pixels in 32 bits with a sign."""

_limit: ContextVar[int] = ContextVar("pixel_limit", default=MAX_PIXELS)


def pixel_limit() -> int:
    """How many pixels an image may have: MAX_PIXELS, or what `pixels_up_to` says."""
    return _limit.get()


@contextmanager
def pixels_up_to(limit: int) -> Iterator[None]:
    """Read images of at most `limit` pixels in this block, and in processes forked from it."""
    token = _limit.set(limit)
    try:
        yield
    finally:
        _limit.reset(token)


def check_size(width: int, height: int, file: str, *, max_pixels: int | None = None) -> None:
    """Raise SourceError for an image without pixels, or with more than `max_pixels`."""
    max_pixels = max_pixels or pixel_limit()
    if width <= 0 or height <= 0:
        raise SourceError(file, f"the image is {width}x{height} pixels")
    if width * height > max_pixels:
        raise SourceError(
            file, f"{width}x{height} pixels are more than the {max_pixels:,} that are read (--max-pixels)"
        )
