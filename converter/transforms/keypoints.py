"""Keypoints of COCO go where the pixels go that they name.

`keypoints` is [x, y, v, ...]: v is 0 for one that is not labelled, which stands at 0, 0. They name
pixels by number, so that the middle of one is half a pixel further; whole numbers stay whole where
nothing is scaled. Source: https://cocodataset.org/#format-data, "keypoint detection".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from converter.transforms.warp import Warp

__all__ = ["KEYPOINTS", "are_keypoints", "moved_keypoints"]

KEYPOINTS = "keypoints"
COUNT = "num_keypoints"
_NUMBERS = frozenset({int, float})


def are_keypoints(value: Any) -> bool:
    """Whether a value is a list of x, y and v."""
    return isinstance(value, list) and len(value) % 3 == 0 and set(map(type, value)) <= _NUMBERS


def moved_keypoints(extra: Mapping[str, Any], warp: Warp) -> dict[str, Any]:
    """The extras of an object, its keypoints moved; those that come to lie outside are labelled no more."""
    values = extra[KEYPOINTS]
    points: list[float] = []
    for x, y, v in zip(values[0::3], values[1::3], values[2::3], strict=True):
        points += [x, y, v] if v == 0 else _moved(x, y, v, warp)
    changed = {**extra, KEYPOINTS: points}
    if COUNT in extra:
        changed[COUNT] = sum(v != 0 for v in points[2::3])
    return changed


def _moved(x: float, y: float, v: float, warp: Warp) -> list[float]:
    to_x, to_y = (_number(value - 0.5) for value in warp.points([x + 0.5, y + 0.5]))
    within = -0.5 <= to_x < warp.x.size - 0.5 and -0.5 <= to_y < warp.y.size - 0.5
    return [to_x, to_y, v] if within else [0, 0, 0]


def _number(value: float) -> float:
    return int(value) if value == int(value) else value
