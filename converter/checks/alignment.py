"""Do images and masks lie on each other: EXIF turns, and shapes that leave the image.

Sizes that do not fit are refused in reading, shifts are found over the whole set (shift.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from converter.checks.catalog import finding
from converter.checks.subject import Drawn, Subject
from converter.model import Box, Finding, Image, Marks, Polygons

__all__ = ["SLACK", "check", "outside", "turned"]

SLACK = 1.0  # pixels; annotation tools put points on the edge and just beyond


def turned(image: Image, name: str, file: str) -> Iterator[Finding]:
    """The tag that makes a viewer show another picture than the one that is stored."""
    if image.orientation != 1:
        message = (
            f"EXIF orientation {image.orientation}: the picture is stored {image.width}x{image.height} and shown turned"
        )
        yield finding("exif-orientation", message, image=name, file=file)


def check(subject: Subject) -> Iterator[Finding]:
    """Shapes that reach more than a pixel outside; boxes beside a mask are a question of geometry."""
    for each in subject.drawn:
        beyond = outside(each, subject.image)
        if beyond > SLACK:
            message = f"reaches {beyond:.4g} px outside the image of {subject.image.width}x{subject.image.height}"
            where: dict[str, Any] = {"image": subject.name, "instance": each.told, "file": each.file}
            yield finding("out-of-bounds", message, **where, details={"pixels": round(beyond, 3)})


def outside(each: Drawn, image: Image) -> float:
    """How far an object reaches outside its image, in pixels; 0 when it does not."""
    shape = each.instance.shape
    if isinstance(shape, Polygons):
        return max((_beyond(ring, image) for ring in shape.rings if ring), default=0.0)
    if isinstance(shape, Marks):
        return _beyond(shape.points, image) if shape.points else 0.0
    if isinstance(shape, Box):
        return _beyond((shape.x, shape.y, shape.x + shape.w, shape.y + shape.h), image)
    return 0.0


def _beyond(points: Sequence[float], image: Image) -> float:
    """As `outside`, of points x, y, x, y, ..."""
    if min(points) >= 0 and max(points) <= min(image.width, image.height):
        return 0.0
    xs, ys = points[0::2], points[1::2]
    return float(max(-min(xs), -min(ys), max(xs) - image.width, max(ys) - image.height, 0))
