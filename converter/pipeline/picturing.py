"""The pictures of a report: the gallery, and examples of what was found.

They are made in a second pass over few images, so that their number does not grow with the dataset.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from converter import engine
from converter.checks.subject import Facts
from converter.errors import SegpackError
from converter.geometry import labelmap
from converter.ledger import Ledger
from converter.model import Finding, Header, Instance, Ref, Sample
from converter.pipeline.checking import Checked
from converter.pipeline.opening import Opened, Progress
from converter.pipeline.sampling import sample as choose
from converter.pipeline.shown import pixels_of, upright
from converter.report import words
from converter.report.drawing import Style, style_of
from converter.report.layers import layers
from converter.report.page import Example, Group, Item, Layer, data_uri, jpeg_uri
from converter.report.thumbs import example
from converter.report.view import picture, whole
from converter.transforms import classes as class_files

__all__ = ["Look", "pictures"]

GALLERY = 24
GALLERY_BOX = (480, 360)
EXAMPLES = 4  # of a code
EXAMPLE_BOX = (360, 270)
BUDGET = 11_000_000  # characters of pictures on a page; the rest of it is text
NAMED = 4  # classes in a caption
ClassMap: TypeAlias = class_files.ClassMap


class Look(msgspec.Struct, frozen=True):
    """How samples are loaded for pictures, in the workers: what cannot be read has no picture."""

    opened: Opened
    header: Header
    mapping: ClassMap | None
    style: Style

    @classmethod
    def of(cls, opened: Opened, header: Header) -> Look:
        options = msgspec.structs.replace(opened.reading.options, need_files=False)
        reading = msgspec.structs.replace(opened.reading, options=options, on_error="skip")
        tolerant = msgspec.structs.replace(opened, reading=reading)
        table = options.classes
        mapping = class_files.plan(opened.scan.header, table)[1] if table is not None else None
        return cls(tolerant, header, mapping, style_of(header, "class" if len(header.classes) > 1 else "instance"))

    def load(self, ref: Ref, *, pixels: bool) -> tuple[Sample, NDArray[np.uint8] | None, list[int]] | None:
        """The sample, its picture, and the numbers by which findings call its objects."""
        ledger = Ledger("skip")
        try:
            framed = upright(self.opened, ref, ledger)
            if framed is None:
                return None
            rgb = pixels_of(self.opened, framed) if pixels else None
        except SegpackError:
            return None
        found = framed.sample
        refused = {r.instance for r in ledger.refusals if r.instance is not None}
        free = [n for n in range(1, len(found.instances) + len(refused) + 1) if n not in refused]
        numbers = [i.id if i.id is not None else free[place] for place, i in enumerate(found.instances)]
        if self.mapping is not None:
            before = found.instances
            found = class_files.apply(found, self.mapping, self.header.background_id, ledger)
            numbers = _kept(before, numbers, self.mapping)
        return found, rgb, numbers


def _kept(before: Sequence[Instance], numbers: Sequence[int], mapping: ClassMap) -> list[int]:
    """The numbers of the objects whose classes a class file keeps."""
    return [n for i, n in zip(before, numbers, strict=True) if mapping.get(i.class_id) is not None]


class _Task(msgspec.Struct, frozen=True):
    """One image, and what pictures of it are wanted."""

    ref: Ref
    gallery: bool
    findings: list[tuple[int, Finding]]


class _Made(msgspec.Struct, frozen=True):
    """The pictures of one image; examples by the place of their group."""

    item: Item | None = None
    examples: list[tuple[int, Example]] = []


class _Draw(msgspec.Struct, frozen=True):
    """Draws the pictures of one image, in a worker."""

    look: Look

    def __call__(self, task: _Task) -> _Made:
        loaded = self.look.load(task.ref, pixels=True)
        if loaded is None:
            return _Made()
        sample, rgb, numbers = loaded
        places = {number: place for place, number in enumerate(numbers)}
        made = []
        for group, found in task.findings:
            instance = found.where.get("instance")
            if instance is not None and instance not in places:
                continue
            place = places[instance] if instance is not None else None
            pixels = example(found, sample, rgb, self.look.style, EXAMPLE_BOX, place)
            (height, width), how_bad = pixels.shape[:2], words.amount(found)
            made.append((group, Example(jpeg_uri(pixels), width, height, found.where, found.message, how_bad)))
        return _Made(_item(sample, rgb, self.look) if task.gallery else None, made)


def _item(sample: Sample, rgb: NDArray[np.uint8] | None, look: Look) -> Item:
    image = sample.image
    view = whole(image.width, image.height, GALLERY_BOX)
    pixels = picture(rgb, view, image.width, image.height)
    found = layers(sample, view, look.style)
    return Item(
        name=image.path,
        uri=jpeg_uri(pixels, 78),
        width=view.width,
        height=view.height,
        size=f"{image.width} x {image.height}",
        words=_words(sample, look),
        classes=sorted(id for id in found if id >= 0),
        layers=[Layer(id, data_uri(data, "image/png")) for id, data in found.items()],
    )


def _words(sample: Sample, look: Look) -> str:
    """What is drawn on an image, in a line."""
    names = {c.id: c.name for c in look.header.classes}
    if sample.labels is not None:
        present = [int(v) for v in labelmap.values(sample.labels)[0]]
        shown = [names[v] for v in present if v in names and v != look.header.background_id]
        parts = shown[: NAMED * 2]
    else:
        counts = Counter(i.class_id for i in sample.instances)
        shown = [f"{names.get(id, f'class {id}')} {n}" for id, n in counts.most_common()]
        parts = shown[:NAMED]
    more = len(shown) - len(parts)
    rest = f" and {more} more {'class' if more == 1 else 'classes'}" if more else ""
    return ", ".join(parts) + rest or "nothing drawn"


def pictures(
    checked: Checked, groups: Sequence[Group], look: Look, workers: int, progress: Progress
) -> tuple[list[Item], list[Group]]:
    """The gallery, and the groups with their examples; as many as fit into the budget."""
    tasks = _tasks(checked, groups)
    spent = 0
    gallery: list[Item] = []
    examples: dict[int, list[Example]] = {}
    made: _Made
    for made in progress("pictures", len(tasks), engine.run(_Draw(look), tasks, workers=workers)):
        for group, each in made.examples:
            if spent + len(each.uri) <= BUDGET:
                spent += len(each.uri)
                examples.setdefault(group, []).append(each)
        cost = len(made.item.uri) + sum(len(x.uri) for x in made.item.layers) if made.item else 0
        if made.item is not None and spent + cost <= BUDGET:
            spent += cost
            gallery.append(made.item)
    pictured = [
        msgspec.structs.replace(g, examples=sorted(examples.get(n, []), key=lambda e: -e.amount))
        for n, g in enumerate(groups)
    ]
    return gallery, pictured


def _tasks(checked: Checked, groups: Sequence[Group]) -> list[_Task]:
    """Examples before the gallery: should the budget end, it is the gallery that is shorter."""
    assert checked.opened is not None
    refs = {r.image.path: r for r in checked.opened.scan.refs}
    wanted: dict[str, list[tuple[int, Finding]]] = {}
    for n, group in enumerate(groups):
        for each in _worst(group, checked.facts):
            wanted.setdefault(each.where["image"], []).append((n, each))
    drawn = [refs[f.image] for f in checked.facts if f.image in refs and (f.instances or f.per_class)]
    shown = {r.image.path for r in choose(drawn or _all(checked, refs), GALLERY, 0)}
    names = [*wanted, *(n for n in refs if n in shown and n not in wanted)]
    return [_Task(refs[n], n in shown, wanted.get(n, [])) for n in names if n in refs]


def _all(checked: Checked, refs: dict[str, Ref]) -> list[Ref]:
    return [refs[f.image] for f in checked.facts if f.image in refs]


def _worst(group: Group, facts: Sequence[Facts]) -> list[Finding]:
    """The findings to be shown: the worst, of different images as far as there are.

    What is said of the whole set is shown on some of its images.
    """
    if group.code == "shifted-masks":
        first = group.places[0]
        seen = [f for f in facts if f.alignment is not None][:EXAMPLES]
        return [msgspec.structs.replace(first, where={"image": f.image}) for f in seen]
    located = [f for f in group.places if f.where.get("image")]
    by_image: dict[str, Finding] = {}
    for each in located:
        by_image.setdefault(each.where["image"], each)
    first_each = list(by_image.values())
    rest = [f for f in located if f not in first_each]
    return [*first_each, *rest][:EXAMPLES]
