"""What happens to a dataset between reading and writing, as one record that goes to every worker.

In this order: EXIF frames, the class file, filters, resizing, tiles, and the changes of
shapes. Splits are given before, as they decide where an image is written.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Sequence
from typing import Literal, TypedDict

import msgspec

from converter.errors import UsageError
from converter.transforms.edits import Edits
from converter.transforms.orientation import Exif, Frame
from converter.transforms.resize import Mode, Resize, parse_resize
from converter.transforms.select import Condition, parse_conditions
from converter.transforms.split import Splitting, parse_split
from converter.transforms.tile import Tile, parse_tile

__all__ = ["Options", "Steps", "read_steps"]


class Options(TypedDict, total=False):
    """The options of convert, pack and merge that change a dataset, as they are written."""

    exif: Literal["bake", "keep"] | None
    exif_frame: Frame | None
    resize: str | None
    resize_mode: Mode | None
    scale: str | float | None
    pad_value: str | int | None
    filter: Sequence[str]
    tile: str | None
    overlap: int | None
    split: str | None
    seed: int | None
    group_by: str | None
    split_from: str | os.PathLike[str] | None
    merge_components: bool
    fill_holes: bool
    min_area: int


class Steps(msgspec.Struct, frozen=True):
    """The options, understood. `split_from`: the file of lists and image -> split."""

    exif: Exif = Exif()
    resize: Resize | None = None
    tile: Tile | None = None
    conditions: tuple[Condition, ...] = ()
    edits: Edits = Edits()
    split: Splitting | None = None
    split_from: tuple[str, dict[str, str]] | None = None

    @property
    def redraws(self) -> bool:
        """Whether image files may be written anew."""
        return self.resize is not None or self.tile is not None

    @property
    def moves(self) -> bool:
        """Whether pixels may change places, so that images have to remember where they were."""
        return self.redraws or self.exif.mode == "bake"

    def name(self, name: str) -> str:
        """The name of an image that may be drawn anew: of GIF comes PNG."""
        bare, ending = posixpath.splitext(name)
        return bare + ".png" if self.redraws and ending.lower() == ".gif" else name


def read_steps(options: Options, lists: dict[str, str] | None) -> Steps:
    """The steps that options ask for; UsageError for what cannot be meant. `lists` is what --split-from holds."""
    scale, pad, least = options.get("scale"), options.get("pad_value"), options.get("min_area") or 0
    if least < 0:
        raise UsageError(f"--min-area {least}: is no number of pixels")
    file = options.get("split_from")
    if file is not None and options.get("split") is not None:
        raise UsageError("--split and --split-from both say where images go; use one")
    return Steps(
        Exif(options.get("exif"), options.get("exif_frame")),
        parse_resize(
            options.get("resize"),
            options.get("resize_mode"),
            str(scale) if scale is not None else None,
            str(pad) if pad is not None else None,
        ),
        parse_tile(options.get("tile"), options.get("overlap")),
        parse_conditions(options.get("filter") or ()),
        Edits(bool(options.get("merge_components")), bool(options.get("fill_holes")), least),
        parse_split(options.get("split"), options.get("seed"), options.get("group_by")),
        (os.fspath(file), lists) if file is not None and lists is not None else None,
    )
