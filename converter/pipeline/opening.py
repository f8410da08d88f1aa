"""From a path to a dataset that is known but not loaded: detect, scan, survey."""

from __future__ import annotations

import functools
from array import array
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from converter import engine, heap, stopwatch
from converter.errors import DetectionError, SourceError, UsageError
from converter.format import Evidence, Format, Reading, ReadOptions, Scan
from converter.formats import all_formats, get_format
from converter.layouts.images import TEXTS, is_image, is_split_name, load_judged, resolve
from converter.layouts.words import is_layout_word
from converter.ledger import Ledger, OnError, Skipped
from converter.model import Header, Ref, Sample
from converter.pipeline.unknown import unknown
from converter.storage import UNREADABLE, Source, open_source
from converter.transforms import classes as class_files

__all__ = ["Opened", "Progress", "detect", "load_sample", "open_dataset", "silent"]

Progress = Callable[[str, int, Iterable[Any]], Iterator[Any]]
DEPTH = 3
SPECIAL = ("masks", "image_pattern", "rle_order", "rle_base")


def silent(title: str, total: int, items: Iterable[Any]) -> Iterator[Any]:
    """Progress that nobody sees."""
    del title, total
    yield from items


class Opened(msgspec.Struct, frozen=True):
    """A scanned dataset: the format and why it is that one, header, refs, and what scanning had to say."""

    format: Format
    evidence: Evidence
    reading: Reading
    scan: Scan
    ledger: Ledger
    watched: tuple[tuple[Source, array[int]], ...] = ()

    def files(self) -> Iterator[str]:
        """The image files, and those that say what is drawn on them."""
        for ref in self.scan.refs:
            if ref.image.file is not None:
                yield self.reading.images.label(ref.image.file)
            if self.format.files is not None:
                yield from self.format.files(self.reading, ref)

    def classed(self) -> tuple[Header, class_files.ClassMap | None]:
        """The header after the class file of the user, and where each class goes; None where there is no such file."""
        table = self.reading.options.classes
        if table is None:
            return self.scan.header, None
        return class_files.plan(self.scan.header, table, by_source=self.format.indexed_classes)

    def check_unchanged(self) -> None:
        """SourceError if a file of the source was written or replaced since it was opened.

        A log that grows beside the dataset is not a file of it.
        """
        for source, stamps in self.watched:
            for file in source.changed(stamps):
                if is_image(file) or file.lower().endswith((*TEXTS, ".zip")):
                    raise SourceError(file, "was changed while it was read", remedy="run again")


def detect(source: Source, name: str | None = None, images: Source | None = None) -> tuple[Format, Evidence, Source]:
    """The format of a source and the folder of it where it begins: the top, or below folders that wrap it.

    `images`: where they lie, if the user says that they lie apart.
    """
    if name is not None:
        return _named(source, name)
    for find in (_candidates, functools.partial(_candidates_apart, images=images)):
        for here in _views(source):
            if found := find(here):
                return (*_choose(here, found), here)
    raise unknown(source)


def _named(source: Source, name: str) -> tuple[Format, Evidence, Source]:
    format = get_format(name)
    if not format.reads:
        raise UsageError(f"{name} is a format that segpack writes and does not read")
    views = _views(source)
    fitting = (v for v in views if format.detect is not None and format.detect(v) is not None)
    return format, Evidence("named with --from"), next(fitting, source)


def _detect(source: Source, name: str | None, options: ReadOptions) -> tuple[Format, Evidence, Source]:
    """As `detect`. Patterns begin at the top. UsageError for an option that means nothing to the format."""
    if options.patterned:
        found = get_format(name or "instance-png"), Evidence("files are named by patterns"), source
    else:
        found = detect(source, name, options.images)
    format = found[0]
    for option in SPECIAL:
        if getattr(options, option) is not None and option not in format.takes:
            able = ", ".join(f.name for f in all_formats().values() if option in f.takes)
            raise UsageError(f"--{option.replace('_', '-')} is for {able}, and this is {format.name}")
    return found


def _views(source: Source) -> list[Source]:
    """Where a set may begin, the likeliest first.

    A folder that everything lies below, as archivers put it around, is looked into before
    the whole is looked at: seen from outside, a set of class masks in `export/images` and
    `export/masks` is one with a folder an image. A folder whose name is part of a layout
    (a split, images, masks) wraps nothing; it is looked into last.
    """
    views, wrapped = [source], 1
    while len(views) < DEPTH and source.entry is None and (top := views[-1].top_folder()) is not None:
        wraps = not is_split_name(top) and not is_layout_word(top)
        views.append(views[-1].below(top))
        wrapped += wraps and wrapped == len(views) - 1
    return [*reversed(views[:wrapped]), *views[wrapped:]]


def _candidates(source: Source) -> list[tuple[Format, Evidence]]:
    found = []
    for format in all_formats().values():
        evidence = format.detect(source) if format.detect is not None else None
        if evidence is not None:
            found.append((format, evidence))
    certain = [f for f in found if f[1].certain]
    strong = [f for f in found if not f[1].weak]
    return certain or (found if all(evidence.boxes for _, evidence in strong) else strong)


def _candidates_apart(source: Source, images: Source | None) -> list[tuple[Format, Evidence]]:
    """The formats of masks without the images that they are of."""
    if images is None or source.entry is not None or source.stamps() == images.stamps():
        return []  # the images themselves are no masks of theirs
    able = [(format, format.detect_apart) for format in all_formats().values() if format.detect_apart is not None]
    return [(format, found) for format, fits in able if (found := fits(source, images)) is not None]


def _choose(source: Source, found: list[tuple[Format, Evidence]]) -> tuple[Format, Evidence]:
    if len(found) > 1:
        listed = "; ".join(f"{format.name}: {evidence.text}" for format, evidence in found)
        raise DetectionError(source.name, f"more than one format fits it ({listed})", remedy="say which with --from")
    return found[0]


def open_dataset(
    path: str,
    *,
    format: str | None = None,
    options: ReadOptions,
    on_error: OnError = "stop",
    workers: int = 1,
    guard: engine.Guard | None = None,
    progress: Progress = silent,
) -> Opened:
    """Detect and scan the dataset at `path`; no pixel is decoded but those that settle the classes."""
    source = open_source(path)
    watched = tuple((s, s.stamps()) for s in (source, options.images) if s is not None)
    ledger = Ledger(on_error)
    for remark in source.remarks:
        ledger.note("source", source.name, remark)
    for unread, reason in source.special.items():
        ledger.note("not-a-file", source.label(unread), f"it was left unread: {reason}")
        if reason.startswith(UNREADABLE):
            ledger.lose("skipped-folder", unread, f"{source.label(unread)}: {reason}")
    with source.remembering(), stopwatch.stage("scan"):
        found, evidence, here = _detect(source, format, options)
        reading = Reading(here, options, on_error)
        assert found.scan is not None
        scan = found.scan(reading, ledger)
    if scan.images is not None:
        reading = msgspec.structs.replace(reading, options=msgspec.structs.replace(reading.options, images=scan.images))
    if found.survey is not None and found.settle is not None:
        facts = engine.run(_Survey(found, reading), scan.refs, workers=workers, guard=guard, lost=_unknown)
        scan = found.settle(scan, progress("survey", len(scan.refs), facts), reading, ledger)
    heap.give_back()
    return Opened(found, evidence, reading, scan, ledger, watched)


def _unknown(_: Ref, __: str) -> None:
    """What is known of an image that cannot be looked at; loading it will say why."""


class _Survey(msgspec.Struct, frozen=True):
    format: Format
    reading: Reading

    def __call__(self, ref: Ref) -> Any:
        assert self.format.survey is not None
        with stopwatch.stage("scan"):
            return self.format.survey(self.reading, ref)


def load_sample(
    format: Format, reading: Reading, header: Header, ref: Ref, ledger: Ledger
) -> tuple[Sample, bytes | None] | None:
    """The sample of `ref` and the bytes of its image file (when files are needed); None when it was skipped."""
    try:
        sized, data = resolve(reading, ref, ledger)
        return load_judged(format, reading, header, sized, ledger), data
    except Skipped:
        return None
