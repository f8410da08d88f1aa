"""Pascal VOC sets as a whole: their classes, and where their boxes begin to count."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from converter.codecs import xml
from converter.errors import SourceError, some_of
from converter.format import Reading, Scan
from converter.geometry import labelmap
from converter.layouts.by_name import mentions
from converter.layouts.classes import check_classes, check_name
from converter.layouts.images import measure
from converter.layouts.palette import VOID, color_of, read_indices
from converter.layouts.undeclared import settled_ids, unnamed
from converter.layouts.voc_tree import Payload, declared_classes, mask_values
from converter.ledger import Ledger
from converter.model import ClassInfo, Ref

__all__ = ["settle", "survey"]

CHALLENGE = (
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable",
    "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)  # fmt: skip

TOP = frozenset(
    {"folder", "filename", "path", "source", "database", "annotation", "image", "size", "segmented", "object"}
)  # what XML files begin with, and what all exporters write there


class Facts(msgspec.Struct, frozen=True):
    """What the files of one image say that the whole set is to be judged by."""

    names: tuple[str, ...] = ()
    size: tuple[int, int] = (0, 0)
    challenge: bool = False
    supervision: bool = False
    supervisely: bool = False
    zeros: int = 0
    beyond: int = 0
    boxes: int = 0
    values: tuple[int, ...] = ()
    beside: tuple[str, ...] = ()


def survey(reading: Reading, ref: Ref) -> Facts | None:
    """Names, size and kinds of coordinates of one image; None when a file cannot be read (loading says why)."""
    payload: Payload = ref.payload
    source = reading.source
    facts = Facts()
    try:
        if payload.xml is not None:
            facts = _look(xml.decode(source.read(payload.xml), source.label(payload.xml)))
        mask = payload.classes or payload.objects
        if ref.image.file is None and not facts.size[0] and mask is not None:
            info = measure(source, mask)
            facts = msgspec.structs.replace(facts, size=(info.width, info.height))
        if payload.classes is not None and (not payload.class_file or _is_gray(reading, payload.classes)):
            indices = read_indices(source.read(payload.classes), source.label(payload.classes), payload.colors)
            values = tuple(int(v) for v in labelmap.values(indices)[0])
            facts = msgspec.structs.replace(facts, values=values)
    except SourceError:
        return None
    return facts


def _is_gray(reading: Reading, path: str) -> bool:
    return measure(reading.source, path).mode == "L"


def _look(root: xml.Element) -> Facts:
    said = " ".join(xml.text(root, f"source/{key}") for key in ("database", "annotation"))
    objects, size, supervisely = list(root.iter("object")), _size(root), said.startswith("Supervisely")
    corners = [xml.text(o, f"bndbox/{side}") for o in objects for side in ("xmin", "ymin")]
    edges = [(o, f"bndbox/{axis}max", side) for o in objects for axis, side in zip("xy", size, strict=True)]
    return Facts(
        names=tuple(dict.fromkeys(xml.text(o, "name") for o in objects if xml.text(o, "name"))),
        size=size,
        challenge=("PASCAL VOC" in said or "The VOC20" in said) and not supervisely,
        supervisely=supervisely,
        supervision=said.startswith("roboflow.ai") and xml.text(root, "folder") == "VOC",
        zeros=sum(_is(c, 0) for c in corners),
        beyond=sum(side > 0 and _is(xml.text(o, path), side + 1) for o, path, side in edges),
        boxes=len(corners) // 2,
        beside=tuple(dict.fromkeys(c.tag for c in root if c.tag not in TOP and (len(c) or (c.text or "").strip()))),
    )


def _is(value: str, number: int) -> bool:
    try:
        return float(value) == number
    except ValueError:
        return False


def _size(root: xml.Element) -> tuple[int, int]:
    """Width and height as declared; zeros when they are absent or zero, as some exporters leave them."""
    try:
        width, height = (int(float(xml.text(root, f"size/{key}") or 0)) for key in ("width", "height"))
    except (ValueError, OverflowError):
        return 0, 0
    return (width, height) if width > 0 and height > 0 else (0, 0)


def settle(scan: Scan, facts: Iterable[Facts | None], reading: Reading, ledger: Ledger) -> Scan:
    """The scan with classes, sizes, and where its boxes begin to count."""
    found = [f or Facts() for f in facts]
    first, inclusive = _origin(found, reading.source.name, ledger)
    path = next((r.payload.class_file for r in scan.refs if r.payload.class_file), "")
    classes = _settle_classes(found, path, scan, reading, ledger)
    refs = [
        Ref(
            msgspec.structs.replace(ref.image, width=mine.size[0], height=mine.size[1]),
            msgspec.structs.replace(ref.payload, first=first, inclusive=inclusive),
        )
        for ref, mine in zip(scan.refs, found, strict=True)
    ]
    _tell_beside(found, reading.source.name, ledger)
    ignore = VOID if any(r.payload.classes for r in refs) else None
    if _black_and_white([f.values for f, ref in zip(found, refs, strict=True) if ref.payload.classes]):
        if scan.header.task == "semantic" and len(classes) < 2:
            classes, ignore = _white(classes, reading, ledger), None
        else:
            said = "masks hold only 0 and 255, which is void here; if it is a class, --from semantic-png reads it so"
            ledger.note("void-only", reading.source.name, said)
    header = msgspec.structs.replace(scan.header, classes=tuple(classes), ignore_id=ignore)
    return Scan(header, refs)


def _black_and_white(masks: Sequence[Sequence[int]]) -> bool:
    """Whether the values of all masks are known, and are 0 and 255."""
    return all(masks) and {0, VOID} >= {v for values in masks for v in values} >= {VOID}


def _white(classes: Sequence[ClassInfo], reading: Reading, ledger: Ledger) -> list[ClassInfo]:
    """The one class of masks in black and white, which is 255 and not void."""
    if classes:
        return [msgspec.structs.replace(classes[0], id=VOID)]
    if reading.options.class_name:
        return [ClassInfo(VOID, reading.options.class_name, source_id=VOID)]
    return list(unnamed([VOID], reading.options.classes, ledger, reading.source.name))


def _tell_beside(found: Sequence[Facts], name: str, ledger: Ledger) -> None:
    """Elements of whole images, as their owner, have no place."""
    tags = sorted({tag for f in found for tag in f.beside})
    if tags:
        images = sum(bool(f.beside) for f in found)
        shown = some_of([f"<{tag}>" for tag in tags], 8)
        ledger.note("metadata-dropped", name, f"elements of {images} images are not read: {shown}")


def _origin(found: Sequence[Facts], name: str, ledger: Ledger) -> tuple[int, bool]:
    """The coordinate of the first pixel, and whether the last pixel of a box is included.

    The challenge and supervision count pixels from 1, and Supervisely from 0; Roboflow counts edges from 1, which
    shows where one lies at width + 1; other exporters write edges from 0.
    """
    zeros, boxes = sum(f.zeros for f in found), sum(f.boxes for f in found)
    if not boxes:
        return 0, False
    if any(f.supervisely for f in found):
        said = "the files are written by Supervisely: boxes were read as 0-based, last pixel included"
        ledger.note("box-origin", name, said)
        return 0, True
    pixels = [(f.challenge, f.supervision) for f in found if f.challenge or f.supervision]
    if pixels and not zeros:
        who = "of PASCAL VOC" if any(challenge for challenge, _ in pixels) else "written by supervision"
        ledger.note("box-origin", name, f"the files are {who}: boxes were read as 1-based, last pixel included")
        return 1, True
    beyond = sum(f.beyond for f in found)
    if beyond and not zeros:
        why = f"{beyond} edges lie at the size + 1, and none at 0"
        ledger.note("box-origin", name, f"boxes were read as 1-based corners: {why}")
        return 1, False
    why = f"{zeros} coordinates are 0" if zeros else "nothing says that the files are of PASCAL VOC itself"
    ledger.note("box-origin", name, f"boxes were read as 0-based corners: {why}")
    return 0, False


def _settle_classes(found: Sequence[Facts], path: str, scan: Scan, reading: Reading, ledger: Ledger) -> list[ClassInfo]:
    source, table = reading.source, reading.options.classes
    names = sorted({n for f in found for n in f.names})
    values = {v for f in found for v in f.values} - {0, VOID}
    masks = any(r.payload.classes for r in scan.refs)
    declared = declared_classes(reading, path)
    if declared:
        indices = mask_values(declared)
        classes = [
            ClassInfo(i, c.name, None if c.color == color_of(i) else c.color, i, c.name)
            for place, c in declared.items()
            if 0 < (i := indices[place]) < VOID
        ]
        extra = [n for n in names if mentions(table, n) and n not in {c.name for c in classes}]
        classes += _numbered(extra, max((c.id for c in classes), default=0) + 1)
    elif (masks or any(f.challenge for f in found)) and set(names) <= set(CHALLENGE) and names:
        classes = _numbered(CHALLENGE, 1)
    elif masks:
        classes = list(unnamed(values, table, ledger, source.name))
        classes += _numbered(names, max(values, default=0) + 1)
    else:
        classes = _numbered(names, 1)
    classes += settled_ids(values - {c.id for c in classes}, table)
    label = source.label(path) if path else source.name
    for c in classes:
        check_name(c.name, label, "classes")
    check_classes(classes, label, table=table)
    return sorted(classes, key=lambda c: c.id)


def _numbered(names: Sequence[str], first: int) -> list[ClassInfo]:
    return [ClassInfo(i, n, None, i, n) for i, n in enumerate(names, first)]
