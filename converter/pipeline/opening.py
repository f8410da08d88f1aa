"""From a path to a dataset that is known but not loaded: detect, scan, survey."""

from __future__ import annotations

import ctypes
import posixpath
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any

import msgspec

from converter import engine, stopwatch
from converter.errors import DetectionError, SourceError, UsageError
from converter.format import Evidence, Format, Reading, ReadOptions, Scan
from converter.formats import all_formats, get_format
from converter.layouts.images import TEXTS, is_image, is_split_name, load_judged, resolve
from converter.layouts.words import is_layout_word
from converter.ledger import Ledger, OnError, Skipped
from converter.model import Header, Ref, Sample
from converter.stand_ins import HEAD, stand_in
from converter.storage import UNREADABLE, Source, open_source

__all__ = ["Opened", "Progress", "detect", "load_sample", "open_dataset", "silent"]

Progress = Callable[[str, int, Iterable[Any]], Iterator[Any]]
DEPTH = 3
TRIED = 100
BOXES = {b"xmin", b"ymin", b"xmax", b"ymax"}
VOTT = (b'"securityToken"', b'"name"')
ANNOTATIONS = (".json", ".xml", ".yaml", ".yml", ".csv")
SPECIAL = ("masks", "image_pattern", "rle_order", "rle_base")
UNREAD = frozenset(
    {".7z", ".avif", ".bz2", ".dcm", ".exr", ".geojson", ".gz", ".h5", ".hdf5", ".heic", ".jp2", ".jsonl", ".mat",
     ".ndjson", ".nii", ".npy", ".npz", ".parquet", ".pbm", ".pgm", ".pkl", ".pnm", ".ppm", ".rar", ".roi", ".svs",
     ".tar", ".tfrecord", ".tga", ".tgz", ".xz"}
)  # fmt: skip
OF_TOOLS = (".geojson", ".json", ".jsonl", ".ndjson", ".roi", ".xml")  # what annotation tools save their work as


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

    def check_unchanged(self) -> None:
        """SourceError if a file of the source was written or replaced since it was opened.

        A log that grows beside the dataset is not a file of it.
        """
        for source, stamps in self.watched:
            for file in source.changed(stamps):
                if is_image(file) or file.lower().endswith((*TEXTS, ".zip")):
                    raise SourceError(file, "was changed while it was read", remedy="run again")


def detect(source: Source, name: str | None = None) -> tuple[Format, Evidence, Source]:
    """The format of a source and the folder of it where it begins: the top, or below folders that wrap it."""
    if name is not None:
        return _named(source, name)
    for here in _views(source):
        found = _candidates(here)
        if found:
            return (*_choose(here, found), here)
    _tell_stand_ins(source)
    file = source.label(source.entry) if source.entry is not None else source.name
    raise DetectionError(file, f"no known format fits it ({_contents(source)})", remedy=_remedy(source))


def _tell_stand_ins(source: Source) -> None:
    """SourceError for the first annotations that were not fetched, and so look like no format."""
    names = [source.entry] if source.entry is not None else source.names()
    for name in [name for name in names if name.lower().endswith(ANNOTATIONS)][:TRIED]:
        with source.open(name) as stream:
            told = stand_in(stream.read(HEAD), source.label(name))
        if told is not None:
            raise told


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
        found = detect(source, name)
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


def _choose(source: Source, found: list[tuple[Format, Evidence]]) -> tuple[Format, Evidence]:
    if len(found) > 1:
        listed = "; ".join(f"{format.name}: {evidence.text}" for format, evidence in found)
        raise DetectionError(source.name, f"more than one format fits it ({listed})", remedy="say which with --from")
    return found[0]


def _remedy(source: Source) -> str:
    if source.entry is not None and source.entry.lower().endswith((".yaml", ".yml")):
        return "copy it into the folder of the images and labels that it speaks of, and name that folder"
    names = source.names() if source.entry is None else [source.entry]
    if (foreign := _foreign(source, names)) is not None:
        return foreign
    strange = sorted({posixpath.splitext(name)[1].lower() for name in names} & UNREAD)
    if not strange:
        masks = ", or the places of masks with --masks 'labels/{image}_gt.png'" if sum(map(is_image, names)) > 1 else ""
        return f"name its format with --from{masks}{_export(names)}"
    said = f"{', '.join(strange)} files are of no format that is read; if other files hold it, name it with --from"
    return said + _export(names)


def _export(names: Iterable[str]) -> str:
    """What else to do where the set may lie in an archive, or a tool may have written one of the files."""
    packed = next((name for name in names if name.lower().endswith(".zip")), None)
    if packed is not None:
        return f"; {packed} is read only where it is named itself"
    saved = next((name for name in names if name.lower().endswith(OF_TOOLS)), None)
    return f"; where an annotation tool saved {saved}, export COCO, or label images, from that tool" if saved else ""


def _foreign(source: Source, names: Sequence[str]) -> str | None:
    """What to do with lists of boxes that tools write and nobody reads here; None where there are none."""
    for name in [name for name in names if name.lower().endswith((".csv", ".json"))][:TRIED]:
        with source.open(name) as stream:
            head = stream.read(HEAD)
        columns = {column.strip(b'" \r\xef\xbb\xbf').lower() for column in head.partition(b"\n")[0].split(b",")}
        if name.lower().endswith(".csv") and columns >= BOXES:
            return (
                f"{name} is a table of boxes, as of Roboflow and TensorFlow; export the set as COCO, Pascal VOC or YOLO"
            )
        if name.lower().endswith(".json") and all(key in head for key in VOTT):
            return f"{name} is of VoTT; export the set as Pascal VOC"
    return None


def _contents(source: Source) -> str:
    """What a source holds, by extension, for the message that nothing fits."""
    if source.entry is not None:
        return f"it is the file {source.entry}"
    kinds = Counter(posixpath.splitext(n)[1].lower() or "no extension" for n in source.names())
    held = "it holds " + (", ".join(f"{n} {kind}" for kind, n in kinds.most_common(5)) or "no files")
    unread = [f"{path} {reason}" for path, reason in source.special.items()]
    return "; ".join([held, *unread[:3]])


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
    _give_back()
    return Opened(found, evidence, reading, scan, ledger, watched)


def _give_back() -> None:
    """What scanning has freed goes back to the system where the C library can do that: else it adds to every peak."""
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


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
