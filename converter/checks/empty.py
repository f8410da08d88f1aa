"""Is something drawn: images without annotations, masks without a pixel, specks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from converter.checks.catalog import finding
from converter.checks.subject import Subject
from converter.model import Box, Finding, Marks

__all__ = ["TINY", "check"]

TINY = 16  # pixels


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
            yield finding("empty-mask", "the mask has no pixel", **where)
        elif each.area < TINY:
            yield finding("tiny-instance", f"the mask has {each.area} px", **where, details={"pixels": each.area})


def _label_map(subject: Subject) -> Iterator[Finding]:
    header = subject.header
    nothing = {header.background_id, header.ignore_id} - {None}
    if subject.values.keys() <= nothing:
        shown = " and ".join(map(str, subject.values))
        yield finding("empty-mask", f"every pixel is {shown}: no class in it", image=subject.name, file=subject.file)
