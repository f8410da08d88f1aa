"""One image on its way through the transforms: loaded, turned, sorted out, resized, cut into tiles.

Runs in a worker, and is a pure function of one item of the plan.
"""

from __future__ import annotations

import hashlib
from collections import Counter

import msgspec

from converter.codecs import phash
from converter.codecs.pixels import check_size
from converter.errors import SourceError
from converter.extras import ignored, ignoring
from converter.format import Holds, WriteOptions
from converter.geometry import labelmap, rle
from converter.ledger import Ledger, Skipped
from converter.lower import Lowering, cut
from converter.model import Image, Sample
from converter.pipeline.plan import Item, Part, Plan
from converter.transforms import classes as class_files
from converter.transforms import edits, orientation, resize, select
from converter.transforms.orientation import Framed
from converter.transforms.origins import TAG
from converter.transforms.split import Facts
from converter.transforms.warp import Warp, warp_rle, warp_sample

__all__ = ["Drawn", "draw", "facts"]


class Drawn(msgspec.Struct, frozen=True):
    """A sample that is ready to be lowered, and its image file; `new` when its bytes are not the source's."""

    sample: Sample
    data: bytes | None
    new: bool = False


def _load(plan: Plan, item: Item, how: Lowering, ledger: Ledger) -> Framed | None:
    """The sample with the name, split and classes that it will have; None when it was skipped or filtered out."""
    part = plan.parts[item.part]
    opened = part.opened
    framed = orientation.load(opened.format, opened.reading, opened.scan.header, item.ref, plan.steps.exif, ledger)
    if framed is None:
        return None
    sample = msgspec.structs.replace(framed.sample, image=_named(framed.sample.image, item))
    if sample.labels is not None and plan.header.task == "instance":
        sample = cut(sample, msgspec.structs.replace(how, source=opened.scan.header), ledger)
    sample = _mapped(sample, part, plan, ledger)
    sample = select.select_instances(plan.steps.conditions, sample, ledger)
    sourced = item.source is not None
    if not select.keeps_sample(plan.steps.conditions, sample, plan.header, ledger, sourced=sourced):
        return None
    return msgspec.structs.replace(framed, sample=sample)


def _named(image: Image, item: Item) -> Image:
    extra = image.extra
    if item.source is not None:
        tag = {TAG: item.source} if item.source else {}
        extra = {k: v for k, v in extra.items() if k != TAG} | tag
    return msgspec.structs.replace(image, name=item.image.name, split=item.image.split, id=item.image.id, extra=extra)


def _mapped(sample: Sample, part: Part, plan: Plan, ledger: Ledger) -> Sample:
    if part.mapping is None:
        return sample
    return class_files.apply(sample, part.mapping, plan.header.background_id, ledger)


def draw(plan: Plan, item: Item, how: Lowering, ledger: Ledger) -> list[Drawn]:
    """What one image of the source becomes: itself, its tiles, or nothing."""
    framed = _load(plan, item, how, ledger)
    if framed is None:
        return []
    try:
        drawn = [framed] if not plan.steps.moves else _moved(plan, item, framed, ledger)
    except SourceError as error:
        try:
            ledger.skip_image(framed.sample.image.path, error)
        except Skipped:
            return []
    return [_edited(plan, d, how, ledger) for d in drawn]


def _edited(plan: Plan, drawn: Framed | Drawn, how: Lowering, ledger: Ledger) -> Drawn:
    sample = drawn.sample
    if plan.steps.edits.any:
        if sample.labels is not None and how.holds.task == "instance":
            sample = cut(sample, how, ledger)
        sample = edits.apply(sample, plan.steps.edits, plan.header, ledger)
    return Drawn(sample, drawn.data, isinstance(drawn, Drawn) and drawn.new)


def facts(plan: Plan, item: Item, ledger: Ledger) -> Facts | None:
    """What splitting has to know of one image; None for one that will not be written."""
    how = Lowering(plan.header, plan.header, Holds(attributes=True), WriteOptions(), {})
    framed = _load(plan, item, how, ledger)
    if framed is None:
        return None
    names = {c.id: c.name for c in plan.header.classes}
    if framed.sample.labels is not None:
        found = {int(v): 1 for v in labelmap.values(framed.sample.labels)[0]}
    else:
        found = dict(Counter(i.class_id for i in framed.sample.instances if not i.iscrowd))
    classes = {names[id]: n for id, n in found.items() if id in names}
    if framed.data is None:
        return Facts(item.image.name, classes)
    digest = hashlib.sha256(framed.data).hexdigest()
    return Facts(item.image.name, classes, digest, _look(plan, item, framed.data))


def _look(plan: Plan, item: Item, data: bytes) -> phash.Look | None:
    try:
        return phash.look(data, plan.parts[item.part].opened.reading.images.label(item.ref.image.file or ""))
    except SourceError:
        return None  # no picture that could be like another; what is wrong with it is told when it is drawn


# ---------------------------------------------------------------- pixels


def _moved(plan: Plan, item: Item, framed: Framed, ledger: Ledger) -> list[Drawn]:
    """The image file and what is drawn on it, through the same geometry."""
    from converter.pipeline import redrawing  # noqa: PLC0415 -- brings Pillow, which most runs do without

    sample, before = framed.sample, framed.sample.image
    grid: Warp | None = None
    if plan.steps.resize is not None:
        grid = resize.warp(plan.steps.resize, before.width, before.height)
        check_size(grid.x.size, grid.y.size, f"{before.path}, resized")
        step = resize.step(grid, before.width, before.height)
        sample = warp_sample(sample, grid, plan.pad, None if grid.keeps else step, ledger)
        sample = _ignore_margin(sample, grid, plan)
    if plan.steps.tile is None:
        data, new = redrawing.redrawn(plan, item, framed, grid)
        return [Drawn(sample, data, new)]
    windows = redrawing.tiles(plan, item, framed, grid, sample, ledger)
    return [Drawn(part, data, new=True) for part, data in windows]


def _ignore_margin(sample: Sample, grid: Warp, plan: Plan) -> Sample:
    """The margin joins the region to be ignored, where a set of regions says that every pixel has a class."""
    header = plan.header
    if not grid.pads or sample.labels is not None or header.task != "semantic" or header.background_id is not None:
        return sample
    image = sample.image
    inner = warp_rle(rle.full(grid.y.source, grid.x.source), grid)
    margin = rle.complement(inner)
    before = ignored(image)
    whole = margin if before is None else rle.union([margin, before])
    return msgspec.structs.replace(sample, image=ignoring(image, whole))
