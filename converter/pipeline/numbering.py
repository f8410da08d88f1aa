"""The ids that images and instances have in the output."""

from __future__ import annotations

from collections.abc import Sequence

from converter.layouts.images import own_ids
from converter.model import Image
from converter.pipeline.plan import Plan

__all__ = ["ImageNumbers", "InstanceNumbers"]


class ImageNumbers:
    """Final image ids: those of the source where every image has one of its own, else 1, 2, 3, ..."""

    def __init__(self, plan: Plan) -> None:
        self.keep = plan.steps.tile is None and own_ids(item.image for item in plan.items)
        self.next = 1

    def take(self, image: Image) -> int:
        number = self.next
        self.next += 1
        return image.id if self.keep and image.id is not None else number


class InstanceNumbers:
    """Final instance ids: those of the source where they are unique over the dataset, else 1, 2, 3, ..."""

    def __init__(self, plan: Plan) -> None:
        self.keep = plan.ids_kept
        self.next = 1

    def take(self, ids: Sequence[int | None]) -> list[int]:
        first = self.next
        self.next += len(ids)
        kept = [i for i in ids if i is not None]
        return kept if self.keep and len(kept) == len(ids) else list(range(first, self.next))
