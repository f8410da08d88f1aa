"""The classes of Cityscapes, which KITTI's semantic set shares: ids, names, colours, and which have instances.

Source: the label table of cityscapesScripts, helpers/labels.py.
"""

from __future__ import annotations

from collections.abc import Iterable

from converter.model import ClassInfo

__all__ = ["BACKGROUND", "CLASSES", "THINGS", "TRAINED", "is_street"]

BACKGROUND = "unlabeled"
_STUFF = (
    ("ego vehicle", (0, 0, 0)),
    ("rectification border", (0, 0, 0)),
    ("out of roi", (0, 0, 0)),
    ("static", (0, 0, 0)),
    ("dynamic", (111, 74, 0)),
    ("ground", (81, 0, 81)),
    ("road", (128, 64, 128)),
    ("sidewalk", (244, 35, 232)),
    ("parking", (250, 170, 160)),
    ("rail track", (230, 150, 140)),
    ("building", (70, 70, 70)),
    ("wall", (102, 102, 156)),
    ("fence", (190, 153, 153)),
    ("guard rail", (180, 165, 180)),
    ("bridge", (150, 100, 100)),
    ("tunnel", (150, 120, 90)),
    ("pole", (153, 153, 153)),
    ("polegroup", (153, 153, 153)),
    ("traffic light", (250, 170, 30)),
    ("traffic sign", (220, 220, 0)),
    ("vegetation", (107, 142, 35)),
    ("terrain", (152, 251, 152)),
    ("sky", (70, 130, 180)),
)
_THINGS = (
    ("person", (220, 20, 60)),
    ("rider", (255, 0, 0)),
    ("car", (0, 0, 142)),
    ("truck", (0, 0, 70)),
    ("bus", (0, 60, 100)),
    ("caravan", (0, 0, 90)),
    ("trailer", (0, 0, 110)),
    ("train", (0, 80, 100)),
    ("motorcycle", (0, 0, 230)),
    ("bicycle", (119, 11, 32)),
)

CLASSES: tuple[ClassInfo, ...] = tuple(
    ClassInfo(id, name, color, id, name) for id, (name, color) in enumerate((*_STUFF, *_THINGS), 1)
)
THINGS = frozenset(range(len(_STUFF) + 1, len(_STUFF) + len(_THINGS) + 1))
"""Ids of the classes whose objects are told apart: 24 to 33."""

_LEFT_OUT = frozenset({1, 2, 3, 4, 5, 6, 9, 10, 14, 15, 16, 18, 29, 30})
TRAINED: tuple[ClassInfo, ...] = tuple(
    ClassInfo(place, c.name, c.color, place, c.name)
    for place, c in enumerate(c for c in CLASSES if c.id not in _LEFT_OUT)
)
"""The 19 classes that are trained on, by their trainId; 255 is anything else."""


def is_street(classes: Iterable[ClassInfo]) -> bool:
    """Whether classes are some of Cityscapes', by id and name."""
    known = {c.id: c.name for c in CLASSES}
    return all(known.get(c.id) == c.name for c in classes)
