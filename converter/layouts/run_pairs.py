"""Masks as pairs `start length ...` of runs, as tables of Kaggle's competitions have them."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Literal

import msgspec
import numpy as np

from converter.errors import ShapeError
from converter.geometry import rle
from converter.model import Rle

__all__ = ["Counting", "ascends", "decode"]

PAIRS = re.compile(r"[0-9]+(?:\s+[0-9]+)*")


class Counting(msgspec.Struct, frozen=True):
    """How the pixels of an image are counted, and the number of the first; `steps`: each start from the run before."""

    order: Literal["columns", "rows"]
    base: int
    steps: bool = False


def ascends(code: str) -> bool:
    """Whether the starts do, as far as they are numbers."""
    starts = [int(word) for word in code.split()[0::2] if word.isdecimal() and len(word) < 19]
    return all(a < b for a, b in pairwise(starts))


def decode(code: str, height: int, width: int, counting: Counting) -> Rle:
    """The mask of pairs `start length ...`, counted as `counting` says.

    ShapeError for what is no list of pairs, runs of no length, that overlap, or leave the image.
    """
    if not PAIRS.fullmatch(code):
        raise ShapeError(f"'{code[:30]}' is no list of numbers", code="invalid-rle")
    words = code.split()
    if len(words) % 2 or max(map(len, words)) > 18:
        raise ShapeError("the numbers are not pairs of start and length", code="invalid-rle")
    numbers = np.array(words, np.int64)
    starts, lengths = numbers[0::2] - counting.base, numbers[1::2]
    if counting.steps:
        starts = np.cumsum(numbers[0::2]) + np.cumsum(lengths) - lengths - counting.base
    ends = starts + lengths
    if starts[0] < 0 or (lengths < 1).any():
        hint = "; if the table counts from 0, say --rle-base 0" if counting.base and starts[0] == -1 else ""
        raise ShapeError(f"a run begins before pixel {counting.base} or has no length{hint}", code="invalid-rle")
    if ends.max() > height * width:
        raise ShapeError(
            f"a run ends at pixel {ends.max()}, and {width}x{height} has {height * width}", code="invalid-rle"
        )
    if (starts[1:] < starts[:-1]).any():
        raise ShapeError("the starts of its runs do not ascend, as those of others do", code="invalid-rle")
    if (starts[1:] < ends[:-1]).any():
        raise ShapeError("two runs hold the same pixel", code="invalid-rle")
    if counting.order == "columns":
        return rle.from_runs(starts, ends, height, width)
    return rle.encode(rle.decode(rle.from_runs(starts, ends, width, height)).T)
