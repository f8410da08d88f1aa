"""Is something drawn: images without annotations, masks without a pixel, specks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from converter.checks.catalog import finding
from converter.checks.subject import Facts, Subject
from converter.model import Box, Finding, Marks, Polygons

__all__ = ["TINY", "bare_boxes", "check"]

TINY = 16  # pixels
FRACTIONS = "fractions of the image? multiply them by its width and height"


def check(subject: Subject, refused: int = 0) -> Iterator[Finding]:
    """`refused` is how many objects of the image could not be read: they were drawn all the same."""
    if subject.labels is not None:
        yield from _label_map(subject)
        return
    if not subject.drawn and not refused:
        message = "nothing is drawn on this image"
        yield finding("no-annotations", message, image=subject.name, file=subject.file)
    for each in subject.drawn:
        shape = each.instance.shape
        where: dict[str, Any] = {"image": subject.name, "instance": each.told, "file": each.file}
        if isinstance(shape, Marks):
            continue
        if isinstance(shape, Box):
            if not (shape.w > 0 and shape.h > 0):
                yield finding("empty-mask", f"the box is {shape.w:g} x {shape.h:g} pixels", **where)
            continue
        if not each.area:
            fix = FRACTIONS if isinstance(shape, Polygons) and _in_fractions(shape) else ""
            yield finding("empty-mask", "the mask has no pixel", **where, fix=fix)
        elif each.area < TINY:
            yield finding("tiny-instance", f"the mask has {each.area} px", **where, details={"pixels": each.area})


def _in_fractions(shape: Polygons) -> bool:
    return all(0 <= value <= 1 for ring in shape.rings for value in ring)


def bare_boxes(facts: Sequence[Facts]) -> Iterator[Finding]:
    """That some objects are boxes alone where others have masks: told once, as some sets have many."""
    boxes, masks = sum(f.boxes for f in facts), sum(f.masks for f in facts)
    if boxes and masks:
        first = next(f for f in facts if f.boxes)
        which = f"{boxes:,} of {boxes + masks:,} objects {'is a box' if boxes == 1 else 'are boxes'} without a mask"
        message = f"{which}, here first: what trains on masks leaves such objects out, or fails on them"
        fix = "draw their masks, or remove them; converting with --boxes-as-masks fills the boxes"
        yield finding("empty-mask", message, image=first.image, fix=fix, details={"boxes": boxes})


def _label_map(subject: Subject) -> Iterator[Finding]:
    header = subject.header
    nothing = {header.background_id, header.ignore_id} - {None}
    if subject.values.keys() <= nothing:
        shown = " and ".join(map(str, subject.values))
        yield finding("empty-mask", f"every pixel is {shown}: no class in it", image=subject.name, file=subject.file)
