"""Scanning Datumaro's JSON: one file a subset, with the items and their images."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from typing import Any

import msgspec

from converter.codecs import images as codec
from converter.codecs import json
from converter.errors import SourceError
from converter.format import Reading, Scan
from converter.layouts.datumaro_labels import classes_of, first_class, labels_of, united, unread_of
from converter.layouts.images import ImageIndex, order_splits, split_name, stem, tell_unused
from converter.layouts.undeclared import with_told
from converter.ledger import Ledger
from converter.model import ClassInfo, Header, Image, Ref
from converter.storage import Source
from converter.storage.names import clean

__all__ = ["Payload", "item_files", "scan"]

HEAD = 65536


class Item(msgspec.Struct):
    """An item as far as scanning looks into it."""

    id: Any = None
    attr: Any = None
    image: Any = None
    media: Any = None
    annotations: list[msgspec.Raw] = []


class Payload(msgspec.Struct, frozen=True):
    """An item's annotations, and the file they stand in. `first` is the class id of label 0."""

    annotations: tuple[bytes, ...]
    file: str
    place: str
    first: int = 1


def item_files(source: Source) -> list[str]:
    """JSON files with items and categories, in annotations/ or named directly."""
    if source.entry is not None:
        return [source.entry] if source.entry.lower().endswith(".json") and _looks(source, source.entry) else []
    names = [n for n in source.files_in("annotations") if n.lower().endswith(".json")]
    return [n for n in names if _looks(source, n)]


def _looks(source: Source, path: str) -> bool:
    with source.open(path) as stream:
        head = stream.read(HEAD)
        if b'"categories"' not in head and b'"dm_format_version"' not in head and b'"items"' not in head:
            return False
        data = head + stream.read()
    return b'"items"' in data and b'"categories"' in data and (b'"label_id"' in data or b'"labels"' in data)


def scan(reading: Reading, ledger: Ledger) -> Scan:
    """Refs with their annotations; label n is class n + 1, or class n where label 0 is the background and nobody's."""
    source = reading.source
    files = item_files(source)
    if not files:
        raise SourceError(source.name, "holds no annotations/*.json with items", remedy="name the JSON file itself")
    index = ImageIndex(reading.images)
    refs: list[Ref] = []
    labels: list[ClassInfo] = []
    for place, path in enumerate(files):
        label = source.label(path)
        top = json.decode(source.read(path), label, dict[str, msgspec.Raw])
        mine = labels_of(top, label)
        if unread := unread_of(top, label):
            ledger.note("metadata-dropped", label, f"what it says of {', '.join(unread)} is not read")
        if place and [c.name for c in mine] != [c.name for c in labels]:
            raise SourceError(label, "its labels are not those of the other files", remedy="convert it by itself")
        labels = [united(*both) for both in zip(mine, labels, strict=True)] if place else mine
        refs += _refs(source, path, top, index, ledger)
    tell_unused(reading.images, refs, files, ledger)
    first = first_class(labels, (raw for r in refs for raw in r.payload.annotations))
    refs = [Ref(r.image, msgspec.structs.replace(r.payload, first=first)) for r in refs] if not first else refs
    named = classes_of(labels, first, source.label(files[0]), reading.options.classes)
    classes = tuple(with_told(named, reading.options.classes, ledger, source.name, {0}))
    ids = [i for r in refs for i in _ids(r)]
    header = Header("datumaro", "instance", classes, order_splits(r.image.split for r in refs))
    return Scan(header, refs, ids_kept=None not in ids and len(set(ids)) == len(ids))


def _refs(source: Source, path: str, top: dict[str, msgspec.Raw], index: ImageIndex, ledger: Ledger) -> list[Ref]:
    label = source.label(path)
    raw = posixpath.basename(stem(path))
    split = None if raw == "default" else split_name(raw)
    found = []
    for number, data in enumerate(json.decode(top.get("items", msgspec.Raw(b"[]")), label, list[msgspec.Raw])):
        place = f"items[{number}]"
        try:
            item = json.decode(data, label, Item, place=place)
            image = _image(item, raw, split, index, label, place)
        except SourceError as error:
            ledger.bad_image(place, error)
            continue
        found.append(Ref(image, Payload(tuple(map(bytes, item.annotations)), label, f"{place} '{item.id}'")))
    return found


def _image(item: Item, raw: str, split: str | None, index: ImageIndex, label: str, place: str) -> Image:
    about = item.image if isinstance(item.image, dict) else item.media if isinstance(item.media, dict) else {}
    path = next((d["path"] for d in (item.image, item.media) if isinstance(d, dict) and d.get("path")), "")
    id = str(item.id) if item.id is not None else ""
    named = str(path).replace("\\", "/") or id
    height, width = _size(about.get("size"))
    folders = [f"images/{raw}", "images", raw, ""]
    file = index.find(named, folders) or index.find(posixpath.basename(named), folders)
    if file is None and not path:
        file = _by_id(id, folders, index)
    if file is not None:
        name = file.removeprefix("images/").removeprefix(f"{raw}/")
    else:
        ending = posixpath.splitext(named)[1]
        name = id if not ending or id.endswith(ending) else id + ending
    try:
        name = clean(name)
    except ValueError as error:
        raise SourceError(label, f"the path '{name}' {error}", place=place, remedy="name a file of the set") from None
    extra = {"attributes": item.attr} if isinstance(item.attr, dict) and _said(item.attr) else {}
    return Image(name, split, width, height, file=file, extra=extra)


def _by_id(id: str, folders: Sequence[str], index: ImageIndex) -> str | None:
    """The image that an item without a path is of: the only one of its id in the first folder that has any."""
    for folder in folders:
        tries = (posixpath.join(folder, id + e) for ending in codec.EXTENSIONS for e in (ending, ending.upper()))
        found = [path for path in tries if path in index.paths]
        if found:
            return found[0] if len(found) == 1 else None
    return None


def _size(size: Any) -> tuple[int, int]:
    """Height and width as declared; zeros where they are not."""
    if isinstance(size, list) and len(size) == 2 and all(isinstance(v, int) and v > 0 for v in size):
        return size[0], size[1]
    return 0, 0


def _said(attributes: dict[str, Any]) -> bool:
    """Importers put the number of an image among its attributes; that is nothing anybody said."""
    return bool(set(attributes) - {"id", "frame"})


def _ids(ref: Ref) -> list[int | None]:
    ids = []
    for raw in ref.payload.annotations:
        try:
            found = msgspec.json.decode(raw, type=dict[str, msgspec.Raw]).get("id")
            id = msgspec.json.decode(found) if found is not None else None
        except msgspec.MsgspecError:
            id = None
        ids.append(id if isinstance(id, int) and id > 0 else None)
    return ids


# ---------------------------------------------------------------- one image
