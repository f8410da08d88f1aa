"""The image file of an item, drawn anew as what is drawn on it was moved: turned, resized, cut into tiles."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from converter.codecs import redraw
from converter.ledger import Ledger
from converter.model import Sample
from converter.pipeline.plan import Item, Plan
from converter.transforms import tile
from converter.transforms.orientation import Framed
from converter.transforms.warp import Warp, warp_sample

__all__ = ["redrawn", "tiles"]

GIF = b"GIF8"


def redrawn(plan: Plan, item: Item, framed: Framed, grid: Warp | None) -> tuple[bytes | None, bool]:
    """The bytes of the image file, and whether they are not those of the source."""
    data = framed.data
    same = framed.turned == 1 and (grid is None or grid.keeps)
    if data is None or (same and not (grid is not None and data.startswith(GIF))):
        return data, False
    return redraw.encode(_picture(plan, item, framed, data, grid)), True


def tiles(
    plan: Plan, item: Item, framed: Framed, grid: Warp | None, sample: Sample, ledger: Ledger
) -> list[tuple[Sample, bytes | None]]:
    """The windows of an image that was resized by `grid`: what is drawn in each, and its image file."""
    how = plan.steps.tile
    assert how is not None
    image, data, sample = sample.image, framed.data, tile.numbered(sample)
    picture = _picture(plan, item, framed, data, grid) if data is not None else None
    format = redraw.lossless_format(picture) if picture is not None else tile.usual_format(image.name)
    found, reach = [], tile.Reach(sample)
    for window in tile.windows(how, image.width, image.height):
        step = tile.step(window, image.name, image.width, image.height)
        cutout = tile.warp(window, image.width, image.height)
        part = warp_sample(reach.within(window) if cutout.cuts else sample, cutout, plan.pad, step, ledger)
        name = tile.tile_name(image.name, window, format, shared=item.shared)
        named = msgspec.structs.replace(part.image, name=name, id=None, orientation=image.orientation)
        part = msgspec.structs.replace(part, image=named)
        cutting = redraw.encode(redraw.crop(picture, *window), lossless=True) if picture is not None else None
        found.append((part, cutting))
    _tell_unseen(sample, [part for part, _ in found], ledger)
    return found


def _tell_unseen(sample: Sample, parts: Sequence[Sample], ledger: Ledger) -> None:
    """Objects that no tile has: those without a pixel, and what lies outside the image."""
    seen = {instance.extra[tile.WHOLE] for part in parts for instance in part.instances}
    for instance in sample.instances:
        if instance.extra[tile.WHOLE] not in seen:
            told, name = instance.extra[tile.WHOLE], sample.image.path
            ledger.lose("instance-vanished", name, "no tile shows anything of it", instance=told, amount=0)


def _picture(plan: Plan, item: Item, framed: Framed, data: bytes, grid: Warp | None) -> redraw.Picture:
    reading = plan.parts[item.part].opened.reading
    picture = redraw.read(data, reading.images.label(item.ref.image.file or ""))
    if framed.turned != 1:
        picture = redraw.turn(picture, framed.turned)
    if grid is not None and plan.steps.resize is not None and not grid.keeps:
        inner, at, size = (grid.x.length, grid.y.length), (grid.x.first, grid.y.first), (grid.x.size, grid.y.size)
        picture = redraw.place(picture, inner, at, size, plan.steps.resize.pad)
    return picture
