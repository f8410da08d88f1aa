"""Reading Label Studio: tasks with their annotations, and the images that tasks refer to."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from converter.codecs import json, xml
from converter.errors import ShapeError, SourceError
from converter.format import Reading, Scan
from converter.layouts.by_name import ids_by_name, named_classes
from converter.layouts.figures import told_outside
from converter.layouts.images import (
    ImageIndex,
    is_image,
    is_split_name,
    order_splits,
    split_name,
    stem,
    tell_unused,
)
from converter.layouts.labelstudio_images import Configuration, Picture, Results, path_of, pictures
from converter.layouts.labelstudio_regions import REGIONS, Payload, Regions, Shown, label_list, text_of
from converter.ledger import Ledger
from converter.model import Header, Image, Ref, Rgb, Sample
from converter.storage import Source
from converter.storage.names import clean

__all__ = ["files", "load", "scan", "task_files"]

HEAD = 65536
HEX = re.compile(r"#[0-9a-fA-F]{6}")
# What a flat export says of a task beside its data and what was drawn.
BOOKS = frozenset(
    {"id", "annotation_id", "annotator", "annotations", "completions", "created_at", "lead_time", "predictions",
     "updated_at"}
)  # fmt: skip
UPLOAD = re.compile(r"[0-9a-f]{8}-")


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
    of_its_kind = any(b'"%s"' % kind.encode() in whole for kind in REGIONS if kind.endswith("labels"))
    return b'"original_width"' in whole and (of_its_kind or (b"labels" in whole and b'"image' in whole))


def scan(reading: Reading, ledger: Ledger) -> Scan:
    """Refs with their tasks; classes from a labelling configuration beside them, else from the results."""
    source = reading.source
    files = task_files(source)
    if not files:
        raise SourceError(source.name, "holds no Label Studio tasks", remedy="name the JSON file itself")
    configurations = _configurations(source)
    tasks = _Tasks(reading, configurations, ledger)
    for path in files:
        tasks.read(path)
    if tasks.unread:
        said = f"what the data of tasks says of {', '.join(sorted(tasks.unread))} is not read"
        ledger.note("attributes-unread", source.name, said)
    declared = _declared(configurations, tasks.used)
    classes = named_classes(list(declared), tasks.used, source.name, {n: c for n, c in declared.items() if c})
    refs = list(tasks.refs.values())
    tell_unused(reading.images, refs, files, ledger)
    return Scan(Header("label-studio", "instance", classes, order_splits(r.image.split for r in refs)), refs)


class _Tasks:
    """The tasks of all files: the images they are about, the labels in use, and what else they say that is not read."""

    def __init__(self, reading: Reading, configurations: Sequence[Configuration], ledger: Ledger) -> None:
        self.source, self.configurations, self.ledger = reading.source, configurations, ledger
        self.finder = _Finder(reading.images)
        self.refs: dict[tuple[str | None, str], Ref] = {}
        self.used: set[str] = set()
        self.unread: set[str] = set()

    def read(self, path: str) -> None:
        """All tasks of a file, which may be named for a split; those that cannot be read are bad images."""
        label, name = self.source.label(path), posixpath.basename(stem(path))
        split = split_name(name) if is_split_name(name) else None
        for number, raw in enumerate(_tasks(self.source.read(path), label)):
            place = f"[{number}]"
            try:
                task = _task(raw, label, place)
                annotations = _annotations(task)
                where = f"{place}, task {task.get('id')}"
                found = self.finder.images(task, annotations, self.configurations, split, label, where)
            except SourceError as error:
                self.ledger.bad_image(place, error)
                continue
            self.used.update(_labels(annotations))
            self.unread |= _unread(task, {picture.reference for _, picture in found})
            for image, picture in found:
                self._add(Ref(image, Payload(bytes(raw), label, place, picture.shown)))

    def _add(self, ref: Ref) -> None:
        """An image of a task, if it is that of no other."""
        image, mine = ref.image, ref.payload
        first = self.refs.setdefault((image.split, image.name), ref)
        if first is not ref:
            problem = f"its image {image.name} is that of {first.payload.place} in {first.payload.file} too"
            self.ledger.bad_image(image.path, SourceError(mine.file, problem, place=mine.place, remedy="keep one"))


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


def _unread(task: Mapping[str, Any], references: set[str]) -> set[str]:
    """The keys under which a task says more than which images it is about."""
    said = task.get("data")
    data = said if isinstance(said, dict) else {k: v for k, v in task.items() if k not in BOOKS and not _is_drawn(v)}
    keys = {"meta"} if task.get("meta") else set()
    for key, value in data.items():
        listed = value if isinstance(value, list) else [value]
        if key != "split" and not all(v in (None, "", {}) or (isinstance(v, str) and v in references) for v in listed):
            keys.add(key)
    return keys


def _is_drawn(value: Any) -> bool:
    """Whether a value of the flat export is what was drawn with one control."""
    return isinstance(value, list) and any(isinstance(v, dict) and "original_width" in v for v in value)


class _Finder:
    """Finds the image that a task refers to, by URL or path, in whatever folder it lies here."""

    def __init__(self, images: Source) -> None:
        self.index = ImageIndex(images)
        self.by_stem: dict[str, list[str]] = {}
        for path in sorted(self.index.paths):
            self.by_stem.setdefault(posixpath.basename(stem(path)), []).append(path)

    def images(
        self,
        task: Mapping[str, Any],
        annotations: Results,
        configurations: Sequence[Configuration],
        split: str | None,
        label: str,
        place: str,
    ) -> list[tuple[Image, Picture]]:
        """The images of a task."""
        said = task.get("data")
        data: Mapping[str, Any] = said if isinstance(said, dict) else task
        try:
            found = pictures(data, annotations, configurations, lambda text: self._find(path_of(text)) is not None)
        except ShapeError as error:
            remedy = "put the labelling configuration beside it, as label_config.xml"
            raise SourceError(label, str(error), place=place, remedy=remedy) from None
        if not found:
            raise SourceError(label, "it refers to no image", place=place, remedy="a task has data with an image")
        given = data.get("split")
        split = split_name(given) if isinstance(given, str) and given else split
        id = task.get("id")
        kept = id if isinstance(id, int) and not isinstance(id, bool) and len(found) == 1 else None
        sizes = [_size(annotations, picture.shown) for picture in found]
        return [
            (self._image(picture, split, size, kept, label, place), picture)
            for picture, size in zip(found, sizes, strict=True)
        ]

    def _image(
        self, picture: Picture, split: str | None, size: tuple[int, int], id: int | None, label: str, place: str
    ) -> Image:
        path = path_of(picture.reference)
        file = self._find(path)
        name = (file or posixpath.basename(path)).removeprefix("images/")
        try:
            name = clean(name)
        except ValueError as error:
            problem = f"the image '{picture.reference[:80]}' {error}"
            raise SourceError(label, problem, place=place) from None
        first = name.split("/")[0]
        if split is None and "/" in name and is_split_name(first):
            split = split_name(first)
        if split is not None and "/" in name and split_name(first) == split:
            name = name.removeprefix(first + "/")
        return Image(name, split, *size, id=id, file=file)

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


def _annotations(task: Mapping[str, Any]) -> Results:
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


def _size(annotations: Results, shown: Shown) -> tuple[int, int]:
    """The size that the results on an image say it has; zeros where none does."""
    for place, (_, results) in enumerate(annotations):
        for number, result in enumerate(results):
            if not isinstance(result, dict) or (shown is not None and number not in shown[place]):
                continue
            width, height = result.get("original_width"), result.get("original_height")
            if isinstance(width, int) and isinstance(height, int) and width > 0 and height > 0:
                return width, height
    return 0, 0


def _labels(annotations: Results) -> Iterator[str]:
    for _, results in annotations:
        for result in results:
            value = result.get("value") if isinstance(result, dict) else None
            if isinstance(value, dict):
                yield from (n for n in label_list(text_of(result, "type"), value) if isinstance(n, str))


def _configurations(source: Source) -> list[Configuration]:
    """The labelling configurations beside the tasks: XML with the root <View>."""
    found = []
    for path in source.names():
        if not path.lower().endswith(".xml") or path.count("/") > 1:
            continue
        data = source.read(path)
        if b"<View" in data[:HEAD]:
            found.append(_configuration(xml.decode(data, source.label(path))))
    return found


def _configuration(root: xml.Element) -> Configuration:
    colors = {n.get("value", ""): _color(n.get("background", "")) for n in root.iter("Label")}
    shown = {n.get("name", ""): n.get("value") or n.get("valueList") or "" for n in root.iter("Image")}
    return Configuration(
        {name: color for name, color in colors.items() if name.strip()},
        {name: value.removeprefix("$") for name, value in shown.items()},
        {n.get("name", ""): n.get("toName", "") for n in root.iter() if n.get("toName")},
    )


def _declared(configurations: Sequence[Configuration], used: set[str]) -> dict[str, Rgb | None]:
    """Labels with their colours in the order of the labelling configuration.

    Of several the smallest that has every label in use; none when there is no such.
    """
    if len(configurations) == 1:
        return configurations[0].labels
    return min((c.labels for c in configurations if used <= set(c.labels)), key=len, default={})


def _color(value: str) -> Rgb | None:
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
    found = [(id, results, on) for id, results, on in _shown(task, payload.shown) if on]
    regions = Regions(ref.image, payload, ids_by_name(header), ledger)
    for id, results, on in found:
        regions.read(results, {"annotation_id": id} if len(found) > 1 else {}, on)
    if len(found) > 1:
        where = f"{payload.file}: {payload.place}"
        ledger.note("several-annotations", where, f"{len(found)} annotations of {ref.image.name}: all were read")
    _tell_predictions(task, payload, found, ledger)
    _tell_unread(task, payload, ledger)
    image = ref.image
    about = {"tags": regions.tags, "attributes": regions.attributes}
    image = msgspec.structs.replace(image, extra={**image.extra, **{k: v for k, v in about.items() if v}})
    return Sample(image, told_outside(regions.instances, image, ledger))


def _shown(task: Mapping[str, Any], shown: Shown) -> Iterator[tuple[Any, list[Any], Collection[int]]]:
    """Every annotation with the places of its results on the image."""
    for place, (id, results) in enumerate(_annotations(task)):
        yield id, results, range(len(results)) if shown is None else shown[place]


def _tell_predictions(task: Mapping[str, Any], payload: Payload, found: Sequence[Any], ledger: Ledger) -> None:
    predictions = task.get("predictions")
    if isinstance(predictions, list) and any(isinstance(p, dict) and p.get("result") for p in predictions):
        more = "" if found else ", and nobody has annotated the image"
        ledger.note("predictions", f"{payload.file}: {payload.place}", f"predictions are not read{more}")


def _tell_unread(task: Mapping[str, Any], payload: Payload, ledger: Ledger) -> None:
    """What was drawn and cancelled, or not handed in yet."""
    annotations, drafts = (
        [each for each in listed if isinstance(each, dict) and each.get("result")] if isinstance(listed, list) else []
        for listed in (task.get("annotations", task.get("completions")), task.get("drafts"))
    )
    unread = {"cancelled annotations": sum(bool(a.get("was_cancelled")) for a in annotations), "drafts": len(drafts)}
    if shown := [f"{count} {kind}" for kind, count in unread.items() if count]:
        said = f"{' and '.join(shown)} hold results, which are not read"
        ledger.note("annotations-unread", f"{payload.file}: {payload.place}", said)
