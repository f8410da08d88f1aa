"""Closed lines of few vertices that pass the gates of a loop, and so draw exactly its pixels.

The COCO rasteriser (maskApi.c, rleFrPoly) rounds vertices to fifths of a pixel, steps
along every edge one fifth at a time, and notes a border where it steps over the centre
of a column, half-way between the fifths 5c + 2 and 5c + 3. With s the slope of the edge
and y its height at the centre, the border is row r when

    5r - 2.5 < y - min(abs(s), 1) / 2 < 5r + 2.5

(a tie may fall either way). Upright edges and whatever happens between two centres leave
no trace. So each gate is a window, and a line is right when its edges pass the windows
of a loop in order, and the centre of no other column. What lies between two gates is
a *slot*: there vertices may stand. Slot k is the one before gate k.

Lines are sought greedily: from a vertex, the slopes that pass one more window after the
other form a cone, and when it closes the next vertex must stand inside of it. Where
exactly decides how far the next edge gets, so a few places are tried: the last slots
of the cone, on the side that the loop turns to. A shortest line found by exhaustive search
has about nine tenths of the vertices.

Coordinates are fifths, and mirrored on stretches that run to the left: x always grows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from converter.geometry.trace import Ints, Loop

__all__ = ["few_vertices"]

Points: TypeAlias = list[tuple[int, int]]
# The slot, x and y of a vertex; x is whole too, but a float, as sums that mix the two are slow.
Spot: TypeAlias = tuple[int, float, int]

# Keeps clear of ties, and of nothing else: heights at centres are multiples of 1 / (2 dx).
_TIE = 1e-6
# How far a vertex may stand above or below both gates of its slot, in fifths.
_SPIKE = 5
# An upright stretch as long as this, in fifths, may deserve a vertex at both ends.
_UPRIGHT = 10
# An edge that passes fewer gates than this is short.
_SHORT = 3
# How many more vertices are tried to close a line without an extra one.
_EXTRA = 2
# Where the next vertex is tried, as distances past the last gates that can be passed.
_LAST_SLOT = (1.0, 3.0)
_SLOT_BEFORE = (2.0, 4.0)
_AT_TURN = (2.0, 4.0, 5.0)
_ANYWHERE = (1.0, 2.0, 3.0, 4.0, 5.0)
# The same for a vertex that nothing binds, as places relative to the gate that follows.
_FRESH = ((0.0, 2), (0.0, -2), (-3.0, 2), (-3.0, -2))


class View(NamedTuple):
    """What is seen from a spot: gates up to `far` (exclusive), with slopes between `low` and `high`.

    `low_before` and `high_before` are the slopes that pass all gates but the last;
    `up`: the gate that cannot be passed any more lies above the others.
    """

    far: int
    low: float
    high: float
    low_before: float
    high_before: float
    up: bool
    spot: Spot


class _Track(msgspec.Struct):
    """The gates of a loop, twice around, and one more.

    `gates`: the fifth before the centre, and the bounds of the window there. `until`: where the
    stretch of a gate ends. `forward`: whether it goes to the right. `rows`: the border in fifths.
    """

    size: int
    gates: list[tuple[float, float, float]]
    until: list[int]
    forward: list[bool]
    rows: list[int]
    height: int
    width: float


def few_vertices(loops: Sequence[Loop], height: int, width: int) -> list[Points]:
    """For each loop a ring of vertices (x, y) in fifths of a pixel, at least three.

    They lie inside the image, and less than 1.1 pixels from the loop's own edges.
    The COCO rasteriser draws each ring as it draws the loop's `corner_ring`.
    """
    return [_ring(track) for track in _tracks(loops, height, width)] if loops else []


def _tracks(loops: Sequence[Loop], height: int, width: int) -> list[_Track]:
    rows = 5 * np.concatenate([loop.rows for loop in loops])
    forward = np.concatenate([loop.is_start for loop in loops])
    ends = list(accumulate(len(loop.rows) for loop in loops))
    gates = _windows(np.concatenate([loop.columns for loop in loops]), rows, forward, 5 * height)
    stops = iter(_stops(forward, ends))
    sides, borders = forward.tolist(), rows.tolist()
    tracks = []
    begin = 0
    for end in ends:
        n = end - begin
        until: list[int] = []
        while len(until) < n:
            stop = next(stops) - begin
            until += [stop] * (stop - len(until))
        until += [stop + n for stop in until]
        until.append(2 * n + until[0])
        # Twice around, and one more.
        turn, again = slice(begin, end), slice(begin, begin + 1)
        tracks.append(
            _Track(
                n,
                gates[turn] * 2 + gates[again],
                until,
                sides[turn] * 2 + sides[again],
                borders[turn] * 2 + borders[again],
                5 * height,
                5.0 * width,
            )
        )
        begin = end
    return tracks


def _windows(columns: Ints, rows: Ints, forward: NDArray[np.bool_], height: int) -> list[tuple[float, float, float]]:
    """The fifth before each gate's centre, and the bounds of its window there."""
    near = 5.0 * columns
    near += 2
    np.subtract(-1, near, out=near, where=~forward)
    low, high = rows - (2.5 - _TIE), rows + (2.5 - _TIE)
    # On the border of the image a window need not be left open: all edges stay inside.
    low[rows == 0] = -0.5 - _TIE
    high[rows == height] = height + _TIE
    return list(zip(near.tolist(), low.tolist(), high.tolist(), strict=True))


def _stops(forward: NDArray[np.bool_], ends: list[int]) -> list[int]:
    """Where stretches end, that is, before turns and at the end of loops."""
    last = np.empty(len(forward), np.bool_)
    np.not_equal(forward[1:], forward[:-1], out=last[:-1])
    last[[end - 1 for end in ends]] = True
    stops: list[int] = (np.flatnonzero(last) + 1).tolist()
    return stops


def _ring(track: _Track) -> Points:
    return [(int(x if track.forward[slot] else -x), y) for slot, x, y in _closed(track)]


def _closed(track: _Track) -> list[Spot]:
    """Goes once around from the turn at slot 0, and a little further where that saves a vertex.

    A loop begins at a turn, and no edge goes past a turn: so a vertex stands in the first
    slot of the second round, and from there the first vertex can be reached at the latest.
    """
    view = _fresh(track, 0)
    line = [view.spot]
    while view.far < track.size:
        view = _advance(track, view, line)
    enough = len(line)
    found = _close(track, view, line)
    tries = 0
    while not found or (len(found) > enough and tries < _EXTRA and view.far < 2 * track.size):
        view = _advance(track, view, line)
        tries += line[-1][0] > track.size
        closed = _close(track, view, line)
        if closed and (not found or len(closed) < len(found)):
            found = closed
    return found


def _close(track: _Track, view: View, line: list[Spot]) -> list[Spot]:
    """The line from the first of its vertices on that its last one sees one round later, if any."""
    last = view.spot
    for i, (slot, x, y) in enumerate(line[:-1]):
        again = slot + track.size, x, y
        if again[0] > view.far:
            break
        if again == last:
            return line[i:-1]
        if again[0] >= last[0] and _sees(track, last, again):
            return line[i:]
    return []


def _sees(track: _Track, spot: Spot, other: Spot) -> bool:
    """Whether an edge may go from one spot to a later one."""
    slot, x, y = spot
    end, to_x, to_y = other
    if end == slot:
        return True
    view = _farthest(track, [spot], end)
    if view.far < end:
        return False
    if track.forward[end] != track.forward[slot]:
        to_x = -to_x
    return view.low < (to_y - y) / (to_x - x) < view.high


def _advance(track: _Track, view: View, line: list[Spot]) -> View:
    """Adds a vertex to the line, or two where an upright stretch is better served by them."""
    spots = _ahead(track, view) or _anywhere_ahead(track, view)
    if not spots:
        # A steep edge that could end nowhere near the loop.
        view = _fresh(track, view.spot[0])
        line.append(view.spot)
        return view
    view = _farthest(track, spots)
    line.append(view.spot)
    slot = view.spot[0]
    if view.far >= min(slot + _SHORT, track.until[slot]) or abs(track.rows[slot] - track.rows[slot - 1]) < _UPRIGHT:
        return view
    second = _fresh(track, slot)
    if second.far <= view.far:
        return view
    spots = _ahead(track, view)
    if spots and _farthest(track, spots).far >= second.far:
        return view
    line.append(second.spot)
    return second


def _fresh(track: _Track, slot: int) -> View:
    """The best of some spots that no edge binds."""
    near = track.gates[slot][0]
    least = 0.0 if track.forward[slot] else -track.width
    row, height = track.rows[slot], track.height
    return _farthest(track, [(slot, max(near + dx, least), min(max(row + dy, 0), height)) for dx, dy in _FRESH])


def _ahead(track: _Track, view: View) -> list[Spot]:
    """Promising spots in the last two slots that the view reaches."""
    far, low, high, low_before, high_before, up, (slot, _, _) = view
    if far == track.until[slot]:
        return _at_turn(track, view)
    spots: list[Spot] = []
    for x, least, most in _within(track, view.spot, far, low, high, _LAST_SLOT):
        spots.append((far, x, most if up else least))
    if far - 1 > slot:
        for x, least, most in _within(track, view.spot, far - 1, low_before, high_before, _SLOT_BEFORE):
            spots.append((far - 1, x, most if up else least))
    return spots


def _at_turn(track: _Track, view: View) -> list[Spot]:
    far, low, high, _, _, _, spot = view
    spots: list[Spot] = []
    for x, least, most in _within(track, spot, far, low, high, _AT_TURN):
        spots += (far, -x, least), (far, -x, most)
    return spots


def _anywhere_ahead(track: _Track, view: View) -> list[Spot]:
    """The spots in the last slot of a view that has any, two for each x."""
    far, low, high, _, _, _, spot = view
    slot = spot[0]
    while True:
        side = 1 if far < track.until[slot] else -1
        spots: list[Spot] = []
        for x, least, most in _within(track, spot, far, low, high, _ANYWHERE):
            spots += (far, side * x, least), (far, side * x, most)
        if spots or far == slot + 1:
            return spots
        far, low, high, _, _, _, _ = _farthest(track, [spot], far - 1)


def _within(
    track: _Track, spot: Spot, end: int, low: float, high: float, places: Sequence[float]
) -> list[tuple[float, int, int]]:
    """Where in slot `end` a cone from a spot holds vertices: x, least and greatest y."""
    slot, x, y = spot
    near = track.gates[end - 1][0]
    rows = track.rows
    top, bottom = rows[end - 1], rows[end]
    if top > bottom:
        top, bottom = bottom, top
    top = top - _SPIKE if top > _SPIKE else 0
    bottom = bottom + _SPIKE if bottom < track.height - _SPIKE else track.height
    edge = track.width if track.forward[slot] else 0.0
    found = []
    for place in places:
        to_x = near + place
        if to_x > edge:
            continue
        d = to_x - x
        least, most = math.ceil(y + low * d), math.floor(y + high * d)
        # In loops as hot as these a call of min or max costs more than all the rest.
        if least < top:  # noqa: PLR1730
            least = top
        if most > bottom:  # noqa: PLR1730
            most = bottom
        if least <= most:
            found.append((to_x, least, most))
    return found


def _farthest(track: _Track, spots: list[Spot], end: int | None = None) -> View:
    """What is seen from the spot that sees most; of equals, from the one with the widest cone."""
    gates, until = track.gates, track.until
    best_far, best_width = -1, 0.0
    for spot in spots:
        slot, x, y = spot
        level = y + 0.0
        low = low_before = -math.inf
        high = high_before = math.inf
        far, up = slot, False
        for near, lower, upper in gates[slot : until[slot] if end is None else end]:
            d = near - x
            a = lower - level
            b = upper - level
            # The slopes s with a < s * (d + 1/2) - min(abs(s), 1) / 2 < b, one case for each
            # of: rising at most, or falling at most, one in one; or steeper.
            if a < 0.0:
                a = a / (d + 1.0) if a > -1.0 - d else (a + 0.5) / (d + 0.5)
            else:
                a = a / d if a < d else (a + 0.5) / (d + 0.5)
            if b < 0.0:
                b = b / (d + 1.0) if b > -1.0 - d else (b + 0.5) / (d + 0.5)
            else:
                b = b / d if b < d else (b + 0.5) / (d + 0.5)
            if a < low:  # noqa: PLR1730
                a = low
            if b > high:  # noqa: PLR1730
                b = high
            if a >= b:
                up = a > low
                break
            low_before, high_before = low, high
            low, high = a, b
            far += 1
        if far > best_far or (far == best_far and high - low > best_width):
            best_far, best_width = far, high - low
            best = low, high, low_before, high_before, up, spot
    return View(best_far, *best)
