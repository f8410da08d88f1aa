"""`diff --report`: a comparison as one page, with the images that differ most side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from converter import engine
from converter.errors import SegpackError
from converter.geometry import rle
from converter.ledger import Ledger
from converter.model import Ref, Rgb, Rle, Sample
from converter.pipeline.comparing import Compare, ImageDiff, InstanceDiff, Pair, Thing, things_of
from converter.pipeline.diffing import Compared, Diff, Side
from converter.pipeline.opening import Progress, silent
from converter.pipeline.saving import check_output, save
from converter.pipeline.shown import pixels_of
from converter.report.compare import Mark, difference, drawn, view_of
from converter.report.diff_page import DiffPage, Listed, Panel, Trio, render
from converter.report.page import jpeg_uri, notes_of
from converter.report.palette import color
from converter.report.view import whole

__all__ = ["check_report", "page_of", "write_report"]

SHOWN = 24
LISTED = 20
NOTES = 8
BOX = (400, 320)
BUDGET = 11_000_000

Drawing: TypeAlias = tuple[Sample, NDArray[np.uint8] | None]  # what is drawn on an image, and its picture


def check_report(target: str, *sources: str) -> Path:
    """The path of a report; UsageError when it cannot be one."""
    paths = [check_output(target, source, "--report", (".html", ".htm")) for source in sources]
    return paths[0]


def write_report(compared: Compared, target: str, *, workers: int = 1, progress: Progress = silent) -> None:
    """Write the page of a comparison to `target`; it appears whole or not at all."""
    found = compared.diff
    file = check_report(target, found.a.source, found.b.source)
    save(file, render(page_of(compared, workers=workers, progress=progress)))


def page_of(compared: Compared, *, workers: int = 1, progress: Progress = silent) -> DiffPage:
    """What the page of a comparison says."""
    found = compared.diff
    return DiffPage(
        equal=found.equal,
        verdict="Equal" if found.equal else "Different",
        advice=_advice(found),
        sides=_sides(found.a, found.b),
        counts=found.counts,
        lists=_lists(found),
        trios=_trios(compared, workers, progress),
        images=len(found.images),
        notes=notes_of(found.notes),
    )


def _advice(found: Diff) -> str:
    what = "objects" if found.compared == "instances" else "regions of classes"
    same = f"{found.images_compared:,} images compared, {found.instances_equal:,} {what} the same pixel by pixel."
    told = f"{same} Not compared: {', '.join(found.not_compared)}."
    return told if found.equal or found.counts else f"{len(found.losses):,} records could not be read. {told}"


def _sides(a: Side, b: Side) -> list[tuple[str, str, str]]:
    return [
        ("Source", a.source, b.source),
        ("Format", a.format, b.format),
        ("Task", a.task, b.task),
        ("Images", f"{a.images:,}", f"{b.images:,}"),
        ("Classes", f"{a.classes:,}", f"{b.classes:,}"),
    ]


def _lists(found: Diff) -> list[Listed]:
    lists = {
        "Images only in A": found.images_only_a,
        "Images only in B": found.images_only_b,
        "Images in another split": [f"{a} is {b} in B" for a, b in found.moved],
        "Classes only in A": found.classes_only_a,
        "Classes only in B": found.classes_only_b,
        "Classes of another name": [f"{r.a} is {r.b} in B (id {r.id})" for r in found.renamed],
        "Records that could not be read": [x.message for x in found.losses],
    }
    return [Listed(title, items[:LISTED], len(items)) for title, items in lists.items() if items]


# ---------------------------------------------------------------- pictures


def _trios(compared: Compared, workers: int, progress: Progress) -> list[Trio]:
    """The images that differ most, in their order."""
    images = compared.diff.images
    worst = sorted(range(len(images)), key=lambda n: (-_amount(images[n]), n))[:SHOWN]
    pairs = {(_name(p.a), _name(p.b)): p for p in compared.pairs}
    tasks = [(images[n], pairs[images[n].image, images[n].other]) for n in sorted(worst)]
    names = sorted({c.name for o in (compared.work.a, compared.work.b) for c in o.scan.header.classes})
    work = _Draw(compared.work, {name: color(n) for n, name in enumerate(names)})
    kept: list[Trio] = []
    spent = 0
    trio: Trio | None
    for trio in progress("pictures", len(tasks), engine.run(work, tasks, workers=workers)):
        cost = sum(len(p.uri) for p in trio.panels) if trio is not None else 0
        if trio is not None and spent + cost <= BUDGET:
            spent += cost
            kept.append(trio)
    return kept


def _name(ref: Ref) -> str:
    return ref.image.path


def _amount(image: ImageDiff) -> int:
    """How much an image differs, in pixels; another size is more than any."""
    if image.size_a != image.size_b:
        return 1 << 60
    return image.content + sum(max(1, d.differing) for d in image.instances)


class _Draw(msgspec.Struct, frozen=True):
    """Draws the pictures of one image, in a worker; `colors` by the name of a class."""

    work: Compare
    colors: dict[str, Rgb]

    def __call__(self, task: tuple[ImageDiff, Pair]) -> Trio | None:
        found, pair = task
        loaded = self._load(pair)
        if loaded is None:
            return None
        (one, rgb_a), (two, rgb_b) = loaded
        notes = [d.message for d in found.instances]
        if found.content:
            notes.insert(0, f"the picture differs in {found.content:,} pixels")
        if found.size_a != found.size_b:
            (w, h), (width, height) = found.size_a, found.size_b
            notes.insert(0, f"{w} x {h} in A, {width} x {height} in B: what is drawn was not compared")
        panels, enlarged = self._panels(found, one, two, rgb_a, rgb_b)
        return Trio(found.image, panels, notes[:NOTES], max(0, len(notes) - NOTES), enlarged)

    def _load(self, pair: Pair) -> tuple[Drawing, Drawing] | None:
        work = self.work
        try:
            left, right = work.sides(pair, Ledger("skip"), Ledger("skip"))
            if left is None or right is None:
                return None
            return (left.sample, pixels_of(work.a, left)), (right.sample, pixels_of(work.b, right))
        except SegpackError:
            return None

    def _panels(
        self,
        found: ImageDiff,
        one: Sample,
        two: Sample,
        rgb_a: NDArray[np.uint8] | None,
        rgb_b: NDArray[np.uint8] | None,
    ) -> tuple[list[Panel], str]:
        things_a = things_of(one, self.work.a.scan.header, self.work.plan_a, {})
        things_b = things_of(two, self.work.b.scan.header, self.work.plan_b, self.work.names)
        width, height = found.size_a
        full = whole(width, height, BOX)
        if found.size_a != found.size_b:
            other = whole(*found.size_b, BOX)
            pictures = [
                drawn(rgb_a, self._shapes(things_a), full, *found.size_a),
                drawn(rgb_b, self._shapes(things_b), other, *found.size_b),
            ]
            return [_panel(t, p, w) for t, p, w in zip("AB", pictures, _words(things_a, things_b), strict=True)], ""
        marks = [_mark(d, things_a, things_b) for d in found.instances]
        changed = _changed(rgb_a, rgb_b) if found.content else None
        seen = [*marks, Mark(changed, None)] if changed is not None else marks
        view = view_of(seen, width, height, BOX)
        background = rgb_a if rgb_a is not None else rgb_b
        pictures = [
            drawn(rgb_a, self._shapes(things_a), view, width, height),
            drawn(rgb_b, self._shapes(things_b), view, width, height),
            difference(background, marks, changed, view, width, height),
        ]
        said = [*_words(things_a, things_b), f"{sum(d.differing for d in found.instances):,} pixels"]
        enlarged = "" if view == full else f"enlarged: from column {view.left:.0f} and row {view.top:.0f} on"
        titles = ("A", "B", "Difference")
        return [_panel(t, p, w) for t, p, w in zip(titles, pictures, said, strict=True)], enlarged

    def _shapes(self, things: Sequence[Thing]) -> list[tuple[Rle, Rgb]]:
        return [(t.mask, self.colors.get(t.class_name, (150, 150, 150))) for t in things if t.mask is not None]


def _panel(title: str, pixels: NDArray[np.uint8], said: str) -> Panel:
    return Panel(title, jpeg_uri(pixels, 82), pixels.shape[1], pixels.shape[0], said)


def _words(*sides: Sequence[Thing]) -> list[str]:
    return ["1 object" if len(s) == 1 else f"{len(s):,} objects" for s in sides]


def _mark(found: InstanceDiff, a: Sequence[Thing], b: Sequence[Thing]) -> Mark:
    return Mark(_told(found.a, a), _told(found.b, b), found.kind in {"class", "crowd"})


def _told(told: int | None, things: Sequence[Thing]) -> Rle | None:
    """The pixels of the object that the comparison calls so."""
    return next((t.mask for t in things if t.told == told), None) if told is not None else None


def _changed(a: NDArray[np.uint8] | None, b: NDArray[np.uint8] | None) -> Rle | None:
    if a is None or b is None or a.shape != b.shape:
        return None
    return rle.encode((a != b).any(axis=2))
