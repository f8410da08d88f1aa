"""CreateML: boxes in one JSON.

    annotations.json           [{"image": "a.jpg", "annotations": [{"label", "coordinates"}]}]
    <name>.jpg                 beside it, or in images/; train/ valid/ test/ are splits

A box is x, y, width and height in pixels; x and y are its centre.

Further keys of an image (labelImg's `verified`) and of a box (a `confidence`) are attributes.

Read only. Holds boxes. Cannot hold: masks, crowds, ids.

Known exporters: Create ML, labelImg (`verified`), Roboflow (`_annotations.createml.json`),
MakeML (`imagefilename`, `annotation`).

Source: https://developer.apple.com/documentation/createml/building-an-object-detector-data-source.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import Any

import msgspec

from converter.codecs import json
from converter.errors import ShapeError, SourceError
from converter.format import Evidence, Format, Holds, Reading, Scan
from converter.layouts.boxed_lists import named_image
from converter.layouts.by_name import ids_by_name, named_classes
from converter.layouts.figures import check_numbers
from converter.layouts.images import ImageIndex, order_splits, tell_unused
from converter.ledger import Ledger
from converter.model import Box, Header, Instance, Ref, Sample
from converter.storage import Source

__all__ = ["FORMAT"]

HEAD = 65536
IMAGE_KEYS = ("image", "imagefilename", "filename")
LIST_KEYS = ("annotations", "annotation")
BOX_KEYS = frozenset({"label", "coordinates"})


class Payload(msgspec.Struct, frozen=True):
    """The annotations of an image, and where they stand."""

    annotations: bytes
    file: str
    place: str


def detect(source: Source) -> Evidence | None:
    """A JSON list of images with coordinates."""
    found = _files(source)
    return Evidence(f"{found[0]}: JSON list of images with coordinates") if found else None


def _files(source: Source) -> list[str]:
    names = [source.entry] if source.entry is not None else [n for n in source.names() if n.count("/") <= 1]
    return [n for n in names if n.lower().endswith(".json") and _looks(source, n)]


def _looks(source: Source, path: str) -> bool:
    with source.open(path) as stream:
        head = stream.read(HEAD)
        if head.lstrip()[:1] != b"[" or b'"annotation' not in head:
            return False
        return b'"coordinates"' in head or b'"coordinates"' in stream.read()


def scan(reading: Reading, ledger: Ledger) -> Scan:
    """Refs with their boxes; classes are the labels in use, by name."""
    source = reading.source
    files = _files(source)
    if not files:
        raise SourceError(source.name, "holds no CreateML annotations", remedy="name the JSON file itself")
    index = ImageIndex(reading.images)
    refs: dict[tuple[str | None, str], Ref] = {}
    used: set[str] = set()
    for path in files:
        label = source.label(path)
        for number, raw in enumerate(json.decode(source.read(path), label, list[msgspec.Raw])):
            place = f"[{number}]"
            try:
                entry = json.decode(raw, label, dict[str, Any], place=place)
                name = next((entry[k] for k in IMAGE_KEYS if isinstance(entry.get(k), str)), "")
                if not name:
                    raise SourceError(label, "it names no image", place=place, remedy='write "image": "a.jpg"')
                image = named_image(name, posixpath.dirname(path), index, label, place)
                key = (image.split, image.name)
                if key in refs:
                    raise SourceError(label, f"the image {name} is listed twice", place=place, remedy="keep one")
            except SourceError as error:
                ledger.bad_image(place, error)
                continue
            listed: Any = next((entry[k] for k in LIST_KEYS if k in entry), [])
            used |= {a["label"] for a in _objects(listed) if isinstance(a.get("label"), str)}
            extra = {k: v for k, v in entry.items() if v and k not in {*IMAGE_KEYS, *LIST_KEYS}}
            image = msgspec.structs.replace(image, extra=extra)
            refs[key] = Ref(image, Payload(json.encode(listed), label, place))
    found = list(refs.values())
    tell_unused(reading.images, found, files, ledger)
    classes = named_classes((), used, source.name)
    return Scan(Header("createml", "instance", classes, order_splits(r.image.split for r in found)), found)


def _objects(listed: Any) -> list[dict[str, Any]]:
    return [a for a in listed if isinstance(a, dict)] if isinstance(listed, list) else []


def files(reading: Reading, ref: Ref) -> list[str]:
    """The file that the image stands in."""
    del reading
    return [ref.payload.file]


def load(reading: Reading, header: Header, ref: Ref, ledger: Ledger) -> Sample:
    """One image with its boxes."""
    del reading
    payload: Payload = ref.payload
    ids = ids_by_name(header)
    listed = json.decode(payload.annotations, payload.file)
    if not isinstance(listed, list):
        ledger.skip_image(ref.image.path, SourceError(payload.file, "is no list", place=payload.place))
    instances = []
    for number, entry in enumerate(listed, 1):
        place = f"{payload.place}, annotation {number}"
        try:
            instances.append(_instance(entry, ids))
        except ShapeError as error:
            wrong = error.at(payload.file, place)
            ledger.bad_annotation(ref.image.path, number, wrong)
    return Sample(ref.image, tuple(instances))


def _instance(entry: Any, ids: dict[str, int]) -> Instance:
    said: Mapping[str, Any] = entry if isinstance(entry, dict) else {}
    label = said.get("label")
    if not isinstance(label, str) or label not in ids:
        raise ShapeError(f"label {label!r} can name no class")
    corners = said.get("coordinates")
    if not isinstance(corners, dict):
        raise ShapeError("coordinates: it is no object")
    x, y, w, h = check_numbers([corners.get(k) for k in ("x", "y", "width", "height")], "coordinates")
    if w < 0 or h < 0:
        raise ShapeError(f"coordinates: the extent {w:g}x{h:g} is negative")
    extra = {k: v for k, v in said.items() if k not in BOX_KEYS}
    return Instance(ids[said["label"]], Box(x - w / 2, y - h / 2, w, h), extra=extra)


FORMAT = Format(
    name="createml",
    summary="CreateML: boxes by their centres in one JSON",
    page=__doc__ or "",
    holds=Holds(masks=False, boxes=True),
    detect=detect,
    scan=scan,
    load=load,
    files=files,
)
