"""Closed lines made simpler step by step, so that as little area as possible changes sides.

A step takes an edge BC with its neighbours A and D and puts one point E in the place of B
and C, such that the lines ABCD and AED have the same area under them; of the points that do,
one on the line AB or CD. The step that moves the least area goes first. This is the segment
collapse of Kronenfeld, Stanislawski, Buttenfield and Brockmeyer, "Simplification of
polylines by segment collapse" (International Journal of Cartography 6, 2020). Where overlap
is what counts, it needs about a quarter fewer vertices than Douglas and Peucker's method.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple, TypeAlias

__all__ = ["Step", "after", "steps"]

Point: TypeAlias = tuple[float, float]
Line: TypeAlias = Sequence[Point]


class Step(NamedTuple):
    """Vertices that go, and one that moves; all counted through the lines. No move: a whole line goes."""

    gone: tuple[int, ...]
    moved: int
    to: Point | None


def steps(lines: Sequence[Line], parents: Sequence[int | None]) -> list[Step]:
    """All steps, the cheapest first, from lines of at least three vertices to a single triangle.

    `parents`: for a hole the place of the line around it, None for a part. A triangle goes
    when that is the next cheapest step, but not before the holes in it.
    """
    return _Collapse(lines, parents).run()


def after(lines: Sequence[Line], done: Iterable[Step]) -> list[list[Point]]:
    """The lines after some steps from the first on; a line that has gone is empty."""
    points: list[Point | None] = [point for line in lines for point in line]
    for step in done:
        for i in step.gone:
            points[i] = None
        if step.to:
            points[step.moved] = step.to
    return [[point for point in points[a:b] if point] for a, b in pairwise(_bounds(lines))]


def _bounds(lines: Sequence[Line]) -> list[int]:
    bounds = [0]
    for line in lines:
        bounds.append(bounds[-1] + len(line))
    return bounds


class _Collapse:
    """Lines as rings of linked vertices, and a queue of the steps that they allow.

    A vertex stands for the edge from itself to the next one. Steps whose number is not the
    latest of their vertex are out of date.
    """

    def __init__(self, lines: Sequence[Line], parents: Sequence[int | None]) -> None:
        self.points = [point for line in lines for point in line]
        self.line = [i for i, line in enumerate(lines) for _ in line]
        self.next: list[int] = []
        self.previous: list[int] = []
        for a, b in pairwise(_bounds(lines)):
            self.next += [*range(a + 1, b), a]
            self.previous += [b - 1, *range(a, b - 1)]
        self.latest = [0] * len(self.points)
        self.size = [len(line) for line in lines]
        self.parents = parents
        self.parts = sum(parent is None for parent in parents)
        self.holes = [parents.count(i) for i in range(len(lines))]
        self.queue: list[tuple[float, int, int, Point | None]] = []

    def run(self) -> list[Step]:
        for vertex in range(len(self.points)):
            self._offer(vertex)
        done = []
        while self.queue:
            _, vertex, number, to = heapq.heappop(self.queue)
            if number != self.latest[vertex]:
                continue
            step = self._collapse(vertex, to) if to else self._drop(vertex)
            if step:
                done.append(step)
        return done

    def _offer(self, vertex: int) -> None:
        """Puts into the queue what can be done with the edge that begins at the vertex."""
        self.latest[vertex] += 1
        b, c = vertex, self.next[vertex]
        points = self.points
        found: tuple[float, Point | None] | None
        if self.size[self.line[vertex]] > 3:
            found = _replacement(points[self.previous[b]], points[b], points[c], points[self.next[c]])
        else:
            area = abs(_cross(points[self.previous[b]], points[b], points[c])) / 2
            found = area, None
        if found:
            heapq.heappush(self.queue, (found[0], vertex, self.latest[vertex], found[1]))

    def _collapse(self, vertex: int, to: Point) -> Step:
        gone = self.next[vertex]
        behind = self.next[gone]
        self.points[vertex] = to
        self.next[vertex], self.previous[behind] = behind, vertex
        self.latest[gone] = -1
        self.size[self.line[vertex]] -= 1
        for near in {self.previous[self.previous[vertex]], self.previous[vertex], vertex, behind}:
            self._offer(near)
        return Step((gone,), vertex, to)

    def _drop(self, vertex: int) -> Step | None:
        line = self.line[vertex]
        parent = self.parents[line]
        if parent is None:
            if self.holes[line] or self.parts == 1:
                return None
            self.parts -= 1
        gone = vertex, self.next[vertex], self.previous[vertex]
        for i in gone:
            self.latest[i] = -1
        if parent is not None:
            self.holes[parent] -= 1
            if not self.holes[parent] and self.size[parent] == 3:
                self._offer(next(i for i, of in enumerate(self.line) if of == parent and self.latest[i] >= 0))
        return Step(gone, vertex, None)


def _cross(a: Point, b: Point, c: Point) -> float:
    """Twice the area of a triangle, with the sign of its sense."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _replacement(a: Point, b: Point, c: Point, d: Point) -> tuple[float, Point] | None:
    """How much area changes sides when one point takes the place of b and c, and that point."""
    off_b, off_c = _cross(a, d, b), _cross(a, d, c)
    # Twice the area between the line and its chord, which the point shall keep.
    kept = -_cross(a, b, c) - _cross(a, c, d)
    on_first = abs(off_b) > abs(off_c) if off_b * off_c >= 0 else off_b * kept > 0
    anchor, corner, off = (a, b, off_b) if on_first else (d, c, off_c)
    if not off:
        return None
    t = kept / off
    e = anchor[0] + (corner[0] - anchor[0]) * t, anchor[1] + (corner[1] - anchor[1]) * t
    # Two triangles of one size change sides; one of them lies between the corner, e, and
    # the point where the new edge crosses the old one.
    far = d if on_first else a
    old_x, old_y = c[0] - b[0], c[1] - b[1]
    slant = (far[0] - e[0]) * old_y - (far[1] - e[1]) * old_x
    if not slant:
        return (0.0, e) if e == corner else None
    w = ((b[0] - e[0]) * old_y - (b[1] - e[1]) * old_x) / slant
    crossing = e[0] + (far[0] - e[0]) * w, e[1] + (far[1] - e[1]) * w
    return abs(_cross(corner, e, crossing)), e
