"""Run-length codes of masks: made, read, measured and combined without a full bitmap.

A code lists the lengths of alternating runs of background and foreground, background
first, down the columns one after another. The compressed string of the COCO API
(maskApi.c, rleToString) writes each number in groups of five bits, least significant
first, in characters from '0' on; 0x20 says that more follows and the last group's 0x10
is the sign. From the fourth number on it is the difference to the number two before.

Most of what follows works on *flips*: the ascending column-major positions at which a
mask changes between background and foreground. They are the running sums of the counts
without the last, and a set of flips is canonical by construction.

What comes from outside is checked here before pycocotools sees it, because pycocotools
reads and writes beyond its buffers, or does not return, when a code is not sound.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco

from converter.errors import ShapeError
from converter.model import Rle

__all__ = [
    "area",
    "changes",
    "complement",
    "decode",
    "decode_crop",
    "decode_crops",
    "difference",
    "empty",
    "encode",
    "encode_crop",
    "flips",
    "from_counts",
    "from_runs",
    "from_string",
    "full",
    "intersection",
    "iou",
    "measures",
    "overlap",
    "pixels",
    "tight_box",
    "to_counts",
    "to_runs",
    "union",
    "xor",
]

Positions: TypeAlias = NDArray[np.int64]

# The C code keeps six characters of five bits for a number, one of them the sign.
_MAX_PIXELS = 2**29 - 1
# Seven characters hold any 32-bit number; more cannot be needed by a code that is sound.
_MAX_CHARACTERS = 7
# What five bits stand for, by character less 48: the last group of a number (below 32) has its sign.
_VALUES = np.concatenate((np.arange(16), np.arange(-16, 0), np.arange(32)))
# So many pixels are transposed before anything else is done.
_SMALL = 1 << 15
# pycocotools goes through the union so far once for each further mask.
_AT_ONCE = 16


def pixels(height: int, width: int) -> int:
    """How many pixels a mask of this size has; ShapeError when no code can hold them."""
    if height < 0 or width < 0 or height * width > _MAX_PIXELS:
        raise ShapeError(f"a mask of {width} x {height} pixels has no run-length code")
    return height * width


def encode(mask: NDArray[np.bool_] | NDArray[np.uint8]) -> Rle:
    """The code of a (height, width) bitmap, bool or uint8, in any memory order.

    Every value but 0 is foreground. Equal to `pycocotools.mask.encode` byte for byte.
    ShapeError for other dimensions or dtypes.
    """
    if mask.ndim != 2 or mask.dtype not in (np.bool_, np.uint8):
        raise ShapeError(f"a bitmap has 2 axes of bool or uint8, not {mask.ndim} of {mask.dtype}")
    height, width = mask.shape
    pixels(height, width)
    bitmap = mask if mask.dtype == np.bool_ else mask != 0
    flips = changes(bitmap)
    if bitmap.size and bitmap[0, 0]:
        flips = np.concatenate(([0], flips))
    return _from_flips(flips, height, width)


def encode_crop(crop: NDArray[np.bool_], x: int, y: int, height: int, width: int) -> Rle:
    """The code of a (height, width) mask with the bitmap `crop` at column `x`, row `y` and nothing around it.

    ShapeError when the crop does not lie wholly inside.
    """
    h, w = crop.shape
    pixels(height, width)
    if not (0 <= x <= width - w and 0 <= y <= height - h):
        raise ShapeError(f"a crop of {w} x {h} at {x}, {y} does not fit into {width} x {height}")
    # One more row keeps runs from going on into the next column.
    padded = np.zeros((h + 1, w), np.bool_)
    padded[:h] = crop
    flips = changes(padded)
    if crop.size and crop[0, 0]:
        flips = np.concatenate(([0], flips))
    flips += flips // (h + 1) * (height - h - 1) + (x * height + y)
    return _from_flips(_odd(flips, height * width) if y + h == height else flips, height, width)


def decode(rle: Rle) -> NDArray[np.bool_]:
    """The (height, width) bitmap of a code, C-contiguous."""
    bitmap = np.zeros((rle.height, rle.width), np.bool_)
    columns, x, y = _columns(rle, _flips(rle))
    bitmap[y : y + columns.shape[1], x : x + columns.shape[0]] = columns.T
    return bitmap


def decode_crop(rle: Rle) -> tuple[NDArray[np.bool_], int, int]:
    """What lies in the tight box, C-contiguous, and the column and row of its first pixel.

    An empty mask gives a (0, 0) array at 0, 0.
    """
    return decode_crops([rle])[0]


def decode_crops(rles: Sequence[Rle]) -> list[tuple[NDArray[np.bool_], int, int]]:
    """As decode_crop, of each mask."""
    found = (_columns(rle, mine) for rle, mine in zip(rles, flips(rles), strict=True))
    return [(np.ascontiguousarray(columns.T), x, y) for columns, x, y in found]


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


def from_runs(starts: Positions, ends: Positions, height: int, width: int) -> Rle:
    """The code of foreground runs [start, end), two (n,) arrays of column-major positions.

    Runs ascend and may touch; ShapeError when they overlap, are empty, or leave the mask.
    """
    total = pixels(height, width)
    flips = np.empty(2 * len(starts), np.int64)
    flips[0::2], flips[1::2] = starts, ends
    if flips.size:
        steps = flips[1:] - flips[:-1]
        if flips[0] < 0 or flips[-1] > total or steps.min() < 0 or not steps[0::2].all():
            raise ShapeError("runs are not ascending within the mask")
        if not steps.all() or flips[-1] == total:
            flips = _odd(flips, total)
    return _from_flips(flips, height, width)


def to_counts(rle: Rle) -> Positions:
    """The run lengths of a code, (n,) int64, background first."""
    return _from_differences(_numbers(np.frombuffer(rle.counts, np.uint8) - np.uint8(48)))


def to_runs(rle: Rle) -> tuple[Positions, Positions]:
    """Where foreground runs start and end (exclusive): two (n,) arrays of column-major positions."""
    edges = np.cumsum(to_counts(rle))
    return edges[0:-1:2], edges[1::2]


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


def empty(height: int, width: int) -> Rle:
    """The code of a mask without a pixel."""
    pixels(height, width)
    return _from_flips(np.empty(0, np.int64), height, width)


def full(height: int, width: int) -> Rle:
    """The code of a mask that covers everything."""
    return _from_flips(np.zeros(min(1, pixels(height, width)), np.int64), height, width)


def area(rle: Rle) -> int:
    """How many pixels are foreground."""
    return int(coco.area(_to_coco(rle)))


def tight_box(rle: Rle) -> tuple[int, int, int, int]:
    """Left, top, width and height in pixels of the smallest box around the foreground; zeros without any."""
    x, y, w, h = coco.toBbox(_to_coco(rle)).tolist()
    return int(x), int(y), int(w), int(h)


def measures(rles: Sequence[Rle]) -> tuple[list[int], list[tuple[int, int, int, int]]]:
    """`area` and `tight_box` of each of many masks."""
    if not rles:
        return [], []
    codes = [_to_coco(rle) for rle in rles]
    boxes = coco.toBbox(codes).astype(np.int64).tolist()
    return coco.area(codes).tolist(), [(x, y, w, h) for x, y, w, h in boxes]


def union(rles: Sequence[Rle]) -> Rle:
    """What is in any of the masks; ShapeError when there are none or their sizes differ."""
    if not rles:
        raise ShapeError("no masks to unite")
    _check_sizes(*rles)
    while len(rles) > 1:
        rles = [_merge(rles[i : i + _AT_ONCE], intersect=False) for i in range(0, len(rles), _AT_ONCE)]
    return Rle(rles[0].height, rles[0].width, rles[0].counts)


def intersection(a: Rle, b: Rle) -> Rle:
    """What is in both masks; ShapeError when their sizes differ."""
    _check_sizes(a, b)
    return _merge([a, b], intersect=True)


def xor(a: Rle, b: Rle) -> Rle:
    """What is in one mask and not in the other; ShapeError when their sizes differ."""
    _check_sizes(a, b)
    flips = np.concatenate((_flips(a), _flips(b)))
    flips.sort(kind="stable")  # which merges what is sorted already
    return _from_flips(_odd(flips, a.height * a.width), a.height, a.width)


def difference(a: Rle, b: Rle) -> Rle:
    """What is in `a` and not in `b`; ShapeError when their sizes differ."""
    return xor(a, intersection(a, b))


def complement(rle: Rle) -> Rle:
    """What is not in the mask."""
    return xor(rle, full(rle.height, rle.width))


def overlap(a: Rle, b: Rle) -> int:
    """How many pixels two masks have in common; ShapeError when their sizes differ."""
    return area(intersection(a, b))


def iou(a: Rle, b: Rle) -> float:
    """Intersection over union of two masks, never COCO's crowd variant; 1 when both are empty.

    ShapeError when their sizes differ.
    """
    common = overlap(a, b)
    both = area(a) + area(b) - common
    return common / both if both else 1.0


def changes(array: NDArray[Any]) -> Positions:
    """Column-major positions of a (height, width) array whose value is not that of the position before.

    Ascending int64; position 0 is never among them. The array is not transposed, which
    would cost more than all the rest, unless so much changes that sorting costs more.
    """
    height, width = array.shape
    if array.size < 2:
        return np.empty(0, np.int64)
    if array.flags.f_contiguous or array.size < _SMALL:
        return _changes_along(array.T.reshape(-1))
    # Whole words let a stretch without changes be skipped eight pixels at a time.
    buffer = np.zeros(-(-array.size // 8) * 8, np.bool_)
    differs = buffer[: array.size].reshape(height, width)
    np.not_equal(array[1:], array[:-1], out=differs[1:])
    np.not_equal(array[0, 1:], array[-1, :-1], out=differs[0, 1:])
    words = buffer.view(np.uint64)
    some = np.flatnonzero(words != 0)
    eights = words[some].view(np.bool_)
    if np.count_nonzero(eights) * 32 > array.size:
        return _changes_along(array.T.reshape(-1))
    at = np.flatnonzero(eights)
    found = some[at >> 3] * 8 + (at & 7)
    rows = found // width
    columns = found - rows * width
    # The rows ascend already; for up to 65,536 columns this is a radix sort.
    order = np.argsort(columns.astype(np.min_scalar_type(width)), kind="stable")
    positions: Positions = (columns * height + rows)[order]
    return positions


def _changes_along(flat: NDArray[Any]) -> Positions:
    return np.flatnonzero(flat[1:] != flat[:-1]) + 1


def _flips(rle: Rle) -> Positions:
    return np.cumsum(to_counts(rle))[:-1]


def _from_flips(flips: Positions, height: int, width: int, *, listed: bool = False) -> Rle:
    """The code of distinct ascending flips in [0, height x width)."""
    counts = np.empty(len(flips) + 1, np.int64)
    counts[:-1] = flips
    counts[-1] = height * width
    counts[1:] -= flips
    return _from_canonical(counts, height, width, listed=listed)


def _canonical(counts: Positions, height: int, width: int, *, listed: bool = False) -> Rle:
    """The code of counts that add up but may have runs of no length."""
    if counts.size and counts[1:].all():
        return _from_canonical(counts, height, width, listed=listed)
    return _from_flips(_odd(np.cumsum(counts)[:-1], height * width), height, width, listed=listed)


def _from_canonical(counts: Positions, height: int, width: int, *, listed: bool) -> Rle:
    code = coco.frPyObjects({"counts": counts, "size": [height, width]}, height, width)
    return Rle(height, width, code["counts"], listed)


def _odd(flips: Positions, total: int) -> Positions:
    """Of ascending positions those that occur an odd number of times and lie before the end.

    Two flips in one place cancel, and one at the very end changes no pixel.
    """
    first = np.ones(len(flips), np.bool_)
    np.not_equal(flips[1:], flips[:-1], out=first[1:])
    if not first.all():
        at = np.flatnonzero(first)
        flips = flips[at[np.diff(at, append=len(flips)) % 2 == 1]]
    return flips[:-1] if flips.size and flips[-1] == total else flips


def _columns(rle: Rle, flips: Positions) -> tuple[NDArray[np.bool_], int, int]:
    """The tight box transposed, (box width, box height), and its left and top."""
    x, y, w, h = tight_box(rle)
    if not w:
        return np.zeros((0, 0), np.bool_), 0, 0
    edges = np.empty(len(flips) + len(flips) % 2 + 2, np.int64)
    edges[-2] = rle.height * rle.width
    edges[1 : len(flips) + 1] = flips
    starts, ends = edges[1:-1:2], edges[2:-1:2]
    # Either the box is as high as the mask or no run goes on into the next column;
    # both ways a run stays one run when the rows outside the box are taken out.
    before = starts // rle.height * (rle.height - h) + (x * h + y) if h < rle.height else x * h
    starts -= before
    ends -= before
    edges[0], edges[-1] = 0, w * h
    return _foreground(len(edges) - 1).repeat(edges[1:] - edges[:-1]).reshape(w, h), x, y


def _foreground(runs: int) -> NDArray[np.bool_]:
    """Which of so many runs, background first, are foreground."""
    found = np.zeros(runs, np.bool_)
    found[1::2] = True
    return found


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


def _merge(rles: Sequence[Rle], *, intersect: bool) -> Rle:
    code = coco.merge([_to_coco(rle) for rle in rles], intersect)
    return Rle(rles[0].height, rles[0].width, code["counts"])


def _to_coco(rle: Rle) -> dict[str, Any]:
    return {"size": [rle.height, rle.width], "counts": rle.counts}


def _check_number_of_runs(number: int, total: int) -> None:
    if number > 2 * total + 2:
        raise ShapeError(f"counts: {number} runs are too many for {total} pixels")


def _check_sum(found: int, height: int, width: int) -> None:
    if found != height * width:
        raise ShapeError(f"counts add up to {found}, not to {width} x {height} = {height * width} pixels")


def _check_sizes(*rles: Rle) -> None:
    for a, b in pairwise(rles):
        if (a.height, a.width) != (b.height, b.width):
            raise ShapeError(f"masks of {a.width} x {a.height} and {b.width} x {b.height} cannot be combined")
