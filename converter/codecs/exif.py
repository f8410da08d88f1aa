"""The orientation that cameras write into image files, and pixels turned by it."""

from __future__ import annotations

import struct
from typing import Any

from numpy.typing import NDArray

__all__ = ["ORIENTATION", "orientation", "upright"]

ORIENTATION = 0x0112


def orientation(exif: bytes) -> int:
    """The tag 1..8 in the first directory of a TIFF structure (Exif 2.32, section 4.6.4); 1 when absent or nonsense."""
    exif = exif.removeprefix(b"Exif\0\0")
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(exif[:4])
    if order is None:
        return 1
    try:
        (at,) = struct.unpack_from(order + "I", exif, 4)
        (entries,) = struct.unpack_from(order + "H", exif, at)
        for entry in range(at + 2, at + 2 + 12 * entries, 12):
            tag, kind, count = struct.unpack_from(order + "HHI", exif, entry)
            if tag == ORIENTATION and count == 1 and kind in {3, 4}:
                (value,) = struct.unpack_from(order + " HI"[kind - 2], exif, entry + 8)
                return value if 1 <= value <= 8 else 1
    except struct.error:
        pass
    return 1


def upright(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Stored pixels (height, width, ...) as a viewer shows them, by their EXIF orientation (EXIF 2.32, tag 0x0112)."""
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    if orientation in {2, 3, 6, 7}:
        pixels = pixels[:, ::-1]
    return pixels[::-1] if orientation in {3, 4, 7, 8} else pixels
