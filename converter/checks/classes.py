"""Do the classes that are declared and those that are used agree, and how even are they."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from converter.checks.catalog import finding
from converter.checks.subject import Facts
from converter.errors import some_of
from converter.model import Finding, Header

__all__ = ["check"]

TIMES = 100  # so many times rarer than the most frequent class is out of balance
SHOWN = 6


def check(facts: Sequence[Facts], header: Header, *, whole: bool) -> Iterator[Finding]:
    """`whole`: every image was looked at, so a class that was not seen is not there."""
    counts: Counter[int] = Counter()
    pixels: Counter[int] = Counter()
    for each in facts:
        counts.update(each.per_class)
        pixels.update(each.pixels)
    if whole:
        for c in header.classes:
            if not counts[c.id]:
                yield finding("unused-class", f"class {c.id} '{c.name}' is declared and never used")
    amounts, unit = (pixels, "px") if header.task == "semantic" else (counts, "instances")
    found = [(amounts[c.id], c.name) for c in header.classes if amounts[c.id]]
    if not found:
        return
    most = max(found)
    rare = sorted(f for f in found if f[0] * TIMES <= most[0])
    if rare:
        shown = some_of([f"{name} {n}" for n, name in rare], SHOWN)
        are = "is" if len(rare) == 1 else "are"
        message = (
            f"{len(rare)} of {len(found)} classes {are} {TIMES} times rarer than '{most[1]}' ({most[0]} {unit}): "
            f"{shown}"
        )
        yield finding("class-imbalance", message)
