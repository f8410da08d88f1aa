"""Projects of VIA 3: files, views of them, and metadata that lie in a view; told in the words of VIA 2.

attribute   id -> aname, type, options {option id -> text}
file        id -> fname, type (2 is an image)
view        id -> fid_list
metadata    id -> vid, z (times), xy [shape, numbers ...], av {attribute id -> option id or text}
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from converter.codecs import json
from converter.errors import SourceError
from converter.ledger import Ledger

__all__ = ["MARK", "images"]

MARK = b'"vid_list"'
IMAGE, CHECKBOX = 2, 2  # of files and of attributes
KEYS = {
    1: ("point", ("cx", "cy")),
    2: ("rect", ("x", "y", "width", "height")),
    3: ("circle", ("cx", "cy", "r")),
    4: ("ellipse", ("cx", "cy", "rx", "ry")),
}
LINES = {5: "polyline", 6: "polyline", 7: "polygon"}
Json = dict[str, Any]


def images(data: bytes, label: str, ledger: Ledger) -> Iterator[tuple[str, Json]]:
    """(place, {filename, regions, file_attributes, is_image}) of each file.

    What is said in a view of several files, which compares them, is of none: a loss.
    SourceError for a document that is no project.
    """
    top = json.decode(data, label, dict[str, Any])
    files, views, metadata, attributes = (_part(top, key, label) for key in ("file", "view", "metadata", "attribute"))
    drawn: dict[str, list[Json]] = {}
    said: dict[str, Json] = {}
    compared = 0
    for entry in metadata.values():
        listed = views.get(str(entry.get("vid")), {}).get("fid_list")
        if not isinstance(listed, list) or len(listed) != 1 or str(listed[0]) not in files:
            compared += bool(entry.get("xy") or entry.get("av"))
            continue
        words = _words(entry.get("av"), attributes)
        if entry.get("xy"):
            region = {"shape_attributes": _shape(entry["xy"]), "region_attributes": words}
            drawn.setdefault(str(listed[0]), []).append(region)
        else:
            said.setdefault(str(listed[0]), {}).update(words)
    if compared:
        message = f"{label}: {compared} entries of metadata are in no view of one file"
        ledger.lose("annotation-dropped", "", message, amount=compared)
    for id, file in files.items():
        yield (
            f"file {id}",
            {
                "filename": file.get("fname"),
                "file_attributes": said.get(id, {}),
                "regions": drawn.get(id, []),
                "is_image": file.get("type", IMAGE) == IMAGE,
            },
        )


def _part(top: Json, key: str, label: str) -> dict[str, Json]:
    part = top.get(key)
    if not isinstance(part, dict) or not all(isinstance(v, dict) for v in part.values()):
        raise SourceError(label, "is no object of objects", place=key, remedy="is it a VIA 3 project?")
    return part


def _words(values: Any, attributes: Mapping[str, Json]) -> Json:
    """Name of an attribute -> its value: an option's text, or the options that are ticked."""
    found: Json = {}
    for id, value in values.items() if isinstance(values, dict) else ():
        attribute = attributes.get(id, {})
        name, options = str(attribute.get("aname", id)), attribute.get("options")
        options = options if isinstance(options, dict) else {}
        if attribute.get("type") == CHECKBOX:
            found[name] = {str(options.get(v, v)): True for v in str(value).split(",") if v}
        else:
            found[name] = options.get(str(value), value)
    return found


def _shape(xy: Any) -> Json:
    """Numbers, of which the first is the kind, as the attributes that VIA 2 gives a shape."""
    kind, *numbers = xy if isinstance(xy, list) else [xy]
    if kind in LINES:
        return {"name": LINES[kind], "all_points_x": numbers[0::2], "all_points_y": numbers[1::2]}
    name, keys = KEYS.get(kind, (kind, ())) if isinstance(kind, int) else (kind, ())
    return {"name": name, **dict(zip(keys, numbers, strict=False))}
