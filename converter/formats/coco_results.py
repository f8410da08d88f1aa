"""COCO results: what a model found, as evaluation servers take it.

    results.json       [{image_id, category_id, segmentation or bbox, score}]
    instances.json     images and categories: the list of images that the results are for

Results do not say what their images are. The list is a JSON beside them with `images` (its annotations
are not read), or another one named with --images FILE.json. Classes are its categories, else
those of --classes, else class_1 and so on, with a note. Results have no ids.

A folder that holds annotations as well is two datasets: name the results themselves.

Coordinates of boxes are pixels from the outer corner of the first pixel.

Holds: masks as RLE, boxes; `score` is kept as an attribute. Read only.
Cannot hold: polygons, crowds, ids, facts of images.
Source: https://cocodataset.org/#format-results.
"""

from __future__ import annotations

from typing import Any

import msgspec

from converter.codecs import json
from converter.errors import SourceError
from converter.format import Evidence, Format, Holds, Reading, Scan
from converter.layouts import coco_read
from converter.layouts.coco_files import CocoFile
from converter.layouts.undeclared import unnamed
from converter.ledger import Ledger
from converter.storage import Source

__all__ = ["FORMAT"]

DEPTH = 2


class Category(msgspec.Struct):
    """What is needed of a result to know which classes there are."""

    category_id: int | None = None


def detect(source: Source) -> Evidence | None:
    """A JSON list of results with image_id, category_id and score."""
    found = _results(source)
    return Evidence(f"{found[0]}: a list of results with scores") if found else None


def _results(source: Source) -> list[str]:
    return [n for n in _jsons(source) if _is_results(source.read(n))]


def _jsons(source: Source) -> list[str]:
    if source.entry is not None:
        return [source.entry] if source.entry.lower().endswith(".json") else []
    return [n for n in source.names() if n.lower().endswith(".json") and n.count("/") <= DEPTH]


def _is_results(data: bytes) -> bool:
    words = (b'"image_id"', b'"category_id"', b'"score"')
    return data[:64].lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"[" and all(word in data for word in words)


def scan(reading: Reading, ledger: Ledger) -> Scan:
    source = reading.source
    results = _results(source)
    if len(results) != 1:
        shown = ", ".join(results) if results else "none"
        raise SourceError(source.name, f"one list of results is wanted, there is {shown}", remedy="name the JSON")
    label = source.label(results[0])
    told: list[bool] = []
    annotations = json.decode(source.read(results[0]), label, msgspec.Raw, quoted=lambda: told.append(True))
    where, top = _images(reading, results[0])
    categories = top.get("categories") or _categories(reading, annotations, label, ledger)
    file = CocoFile(
        where,
        label,
        None,
        "",
        {"images": top["images"], "annotations": annotations, "categories": categories},
        endless=bool(told),
    )
    made = coco_read.scan_files(reading, [file], ledger)
    return msgspec.structs.replace(made, header=msgspec.structs.replace(made.header, format="coco-results"))


def _images(reading: Reading, results: str) -> tuple[str, dict[str, msgspec.Raw]]:
    """The path of the list of images, and its top level."""
    given = reading.options.images
    if given is not None and given.entry is not None:
        return given.entry, _top(given, given.entry)
    source = reading.source
    paths = [n for n in source.names() if n.lower().endswith(".json") and n.count("/") <= DEPTH and n != results]
    lists = [n for n in paths if b'"images"' in source.read(n)]
    if len(lists) != 1:
        shown = ", ".join(lists[:4]) if lists else "none"
        raise SourceError(
            source.label(results),
            f"results need the list of their images, and beside them there is {shown}",
            remedy="name it with --images FILE.json",
        )
    return lists[0], _top(source, lists[0])


def _top(source: Source, path: str) -> dict[str, msgspec.Raw]:
    data, label = source.read(path), source.label(path)
    if data.lstrip()[:1] == b"[":
        return {"images": json.decode(data, label, msgspec.Raw)}
    top = json.decode(data, label, dict[str, msgspec.Raw])
    if bytes(top.get("images", msgspec.Raw(b"")))[:1] != b"[":
        raise SourceError(label, "is not a list", place="images", remedy="name the JSON that lists the images")
    return top


def _categories(reading: Reading, annotations: msgspec.Raw, label: str, ledger: Ledger) -> msgspec.Raw:
    """Categories for the ids in use, named by the class file where there is one."""
    used = {r.category_id for r in json.decode(annotations, label, list[Category])}
    table = reading.options.classes
    classes = unnamed({i for i in used if i is not None}, table, ledger, label)
    names = table.names_of_ids() if table is not None else {}
    entries: list[dict[str, Any]] = [{"id": c.id, "name": names.get(c.id, c.name)} for c in classes]
    return msgspec.Raw(json.encode(entries))


FORMAT = Format(
    name="coco-results",
    summary="COCO result lists with scores, and a list of images",
    page=__doc__ or "",
    holds=Holds(boxes=True, attributes=True, polygons=True),
    detect=detect,
    scan=scan,
    load=coco_read.load,
    files=coco_read.files,
)
