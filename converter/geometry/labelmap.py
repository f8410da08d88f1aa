"""Label maps, one class id a pixel: cut into regions, counted, painted."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from converter.errors import ShapeError
from converter.geometry import rle, runlengths
from converter.model import LabelMap, Rle

__all__ = ["components", "numbered", "paint", "regions", "stretches", "values"]

_Runs: TypeAlias = tuple[int, runlengths.Positions, runlengths.Positions]

_ZERO = np.zeros(1, np.int64)
_BITS = 62


def regions(labels: LabelMap, skip: Collection[int] = ()) -> dict[int, Rle]:
    """The code of each value's pixels, by ascending value, without the values in `skip`.

    `labels` is (height, width), uint8, uint16 or uint32; ShapeError for anything else.
    """
    _check(labels, np.uint8, np.uint16, np.uint32)
    height, width = labels.shape
    return {
        value: rle.from_runs(starts, ends, height, width) for value, starts, ends in _runs(labels) if value not in skip
    }


def components(mask: Rle) -> list[Rle]:
    """The 8-connected parts of a mask, in the column-major order of their first pixels."""
    from skimage.measure import label  # noqa: PLC0415 - slow to import and seldom needed

    crop, x, y = rle.decode_crop(mask)
    if not crop.size:
        return []
    rows, columns = crop.shape
    # Unless the crop has all rows, one more keeps runs from going on into the next column.
    rows += rows < mask.height
    parts = np.zeros((rows, columns), np.int32)
    parts[: crop.shape[0]] = label(crop, connectivity=2)  # type: ignore[no-untyped-call]
    found = []
    for part, starts, ends in _runs(parts):
        if part:
            shift = x * mask.height + y + starts // rows * (mask.height - rows)
            found.append((starts[0], rle.from_runs(starts + shift, ends + shift, mask.height, mask.width)))
    return [part for _, part in sorted(found, key=lambda each: int(each[0]))]


def values(labels: LabelMap) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The values present, ascending, and how many pixels have each: two (n,) int64 arrays.

    `labels` is (height, width), uint8 or uint16; ShapeError for anything else.
    """
    _check(labels, np.uint8, np.uint16)
    flat = labels.reshape(-1)
    edges = np.concatenate(([0], np.flatnonzero(flat[1:] != flat[:-1]) + 1, [flat.size]))
    if len(edges) * 8 < flat.size:
        # Counted in float64, which is exact for as many pixels as memory holds.
        counts = np.bincount(flat[edges[:-1]], np.diff(edges)).astype(np.int64)
    else:
        counts = np.bincount(flat)
    present = np.flatnonzero(counts)
    return present, counts[present]


def numbered(rgb: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """Each colour of (height, width, 3) as one number, red << 16 | green << 8 | blue: (height, width) uint32."""
    quads = np.zeros((*rgb.shape[:2], 4), np.uint8)
    for channel in range(3):
        quads[..., 2 - channel] = rgb[..., channel]
    return quads.view("<u4")[..., 0].astype(np.uint32, copy=False)


def stretches(labels: NDArray[Any]) -> tuple[NDArray[Any], runlengths.Positions]:
    """Row by row, the value of each stretch of equal pixels and its length: two (n,) arrays, of any integers.

    There are far fewer of them than pixels in what is drawn, which is what makes it worth while.
    """
    flat = labels.reshape(-1)
    starts = np.concatenate((_ZERO, np.flatnonzero(flat[1:] != flat[:-1]) + 1))[: flat.size]
    return flat[starts], _lengths(starts, flat.size)


def paint(height: int, width: int, background: int, regions: Sequence[tuple[int, Rle]]) -> tuple[LabelMap, list[int]]:
    """A label map (height, width) of class ids painted over the background, the smaller on top.

    Of equal areas the later one lies on top. uint8 when every id fits, else uint16. Also
    how many pixels of each region, in the order given, lie under another one of whatever id.
    ShapeError when an id is not in 0...65535 or a region has another size.
    """
    ids = [background, *(value for value, _ in regions)]
    if min(ids) < 0 or max(ids) > 0xFFFF:
        raise ShapeError(f"class ids {min(ids)}...{max(ids)} do not fit a label map of 16 bits")
    total = runlengths.pixels(height, width)
    for _, region in regions:
        if (region.height, region.width) != (height, width):
            raise ShapeError(f"a mask of {region.width} x {region.height} in an image of {width} x {height}")
    areas = rle.areas([region for _, region in regions])
    order = sorted(range(len(regions)), key=lambda i: (areas[i], -i))
    flips = runlengths.flips([regions[i][1] for i in order])
    # The first stretch, up to the first flip, is under no region.
    starts = np.concatenate((_ZERO, *flips))
    ranks = np.arange(-1, len(order)).repeat([1, *map(len, flips)])
    ascending = starts.argsort(kind="stable")
    starts = starts[ascending]
    top = _topmost(ranks[ascending], len(order))
    seen = np.bincount(top, _lengths(starts, total), len(order) + 1)
    hidden = [0] * len(regions)
    for rank, i in enumerate(order):
        hidden[i] = areas[i] - int(seen[rank])
    values = np.array([*(regions[i][0] for i in order), background], np.uint8 if max(ids) <= 0xFF else np.uint16)
    return _by_rows(starts, values[top], height, width), hidden


def _topmost(ranks: runlengths.Positions, count: int) -> runlengths.Positions:
    """For the stretch that begins with each flip the least rank of the regions there, `count` without any.

    `ranks` are those of the regions that flip, -1 for none, down the columns.
    """
    top = np.full(len(ranks), count)
    # From the bottom up, as many at once as a number has bits.
    for first in reversed(range(0, count, _BITS)):
        mine = (ranks >= first) & (ranks < first + _BITS)
        there = np.bitwise_xor.accumulate(np.where(mine, 1 << (ranks - first) % _BITS, 0))
        # The lowest bit, a power of two, is exact in a double.
        _, exponents = np.frexp((there & -there).astype(np.float64))
        top = np.where(there, exponents - 1 + first, top)
    return top


def _by_rows(starts: runlengths.Positions, values: NDArray[Any], height: int, width: int) -> LabelMap:
    """The map (height, width) of stretches down the columns, which begin at the first pixel.

    Only the pixels that differ from the one on their left are touched before it is filled,
    as it would take long to turn it around.
    """
    total, n = height * width, len(starts)
    both = np.concatenate((starts, starts + height))
    ascending = both.argsort(kind="stable")
    both = both[ascending]
    np.minimum(both, total, out=both)
    own = ascending < n
    here = own.cumsum() - 1
    left = np.arange(n * 2) - here - 1
    # In the first column all pixels count.
    lengths = _lengths(both, total)
    lengths[(values[here] == values[left]) & (left >= 0)] = 0
    ends = lengths.cumsum()
    places = (both - ends + lengths).repeat(lengths) + np.arange(ends[-1])
    columns = places // height
    rows = places - columns * height
    # The columns ascend already; for up to 65,536 rows this is a radix sort.
    order = rows.astype(np.min_scalar_type(height)).argsort(kind="stable")
    changed = values[here].repeat(lengths)[order]
    labels: LabelMap = changed.repeat(_lengths((rows * width + columns)[order], total))
    return labels.reshape(height, width)


def _lengths(starts: runlengths.Positions, total: int) -> runlengths.Positions:
    """How long each stretch is that goes to the next start, or to the end."""
    lengths = np.empty_like(starts)
    np.subtract(starts[1:], starts[:-1], out=lengths[:-1])
    lengths[-1:] = total - starts[-1:]
    return lengths


def _check(labels: LabelMap, *kinds: type[np.unsignedinteger[Any]]) -> None:
    if labels.ndim != 2 or labels.dtype not in kinds:
        bits = " or ".join(str(8 * np.dtype(kind).itemsize) for kind in kinds)
        raise ShapeError(f"a label map has 2 axes of {bits} bits without a sign, not {labels.ndim} of {labels.dtype}")


def _runs(labels: NDArray[Any]) -> Iterator[_Runs]:
    """Each value present, ascending, with the column-major runs [start, end) of its pixels."""
    if not labels.size:
        return
    starts = np.concatenate(([0], rle.changes(labels)))
    ends = np.append(starts[1:], labels.size)
    columns = starts // labels.shape[0]
    found = labels[starts - columns * labels.shape[0], columns]
    order = np.argsort(found, kind="stable")
    starts, ends, found = starts[order], ends[order], found[order]
    firsts = np.concatenate(([0], np.flatnonzero(found[1:] != found[:-1]) + 1))
    for a, b in zip(firsts, np.append(firsts[1:], len(found)), strict=True):
        yield int(found[a]), starts[a:b], ends[a:b]
