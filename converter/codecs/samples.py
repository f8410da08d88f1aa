"""Whether two image files hold the same picture: in every channel and to the last bit, whatever their formats are.

Palettes are looked up, gray is what red, green and blue have in common, no alpha is full
alpha, and a sample of 8 bits is 257 times as much in 16. What that does not hold (CMYK,
32 bits) is compared as it is, and with another kind of picture by what is seen of it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from converter.codecs import exif, images, redraw
from converter.errors import SourceError

__all__ = ["differing"]

SHARED = "RGBA"
PLAIN = {"1": "L", "P": "RGB", "PA": "RGBA"}
Samples = tuple[str, NDArray[Any]]


def differing(one: bytes, file_one: str, two: bytes, file_two: str, turns: tuple[int, int] = (1, 1)) -> int:
    """How many pixels differ in two pictures of one size. SourceError when one of them cannot be decoded.

    `turns`: the EXIF orientations from which they are turned upright before.
    """
    left, right = _samples(one, file_one, turns[0]), _samples(two, file_two, turns[1])
    if left is None or right is None or left[0] != right[0]:
        seen, other = images.decode(one, file_one), images.decode(two, file_two)
        return int(np.count_nonzero((exif.upright(seen, turns[0]) != exif.upright(other, turns[1])).any(axis=2)))
    if left[0] != SHARED:
        return int(np.count_nonzero((left[1] != right[1]).any(axis=2)))
    return int(np.count_nonzero(_differ(left[1], right[1])))


def _samples(data: bytes, file: str, turn: int) -> Samples | None:
    """How the samples are to be understood, and (height, width, channels); None when the file holds several images."""
    try:
        pixels = redraw.turn(redraw.read(data, file), turn).pixels
    except SourceError:
        return None
    if not isinstance(pixels, Image.Image):
        return SHARED, pixels
    if "transparency" in pixels.info:
        pixels = pixels.convert("RGBA")
    elif pixels.mode in PLAIN:
        pixels = pixels.convert(PLAIN[pixels.mode])
    array = np.asarray(pixels)
    array = array if array.ndim == 3 else array[:, :, None]
    if pixels.mode == "F":
        array = array.view(np.uint32)  # not a number is the same as itself
    shared = pixels.mode in {"L", "LA", "RGB", "RGBA"} or pixels.mode.startswith("I;16")
    return SHARED if shared else pixels.mode, array


def _differ(left: NDArray[Any], right: NDArray[Any]) -> NDArray[np.bool_]:
    """Which pixels differ, (height, width), in gray or colour, with alpha or without."""
    if left.dtype.itemsize != right.dtype.itemsize:
        left, right = (a * np.uint16(257) if a.dtype == np.uint8 else a for a in (left, right))
    found = (_color(left) != _color(right)).any(axis=2)
    if left.shape[2] in {2, 4} or right.shape[2] in {2, 4}:
        found |= _alpha(left) != _alpha(right)
    return np.asarray(found)


def _color(array: NDArray[Any]) -> NDArray[Any]:
    return array[:, :, :3] if array.shape[2] > 2 else array[:, :, :1]


def _alpha(array: NDArray[Any]) -> Any:
    return array[:, :, -1] if array.shape[2] in {2, 4} else np.iinfo(array.dtype).max
