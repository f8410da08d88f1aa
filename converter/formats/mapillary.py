"""Mapillary Vistas: one map of objects an image, and a config that names the classes.

    config.json                                    labels: [{name, readable, instances, color}]
    <split>/images/<name>.jpg                      config_v1.2.json and config_v2.0.json in release 2
    <split>/[<version>/]instances/<name>.png       16-bit gray: class * 256 + number of the object

The class is the place of a label in the config, from 0; 0 is a real class, and every pixel
has one (the last is `void--unlabeled`). Classes that tell objects apart have `instances`.
Of two versions in one folder the newest is read, with a note. labels/ (class ids) and
panoptic/ say nothing more and are not read.

Coordinates: none; a pixel of a map is the pixel of the image in its place.

Holds: masks without overlaps. Read only.
Cannot hold: overlaps, crowds, boxes, attributes, more than 256 objects of a class in an image.
Source: the demo and config that come with the dataset (https://www.mapillary.com/dataset/vistas).
"""

from __future__ import annotations

import posixpath
import re
from typing import Any

from converter.codecs import json
from converter.errors import SourceError
from converter.format import Evidence, Format, Holds, Reading, Scan
from converter.layouts.classes import check_classes, check_name, color_in
from converter.layouts.images import split_name, stem
from converter.layouts.label_maps import Found, Meaning, files, load_map, pairs, scan_of
from converter.ledger import Ledger
from converter.model import ClassInfo, Header, Ref, Sample
from converter.storage import Source

__all__ = ["FORMAT"]

CONFIG = re.compile(r"config(?:_(?P<version>v[\d.]+))?\.json")
MAP = re.compile(r"(?:(?P<split>[^/]+)/)?(?:(?P<version>v[\d.]+)/)?instances/(?P<name>[^/]+)\.png")
UNREAD = ("labels", "panoptic")


def detect(source: Source) -> Evidence | None:
    """A config with labels, and maps in instances/."""
    configs, maps = _configs(source), _maps(source)
    if not configs or not maps:
        return None
    return Evidence(f"{next(iter(configs.values()))} with labels, and maps such as {maps[0]}")


def _configs(source: Source) -> dict[str, str]:
    """Version ("" when it has none) -> config."""
    if source.entry is not None:
        return {}
    matches = [(n, m) for n in source.files_in() if (m := CONFIG.fullmatch(n))]
    return {m["version"] or "": n for n, m in matches if b'"labels"' in source.read(n)}


def _maps(source: Source) -> list[str]:
    return [n for n in source.names() if MAP.fullmatch(n)]


def scan(reading: Reading, ledger: Ledger) -> Scan:
    source = reading.source
    configs, maps = _configs(source), _maps(source)
    if not configs or not maps:
        raise SourceError(source.name, "no config.json with labels and instances/", remedy="is it Mapillary Vistas?")
    versions = sorted({_version(path) for path in maps})
    version = versions[-1]
    if len(versions) > 1:
        ledger.note("version-chosen", source.name, f"annotations of {', '.join(versions)}: {version} was read")
    config = configs.get(version) or configs.get("")
    if config is None:
        shown = ", ".join(configs.values())
        raise SourceError(source.name, f"no config_{version}.json, only {shown}", remedy="add the config")
    mine = [path for path in maps if _version(path) == version]
    found = [Found(mask, image, *_named(mask, image)) for mask, image in pairs(reading, mine, _candidates, maps)]
    unread = [n for n in source.names() if posixpath.basename(posixpath.dirname(n)) in UNREAD]
    classes = _classes(reading, config)
    return scan_of(reading, "mapillary", classes, found, [*unread, *maps, *configs.values()], ledger)


def _version(path: str) -> str:
    match = MAP.fullmatch(path)
    return (match["version"] if match else None) or ""


def _classes(reading: Reading, path: str) -> list[ClassInfo]:
    file = reading.source.label(path)
    config = json.decode(reading.source.read(path), file)
    labels = config.get("labels") if isinstance(config, dict) else None
    if not isinstance(labels, list):
        raise SourceError(file, "is no list", place="labels", remedy="use the config of the dataset")
    classes = [_class(i, label, file) for i, label in enumerate(labels)]
    check_classes(classes, file, "labels", table=reading.options.classes)
    return classes


def _class(index: int, label: Any, file: str) -> ClassInfo:
    if not isinstance(label, dict):
        raise SourceError(file, "is no label", place=f"labels[{index}]", remedy="use the config of the dataset")
    name = check_name(label.get("name"), file, f"labels[{index}]")
    return ClassInfo(index, name, color_in(label.get("color")), index, name)


def _candidates(mask: str) -> list[str]:
    match = MAP.fullmatch(mask)
    assert match is not None
    tail = f"images/{stem(match['name'] + '.png')}"
    return [f"{match['split']}/{tail}" if match["split"] else tail]


def _named(mask: str, image: str | None) -> tuple[str, str | None]:
    match = MAP.fullmatch(mask)
    assert match is not None
    return posixpath.basename(image or mask), split_name(match["split"]) if match["split"] else None


def load(reading: Reading, header: Header, ref: Ref, ledger: Ledger) -> Sample:
    """The regions of an image."""
    return load_map(reading, header, ref, ledger, _means)


def _means(value: int) -> Meaning | None:
    return Meaning(value // 256)


FORMAT = Format(
    name="mapillary",
    summary="Mapillary Vistas: 16-bit PNGs, class * 256 + object, with config.json",
    page=__doc__ or "",
    holds=Holds(overlaps=False),
    detect=detect,
    scan=scan,
    load=load,
    files=files,
)
