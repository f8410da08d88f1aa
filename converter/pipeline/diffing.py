"""`diff`: what two datasets, of whatever formats, do not have in common.

Images are matched by split and name, and where splits differ by the name alone; classes by
name; objects by class and best IoU. Masks are the same when their run-length codes are. Of
datasets of which one is semantic, regions of classes are compared: what the instance dataset
would look like as a label map.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

import msgspec
import numpy as np

from converter import engine
from converter.codecs import images as codec
from converter.format import Holds, ReadOptions, WriteOptions
from converter.geometry import labelmap, rle, shapes
from converter.geometry.overlaps import iou_table
from converter.layouts.images import shown_name
from converter.ledger import Ledger, OnError
from converter.lower import Lowering, lower, plan
from converter.model import Box, Header, Image, Instance, Loss, Marks, Note, Ref, Rle, Sample
from converter.pipeline.opening import Opened, Progress, load_sample, open_dataset, silent

__all__ = [
    "Compare",
    "Compared",
    "Diff",
    "ImageDiff",
    "InstanceDiff",
    "Pair",
    "Side",
    "Thing",
    "compare",
    "diff",
    "things_of",
]

Kind: TypeAlias = Literal["changed", "missing", "extra", "class", "crowd"]
Region: TypeAlias = tuple[int, int, int, int]
MATCHED = 0.1  # IoU under which two objects are not one that was changed
NEAR = 0.01  # pixels between boxes: formats write them in few digits
IGNORED = "(ignored)"
SEMANTIC = Holds(task="semantic", overlaps=False)


class Side(msgspec.Struct, frozen=True):
    """One of the two datasets."""

    source: str
    format: str
    task: str
    images: int
    classes: int


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


class Renamed(msgspec.Struct, frozen=True):
    """A class that has another name on the other side, and the same id."""

    id: int
    a: str
    b: str


class Diff(msgspec.Struct, frozen=True):
    """What two datasets differ in. `compared`: objects, or regions of classes.

    `moved`: images that are in other splits, (in a, in b). `images` holds those that differ.
    """

    equal: bool
    a: Side
    b: Side
    compared: Literal["instances", "regions"]
    images_compared: int
    instances_equal: int
    images_only_a: list[str]
    images_only_b: list[str]
    moved: list[tuple[str, str]]
    classes_only_a: list[str]
    classes_only_b: list[str]
    renamed: list[Renamed]
    images: list[ImageDiff]
    counts: dict[str, int]
    losses: list[Loss]
    notes: list[Note]


class Compared(msgspec.Struct, frozen=True):
    """A comparison with what it was made from, for those who want to show more of it."""

    diff: Diff
    work: Compare
    pairs: list[Pair]


class Pair(msgspec.Struct, frozen=True):
    """An image on both sides."""

    a: Ref
    b: Ref


def diff(
    a: str,
    b: str,
    *,
    formats: tuple[str | None, str | None] = (None, None),
    options: tuple[ReadOptions | None, ReadOptions | None] = (None, None),
    on_error: OnError = "stop",
    workers: int = 1,
    progress: Progress = silent,
) -> Diff:
    """Compare the datasets at `a` and `b`. Image files may be absent on either side."""
    return compare(a, b, formats=formats, options=options, on_error=on_error, workers=workers, progress=progress).diff


def compare(
    a: str,
    b: str,
    *,
    formats: tuple[str | None, str | None] = (None, None),
    options: tuple[ReadOptions | None, ReadOptions | None] = (None, None),
    on_error: OnError = "stop",
    workers: int = 1,
    progress: Progress = silent,
) -> Compared:
    """As `diff`, with what it was made from."""
    opened = [
        open_dataset(path, format=format, options=option, on_error=on_error, workers=workers, progress=progress)
        for path, format, option in zip((a, b), formats, options, strict=True)
    ]
    one, two = opened
    pairs, only_a, only_b, moved = _match(one.scan.refs, two.scan.refs)
    renamed = _renamed(one.scan.header, two.scan.header)
    work = Compare(one, two, {r.b: r.a for r in renamed}, *_plans(one, two))
    found: list[tuple[ImageDiff | None, list[Loss]]] = list(
        progress("diff", len(pairs), engine.run(work, pairs, workers=workers))
    )
    names_a, names_b = ({c.name for c in o.scan.header.classes} for o in opened)
    classes_only_a = sorted(names_a - names_b - {r.a for r in renamed})
    classes_only_b = sorted(names_b - names_a - {r.b for r in renamed})
    images = [d for d, _ in found if d is not None and d.differs]
    counts = _counts(images, only_a, only_b, moved, classes_only_a, classes_only_b, renamed)
    losses = [*one.ledger.losses, *two.ledger.losses, *(loss for _, mine in found for loss in mine)]
    told = Diff(
        equal=not counts and not losses,
        a=_side(a, one),
        b=_side(b, two),
        compared="instances" if work.plan_a is None else "regions",
        images_compared=sum(d is not None for d, _ in found),
        instances_equal=sum(d.equal for d, _ in found if d is not None),
        images_only_a=only_a,
        images_only_b=only_b,
        moved=moved,
        classes_only_a=classes_only_a,
        classes_only_b=classes_only_b,
        renamed=renamed,
        images=images,
        counts=counts,
        losses=losses,
        notes=[*one.ledger.notes, *two.ledger.notes],
    )
    return Compared(told, work, pairs)


def _side(path: str, opened: Opened) -> Side:
    header = opened.scan.header
    return Side(path, opened.format.name, header.task, len(opened.scan.refs), len(header.classes))


def _counts(images: Sequence[ImageDiff], *others: Sequence[Any]) -> dict[str, int]:
    names = ("image-only-a", "image-only-b", "split", "class-only-a", "class-only-b", "class-renamed")
    found = Counter({name: len(each) for name, each in zip(names, others, strict=True)})
    for each in images:
        found["size"] += each.size_a != each.size_b
        found["picture"] += each.content != 0
        found.update(f"instance-{d.kind}" for d in each.instances)
    return {k: n for k, n in found.items() if n}


# ---------------------------------------------------------------- what belongs together


def _match(a: Sequence[Ref], b: Sequence[Ref]) -> tuple[list[Pair], list[str], list[str], list[tuple[str, str]]]:
    """Images on both sides, those on one, and those in different splits.

    A dataset without any splits says nothing about them: there is no difference in that.
    """
    theirs = {shown_name(r.image): r for r in b}
    partner = {shown_name(r.image): theirs[shown_name(r.image)] for r in a if shown_name(r.image) in theirs}
    bare_a = _by_bare_name(r for r in a if shown_name(r.image) not in partner)
    taken = {shown_name(r.image) for r in partner.values()}
    bare_b = _by_bare_name(r for r in b if shown_name(r.image) not in taken)
    silent_splits = not any(r.image.split for r in a) or not any(r.image.split for r in b)
    moved = []
    for name, mine in bare_a.items():
        other = bare_b.get(name)
        if mine is not None and other is not None:
            partner[shown_name(mine.image)] = other
            taken.add(shown_name(other.image))
            if not silent_splits:
                moved.append((shown_name(mine.image), shown_name(other.image)))
    pairs = [Pair(r, partner[shown_name(r.image)]) for r in a if shown_name(r.image) in partner]
    only_a = [shown_name(r.image) for r in a if shown_name(r.image) not in partner]
    only_b = [shown_name(r.image) for r in b if shown_name(r.image) not in taken]
    return pairs, only_a, only_b, moved


def _by_bare_name(refs: Any) -> dict[str, Ref | None]:
    """Name without split -> its one image, None where several have it."""
    found: dict[str, Ref | None] = {}
    for ref in refs:
        found[ref.image.name] = None if ref.image.name in found else ref
    return found


def _renamed(a: Header, b: Header) -> list[Renamed]:
    names_a, names_b = {c.name for c in a.classes}, {c.name for c in b.classes}
    left = {c.id: c.name for c in a.classes if c.name not in names_b}
    right = {c.id: c.name for c in b.classes if c.name not in names_a}
    return [Renamed(id, left[id], right[id]) for id in sorted(left.keys() & right.keys())]


def _plans(a: Opened, b: Opened) -> tuple[Lowering | None, Lowering | None]:
    """How both become label maps, when one of them is one."""
    if a.scan.header.task == b.scan.header.task == "instance":
        return None, None
    return plan(a.scan.header, SEMANTIC, WriteOptions(), Ledger()), plan(
        b.scan.header, SEMANTIC, WriteOptions(), Ledger()
    )


# ---------------------------------------------------------------- one image


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
        left = load_sample(self.a.format, self.a.reading, self.a.scan.header, pair.a, one)
        right = load_sample(self.b.format, self.b.reading, self.b.scan.header, pair.b, two)
        losses = [*_skips(one), *_skips(two)]
        if left is None or right is None:
            return None, losses
        (mine, data_a), (theirs, data_b) = left, right
        size_a, size_b = ((s.image.width, s.image.height) for s in (mine, theirs))
        content, equal = 0, 0
        found: list[InstanceDiff] = []
        if size_a == size_b:
            content = self._content(mine.image, theirs.image, data_a, data_b)
            things_a = things_of(mine, self.a.scan.header, self.plan_a, {})
            things_b = things_of(theirs, self.b.scan.header, self.plan_b, self.names)
            equal, found = _differences(things_a, things_b)
        image = ImageDiff(shown_name(mine.image), shown_name(theirs.image), size_a, size_b, content, equal, found)
        return image, losses

    def _content(self, one: Image, two: Image, data_a: bytes | None, data_b: bytes | None) -> int:
        """Pixels of the picture that differ; files that are the same byte for byte are not decoded."""
        if one.file is None or two.file is None:
            return 0
        a = data_a if data_a is not None else self.a.reading.images.read(one.file)
        b = data_b if data_b is not None else self.b.reading.images.read(two.file)
        if hashlib.sha256(a).digest() == hashlib.sha256(b).digest():
            return 0
        left, right = codec.decode(a, one.file), codec.decode(b, two.file)
        return int(np.count_nonzero((left != right).any(axis=2)))


def _skips(ledger: Ledger) -> list[Loss]:
    return [loss for loss in ledger.losses if loss.code.startswith("skipped")]


def things_of(sample: Sample, header: Header, how: Lowering | None, names: Mapping[str, str]) -> list[Thing]:
    """What is drawn on an image; with `how` the regions of classes."""
    if how is not None:
        return _regions(sample, how, names)
    image, called = sample.image, {c.id: names.get(c.name, c.name) for c in header.classes}
    return [
        _thing(i, i.id if i.id is not None else n, called[i.class_id], image) for n, i in enumerate(sample.instances, 1)
    ]


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
    if target.ignore_id is not None:
        called[target.ignore_id] = IGNORED
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
