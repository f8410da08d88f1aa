"""Several closed lines as one, joined by bridges that are walked there and back.

The COCO rasteriser takes every edge from its left or upper end, so both ways over a bridge
pass the same subpixels, and by the even-odd rule they leave no trace. Other consumers may
draw the bridges, so they are as short as they can be together: a shortest spanning tree.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations, groupby
from typing import TypeAlias, TypeVar

import numpy as np

__all__ = ["joined", "joined_at"]

Points: TypeAlias = list[tuple[int, int]]
Vertex = TypeVar("Vertex")
# Of so many lines all pairs of vertices, so many of two lines, are compared sooner than they are triangulated.
_LINES = 5
_PAIRS = 10_000
# Two lines, and at which of its vertices each is joined to the other.
Bridge: TypeAlias = tuple[int, int, int, int]
# For each line and vertex: what hangs there, with the vertex at its own end.
Hanging: TypeAlias = list[dict[int, list[tuple[int, int]]]]


def joined(lines: Sequence[Points]) -> Points:
    """One closed line through all vertices (x, y) of all lines, each line of three or more.

    It begins with the first line. A bridge costs two vertices, less where lines touch.
    """
    return joined_at(lines, lines)


def joined_at(places: Sequence[Points], lines: Sequence[list[Vertex]]) -> list[Vertex]:
    """As `joined`, of lines whose vertices are not whole numbers but lie at these places, one for one."""
    if len(lines) == 1:
        return lines[0]
    walk = _walk(lines, _hung(_bridges(places), len(lines)))
    return [vertex for vertex, _ in groupby(walk[:-1])]


def _bridges(lines: Sequence[Points]) -> Iterator[Bridge]:
    """The shortest tree of bridges between vertices."""
    group = list(range(len(lines)))

    def root(line: int) -> int:
        while group[line] != line:
            group[line] = group[group[line]]
            line = group[line]
        return line

    *_, second, first = sorted(map(len, lines))
    few = len(lines) <= _LINES and first * second <= _PAIRS
    for one, i, other, j in _nearest(lines) if few else _neighbours(lines):
        mine, others = root(one), root(other)
        if mine != others:
            group[others] = mine
            yield one, i, other, j
    for line in range(1, len(lines)):
        # The triangulation hangs together, unless something is wrong with it.
        if root(line) != root(0):
            group[root(line)] = root(0)
            yield 0, 0, line, 0


def _nearest(lines: Sequence[Points]) -> Iterable[Bridge]:
    """The shortest bridge between every two lines, the shortest first."""
    axes = [np.array(list(zip(*line, strict=True))) for line in lines]
    bridges = []
    for (one, (x, y)), (other, (to_x, to_y)) in combinations(enumerate(axes), 2):
        across, down = x[:, None] - to_x, y[:, None] - to_y
        apart = across * across + down * down
        at = int(apart.argmin())
        bridges.append((int(apart.flat[at]), one, at // len(to_x), other, at % len(to_x)))
    return (bridge[1:] for bridge in sorted(bridges))


def _neighbours(lines: Sequence[Points]) -> Iterable[Bridge]:
    """Bridges among which are all of any shortest tree, the shortest first.

    They are edges of the Delaunay triangulation, and points that are one point.
    """
    import shapely  # noqa: PLC0415 -- slow to import, and needed for many holes and parts only

    points = np.array([point for line in lines for point in line])
    sizes = np.array([len(line) for line in lines])
    owner = np.arange(len(lines)).repeat(sizes)
    place = np.arange(len(points)) - (np.cumsum(sizes) - sizes).repeat(sizes)
    keys = points[:, 0] * (points[:, 1].max() + 1) + points[:, 1]
    order = keys.argsort(kind="stable")
    ascending = keys[order]
    same = np.flatnonzero(ascending[1:] == ascending[:-1])
    edges = shapely.delaunay_triangles(shapely.multipoints(points), only_edges=True)
    ends = shapely.get_coordinates(edges).astype(np.int64)
    found = np.searchsorted(ascending, ends[:, 0] * (points[:, 1].max() + 1) + ends[:, 1])
    a = np.concatenate((order[same], order[found[0::2]]))
    b = np.concatenate((order[same + 1], order[found[1::2]]))
    apart = owner[a] != owner[b]
    a, b = np.minimum(a, b)[apart], np.maximum(a, b)[apart]
    order = np.lexsort((b, a, ((points[a] - points[b]) ** 2).sum(axis=1)))
    a, b = a[order], b[order]
    return zip(owner[a].tolist(), place[a].tolist(), owner[b].tolist(), place[b].tolist(), strict=True)


def _hung(bridges: Iterator[Bridge], lines: int) -> Hanging:
    """The tree as seen from the first line."""
    near: list[list[tuple[int, int, int]]] = [[] for _ in range(lines)]
    for one, i, other, j in bridges:
        near[one].append((i, other, j))
        near[other].append((j, one, i))
    hanging: Hanging = [{} for _ in near]
    seen = {0}
    ahead = [0]
    for line in ahead:
        for i, other, j in near[line]:
            if other not in seen:
                seen.add(other)
                ahead.append(other)
                hanging[line].setdefault(i, []).append((other, j))
    return hanging


def _walk(lines: Sequence[list[Vertex]], hanging: Hanging) -> list[Vertex]:
    """Around the first line and back to its first vertex, with detours around all that hangs on the way.

    Thousands of lines may hang one on the other, too many for a function that calls itself.
    """
    points: list[Vertex] = []
    open_lines = [(0, 0, 0)]
    while open_lines:
        number, at, step = open_lines.pop()
        line, detours = lines[number], hanging[number]
        while step <= len(line):
            i = (at + step) % len(line)
            points.append(line[i])
            if detours.get(i):
                open_lines += (number, at, step), (*detours[i].pop(), 0)
                break
            step += 1
    return points
