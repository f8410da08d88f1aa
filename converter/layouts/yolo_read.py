"""Reading YOLO trees as Ultralytics understands them (data/utils.py: img2label_paths, check_det_dataset).

The last `/images/` of an image's path becomes `/labels/` and its extension `.txt`;
without such a folder the label lies beside the image. A row is `class x y w h`, or
`class x1 y1 x2 y2 ...`; both may stand in one file, and either may end in a track id or a confidence.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from converter.codecs import text, yaml
from converter.errors import SourceError
from converter.format import Reading, Scan
from converter.layouts.classes import check_classes, check_name, find_class_file, read_class_file, undeclared
from converter.layouts.images import image_files, is_image, order_splits, shown_name, split_name, stem, tell_unused
from converter.ledger import Ledger
from converter.model import Box, ClassInfo, Header, Image, Instance, Polygons, Ref, Sample, Shape
from converter.storage import Source
from converter.storage.names import clean

__all__ = ["Tree", "files", "find_tree", "has_polygons", "label_of", "load", "scan"]

NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
SPLIT_KEYS = ("train", "val", "valid", "validation", "test")
OTHER_KEYS = frozenset(
    {"path", "names", "nc", "task", "download", "yaml_file", "roboflow", "kpt_shape", "flip_idx", "colors"}
)
SLACK = 0.01  # Ultralytics accepts coordinates up to 1.01
GLANCE = 64


class Tree(msgspec.Struct, frozen=True):
    """What was found of a YOLO set: its YAML and class file, as paths, where they exist."""

    config: str | None
    class_file: str | None
    evidence: str


class Payload(msgspec.Struct, frozen=True):
    label: str | None


# ---------------------------------------------------------------- find


def find_tree(source: Source) -> Tree | None:
    """The YOLO set in a source; None when nothing looks like one."""
    config = _find_config(source)
    folder = posixpath.dirname(config) if config else ""
    labels = any(_label_paths(source))
    if config is not None and (labels or image_files(source)):
        return Tree(config, find_class_file(source, [folder, ""]), f"{config} with class names and splits")
    if not labels:
        return None
    class_file = find_class_file(source, ["", "labels", "data", *_folders_of_labels(source)])
    return Tree(None, class_file, "label rows of numbers beside images" + (f", {class_file}" if class_file else ""))


def _find_config(source: Source) -> str | None:
    """The YAML of the set: the file named, or one at the top or in yolo/ that lists names or splits."""
    if source.entry is not None:
        return source.entry if _is_config(source, source.entry) else None
    candidates = [n for n in source.names() if n.lower().endswith((".yaml", ".yml")) and n.count("/") <= 1]
    candidates.sort(key=lambda n: (n.count("/"), posixpath.basename(n) not in {"data.yaml", "dataset.yaml"}, n))
    found = [n for n in candidates if _is_config(source, n)]
    return found[0] if found else None


def _is_config(source: Source, path: str) -> bool:
    """Whether a YAML speaks of splits or names; a broken one counts by its words, to be refused by name."""
    if not path.lower().endswith((".yaml", ".yml")):
        return False
    head = source.read(path)[:1_000_000]
    found = re.search(rb"(?m)^\s*['\"]?(names|nc)['\"]?\s*:", head)
    return found is not None or re.search(rb"(?m)^\s*['\"]?(train|val)['\"]?\s*:", head) is not None


def _label_paths(source: Source) -> list[str]:
    """Text files that stand where labels of images do."""
    texts = {n for n in source.names() if n.endswith(".txt")}
    if not texts:
        return []
    return sorted({label_of(path) for path in image_files(source)} & texts)


def _folders_of_labels(source: Source) -> list[str]:
    return sorted({posixpath.dirname(p) for p in _label_paths(source)})[:4]


def label_of(path: str) -> str:
    """Where the label of an image lies: the last /images/ becomes /labels/, the extension .txt."""
    head, found, tail = ("/" + path).rpartition("/images/")
    return (f"{head}/labels/{tail}" if found else "/" + path).rpartition(".")[0][1:] + ".txt"


def has_polygons(source: Source) -> bool:
    """Whether rows of polygons occur, judged by a spread of label files; both readers read both kinds."""
    labels = _label_paths(source)
    step = max(1, len(labels) // GLANCE)
    for path in labels[::step]:
        rows = source.read(path)[:4000].decode("utf-8", "replace").splitlines()
        if any(len(row.split()) > 6 for row in rows):
            return True
    return False


# ---------------------------------------------------------------- scan


def scan(reading: Reading, ledger: Ledger) -> Scan:
    source = reading.source
    tree = find_tree(source)
    if tree is None:
        raise SourceError(source.name, "no YOLO labels in it", remedy="a label lies in labels/ beside images/")
    config = _read_config(source, tree.config)
    classes = _classes(reading, tree, config)
    folder = posixpath.dirname(tree.config) if tree.config else ""
    found = _split_images(reading, config, folder, tree.config, ledger)
    refs = [_ref(reading, path, base, split, folder) for split, base, path in found]
    _refuse_shared_labels(reading, refs)
    _tell_missing(reading, refs, ledger)
    tell_unused(reading.images, refs, [r.payload.label for r in refs], ledger)
    splits = order_splits(r.image.split for r in refs)
    extra = {"kpt_shape": config["kpt_shape"]} if "kpt_shape" in config else {}
    return Scan(Header("yolo", "instance", classes, splits, extra=extra), refs)


def _read_config(source: Source, path: str | None) -> dict[str, Any]:
    if path is None:
        return {}
    value = yaml.decode(source.read(path), source.label(path))
    if not isinstance(value, Mapping):
        raise SourceError(source.label(path), "is not a mapping", remedy="it has to hold names, train and val")
    return {str(key): found for key, found in value.items()}


def _classes(reading: Reading, tree: Tree, config: Mapping[str, Any]) -> tuple[ClassInfo, ...]:
    """Index i becomes class id i + 1."""
    source = reading.source
    if "names" in config:
        file = source.label(tree.config or "")
        names = _names(config["names"], file)
        _check_count(config, names, file)
    elif tree.class_file is not None:
        file = source.label(tree.class_file)
        names = {i: c.name for i, c in read_class_file(source, tree.class_file).items()}
    elif reading.options.classes is not None:
        file = reading.options.classes.file
        names = reading.options.classes.names_of_ids()
    else:
        file = source.label(tree.config) if tree.config else source.name
        raise SourceError(
            file,
            "there are no class names",
            place="names",
            remedy="add names to data.yaml, or give them with --classes FILE",
        )
    if reading.options.classes is not None:
        declared = reading.options.classes.names_of_ids()
        known = {*names.values()}  # an entry with the name of one and a new id moves that class
        names |= {i: f"class_{i}" for i, name in declared.items() if i not in names and name not in known}
    found = tuple(ClassInfo(i + 1, n, source_id=i, source_name=n) for i, n in sorted(names.items()))
    check_classes(found, file, "names")
    return found


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
    if count is not None and count != len(names):
        raise SourceError(
            file,
            f"nc is {count!r} and there are {len(names)} names",
            place="nc",
            remedy="make them agree",
            code="unmapped-class",
        )


def _split_images(
    reading: Reading, config: Mapping[str, Any], folder: str, path: str | None, ledger: Ledger
) -> list[tuple[str | None, str, str]]:
    """(split, folder that names are relative to, image path) of every image of the set."""
    keys = [k for k in config if k not in OTHER_KEYS and (k in SPLIT_KEYS or isinstance(config[k], str | list))]
    keys = [k for k in keys if config[k]]
    if path is None or not keys:
        return _by_folders(reading.images)
    claims: dict[str, list[tuple[str, str]]] = {}
    for key in keys:
        values = config[key] if isinstance(config[key], list) else [config[key]]
        for value in values:
            for base, image in _split_entry(reading, value, key, config, folder, path, ledger):
                claims.setdefault(image, []).append((key, base))
    found = [(*_claim(image, claim), image) for image, claim in claims.items()]
    splits = {split for split, _, _ in found}
    everything = {frozenset(k for k, _ in c) for c in claims.values()}
    if len(splits) == 1 and len(everything) == 1 and len(next(iter(everything))) > 1:
        return sorted((None, base, image) for _, base, image in found)  # one folder serves as every split
    return sorted(found, key=lambda f: (f[0], f[2]))


def _claim(image: str, claims: list[tuple[str, str]]) -> tuple[str, str]:
    """The split of an image that several claim: the one whose name its folder bears, else the first."""
    for key, base in claims:
        if split_name(posixpath.basename(base)) == split_name(key) or f"/{key}/" in f"/{image}":
            return split_name(key), base
    return split_name(claims[0][0]), claims[0][1]


def _split_entry(
    reading: Reading, value: Any, key: str, config: Mapping[str, Any], folder: str, path: str, ledger: Ledger
) -> list[tuple[str, str]]:
    """(base folder, image) of one entry of a split: a folder, or a list file."""
    images, file = reading.images, reading.source.label(path)
    if not isinstance(value, str):
        raise SourceError(file, f"{value!r} is no path", place=key, remedy="name a folder or a list file")
    listed = set(image_files(images))
    for candidate in _readings(value, str(config.get("path") or ""), folder):
        if candidate in reading.source and candidate.endswith(".txt"):
            return _from_list(reading, candidate, listed, ledger)
        below = [n for n in sorted(listed) if n.startswith(candidate + "/" if candidate else "")]
        if below:
            said = posixpath.join(str(config.get("path") or ""), value)
            if (candidate or ".") != posixpath.normpath(posixpath.join(folder, said)):
                ledger.note(
                    "path-resolved",
                    file,
                    f"{key}: '{said}' was read as '{candidate or '.'}' beside the YAML",
                )
            return [(candidate, image) for image in below]
    if key == "test" and config.get("train") and listed:
        ledger.note("split-missing", file, f"{key}: '{value}' is not there; the other splits were read")
        return []
    raise SourceError(
        file,
        f"'{value}' is not in the dataset",
        place=key,
        remedy="put the images beside the YAML, or use --images DIR",
        code="missing-image",
    )


def _readings(value: str, path: str, folder: str) -> list[str]:
    """Folders inside the dataset that an entry may mean, the most literal first.

    A root that does not exist here (`path: /datasets/author/set`), and `../` that leads out, are
    what exporters leave behind: then the end of the path is looked for beside the YAML.
    """
    plain = value.replace("\\", "/").rstrip("/")
    root = path.replace("\\", "/").rstrip("/")
    tries = [posixpath.join(folder, root, plain), posixpath.join(folder, plain)]
    parts = [p for p in plain.split("/") if p not in {"", "."}]
    while parts and parts[0] == "..":
        parts = parts[1:]
    tries += [posixpath.join(folder, *parts[i:]) for i in range(len(parts))]
    tries += [posixpath.join(*parts[i:]) for i in range(len(parts))]
    if folder:
        tries.append(posixpath.join(posixpath.dirname(folder), *parts))
    found = []
    for attempt in tries:
        if attempt.startswith("/"):
            continue
        normal = posixpath.normpath(attempt) if attempt else ""
        normal = "" if normal == "." else normal
        if not normal.startswith("..") and normal not in found:
            found.append(normal)
    return found


def _from_list(reading: Reading, path: str, listed: set[str], ledger: Ledger) -> list[tuple[str, str]]:
    """Images named in a list file, one a line; foreign roots are read by the end of the path."""
    file = reading.source.label(path)
    here = posixpath.dirname(path)
    found: list[tuple[str, str]] = []
    for number, line in enumerate(text.decode_text(reading.source.read(path), file).splitlines(), 1):
        entry = line.strip()
        if not entry:
            continue
        image = next((c for c in _readings(entry, "", here) if c in listed), None)
        if image is None:
            problem = SourceError(
                file,
                f"'{entry}' is not in the dataset",
                place=f"line {number}",
                remedy="add the image or remove the line",
                code="missing-image",
            )
            ledger.bad_image(entry, problem)
            continue
        head, sep, _ = ("/" + image).rpartition("/images/")
        found.append(((head + sep).strip("/") if sep else posixpath.dirname(image), image))
    return found


def _by_folders(images: Source) -> list[tuple[str | None, str, str]]:
    """Splits from the folders alone: images/train, train/images, train, or none."""
    found: list[tuple[str | None, str, str]] = []
    for path in image_files(images):
        folders = posixpath.dirname(path).split("/")
        at = folders.index("images") if "images" in folders else -1
        around = folders[at + 1 : at + 2] + (folders[at - 1 : at] if at > 0 else [])
        if at < 0:
            around = folders[:1]
        split = next((split_name(f) for f in around if split_name(f) in SPLIT_KEYS), None)
        base = folders[: at + 1] if at >= 0 else []
        if split is not None and len(folders) > len(base) and split_name(folders[len(base)]) == split:
            base = folders[: len(base) + 1]
        found.append((split, "/".join(base), path))
    return found


def _ref(reading: Reading, path: str, base: str, split: str | None, folder: str) -> Ref:
    name = path.removeprefix(base + "/") if base else path
    if split and name.startswith(f"{split}/"):
        name = name.removeprefix(f"{split}/")
    label = label_of(path)
    places = [label, posixpath.join(folder, label)]  # in a package the labels lie below yolo/
    return Ref(Image(clean(name), split, file=path), Payload(next((p for p in places if p in reading.source), None)))


def _refuse_shared_labels(reading: Reading, refs: Sequence[Ref]) -> None:
    """Two images that differ in their extension only have one label file: whose it is cannot be known."""
    owners: dict[str, str] = {}
    for ref in refs:
        label, name = ref.payload.label, shown_name(ref.image)
        if label is not None and owners.setdefault(label, name) != name:
            raise SourceError(
                reading.source.label(label),
                f"the images {owners[label]} and {name} share this label file",
                remedy="rename one of them",
            )


def _tell_missing(reading: Reading, refs: Sequence[Ref], ledger: Ledger) -> None:
    """Images without a label file are images without objects; labels without an image are losses."""
    without = [r for r in refs if r.payload.label is None]
    if without:
        shown = ", ".join(shown_name(r.image) for r in without[:3]) + (", ..." if len(without) > 3 else "")
        ledger.note(
            "no-label",
            reading.source.name,
            f"{len(without)} images have no label file ({shown}): taken as without objects",
        )
    for ref in without:
        file = reading.images.label(ref.image.file or "")
        ledger.doubt(shown_name(ref.image), None, SourceError(file, "it has no label file", code="missing-mask"))
    mine = {r.payload.label for r in refs}
    folders = {posixpath.dirname(label) for label in mine if label}
    images = {stem(path) for path in reading.images.names() if is_image(path)}
    for path in reading.source.names():
        if (
            path.endswith(".txt")
            and path not in mine
            and posixpath.dirname(path) in folders
            and _is_orphan(path, images)
        ):
            rows = [r for r in reading.source.read(path).splitlines() if r.strip()]
            if rows and _is_row(rows[0]):
                ledger.lose(
                    "orphan-label",
                    path,
                    f"{reading.source.label(path)}: no image belongs to it",
                    amount=len(rows),
                )


def _is_orphan(path: str, images: set[str]) -> bool:
    head, found, tail = ("/" + path).rpartition("/labels/")
    twin = f"{head}/images/{tail}" if found else "/" + path
    return twin[1:].removesuffix(".txt") not in images


def _is_row(row: bytes) -> bool:
    fields = row.decode("utf-8", "replace").split()
    return len(fields) >= 5 and all(NUMBER.fullmatch(f) for f in fields)


# ---------------------------------------------------------------- load


def load(reading: Reading, header: Header, ref: Ref, ledger: Ledger) -> Sample:
    """One image with the rows of its label file."""
    path = ref.payload.label
    if path is None:
        return Sample(ref.image)
    file = reading.source.label(path)
    try:
        content = text.decode_text(reading.source.read(path), file)
    except SourceError as error:
        ledger.skip_image(shown_name(ref.image), error)
    declared = {c.source_id: c.id for c in header.classes if c.source_id is not None}
    rows = _Rows(ref.image, file, declared, "kpt_shape" in header.extra, ledger)
    instances = []
    for number, line in enumerate(content.split("\n"), 1):
        fields = line.split()
        if not fields:
            continue
        try:
            instances.append(rows.read(fields, number))
        except GapError as gap:
            raise gap.error from None
        except SourceError as error:
            ledger.bad_annotation(shown_name(ref.image), number, error)
    return Sample(ref.image, tuple(instances))


def files(reading: Reading, ref: Ref) -> list[str]:
    """The label file, where there is one."""
    return [reading.source.label(ref.payload.label)] if ref.payload.label is not None else []


class GapError(Exception):
    """A class that the list of names leaves out between others: the list is wrong, and so may be every row."""

    def __init__(self, error: SourceError) -> None:
        self.error = error
        super().__init__(str(error))


class _Rows:
    """Reads the rows of one label file."""

    def __init__(self, image: Image, file: str, declared: dict[int, int], keypoints: bool, ledger: Ledger) -> None:
        self.image, self.file, self.declared = image, file, declared
        self.keypoints, self.ledger = keypoints, ledger

    def read(self, fields: list[str], line: int) -> Instance:
        class_id = self._class(fields[0], line)
        values = [self._number(f, line) for f in fields[1:]]
        return Instance(class_id, self._shape(values, line))

    def _refuse(self, line: int, problem: str, remedy: str, code: str = "invalid-polygon") -> SourceError:
        return SourceError(self.file, problem, place=f"line {line}", remedy=remedy, code=code)

    def _class(self, field: str, line: int) -> int:
        value = self._number(field, line)
        if not value.is_integer():
            raise self._refuse(line, f"the class is {field}", "it has to be a whole number")
        if not field.lstrip("+-").isdigit():
            self.ledger.note("class-as-decimal", f"{self.file}, line {line}", f"the class is written {field}")
        if int(value) not in self.declared:
            wrong = self._refuse(line, undeclared([int(value)], self.declared), "", "unmapped-class")
            if 0 <= value < max(self.declared, default=0):
                raise GapError(wrong)
            raise wrong
        return self.declared[int(value)]

    def _number(self, field: str, line: int) -> float:
        if not NUMBER.fullmatch(field):
            raise self._refuse(line, f"'{field[:40]}' is not a number", "write class and coordinates as numbers")
        value = float(field)
        if value in {float("inf"), float("-inf")}:
            raise self._refuse(line, f"'{field[:40]}' is not a finite number", "coordinates lie between 0 and 1")
        return value

    def _shape(self, values: list[float], line: int) -> Shape:
        if len(values) < 4:
            raise self._refuse(line, f"{len(values)} numbers after the class", "a box has 4, a polygon 6 or more")
        if self.keypoints and len(values) > 4:
            self.ledger.lose("keypoints-dropped", shown_name(self.image), "keypoints are not regions", instance=line)
            values = values[:4]
        if len(values) % 2:
            *values, last = values
            what = "track id" if last.is_integer() else "confidence"
            message = f"the number {last:g} at the end of the row was taken as a {what} and left out"
            self.ledger.note(what.replace(" ", "-"), f"{self.file}, line {line}", message)
        self._check_range(values, line)
        inside = [min(max(v, 0.0), 1.0) for v in values]
        if len(inside) == 4:
            return self._box(*inside)
        size = (self.image.width, self.image.height)
        return Polygons([[v * size[i % 2] for i, v in enumerate(inside)]])

    def _check_range(self, values: list[float], line: int) -> None:
        low, high = min(values), max(values)
        if low < -SLACK or high > 1 + SLACK:
            wrong = low if low < -SLACK else high
            hint = "pixels? divide by width and height" if high > 2 else "cut it at the edge"
            raise self._refuse(line, f"the coordinate {wrong:g} lies outside 0 to 1", hint, "out-of-bounds")
        if low < 0 or high > 1:
            self.ledger.note(
                "clipped", f"{self.file}, line {line}", "a coordinate just outside 0 to 1 was cut to the edge"
            )

    def _box(self, x: float, y: float, w: float, h: float) -> Box:
        width, height = self.image.width, self.image.height
        return Box((x - w / 2) * width, (y - h / 2) * height, w * width, h * height)
