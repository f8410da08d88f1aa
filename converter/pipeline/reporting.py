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

import msgspec
import numpy as np
from numpy.typing import NDArray

from converter import engine
from converter.model import Header, Ref
from converter.pipeline.checking import Checked
from converter.pipeline.opening import Progress, silent
from converter.pipeline.picturing import Look, pictures
from converter.pipeline.sampling import sample as choose
from converter.pipeline.saving import check_output, save
from converter.report import charts
from converter.report.drawing import Style
from converter.report.heat import Heat, described, heat_of, heat_picture
from converter.report.page import Chart, ClassRow, HeatMap, Page, data_uri, groups_of, notes_of, render
from converter.report.palette import hex_of

__all__ = ["SUFFIXES", "check_report", "page_of", "write_report"]

SUFFIXES = (".html", ".htm")
HEAT_IMAGES = 2000
HEAT_CLASSES = 11


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
        notes=notes_of(report.notes),
        stopped=report.stopped,
    )
    if checked.opened is None or checked.header is None:
        return bare
    look = Look.of(checked.opened, checked.header)
    gallery, pictured = pictures(checked, groups, look, workers, progress)
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
    if not checked.report.images_checked:
        return "warning", "Nothing to check", "There is no image in it."
    part = checked.report.images_checked < checked.report.images_total
    where = "in the images that were checked" if part else "in the whole dataset"
    return "good", "Ready", f"Neither errors nor warnings {where}."


def _several(count: int, one: str) -> str:
    return f"{count:,} {one if count == 1 else one + 's'}"


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


# ---------------------------------------------------------------- heat


class _Warm(msgspec.Struct, frozen=True):
    look: Look

    def __call__(self, ref: Ref) -> dict[int, NDArray[np.float32]] | None:
        loaded = self.look.load(ref, pixels=False)
        return heat_of(loaded[0]) if loaded is not None else None


def _heat(checked: Checked, look: Look, workers: int, progress: Progress) -> Heat:
    assert checked.opened is not None
    names = {f.image for f in checked.facts}
    refs = choose([r for r in checked.opened.scan.refs if r.image.path in names], HEAT_IMAGES, 0)
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
