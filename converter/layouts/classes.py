"""Class lists: the files that name classes, and what makes a list of classes usable.

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
from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from converter.codecs import csvs, json, text
from converter.errors import SourceError, printable, some_of
from converter.format import ClassEntry, ClassTable
from converter.ledger import Ledger
from converter.model import IGNORE, ClassInfo, Rgb
from converter.storage import Source

__all__ = [
    "BACKGROUND_NAMES",
    "CLASS_FILES",
    "DATASET_META",
    "HEX",
    "LABEL_COLORS",
    "black_first",
    "called_twice",
    "check_classes",
    "check_ids",
    "check_name",
    "color_in",
    "find_class_file",
    "is_background",
    "legend_colors",
    "nameless",
    "namesakes",
    "of_colors",
    "raised",
    "read_class_file",
    "read_legend",
    "settled_ids",
    "told_ids",
    "unnamed",
    "with_told",
]

BACKGROUND_NAMES = frozenset({"background", "_background_", "__background__", "bg", "unlabeled", "unlabelled"})
IGNORE_NAMES = frozenset({"ignore", "void", "__ignore__", "_ignore_", "ignored", "dontcare"})
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
BLACK: Rgb = (0, 0, 0)


def is_background(name: str) -> bool:
    """Whether a class of id 0 and this name is the background by its own words."""
    return name.strip().lower() in BACKGROUND_NAMES


def is_ignore(name: str) -> bool:
    """Whether a class of this name says that its pixels are to be left out of training."""
    return name.strip().lower() in IGNORE_NAMES


def check_name(name: Any, file: str, place: str) -> str:
    """`name` if it can name a class in every format: text, not empty, on one line."""
    if not isinstance(name, str):
        raise SourceError(file, f"a class name is {name!r}, not text", place=place, remedy="put it in quotes")
    if not name.strip():
        raise SourceError(file, "a class name is empty", place=place, remedy="name the class")
    if not name.isprintable():
        raise SourceError(
            file,
            f"the class name '{printable(name)}' holds a control character",
            place=place,
            remedy="rename the class",
        )
    return name


def check_classes(
    classes: Sequence[ClassInfo],
    file: str,
    place: str = "classes",
    *,
    table: ClassTable | None = None,
    by_source: bool = False,
) -> None:
    """No id may stand for two classes, and no name, which is left to the class file of the user where there is one.

    `by_source`: ids in a class file are those that the source's files hold, not the header's.
    """
    check_ids(classes, file, place)
    twice = None if table is not None else next(iter(namesakes(classes, by_source=by_source).items()), None)
    if twice is not None:
        raise SourceError(file, called_twice(*twice), place=place, code="duplicate-class-name")


def check_ids(classes: Sequence[ClassInfo], file: str, place: str = "classes") -> None:
    """No id may stand for two classes."""
    ids: dict[int, str] = {}
    for c in classes:
        if c.id in ids:
            raise SourceError(
                file,
                f"id {c.id} is declared twice, as '{ids[c.id]}' and as '{c.name}'",
                place=place,
                remedy="give each class an id of its own",
                code="duplicate-class-name",
            )
        ids[c.id] = c.name


def namesakes(classes: Iterable[ClassInfo], *, by_source: bool = False) -> dict[str, list[int]]:
    """The names that stand for several classes, each with the ids by which a class file tells these apart."""
    found: dict[str, list[int]] = {}
    for c in classes:
        found.setdefault(c.name, []).append(c.source_id if by_source and c.source_id is not None else c.id)
    return {name: ids for name, ids in found.items() if len(ids) > 1}


def called_twice(name: str, ids: Sequence[int]) -> str:
    """What to say of classes of one name: their ids, and how --classes settles it."""
    last = ids[-1]
    return (
        f"{'two' if len(ids) == 2 else len(ids)} classes are called '{name}', "
        f"ids {', '.join(map(str, ids[:-1]))} and {last}; merge them with --classes FILE holding "
        f"'- {{name: {json.encode(name).decode()}, from: {list(ids)}}}', "
        f"or rename one with '- {{name: ..., from: [{last}]}}'"
    )


def undeclared(ids: Iterable[int], declared: Iterable[int]) -> str:
    """What to say of ids that no class has: the ids, and how --classes settles it."""
    known = sorted(declared)
    found = sorted(ids)
    shown = some_of(found, 5)
    first, used = found[0], f"class {shown} is" if len(found) == 1 else f"classes {shown} are"
    void = " (name: ignore, where it is no class)" if first == IGNORE else ""
    return (
        f"{used} used and not declared (declared: {_span(known)}); "
        f"name it with --classes FILE holding '- {{id: {first}, name: ..., from: [{first}]}}'{void}, "
        f"or drop it with 'drop: [{first}]'"
    )


def _span(known: Sequence[int]) -> str:
    if not known:
        return "none"
    if len(known) > 2 and known[-1] - known[0] == len(known) - 1:
        return f"{known[0]} to {known[-1]}"
    return some_of(known, 8)


def settled_ids(ids: Iterable[int], table: ClassTable | None) -> list[ClassInfo]:
    """Classes for those of `ids`, in use and not declared, that the class file of the user settles."""
    settled = [] if table is None else [id for id in ids if table.declares(id)]
    return [ClassInfo(id, f"class_{id}", source_id=id) for id in sorted(settled)]


def told_ids(
    table: ClassTable | None, ids: Container[int | None], names: Container[str], ledger: Ledger, where: str
) -> list[int]:
    """The ids that only the class file of the user speaks of, beside the `ids` and `names` of a set, with a note.

    An entry with the name of a class of the set and another id moves that class, and speaks of no other.
    """
    if table is None:
        return []
    told = [id for e in table.entries if e.sources or e.name not in names for id in e.old_ids if not _is_void(e, id)]
    told += [id for id in table.drop if isinstance(id, int)]
    found = sorted({id for id in told if id >= 0 and id not in ids})
    if found:
        said = f"the set declares no class {some_of(found, 5)}: what is of it is what {table.file} says"
        ledger.note("class-undeclared", where, said)
    return found


def _is_void(entry: ClassEntry, id: int) -> bool:
    """Whether an entry says that pixels of this value are background, or are to be ignored."""
    return id == entry.id and (is_ignore(entry.name) if id else is_background(entry.name))


def with_told(
    classes: Iterable[ClassInfo],
    table: ClassTable | None,
    ledger: Ledger,
    where: str,
    reserved: Collection[int | None],
) -> list[ClassInfo]:
    """The classes of a set whose values are not known yet, and those that the user's class file speaks of by id.

    `reserved`: ids that are no classes, as that of the background.
    """
    declared = list(classes)
    told = told_ids(table, {*reserved, *(c.id for c in declared)}, {c.name for c in declared}, ledger, where)
    return sorted([*declared, *(ClassInfo(i, f"class_{i}", source_id=i) for i in told)], key=lambda c: c.id)


def unnamed(
    ids: Iterable[int], table: ClassTable | None, ledger: Ledger, where: str, *, unless: str = ""
) -> tuple[ClassInfo, ...]:
    """Classes for ids that nothing names: from the class file of the user, else class_3 and so on.

    `unless`: what to do where the ids are something else than classes, for the note.
    """
    names = table.names_of_ids() if table else {}
    missing = [i for i in ids if i not in names]
    if missing and table is None:
        shown = some_of([f"class_{i}" for i in sorted(missing)], 4)
        ledger.note(
            "class-names-unknown",
            where,
            f"no class names were found: they are {shown}; name them with --classes FILE{unless}",
        )
    return tuple(ClassInfo(i, f"class_{i}", source_id=i) for i in sorted(ids))


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


def color_in(values: Any) -> Rgb | None:
    """The colour that a list of three numbers is, whole ones from 0 to 255; None for anything else."""
    if not isinstance(values, list) or len(values) != 3 or not all(type(v) in {int, float} for v in values):
        return None
    if not all(0 <= v <= 255 and v == int(v) for v in values):
        return None
    return int(values[0]), int(values[1]), int(values[2])


def legend_colors(classes: Iterable[ClassInfo]) -> dict[Rgb, int]:
    """Colour -> class id for the classes that have one; -1 for a colour of two classes, which tells neither."""
    found: dict[Rgb, int] = {}
    for c in classes:
        if c.color is not None:
            found[c.color] = -1 if c.color in found else c.id
    return found


def of_colors(classes: Sequence[ClassInfo]) -> list[ClassInfo]:
    """The classes with the ids that they have where pixels are colours: there black is 0, as no id stands in a mask.

    A background that is black has it, wherever it stands in its legend; where no class is black, none has it.
    """
    late = next((c for c in classes if c.id and c.color == BLACK and is_background(c.name)), None)
    colors = [c.color for c in classes if c.color is not None]
    if not any(c.id == 0 and not is_background(c.name) for c in classes):
        return list(classes)
    if late is not None:
        moved = {c.id: 0 if c is late else c.id + (c.id < late.id) for c in classes}
        return [msgspec.structs.replace(c, id=moved[c.id]) for c in classes]
    return raised(classes) if colors and BLACK not in colors else list(classes)


def raised(classes: Sequence[ClassInfo]) -> list[ClassInfo]:
    """The classes with 0 left to black."""
    return [msgspec.structs.replace(c, id=c.id + 1) for c in classes]


def black_first(classes: Sequence[ClassInfo]) -> list[ClassInfo]:
    """Classes numbered by their lines as Datumaro paints them: from 1 where none is black or the background."""
    known = any(c.color == (0, 0, 0) or is_background(c.name) for c in classes)
    return list(classes) if known else raised(classes)


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
