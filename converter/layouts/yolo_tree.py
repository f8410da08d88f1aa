"""YOLO trees as Ultralytics understands them (data/utils.py: img2label_paths, check_det_dataset).

The last `/images/` of an image's path becomes `/labels/` and its extension `.txt`;
without such a folder the label lies beside the image. Where that file is not there, one is
read that differs in case alone (trees from Windows), that `/JPEGImages/` leads to (Darknet's
replace_image_to_label), or that lies beside the image all the same (labelImg).
"""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import islice

import msgspec

from converter.codecs.text import UTF_16
from converter.errors import SourceError, some_of
from converter.format import Reading, Scan
from converter.layouts.images import image_files, is_image, order_splits, stem, tell_unused
from converter.layouts.yolo_config import read_config, split_images
from converter.layouts.yolo_names import classes_of, find_names, roboflow_names
from converter.layouts.yolo_rows import is_row
from converter.ledger import Ledger
from converter.model import Header, Image, Ref
from converter.storage import Source

__all__ = ["Payload", "Tree", "find_tree", "has_polygons", "label_of", "scan"]

GLANCE = 64
KEY = rb"(?m)^\s*['\"]?(%b)['\"]?\s*:"
IMAGES = re.compile(r"(.*)/(?:JPEGImages|images)/(.*)", re.IGNORECASE)


class Tree(msgspec.Struct, frozen=True):
    """What was found of a YOLO set: its YAML and class file, as paths, where they exist."""

    config: str | None
    class_file: str | None
    evidence: str


class Payload(msgspec.Struct, frozen=True):
    label: str | None


def find_tree(source: Source) -> Tree | None:
    """The YOLO set in a source; None when nothing looks like one."""
    config = _find_config(source)
    if config is None and source.entry is not None:
        return None  # another file was named: labels beside it are not what was meant
    folder = posixpath.dirname(config) if config else ""
    labels = any(_label_paths(source))
    meant = config is not None and (source.entry is not None or _speaks_of_names(source, config))
    if config is not None and (labels or (meant and image_files(source))):
        return Tree(config, find_names(source, [folder, ""]), f"{config} with class names and splits")
    if not labels:
        return None
    class_file = find_names(source, ["", "labels", "data", *_folders_of_labels(source)])
    if image_files(source):
        return Tree(None, class_file, "label rows of numbers beside images" + (f", {class_file}" if class_file else ""))
    if class_file is None or not _has_rows(source):
        return None  # numbers in labels/ alone are no sign: other formats have them too
    return Tree(None, class_file, f"label rows of numbers in labels/, {class_file}")


def _has_rows(source: Source) -> bool:
    """Whether of the files in labels/ the first that is not empty holds rows, as those of Label Studio do."""
    labels, filled = Labels(source, ()), (p for p in _label_paths(source) if source.read(p).strip())
    return any(labels.has_rows(path) for path in islice(filled, 1))


def _find_config(source: Source) -> str | None:
    """The YAML of the set: the file named, or one at the top or in yolo/ that lists names or splits."""
    if source.entry is not None:
        return source.entry if _is_config(source, source.entry) else None
    found = _configs(source)
    return found[0] if found else None


def _configs(source: Source) -> list[str]:
    """Every YAML of a set at the top or one folder below, the likeliest first."""
    candidates = [n for n in source.names() if n.lower().endswith((".yaml", ".yml")) and n.count("/") <= 1]
    candidates.sort(key=lambda n: (n.count("/"), posixpath.basename(n) not in {"data.yaml", "dataset.yaml"}, n))
    return [n for n in candidates if _is_config(source, n)]


def _is_config(source: Source, path: str) -> bool:
    """Whether a YAML speaks of splits or names; a broken one counts by its words, to be refused by name."""
    return path.lower().endswith((".yaml", ".yml")) and (
        _speaks_of_names(source, path) or re.search(KEY % b"train|val", _head(source, path)) is not None
    )


def _speaks_of_names(source: Source, path: str) -> bool:
    """Whether a YAML has names of classes: one with splits alone may as well be of another set, or of a training."""
    return re.search(KEY % b"names|nc", _head(source, path)) is not None


def _head(source: Source, path: str) -> bytes:
    return _in_ascii(source.read(path)[:1_000_000])


def _in_ascii(head: bytes) -> bytes:
    """The same with the words of a YAML in single bytes, also where shells on Windows wrote UTF-16."""
    return head.decode("utf-16", "ignore").encode() if head.startswith(UTF_16) else head


def _label_paths(source: Source) -> list[str]:
    """Text files that stand where labels of images do; those in labels/ when the images lie elsewhere."""
    return source.known(_labels_within)


def _labels_within(source: Source) -> list[str]:
    images = image_files(source)
    labels = Labels(source, images)
    if images:
        return sorted({label for path in images if (label := labels.of(path)) is not None})
    return sorted(filter(_in_labels, labels.texts))


def _in_labels(path: str) -> bool:
    """Whether a file lies where YOLO keeps labels, wherever its image is."""
    return "labels" in path.lower().split("/")[:-1]


class Labels:
    """The text files of a source, as labels of images.

    What the rule of Ultralytics gives to one of `images` is found for no other.
    """

    def __init__(self, source: Source, images: Iterable[str]) -> None:
        self.source = source
        self.texts = {name for name in source.names() if name.lower().endswith(".txt")}
        self._taken = self.texts.intersection(map(label_of, images)) if self.texts else set()

    @cached_property
    def _folded(self) -> dict[str, str]:
        """Each file in lower case, of those that no other is then equal to."""
        counts = Counter(map(str.lower, self.texts))
        return {name.lower(): name for name in self.texts if counts[name.lower()] == 1}

    def find(self, path: str) -> str | None:
        """The file of a path, or the one that differs from it in case alone."""
        return path if path in self.texts else self._folded.get(path.lower())

    def of(self, image: str, roots: Sequence[str] = ("",)) -> str | None:
        """The label of an image, looked for below these folders; None when it has none."""
        usual = label_of(image)
        if usual in self.texts:
            return usual
        if not self.texts:
            return None
        match = IMAGES.fullmatch("/" + image)
        paths = [usual, stem(f"{match[1]}/labels/{match[2]}")[1:] + ".txt"] if match else [usual]
        for place in (posixpath.join(root, path) for path in paths for root in roots):
            if (found := self._free(self.find(place))) is not None:
                return found
        beside = self._free(self.find(stem(image) + ".txt"))
        return beside if beside is not None and self.has_rows(beside) else None

    def _free(self, path: str | None) -> str | None:
        return None if path in self._taken else path

    def has_rows(self, path: str) -> bool:
        """Whether a text file begins as a label does; captions lie beside images too."""
        rows = [row for row in self.source.read(path)[:4000].splitlines() if row.strip()]
        return all(map(is_row, rows[:1]))


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


def scan(reading: Reading, ledger: Ledger) -> Scan:
    source = reading.source
    tree = find_tree(source) or (Tree(None, None, "") if any(_label_paths(source)) else None)
    if tree is None:
        raise SourceError(source.name, "no YOLO labels in it", remedy="a label lies in labels/ beside images/")
    config = read_config(source, tree.config)
    classes = classes_of(reading, tree.config, tree.class_file, config, ledger)
    folder = posixpath.dirname(tree.config) if tree.config else ""
    found = split_images(reading, config, folder, tree.config, ledger)
    labels = Labels(source, image_files(reading.images))
    refs = [_ref(reading, path, base, split, folder, labels) for split, base, path in found]
    _refuse_shared_labels(reading, refs)
    _refuse_strange_images(reading, refs)
    _refuse_several_sets(reading, tree.config, refs)
    left_out = _tell_left_out(reading, refs, labels, folder, ledger)
    _tell_missing(reading, refs, left_out, ledger)
    _tell_passed_over(reading, refs, labels, ledger)
    mine = [r.payload.label for r in refs if r.payload.label]
    tell_unused(reading.images, refs, [*mine, *roboflow_names(source)], ledger)
    splits = order_splits(r.image.split for r in refs)
    extra = {"kpt_shape": config["kpt_shape"]} if "kpt_shape" in config else {}
    return Scan(Header("yolo", "instance", classes, splits, extra=extra), refs)


def _ref(reading: Reading, path: str, base: str, split: str | None, folder: str, labels: Labels) -> Ref:
    name = path.removeprefix(base + "/") if base else path
    if split and name.startswith(f"{split}/"):
        name = name.removeprefix(f"{split}/")
    return Ref(Image(name, split, file=path), Payload(labels.of(path, _roots(reading, path, folder))))


def _roots(reading: Reading, path: str, folder: str) -> list[str]:
    """The folders that the label of an image is looked for below."""
    roots = ["", folder]  # in a package the labels lie below yolo/
    if reading.images is not reading.source and label_of(path) == stem(path) + ".txt":
        roots.append(posixpath.join(folder, "labels"))  # the folder given is images/ itself
    return roots


def _refuse_shared_labels(reading: Reading, refs: Sequence[Ref]) -> None:
    """Two images that differ in their extension only have one label file: whose it is cannot be known."""
    owners: dict[str, Image] = {}
    for ref in refs:
        label = ref.payload.label
        if label is not None and owners.setdefault(label, ref.image).file != ref.image.file:
            raise SourceError(
                reading.source.label(label),
                f"the images {owners[label].path} and {ref.image.path} share this label file",
                remedy="rename one of them",
            )


def _refuse_strange_images(reading: Reading, refs: Sequence[Ref]) -> None:
    """Images from elsewhere of which none has a label are those of another set, or lie in other folders."""
    if reading.images is reading.source or any(ref.payload.label for ref in refs):
        return
    if labels := _label_paths(reading.source):
        raise SourceError(
            reading.source.name,
            f"none of its labels ({labels[0]}{', ...' if len(labels) > 1 else ''}) belongs to an image of --images",
            remedy="give the folder whose images/ has the folders and names of labels/",
        )


def _refuse_several_sets(reading: Reading, config: str | None, refs: Sequence[Ref]) -> None:
    """Folders with a YAML each are sets of their own, unless the YAML that was taken names the images of all."""
    source = reading.source
    if config is None or "/" not in config or source.entry is not None or reading.images is not source:
        return
    known = {ref.image.file for ref in refs}
    tops = {path.partition("/")[0] for path in image_files(source) if path not in known}
    others = [path for path in _configs(source) if posixpath.dirname(path) in tops - {posixpath.dirname(config)}]
    if others:
        shown = ", ".join([config, *others][:6])
        raise SourceError(
            source.name,
            f"several YOLO sets, and nothing says which is meant: {shown}",
            remedy="name the one file instead of the folder",
        )


def _tell_left_out(reading: Reading, refs: Sequence[Ref], labels: Labels, folder: str, ledger: Ledger) -> set[str]:
    """Rows of images that no split names are losses: no trainer sees them, and somebody drew them.

    Beside a YAML that the user named may lie images of another. Returns the label files that were told.
    """
    source, known = reading.source, {ref.image.file for ref in refs}
    told = {ref.payload.label for ref in refs}
    found = set()
    for path in image_files(reading.images) if source.entry is None else ():
        label = labels.of(path, _roots(reading, path, folder)) if path not in known else None
        if label is not None and label not in told and (rows := _rows(source, label)):
            told.add(label)
            found.add(label)
            message = f"{source.label(label)}: no split names the image that it belongs to"
            ledger.lose("orphan-label", label, message, amount=len(rows))
    return found


def _rows(source: Source, path: str) -> list[bytes]:
    """The rows of a label file; none where it is another text."""
    rows = [row for row in source.read(path).splitlines() if row.strip()]
    return rows if all(map(is_row, rows[:1])) else []


def _tell_missing(reading: Reading, refs: Sequence[Ref], left_out: Iterable[str], ledger: Ledger) -> None:
    """Images without a label file are images without objects; labels without an image are losses."""
    without = [r for r in refs if r.payload.label is None]
    if without:
        shown = some_of([r.image.path for r in without], 3)
        ledger.note(
            "no-label",
            reading.source.name,
            f"{len(without)} images have no label file ({shown}): taken as without objects",
        )
    for ref in without:
        file = reading.images.label(ref.image.file or "")
        ledger.doubt(ref.image.path, None, SourceError(file, "it has no label file", code="missing-mask"))
    mine = {r.payload.label for r in refs} | {*left_out}
    folders = {posixpath.dirname(label) for label in mine if label}
    images = {stem(path) for path in reading.images.names() if is_image(path)}
    for path in reading.source.names():
        if (
            path.lower().endswith(".txt")
            and path not in mine
            and (posixpath.dirname(path) in folders or _in_labels(path))
            and _is_orphan(path, images)
            and (rows := _rows(reading.source, path))
        ):
            message = f"{reading.source.label(path)}: no image belongs to it"
            ledger.lose("orphan-label", path, message, amount=len(rows))


def _tell_passed_over(reading: Reading, refs: Sequence[Ref], labels: Labels, ledger: Ledger) -> None:
    """Labels beside images that have others in labels/, unless the two say the same."""
    source, mine = reading.source, {r.payload.label for r in refs}
    found = []
    for ref in refs:
        label, beside = ref.payload.label, stem(ref.image.file or "") + ".txt"
        if label is not None and beside in labels.texts and beside not in mine and labels.has_rows(beside):
            found += [beside] if source.read(beside) != source.read(label) else []
    if found:
        shown = some_of(found, 3)
        problem = f"{len(found)} label files beside images ({shown}) differ from those in labels/, which count"
        ledger.note("label-chosen", source.name, problem)


def _is_orphan(path: str, images: set[str]) -> bool:
    head, found, tail = ("/" + path).rpartition("/labels/")
    twin = f"{head}/images/{tail}" if found else "/" + path
    return twin[1:].removesuffix(".txt") not in images
