"""Whether the encodings of a package describe the same pixels, seen from the package alone.

The first encoding (masks/, or the JSON of a package without masks) is what is checked; the
others have to be what it would be converted to.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from functools import partial
from typing import Any

import msgspec

from converter.checks.catalog import finding
from converter.errors import SourceError
from converter.format import Format, Reading, WriteOptions, Writing
from converter.formats import get_format
from converter.layouts.classes import is_background
from converter.layouts.coco_files import WHOLE
from converter.layouts.yolo_tree import Payload as YoloPayload
from converter.ledger import Ledger, Skipped
from converter.lower import plan
from converter.model import Finding, Header, Ref, Sample
from converter.package import index, meta
from converter.pipeline.verifying import Encoding, difference, draws_same_classes, sized_like
from converter.pipeline.writing import Output

__all__ = ["Package", "agreement", "of_the_set", "open_package"]

COCO, YOLO = "coco/", "yolo/"
GLANCE = 64


class Package(msgspec.Struct, frozen=True):
    """What a package says of itself: meta.json, the rows of each image, and its other encodings.

    `lacking` are the folders of encodings that meta.json describes and that are not there.
    """

    about: meta.Meta
    rows: index.ByImage
    others: tuple[Encoding, ...]
    lacking: tuple[str, ...] = ()


def open_package(reading: Reading, header: Header) -> Package | None:
    """The package at a source; None when it is none. SourceError for an index that cannot be read, or is not there."""
    source = reading.source
    about = meta.about(source)
    if about is None:
        return None
    if index.INDEX not in source:
        problem = "is not there, and meta.json says that this is a package"
        raise SourceError(source.label(index.INDEX), problem, remedy="restore it", code="index-mismatch")
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
    there = {COCO: WHOLE[1] in source, YOLO: f"{YOLO}data.yaml" in source}
    lacking = tuple(folder for folder, found in there.items() if folder.rstrip("/") in about.encodings and not found)
    return Package(about, rows, tuple(others), lacking)


def _yolo(reading: Reading) -> str:
    """The YOLO format of the label files, by the length of their rows."""
    labels = [p for p in reading.source.under("yolo/labels") if p.endswith(".txt")]
    for path in labels[:: max(1, len(labels) // GLANCE)]:
        if any(len(row.split()) > 5 for row in reading.source.read(path).splitlines()):
            return "yolo-seg"
    return "yolo"


def _encoding(reading: Reading, header: Header, reader: Format, prefix: str) -> Encoding:
    """An encoding with its images by name. SourceError, code encoding-disagreement, where it cannot be read."""
    output, crowded = (_output(header, reader, prefix, WriteOptions(crowd=crowd)) for crowd in ("drop", "keep"))
    assert reader.scan is not None
    try:
        scan = reader.scan(reading, Ledger("skip"))
    except SourceError as error:
        error.code = "encoding-disagreement"
        raise
    with_crowds = None if reader.holds.crowd else crowded
    return Encoding(output, reader, scan, {r.image.path: r for r in scan.refs}, with_crowds)


def _output(header: Header, reader: Format, prefix: str, options: WriteOptions) -> Output:
    lowering = plan(header, reader.holds, options, Ledger())
    return Output(reader, lowering, Writing(lowering.target, options, prefix=prefix))


def of_the_set(packed: Package, images: Container[str], *, whole: bool) -> Iterator[Finding]:
    """Where the other encodings do not have the classes of meta.json, or, when the `whole` set is known, its images."""
    for folder in packed.lacking:
        yield finding("encoding-disagreement", f"meta.json describes {folder}, which is not there", file=meta.META)
    for other in packed.others:
        folder = other.output.writing.prefix
        mine, theirs = (_names(header, other) for header in (other.output.writing.header, other.scan.header))
        for key in sorted(mine.keys() | theirs.keys()):
            if mine.get(key) != theirs.get(key):
                message = (
                    f"class {key} is {_quoted(theirs.get(key))} in {folder} and {_quoted(mine.get(key))} in meta.json"
                )
                yield finding("encoding-disagreement", message, file=folder)
        if whole and not other.reader.name.startswith("yolo"):
            for name in sorted(name for name in other.refs if name not in images):
                yield finding(
                    "encoding-disagreement", f"{folder} has an image that no other part has", image=name, file=folder
                )


def _names(header: Header, other: Encoding) -> dict[int, str]:
    """Class names by id, or in YOLO by their index; in COCO a class 0 called background is none when it is unused."""
    classes = sorted(header.classes, key=lambda c: c.id)
    if other.reader.name.startswith("yolo"):
        return {n: c.name for n, c in enumerate(classes)}
    return {c.id: c.name for c in classes if c.id or not is_background(c.name)}


def _quoted(name: str | None) -> str:
    return "nothing" if name is None else f"'{name}'"


def agreement(reading: Reading, packed: Package, ref: Ref, sample: Sample) -> list[Finding]:
    """Where the other encodings of one image are not what its first one says."""
    name = ref.image.path
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
        return f"cannot be read: {error}" if str(error) else "cannot be read", None
    if ledger.refusals:
        return f"cannot be read: {ledger.refusals[0].problem}", ledger.refusals[0].instance
    size = theirs.image.width, theirs.image.height
    if 0 not in size and size != (sample.image.width, sample.image.height):
        return f"is of {size[0]}x{size[1]} pixels", None
    found = difference(sample, read, other)
    return ("", None) if found[0] and _was_asked_for(sample, read, other) else found


def _was_asked_for(sample: Sample, read: Sample, other: Encoding) -> bool:
    """Whether an encoding is what an option makes of the image: crowds kept, a class in several instances."""
    if sample.labels is not None:
        return draws_same_classes(sample, read, other)
    if other.with_crowds is None or not any(each.iscrowd for each in sample.instances):
        return False
    return not difference(sample, read, msgspec.structs.replace(other, output=other.with_crowds))[0]


def _ref(other: Encoding, ref: Ref, name: str) -> Ref | None:
    """The image there; YOLO labels lie where they must, whether the reader finds them from here or not."""
    if not other.reader.name.startswith("yolo"):
        return other.refs.get(name)
    assert other.output.format.label_path is not None
    payload: Any = YoloPayload(other.output.format.label_path(other.output.writing, ref.image))
    return Ref(ref.image, payload)
