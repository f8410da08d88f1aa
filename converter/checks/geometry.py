"""Do boxes and areas that the source claims fit the masks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from converter.checks.catalog import finding
from converter.checks.subject import Subject
from converter.geometry.claims import BOX, box_off, is_area_off
from converter.model import Finding

__all__ = ["check"]


def check(subject: Subject) -> Iterator[Finding]:
    """Claims of objects that have a mask with pixels in it."""
    for each in subject.drawn:
        if each.mask is None or not each.area:
            continue
        where: dict[str, Any] = {"image": subject.name, "instance": each.told, "file": each.file}
        box, tight, area = each.instance.box, each.box, each.instance.area
        if box is not None:
            off = box_off(box, tight)
            if off > BOX:
                said = f"[{box.x:g}, {box.y:g}, {box.w:g}, {box.h:g}]"
                real = f"[{tight.x:g}, {tight.y:g}, {tight.w:g}, {tight.h:g}]"
                message = f"the box is {said}, that of the mask {real}: {off:.4g} px off"
                yield finding("box-mismatch", message, **where, details={"pixels": round(off, 3)})
        if area is not None and is_area_off(area, each.area):
            message = f"the area is given as {area:.10g} and the mask has {each.area} px"
            yield finding("area-mismatch", message, **where, details={"pixels": round(abs(area - each.area), 3)})
