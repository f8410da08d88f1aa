"""Which JSON files of a source are COCO instances, and which split each is."""

from __future__ import annotations

import codecs
import posixpath
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence

import msgspec

from converter.codecs import json
from converter.codecs.text import UTF_16
from converter.errors import SourceError
from converter.layouts.images import is_split_name, split_name
from converter.ledger import Ledger
from converter.storage import Source

__all__ = [
    "WHOLE",
    "CocoFile",
    "coco_files",
    "damage",
    "in_words",
    "looks_like_coco",
    "open_file",
    "open_files",
    "read_top",
    "tell_endless",
    "unread_files",
]

ROBOFLOW = "_annotations.coco.json"
WHOLE = ("coco.json", "coco/coco.json")
NOT_COCO = frozenset({"meta.json", "classes.json"})
GLANCE = 1_000_000
_LISTS = (b'"images"', b'"annotations"', b'"categories"')
SEPARATORS = re.compile(r"[_.\s-]")
PLAIN_WORDS = frozenset({"annotation", "annotations", "coco", "instances", "labels"})


class CocoFile(msgspec.Struct, frozen=True):
    """One JSON: its label, the split it holds (and as written), its top-level entries undecoded.

    `endless`: NaN or Infinity stand in it, which are texts wherever they are kept.
    """

    path: str
    label: str
    split: str | None
    raw_split: str
    top: dict[str, msgspec.Raw]
    endless: bool = False


class Top(msgspec.Struct, frozen=True):
    """The top-level entries of a JSON, undecoded, and whether numbers in it are none."""

    entries: dict[str, msgspec.Raw]
    endless: bool


class _Category(msgspec.Struct):
    id: int
    name: str


def coco_files(source: Source) -> list[str]:
    """Paths of the COCO files to read; several only when each is a split of its own."""
    if source.entry is not None:
        return [source.entry] if looks_like_coco(source, source.entry) else []
    paths = _jsons(source)
    for whole in WHOLE:
        if whole in paths and looks_like_coco(source, whole):
            return [whole]
    roboflow = [p for p in paths if posixpath.basename(p) == ROBOFLOW]
    instances = [p for p in paths if posixpath.basename(p).startswith("instances_")]
    found = [p for p in roboflow or instances or paths if looks_like_coco(source, p)]
    return sorted([*found, *_other_splits(source, found, paths)])


def _jsons(source: Source) -> list[str]:
    """Where a COCO file of a folder may lie."""
    return [
        n
        for n in source.names()
        if n.lower().endswith(".json") and n.count("/") <= 2 and posixpath.basename(n) not in NOT_COCO
    ]


def _other_splits(source: Source, found: Sequence[str], paths: Sequence[str]) -> list[str]:
    """Files that are named otherwise than those found and are plainly more splits of the same set.

    Their names say the split and nothing else, no file found is of that split, no second one
    says so, and the categories are the same.
    """
    taken = Counter(split_name(_raw_split(path)) for path in found)
    if not found or not all(is_split_name(_raw_split(path)) for path in found):
        return []
    others = [p for p in paths if p not in found and _says_split_alone(p) and looks_like_coco(source, p)]
    taken.update(split_name(_raw_split(path)) for path in others)
    classes = _classes(source, found[0])
    return [p for p in others if taken[split_name(_raw_split(p))] == 1 and classes and _classes(source, p) == classes]


def _says_split_alone(path: str) -> bool:
    words = SEPARATORS.split(posixpath.basename(path).rpartition(".")[0].lower())
    return is_split_name(_raw_split(path)) and all(w in PLAIN_WORDS or is_split_name(w) for w in words if w)


def _classes(source: Source, path: str) -> dict[int, str]:
    """The names of a file's categories by their ids; nothing where they cannot be read."""
    try:
        entries = msgspec.json.decode(source.once(path, read_top).entries["categories"], type=list[_Category])
    except (SourceError, KeyError, msgspec.MsgspecError):
        return {}
    return {entry.id: entry.name for entry in entries}


def looks_like_coco(source: Source, path: str) -> bool:
    """Whether the file has the top-level keys of COCO instances; broken JSON counts when it seems to."""
    if not path.lower().endswith(".json"):
        return False
    data = source.read(path)
    words = (b'"images"', b'"annotations"', b'"categories"')
    if data[:64].removeprefix(codecs.BOM_UTF8).lstrip()[:1] == b"[":
        return False  # a list of results, of tasks, of images
    if not any(word in data for word in words) and not data.startswith(UTF_16):
        return False
    try:
        top = source.once(path, read_top).entries
    except SourceError:
        # Cut off, all that is known of it is how it begins; reading it will say what is wrong.
        return b'"segments_info"' not in data and (path in WHOLE or b'"neg_category_ids"' not in data)
    return "annotations" in top and ("images" in top or "categories" in top) and not _is_sibling(top, path)


def damage(source: Source, path: str) -> str:
    """What keeps a file that looks like COCO from being read, and where; "" for most."""
    try:
        source.once(path, read_top)
    except SourceError as error:
        return f"{error.place}: {error.problem}" if error.place else error.problem
    return ""


def read_top(data: bytes, label: str) -> Top:
    """What stands at the top level of a JSON; SourceError where it is no mapping, or has a list twice."""
    told: list[bool] = []
    entries = json.decode(data, label, dict[str, msgspec.Raw], unique=_LISTS, quoted=lambda: told.append(True))
    return Top(entries, bool(told))


def tell_endless(files: Sequence[CocoFile], ledger: Ledger) -> None:
    """JSON has no NaN: what is kept of a file goes on with the text of it."""
    for file in files:
        if file.endless:
            said = "NaN or Infinity stand in it, which are no JSON: what is kept of them (score, attributes) are texts"
            ledger.note("not-a-number", file.label, f"{said}; write null for what is unknown")


def _head(raw: msgspec.Raw) -> bytes:
    """How a value begins; what may be gigabytes is not copied for that."""
    return bytes(memoryview(raw)[:GLANCE])


def _is_sibling(top: Mapping[str, msgspec.Raw], path: str) -> bool:
    """Panoptic, caption, LVIS and Datumaro files share the top-level keys.

    What LVIS says of its images stays with them in COCO, and then only the name of the file tells the two apart.
    """
    annotations = _head(top["annotations"])
    images = _head(top.get("images", msgspec.Raw(b"")))
    if b'"segments_info"' in annotations or (b'"neg_category_ids"' in images and path not in WHOLE):
        return True
    return b'"caption"' in annotations[:4000] and b'"category_id"' not in annotations[:4000]


def open_files(source: Source) -> list[CocoFile]:
    """The COCO files of a source, decoded as far as their top level; SourceError when it is unclear which."""
    paths = coco_files(source)
    if not paths:
        file = source.label(source.entry) if source.entry else source.name
        raise SourceError(file, "no COCO instances in it", remedy="name the JSON file itself")
    raws = {path: _raw_split(path) for path in paths}
    told = {split_name(raw) for path, raw in raws.items() if _says_split(path, raw)}
    if len(paths) > 1 and len(told) < len(paths):
        raise SourceError(
            source.name,
            f"several COCO files, and nothing says which is meant: {', '.join(paths[:6])}",
            remedy="name the one file instead of the folder",
        )
    alone = len(paths) == 1
    return [_open(source, path, raws[path], alone=alone) for path in paths]


def unread_files(source: Source, read: Collection[str]) -> Iterator[CocoFile]:
    """The JSONs that list images and are not among those `read`, one at a time, as they may be large.

    One that seems to be such a file and is broken has `damage`, and nothing at its top level.
    """
    for path in _jsons(source) if source.entry is None else ():
        if path in read or b'"images"' not in source.read(path):
            continue
        try:
            top = source.once(path, read_top).entries
            if _head(top.get("annotations", msgspec.Raw(b"")))[:1] == b"{":
                top = {**top, "annotations": _values(top["annotations"], source.label(path))}
        except SourceError:
            if looks_like_coco(source, path):
                yield CocoFile(path, source.label(path), None, _raw_split(path), {})
            continue
        if all(_head(top.get(key, msgspec.Raw(b"[]")))[:1] == b"[" for key in ("images", "annotations")):
            yield CocoFile(path, source.label(path), None, _raw_split(path), top)


def _raw_split(path: str) -> str:
    """The part of a path that names a split: the folder of a Roboflow file, else a word of its name or a folder."""
    folder, base = posixpath.split(path)
    if base == ROBOFLOW:
        return posixpath.basename(folder)
    name = base.rpartition(".")[0].removeprefix("instances_")
    words = [word for word in SEPARATORS.split(name) if is_split_name(word)]
    if not base.startswith("instances_") and len(words) == 1:
        return words[0]  # person_keypoints_train2017, stuff_val, train_annotations
    general = name in {"default", "coco"}
    if general or (not base.startswith("instances_") and not words):
        above = [part for part in folder.split("/") if is_split_name(part)]  # train/labels.json, val/labels.json
        name = above[-1] if above else "" if general else name
    return name


def _says_split(path: str, raw_split: str) -> bool:
    """Whether the name of a file is that of a split: any in the layouts that are known, else a usual one."""
    base = posixpath.basename(path)
    return is_split_name(raw_split) or (raw_split != "" and (base == ROBOFLOW or base.startswith("instances_")))


def open_file(source: Source, path: str) -> CocoFile:
    """The COCO file of this path, whatever else is there."""
    return _open(source, path, _raw_split(path), alone=True)


def _open(source: Source, path: str, raw_split: str, *, alone: bool) -> CocoFile:
    label = source.label(path)
    read = source.once(path, read_top)
    top = read.entries
    for key in ("images", "annotations"):
        if key not in top:
            remedy = "a COCO file of instances lists images and annotations"
            if "videos" in top:
                remedy = "it is of videos, as YouTube-VIS has them: list their frames as images, with their annotations"
            raise SourceError(label, f"has no '{key}'", remedy=remedy)
    if _head(top["annotations"])[:1] == b"{":
        top = {**top, "annotations": _values(top["annotations"], label)}
    for key in ("images", "annotations"):
        if _head(top[key])[:1] != b"[":
            raise SourceError(label, "is not a list", place=key, remedy="is it a COCO file of instances?")
    split = split_name(raw_split) if raw_split and (not alone or is_split_name(raw_split)) else None
    return CocoFile(path, label, split, raw_split, top, read.endless)


def _values(raw: msgspec.Raw, label: str) -> msgspec.Raw:
    """The list of annotations where they are a mapping by their ids, as in LIVECell."""
    entries = json.decode(raw, label, dict[str, msgspec.Raw], place="annotations")
    if bytes(raw).count(b'"image_id"') > len(entries):  # of equal keys the decoder keeps one
        raise SourceError(label, "a key stands twice", place="annotations", remedy="give each annotation its own")
    return msgspec.Raw(b"[" + b",".join(map(bytes, entries.values())) + b"]")


def in_words(error: Exception) -> str:
    """The error's text, with the path into the record in the words of the format."""
    text = str(error)
    message, found, path = text.partition(" - at `$")
    return f"{path.rstrip('`').lstrip('.')}: {message}" if found else text
