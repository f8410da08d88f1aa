"""Is every picture there once: copies, and pictures that stand in two splits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from converter.checks.catalog import finding
from converter.checks.subject import Facts
from converter.codecs.phash import SAME, earlier_like
from converter.model import Finding

__all__ = ["check"]


def check(facts: Sequence[Facts]) -> Iterator[Finding]:
    """Byte-equal files, in one split and across; and near-equal pictures across splits."""
    by_hash: dict[str, list[Facts]] = defaultdict(list)
    for each in facts:
        if each.sha256:
            by_hash[each.sha256].append(each)
    told: set[str] = set()
    for group in by_hash.values():
        for copy in group[1:]:
            told.add(copy.image)
            other = next((f for f in group if f.split != copy.split), None)
            if other is not None:
                message = f"the same file as {other.image}, in another split"
                yield finding("split-leak", message, image=copy.image, file=copy.file)
            else:
                message = f"the same file as {group[0].image}"
                yield finding("duplicate-image", message, image=copy.image, file=copy.file)
    yield from _near([f for f in facts if f.image not in told])


def _near(facts: Sequence[Facts]) -> Iterator[Finding]:
    """Pictures like one of an earlier split; byte-equal files are told elsewhere."""
    splits = list(dict.fromkeys(f.split for f in facts))
    if len(splits) < 2:
        return
    seen = sorted((f for f in facts if f.look is not None), key=lambda f: splits.index(f.split))
    looks, groups = [f.look for f in seen if f.look is not None], [splits.index(f.split) for f in seen]
    for place, earlier in earlier_like(looks, SAME, groups):
        each, other = seen[place], seen[earlier[0]]
        message = f"the same picture as {other.image}, saved in another way, in another split"
        yield finding("split-leak", message, image=each.image, file=each.file)
