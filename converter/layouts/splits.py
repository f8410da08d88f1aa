"""Names of images without their extensions: where two images would get one, in a split or in a folder of all splits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from converter.layouts.images import stem
from converter.model import Image
from converter.storage.names import all_differ

__all__ = ["splits_share_stems", "stems_in_two"]


def splits_share_stems(images: Sequence[Image]) -> bool:
    """Whether images of different splits would fall on one path in a folder of all."""
    if all_differ(stem(i.name) for i in images):
        return False
    split_of: dict[str, str | None] = {}
    return any(split_of.setdefault(stem(i.name), i.split) != i.split for i in images)


def stems_in_two(images: Sequence[Image]) -> frozenset[tuple[str | None, str]]:
    """(split, name without extension) that more than one image has."""
    if all_differ((image.split, stem(image.name)) for image in images):
        return frozenset()
    found = Counter((image.split, stem(image.name)) for image in images)
    return frozenset(key for key, n in found.items() if n > 1)
