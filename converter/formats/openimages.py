"""Open Images: a CSV of objects, each with a PNG of its own.

    *-annotations-object-segmentation.csv     MaskPath,ImageID,LabelName,BoxID,BoxXMin,BoxXMax,
                                              BoxYMin,BoxYMax,PredictedIoU,Clicks
    <any folder>/<MaskPath>                   binary PNG
    <any folder>/<ImageID>.jpg                or another image; of several, those in a folder called as the split
    class-descriptions*.csv                   /m/01g317,Person (without a header)

Coordinates of boxes are fractions of width and height. The PNG may have another size than the image: then
a pixel of the image takes that of the mask that lies in its place, floor((i + 0.5) * n / m),
with a note. Classes are numbered from 1 in the order of their LabelName; without descriptions
LabelName is their name. Further columns are not read, with a note. The file name says the split (train-,
validation-, test-). Of tables of boxes alone (*-annotations-bbox.csv) a note says that they are not read.

Holds: masks with overlaps, boxes. `predicted_iou`, `box_id` and `clicks` are kept. Read only.
Cannot hold: polygons, crowds, other attributes.
Source: https://storage.googleapis.com/openimages/web/download_v7.html.
"""

from __future__ import annotations

import math
import posixpath
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec
import numpy as np

from converter.codecs import csvs
from converter.errors import SourceError, some_of
from converter.format import Evidence, Format, Holds, Reading, Scan
from converter.geometry import rle
from converter.layouts.classes import check_classes, check_name
from converter.layouts.images import is_image, is_split_name, order_splits, split_name, stem, tell_unused
from converter.layouts.masks import binary_mask
from converter.ledger import Ledger
from converter.model import Box, ClassInfo, Header, Image, Instance, Ref, Rle, Sample
from converter.storage import Source
from converter.storage.names import clean

__all__ = ["FORMAT"]

COLUMNS = ("MaskPath", "ImageID", "LabelName")
BOXES = ("ImageID", "LabelName", "XMin")
BOX = ("BoxXMin", "BoxXMax", "BoxYMin", "BoxYMax")
KEPT = {"BoxID": "box_id", "PredictedIoU": "predicted_iou", "Clicks": "clicks"}


class Row(msgspec.Struct, frozen=True):
    """An object: its line, label, mask (None: not there) and the rest of the row."""

    line: int
    label: str
    mask: str | None
    name: str
    fields: dict[str, str]


class Payload(msgspec.Struct, frozen=True):
    file: str
    rows: list[Row]


# ---------------------------------------------------------------- scan


def detect(source: Source) -> Evidence | None:
    """A CSV with the columns MaskPath, ImageID and LabelName."""
    found = _tables(source)
    return Evidence(f"{found[0]}: CSV with {', '.join(COLUMNS)}") if found else None


def _tables(source: Source, columns: Sequence[str] = COLUMNS) -> list[str]:
    names = [source.entry] if source.entry is not None else source.names()
    return [n for n in names if n.lower().endswith(".csv") and _has(source, n, columns)]


def _has(source: Source, path: str, columns: Sequence[str]) -> bool:
    with source.open(path) as stream:
        head = stream.read(400).partition(b"\n")[0]
    return all(column.encode() in head for column in columns)


def scan(reading: Reading, ledger: Ledger) -> Scan:
    source = reading.source
    tables = _tables(source)
    if not tables:
        raise SourceError(source.name, f"no CSV with {', '.join(COLUMNS)}", remedy="is it Open Images?")
    masks = _by_name(n for n in source.names() if n.lower().endswith(".png"))
    names = _descriptions(source)
    for boxes in _tables(source, BOXES):
        if boxes not in tables:
            ledger.note("unused-file", source.label(boxes), "it was not read: it holds boxes without masks")
    refs: list[Ref] = []
    for table in tables:
        refs += _table(reading, table, masks, ledger)
    labels = sorted({row.label for r in refs for row in r.payload.rows})
    classes = [
        ClassInfo(i, check_name(names.get(v, v), source.name, v), source_name=v) for i, v in enumerate(labels, 1)
    ]
    check_classes(classes, source.name, table=reading.options.classes)
    others = [n for n in source.names() if n.lower().endswith((".csv", ".png"))]
    tell_unused(reading.images, refs, others, ledger)
    splits = order_splits(r.image.split for r in refs)
    return Scan(Header("openimages", "instance", tuple(classes), splits), refs)


def _descriptions(source: Source) -> dict[str, str]:
    """LabelName -> name, of the tables without a header that the dataset has for that."""
    names: dict[str, str] = {}
    for path in source.names():
        if path.lower().endswith(".csv") and "class-descriptions" in posixpath.basename(path):
            for _, row in csvs.lines(source.read(path), source.label(path)):
                if len(row) >= 2 and row[0] != "LabelName":
                    names[row[0].strip()] = row[1].strip()
    return names


def _by_name(paths: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        found[posixpath.basename(path)].append(path)
    return found


def _near(paths: Sequence[str], folder: str) -> str | None:
    """Of files of one name that in a folder called so, or so and a number (train-masks-0); else the first."""
    return next((p for p in paths if f"/{folder}/" in f"/{p}" or f"/{folder}-" in f"/{p}"), paths[0] if paths else None)


def _table(reading: Reading, table: str, masks: Mapping[str, list[str]], ledger: Ledger) -> list[Ref]:
    source, file = reading.source, reading.source.label(table)
    first = posixpath.basename(table).partition("-")[0]
    split = split_name(first) if is_split_name(first) else None
    grouped: dict[str, list[Row]] = defaultdict(list)
    rows = csvs.rows(source.read(table), file, needs=COLUMNS)
    others = [name for name in (rows[0] if rows else ()) if name and name not in {*COLUMNS, *BOX, *KEPT}]
    if others:
        said = f"columns that have no place are left out: {some_of(others, 8)}"
        ledger.note("attributes-unread", file, said)
    for line, row in enumerate(rows, 2):
        try:
            name = clean(row["ImageID"])
        except ValueError as error:
            problem = SourceError(file, f"ImageID '{row['ImageID']}' {error}", place=f"line {line}")
            ledger.bad_annotation("", line, problem)
            continue
        base = posixpath.basename(row["MaskPath"])
        fields = {k: row[k] for k in (*BOX, *KEPT) if row.get(k)}
        mask = _near(masks.get(base, ()), first)
        grouped[name].append(Row(line, row["LabelName"], mask, row["MaskPath"], fields))
    taken = {row.mask for rows in grouped.values() for row in rows}
    images: dict[str, list[str]] = defaultdict(list)
    for each in reading.images.names():
        if is_image(each) and each not in taken:
            images[posixpath.basename(stem(each))].append(each)
    refs = []
    for name in sorted(grouped):
        named = images.get(posixpath.basename(name), ())
        path = _near([p for p in named if f"/{stem(p)}".endswith(f"/{name}")], first)
        ending = posixpath.splitext(path)[1] if path else ".jpg"
        refs.append(Ref(Image(name + ending, split, file=path), Payload(file, grouped[name])))
    return refs


# ---------------------------------------------------------------- load


def load(reading: Reading, header: Header, ref: Ref, ledger: Ledger) -> Sample:
    """The masks of an image, in its size."""
    payload: Payload = ref.payload
    image = ref.image
    ids = {c.source_name: c.id for c in header.classes}
    instances = []
    for row in payload.rows:
        try:
            region = _region(reading, row, payload.file, image, ledger)
            box = _box(row, payload.file, image)
        except SourceError as error:
            ledger.bad_annotation(image.path, row.line, error)
            continue
        extra = {ours: _value(row.fields[key]) for key, ours in KEPT.items() if key in row.fields}
        instances.append(Instance(ids[row.label], region, box=box, extra=extra))
    return Sample(image, tuple(instances))


def _value(field: str) -> float | str:
    try:
        number = float(field)
    except ValueError:
        return field
    return number if math.isfinite(number) else field


def _region(reading: Reading, row: Row, file: str, image: Image, ledger: Ledger) -> Rle:
    if row.mask is None:
        raise SourceError(
            file, f"the mask {row.name} is not there", place=f"line {row.line}", remedy="add it", code="missing-mask"
        )
    label = reading.source.label(row.mask)
    region = binary_mask(reading.source.read(row.mask), label)
    if (region.width, region.height) == (image.width, image.height):
        return region
    shown = f"the mask is {region.width}x{region.height}, its image {image.width}x{image.height}"
    ledger.note("mask-scaled", label, f"{shown}: it was scaled to the image")
    rows = ((np.arange(image.height) + 0.5) * region.height / image.height).astype(np.int64)
    columns = ((np.arange(image.width) + 0.5) * region.width / image.width).astype(np.int64)
    return rle.encode(rle.decode(region)[rows][:, columns])


def _box(row: Row, file: str, image: Image) -> Box | None:
    if not all(column in row.fields for column in BOX):
        return None
    try:
        left, right, top, bottom = (float(row.fields[column]) for column in BOX)
    except ValueError:
        raise SourceError(file, "a box column is no number", place=f"line {row.line}", remedy="mend the row") from None
    if not all(map(math.isfinite, (left, right, top, bottom))):
        raise SourceError(file, "a box column is not finite", place=f"line {row.line}", remedy="mend the row")
    w, h = image.width, image.height
    return Box(left * w, top * h, (right - left) * w, (bottom - top) * h)


def files(reading: Reading, ref: Ref) -> list[str]:
    """The table."""
    del reading
    return [ref.payload.file]


FORMAT = Format(
    name="openimages",
    summary="Open Images: a CSV of objects and a PNG for each",
    page=__doc__ or "",
    holds=Holds(attributes=True),
    detect=detect,
    scan=scan,
    load=load,
    files=files,
)
