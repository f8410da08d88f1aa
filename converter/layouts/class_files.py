"""Class files, which name the classes of a set.

classes.json     {"1": "cat"} or ["cat"] or [{"id": 1, "name": "cat", "color": [r, g, b]}]; Supervisely's
                 {"classes": [{"title": "cat", "color": "#rrggbb"}]}
classes.txt, obj.names, class_names.txt   a name a line; line i is index i (codes.txt too: fastai)
labelmap.txt     name:r,g,b:parts:actions   (CVAT); line i is index i
_classes.csv     Pixel Value, Class         (Roboflow)
class_dict.csv   name,r,g,b                 (CamVid; also class_dict_seg.csv, label_class_dict.csv); row i is index i
label_colors.txt r g b name                 (CamVid, Datumaro), name r g b, or a number before that; line i is
                 index i, in masks see `black_first`
dataset_meta.json {"label_map": {"1": "cat"}, "segmentation_colors": [[r, g, b]]} or {"labels": ["cat"]}
                 (Datumaro); the colour at index i is that of class i
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from typing import Any

from converter.codecs import csvs, json, text
from converter.errors import SourceError
from converter.layouts.classes import check_ids, check_name
from converter.model import ClassInfo, Rgb
from converter.storage import Source

__all__ = [
    "CLASS_FILES",
    "DATASET_META",
    "HEX",
    "LABEL_COLORS",
    "find_class_file",
    "nameless",
    "read_class_file",
    "read_legend",
]

DATASET_META = "dataset_meta.json"
LABEL_COLORS = "label_colors.txt"
CLASS_FILES = (
    "classes.json",
    "class_id_to_name.json",
    "classes.txt",
    "obj.names",
    "class_names.txt",
    "codes.txt",
    "labelmap.txt",
    "_classes.csv",
    "class_dict.csv",
    "class_dict_seg.csv",
    "label_class_dict.csv",
    LABEL_COLORS,
    DATASET_META,
)
LABELED = re.compile(r"(?P<name>.+?):\s*(?P<rgb>\d+\s*,\s*\d+\s*,\s*\d+)\s*(?::[^:]*){0,2}")
COLORED = re.compile(r"(?P<r>\d+)\s+(?P<g>\d+)\s+(?P<b>\d+)\s+(?P<name>\S.*)")
NAMED = re.compile(r"(?P<name>\S.*?)\s+(?P<r>\d+)\s+(?P<g>\d+)\s+(?P<b>\d+)")
COUNTED = re.compile(rf"\d+\s+{NAMED.pattern}")
HEX = re.compile(r"#([0-9a-fA-F]{2})([0-9a-fA-F]{2})([0-9a-fA-F]{2})")


def find_class_file(source: Source, folders: Sequence[str]) -> str | None:
    """The first class file that stands in one of `folders` ("" is the top)."""
    for folder in folders:
        for name in CLASS_FILES:
            path = posixpath.join(folder, name) if folder else name
            if path in source and (name != DATASET_META or _names_labels(source.read(path))):
                return path
    return None


def _names_labels(data: bytes) -> bool:
    """Whether a dataset_meta.json is Datumaro's: others call their notes so, too."""
    return b'"label_map"' in data or b'"labels"' in data


def read_class_file(source: Source, path: str) -> dict[int, ClassInfo]:
    """The classes of a class file by id; colours where it has them. SourceError for a file that was emptied.

    A name may stand there twice, which check_classes is to tell.
    """
    file, base, data = source.label(path), posixpath.basename(path), source.read(path)
    if base == DATASET_META:
        found = _from_dataset_meta(json.decode(data, file), file)
    elif base.endswith(".json"):
        found = _from_json(json.decode(data, file), file)
    elif base.endswith(".csv"):
        found = _from_csv(csvs.rows(data, file), file)
    elif base in {"labelmap.txt", LABEL_COLORS}:
        found = read_legend(data, file)
    else:
        lines = text.decode_text(data, file).splitlines()
        while lines and not lines[-1].strip():
            lines.pop()
        found = [ClassInfo(i, check_name(line.strip(), file, f"line {i + 1}")) for i, line in enumerate(lines)]
    if not found:
        raise nameless(file)
    check_ids(found, file)
    return {c.id: c for c in found}


def nameless(file: str) -> SourceError:
    """What to say of a class file without a class: as if it were not there would be other classes."""
    return SourceError(file, "names no class", remedy="write the class names into it, or remove it")


def read_legend(data: bytes, file: str) -> list[ClassInfo]:
    """The classes of a text of lines `name:r,g,b:parts:actions`, `r g b name` or `name r g b`, numbered from 0.

    Numbers before the names are none of theirs where every line has one.
    """
    lines = [
        (number, line)
        for number, line in enumerate(text.decode_text(data, file).splitlines(), 1)
        if line.strip() and not line.startswith("#")
    ]
    named = COUNTED if all(COUNTED.fullmatch(line.strip()) for _, line in lines) else NAMED
    found: list[ClassInfo] = []
    for number, line in lines:
        place = f"line {number}"
        name, color = _labeled(line, named)
        rgb = None if color == [""] else _rgb(color, file, place)
        found.append(ClassInfo(len(found), check_name(name, file, place), rgb))
    return found


def _labeled(line: str, named: re.Pattern[str]) -> tuple[str, list[str]]:
    """Name and colour on a line of a legend, [""] where it has none. Names that have a colon are told by the colour."""
    if match := LABELED.fullmatch(line.strip()):
        return match["name"].strip(), match["rgb"].split(",")
    if match := COLORED.fullmatch(line.strip()) or named.fullmatch(line.strip()):
        return match["name"], [match["r"], match["g"], match["b"]]
    name, _, rest = line.partition(":")
    return name.strip(), rest.split(":")[0].strip().split(",")


def _from_json(value: Any, file: str) -> list[ClassInfo]:
    if isinstance(value, Mapping):
        if isinstance(value.get("classes"), list | dict):
            return _from_json(value["classes"], file)
        return [ClassInfo(_id(k, file), check_name(v, file, f"class {k}")) for k, v in value.items()]
    if isinstance(value, list):
        return [_json_item(i, item, file) for i, item in enumerate(value)]
    raise SourceError(file, "is neither a list nor a mapping of classes", remedy='write {"1": "cat"}')


def _from_dataset_meta(value: Any, file: str) -> list[ClassInfo]:
    """`labels` are numbered from 0 and have no colours; a `label_map` says more, and is taken before them."""
    meta = value if isinstance(value, Mapping) else {}
    names = meta.get("label_map")
    if not isinstance(names, Mapping):
        return _from_json(meta.get("labels"), file)
    colors = meta.get("segmentation_colors")
    rgbs = dict(enumerate(colors)) if isinstance(colors, list) else {}
    found = []
    for key, name in names.items():
        id, place = _id(key, file), f"class {key}"
        rgb = _rgb(rgbs[id], file, place) if rgbs.get(id) is not None else None
        found.append(ClassInfo(id, check_name(name, file, place), rgb))
    return found


def _json_item(index: int, item: Any, file: str) -> ClassInfo:
    place = f"[{index}]"
    if not isinstance(item, Mapping):
        return ClassInfo(index, check_name(item, file, place))
    color = item.get("color")
    rgb = _rgb(color, file, place) if color is not None else None
    name = check_name(item.get("name", item.get("title")), file, place)
    return ClassInfo(_id(item.get("id", index), file), name, color=rgb)


def _from_csv(rows: list[dict[str, str]], file: str) -> list[ClassInfo]:
    found: list[ClassInfo] = []
    for index, raw in enumerate(rows):
        row, place = {k.strip().lower(): v.strip() for k, v in raw.items()}, f"row {index + 2}"
        name = check_name(row.get("class", row.get("name", row.get("class_name", ""))), file, place)
        id = _id(row.get("pixel value", row.get("id", row.get("class_id", index))), file)
        rgb = _rgb([row["r"], row["g"], row["b"]], file, place) if {"r", "g", "b"} <= row.keys() else None
        found.append(ClassInfo(id, name, color=rgb))
    return found


def _id(value: Any, file: str) -> int:
    try:
        if isinstance(value, bool | float):
            raise ValueError
        return int(value)
    except (TypeError, ValueError):
        raise SourceError(file, f"the class id {value!r} is not a whole number", remedy="use 0, 1, 2, ...") from None


def _rgb(values: Any, file: str, place: str) -> Rgb:
    match = HEX.fullmatch(values) if isinstance(values, str) else None
    if match:
        values = [int(part, 16) for part in match.groups()]
    try:
        if any(isinstance(v, float) and not v.is_integer() for v in values):
            raise ValueError  # fractions of 1, which would all be black
        r, g, b = (int(v) for v in values)
    except (TypeError, ValueError):
        raise SourceError(
            file, f"the colour {values!r} is not three whole numbers", place=place, remedy="write r,g,b"
        ) from None
    if not all(0 <= v <= 255 for v in (r, g, b)):
        raise SourceError(file, f"the colour {r},{g},{b} is outside 0 to 255", place=place, remedy="write r,g,b")
    return r, g, b
