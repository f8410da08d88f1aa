"""Files of class names that only tools of YOLO write, beside those that every format knows.

coco.names, voc.names          a name a line, as obj.names (Darknet); when it is the only one
predefined_classes.txt         a name a line (labelImg)
notes.json                     {"categories": [{"id": 0, "name": "cat"}]}   (Label Studio)
_darknet.labels                a name a line, the same in the folder of each split (Roboflow)
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence

from converter.codecs import json
from converter.errors import SourceError
from converter.layouts.classes import check_classes, check_name, find_class_file, nameless, read_class_file
from converter.model import ClassInfo
from converter.storage import Source

__all__ = ["find_names", "read_names", "roboflow_names"]

LABELIMG, NOTES, ROBOFLOW = "predefined_classes.txt", "notes.json", "_darknet.labels"


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
    check_classes(classes, file, "categories")
    return {c.id: c.name for c in classes}
