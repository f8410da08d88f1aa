"""Is every picture there once: copies, and pictures that stand in two splits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from converter.checks.catalog import finding
from converter.checks.subject import Facts
from converter.codecs.phash import Look, near_pairs
from converter.model import Finding

__all__ = ["check"]

ALIKE = 0.98  # correlation of the averages: dark pictures of few cells are near without being alike
FLAT = 4.0  # standard deviation of averages under which a picture shows too little to be told from others


def check(facts: Sequence[Facts]) -> Iterator[Finding]:
    """Byte-equal files, in one split and across; and near-equal pictures across splits."""
    by_hash: dict[str, list[Facts]] = defaultdict(list)
    for each in facts:
        if each.sha256:
            by_hash[each.sha256].append(each)
    for group in by_hash.values():
        for copy in group[1:]:
            other = next((f for f in group if f.split != copy.split), None)
            if other is not None:
                message = f"the same file as {other.image}, in another split"
                yield finding("split-leak", message, image=copy.image, file=copy.file)
            else:
                message = f"the same file as {group[0].image}"
                yield finding("duplicate-image", message, image=copy.image, file=copy.file)
    yield from _near(facts)


def _near(facts: Sequence[Facts]) -> Iterator[Finding]:
    looks = [(f, f.look) for f in facts if f.look is not None]
    if len({f.split for f, _ in looks}) < 2:
        return
    told: set[str] = set()
    for i, j in sorted(near_pairs([look for _, look in looks])):
        (a, one), (b, other) = looks[i], looks[j]
        if a.split == b.split or a.sha256 == b.sha256 or b.image in told:
            continue
        if _alike(one, other):
            told.add(b.image)
            message = f"the same picture as {a.image}, saved in another way, in another split"
            yield finding("split-leak", message, image=b.image, file=b.file)


def _alike(a: Look, b: Look) -> bool:
    """Whether two pictures that are near have the same pattern, and have one at all."""
    one, other = (np.frombuffer(x.averages, np.uint8).astype(np.float64) for x in (a, b))
    if min(one.std(), other.std()) < FLAT:
        return False
    return float(np.corrcoef(one, other)[0, 1]) >= ALIKE
