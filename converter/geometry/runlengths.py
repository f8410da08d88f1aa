"""Run-length codes of masks as they are written: compressed strings and lists of counts.

A code lists the lengths of alternating runs of background and foreground, background
first, down the columns one after another. The compressed string of the COCO API
(maskApi.c, rleToString) writes each number in groups of five bits, least significant
first, in characters from '0' on; 0x20 says that more follows and the last group's 0x10
is the sign. From the fourth number on it is the difference to the number two before.

*Flips* are the same said in places: the ascending column-major positions at which a mask
changes between background and foreground. They are the running sums of the counts
without the last, and a set of flips is canonical by construction.

What comes from outside is checked here before pycocotools sees it, because pycocotools
reads and writes beyond its buffers, or does not return, when a code is not sound.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco

from converter.errors import ShapeError
from converter.model import Rle

__all__ = ["flips", "from_counts", "from_flips", "from_string", "odd_flips", "pixels", "to_counts"]

Positions: TypeAlias = NDArray[np.int64]

# The C code keeps six characters of five bits for a number, one of them the sign.
_MAX_PIXELS = 2**29 - 1
# Seven characters hold any 32-bit number; more cannot be needed by a code that is sound.
_MAX_CHARACTERS = 7
# What five bits stand for, by character less 48: the last group of a number (below 32) has its sign.
_VALUES = np.concatenate((np.arange(16), np.arange(-16, 0), np.arange(32)))


def pixels(height: int, width: int) -> int:
    """How many pixels a mask of this size has; ShapeError when no code can hold them."""
    if height < 0 or width < 0 or height * width > _MAX_PIXELS:
        raise ShapeError(f"a mask of {width} x {height} pixels has no run-length code")
    return height * width


def from_string(text: bytes | str, height: int, width: int) -> Rle:
    """The code of a compressed COCO string; the same bytes when they are canonical.

    ShapeError when the text is no such string (a strange character, a number cut short
    or too long), or holds a negative run, or does not add up to height x width.
    """
    total = pixels(height, width)
    data = _as_bytes(text)
    counts = _strict_counts(data, total)
    _check_sum(int(counts.sum()), height, width)
    return _canonical(counts, height, width)


def from_counts(counts: Sequence[int], height: int, width: int, *, listed: bool = True) -> Rle:
    """The code of a plain list of run lengths, as in an uncompressed COCO segmentation.

    Runs of length zero are legal and are merged away. ShapeError when the list holds
    anything but integers, a negative one, or does not add up to height x width.
    """
    total = pixels(height, width)
    if not isinstance(counts, list | tuple):
        raise ShapeError(f"counts is not a list of numbers but {type(counts).__name__}")
    _check_number_of_runs(len(counts), total)
    if not set(map(type, counts)) <= {int}:
        i, bad = next((i, c) for i, c in enumerate(counts, 1) if type(c) is not int)
        raise ShapeError(f"counts: number {i} is not an integer ({type(bad).__name__})")
    if counts and (min(counts) < 0 or max(counts) > total):
        i, bad = next((i, c) for i, c in enumerate(counts, 1) if not 0 <= c <= total)
        raise ShapeError(f"counts: number {i} is {'negative' if bad < 0 else f'more than all {total} pixels'}")
    _check_sum(sum(counts), height, width)
    return _canonical(np.array(counts, np.int64), height, width, listed=listed)


def from_flips(flips: Positions, height: int, width: int, *, listed: bool = False) -> Rle:
    """The code of distinct ascending flips in [0, height x width)."""
    counts = np.empty(len(flips) + 1, np.int64)
    counts[:-1] = flips
    counts[-1] = height * width
    counts[1:] -= flips
    return _from_canonical(counts, height, width, listed=listed)


def to_counts(rle: Rle) -> Positions:
    """The run lengths of a code, (n,) int64, background first."""
    return _from_differences(_numbers(np.frombuffer(rle.counts, np.uint8) - np.uint8(48)))


def flips(rles: Sequence[Rle]) -> list[Positions]:
    """The flips of each mask; all codes are read at once, which takes half of the time."""
    codes = np.frombuffer(b"".join([rle.counts for rle in rles]), np.uint8) - np.uint8(48)
    values = _numbers(codes)
    ends = np.cumsum([len(rle.counts) for rle in rles])
    found, begin = [], 0
    for end in (codes < 32).nonzero()[0].searchsorted(ends).tolist():
        counts = _from_differences(values[begin:end])
        found.append(np.add.accumulate(counts, out=counts)[:-1])
        begin = end
    return found


def odd_flips(flips: Positions, total: int) -> Positions:
    """Of ascending positions those that occur an odd number of times and lie before the end.

    Two flips in one place cancel, and one at the very end changes no pixel.
    """
    first = np.ones(len(flips), np.bool_)
    np.not_equal(flips[1:], flips[:-1], out=first[1:])
    if not first.all():
        at = np.flatnonzero(first)
        flips = flips[at[np.diff(at, append=len(flips)) % 2 == 1]]
    return flips[:-1] if flips.size and flips[-1] == total else flips


def _canonical(counts: Positions, height: int, width: int, *, listed: bool = False) -> Rle:
    """The code of counts that add up but may have runs of no length."""
    if counts.size and counts[1:].all():
        return _from_canonical(counts, height, width, listed=listed)
    return from_flips(odd_flips(np.cumsum(counts)[:-1], height * width), height, width, listed=listed)


def _from_canonical(counts: Positions, height: int, width: int, *, listed: bool) -> Rle:
    code = coco.frPyObjects({"counts": counts, "size": [height, width]}, height, width)
    return Rle(height, width, code["counts"], listed)


def _as_bytes(text: bytes | str) -> bytes:
    if isinstance(text, bytes):
        return text
    try:
        return text.encode("ascii")
    except (UnicodeEncodeError, AttributeError):
        raise ShapeError("counts is not a compressed string of the COCO API") from None


def _strict_counts(data: bytes, total: int) -> Positions:
    """The counts of any bytes, each in 0...total, or ShapeError."""
    codes = np.frombuffer(data, np.uint8) - np.uint8(48)
    if not codes.size:
        return np.zeros(0, np.int64)
    if codes.max() > 63:
        i = int(np.argmax(codes > 63))
        raise ShapeError(f"counts: character {i + 1} ({data[i]:#04x}) is not one of the code's ('0' to 'o')")
    if codes[-1] > 31:
        raise ShapeError("counts: the text ends in the middle of a number")
    ends = np.flatnonzero(codes < 32)
    _check_number_of_runs(len(ends), total)
    if max(ends[0] + 1, (ends[1:] - ends[:-1]).max(initial=0)) > _MAX_CHARACTERS:
        raise ShapeError(f"counts: a number is longer than {_MAX_CHARACTERS} characters")
    counts = _from_differences(_numbers(codes))
    if counts.min() < 0 or counts.max() > total:
        i = int(np.argmax((counts < 0) | (counts > total)))
        raise ShapeError(f"counts: run {i + 1} is {counts[i]} pixels long in a mask of {total}")
    return counts


def _numbers(codes: NDArray[np.uint8]) -> Positions:
    """The signed numbers in the groups of a compressed string (characters less 48)."""
    ends = (codes < 32).nonzero()[0]
    groups = _VALUES.take(codes)
    if len(ends) == len(codes):
        return groups
    begins = np.zeros_like(ends)
    np.add(ends[:-1], 1, out=begins[1:])
    place = np.arange(len(codes))
    place -= begins.repeat(ends - begins + 1)
    groups <<= 5 * place
    return np.add.reduceat(groups, begins)


def _from_differences(values: Positions) -> Positions:
    """Undoes the difference to the number two before, in place."""
    np.add.accumulate(values[1::2], out=values[1::2])
    np.add.accumulate(values[2::2], out=values[2::2])
    return values


def _check_number_of_runs(number: int, total: int) -> None:
    if number > 2 * total + 2:
        raise ShapeError(f"counts: {number} runs are too many for {total} pixels")


def _check_sum(found: int, height: int, width: int) -> None:
    if found != height * width:
        raise ShapeError(f"counts add up to {found}, not to {width} x {height} = {height * width} pixels")
