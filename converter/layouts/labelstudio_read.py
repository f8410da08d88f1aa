"""Reading Label Studio: tasks with their annotations, and the images that tasks refer to."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec

from converter.codecs import json, xml
from converter.errors import SourceError
from converter.format import Reading, Scan
from converter.layouts.by_name import ids_by_name, named_classes
from converter.layouts.images import (
    ImageIndex,
    is_image,
    is_split_name,
    order_splits,
    shown_name,
    split_name,
    stem,
    tell_unused,
)
from converter.layouts.labelstudio_regions import REGIONS, Payload, Regions, label_list, text_of
from converter.ledger import Ledger
from converter.model import Header, Image, Ref, Sample
from converter.storage import Source
from converter.storage.names import clean

__all__ = ["files", "load", "scan", "task_files"]

HEAD = 65536
HEX = re.compile(r"#[0-9a-fA-F]{6}")
UPLOAD = re.compile(r"[0-9a-f]{8}-")
PREFERRED = ("image", "img", "image_url", "url", "photo", "picture")


# ---------------------------------------------------------------- finding the tasks


def task_files(source: Source) -> list[str]:
    """JSON files that hold tasks with results, or one annotation with its task."""
    names = [source.entry] if source.entry is not None else source.names()
    return [n for n in names if n.lower().endswith(".json") and n.count("/") <= 1 and _looks(source, n)]


def _looks(source: Source, path: str) -> bool:
    with source.open(path) as stream:
        head = stream.read(HEAD)
        if b"[" not in head[:20] and b"{" not in head[:20]:
            return False
        whole = head if len(head) < HEAD else head + stream.read(HEAD * 16)
    if any(key in whole for key in (b'"annotations"', b'"completions"', b'"task"')):
        return b'"result"' in whole and (b'"data"' in whole or b'"from_name"' in whole)
    return b'"original_width"' in whole and b"labels" in whole and b'"image' in whole


def scan(reading: Reading, ledger: Ledger) -> Scan:
    """Refs with their tasks; classes from a labelling configuration beside them, else from the results."""
    source = reading.source
    files = task_files(source)
    if not files:
        raise SourceError(source.name, "holds no Label Studio tasks", remedy="name the JSON file itself")
    finder = _Finder(reading.images)
    refs: dict[tuple[str | None, str], Ref] = {}
    used: set[str] = set()
    for path in files:
        label = source.label(path)
        raws = _tasks(source.read(path), label)
        split = split_name(posixpath.basename(stem(path))) if is_split_name(posixpath.basename(stem(path))) else None
        for number, raw in enumerate(raws):
            place = f"[{number}]"
            try:
                task = _task(raw, label, place)
                image = finder.image(task, split, label, f"{place}, task {task.get('id')}")
            except SourceError as error:
                ledger.bad_image(place, error)
                continue
            key = (image.split, image.name)
            if key in refs:
                problem = f"its image {image.name} is that of {refs[key].payload.place} in {refs[key].payload.file} too"
                ledger.bad_image(shown_name(image), SourceError(label, problem, place=place, remedy="keep one"))
                continue
            refs[key] = Ref(image, Payload(bytes(raw), label, place))
            used |= set(_labels(task))
    declared = _configuration(source, used)
    classes = named_classes(list(declared), used, source.name, {n: c for n, c in declared.items() if c})
    found = list(refs.values())
    tell_unused(reading.images, found, files, ledger)
    return Scan(Header("label-studio", "instance", classes, order_splits(r.image.split for r in found)), found)


def _tasks(data: bytes, label: str) -> list[msgspec.Raw]:
    if data.lstrip()[:1] == b"{":
        return [msgspec.Raw(data)]
    return json.decode(data, label, list[msgspec.Raw])


def _task(data: bytes | msgspec.Raw, label: str, place: str) -> dict[str, Any]:
    """A task with its annotations; what a storage is given, an annotation that holds its task, is turned round."""
    found: dict[str, Any] = json.decode(data, label, dict[str, Any], place=place)
    inner = found.get("task")
    if not isinstance(inner, dict) or not isinstance(found.get("result"), list):
        return found
    return {**inner, "annotations": [{k: v for k, v in found.items() if k != "task"}]}


class _Finder:
    """Finds the image that a task refers to, by URL or path, in whatever folder it lies here."""

    def __init__(self, images: Source) -> None:
        self.index = ImageIndex(images)
        self.by_stem: dict[str, list[str]] = {}
        for path in sorted(self.index.paths):
            self.by_stem.setdefault(posixpath.basename(stem(path)), []).append(path)

    def image(self, task: Mapping[str, Any], split: str | None, label: str, place: str) -> Image:
        said = task.get("data")
        data: Mapping[str, Any] = said if isinstance(said, dict) else task
        reference = _reference(data)
        if reference is None:
            raise SourceError(label, "it refers to no image", place=place, remedy="a task has data with an image")
        given = data.get("split")
        split = split_name(given) if isinstance(given, str) and given else split
        width, height = _size(task)
        path = _path_of(reference)
        file = self._find(path)
        name = (file or posixpath.basename(path)).removeprefix("images/")
        try:
            name = clean(name)
        except ValueError as error:
            raise SourceError(label, f"the image '{reference[:80]}' {error}", place=place) from None
        first = name.split("/")[0]
        if split is None and "/" in name and is_split_name(first):
            split = split_name(first)
        if split is not None and "/" in name and split_name(first) == split:
            name = name.removeprefix(first + "/")
        id = task.get("id")
        kept = id if isinstance(id, int) and not isinstance(id, bool) else None
        return Image(name, split, width, height, id=kept, file=file)

    def _find(self, path: str) -> str | None:
        parts = path.strip("/").split("/")
        for start in range(len(parts)):
            tail = "/".join(parts[start:])
            found = self.index.find(tail, ["", "images"])
            if found is not None:
                return found
        base = parts[-1]
        for name in (base, UPLOAD.sub("", base, count=1)):
            found = self.index.find(name, ["", "images"])
            if found is not None:
                return found
            bare = stem(name) if is_image(name) else name
            if len(self.by_stem.get(bare, [])) == 1:
                return self.by_stem[bare][0]
        return None


def _reference(data: Mapping[str, Any]) -> str | None:
    """The value of a task that names its image."""
    for key in PREFERRED:
        if isinstance(data.get(key), str) and data[key]:
            return str(data[key])
    texts = [v for v in data.values() if isinstance(v, str) and v]
    return next((t for t in texts if is_image(_path_of(t))), None)


def _path_of(reference: str) -> str:
    """The path in a URL: local files carry it in the query (`?d=`), others before it."""
    try:
        parts = urlsplit(reference.replace("\\", "/"))
    except ValueError:
        return reference
    local = parse_qs(parts.query).get("d")
    return local[0] if local else unquote(parts.path) or reference


def _annotations(task: Mapping[str, Any]) -> list[tuple[Any, list[Any]]]:
    """(id, results) of every annotation that was not cancelled; of a flat export (JSON-MIN) its lists."""
    listed = task.get("annotations", task.get("completions"))
    if isinstance(listed, list):
        sound = [a for a in listed if isinstance(a, dict) and not a.get("was_cancelled")]
        return [(a.get("id"), a["result"]) for a in sound if isinstance(a.get("result"), list)]
    flat = []
    for key, values in task.items():
        for value in values if isinstance(values, list) else ():
            if isinstance(value, dict) and "original_width" in value:
                kind = next((k for k in value if k in REGIONS), "")
                flat.append({**value, "type": kind, "value": value, "from_name": key})
    return [(None, flat)]


def _results(task: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for _, results in _annotations(task):
        yield from (r for r in results if isinstance(r, dict))


def _size(task: Mapping[str, Any]) -> tuple[int, int]:
    for result in _results(task):
        width, height = result.get("original_width"), result.get("original_height")
        if isinstance(width, int) and isinstance(height, int) and width > 0 and height > 0:
            return width, height
    return 0, 0


def _labels(task: Mapping[str, Any]) -> Iterator[str]:
    for result in _results(task):
        value = result.get("value")
        if isinstance(value, dict):
            yield from (n for n in label_list(text_of(result, "type"), value) if isinstance(n, str))


def _configuration(source: Source, used: set[str]) -> dict[str, tuple[int, int, int] | None]:
    """Labels with their colours in the order of the labelling configuration, an XML with the root <View>.

    Of several the smallest that has every label in use; none when there is no such.
    """
    found: list[dict[str, tuple[int, int, int] | None]] = []
    for path in source.names():
        if not path.lower().endswith(".xml") or path.count("/") > 1:
            continue
        data = source.read(path)
        if b"<View" in data[:HEAD]:
            labels = xml.decode(data, source.label(path)).iter("Label")
            colors = {n.get("value", ""): _color(n.get("background", "")) for n in labels}
            found.append({name: color for name, color in colors.items() if name.strip()})
    if len(found) == 1:
        return found[0]
    return min((names for names in found if used <= set(names)), key=len, default={})


def _color(value: str) -> tuple[int, int, int] | None:
    """Of `#rrggbb`; colours by name and with transparency are for the eye only."""
    if not HEX.fullmatch(value):
        return None
    red, green, blue = bytes.fromhex(value[1:])
    return red, green, blue


# ---------------------------------------------------------------- one image


def files(reading: Reading, ref: Ref) -> list[str]:
    """The file that the image stands in."""
    del reading
    return [ref.payload.file]


def load(reading: Reading, header: Header, ref: Ref, ledger: Ledger) -> Sample:
    """One image with the regions of all its annotations."""
    del reading
    payload: Payload = ref.payload
    task = _task(payload.task, payload.file, payload.place)
    found = [a for a in _annotations(task) if a[1]]
    regions = Regions(ref.image, payload, ids_by_name(header), ledger)
    for id, results in found:
        regions.read(results, {"annotation_id": id} if len(found) > 1 else {})
    if len(found) > 1:
        where = f"{payload.file}: {payload.place}"
        ledger.note("several-annotations", where, f"{len(found)} annotations of {ref.image.name}: all were read")
    _tell_predictions(task, payload, found, ledger)
    image = ref.image
    if regions.tags:
        image = msgspec.structs.replace(image, extra={**image.extra, "tags": regions.tags})
    return Sample(image, tuple(regions.instances))


def _tell_predictions(task: Mapping[str, Any], payload: Payload, found: Sequence[Any], ledger: Ledger) -> None:
    predictions = task.get("predictions")
    if isinstance(predictions, list) and any(isinstance(p, dict) and p.get("result") for p in predictions):
        more = "" if found else ", and nobody has annotated the image"
        ledger.note("predictions", f"{payload.file}: {payload.place}", f"predictions are not read{more}")
