"""All 25 pairs of the core formats, source and target read without segpack, pixels judged by the COCO API."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import converter
from converter.errors import UsageError
from tests import oracle
from tests.conformance.trees import READERS, Drawn, Thing
from tests.support import CORE, FIXTURES

PAIRS = [(a, b) for a in CORE for b in CORE]
NEAR = 0.001  # pixels: the contract's word for boxes


@pytest.mark.parametrize("case", ["torture", "coins"])
@pytest.mark.parametrize(("source", "target"), PAIRS, ids=lambda name: name)
def test_each_pair_of_formats_keeps_what_the_target_holds(source, target, case, tmp_path):
    origin = FIXTURES / source / "valid" / case
    before = {Path(k).name: v for k, v in READERS[source](origin).items()}
    fills = source == "yolo" and target not in {"yolo", "coco"}
    if fills:
        with pytest.raises(UsageError, match="--boxes-as-masks"):
            converter.convert(origin, tmp_path / "out", to=target)
        assert not (tmp_path / "out").exists()
    result = converter.convert(origin, tmp_path / "out", to=target, boxes_as_masks=fills)
    after = {Path(k).name: v for k, v in READERS[target](tmp_path / "out").items()}
    assert after.keys() == before.keys()
    for name, drawn in before.items():
        EXPECTED[target](fitted(drawn, target), after[name])
    if target == "semantic-png":
        hidden = sum(loss.amount for loss in result.losses if loss.code == "overlap-hidden")
        assert hidden == sum(_hidden(fitted(drawn, target)) for drawn in before.values())


def fitted(drawn: Drawn, target: str) -> Drawn:
    """The objects that a target holds: regions of a label map, filled boxes; in yolo no crowds and no empty ones."""
    things = drawn.things
    if drawn.labels is not None and target != "semantic-png":
        things = [Thing(n, drawn.labels == n) for n in sorted(set(drawn.labels.ravel())) if n]
    if target not in {"yolo", "coco"}:
        things = [
            t if t.box is None else replace(t, box=None, mask=oracle.box_pixels(t.box, *drawn.size)) for t in things
        ]
    if target in {"yolo", "yolo-seg", "semantic-png"}:
        things = [t for t in things if t.mask is None or t.mask.any()]
    if target in {"yolo", "yolo-seg"}:
        things = [t for t in things if not t.iscrowd]
    return replace(drawn, things=things)


def _hidden(drawn: Drawn) -> int:
    """Pixels of objects that lie under another one, counted once for each object."""
    covered = np.zeros(drawn.size, np.int64)
    for thing in drawn.things:
        covered += thing.pixels
    return int(np.maximum(covered - 1, 0).sum())


def same_masks(expected: Drawn, found: Drawn) -> None:
    assert _masks(found) == _masks(expected)


def _masks(drawn: Drawn) -> Counter[tuple[object, ...]]:
    return Counter((t.name, t.iscrowd, t.box or oracle.digest(t.pixels)) for t in drawn.things)


def same_boxes(expected: Drawn, found: Drawn) -> None:
    wanted = sorted(((t.name, *t.extent) for t in expected.things), key=oracle.rounded)
    boxes = sorted(((t.name, *t.extent) for t in found.things), key=oracle.rounded)
    assert [b[0] for b in boxes] == [w[0] for w in wanted]
    for mine, theirs in zip(boxes, wanted, strict=True):
        assert mine[1:] == pytest.approx(theirs[1:], abs=NEAR)


def same_labels(expected: Drawn, found: Drawn) -> None:
    assert found.labels is not None
    if expected.labels is not None:
        assert (found.labels == expected.labels).all()
        return
    names = ["", *sorted({t.name for t in expected.things})]
    masks = [(names.index(t.name), t.pixels) for t in expected.things]
    painted = oracle.semantic(masks, expected.size)
    assert (found.labels == np.array(names, object)[painted]).all()


def same_things(expected: Drawn, found: Drawn) -> None:
    """Masks as masks and boxes as boxes."""
    same_masks(replace(expected, things=[t for t in expected.things if t.box is None]),
               replace(found, things=[t for t in found.things if t.box is None]))  # fmt: skip
    same_boxes(replace(expected, things=[t for t in expected.things if t.box is not None]),
               replace(found, things=[t for t in found.things if t.box is not None]))  # fmt: skip


EXPECTED: dict[str, Callable[[Drawn, Drawn], None]] = {
    "coco": same_things,
    "instance-png": same_masks,
    "yolo-seg": same_masks,
    "yolo": same_boxes,
    "semantic-png": same_labels,
}
