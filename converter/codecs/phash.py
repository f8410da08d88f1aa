"""Near-duplicate images: the same picture saved again, at another size, quality or brightness.

A picture is boiled down to 32 x 32 gray averages, each seen against its surroundings: what it
differs from the mean of the 5 x 5 around it, over how much they differ there. So neither
light, nor a vignette, nor the edge of a disc that all pictures of a kind have weighs more than
what is to be seen. Two pictures are compared by the correlation of these patterns.

Measured on CamVid, DSB 2018, COCO, BCCD and drawn sets (fundus, stamped, dark, flat): copies by
JPEG of quality 80 and of half the size, and those made brighter, darker or gray, correlate by
0.97 and more, the next frame of a film by 0.93, dark pictures of other cells by 0.5 and less.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from numpy.typing import NDArray

from converter.codecs import images

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["ENOUGH", "SAME", "SIMILAR", "Look", "earlier_like", "likeness", "look", "look_at"]

SAME = 0.96
SIMILAR = 0.9  # another frame of a slow film
SIDE = 32
# Pixels of a side: a JPEG reduced to these looks like itself by 0.987 and more, but reduced to half of them by 0.93.
ENOUGH = 4 * SIDE
AROUND = 5  # averages on a side
NOISE = 1.0  # gray levels of local contrast that are no pattern
LEVELS = 32.0  # to a standard deviation, in a signed byte
BLOCK = 1024  # images compared with as many at a time
_NEAREST = np.arange(-(AROUND // 2), SIDE + AROUND // 2).clip(0, SIDE - 1)


class Look(msgspec.Struct, frozen=True):
    """What is left of a picture: SIDE x SIDE signed bytes row by row; all 0 where it shows nothing."""

    pattern: bytes


def look(data: bytes, file: str) -> Look:
    """The look of an image file, from its stored pixels; SourceError when it cannot be decoded."""
    return look_at(images.gray(data, file, ENOUGH))


def look_at(picture: Image.Image) -> Look:
    """The look of a picture of mode L."""
    from PIL.Image import Resampling  # noqa: PLC0415 -- slow to import, and whoever has a picture has done it

    averages = np.asarray(picture.convert("F").resize((SIDE, SIDE), Resampling.BOX)).astype(np.float64)
    against = averages - _around(averages)
    spread = np.sqrt(np.maximum(_around(against * against), 0))
    levels = np.rint(LEVELS * against / (spread + NOISE)).clip(-127, 127)
    return Look(levels.astype(np.int8).tobytes())


def _around(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean of the AROUND x AROUND values about each, those at the rim repeated outwards."""
    rows = _mean(values[_NEAREST])
    return _mean(rows.T[_NEAREST]).T


def _mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of AROUND rows each, one after the other."""
    total = values[: 1 - AROUND]
    for first in range(1, AROUND):
        total = total + values[first : first + SIDE]
    return total / AROUND


def likeness(a: Look, b: Look) -> float:
    """The correlation of two looks, -1..1; 0 when one of them shows nothing."""
    return float(_Patterns([a]).likeness(_Patterns([b]))[0, 0])


class _Patterns:
    """Many looks in one array, to be compared with many others.

    Sums of whole numbers under 2^24 are exact in float32, in whatever order a library adds them up: so which
    pictures are alike does not depend on the machine.
    """

    def __init__(self, looks: Sequence[Look]) -> None:
        levels = np.frombuffer(b"".join(x.pattern for x in looks), np.int8).reshape(len(looks), -1)
        self.levels = levels.astype(np.float32)
        self.sums = levels.sum(axis=1, dtype=np.int64).astype(np.float64)
        squares = np.square(levels, dtype=np.int64).sum(axis=1).astype(np.float64)
        self.spreads = np.sqrt(levels.shape[1] * squares - self.sums**2)

    def likeness(self, others: _Patterns) -> NDArray[np.float64]:
        """Correlations (looks, looks of `others`)."""
        products = (self.levels @ others.levels.T).astype(np.float64)
        together = self.levels.shape[1] * products - np.outer(self.sums, others.sums)
        apart = np.outer(self.spreads, others.spreads)
        return np.divide(together, apart, out=np.zeros_like(apart), where=apart > 0)


def earlier_like(
    looks: Sequence[Look], least: float, groups: Sequence[int] | None = None
) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """For each look, in order, that has any: its place and the ascending places of earlier ones as like as `least`.

    With `groups`, a number for each look, only those of other groups. Looks are compared block by
    block, so memory is that of two blocks; blocks of one group are passed over.
    """
    group = np.array(groups if groups is not None else range(len(looks)))
    for first in range(0, len(looks), BLOCK):
        mine, rows = _Patterns(looks[first : first + BLOCK]), group[first : first + BLOCK]
        near: list[list[NDArray[np.int64]]] = [[] for _ in rows]
        for start in range(0, first + 1, BLOCK):
            others = rows[:, None] != group[start : start + BLOCK]
            if not others.any():
                continue
            like = (mine.likeness(_Patterns(looks[start : start + BLOCK])) >= least) & others
            if start == first:
                like = np.tril(like, -1)
            for row in np.flatnonzero(like.any(axis=1)).tolist():
                near[row].append(start + np.flatnonzero(like[row]))
        for row, found in enumerate(near):
            if found:
                yield first + row, np.concatenate(found)
