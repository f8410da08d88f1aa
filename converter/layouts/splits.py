"""Splits in formats that keep the images of all splits in one folder."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

from converter.model import Image
from converter.storage.names import all_differ

__all__ = ["splits_share_stems"]


def splits_share_stems(images: Sequence[Image]) -> bool:
    """Whether images of different splits would fall on one path in a folder of all."""
    if all_differ(posixpath.splitext(i.name)[0] for i in images):
        return False
    split_of: dict[str, str | None] = {}
    stems = ((posixpath.splitext(i.name)[0], i.split) for i in images)
    return any(split_of.setdefault(stem, split) != split for stem, split in stems)
