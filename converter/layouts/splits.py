"""Splits: where two images of one, or of all, would have one name without extension; and lists of them left unread."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Iterable, Sequence

from converter.layouts.images import is_split_name, stem
from converter.ledger import Ledger
from converter.model import Image
from converter.storage import Source
from converter.storage.names import all_differ

__all__ = ["splits_share_stems", "stems_in_two", "tell_lists"]


def tell_lists(source: Source, images: Iterable[Image], ledger: Ledger) -> None:
    """Note a list of a split (train.txt) in a set whose folders tell none; it may name only some of its images."""
    if any(image.split for image in images):
        return
    for path in source.names():
        bare, ending = posixpath.splitext(posixpath.basename(path))
        if ending.lower() == ".txt" and is_split_name(bare):
            said = f"lists of splits count only with --split-from; this one would say what is {bare}"
            ledger.note("splits-unread", source.label(path), said)
            return


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
