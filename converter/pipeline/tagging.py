"""Which set each image of a merged dataset came from, as far as the dataset tells."""

from __future__ import annotations

from converter.layouts.coco_images import with_extra
from converter.layouts.coco_read import Payload
from converter.package.meta import merged_sets
from converter.pipeline.opening import Opened
from converter.transforms import origins

__all__ = ["source_tags"]

KEY = f'"{origins.TAG}"'.encode()


def source_tags(opened: Opened) -> dict[str, str]:
    """What `--filter source=` goes by, of each image by its shown name; empty unless there are at least two tags."""
    told, found = bool(merged_sets(opened.scan.header.extra)), {}
    for ref in opened.scan.refs:
        image = ref.image
        if isinstance(ref.payload, Payload) and KEY in ref.payload.entry:
            image, told = with_extra(image, ref.payload.entry), True
        found[image.path] = origins.source_of(image)
    return found if told and len(set(found.values())) > 1 else {}
