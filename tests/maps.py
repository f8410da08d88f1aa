"""Label maps for fixtures: drawings painted as numbers, without the program."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.making.drawings import Drawing, Thing, coins, torture

Codes = NDArray[np.uint32]


def pictures() -> list[Drawing]:
    """Drawings in which no pixel belongs to two things: coins, holes, parts, one-pixel things, nothing."""
    named = {d.name: d for d in torture()}
    return [coins()[1], *(named[f"{n}.png"] for n in ("rings", "parts", "dots", "borders", "noise", "nothing"))]


def paint(drawing: Drawing, value: Callable[[Thing, int], int]) -> Codes:
    """A map of (height, width): 0, and `value(thing, number)` where a thing is; numbers begin at 1."""
    codes: Codes = np.zeros(drawing.pixels.shape[:2], np.uint32)
    for number, thing in enumerate(drawing.things, 1):
        codes[thing.mask] = value(thing, number)
    return codes


def deep(codes: NDArray[Any]) -> NDArray[np.uint16]:
    return codes.astype(np.uint16)


def rgb(codes: Codes) -> NDArray[np.uint8]:
    """R + 256 G + 65536 B."""
    return np.stack([codes & 255, codes >> 8 & 255, codes >> 16 & 255], axis=2).astype(np.uint8)


def rgba(codes: Codes) -> NDArray[np.uint8]:
    """The bytes from the highest to the lowest."""
    return np.stack([codes >> s & 255 for s in (24, 16, 8, 0)], axis=2).astype(np.uint8)


def stems(drawings: Sequence[Drawing]) -> list[str]:
    return [d.name.removesuffix(".png") for d in drawings]
