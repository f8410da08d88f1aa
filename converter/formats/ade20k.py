"""ADE20K: the full dataset with objects and parts, and the release of 150 classes.

The full dataset:

    images/ADE/training/<scene>/<name>.jpg
    images/ADE/training/<scene>/<name>_seg.png        class = floor(R / 10) * 256 + G, object = B
    images/ADE/training/<scene>/<name>_parts_1.png    parts of objects, _parts_2 parts of those
    images/ADE/training/<scene>/<name>.json           names of the classes (Latin-1)

The 150 classes (ADEChallengeData2016):

    objectInfo150.txt
    images/training/<name>.jpg
    annotations/training/<name>.png                   8-bit gray: class ids, 0 is anything else

In the full dataset an object is a colour of _seg.png; class 0 is unlabelled. Parts are objects of their
own classes with `part_level`. Classes keep the numbers that the JSON calls name_ndx. What the
JSON says of single objects (occlusion, attributes, which is part of which) has no number in
the PNG to go by and is not read, with a note. The PNGs of single objects in <name>/ show each one
whole: 128 there is what another object hides, and no foreground; they are not needed.

Holds: masks without overlaps within a level; or one class a pixel.
Source: https://github.com/CSAILVision/ADE20K and https://github.com/CSAILVision/sceneparsing.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from functools import partial
from typing import Any

import msgspec
import numpy as np

from converter.codecs import json
from converter.codecs.text import decode_text, whole
from converter.errors import SourceError
from converter.format import Evidence, Format, Holds, Reading, Scan
from converter.geometry import labelmap
from converter.layouts.classes import check_classes, check_name, undeclared, unnamed
from converter.layouts.images import is_split_name, order_splits, shown_name, split_name, stem, tell_unused
from converter.layouts.label_maps import Found, Meaning, colors, cut, numbers, pairs, ref_of
from converter.layouts.masks import check_size
from converter.ledger import Ledger
from converter.model import ClassInfo, Header, Instance, LabelMap, Ref, Sample
from converter.storage import Source

__all__ = ["FORMAT"]

SEG, INFO = "_seg.png", "objectInfo150.txt"
PART = re.compile(r"(?P<base>.+)_parts_(?P<level>\d+)\.png")
ALONE = re.compile(r".+/instance_\d+_[^/]+\.png")


class Payload(msgspec.Struct, frozen=True):
    """The maps of an image, and the JSON that names their classes."""

    seg: str
    parts: list[tuple[int, str]] = []
    json: str | None = None


def detect(source: Source) -> Evidence | None:
    """<name>_seg.png beside <name>.jpg and <name>.json; or objectInfo150.txt."""
    if source.entry is not None:
        return None
    if INFO in source and any(n.startswith("annotations/") for n in source.names()):
        return Evidence(f"{INFO} and annotations/")
    full = [n for n in _segs(source) if n.removesuffix(SEG) + ".json" in source]
    return Evidence(f"{len(full)} maps such as {full[0]}, with a JSON beside each") if full else None


def _segs(source: Source) -> list[str]:
    return [n for n in source.names() if n.endswith(SEG)]


def scan(reading: Reading, ledger: Ledger) -> Scan:
    if INFO in reading.source:
        return _scan_150(reading, ledger)
    return _scan_full(reading, ledger)


# ---------------------------------------------------------------- the full dataset


def _scan_full(reading: Reading, ledger: Ledger) -> Scan:
    source = reading.source
    segs = _segs(source)
    if not segs:
        raise SourceError(source.name, "neither *_seg.png nor objectInfo150.txt in it", remedy="is it ADE20K?")
    parts: dict[str, list[tuple[int, str]]] = {}
    for name in source.names():
        match = PART.fullmatch(name)
        if match:
            parts.setdefault(match["base"], []).append((int(match["level"]), name))
    refs = []
    for seg, image in pairs(reading, segs, lambda path: [path.removesuffix(SEG)]):
        base = seg.removesuffix(SEG)
        page = base + ".json" if base + ".json" in source else None
        found = Found(seg, image, *_named(base, image))
        refs.append(ref_of(reading, found, Payload(seg, sorted(parts.get(base, [])), page)))
    others = [
        n for n in source.names() if n.endswith((SEG, ".json", "_atr.txt")) or PART.fullmatch(n) or ALONE.match(n)
    ]
    tell_unused(reading.images, refs, others, ledger)
    ledger.note("attributes-unread", source.name, "occlusion, attributes and the order of parts are not read")
    splits = order_splits(r.image.split for r in refs)
    return Scan(Header("ade20k", "instance", (), splits), refs)


def _named(base: str, image: str | None) -> tuple[str, str | None]:
    """The path below the folder of the split, and the split."""
    folders = posixpath.dirname(base).split("/")
    at = next((i for i, f in enumerate(folders) if is_split_name(f)), None)
    name = posixpath.basename(image) if image else posixpath.basename(base) + ".jpg"
    below = folders[at + 1 :] if at is not None else []
    return "/".join([*below, name]), split_name(folders[at]) if at is not None else None


def survey(reading: Reading, ref: Ref) -> dict[int, str] | str | None:
    """The names of the classes in the JSON of an image; text says why it cannot be read."""
    payload = ref.payload
    if not isinstance(payload, Payload) or payload.json is None:
        return None
    file = reading.source.label(payload.json)
    data = reading.source.read(payload.json).decode("latin-1").encode()
    try:
        page = json.decode(data, file)
        objects = page["annotation"]["object"]
        objects = objects if isinstance(objects, list) else [objects]
        return {int(o["name_ndx"]): check_name(o["name"], file, f"object {o.get('id')}") for o in objects}
    except SourceError as error:
        return str(error)
    except (KeyError, TypeError, ValueError, AttributeError):
        return f"{file}: annotation.object: is no list of objects with name and name_ndx"


def settle(scan: Scan, facts: Iterable[dict[int, str] | str | None], reading: Reading, ledger: Ledger) -> Scan:
    """The classes of all images together; an image whose JSON cannot be read is judged."""
    if scan.header.task == "semantic":
        list(facts)
        return scan
    names: dict[int, str] = {}
    refs = []
    for ref, found in zip(scan.refs, facts, strict=True):
        if isinstance(found, str):
            file, _, problem = found.partition(": ")
            ledger.bad_image(shown_name(ref.image), SourceError(file, problem, remedy="use the JSON of the dataset"))
            continue
        refs.append(ref)
        for id, name in (found or {}).items():
            if names.setdefault(id, name) != name:
                file = reading.source.label(ref.payload.json)
                raise SourceError(file, f"class {id} is '{name}' here and '{names[id]}' before", place="name_ndx")
    classes = tuple(ClassInfo(i, n, None, i, n) for i, n in sorted(names.items()) if i)
    if not classes:
        classes = unnamed(_present(reading, refs), reading.options.classes, ledger, reading.source.name)
    check_classes(classes, reading.source.name)
    return Scan(msgspec.structs.replace(scan.header, classes=classes), refs)


def _present(reading: Reading, refs: Iterable[Ref]) -> set[int]:
    """The classes that occur in sets without names."""
    found: set[int] = set()
    for ref in refs:
        for path in (ref.payload.seg, *(p for _, p in ref.payload.parts)):
            codes = _codes(reading, path)
            found |= {int(v) for v in np.unique(codes >> np.uint32(8))}
    return found - {0}


def _codes(reading: Reading, path: str) -> LabelMap:
    """Class << 8 | object, (height, width) uint32."""
    rgb = colors(reading.source.read(path), reading.source.label(path))
    codes: LabelMap = (rgb[..., 0] // np.uint32(10) << np.uint32(16)) | rgb[..., 1] << np.uint32(8) | rgb[..., 2]
    return codes


def load(reading: Reading, header: Header, ref: Ref, ledger: Ledger) -> Sample:
    """The objects and parts of an image, or its map of classes."""
    if header.task == "semantic":
        return _load_150(reading, header, ref, ledger)
    payload: Payload = ref.payload
    image = ref.image
    instances: list[Instance] = []
    for level, path in [(0, payload.seg), *payload.parts]:
        file = reading.source.label(path)
        try:
            codes = _codes(reading, path)
            check_size(file, codes.shape[1], codes.shape[0], image)
        except SourceError as error:
            ledger.skip_image(shown_name(image), error)
        extra: dict[str, Any] = {"part_level": level} if level else {}
        instances += cut(codes, file, image, partial(_means, extra=extra), header.classes, ledger)
    return Sample(image, tuple(instances))


def _means(value: int, extra: dict[str, Any]) -> Meaning | None:
    return Meaning(value >> 8, extra=extra) if value >> 8 else None


# ---------------------------------------------------------------- the 150 classes


def _scan_150(reading: Reading, ledger: Ledger) -> Scan:
    source = reading.source
    masks = [n for n in source.names() if n.startswith("annotations/") and n.endswith(".png")]
    refs = []
    for mask, image in pairs(reading, masks, _candidates_150):
        found = Found(mask, image, *_named(stem(mask).removeprefix("annotations/"), image))
        refs.append(ref_of(reading, found, mask))
    tell_unused(reading.images, refs, masks, ledger)
    splits = order_splits(r.image.split for r in refs)
    return Scan(Header("ade20k", "semantic", _classes_150(source), splits), refs)


def _candidates_150(mask: str) -> list[str]:
    below = stem(mask).removeprefix("annotations/")
    return [f"images/{below}", below]


def _classes_150(source: Source) -> tuple[ClassInfo, ...]:
    """The table `Idx Ratio Train Val Stuff Name`, between tabs."""
    file = source.label(INFO)
    rows = [line.split("\t") for line in decode_text(source.read(INFO), file).splitlines() if line.strip()]
    head = [cell.strip() for cell in rows[0]] if rows else []
    if "Idx" not in head or "Name" not in head:
        raise SourceError(file, "has no columns Idx and Name", place="line 1", remedy="use the table of the dataset")
    classes = []
    for line, row in enumerate(rows[1:], 2):
        id = whole(row[head.index("Idx")].strip()) if len(row) == len(head) else None
        if id is None or id < 0:
            raise SourceError(file, "is no row of the table", place=f"line {line}", remedy="mend the table")
        name = check_name(row[head.index("Name")].strip(), file, f"line {line}")
        classes.append(ClassInfo(id, name, None, id, name))
    check_classes(classes, file)
    return tuple(sorted(classes, key=lambda c: c.id))


def _load_150(reading: Reading, header: Header, ref: Ref, ledger: Ledger) -> Sample:
    path, image = ref.payload, ref.image
    file = reading.source.label(path)
    known = {0, *(c.id for c in header.classes)}
    try:
        labels = numbers(reading.source.read(path), file)
        check_size(file, labels.shape[1], labels.shape[0], image)
        strange = {int(v) for v in labelmap.values(labels)[0]} - known
        if strange:
            raise SourceError(file, undeclared(strange, known - {0}), code="unexpected-value")
    except SourceError as error:
        ledger.skip_image(shown_name(image), error)
    return Sample(image, labels=labels)


def files(reading: Reading, ref: Ref) -> list[str]:
    """The maps of the image."""
    payload = ref.payload
    paths = [payload] if isinstance(payload, str) else [payload.seg, *(p for _, p in payload.parts)]
    return [reading.source.label(path) for path in paths]


FORMAT = Format(
    name="ade20k",
    summary="ADE20K: objects and parts in RGB PNGs; or the 150 classes",
    page=__doc__ or "",
    holds=Holds(overlaps=False, keys=("part_level",)),
    detect=detect,
    scan=scan,
    load=load,
    survey=survey,
    settle=settle,
    files=files,
)
