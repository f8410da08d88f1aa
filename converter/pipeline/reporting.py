"""`check --report`: what a check found, as one page to look at.

The facts are those of the check. Pictures are made in a second pass over few images: those
of the gallery and those of the examples; the heat map is taken from a sample when the set
is large. So the time and the size of a page do not grow with the dataset, and neither does
the memory.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from converter import engine
from converter.checks.subject import Facts
from converter.errors import SegpackError
from converter.geometry import labelmap
from converter.layouts.images import shown_name
from converter.ledger import Ledger
from converter.model import Finding, Header, Instance, Ref, Sample
from converter.pipeline.checking import Checked
from converter.pipeline.opening import Opened, Progress, silent
from converter.pipeline.previewing import pixels_of, upright
from converter.pipeline.sampling import sample as choose
from converter.pipeline.saving import check_output, save
from converter.report import charts, words
from converter.report.drawing import Style, style_of
from converter.report.heat import Heat, described, heat_of, heat_picture
from converter.report.layers import layers
from converter.report.page import (
    Chart,
    ClassRow,
    Example,
    Group,
    HeatMap,
    Item,
    Layer,
    Page,
    data_uri,
    groups_of,
    jpeg_uri,
    render,
)
from converter.report.palette import hex_of
from converter.report.thumbs import example
from converter.report.view import picture, whole
from converter.transforms import classes as class_files

__all__ = ["SUFFIXES", "check_report", "page_of", "write_report"]

SUFFIXES = (".html", ".htm")
GALLERY = 24
GALLERY_BOX = (480, 360)
EXAMPLES = 4  # of a code
EXAMPLE_BOX = (360, 270)
HEAT_IMAGES = 2000
HEAT_CLASSES = 11
BUDGET = 11_000_000  # characters of pictures on a page; the rest of it is text
NAMED = 4  # classes in a caption

ClassMap: TypeAlias = class_files.ClassMap


def check_report(target: str, source: str) -> Path:
    """The path of a report; UsageError when it cannot be one."""
    return check_output(target, source, "--report", SUFFIXES)


def write_report(checked: Checked, target: str, *, workers: int = 1, progress: Progress = silent) -> None:
    """Write the page of a check to `target`; it appears whole or not at all."""
    file = check_report(target, checked.report.source)
    save(file, render(page_of(checked, workers=workers, progress=progress)))


def page_of(checked: Checked, *, workers: int = 1, progress: Progress = silent) -> Page:
    """What the page of a check says."""
    report, groups = checked.report, groups_of(checked.report.findings)
    level, verdict, advice = _verdict(checked)
    bare = Page(
        name=_name(checked),
        level=level,
        verdict=verdict,
        advice=advice,
        summary=_summary(checked),
        groups=groups,
        stopped=report.stopped,
    )
    if checked.opened is None or checked.header is None:
        return bare
    look = _Look.of(checked.opened, checked.header)
    gallery, pictured = _pictures(checked, groups, look, workers, progress)
    heat = _heat(checked, look, workers, progress)
    rows = _classes(checked, checked.header, look.style)
    return msgspec.structs.replace(
        bare,
        groups=pictured,
        classes=rows,
        histograms=_histograms(checked),
        heats=_heats(heat, rows),
        heat_images=f"{heat.images:,} of {len(checked.facts):,}" if heat.images < len(checked.facts) else "",
        gallery=gallery,
        semantic=checked.header.task == "semantic",
        sampled=report.images_checked < report.images_total,
        bare=any(not f.file for f in checked.facts),
    )


# ---------------------------------------------------------------- words and numbers


def _name(checked: Checked) -> str:
    if checked.header is not None and checked.header.name:
        return checked.header.name
    return Path(checked.report.source).resolve().name or checked.report.source


def _verdict(checked: Checked) -> tuple[str, str, str]:
    """The level, the verdict in a few words, and what to do now."""
    severities = Counter(f.severity for f in checked.report.findings)
    errors, warnings = severities["error"], severities["warning"]
    if checked.report.stopped:
        return "stopped", "Not readable", "Reading stopped at what is said below. Mend it, and check again."
    also = f" There {_are(warnings, 'warning')} as well." if warnings else ""
    if errors:
        return "error", f"Not ready: {_several(errors, 'error')}", f"Mend what is red below before training.{also}"
    if warnings:
        advice = "Nothing is broken. Look through what is said below and decide."
        return "warning", f"Look first: {_several(warnings, 'warning')}", advice
    part = checked.report.images_checked < checked.report.images_total
    where = "in the images that were checked" if part else "in the whole dataset"
    return "good", "Ready", f"Neither errors nor warnings {where}."


def _several(count: int, one: str, many: str = "") -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def _are(count: int, one: str) -> str:
    return f"{'is' if count == 1 else 'are'} {_several(count, one)}"


def _summary(checked: Checked) -> list[tuple[str, str]]:
    report, header = checked.report, checked.header
    part = report.images_checked < report.images_total
    images = f"{report.images_checked:,} of {report.images_total:,}" if part else f"{report.images_total:,}"
    rows = [("Source", report.source), ("Images checked", images)]
    if header is not None:
        rows.insert(1, ("Format", f"{report.format}, {report.task} masks"))
        rows.append(("Classes", f"{len(header.classes):,}"))
        if header.task == "instance":
            rows.append(("Objects", f"{sum(f.instances for f in checked.facts):,}"))
    return rows


def _classes(checked: Checked, header: Header, style: Style) -> list[ClassRow]:
    objects: Counter[int] = Counter()
    pixels: Counter[int] = Counter()
    images: Counter[int] = Counter()
    for each in checked.facts:
        objects.update(each.per_class)
        pixels.update(each.pixels)
        images.update(each.per_class.keys())
    counted = pixels if header.task == "semantic" else objects
    total, most = sum(pixels[c.id] for c in header.classes), max((counted[c.id] for c in header.classes), default=0)
    return [
        ClassRow(
            id=c.id,
            name=c.name,
            color=hex_of(style.colors[c.id]),
            objects=objects[c.id],
            images=images[c.id],
            pixels=pixels[c.id],
            share=pixels[c.id] / total if total else 0.0,
            bar=round(max(100 * counted[c.id] / most, 0.6), 1) if counted[c.id] else 0.0,
        )
        for c in header.classes
    ]


def _histograms(checked: Checked) -> list[Chart]:
    facts, semantic = checked.facts, checked.report.task == "semantic"
    found = [
        Chart("Images by number of objects", ("Objects", "Images"), charts.by_power(f.instances for f in facts)),
        Chart(
            "Objects by size (side of a square of as many pixels)",
            ("Side", "Objects"),
            charts.by_power(charts.sides(area for f in facts for area in f.areas), "px"),
        ),
    ]
    if semantic:
        found = [
            Chart(
                "Images by number of classes", ("Classes", "Images"), charts.by_power(len(f.per_class) for f in facts)
            )
        ]
    sized = [(f.width, f.height) for f in facts if f.width and f.height]
    found.append(Chart("Sizes of images", ("Width x height", "Images"), charts.sizes(sized)))
    splits = Counter(f.split for f in facts if f.split)
    if splits:
        found.append(Chart("Splits", ("Split", "Images"), charts.bars(_split_counts(checked, splits))))
    return [c for c in found if c.bars]


def _split_counts(checked: Checked, splits: Counter[str]) -> dict[str, int]:
    assert checked.header is not None
    return {name: splits[name] for name in checked.header.splits if splits[name]} or dict(splits)


# ---------------------------------------------------------------- pictures


class _Look(msgspec.Struct, frozen=True):
    """How samples are loaded for pictures, in the workers: what cannot be read has no picture."""

    opened: Opened
    header: Header
    mapping: ClassMap | None
    style: Style

    @classmethod
    def of(cls, opened: Opened, header: Header) -> _Look:
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

    look: _Look

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


def _item(sample: Sample, rgb: NDArray[np.uint8] | None, look: _Look) -> Item:
    image = sample.image
    view = whole(image.width, image.height, GALLERY_BOX)
    pixels = picture(rgb, view, image.width, image.height)
    found = layers(sample, view, look.style)
    return Item(
        name=shown_name(image),
        uri=jpeg_uri(pixels, 78),
        width=view.width,
        height=view.height,
        size=f"{image.width} x {image.height}",
        words=_words(sample, look),
        classes=sorted(id for id in found if id >= 0),
        layers=[Layer(id, data_uri(data, "image/png")) for id, data in found.items()],
    )


def _words(sample: Sample, look: _Look) -> str:
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
    return (
        ", ".join(parts) + (f" and {_several(more, 'more class', 'more classes')}" if more else "") or "nothing drawn"
    )


def _pictures(
    checked: Checked, groups: Sequence[Group], look: _Look, workers: int, progress: Progress
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
    refs = {shown_name(r.image): r for r in checked.opened.scan.refs}
    wanted: dict[str, list[tuple[int, Finding]]] = {}
    for n, group in enumerate(groups):
        for each in _worst(group, checked.facts):
            wanted.setdefault(each.where["image"], []).append((n, each))
    drawn = [refs[f.image] for f in checked.facts if f.image in refs and (f.instances or f.per_class)]
    shown = {shown_name(r.image) for r in choose(drawn or _all(checked, refs), GALLERY, 0)}
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


# ---------------------------------------------------------------- heat


class _Warm(msgspec.Struct, frozen=True):
    look: _Look

    def __call__(self, ref: Ref) -> dict[int, NDArray[np.float32]] | None:
        loaded = self.look.load(ref, pixels=False)
        return heat_of(loaded[0]) if loaded is not None else None


def _heat(checked: Checked, look: _Look, workers: int, progress: Progress) -> Heat:
    assert checked.opened is not None
    names = {f.image for f in checked.facts}
    refs = choose([r for r in checked.opened.scan.refs if shown_name(r.image) in names], HEAT_IMAGES, 0)
    heat = Heat()
    for grids in progress("heat map", len(refs), engine.run(_Warm(look), refs, workers=workers)):
        if grids is not None:
            heat.add(grids)
    return heat


def _heats(heat: Heat, rows: Sequence[ClassRow]) -> list[HeatMap]:
    """Of all classes together, and of the most frequent ones."""
    known = [r for r in rows if r.id in heat.grids and heat.grids[r.id].any()]
    found = [] if len(known) < 2 else [("all classes", {r.id for r in known})]
    often = sorted(known, key=lambda r: (-r.bar, r.id))[:HEAT_CLASSES]
    maps = []
    for name, ids in [*found, *((r.name, {r.id}) for r in often)]:
        grid = heat.of(ids)
        maps.append(HeatMap(name, data_uri(heat_picture(grid), "image/png"), described(grid)))
    return maps
