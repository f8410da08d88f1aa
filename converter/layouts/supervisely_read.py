"""Reading Supervisely projects: meta.json, and a JSON an image with bitmaps and polygons."""

from __future__ import annotations

import math
import posixpath
import zlib
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from converter.codecs import images as codec
from converter.codecs import json, png_chunks
from converter.errors import ShapeError, SourceError
from converter.format import Reading, Scan
from converter.geometry import raster, rle
from converter.layouts.by_name import ids_by_name, mentions, named_classes
from converter.layouts.classes import check_name
from converter.layouts.embedded import decode_base64
from converter.layouts.figures import (
    box_centre,
    check_numbers,
    check_polygon,
    placed_inside,
    told_outside,
    turned_box,
)
from converter.layouts.images import ImageIndex, is_split_name, order_splits, split_name, tell_unused
from converter.layouts.palette import color_of
from converter.ledger import Ledger
from converter.model import Box, ClassInfo, Header, Image, Instance, Marks, Polygons, Ref, Rgb, Rle, Sample, Shape
from converter.storage import Source

__all__ = ["annotation_files", "files", "load", "scan"]

META = "meta.json"
UNREAD = ("instance", "customData", "custom_data")  # what ties objects together, and what programs put there
SHAPES = frozenset({"bitmap", "polygon", "rectangle", "line", "point", "graph", "oriented_bbox", "polyline"})


def annotation_files(source: Source) -> dict[str, list[str]]:
    """Dataset folder -> its annotation files; empty when the source is no Supervisely project."""
    if source.entry is not None:
        return {}
    found: dict[str, list[str]] = {}
    for path in source.names():
        folder = posixpath.dirname(path)
        if path.endswith(".json") and posixpath.basename(folder) == "ann":
            found.setdefault(posixpath.dirname(folder), []).append(path)
    if not found:
        return {}
    first = next(iter(found.values()))[0]
    data = source.read(META) if META in source else b""
    sound = b'"classes"' in data and b'"title"' in data
    return found if sound or b'"objects"' in source.read(first) else {}


def scan(reading: Reading, ledger: Ledger) -> Scan:
    """Refs with their annotation files; classes from meta.json."""
    source = reading.source
    datasets = annotation_files(source)
    if not datasets:
        raise SourceError(source.name, "holds no folder ann/ with annotations", remedy="name the project's folder")
    index = ImageIndex(reading.images)
    several = len({folder.split("/")[0] for folder in datasets}) > 1
    refs = []
    for folder, files in sorted(datasets.items()):
        top, *nested = [f for f in folder.split("/") if f and f != "datasets"] or [""]
        split = split_name(top) if is_split_name(top) else None
        kept = [top, *nested] if several and split is None and top else nested
        before = "".join(f"{f}/" for f in kept)
        for path in files:
            named = posixpath.basename(path).removesuffix(".json")
            file = _image_file(index, folder, named)
            shown = posixpath.basename(file) if file else named
            refs.append(Ref(Image(before + shown, split, file=file), path))
    tell_unused(reading.images, refs, [META, *(r.payload for r in refs)], ledger)
    classes = _classes(reading, refs)
    return Scan(Header("supervisely", "instance", classes, order_splits(r.image.split for r in refs)), refs)


def _image_file(index: ImageIndex, folder: str, name: str) -> str | None:
    """img/<name> beside ann/; in old exports the annotation lacks the image's extension."""
    places = [posixpath.join(folder, "img"), folder]
    found = index.find(name, places)
    if found is not None:
        return found
    endings = (e for ending in sorted(codec.EXTENSIONS) for e in (ending, ending.upper()))
    tries = (posixpath.join(place, name + ending) for ending in endings for place in places)
    return next((t for t in tries if t in index.paths), None)


def _classes(reading: Reading, refs: list[Ref]) -> tuple[ClassInfo, ...]:
    source = reading.source
    label = source.label(META)
    names: list[str] = []
    colors: dict[str, Rgb] = {}
    if META in source:
        meta = json.decode(source.read(META), label, dict[str, Any])
        listed = meta.get("classes")
        if not isinstance(listed, list):
            raise SourceError(label, "is no list", place="classes", remedy="is it a Supervisely project?")
        for entry in listed:
            if not isinstance(entry, dict):
                raise SourceError(label, f"{entry!r} is no class", place="classes")
            names.append(check_name(entry.get("title"), label, "classes"))
            color = _color(entry.get("color"))
            if color and color != color_of(len(names)):  # the palette says nothing of the class
                colors[names[-1]] = color
    else:
        names = sorted(_titles(source, refs))
    if (table := reading.options.classes) is not None:
        names += sorted(n for n in _titles(source, refs) if n not in names and mentions(table, n))
    return named_classes(names, (), label, colors, table=table)


def _titles(source: Source, refs: list[Ref]) -> set[str]:
    """The classes that objects name."""
    titles = (o.get("classTitle") for r in refs for o in _objects(source, r.payload))
    return {t for t in titles if isinstance(t, str)}


def _objects(source: Source, path: str) -> list[dict[str, Any]]:
    try:
        data = json.decode(source.read(path), source.label(path), dict[str, Any])
    except SourceError:
        return []
    listed = data.get("objects")
    return [o for o in listed if isinstance(o, dict)] if isinstance(listed, list) else []


def _color(value: Any) -> Rgb | None:
    try:
        red, green, blue = bytes.fromhex(str(value).removeprefix("#"))
    except ValueError:
        return None
    return red, green, blue


# ---------------------------------------------------------------- one image


def files(reading: Reading, ref: Ref) -> list[str]:
    """The file of the image."""
    return [reading.source.label(ref.payload)]


def load(reading: Reading, header: Header, ref: Ref, ledger: Ledger) -> Sample:
    """One image with its objects."""
    label = reading.source.label(ref.payload)
    try:
        data = json.decode(reading.source.read(ref.payload), label, dict[str, Any])
        _check_size(data.get("size"), ref.image, label)
        listed = data.get("objects", [])
        if not isinstance(listed, list):
            raise SourceError(label, f"is {type(listed).__name__}, not a list", place="objects")
    except SourceError as error:
        ledger.skip_image(ref.image.path, error)
    ids = ids_by_name(header)
    instances = []
    for number, entry in enumerate(listed, 1):
        place = f"objects[{number - 1}]"
        try:
            made = _instance(entry, ids, ref.image, f"{label}: {place}", ledger, number)
        except ShapeError as error:
            wrong = error.at(label, place)
            ledger.bad_annotation(ref.image.path, number, wrong)
            continue
        except SourceError as error:
            ledger.bad_annotation(ref.image.path, number, error)
            continue
        if made is None:
            _tell_unread(str(entry.get("geometryType")), ref.image, ledger, number)
        else:
            _tell_lost(entry, ref.image, ledger, number)
            instances.append(made)
    return Sample(_with_tags(ref.image, data), told_outside(instances, ref.image, ledger))


def _tell_unread(kind: str, image: Image, ledger: Ledger, number: int) -> None:
    if kind.startswith("cuboid"):
        ledger.lose("not-a-region", image.path, f"a {kind} is no region", instance=number)
    else:
        message = f"objects of the geometryType {kind} are not read"
        ledger.lose("annotation-dropped", image.path, message, instance=number)


def _tell_lost(entry: Mapping[str, Any], image: Image, ledger: Ledger, number: int) -> None:
    """What an object says that has no place, and its joints of themselves."""
    lost = [key for key in UNREAD if entry.get(key)]
    nodes = entry["nodes"].values() if entry.get("geometryType") == "graph" else ()
    if any(node.get("disabled") for node in nodes):
        lost.append("disabled nodes")
    if lost:
        ledger.lose("attribute-dropped", image.path, f"an object lost {', '.join(lost)}", instance=number)


def _check_size(size: Any, image: Image, label: str) -> None:
    if not isinstance(size, dict):
        return
    width, height = size.get("width"), size.get("height")
    if (width, height) != (image.width, image.height):
        problem = f"annotations are for an image of {width}x{height}, the file has {image.width}x{image.height}"
        remedy = "use the images that were annotated"
        raise SourceError(label, problem, place="size", remedy=remedy, code="size-mismatch")


def _tags(entry: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Name -> the values of the tags of an object or image, None for those without one; each value once.

    Old projects list the names alone.
    """
    listed = entry.get("tags")
    found: dict[str, list[Any]] = {}
    for listed_tag in listed if isinstance(listed, list) else ():
        tag = {"name": listed_tag} if isinstance(listed_tag, str) else listed_tag
        if isinstance(tag, dict):
            values = found.setdefault(str(tag.get("name")), [])
            if tag.get("value") not in values:
                values.append(tag.get("value"))
    return found


def _plain(values: list[Any]) -> Any:
    """The value of a tag, or the list of those of several tags of one name."""
    return values[0] if len(values) == 1 else values


def _with_tags(image: Image, data: Mapping[str, Any]) -> Image:
    tags = _tags(data)
    extra: dict[str, Any] = {}
    if plain := [k for k, values in tags.items() if None in values]:
        extra["tags"] = plain
    valued = {k: [v for v in values if v is not None] for k, values in tags.items()}
    if attributes := {k: _plain(values) for k, values in valued.items() if values}:
        extra["attributes"] = attributes
    extra |= {key: data[key] for key in ("description", *UNREAD[1:]) if data.get(key)}
    return msgspec.structs.replace(image, extra=extra) if extra else image


def _instance(
    entry: Any, ids: dict[str, int], image: Image, where: str, ledger: Ledger, number: int
) -> Instance | None:
    if not isinstance(entry, dict):
        raise ShapeError(f"is {type(entry).__name__}, not an object")
    title = entry.get("classTitle")
    if not isinstance(title, str) or title not in ids:
        raise ShapeError(f"classTitle {title!r} is not in meta.json (--classes FILE may name or drop it)")
    kind = str(entry.get("geometryType") or "") or ("bitmap" if entry.get("bitmap") else "polygon")
    if kind not in SHAPES:
        return None
    shape: Shape
    if kind == "bitmap":
        bits, x, y = _bitmap(entry.get("bitmap"), image, where)
        shape = placed_inside(bits, x, y, image, ledger, number)
        extra: dict[str, Any] = {}
    else:
        shape, extra = _shape(kind, entry, image)
    if tags := _tags(entry):
        extra["attributes"] = {name: _plain(values) for name, values in tags.items()}
    if entry.get("description"):
        extra["description"] = entry["description"]
    id = entry.get("id")
    return Instance(ids[title], shape, id if isinstance(id, int) else None, extra=extra)


def _shape(kind: str, entry: Mapping[str, Any], image: Image) -> tuple[Shape, dict[str, Any]]:
    if kind == "graph":
        nodes = entry.get("nodes")
        if not isinstance(nodes, dict) or not all(isinstance(n, dict) for n in nodes.values()):
            raise ShapeError("nodes: they are not points")
        names = [str(name) for name in nodes]
        numbered = names == [str(number) for number in range(1, len(names) + 1)]
        joints = _flat([n.get("loc") for n in nodes.values()], "nodes")
        return Marks("points", joints), {} if numbered else {"joints": names}
    points = entry.get("points")
    if not isinstance(points, dict):
        raise ShapeError("points: it has no exterior")
    flat = _flat(points.get("exterior"), "points: exterior")
    if kind in {"rectangle", "oriented_bbox"}:
        return _rectangle(flat, entry, image)
    if kind in {"line", "polyline"}:
        return Marks("polyline", flat), {}
    if kind == "point":
        return Marks("points", flat), {}
    return _polygon(flat, points.get("interior") or [], image), {}


def _flat(points: Any, what: str) -> list[float]:
    if not isinstance(points, list) or not all(isinstance(p, list) and len(p) == 2 for p in points):
        raise ShapeError(f"{what}: it is not a list of [x, y]")
    return check_numbers([v for p in points for v in p], what)


def _rectangle(flat: list[float], entry: Mapping[str, Any], image: Image) -> tuple[Shape, dict[str, Any]]:
    """Two opposite pixels, both inside."""
    if len(flat) != 4:
        raise ShapeError(f"points: a rectangle has 2, not {len(flat) // 2}")
    left, right = sorted(flat[0::2])
    top, bottom = sorted(flat[1::2])
    box = Box(left, top, right - left + 1, bottom - top + 1)
    angle = check_numbers([entry.get("angle") or 0], "angle")[0]
    if not angle:
        return box, {}
    degrees = math.degrees(angle)
    ring = turned_box(box.x, box.y, box.w, box.h, degrees, about=box_centre(box))
    return check_polygon(ring, image, "points"), {"rotation": degrees}


def _polygon(exterior: list[float], interior: Any, image: Image) -> Polygons | Rle:
    """A ring; with holes the pixels of the exterior without those of the holes."""
    outer = check_polygon(exterior, image, "points: exterior")
    if not interior:
        return outer
    if not isinstance(interior, list):
        raise ShapeError("points: interior is no list of rings")
    holes = [check_polygon(_flat(h, "points: interior"), image, "points: interior").rings[0] for h in interior]
    drawn = (raster.polygons_to_rle(rings, image.height, image.width) for rings in (outer.rings, holes))
    return rle.difference(*drawn)


def _bitmap(value: Any, image: Image, where: str) -> tuple[NDArray[np.bool_], int, int]:
    """A bitmap and its origin (x, y): base64 of a deflated PNG."""
    if not isinstance(value, dict):
        raise ShapeError("bitmap: it has no data")
    origin = value.get("origin")
    if not isinstance(origin, list) or len(origin) != 2:
        raise ShapeError(f"bitmap: origin {origin!r} is not [x, y]")
    left, top = check_numbers(origin, "bitmap: origin")
    if left % 1 or top % 1:
        raise ShapeError(f"bitmap: origin {origin!r} lies between pixels")
    packed = decode_base64(value.get("data"), where, "bitmap")
    if not packed.startswith(png_chunks.SIGNATURE):
        packed = _inflated(packed, image)
    return _inside(packed, where), int(left), int(top)


def _inflated(packed: bytes, image: Image) -> bytes:
    limit = 8 * image.width * image.height + (1 << 20)
    inflate = zlib.decompressobj()
    try:
        data = inflate.decompress(packed, limit)
    except zlib.error as error:
        raise ShapeError(f"bitmap: it is not deflated data ({error})") from None
    if not inflate.eof:
        raise ShapeError("bitmap: it is cut, or far larger than the image")
    return data


def _inside(data: bytes, where: str) -> NDArray[np.bool_]:
    """Every value but 0 is inside; of pictures with alpha what alpha lets through."""
    array: NDArray[Any] = codec.read_labels(data, where).array
    if array.ndim == 2:
        return np.asarray(array != 0, np.bool_)
    if array.shape[2] in {2, 4}:
        return np.asarray(array[..., -1] != 0, np.bool_)
    return np.asarray(array.any(axis=2), np.bool_)
