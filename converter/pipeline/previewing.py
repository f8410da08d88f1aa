"""`preview`: a contact sheet of what is drawn on some images of a dataset."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image as Picture

from converter import engine
from converter.errors import SourceError, UsageError
from converter.format import ReadOptions
from converter.geometry import labelmap
from converter.layouts.images import stem
from converter.ledger import Ledger, OnError
from converter.model import Header, Image, Loss, Note, Ref, Sample
from converter.pipeline.opening import Opened, Progress, open_dataset, silent
from converter.pipeline.sampling import sample
from converter.pipeline.saving import check_output, save
from converter.pipeline.shown import pixels_of, upright
from converter.report.drawing import IGNORED, ColorBy, Style, overlay, style_of
from converter.report.sheet import Entry, Tile, contact_sheet, tile_size
from converter.report.view import whole
from converter.storage import check_spared
from converter.transforms import classes as class_files

__all__ = ["Preview", "preview"]

KINDS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
LEGEND = 60


class Preview(msgspec.Struct, frozen=True):
    """What a sheet shows. `images` are named as losses name them, in the order of the tiles."""

    target: str
    format: str
    task: str
    width: int
    height: int
    images: tuple[str, ...]
    images_total: int
    classes: dict[str, int]
    losses: list[Loss]
    notes: list[Note]


class _Shown(msgspec.Struct, frozen=True, eq=False):
    """One image, drawn; `counts` by class id."""

    image: Image
    pixels: NDArray[np.uint8]
    counts: dict[int, int]
    bare: bool
    losses: list[Loss]
    notes: list[Note]


class _Show(msgspec.Struct, frozen=True):
    """Loads and draws one image, in a worker."""

    opened: Opened
    header: Header
    mapping: class_files.ClassMap | None
    style: Style
    side: int

    def __call__(self, ref: Ref) -> _Shown | Ledger:
        ledger = Ledger(self.opened.reading.on_error)
        framed = upright(self.opened, ref, ledger)
        if framed is None:
            return ledger
        found = framed.sample
        if self.mapping is not None:
            found = class_files.apply(found, self.mapping, self.header.background_id, ledger)
        try:
            rgb = pixels_of(self.opened, framed)
        except SourceError as error:
            ledger.bad_image(found.image.path, error)
            return ledger
        view = whole(found.image.width, found.image.height, (self.side, self.side))
        pixels = overlay(found, rgb, view, self.style)
        return _Shown(found.image, pixels, _counts(found), rgb is None, ledger.losses, ledger.notes)


def _counts(found: Sample) -> dict[int, int]:
    if found.labels is not None:
        return {int(v): 1 for v in labelmap.values(found.labels)[0]}
    return dict(Counter(i.class_id for i in found.instances))


def preview(
    path: str,
    target: str,
    *,
    count: int = 16,
    seed: int = 0,
    images: Sequence[str] = (),
    color_by: ColorBy = "instance",
    format: str | None = None,
    options: ReadOptions,
    on_error: OnError = "stop",
    workers: int = 1,
    progress: Progress = silent,
) -> Preview:
    """Draw `images`, or a sample of `count`, onto one sheet. Images without a file are drawn on gray.

    UsageError for a name that no image has, and for a target that is no picture file.
    """
    if count < 1:
        raise UsageError(f"--count {count} is no number of images; give 1 or more")
    file = check_output(target, path, "OUT", tuple(KINDS))
    opened = open_dataset(path, format=format, options=options, on_error=on_error, workers=workers, progress=progress)
    check_spared(file, opened.files())
    header, mapping = opened.classed()
    refs = named(opened.scan.refs, images) if images else sample(opened.scan.refs, count, seed)
    if not refs:
        raise UsageError(f"{path}: has no images; there is nothing to show")
    work = _Show(opened, header, mapping, style_of(header, color_by), tile_size(len(refs)))
    done = list(progress("preview", len(refs), engine.run(work, refs, workers=workers)))
    shown = [d for d in done if isinstance(d, _Shown)]
    losses = [*opened.ledger.losses, *(loss for d in done for loss in d.losses)]
    if not shown:
        raise UsageError(f"{path}: none of the {len(refs)} images can be read; {losses[0].message}")
    how = "chosen by name" if images else "all of them" if len(refs) == len(opened.scan.refs) else f"seed {seed}"
    sheet = _sheet(path, opened, header, shown, how, work.style)
    save(file, _encoded(sheet, file))
    return Preview(
        target=target,
        format=opened.format.name,
        task=header.task,
        width=sheet.width,
        height=sheet.height,
        images=tuple(s.image.path for s in shown),
        images_total=len(opened.scan.refs),
        classes=_shown_classes(header, shown),
        losses=losses,
        notes=[*opened.ledger.notes, *(note for d in done for note in d.notes)],
    )


def named(refs: Sequence[Ref], names: Sequence[str]) -> list[Ref]:
    """The images that are meant: by path with or without the split, by file name, or by that without its extension."""
    return list({id(ref): ref for name in names for ref in _meant(refs, name)}.values())


def _meant(refs: Sequence[Ref], name: str) -> list[Ref]:
    for key in (lambda r: r.image.path, lambda r: r.image.name, _base, lambda r: stem(_base(r))):
        found = [ref for ref in refs if key(ref) == name]
        if found:
            return found
    near = difflib.get_close_matches(name, [r.image.path for r in refs], n=3, cutoff=0.5)
    hint = f"; did you mean {' or '.join(near)}?" if near else "; `segpack inspect` tells what is there"
    raise UsageError(f"--image {name}: no image has this name{hint}")


def _base(ref: Ref) -> str:
    return ref.image.name.rsplit("/", 1)[-1]


def _encoded(sheet: Picture, file: Path) -> bytes:
    stream = BytesIO()
    sheet.save(stream, KINDS[file.suffix.lower()], quality=90)
    return stream.getvalue()


# ---------------------------------------------------------------- what stands on the sheet


def _sheet(path: str, opened: Opened, header: Header, shown: Sequence[_Shown], how: str, style: Style) -> Picture:
    title = header.name or Path(opened.reading.source.name).name or path
    total = len(opened.scan.refs)
    of = f"{len(shown)} of {total:,} images" if len(shown) < total else _several(total, "image")
    parts = [opened.format.name, f"{of}, {how}", _several(len(header.classes), "class", "classes")]
    if any(s.bare for s in shown):
        parts.append("gray: no image file")
    tiles = [Tile(s.pixels, s.image.path, _facts(s, header)) for s in shown]
    return contact_sheet(title, "  ·  ".join(parts), tiles, _legend(header, shown, style))


def _facts(shown: _Shown, header: Header) -> str:
    size = f"{shown.image.width} x {shown.image.height}"
    if header.task == "semantic":
        known = {c.id for c in header.classes}
        return f"{size}  ·  {_several(len(known.intersection(shown.counts)), 'class', 'classes')}"
    return f"{size}  ·  {_several(sum(shown.counts.values()), 'object')}"


def _several(count: int, one: str, many: str = "") -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def _legend(header: Header, shown: Sequence[_Shown], style: Style) -> list[Entry]:
    """The classes in sight, where colours stand for classes; else nothing."""
    if header.task == "instance" and style.color_by == "instance":
        return []
    present = {id for s in shown for id in s.counts} - ({header.background_id} if header.task == "semantic" else set())
    entries = [Entry(style.class_names[c.id], style.colors[c.id]) for c in header.classes if c.id in present]
    if header.task == "semantic" and present - style.colors.keys():
        entries.append(Entry("ignored (hatched)", IGNORED))
    more = len(entries) - LEGEND
    return [*entries[:LEGEND], Entry(f"and {more} more", (230, 230, 230))] if more > 0 else entries


def _shown_classes(header: Header, shown: Sequence[_Shown]) -> dict[str, int]:
    """Objects in sight by class name; of a semantic set, images."""
    counts: Counter[int] = Counter()
    for each in shown:
        counts.update(each.counts)
    return {c.name: counts[c.id] for c in header.classes if counts[c.id]}
