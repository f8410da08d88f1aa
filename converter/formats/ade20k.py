"""ADE20K: the full dataset with objects and parts, and the release of 150 classes.

The full dataset:

    images/ADE/training/<scene>/<name>.jpg
    images/ADE/training/<scene>/<name>_seg.png        class = floor(R / 10) * 256 + G, object = B
    images/ADE/training/<scene>/<name>_parts_1.png    parts of objects, _parts_2 parts of those
    images/ADE/training/<scene>/<name>.json           names of the classes (Latin-1); in the release of
    images/training/<letter>/<scene>/<name>_atr.txt   2016: number # part level # crop # class # name # attributes

The 150 classes (ADEChallengeData2016):

    objectInfo150.txt
    images/training/<name>.jpg
    annotations/training/<name>.png                   8-bit gray: class ids, 0 is anything else

In the full dataset an object is a colour of _seg.png; class 0 is unlabelled. Parts are objects of their
own classes with `part_level`. Classes keep their numbers, which the JSON calls name_ndx. _atr.txt says
none: its first object is the one of the smallest B in the PNG, and so on; where images differ on the
name of a class, that of most is taken, with a note. What these files say of single objects (occlusion,
attributes, which is part of which) has no number in the PNG to go by and is not read, with a note. The
PNGs of single objects in <name>/ show each one whole: 128 there is what another object hides, and no
foreground; they are not needed.

Coordinates: none; a pixel of a mask is the pixel of the image in its place.

Holds: masks without overlaps within a level; or one class a pixel. Read only.
Cannot hold: overlaps within a level, crowds, boxes.
Source: https://github.com/CSAILVision/ADE20K and https://github.com/CSAILVision/sceneparsing.
"""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import msgspec
import numpy as np

from converter.codecs import json
from converter.codecs.text import decode_text, whole
from converter.errors import SourceError
from converter.format import Evidence, Format, Holds, Reading, Scan
from converter.geometry import labelmap
from converter.layouts.classes import check_classes, check_name
from converter.layouts.images import is_split_name, order_splits, split_name, stem, tell_unused
from converter.layouts.label_maps import Found, Meaning, colors, cut, numbers, pairs, ref_of
from converter.layouts.masks import check_size
from converter.layouts.undeclared import undeclared, unnamed, with_told
from converter.ledger import Ledger
from converter.model import ClassInfo, Header, Instance, LabelMap, Ref, Sample
from converter.storage import Source

__all__ = ["FORMAT"]

SEG, INFO = "_seg.png", "objectInfo150.txt"
WORDS = (".json", "_atr.txt")
PART = re.compile(r"(?P<base>.+)_parts_(?P<level>\d+)\.png")
ALONE = re.compile(r".+/instance_\d+_[^/]+\.png")


class Payload(msgspec.Struct, frozen=True):
    """The maps of an image, and the file that names their classes."""

    seg: str
    parts: list[tuple[int, str]] = []
    words: str | None = None

    @property
    def levels(self) -> list[tuple[int, str]]:
        """The maps with their levels: 0 objects, 1 parts of them, and so on."""
        return [(0, self.seg), *self.parts]


def detect(source: Source) -> Evidence | None:
    """<name>_seg.png beside <name>.json or <name>_atr.txt; or objectInfo150.txt."""
    if source.entry is not None:
        return None
    if INFO in source and any(n.startswith("annotations/") for n in source.names()):
        return Evidence(f"{INFO} and annotations/")
    full = [(n, words) for n in _segs(source) if (words := _words(source, n)) is not None]
    return Evidence(f"{len(full)} maps such as {full[0][0]}, each beside one like {full[0][1]}") if full else None


def _segs(source: Source) -> list[str]:
    return [n for n in source.names() if n.endswith(SEG)]


def _words(source: Source, seg: str) -> str | None:
    """The file that names the classes of an image."""
    base = seg.removesuffix(SEG)
    return next((base + ending for ending in WORDS if base + ending in source), None)


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
        found = Found(seg, image, *_named(base, image))
        refs.append(ref_of(reading, found, Payload(seg, sorted(parts.get(base, [])), _words(source, seg))))
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


class Names(msgspec.Struct, frozen=True):
    """Class -> name in an image. `sure` when the file says the class itself."""

    names: dict[int, str]
    sure: bool = True


def survey(reading: Reading, ref: Ref) -> Names | str | None:
    """The names of the classes of an image; text says why they cannot be read."""
    payload = ref.payload
    if not isinstance(payload, Payload) or payload.words is None:
        return None
    file = reading.source.label(payload.words)
    content = reading.source.read(payload.words).decode("latin-1")
    try:
        if payload.words.endswith(".json"):
            return Names(_of_json(content, file))
        return Names(_of_text(content, file, reading, payload), sure=False)
    except SourceError as error:
        return str(error)


def _of_json(content: str, file: str) -> dict[int, str]:
    page = json.decode(content.encode(), file)
    try:
        objects = page["annotation"]["object"]
        objects = objects if isinstance(objects, list) else [objects]
        return {int(o["name_ndx"]): check_name(o["name"], file, f"object {o.get('id')}") for o in objects}
    except (KeyError, TypeError, ValueError, AttributeError):
        problem = "is no list of objects with name and name_ndx"
        raise SourceError(file, problem, place="annotation.object") from None


def _of_text(content: str, file: str, reading: Reading, payload: Payload) -> dict[int, str]:
    called: dict[tuple[int, int], str] = {}
    for line, text in enumerate(filter(str.strip, content.splitlines()), 1):
        fields = [field.strip() for field in text.split("#")]
        number, level = (whole(f) for f in fields[:2]) if len(fields) >= 6 else (None, None)
        if number is None or level is None:
            raise SourceError(
                file, "is no row `number # level # crop # class # name # attributes`", place=f"line {line}"
            )
        called[level, number] = check_name(fields[3], file, f"line {line}")
    names: dict[int, str] = {}
    for level, path in payload.levels:
        codes = _codes(reading, path)
        seen = sorted({int(v) & 255: int(v) >> 8 for v in np.unique(labelmap.stretches(codes)[0]) if v & 255}.items())
        for number, (_, class_id) in enumerate(seen, 1):
            if class_id and (level, number) in called:
                names[class_id] = called[level, number]
    return names


def settle(scan: Scan, facts: Iterable[Names | str | None], reading: Reading, ledger: Ledger) -> Scan:
    """The classes of all images together; an image whose names cannot be read is judged."""
    if scan.header.task == "semantic":
        list(facts)
        return scan
    votes: dict[int, Counter[str]] = {}
    refs = []
    for ref, found in zip(scan.refs, facts, strict=True):
        if isinstance(found, str):
            file, _, problem = found.partition(": ")
            ledger.bad_image(ref.image.path, SourceError(file, problem, remedy="use the file of the dataset"))
            continue
        refs.append(ref)
        for id, name in (found.names if found else {}).items():
            mine = votes.setdefault(id, Counter())
            if found is not None and found.sure and mine and name not in mine:
                file = reading.source.label(ref.payload.words)
                raise SourceError(
                    file, f"class {id} is '{name}' here and '{next(iter(mine))}' before", place="name_ndx"
                )
            mine[name] += 1
    classes = tuple(ClassInfo(i, n, None, i, n) for i, n in sorted(_voted(votes, reading, ledger).items()) if i)
    if not classes:
        classes = unnamed(_present(reading, refs), reading.options.classes, ledger, reading.source.name)
    classes = tuple(with_told(classes, reading.options.classes, ledger, reading.source.name, {0}))
    check_classes(classes, reading.source.name, table=reading.options.classes)
    return Scan(msgspec.structs.replace(scan.header, classes=classes), refs)


def _voted(votes: Mapping[int, Counter[str]], reading: Reading, ledger: Ledger) -> dict[int, str]:
    for id, names in votes.items():
        if len(names) > 1:
            (most, _), (other, _) = names.most_common(2)
            said = f"class {id} is called '{most}' in most images, and '{other}' in others"
            ledger.note("names-differ", reading.source.name, said)
    return {id: names.most_common(1)[0][0] for id, names in votes.items()}


def _present(reading: Reading, refs: Iterable[Ref]) -> set[int]:
    """The classes that occur in sets without names."""
    found: set[int] = set()
    for ref in refs:
        for _, path in ref.payload.levels:
            codes = _codes(reading, path)
            found |= {int(v) >> 8 for v in np.unique(labelmap.stretches(codes)[0])}
    return found - {0}


def _codes(reading: Reading, path: str) -> LabelMap:
    """Class << 8 | object, (height, width) uint32."""
    rgb = colors(reading.source.read(path), reading.source.label(path))
    return labelmap.numbered(np.stack([rgb[..., 0] // 10, rgb[..., 1], rgb[..., 2]], axis=2))


def load(reading: Reading, header: Header, ref: Ref, ledger: Ledger) -> Sample:
    """The objects and parts of an image, or its map of classes."""
    if header.task == "semantic":
        return _load_150(reading, header, ref, ledger)
    payload: Payload = ref.payload
    image = ref.image
    instances: list[Instance] = []
    for level, path in payload.levels:
        file = reading.source.label(path)
        try:
            codes = _codes(reading, path)
            check_size(file, codes.shape[1], codes.shape[0], image)
        except SourceError as error:
            ledger.skip_image(image.path, error)
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
    classes = with_told(_classes_150(reading), reading.options.classes, ledger, source.name, {0})
    return Scan(Header("ade20k", "semantic", tuple(classes), splits), refs)


def _candidates_150(mask: str) -> list[str]:
    below = stem(mask).removeprefix("annotations/")
    return [f"images/{below}", below]


def _classes_150(reading: Reading) -> tuple[ClassInfo, ...]:
    """The table `Idx Ratio Train Val Stuff Name`, between tabs."""
    file = reading.source.label(INFO)
    rows = [line.split("\t") for line in decode_text(reading.source.read(INFO), file).splitlines() if line.strip()]
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
    check_classes(classes, file, table=reading.options.classes)
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
        ledger.skip_image(image.path, error)
    return Sample(image, labels=labels)


def files(reading: Reading, ref: Ref) -> list[str]:
    """The maps of the image."""
    payload = ref.payload
    paths = [payload] if isinstance(payload, str) else [path for _, path in payload.levels]
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
