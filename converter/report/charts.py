"""Numbers for the page: tables whose rows have bars. A bar is a share of the largest, in percent."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec

__all__ = ["Bar", "bars", "by_power", "sizes"]

SIZES = 12


class Bar(msgspec.Struct, frozen=True):
    """A row: what, how many, and how long its bar is (0 to 100)."""

    label: str
    count: int
    share: float


def bars(counts: Mapping[str, int]) -> list[Bar]:
    """A row for each, in the order given."""
    most = max(counts.values(), default=0)
    return [Bar(label, n, _length(n, most)) for label, n in counts.items()]


def _length(count: int, most: int) -> float:
    """A bar that is not nothing is to be seen."""
    return round(max(100 * count / most, 0.6), 1) if count else 0.0


def by_power(values: Iterable[int], unit: str = "") -> list[Bar]:
    """A histogram over 0, 1, 2-3, 4-7, and so on; gaps are shown, ends are not."""
    found = Counter(v.bit_length() for v in values)
    if not found:
        return []
    counts = {_range(p, unit): found[p] for p in range(min(found), max(found) + 1)}
    return bars(counts)


def _range(power: int, unit: str) -> str:
    after = f" {unit}" if unit else ""
    if power <= 1:
        return f"{power}{after}"
    return f"{2 ** (power - 1):,} to {2**power - 1:,}{after}"


def sides(areas: Iterable[int]) -> list[int]:
    """Of areas, the sides of squares as large."""
    return [math.isqrt(a) for a in areas]


def sizes(found: Sequence[tuple[int, int]]) -> list[Bar]:
    """The most frequent sizes of images, and the others together."""
    counts = Counter(f"{w} x {h}" for w, h in found)
    shown = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    kept = dict(shown[: SIZES - 1 if len(shown) > SIZES else SIZES])
    rest = sum(n for _, n in shown[len(kept) :])
    if rest:
        kept[f"{len(shown) - len(kept):,} other sizes"] = rest
    return bars(kept)
