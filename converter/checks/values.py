"""Do masks hold class ids, or what became of them: noise of JPEG, interpolated values, colours.

A value that nobody declares is `unexpected-value`, unless the mask shows where it came from.
"""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from converter.checks.catalog import finding
from converter.checks.subject import Facts
from converter.codecs.images import Labels
from converter.errors import some_of
from converter.layouts.palette import color_of
from converter.model import IGNORE, Finding, Header, LabelMap

__all__ = ["SOFTENED", "by_name", "explain", "overruled", "restlessness", "strays", "unnamed"]

LOSSY = frozenset({".jpg", ".jpeg", ".jfif"})
NOISY = 3  # different values from which a mix of them is noise
RESTLESS = 0.5  # share of pixels with another value beside them, from which values are noise
SPECKS, TIMES = 0.005, 10  # of noise, and against the set's usual share
MASKS = 20  # from so many masks on, a value that only one has is strange
SOFTENED = 0.15  # share of changes along a row that pass through a value in between, from which edges are soft
BETWEEN, ONE = 20, 0.9  # pixels that show it, and the share of one value from which that is a class along the edges


def by_name(file: str, image: str) -> Iterator[Finding]:
    """A mask that is stored as JPEG."""
    if posixpath.splitext(file)[1].lower() in LOSSY:
        message = "the mask is a JPEG, which changes values along every edge"
        yield finding("lossy-mask", message, image=image, file=file)


def explain(labels: Labels, known: Collection[int]) -> str:
    """The code for a mask that holds values not in `known`: where they seem to come from."""
    if labels.lossy:
        return "lossy-mask"
    array: NDArray[Any] = labels.array
    if array.ndim == 3:
        if labels.kind == "gray-alpha":
            return "unexpected-value"
        gray = (array[..., :3] == array[..., :1]).all()
        if not gray:
            return "lossy-mask" if _many_colors(array) else "palette-mask"
        array = array[..., 0]
    strange = [int(v) for v in np.unique(array) if int(v) not in known]
    if labels.kind == "gray" and len(strange) > 1 and set(strange) <= _grays():
        return "palette-mask"
    if len(strange) >= NOISY and _restless(array, strange) > RESTLESS:
        return "lossy-mask"
    return "unexpected-value"


def _many_colors(array: NDArray[Any]) -> bool:
    """Whether colours fade into each other, as after JPEG or a smooth resize."""
    codes = array[..., 0].astype(np.int64) << 16 | array[..., 1].astype(np.int64) << 8 | array[..., 2]
    found, counts = np.unique(codes, return_counts=True)
    rare = found[counts < counts.max() // 100 + 1]
    return len(rare) >= 10 * NOISY and _restless(codes, rare.tolist()) > RESTLESS


def _restless(array: NDArray[Any], strange: Sequence[int]) -> float:
    """Of the pixels with a strange value, the share that has a neighbour of another value beside or below."""
    mine = np.isin(array, strange)
    other = np.zeros(array.shape, np.bool_)
    other[:, :-1] |= array[:, 1:] != array[:, :-1]
    other[:-1] |= array[1:] != array[:-1]
    return float(other[mine].mean()) if mine.any() else 0.0


def _grays() -> set[int]:
    """What the colours of Pascal VOC's palette become in gray (ITU-R 601): 38, 75, 113, ..."""
    return {(r * 19595 + g * 38470 + b * 7471 + 0x8000) >> 16 for r, g, b in map(color_of, range(1, 21))}


def restlessness(labels: LabelMap) -> tuple[float, float]:
    """The share of pixels that differ from all four neighbours, and how soft edges are: drawn masks have hardly any.

    Softness is the share of changes along rows at whose place lies one pixel with a value between those beside it;
    0 where that is nearly always the same value, as a class drawn along edges has it.
    """
    height, width = labels.shape
    if min(height, width) < 3:
        return 0.0, 0.0
    flat = labels.reshape(-1)
    changes = flat[1:] != flat[:-1]
    at = np.flatnonzero(changes[width:-width] & changes[width - 1 : -width - 1]) + width  # few, or it is noise
    at = at[(at % width > 0) & (at % width < width - 1)]
    here = flat[at]
    alone = (here != flat[at - width]) & (here != flat[at + width])
    specks = float(np.count_nonzero(alone) / ((height - 2) * (width - 2)))
    between = here[(flat[at - 1] < here) == (here < flat[at + 1])]
    return specks, _softness(between, int(np.count_nonzero(changes)))


def _softness(between: NDArray[Any], changes: int) -> float:
    if len(between) < max(BETWEEN, SOFTENED * changes):
        return 0.0
    _, counts = np.unique(between, return_counts=True)
    return float(len(between) / changes) if len(counts) >= NOISY and counts.max() < ONE * len(between) else 0.0


def unnamed(header: Header) -> bool:
    """Whether nothing declares the classes of a semantic set: then every value passes for one."""
    return header.task == "semantic" and all(c.name == f"class_{c.id}" for c in header.classes)


def overruled(facts: Sequence[Facts], header: Header) -> set[str]:
    """Images whose masks hold 0 and 255 alone, when those are most and a few others make 255 stand for nothing."""
    if not unnamed(header) or header.ignore_id != IGNORE:
        return set()
    masks = [f for f in facts if f.values]
    plain = {f.image for f in masks if IGNORE in f.values and {0, IGNORE}.issuperset(f.values)}
    return plain if 2 * len(plain) > len(masks) else set()


def strays(facts: Sequence[Facts], header: Header, total: int, used: Mapping[int, int]) -> Iterator[Finding]:
    """Masks with soft edges, and those that stand out from a set: by specks, or by values no other comes near.

    `used`: in how many of the `total` masks of the set each value occurs; empty where nobody has counted.
    """
    masks = [f for f in facts if f.values]
    if not masks:
        return
    usual = float(np.median([f.specks for f in masks]))
    noisy = {f.image for f in masks if f.specks > SPECKS and f.specks > TIMES * usual and len(masks) > 2}
    for each in masks:
        if each.softness > SOFTENED:
            message = f"{each.softness:.0%} of its edges pass through values in between: smooth resizing, or JPEG"
        elif each.image in noisy:
            message = f"{each.specks:.1%} of the pixels differ from all their neighbours: noise of JPEG or of resizing"
        else:
            continue
        yield finding("lossy-mask", message, image=each.image, file=each.mask_file)
        noisy.add(each.image)
    plain = overruled(facts, header)
    if plain:
        yield from _overruling(masks, plain)
    elif unnamed(header) and total >= MASKS:
        yield from _lone([f for f in masks if f.image not in noisy], header, total, used)


def _overruling(masks: Sequence[Facts], plain: Collection[str]) -> Iterator[Finding]:
    """Masks that take the one class from the others."""
    for each in masks:
        other = [v for v in each.values if v not in {0, IGNORE}]
        if other:
            message = (
                f"it holds {some_of(other, 5)}, where {len(plain)} of {len(masks)} masks hold 0 and 255 alone: "
                "so 255 is read as 'ignore', and nothing is left in those"
            )
            fix = "save it as 0 and 255 too; or declare what the values are with --classes FILE"
            yield finding(
                "unexpected-value", message, image=each.image, file=each.mask_file, fix=fix, details={"values": other}
            )


def _lone(facts: Sequence[Facts], header: Header, total: int, used: Mapping[int, int]) -> Iterator[Finding]:
    """Values that only one of many masks holds, and that no other value lies beside."""
    for each in facts:
        found = (v for v in each.values if used.get(v) == 1 and v != header.ignore_id)
        lone = [v for v in found if not any(_elsewhere(beside, each, used) for beside in (v - 1, v + 1))]
        if lone:
            message = f"value {some_of(lone, 5)} is in no other of {total} masks, and nothing declares it"
            code = "palette-mask" if len(lone) > 1 and set(lone) <= _grays() else "unexpected-value"
            yield finding(code, message, image=each.image, file=each.mask_file, details={"values": lone})


def _elsewhere(value: int, mask: Facts, used: Mapping[int, int]) -> bool:
    return used.get(value, 0) > (value in mask.values)
