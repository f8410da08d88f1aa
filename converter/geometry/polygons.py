"""Masks as polygons: exact ones of few vertices, and simpler ones that say what they cost.

What a polygon covers is what the COCO rasteriser makes of it: even-odd within a ring,
the union of rings. A hole is therefore part of its ring, joined by a bridge that
is walked there and back; both ways pass the same subpixels, and so leave no trace.
In the same way all parts of a mask can share one ring.

Every result is rasterised again before it is handed out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from typing import TypeAlias

from converter.geometry import collapse, numbers, raster, trace
from converter.geometry import rle as codes
from converter.geometry.bridges import joined, joined_at
from converter.geometry.links import Points, few_vertices
from converter.geometry.trace import Loop
from converter.model import Rle

__all__ = [
    "all_exact_polygons",
    "all_exact_rings",
    "apart",
    "exact_polygons",
    "exact_ring",
    "joined_rings",
    "simplified_polygons",
    "simplified_ring",
]

Rings: TypeAlias = list[list[float]]
Groups: TypeAlias = Sequence[Sequence[int]]
# A line of no points is one that has gone.
Lines: TypeAlias = Sequence[Sequence[tuple[float, float]]]
# Takes lines and gives their rings and overlap, or None.
Judge: TypeAlias = Callable[[Lines], tuple[Rings, float] | None]

# How the tolerance shrinks until the overlap is large enough, and how often.
_FINER = 1.4
_TRIES = 10
# The overlap does not fall evenly with the steps: one step too far, the next may be good.
_BEYOND = 3
# Of so many rings each is compared with each other one.
_COMPARED = 30


def exact_polygons(rle: Rle) -> Rings:
    """One ring [x0, y0, x1, y1, ...] for each 8-connected part, holes included; none for an empty mask.

    Their union under the COCO rasteriser is exactly the mask. Coordinates are pixels with
    one digit after the point (fifths, to which the rasteriser rounds), inside the image.
    Parts come in the order of their first pixels down the columns.
    """
    return all_exact_polygons([rle])[0]


def all_exact_polygons(rles: Sequence[Rle]) -> list[Rings]:
    """As `exact_polygons` of each mask; all have one size, and are traced together."""
    return _all_exact(rles, _parts)


def exact_ring(rle: Rle) -> list[float]:
    """The whole mask as one ring, its parts and holes joined; [] for an empty mask.

    Otherwise as `exact_polygons`: for formats that hold one ring an object.
    """
    return all_exact_rings([rle])[0]


def all_exact_rings(rles: Sequence[Rle]) -> list[list[float]]:
    """As `exact_ring` of each mask; all have one size, and are traced together."""
    return [rings[0] if rings else [] for rings in _all_exact(rles, _together)]


def _all_exact(rles: Sequence[Rle], grouped: Callable[[Sequence[Loop]], Groups]) -> list[Rings]:
    loops = trace.all_loops(rles)
    lines = iter(few_vertices(list(chain.from_iterable(loops)), rles[0].height, rles[0].width) if rles else ())
    return [
        _checked(rle, mine, list(islice(lines, len(mine))), grouped(mine))[1]
        for rle, mine in zip(rles, loops, strict=True)
    ]


def apart(rings: Rings, height: int, width: int) -> list[tuple[Rings, Rle]]:
    """The rings of a polygon in groups that share no pixel with each other, and what each group draws.

    Groups come in the order of their first rings. Of very many rings that overlap somewhere there is one group.
    """
    drawn = raster.all_to_rle([[ring] for ring in rings], height, width)
    whole = codes.union(drawn)
    if sum(codes.areas(drawn)) == codes.area(whole):
        return [([ring], mask) for ring, mask in zip(rings, drawn, strict=True)]
    if len(rings) > _COMPARED:
        return [(rings, whole)]
    groups: list[tuple[Rings, Rle]] = []
    for ring, mask in zip(rings, drawn, strict=True):
        met = [place for place, group in enumerate(groups) if codes.overlap(group[1], mask)]
        together = [groups[place] for place in met] + [([ring], mask)]
        joint = list(chain.from_iterable(mine for mine, _ in together)), codes.union([mine for _, mine in together])
        groups = [group for place, group in enumerate(groups) if place not in met]
        groups.insert(met[0] if met else len(groups), joint)
    return groups


def joined_rings(rings: Rings, rle: Rle) -> list[float] | None:
    """Rings of which `rle` is the union as one, with all their vertices; None where they overlap.

    As `exact_ring` they are joined by bridges, and for that must lie inside the image.
    """
    lines = [list(zip(ring[0::2], ring[1::2], strict=True)) for ring in rings]
    places = [[(x, y) for x, y in numbers.fifths(ring).reshape(-1, 2).tolist()] for ring in rings]
    ring = [value for vertex in joined_at(places, lines) for value in vertex]
    # Points that are all in one place are no ring.
    return ring if len(ring) >= 6 and _draw([ring], rle).counts == rle.counts else None


def simplified_polygons(rle: Rle, *, min_iou: float | None, tolerance: float | None) -> tuple[Rings, float]:
    """Polygons of fewer vertices, and their intersection over union with the mask, as rasterised.

    `min_iou`, 0 to 1: the least that is allowed; small holes and parts may go.
    `tolerance`, in pixels: how far the outline may move away from that of the exact polygons;
    all holes and parts stay. Both together are both kept; without either nothing is simplified.
    There are never more vertices than in `exact_polygons`, and some pixels are always left.
    """
    loops = trace.loops(rle)
    return _simplified(rle, loops, _parts(loops), min_iou, tolerance)


def simplified_ring(rle: Rle, *, min_iou: float | None, tolerance: float | None) -> tuple[list[float], float]:
    """As `simplified_polygons`, in one ring as in `exact_ring`."""
    loops = trace.loops(rle)
    if not loops:
        return [], 1.0
    rings, iou = _simplified(rle, loops, _together(loops), min_iou, tolerance)
    return rings[0], iou


def _exact(rle: Rle, loops: Sequence[Loop], groups: Groups) -> tuple[list[Points], Rings]:
    """A line for each loop, and a ring for each group of loops, given by their places."""
    return _checked(rle, loops, few_vertices(loops, rle.height, rle.width), groups)


def _checked(rle: Rle, loops: Sequence[Loop], lines: list[Points], groups: Groups) -> tuple[list[Points], Rings]:
    """As `_exact`, with these lines where they draw what they should."""
    rings = _rings(lines, groups)
    if _draw(rings, rle).counts == rle.counts:
        return lines, rings
    lines = [_mended(line, loop, rle) for line, loop in zip(lines, loops, strict=True)]
    return lines, _rings(lines, groups)


def _mended(line: Points, loop: Loop, rle: Rle) -> Points:
    """The line, or the corners of the loop's pixels if it draws anything else."""
    corners = trace.corner_ring(loop)
    if _draw([_coordinates(line)], rle) == _draw([corners], rle):
        return line
    fifths = [round(5 * value) for value in corners]
    return list(zip(fifths[0::2], fifths[1::2], strict=True))


def _draw(rings: Rings, rle: Rle) -> Rle:
    return raster.polygons_to_rle(rings, rle.height, rle.width)


def _simplified(
    rle: Rle, loops: Sequence[Loop], groups: Groups, min_iou: float | None, tolerance: float | None
) -> tuple[Rings, float]:
    """The shortest of the exact polygons and of what two methods find."""
    exact, rings = _exact(rle, loops, groups)

    def judge(lines: Lines) -> tuple[Rings, float] | None:
        """The rings of these lines and their overlap, if they keep the limits."""
        rounded = _in_fifths(lines, rle)
        if tolerance is not None and not _near(rounded, exact, 5 * tolerance):
            return None
        rings = _rings(rounded, groups)
        iou = codes.iou(_draw(rings, rle), rle)
        return (rings, iou) if iou > 0 and iou >= (min_iou or 0) else None

    found = [(rings, 1.0)]
    if loops and tolerance is not None:
        found += _within_distance(exact, tolerance, judge)
    if loops and min_iou is not None:
        found += _by_area(exact, [loop.parent for loop in loops], judge)
    return min(found, key=lambda one: sum(map(len, one[0])))


def _within_distance(exact: Sequence[Points], tolerance: float, judge: Judge) -> Iterator[tuple[Rings, float]]:
    """Douglas and Peucker's method with the widest tolerance that the judge accepts.

    It promises a distance for all vertices but the first.
    """
    import shapely  # noqa: PLC0415 -- slow to import, and needed for simplifying only

    rings = [shapely.LinearRing(line) for line in exact]
    for finer in range(_TRIES):
        simpler = shapely.simplify(rings, 5 * tolerance / _FINER**finer, preserve_topology=True)
        judged = judge([shapely.get_coordinates(ring)[:-1].tolist() for ring in simpler])
        if judged:
            yield judged
            return


def _by_area(exact: Sequence[Points], parents: Sequence[int | None], judge: Judge) -> Iterator[tuple[Rings, float]]:
    """As many of the steps that change least area as the judge accepts, about."""
    steps = collapse.steps(exact, parents)
    good, bad = 0, len(steps) + 1
    # Where there are thousands of vertices a few more do not matter.
    while bad - good > 1 + len(steps) // 200:
        middle = (good + bad) // 2
        judged = judge(collapse.after(exact, steps[:middle]))
        good, bad = (middle, bad) if judged else (good, middle)
        if judged:
            yield judged
    for number in range(bad + 1, min(bad + 1 + _BEYOND, len(steps) + 1)):
        judged = judge(collapse.after(exact, steps[:number]))
        if judged:
            yield judged


def _near(lines: Lines, others: Lines, distance: float) -> bool:
    """Whether no point of a line is farther than that from its other line, both ways."""
    import shapely  # noqa: PLC0415 -- slow to import, and needed for simplifying only

    if not all(lines):
        return False
    a, b = ([shapely.LinearRing(line) for line in some] for some in (lines, others))
    around = shapely.buffer(a, distance), shapely.buffer(b, distance)
    return bool(shapely.covers(around, (b, a)).all())


def _in_fifths(lines: Lines, rle: Rle) -> list[Points]:
    """Rounded to where the rasteriser rounds to, inside the image; lines that become nothing go."""
    width, height = 5 * rle.width, 5 * rle.height
    rounded = [[(min(max(round(x), 0), width), min(max(round(y), 0), height)) for x, y in line] for line in lines]
    return [line if len(set(line)) >= 3 else [] for line in rounded]


def _parts(loops: Sequence[Loop]) -> list[list[int]]:
    """The places of each part's loops, the part itself first."""
    parts: dict[int, list[int]] = {}
    for place, loop in enumerate(loops):
        parts.setdefault(place if loop.parent is None else loop.parent, []).append(place)
    return list(parts.values())


def _together(loops: Sequence[Loop]) -> list[range]:
    """All loops as one group, if there are any."""
    return [range(len(loops))] if loops else []


def _rings(lines: Sequence[Points], groups: Groups) -> Rings:
    """The lines of each group as one ring; none for a group without any."""
    left = ([lines[place] for place in group if lines[place]] for group in groups)
    return [_coordinates(joined(group)) for group in left if group]


def _coordinates(line: Points) -> list[float]:
    return [value / 5 for point in line for value in point]
