"""Whether the encodings of a package describe the same pixels, seen from the package alone.

The first encoding (masks/, or the JSON of a package without masks) is what is checked; the
others have to be what it would be converted to.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec

from converter.checks.catalog import finding
from converter.errors import SourceError
from converter.format import Format, Reading, WriteOptions, Writing
from converter.formats import get_format
from converter.layouts.coco_files import WHOLE
from converter.layouts.images import shown_name
from converter.layouts.yolo_tree import Payload as YoloPayload
from converter.ledger import Ledger, Skipped
from converter.lower import plan
from converter.model import Finding, Header, Ref, Sample
from converter.package import index, meta
from converter.pipeline.verifying import Encoding, difference, sized_like
from converter.pipeline.writing import Output

__all__ = ["Package", "agreement", "open_package"]

COCO, YOLO = "coco/", "yolo/"
GLANCE = 64


class Package(msgspec.Struct, frozen=True):
    """What a package says of itself: meta.json, the rows of each image, and its other encodings."""

    about: meta.Meta
    rows: index.ByImage
    others: tuple[Encoding, ...]


def open_package(reading: Reading, header: Header) -> Package | None:
    """The package at a source; None when it is none. SourceError for an index that cannot be read."""
    source = reading.source
    about = meta.about(source)
    if about is None or index.INDEX not in source:
        return None
    try:
        rows = index.ByImage(index.decode(partial(source.open, index.INDEX), source.label(index.INDEX)))
    except SourceError as error:
        error.code = error.code or "index-mismatch"
        raise
    others = []
    if WHOLE[1] in source and about.mask_encoding in {"binary", "multi-class"}:
        others.append(_encoding(reading, header, get_format("coco"), COCO))
    if f"{YOLO}data.yaml" in source:
        others.append(_encoding(reading, header, get_format(_yolo(reading)), YOLO))
    return Package(about, rows, tuple(others))


def _yolo(reading: Reading) -> str:
    """The YOLO format of the label files, by the length of their rows."""
    labels = [p for p in reading.source.under("yolo/labels") if p.endswith(".txt")]
    for path in labels[:: max(1, len(labels) // GLANCE)]:
        if any(len(row.split()) > 5 for row in reading.source.read(path).splitlines()):
            return "yolo-seg"
    return "yolo"


def _encoding(reading: Reading, header: Header, reader: Format, prefix: str) -> Encoding:
    """An encoding with its images by name. SourceError, code encoding-disagreement, where it cannot be read."""
    lowering = plan(header, reader.holds, WriteOptions(), Ledger())
    output = Output(reader, lowering, Writing(lowering.target, WriteOptions(), prefix=prefix))
    assert reader.scan is not None
    try:
        scan = reader.scan(reading, Ledger("skip"))
    except SourceError as error:
        error.code = "encoding-disagreement"
        raise
    return Encoding(output, reader, scan, {shown_name(r.image): r for r in scan.refs})


def agreement(reading: Reading, packed: Package, ref: Ref, sample: Sample) -> list[Finding]:
    """Where the other encodings of one image are not what its first one says."""
    name = shown_name(ref.image)
    found = []
    for other in packed.others:
        folder = other.output.writing.prefix
        problem, instance = _problem(reading, other, ref, sample, name)
        if problem:
            message = f"what {folder} holds of this image {problem}"
            found.append(finding("encoding-disagreement", message, image=name, instance=instance, file=folder))
    return found


def _problem(reading: Reading, other: Encoding, ref: Ref, sample: Sample, name: str) -> tuple[str, int | None]:
    theirs = _ref(other, ref, name)
    if theirs is None:
        return "is nothing: the image is missing there", None
    assert other.reader.load is not None
    ledger = Ledger("skip")
    try:
        read = other.reader.load(reading, other.scan.header, sized_like(theirs, sample.image), ledger)
    except (SourceError, Skipped) as error:
        return f"cannot be read: {error}", None
    if ledger.refusals:
        return f"cannot be read: {ledger.refusals[0].problem}", ledger.refusals[0].instance
    return difference(sample, read, other)


def _ref(other: Encoding, ref: Ref, name: str) -> Ref | None:
    """The image there; YOLO labels lie where they must, whether the reader finds them from here or not."""
    if not other.reader.name.startswith("yolo"):
        return other.refs.get(name)
    assert other.output.format.label_path is not None
    payload: Any = YoloPayload(other.output.format.label_path(other.output.writing, ref.image))
    return Ref(ref.image, payload)
