"""The class names of YOLO sets: in data.yaml, or in files that only tools of YOLO write.

coco.names, voc.names          a name a line, as obj.names (Darknet); when it is the only one
predefined_classes.txt         a name a line (labelImg)
notes.json                     {"categories": [{"id": 0, "name": "cat"}]}   (Label Studio)
_darknet.labels                a name a line, the same in the folder of each split (Roboflow)
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from typing import Any

from converter.codecs import json, text
from converter.errors import SourceError
from converter.format import Reading
from converter.layouts.class_files import find_class_file, nameless, read_class_file
from converter.layouts.classes import check_classes, check_ids, check_name
from converter.layouts.images import is_image
from converter.layouts.undeclared import told_ids
from converter.ledger import Ledger
from converter.model import ClassInfo
from converter.storage import Source

__all__ = ["classes_of", "find_names", "read_names", "roboflow_names"]

NAMES = re.compile(rb"(?m)^names\s*:")
LABELIMG, NOTES, ROBOFLOW = "predefined_classes.txt", "notes.json", "_darknet.labels"


def classes_of(
    reading: Reading, config_path: str | None, class_file: str | None, config: Mapping[str, Any], ledger: Ledger
) -> tuple[ClassInfo, ...]:
    """Index i becomes class id i + 1."""
    source = reading.source
    if "names" in config:
        file = source.label(config_path or "")
        without = config.get("nc") == 0 and config["names"] in ([], {})
        names = {} if without else _names(config["names"], file)
        _check_count(config, names, file)
    elif class_file is not None:
        file = source.label(class_file)
        names = read_names(source, class_file)
    elif reading.options.classes is not None:
        file = reading.options.classes.file
        names = reading.options.classes.names_of_ids()
    else:
        file = source.label(config_path) if config_path else source.name
        raise SourceError(file, "there are no class names", place="names", remedy=_where_names_are(source))
    told = told_ids(reading.options.classes, names, set(names.values()), ledger, source.name)
    names |= {i: f"class_{i}" for i in told}
    found = tuple(ClassInfo(i + 1, n, source_id=i, source_name=n) for i, n in sorted(names.items()))
    check_classes(found, file, "names", table=reading.options.classes, by_source=True)
    return found


def _where_names_are(source: Source) -> str:
    """What to do about names that are in no YAML of the set: some lie deeper, with the code that trains on it."""
    deep = [n for n in source.names() if n.lower().endswith((".yaml", ".yml")) and n.count("/") > 1]
    named = next((n for n in deep if NAMES.search(source.read(n))), None) if source.entry is None else None
    if named is None:
        return "add names to data.yaml, or give them with --classes FILE"
    beside = posixpath.dirname(named) + "/"
    has_images = any(n.startswith(beside) and is_image(n) for n in source.names())
    instead = "give that file instead of the folder" if has_images else "copy it to the top"
    return f"{named} may name them: {instead}, or give the names with --classes FILE"


def _names(value: Any, file: str) -> dict[int, str]:
    if isinstance(value, str):
        value = [value]
    if isinstance(value, Sequence):
        value = dict(enumerate(value))
    if not isinstance(value, Mapping) or not value:
        raise SourceError(file, "is neither a list nor a mapping", place="names", remedy="write names: [cat, dog]")
    names: dict[int, str] = {}
    for key, name in value.items():
        index = text.whole(str(key))
        if index is None or index < 0:
            raise SourceError(file, f"the class {key!r} is not a number", place="names", remedy="number them from 0")
        plain = str(name) if isinstance(name, int | float) and not isinstance(name, bool) else name
        names[index] = check_name(plain, file, f"names, {key}")
    return names


def _check_count(config: Mapping[str, Any], names: Mapping[int, str], file: str) -> None:
    count = config.get("nc")
    if count is not None and count not in [len(names), str(len(names))]:  # it may be a list itself
        raise SourceError(
            file,
            f"nc is {count!r} and there are {len(names)} names",
            place="nc",
            remedy="make them agree",
            code="unmapped-class",
        )


def find_names(source: Source, folders: Sequence[str]) -> str | None:
    """The class file of a set: one of the usual names in these folders, else one of a tool of YOLO."""
    usual = find_class_file(source, folders)
    if usual is not None:
        return usual
    for folder in folders:
        named = [path for path in source.files_in(folder) if path.endswith(".names")]
        tools = [path for name in (LABELIMG, NOTES) if _is_of_tool(source, path := posixpath.join(folder, name))]
        if len(named) == 1 or tools:
            return named[0] if len(named) == 1 else tools[0]
    return next(iter(roboflow_names(source)), None)


def _is_of_tool(source: Source, path: str) -> bool:
    """Whether a file is there; one called as notes has to speak of categories."""
    return path in source and (posixpath.basename(path) != NOTES or b'"categories"' in source.read(path))


def roboflow_names(source: Source) -> list[str]:
    """Each _darknet.labels of a source."""
    return [path for path in source.names() if posixpath.basename(path) == ROBOFLOW]


def read_names(source: Source, path: str) -> dict[int, str]:
    """Index -> name. SourceError for a file that is wrong, or that others of a set disagree with."""
    name = posixpath.basename(path)
    if name == NOTES:
        return _of_notes(source, path)
    found = {i: c.name for i, c in read_class_file(source, path).items()}
    others = roboflow_names(source) if name == ROBOFLOW else []
    other = next((o for o in others if source.read(o).split() != source.read(path).split()), None)
    if other is not None:
        problem = f"names other classes than {other}"
        raise SourceError(source.label(path), problem, remedy="give the classes of all with --classes FILE")
    return found


def _of_notes(source: Source, path: str) -> dict[int, str]:
    file = source.label(path)
    value = json.decode(source.read(path), file)
    categories = value.get("categories") if isinstance(value, Mapping) else None
    if not isinstance(categories, list) or not categories:
        raise nameless(file)
    classes = []
    for number, category in enumerate(categories):
        place = f"categories[{number}]"
        id = category.get("id") if isinstance(category, Mapping) else None
        if not isinstance(id, int) or isinstance(id, bool) or id < 0:
            raise SourceError(file, "has no id that is a whole number", place=place, remedy="number them from 0")
        classes.append(ClassInfo(id, check_name(category.get("name"), file, place)))
    check_ids(classes, file, "categories")
    return {c.id: c.name for c in classes}
