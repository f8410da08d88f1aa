"""Reads a package back and compares everything in it, pixel by pixel, across its encodings."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from converter import engine, stopwatch
from converter.checks.catalog import CATALOG
from converter.errors import SourceError
from converter.format import Format, Reading, ReadOptions, Scan
from converter.formats import get_format
from converter.geometry import rle, shapes
from converter.geometry.claims import BOX, box_off, is_area_off
from converter.layouts.images import resolve
from converter.layouts.yolo_tree import Payload as YoloPayload
from converter.ledger import Ledger, Skipped
from converter.lower import lower
from converter.model import Box, Finding, Image, Instance, Ref, Rle, Sample
from converter.package import index, meta
from converter.pipeline import split_files
from converter.pipeline.opening import Progress
from converter.pipeline.writing import Outcome, Output, fingerprint
from converter.storage import Limits, open_source

__all__ = ["Encoding", "difference", "draws_same_classes", "sized_like", "verify"]

NEAR = 0.001  # pixels between a box and the text of it
FIX = "this is a defect of the program that wrote it; please report it"


class Encoding(msgspec.Struct, frozen=True):
    """One encoding of the package as its reader sees it.

    `with_crowds`: how it may be as well, where crowds are left out of it unless somebody asks for them.
    """

    output: Output
    reader: Format
    scan: Scan
    refs: dict[str, Ref]
    with_crowds: Output | None = None


class _Item(msgspec.Struct, frozen=True):
    name: str
    refs: tuple[Ref | None, ...]
    expected: bytes


def verify(staged: Path, outputs: list[Output], outcome: Outcome, *, workers: int, progress: Progress) -> list[Finding]:
    """What is wrong with the package at `staged` (a ZIP or a folder, complete and not yet in place)."""
    source = open_source(staged, Limits(links_outside=True), name="the package")
    try:
        about = meta.decode(source.read(meta.META), meta.META)
    except SourceError as error:
        return [_finding("meta-invalid", {"file": meta.META}, str(error))]
    try:
        rows = index.ByImage(index.decode(partial(source.open, index.INDEX), index.INDEX))
        files = outputs[0].writing.options.image_files in {"copy", "hardlink"}
        reading = Reading(source, ReadOptions(need_files=files))
        with stopwatch.stage("scan"):
            read = outputs if outputs[0].format.reads else outputs[1:]  # rows alone describe what coco/ holds
            encodings = _opened(reading, read)
    except SourceError as error:
        return [_finding(_code(error), {"file": error.file}, str(error))]
    findings = _count(about, rows, outcome, encodings)
    findings += (
        _finding(f.code, f.where, f.message) for f in split_files.contradictions(reading, encodings[0].scan.header)
    )
    items = [
        _Item(
            name,
            tuple(e.refs.get(name) for e in encodings),
            outcome.fingerprints.get(name, b""),
        )
        for name in sorted(outcome.fingerprints)
    ]
    work = _Compare(reading, tuple(encodings), rows)
    for found in progress("verify", len(items), engine.run(work, items, workers=workers)):
        findings += found
    return findings


def _code(error: SourceError | Skipped) -> str:
    """The finding that a reader's refusal is; a package that cannot be read contradicts itself at the least."""
    code = error.code if isinstance(error, SourceError) else ""
    return code if code in CATALOG and CATALOG[code].severity == "error" else "encoding-disagreement"


def _finding(code: str, where: Mapping[str, Any], message: str) -> Finding:
    return Finding(code, "error", dict(where), message, FIX)


def _opened(reading: Reading, outputs: Sequence[Output]) -> list[Encoding]:
    """The encodings as their readers see them, each scanned once; the first knows the images of all."""
    encodings: list[Encoding] = []
    for output in outputs:
        encodings.append(_open(reading, output, encodings[0].refs if encodings else None))
    return encodings


def _open(reading: Reading, output: Output, primary: Mapping[str, Ref] | None) -> Encoding:
    """Scan one encoding with the reader of its format; YOLO labels are found by the path they must have."""
    reader = get_format(output.format.name)
    assert reader.scan is not None
    scan = reader.scan(reading, Ledger())
    refs = {ref.image.path: ref for ref in scan.refs}
    if reader.name.startswith("yolo"):
        label_path = output.format.label_path
        assert label_path is not None
        refs = {
            name: Ref(ref.image, YoloPayload(label_path(output.writing, ref.image)))
            for name, ref in (primary or refs).items()
        }
    return Encoding(output, reader, scan, refs)


def _count(about: meta.Meta, rows: index.ByImage, outcome: Outcome, encodings: list[Encoding]) -> list[Finding]:
    """Numbers that have to agree: images and instances in meta.json, the index and every encoding."""
    findings = []
    if not about.counts.images == len(rows) == len(outcome.fingerprints) == outcome.images:
        message = f"{outcome.images} images were written; meta.json says {about.counts.images}, index.csv {len(rows)}"
        findings.append(_finding("index-mismatch", {"file": index.INDEX}, message))
    instances = sum(bool(row.class_id) for found in rows.values() for row in found)
    if about.task == "instance" and not instances == about.counts.instances == outcome.instances:
        said = f"meta.json says {about.counts.instances}, index.csv {instances}"
        message = f"{outcome.instances} instances were written; {said}"
        findings.append(_finding("index-mismatch", {"file": index.INDEX}, message))
    for encoding in encodings:
        missing = sorted(outcome.fingerprints.keys() - encoding.refs.keys())
        if missing:
            message = f"{encoding.output.writing.prefix or 'masks/'} lacks {len(missing)} images, first {missing[0]}"
            findings.append(_finding("encoding-disagreement", {"image": missing[0]}, message))
    return findings


class _Compare(msgspec.Struct, frozen=True):
    """Compares one image across the encodings, the index and the checksums."""

    reading: Reading
    encodings: tuple[Encoding, ...]
    rows: index.ByImage

    def __call__(self, item: _Item) -> list[Finding]:
        try:
            with stopwatch.stage("check"):
                return self._compare(item)
        except (SourceError, Skipped) as error:
            return [_finding(_code(error), {"image": item.name}, str(error))]

    def _compare(self, item: _Item) -> list[Finding]:
        samples: list[Sample] = []
        for encoding, ref in zip(self.encodings, item.refs, strict=True):
            if ref is None:
                return []  # counted already
            assert encoding.reader.load is not None
            with stopwatch.stage("load"):
                sized = sized_like(ref, samples[0].image) if samples else resolve(self.reading, ref, Ledger())[0]
                samples.append(encoding.reader.load(self.reading, encoding.scan.header, sized, Ledger()))
        base = samples[0]
        findings = []
        if fingerprint(base) != item.expected:
            findings.append(_disagree(item, self.encodings[0], "is not what was written"))
        for encoding, sample in zip(self.encodings[1:], samples[1:], strict=True):
            problem, instance = difference(base, sample, encoding)
            if problem:
                findings.append(_disagree(item, encoding, problem, instance))
        return findings + self._index(item, base)

    def _index(self, item: _Item, base: Sample) -> list[Finding]:
        findings, rows = [], self.rows.get(item.name, [])
        if base.labels is None:
            writing = self.encodings[0].output.writing
            names = {c.id: c.name for c in writing.header.classes}
            expected = [index.instance_row(base, i, names[i.class_id]) for i in base.instances] or [
                index.image_row(base)
            ]
            if [_measures(r) for r in expected] != [_measures(r) for r in rows]:
                where = {"image": item.name, "file": index.INDEX}
                findings.append(_finding("index-mismatch", where, f"the rows of {item.name} do not describe its masks"))
        for path, digest in index.checksums(rows):
            if hashlib.sha256(self.reading.source.read(path)).hexdigest() != digest:
                message = f"{path} is not the file that index.csv has the checksum of"
                findings.append(_finding("checksum-mismatch", {"image": item.name, "file": path}, message))
        return findings


def sized_like(ref: Ref, image: Image) -> Ref:
    sized = msgspec.structs.replace(ref.image, width=image.width, height=image.height)
    return msgspec.structs.replace(ref, image=sized)


def _disagree(item: _Item, encoding: Encoding, problem: str, instance: int | None = None) -> Finding:
    folder = encoding.output.writing.prefix or "masks/"
    where: dict[str, Any] = {"image": item.name, "file": folder}
    if instance is not None:
        where["instance"] = instance
    return _finding("encoding-disagreement", where, f"{item.name} in {folder} {problem}")


def _measures(row: index.Row) -> tuple[str, ...]:
    return (row.split, row.width, row.height, row.class_id, row.class_name, row.bbox_x, row.bbox_y,
            row.bbox_w, row.bbox_h, row.area, row.iscrowd)  # fmt: skip


def difference(base: Sample, sample: Sample, encoding: Encoding) -> tuple[str, int | None]:
    """How `sample`, read from a secondary encoding, differs from what the primary one implies, and in which instance.

    The instance is None where it is not one that differs; the words are "" where nothing does.
    """
    expected = lower(base, encoding.output.lowering, Ledger()).instances
    found = sample.instances
    if len(expected) != len(found):
        return f"holds {len(found)} instances, not {len(expected)}", None
    ids = _ids_there(encoding)
    for number, (mine, theirs) in enumerate(zip(expected, found, strict=True), 1):
        told = mine.id if mine.id is not None else number
        class_id = ids[mine.class_id]
        if class_id != theirs.class_id:
            return f"has class {theirs.class_id} for instance {told}, not {class_id}", told
        if not _same(mine, theirs, base.image):
            return f"draws instance {told} differently", told
        if encoding.reader.name == "coco" and (wrong := _claims(mine, theirs, base.image)):
            return f"has {wrong} for instance {told}", told
    return "", None


def draws_same_classes(base: Sample, sample: Sample, encoding: Encoding) -> bool:
    """Whether each class of a semantic image is drawn as `difference` wants it, in however many instances that is."""
    ids = _ids_there(encoding)
    expected = {ids[i.class_id]: i for i in lower(base, encoding.output.lowering, Ledger()).instances}
    found: dict[int, list[Instance]] = {}
    for instance in sample.instances:
        found.setdefault(instance.class_id, []).append(instance)
    return expected.keys() == found.keys() and all(
        _same(expected[id], _together(mine, base.image), base.image) for id, mine in found.items()
    )


def _ids_there(encoding: Encoding) -> dict[int, int]:
    """Class id -> the id that the reader of the encoding gives the class."""
    ids = sorted(c.id for c in encoding.output.writing.header.classes)
    return {id: place if encoding.reader.name.startswith("yolo") else id for place, id in enumerate(ids, 1)}


def _together(instances: Sequence[Instance], image: Image) -> Instance:
    """All of a class as one: the box around their boxes, or what any of them covers."""
    boxes = [i.shape for i in instances if isinstance(i.shape, Box)]
    if len(boxes) == len(instances):
        x, y = min(b.x for b in boxes), min(b.y for b in boxes)
        shape: Box | Rle = Box(x, y, max(b.x + b.w for b in boxes) - x, max(b.y + b.h for b in boxes) - y)
    else:
        shape = rle.union([shapes.mask_of(i.shape, image.height, image.width) for i in instances])
    return msgspec.structs.replace(instances[0], shape=shape)


def _claims(mine: Instance, theirs: Instance, image: Image) -> str:
    """What is said beside the mask and is not so: crowd and id as in the index, box and area as those of the mask."""
    if mine.iscrowd != theirs.iscrowd:
        return f"iscrowd {int(theirs.iscrowd)}"
    if None not in {mine.id, theirs.id} and mine.id != theirs.id:
        return f"the id {theirs.id}"
    if isinstance(theirs.shape, Box):
        return ""
    (pixels,), ((x, y, w, h),) = rle.measures([_pixels(theirs, image)])
    box, area = theirs.box, theirs.area
    if box is not None and pixels and box_off(box, Box(x, y, w, h)) > BOX:
        return f"the box {[box.x, box.y, box.w, box.h]}"
    if area is not None and is_area_off(area, pixels):
        return f"the area {area:g}"
    return ""


def _same(mine: Instance, theirs: Instance, image: Image) -> bool:
    if isinstance(mine.shape, Box) and isinstance(theirs.shape, Box):
        a, b = mine.shape, theirs.shape
        return max(abs(a.x - b.x), abs(a.y - b.y), abs(a.w - b.w), abs(a.h - b.h)) <= NEAR
    return _pixels(mine, image) == _pixels(theirs, image)


def _pixels(instance: Instance, image: Image) -> Rle:
    mask = shapes.mask_of(instance.shape, image.height, image.width)
    return msgspec.structs.replace(mask, listed=False)
