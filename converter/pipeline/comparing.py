"""One image of two datasets: what is drawn on it on one side and not on the other.

Objects are matched by class and best IoU. Masks are the same when their run-length codes are.

They are compared on the pixels as they are stored. Where an EXIF tag turns one of the two images and not
the other, the pixels were turned upright or the tag was lost: then they are compared as they are shown,
unless the stored pixels are the same.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

import msgspec
import numpy as np

from converter.extras import ignored
from converter.geometry import labelmap, rle, shapes
from converter.geometry.overlaps import iou_table
from converter.ledger import Ledger
from converter.lower import Lowering, lower
from converter.model import IGNORE, Box, Header, Image, Instance, Loss, Marks, Ref, Rle, Sample
from converter.pipeline.opening import Opened
from converter.pipeline.shown import as_stored, upright
from converter.transforms.orientation import Framed

__all__ = ["Compare", "ImageDiff", "InstanceDiff", "Pair", "Thing", "things_of"]

Kind: TypeAlias = Literal["changed", "missing", "extra", "class", "crowd"]
Region: TypeAlias = tuple[int, int, int, int]
MATCHED = 0.1  # IoU under which two objects are not one that was changed
NEAR = 0.01  # pixels between boxes: formats write them in few digits
IGNORED = "(ignored)"


class InstanceDiff(msgspec.Struct, frozen=True):
    """An object (of label maps: the region of a class) that is not the same on both sides.

    changed: other pixels; missing: only in the first; extra: only in the second; class: the
    same pixels in another class; crowd: the flag differs. `a` and `b` are ids, else numbers from 1.
    `differing` pixels lie in one of the two only, within `region`: left, top, width and height.
    """

    kind: Kind
    class_name: str
    a: int | None
    b: int | None
    iou: float
    pixels_a: int
    pixels_b: int
    differing: int
    region: Region
    message: str


class ImageDiff(msgspec.Struct, frozen=True):
    """What differs in an image. `size`: of the second, where it differs; `content`: pixels of the picture that do."""

    image: str
    other: str
    size_a: tuple[int, int]
    size_b: tuple[int, int]
    content: int
    equal: int
    instances: list[InstanceDiff]

    @property
    def differs(self) -> bool:
        return self.size_a != self.size_b or self.content != 0 or bool(self.instances)


class Pair(msgspec.Struct, frozen=True):
    """An image on both sides."""

    a: Ref
    b: Ref


class Thing(msgspec.Struct, frozen=True):
    """An object as it is compared: its class in the words of the first dataset."""

    told: int
    class_name: str
    shape: Rle | Box | Marks
    mask: Rle | None
    crowd: bool = False


class Compare(msgspec.Struct, frozen=True):
    """Loads an image from both datasets and compares what is drawn on it, and the picture."""

    a: Opened
    b: Opened
    names: Mapping[str, str]
    plan_a: Lowering | None
    plan_b: Lowering | None

    def __call__(self, pair: Pair) -> tuple[ImageDiff | None, list[Loss]]:
        one, two = Ledger(self.a.reading.on_error), Ledger(self.b.reading.on_error)
        left, right = self.sides(pair, one, two)
        losses = [*_skips(one), *_skips(two)]
        if left is None or right is None:
            return None, losses
        mine, theirs = left.sample, right.sample
        size_a, size_b = ((s.image.width, s.image.height) for s in (mine, theirs))
        content, equal = 0, 0
        found: list[InstanceDiff] = []
        if size_a == size_b:
            content = self._content(left, right)
            things_a = things_of(mine, self.a.scan.header, self.plan_a, {})
            things_b = things_of(theirs, self.b.scan.header, self.plan_b, self.names)
            equal, found = _differences(things_a, things_b)
        image = ImageDiff(mine.image.path, theirs.image.path, size_a, size_b, content, equal, found)
        return image, losses

    def sides(self, pair: Pair, one: Ledger, two: Ledger) -> tuple[Framed | None, Framed | None]:
        """Both samples in the frame in which they are compared; None for one that was skipped."""
        left, right = as_stored(self.a, pair.a, one), as_stored(self.b, pair.b, two)
        if left is None or right is None:
            return left, right
        a, b = left.sample.image, right.sample.image
        if a.orientation == b.orientation:
            return left, right
        if (a.width, a.height) == (b.width, b.height) and not self._content(left, right):
            return left, right
        return upright(self.a, pair.a, Ledger("skip")), upright(self.b, pair.b, Ledger("skip"))

    def _content(self, one: Framed, two: Framed) -> int:
        """Pixels of the picture that differ; files that are the same byte for byte are not decoded."""
        file_a, file_b = one.sample.image.file, two.sample.image.file
        if file_a is None or file_b is None:
            return 0
        a = one.data if one.data is not None else self.a.reading.images.read(file_a)
        b = two.data if two.data is not None else self.b.reading.images.read(file_b)
        if hashlib.sha256(a).digest() == hashlib.sha256(b).digest():
            return 0
        from converter.codecs.samples import differing  # noqa: PLC0415 -- brings Pillow, which equal files do without

        return differing(a, file_a, b, file_b, (one.turned, two.turned))


def _skips(ledger: Ledger) -> list[Loss]:
    return [loss for loss in ledger.losses if loss.code.startswith("skipped")]


def things_of(sample: Sample, header: Header, how: Lowering | None, names: Mapping[str, str]) -> list[Thing]:
    """What is drawn on an image, and what is to be ignored of it; with `how` the regions of classes."""
    if how is not None:
        return _regions(sample, how, names)
    image, called = sample.image, {c.id: names.get(c.name, c.name) for c in header.classes}
    things = [
        _thing(i, i.id if i.id is not None else n, called[i.class_id], image) for n, i in enumerate(sample.instances, 1)
    ]
    region = ignored(image)
    return things if region is None else [*things, Thing(IGNORE, IGNORED, region, region)]


def _thing(instance: Instance, told: int, class_name: str, image: Image) -> Thing:
    shape = instance.shape
    if isinstance(shape, Marks):
        return Thing(told, class_name, shape, None, instance.iscrowd)
    mask = shapes.mask_of(shape, image.height, image.width)
    mask = msgspec.structs.replace(mask, listed=False)
    return Thing(told, class_name, shape if isinstance(shape, Box) else mask, mask, instance.iscrowd)


def _regions(sample: Sample, how: Lowering, names: Mapping[str, str]) -> list[Thing]:
    lowered = lower(sample, how, Ledger())
    assert lowered.labels is not None
    target = how.target
    called = {c.id: names.get(c.name, c.name) for c in target.classes}
    if how.ignored_after is not None:
        called[how.ignored_after] = IGNORED
    found = labelmap.regions(lowered.labels)
    return [Thing(id, called[id], region, region) for id, region in found.items() if id in called]


def _differences(a: Sequence[Thing], b: Sequence[Thing]) -> tuple[int, list[InstanceDiff]]:
    """How many objects are the same, and what the others differ in."""
    pairs = _exact(a, b, lambda t: (t.class_name, t.crowd))
    equal = len(pairs)
    found: list[InstanceDiff] = []
    left, right = _rest(a, b, pairs)
    for key, kind in ((lambda t: t.class_name, "crowd"), (lambda t: t.crowd, "class")):
        twins = _exact(left, right, key)
        found += [_told(kind, left[i], right[j]) for i, j in twins]
        left, right = _rest(left, right, twins)
    near = _nearest(left, right)
    found += [_told("changed", left[i], right[j]) for i, j in near]
    left, right = _rest(left, right, near)
    found += [_told("missing", thing, None) for thing in left]
    found += [_told("extra", None, thing) for thing in right]
    return equal, found


def _rest(a: Sequence[Thing], b: Sequence[Thing], pairs: Sequence[tuple[int, int]]) -> tuple[list[Thing], list[Thing]]:
    used_a, used_b = {i for i, _ in pairs}, {j for _, j in pairs}
    return [t for i, t in enumerate(a) if i not in used_a], [t for j, t in enumerate(b) if j not in used_b]


def _exact(a: Sequence[Thing], b: Sequence[Thing], key: Callable[[Thing], Any]) -> list[tuple[int, int]]:
    """Pairs with the same key and the same shape, in order."""
    waiting: dict[Any, list[int]] = defaultdict(list)
    for j, thing in enumerate(b):
        waiting[key(thing), _print(thing)].append(j)
    pairs = []
    for i, thing in enumerate(a):
        mine = waiting.get((key(thing), _print(thing)))
        if mine:
            pairs.append((i, mine.pop(0)))
    return pairs


def _print(thing: Thing) -> Any:
    """What is the same for the same shape."""
    if isinstance(thing.shape, Box):
        return "box", *(round(v / NEAR) for v in (thing.shape.x, thing.shape.y, thing.shape.w, thing.shape.h))
    if isinstance(thing.shape, Marks):
        return thing.shape.kind, tuple(thing.shape.points)
    return "mask", thing.shape.counts


def _nearest(a: Sequence[Thing], b: Sequence[Thing]) -> list[tuple[int, int]]:
    """Pairs of one class by descending IoU, each object once."""
    by_class: dict[str, tuple[list[int], list[int]]] = {}
    for side, things in enumerate((a, b)):
        for i, thing in enumerate(things):
            if thing.mask is not None:
                by_class.setdefault(thing.class_name, ([], []))[side].append(i)
    found: list[tuple[float, int, int]] = []
    for mine, theirs in by_class.values():
        table = iou_table([m for i in mine if (m := a[i].mask)], [m for j in theirs if (m := b[j].mask)])
        found += [(-table[r, c], mine[r], theirs[c]) for r, c in np.argwhere(table >= MATCHED).tolist()]
    pairs: list[tuple[int, int]] = []
    used_a: set[int] = set()
    used_b: set[int] = set()
    for _, i, j in sorted(found):
        if i not in used_a and j not in used_b:
            pairs.append((i, j))
            used_a.add(i)
            used_b.add(j)
    return sorted(pairs)


def _told(kind: Any, a: Thing | None, b: Thing | None) -> InstanceDiff:
    thing = a or b
    assert thing is not None
    left, right = (t.mask if t is not None else None for t in (a, b))
    pixels = [rle.area(m) if m is not None else 0 for m in (left, right)]
    iou, changed = 0.0, left or right
    if left is not None and right is not None:
        iou, changed = rle.iou(left, right), rle.xor(left, right)
    differing = rle.area(changed) if changed is not None else 0
    region = rle.tight_box(changed) if changed is not None else (0, 0, 0, 0)
    return InstanceDiff(
        kind,
        thing.class_name,
        a.told if a else None,
        b.told if b else None,
        round(iou, 6),
        pixels[0],
        pixels[1],
        differing,
        region,
        _words(kind, a, b, pixels, iou, differing),
    )


def _words(kind: str, a: Thing | None, b: Thing | None, pixels: Sequence[int], iou: float, differing: int) -> str:
    if a is None or b is None:
        thing = a or b
        assert thing is not None
        side = "first" if b is None else "second"
        return f"{thing.class_name} {thing.told} ({sum(pixels)} px) is only in the {side}"
    name = f"{a.class_name} {a.told}" + (f" / {b.told}" if a.told != b.told else "")
    if kind == "class":
        return f"{name} is {b.class_name} in the second, with the same pixels"
    if kind == "crowd":
        return f"{name} is {'a' if b.crowd else 'no'} crowd in the second"
    if isinstance(a.shape, Box) != isinstance(b.shape, Box):
        first, second = ("a box", "a mask") if isinstance(a.shape, Box) else ("a mask", "a box")
        return f"{name} is {first} in the first and {second} in the second, IoU {iou:.4f}"
    if isinstance(a.shape, Box) and isinstance(b.shape, Box):
        return f"{name}: the box {_box(a.shape)} is {_box(b.shape)} in the second"
    return f"{name}: {differing} px differ, IoU {iou:.4f} ({pixels[0]} and {pixels[1]} px)"


def _box(box: Box) -> str:
    return f"[{box.x:.6g}, {box.y:.6g}, {box.w:.6g}, {box.h:.6g}]"
