"""Tiles: large images cut into windows of one size, with their annotations.

Windows begin every width - overlap pixels; the last one of a row or column is moved back
to end with the image. An image smaller than a window is one tile of its own size. Tiles
of a.jpg are called a_x0_y0.png: they are PNG (TIFF of TIFF and of CMYK), so that put
together they give the pixels of the image back; instances that are cut at an edge have `cut`, and all have
the id that the object has in the image in `segpack_instance`.
"""

from __future__ import annotations

import posixpath
from typing import Any

import msgspec
import numpy as np

from converter.errors import UsageError
from converter.geometry import rle, shapes
from converter.model import Box, Marks, Sample
from converter.transforms.resize import parse_size
from converter.transforms.warp import Axis, Warp

__all__ = ["WHOLE", "Reach", "Tile", "numbered", "parse_tile", "step", "tile_name", "usual_format", "warp", "windows"]

TIFF = frozenset({".tif", ".tiff"})
Window = tuple[int, int, int, int]
WHOLE = "segpack_instance"
"""Key of an instance in a tile: the id of the object in the image, of which it is all or a part."""


class Tile(msgspec.Struct, frozen=True):
    """Size of the windows and how much neighbours share, in pixels."""

    width: int
    height: int
    overlap: int = 0


def parse_tile(size: str | None, overlap: int | None) -> Tile | None:
    """The options --tile and --overlap."""
    if size is None:
        if overlap is not None:
            raise UsageError("--overlap goes with --tile WxH")
        return None
    width, height = parse_size(size, "--tile")
    shared = overlap or 0
    if not 0 <= shared < min(width, height):
        raise UsageError(f"--overlap {shared}: has to be less than the sides of --tile {size}")
    return Tile(width, height, shared)


def windows(how: Tile, width: int, height: int) -> list[Window]:
    """(x, y, width, height) of every tile of an image, row by row."""
    wide, high = min(how.width, width), min(how.height, height)
    rows, columns = _starts(height, high, how.overlap), _starts(width, wide, how.overlap)
    return [(x, y, wide, high) for y in rows for x in columns]


def _starts(size: int, side: int, overlap: int) -> list[int]:
    if side >= size:
        return [0]
    return [*range(0, size - side, side - overlap), size - side]


def warp(window: Window, width: int, height: int) -> Warp:
    """From an image of width x height to one of its windows."""
    x, y, w, h = window
    return Warp(Axis(width, x, x + w, 0, w, w), Axis(height, y, y + h, 0, h, h))


def numbered(sample: Sample) -> Sample:
    """The sample with every instance remembering its id, or its number in the image, for when tiles are joined."""
    marked = (
        msgspec.structs.replace(i, extra={**i.extra, WHOLE: i.id if i.id is not None else number})
        for number, i in enumerate(sample.instances, 1)
    )
    return msgspec.structs.replace(sample, instances=tuple(marked))


class Reach:
    """How far the objects of an image reach, so that a tile need not ask those that lie elsewhere."""

    def __init__(self, sample: Sample) -> None:
        image = sample.image
        self.sample = sample
        self.masks = [i for i, each in enumerate(sample.instances) if not isinstance(each.shape, Box | Marks)]
        drawn = [shapes.mask_of(sample.instances[i].shape, image.height, image.width) for i in self.masks]
        self.boxes = np.array(rle.measures(drawn)[1], np.int64).reshape(-1, 4)

    def within(self, window: Window) -> Sample:
        """The sample with the objects that a window may show."""
        x, y, w, h = window
        left, top, wide, high = self.boxes.T
        beyond = (left >= x + w) | (left + wide <= x) | (top >= y + h) | (top + high <= y)
        gone = {i for i, away in zip(self.masks, beyond.tolist(), strict=True) if away}
        near = tuple(each for i, each in enumerate(self.sample.instances) if i not in gone)
        return msgspec.structs.replace(self.sample, instances=near)


def step(window: Window, name: str, width: int, height: int) -> dict[str, Any]:
    """What a tile remembers: the image, its size, and the window in it."""
    return {"op": "tile", "image": name, "width": width, "height": height, "window": list(window)}


def usual_format(name: str) -> str:
    """What tiles of an image of this name are written as, where its file is not there to tell."""
    return "TIFF" if posixpath.splitext(name)[1].lower() in TIFF else "PNG"


def tile_name(name: str, window: Window, format: str, *, shared: bool) -> str:
    """The name of a tile written as `format`; `shared`: another image has the same name but for the extension."""
    bare, ending = posixpath.splitext(name)
    written = (ending.lower() if ending.lower() in TIFF else ".tif") if format == "TIFF" else ".png"
    return f"{name if shared else bare}_x{window[0]}_y{window[1]}{written}"
