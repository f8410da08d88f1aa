"""Do the sets that a dataset was merged from look alike: light, sharpness, size of objects.

A mix of real and rendered pictures trains well only when one knows how far apart they lie.
That they differ is no defect, so nothing here is a finding.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

import msgspec

from converter.checks.subject import Facts

__all__ = ["UNTAGGED", "SourceStats", "differences", "shown", "summaries"]

UNTAGGED = "(no tag)"

ALIKE = 1.25  # times; what differs by less is not told
TOLD = 3
# Variances and areas grow with the square of what the eye compares.
MEASURES = (("brightness", 1), ("contrast", 1), ("sharpness", 2), ("object_size", 2))


class SourceStats(msgspec.Struct, frozen=True):
    """One of the sets that were merged, by its tag ("" for images without one).

    `brightness` (mean), `contrast` (standard deviation) of gray 0..255 and `sharpness` (variance
    of the Laplacian) are means over the images that can be decoded; `object_size` is the median
    of pixels over the objects that have any. None where there is nothing to measure.
    """

    source: str
    images: int
    instances: int
    brightness: float | None
    contrast: float | None
    sharpness: float | None
    object_size: float | None


def summaries(facts: Sequence[Facts]) -> list[SourceStats]:
    """Each source with its numbers, by tag; none when the images are all of one source."""
    by_tag: dict[str, list[Facts]] = {}
    for each in facts:
        by_tag.setdefault(each.source, []).append(each)
    return [_summary(tag, by_tag[tag]) for tag in sorted(by_tag)] if len(by_tag) > 1 else []


def _summary(tag: str, facts: Sequence[Facts]) -> SourceStats:
    lights = [f.light for f in facts if f.light is not None]
    sizes = [area for f in facts for area in f.areas if area]
    return SourceStats(
        tag,
        len(facts),
        sum(f.instances for f in facts),
        _mean([x.brightness for x in lights]),
        _mean([x.contrast for x in lights]),
        _mean([x.sharpness for x in lights]),
        float(statistics.median(sizes)) if sizes else None,
    )


def _mean(values: Sequence[float]) -> float | None:
    return round(math.fsum(values) / len(values), 2) if values else None


def differences(sources: Sequence[SourceStats]) -> str:
    """What the sources differ in most, in one line; "" for fewer than two."""
    if len(sources) < 2:
        return ""
    apart = [_apart(sources, measure, power) for measure, power in MEASURES]
    told = [words for times, words in sorted(apart, key=lambda a: -a[0]) if times >= ALIKE]
    if told:
        return f"they differ most in {'; '.join(told[:TOLD])}"
    return "they are alike in brightness, contrast, sharpness and size of objects"


def _apart(sources: Sequence[SourceStats], measure: str, power: int) -> tuple[float, str]:
    """How many times the most is the least, as the eye sees it, and that in words."""
    known = [(value, s.source) for s in sources if (value := getattr(s, measure)) is not None]
    if len(known) < 2:
        return 1.0, ""
    (least, low), (most, high) = min(known), max(known)
    name = measure.replace("_", " ")
    words = f"{name}: {high or UNTAGGED} {shown(most)}, {low or UNTAGGED} {shown(least)}"
    if not least:
        return (math.inf if most else 1.0), words
    return (most / least) ** (1 / power), f"{words} ({shown(most / least)} times)"


def shown(value: float | None) -> str:
    """A number with three digits that count, as a person reads it."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
