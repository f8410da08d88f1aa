"""The outline of a mask as closed loops of gates, straight from its run-length code.

A *gate* is a horizontal unit edge of the outline: the place where a column changes
between background and foreground. The COCO rasteriser looks at a polygon along the
centres of the columns only, so an outline is known when its gates are, in the order in
which it passes them; the upright edges follow.

Foreground hangs together across corners (8-connected), background does not.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from converter.geometry import runlengths
from converter.model import Rle

__all__ = ["Loop", "all_loops", "corner_ring", "loops"]

Ints = NDArray[np.int64]


class Loop(msgspec.Struct, frozen=True, eq=False):
    """One closed line of the outline, as its n gates in the order of the walk.

    `columns`, (n,) int64: the column of pixels that a gate lies in. `rows`, (n,) int64:
    the row border it lies on, 0 to the mask's height. `is_start`, (n,) bool: below the
    gate is foreground, and the walk goes to the right; otherwise above, and to the left.
    So foreground lies to the right of the walk. It begins after a turn from left to right,
    in the leftmost column.

    `hole`: the line goes around background. `parent`: the place in the list of the part that
    the hole lies in, None for a part.
    """

    columns: Ints
    rows: Ints
    is_start: NDArray[np.bool_]
    hole: bool
    parent: int | None


def loops(rle: Rle) -> list[Loop]:
    """All lines of the outline, in the column-major order of their first gates.

    So a hole comes after the part that it lies in. An empty mask has none.
    """
    return all_loops([rle])[0]


def all_loops(rles: Sequence[Rle]) -> list[list[Loop]]:
    """The loops of each mask. All have one size, and are walked side by side with a column between them."""
    found: list[list[Loop]] = [[] for _ in rles]
    columns, rows = _gates(rles)
    if not columns.size:
        return found
    order, firsts, ends, owner = _walks(_next(columns, rows, rles[0].height))
    masks, columns = np.divmod(columns, rles[0].width + 1)
    walked_columns, walked_rows = columns[order], rows[order]
    # Gates alternate along a column, and a column has an even number of them.
    walked_starts = order & 1 == 0
    begin, before = 0, 0
    for number, (first, end, mask) in enumerate(zip(firsts, ends, masks[firsts].tolist(), strict=True)):
        mine = found[mask]
        before = before if mine else number
        hole = first & 1 == 1
        parent = None
        if hole:
            # The gate before its topmost one, up the same column, belongs to the same part.
            above = owner[first - 1] - before
            parent = mine[above].parent if mine[above].hole else above
        part = slice(begin, end)
        mine.append(Loop(walked_columns[part], walked_rows[part], walked_starts[part], hole, parent))
        begin = end
    return found


def corner_ring(loop: Loop) -> list[float]:
    """The loop as [x0, y0, ...] through corners of pixels, without those that change no direction.

    The COCO rasteriser draws it exactly: its level edges lie on row borders, half a pixel
    away from where the choice of row would change.
    """
    xs = loop.columns + loop.is_start
    rows = loop.rows
    after = np.roll(rows, -1)
    turns = np.flatnonzero(rows != after)
    corners = np.empty((len(turns), 4), np.float64)
    corners[:, 0] = corners[:, 2] = xs[turns]
    corners[:, 1], corners[:, 3] = rows[turns], after[turns]
    ring: list[float] = corners.ravel().tolist()
    return ring


def _gates(rles: Sequence[Rle]) -> tuple[Ints, Ints]:
    """Column and row border of every gate, column after column and mask after mask; starts and ends alternate."""
    height, width = (rles[0].height, rles[0].width) if rles else (0, 0)
    flips = []
    for place, mine in enumerate(runlengths.flips(rles)):
        left = place * (width + 1) * height
        flips.append(mine + left)
        if len(mine) & 1:
            flips.append(np.array([left + width * height]))
    edges = np.concatenate(flips) if flips else np.empty(0, np.int64)
    starts, ends = edges[0::2], edges[1::2]
    columns = starts // height if height else starts
    more = (ends - 1) // height - columns if height else starts
    if more.any():
        # A run that goes on into the next columns is cut at their borders.
        pieces = more + 1
        first = np.zeros(int(pieces.sum()), np.bool_)
        first[np.cumsum(pieces) - pieces] = True
        last = np.roll(first, -1)
        nth = np.arange(len(first)) - np.flatnonzero(first).repeat(pieces)
        columns = columns.repeat(pieces) + nth
        starts = np.where(first, starts.repeat(pieces), columns * height)
        ends = np.where(last, ends.repeat(pieces), (columns + 1) * height)
    gate_columns = columns.repeat(2)
    rows = np.empty(len(gate_columns), np.int64)
    rows[0::2], rows[1::2] = starts, ends
    rows -= gate_columns * height
    return gate_columns, rows


def _next(columns: Ints, rows: Ints, height: int) -> list[int]:
    """For each gate the one that follows it on the walk.

    Down a border between two columns, the pixels to its left and right differ between
    every other pair of neighbours among the gates of both columns: there runs an upright
    edge, which joins those two gates. Where an end and a start meet in one point, the
    start goes first, and so two pixels that touch with a corner hang together.
    """
    n = len(columns)
    keys = np.empty(2 * n, np.int64)
    keys[:n] = (columns * (height + 1) + rows) * 2
    keys[1:n:2] += 1
    keys[n:] = keys[:n] + 2 * (height + 1)
    # Two ascending halves, which a stable sort merges.
    pairs = keys.argsort(kind="stable")
    partner = np.empty(2 * n, np.int64)
    partner[pairs[0::2]] = pairs[1::2]
    partner[pairs[1::2]] = pairs[0::2]
    # Starts are left on their right, ends on their left.
    following = partner[:n]
    following[0::2] = partner[n::2]
    following[following >= n] -= n
    result: list[int] = following.tolist()
    return result


def _walks(following: list[int]) -> tuple[Ints, list[int], list[int], list[int]]:
    """The cycles of the walk, one after another in one array of gates.

    Then, for each cycle, its least gate and where it ends in the array; and for each gate,
    which cycle it is in.
    """
    owner = [-1] * len(following)
    order: list[int] = []
    firsts: list[int] = []
    ends: list[int] = []
    for first in range(len(following)):
        if owner[first] >= 0:
            continue
        gate, number = first, len(firsts)
        if first & 1:
            # A hole: its topmost gate comes before the turn to the right, not after it.
            gate = following[first]
        while owner[gate] < 0:
            owner[gate] = number
            order.append(gate)
            gate = following[gate]
        firsts.append(first)
        ends.append(len(order))
    return np.array(order, np.int64), firsts, ends, owner
