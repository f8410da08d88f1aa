"""A sample of a dataset that is the same on every machine, in every format, for any number of workers.

An image is chosen by the SHA-256 of the seed and of its name with its split, and by nothing
else: not by its place in the source, nor by the length of the list. So a sample of 20 holds
the sample of 10, and an image that is added moves at most one other out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from converter.model import Ref

__all__ = ["sample"]


def sample(refs: Sequence[Ref], count: int | None, seed: int) -> list[Ref]:
    """`count` of `refs`, in the order in which they stand there; all of them when there are no more, or for None."""
    if count is None or count >= len(refs):
        return list(refs)
    ranked = sorted(range(len(refs)), key=lambda i: (_rank(refs[i], seed), i))
    return [refs[i] for i in sorted(ranked[:count])]


def _rank(ref: Ref, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}\0{ref.image.path}".encode("utf-8", "surrogatepass")).digest()
