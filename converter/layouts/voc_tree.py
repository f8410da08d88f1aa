"""Pascal VOC trees: which files belong to an image, and in which split it is."""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from converter.codecs import xml
from converter.errors import SourceError
from converter.format import Reading, Scan
from converter.layouts.class_files import find_class_file, read_class_file, read_legend
from converter.layouts.classes import is_background, is_ignore
from converter.layouts.images import (
    ImageIndex,
    image_files,
    is_image,
    is_split_name,
    order_splits,
    split_name,
    stem,
    tell_unused,
)
from converter.layouts.palette import VOID, color_of
from converter.layouts.voc_names import (
    CLASS_FOLDERS,
    OBJECT_FOLDERS,
    Known,
    Lists,
    image_key,
    read_lists,
    split_lists,
)
from converter.layouts.words import in_mask_folder, shows_masks
from converter.ledger import Ledger
from converter.model import ClassInfo, Header, Image, Ref, Rgb
from converter.storage import Source

__all__ = ["Payload", "Tree", "declared_classes", "find_tree", "mask_values", "scan"]

BLACK: Rgb = (0, 0, 0)
COLORS = "colors.txt"  # of Supervisely: name r g b; the void around its objects is one of them
HEAD = 65536
TRIED = 20


class Tree(msgspec.Struct, frozen=True):
    """The files of a set by image key: the folder of the set and the path of the image without extension.

    `doubles`: a file of which there is another of the same kind and key, and that other, which is taken.
    """

    xml: dict[str, str]
    classes: dict[str, str]
    objects: dict[str, str]
    doubles: list[tuple[str, str]] = []


class Payload(msgspec.Struct, frozen=True):
    """What belongs to one image.

    `first` is the coordinate of the first pixel, 0 or 1; `inclusive`: xmax and ymax name the
    last pixel of a box, and not its far edge.
    """

    xml: str | None = None
    classes: str | None = None
    objects: str | None = None
    colors: dict[Rgb, int] = {}
    class_file: str = ""
    first: int = 0
    inclusive: bool = False

    @property
    def by_color(self) -> bool:
        """Whether masks are read by their colours: Supervisely gives every file a palette of its own."""
        return posixpath.basename(self.class_file) == COLORS


def find_tree(source: Source) -> Tree | None:
    """The annotation and mask files of a VOC set; None when it is none."""
    if source.entry is not None:
        mine = source.entry.lower().endswith(".xml") and _is_voc(source, source.entry)
        return Tree({image_key(source.entry): source.entry}, {}, {}) if mine else None
    classes: list[str] = []
    objects: list[str] = []
    for path in source.names():
        folders = {f.lower() for f in posixpath.dirname(path).split("/")}
        if is_image(path) and folders & CLASS_FOLDERS:
            classes.append(path)
        elif is_image(path) and folders & OBJECT_FOLDERS:
            objects.append(path)
    xmls = [p for p in source.names() if p.lower().endswith(".xml")]
    if xmls and not any(_is_voc(source, p) for p in xmls[:TRIED]):
        xmls = []
    if not xmls and not classes:
        return None
    doubles: list[tuple[str, str]] = []
    return Tree(_by_key(xmls, doubles), _by_key(classes, doubles), _by_key(objects, doubles), doubles)


def _by_key(paths: Iterable[str], doubles: list[tuple[str, str]]) -> dict[str, str]:
    """The last path of each key; the others are added to `doubles`."""
    found: dict[str, str] = {}
    for path in paths:
        key = image_key(path)
        if key in found:
            doubles.append((found[key], path))
        found[key] = path
    return found


def _is_voc(source: Source, path: str) -> bool:
    with source.open(path) as stream:
        head = stream.read(HEAD)
    return (
        b"<annotation" in head
        and b"<annotations" not in head
        and b"<imagesize" not in head
        and b"<pt>" not in head
        and (b"<size>" in head or b"<bndbox>" in head or b"<filename>" in head)
    )


def scan(reading: Reading, ledger: Ledger) -> Scan:
    """Refs with their files; classes and sizes are settled after a look into all of them."""
    source = reading.source
    tree = find_tree(source)
    if tree is None:
        raise SourceError(source.name, "holds neither VOC annotations nor SegmentationClass masks")
    finder, lists = _Finder(reading), split_lists(source)
    known = Known((tree.xml, tree.classes, tree.objects), finder.by_key, finder.by_base)
    named = read_lists(source, lists, known, ledger)
    listed = {key for key in named.splits if key not in tree.xml and key not in tree.classes}
    _refuse_doubles(source, tree, ledger)
    path = _class_file(source, tree)
    colors = _legend(reading, path)
    refs = []
    for key in sorted({*tree.xml, *tree.classes, *tree.objects} | listed):
        xml_path, mask = tree.xml.get(key), tree.classes.get(key)
        payload = Payload(xml_path, mask, tree.objects.get(key), colors, path or "")
        splits = named.splits.get(key, (None,))
        images = [finder.image(key, xml_path or mask, split) for split in splits]
        if images[0].file is None and key in listed:
            ledger.bad_image(images[0].name, _nothing_of(key, named, finder))
            continue
        refs += [Ref(image, payload) for image in images]
        if lists and key not in named.splits and images[0].split is None:  # a list may have been cut short
            ledger.note("no-split", images[0].path, "stands in no list of ImageSets, and so in no split")
    pictures = _pictures_of_masks(reading.images)
    _tell_unread(reading.images, pictures, ledger)
    tell_unused(reading.images, refs, [*tree.xml.values(), *pictures, *(path for path, _ in tree.doubles)], ledger)
    task: Any = "semantic" if tree.classes and not tree.objects and not tree.xml else "instance"
    return Scan(Header("voc", task, (), order_splits(r.image.split for r in refs)), refs)


def _refuse_doubles(source: Source, tree: Tree, ledger: Ledger) -> None:
    """Two files that say different things of one image: which of them counts cannot be known."""
    for path, kept in tree.doubles:
        if source.read(path) != source.read(kept):
            problem = f"{kept} is of the same image, and says something else"
            ledger.bad_image(path, SourceError(source.label(path), problem, remedy="keep one of the two"))


def _nothing_of(key: str, named: Lists, finder: _Finder) -> SourceError:
    """What to say of an image that a list names and that is not there, or cannot be told from another."""
    file, line = named.places[key]
    several = finder.by_key.get(key) or finder.by_base.get(posixpath.basename(key))
    problem = f"it names '{key.lstrip('/')}', which has neither image nor annotation"
    remedy = "add the image or take the line out; --on-error skip goes on without it"
    if several:
        problem, remedy = f"it names '{key.lstrip('/')}', which may be {' or '.join(several[:2])}", "rename one of them"
    return SourceError(file, problem, place=f"line {line}", remedy=remedy, code="missing-image")


def _class_file(source: Source, tree: Tree) -> str | None:
    folders = _class_folders(tree)
    colors = (posixpath.join(folder, COLORS) for folder in folders) if tree.classes else ()
    return find_class_file(source, folders) or next((path for path in colors if _names_colors(source, path)), None)


def _names_colors(source: Source, path: str) -> bool:
    """Whether there is such a file with a name and a colour on every line: others call other lists so, too."""
    lines = source.read(path).splitlines() if path in source else []
    return bool(lines) and all(re.fullmatch(rb"\S.*(\s+\d+){3}\s*", line) for line in lines if line.strip())


def _class_folders(tree: Tree) -> list[str]:
    files = [*tree.classes.values(), *tree.xml.values()][:50]
    folders = dict.fromkeys(posixpath.dirname(p) for p in files)
    return list(dict.fromkeys(["", *folders, *(posixpath.dirname(f) for f in folders)]))


class _Finder:
    """The image that belongs to an annotation: of the same name, else the one it names."""

    def __init__(self, reading: Reading) -> None:
        self.reading, self.index = reading, ImageIndex(reading.images)
        self.by_key: dict[str, list[str]] = defaultdict(list)
        self.by_base: dict[str, list[str]] = defaultdict(list)
        for path in image_files(reading.images):
            folders = {f.lower() for f in posixpath.dirname(path).split("/")}
            if not folders & (CLASS_FOLDERS | OBJECT_FOLDERS):
                self.by_key[image_key(path)].append(path)
                self.by_base[posixpath.basename(stem(path))].append(path)

    def image(self, key: str, annotation: str | None, split: str | None) -> Image:
        found, told = self._by_name(key), ""
        if found is None and (told := self._told(annotation)):
            folders = [posixpath.dirname(annotation or ""), *(f"{f}JPEGImages" for f in ("", "../"))]
            found = self.index.find(told, folders)
        base = posixpath.basename(key)
        name = _below(found) if found else key.lstrip("/")
        first = name.split("/")[0]
        if split is None and "/" in name and is_split_name(first):
            split = split_name(first)
            name = name.removeprefix(first + "/")
        elif split is not None:
            name = name.removeprefix(f"{split}/")
        if found is None and annotation is None:
            name = base
        if found is None and is_image(told) and stem(told) == base:
            name += told.removeprefix(base)
        return Image(name, split, file=found)

    def _by_name(self, key: str) -> str | None:
        exact = self.by_key.get(key, [])
        if exact:
            return exact[0] if len(exact) == 1 else None
        loose = self.by_base.get(posixpath.basename(key), [])
        return loose[0] if len(loose) == 1 else None

    def _told(self, annotation: str | None) -> str:
        """The name of the image that an XML tells, without folders; "" where there is none."""
        if annotation is None or not annotation.lower().endswith(".xml"):
            return ""
        source = self.reading.source
        try:
            name = xml.text(xml.decode(source.read(annotation), source.label(annotation)), "filename")
        except SourceError:
            return ""
        return posixpath.basename(name.replace("\\", "/"))


def _below(path: str) -> str:
    """The path of an image below its JPEGImages or images folder."""
    folders = path.split("/")
    for place, folder in enumerate(folders[:-1]):
        if folder.lower() in {"jpegimages", "images"}:
            before = [f for f in folders[:place] if is_split_name(f)]
            return "/".join([*before, *folders[place + 1 :]])
    return path


def declared_classes(reading: Reading, path: str | None) -> dict[int, ClassInfo]:
    """The classes by their places, from 0: those of the user's --colors, else of the class file."""
    if reading.options.colors:
        return {i: ClassInfo(i, name, rgb) for i, (name, rgb) in enumerate(reading.options.colors)}
    if path and posixpath.basename(path) == COLORS:
        legend = read_legend(reading.source.read(path), reading.source.label(path))
        named = [c for c in legend if c.color not in {BLACK, color_of(VOID)}]
        return {i: msgspec.structs.replace(c, id=i) for i, c in enumerate(named, 1)}
    return read_class_file(reading.source, path) if path else {}


def _legend(reading: Reading, path: str | None) -> dict[Rgb, int]:
    """Colour -> index for masks in colours; -1 for a colour of two, which tells neither."""
    found = declared_classes(reading, path)
    values = mask_values(found)
    legend: dict[Rgb, int] = {}
    for i, c in found.items():
        if c.color is not None:
            legend[c.color] = values[i] if legend.get(c.color, values[i]) == values[i] else -1
    return legend


def _pictures_of_masks(images: Source) -> list[str]:
    """Files that are no images of the set: masks, and pictures of masks as LabelMe makes them."""
    within = (p for p in image_files(images) if in_mask_folder(p))
    return [p for p in within if any(f.lower().startswith("segmentation") for f in p.split("/")[:-1])]


def _tell_unread(images: Source, pictures: Iterable[str], ledger: Ledger) -> None:
    """Masks in folders that a challenge does not have, as SegmentationClassAug, which may be of other images."""
    for path in pictures:
        folders = {f.lower() for f in posixpath.dirname(path).split("/")}
        if not folders & (CLASS_FOLDERS | OBJECT_FOLDERS) and not shows_masks(path):
            said = "only masks in SegmentationClass and SegmentationObject are read"
            remedy = "--from semantic-png with --masks PATTERN reads others"
            ledger.lose("orphan-mask", path, f"{images.label(path)}: {said}; {remedy}")


def mask_values(found: Mapping[int, ClassInfo]) -> dict[int, int]:
    """Place in a class file -> index in masks, such that the background is 0.

    A black background may stand behind classes, where CVAT has one as a label: it is as if it came first.
    """
    first, second = found.get(0), found.get(1)
    if first is None or is_background(first.name):
        return {place: place for place in found}
    if is_ignore(first.name) and second is not None and is_background(second.name):
        return {place: max(0, place - 1) for place in found}
    late = next((place for place, c in found.items() if is_background(c.name) and c.color == BLACK), None)
    if late is None:
        return {place: place + 1 for place in found}
    return {place: 0 if place == late else place + (place < late) for place in found}
