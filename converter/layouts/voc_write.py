"""Writing Pascal VOC trees: an XML and two masks an image, and the lists that join them."""

from __future__ import annotations

import posixpath
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from converter.codecs import xml
from converter.errors import UsageError
from converter.extras import ignored
from converter.format import Encoded, Record, Writing
from converter.geometry import rle, shapes
from converter.layouts.by_name import ordered_names
from converter.layouts.legend import LEGEND, background_word, encode_legend
from converter.layouts.palette import VOID, color_of, encode_palette
from converter.model import Box, Image, Instance, LabelMap, Sample
from converter.storage import Target

__all__ = ["VocAssembler", "encode", "image_path", "label_path"]


class VocRecord(msgspec.Struct, frozen=True):
    """What the lists need to know: whether the image has masks."""

    segmented: bool


def image_path(writing: Writing, image: Image) -> str:
    return f"{writing.prefix}JPEGImages/{_entry(writing, image)}{posixpath.splitext(image.name)[1]}"


def label_path(writing: Writing, image: Image) -> str:
    return f"{writing.prefix}Annotations/{_entry(writing, image)}.xml"


def _entry(writing: Writing, image: Image) -> str:
    """How the lists of ImageSets name an image; with its split where splits have images of one name."""
    bare = posixpath.splitext(image.name)[0]
    return f"{image.split}/{bare}" if image.split and writing.split_folders else bare


def encode(writing: Writing, sample: Sample) -> Encoded:
    """Annotations/*.xml and, where anything has a mask, the two palette PNGs."""
    places = {c.id: i for i, c in enumerate(sorted(writing.header.classes, key=lambda c: c.id), 1)}
    if len(places) >= VOID:
        raise UsageError(f"a VOC mask holds 254 classes, and these are {len(places)}; merge some with --classes FILE")
    classes, objects = _paint(sample, places)
    entry, files = _entry(writing, sample.image), []
    if not writing.stays_semantic:
        names = {c.id: c.name for c in writing.header.classes}
        files.append((label_path(writing, sample.image), xml.encode(_tree(sample, names))))
        if classes is not None:
            files.append((f"{writing.prefix}SegmentationObject/{entry}.png", encode_palette(objects)))
    elif classes is None:
        classes = np.zeros((sample.image.height, sample.image.width), np.uint8)
    if classes is not None:
        files.append((f"{writing.prefix}SegmentationClass/{entry}.png", encode_palette(classes)))
    return Encoded(files, VocRecord(classes is not None), [i.id for i in sample.instances])


def _paint(sample: Sample, places: dict[int, int]) -> tuple[LabelMap | None, LabelMap]:
    """The maps of classes and of objects; None for classes when nothing on the image has a mask."""
    height, width = sample.image.height, sample.image.width
    wide = len(sample.instances) >= VOID
    classes: NDArray[Any] = np.zeros((height, width), np.uint8)
    objects: NDArray[Any] = np.zeros((height, width), np.uint16 if wide else np.uint8)
    some = False
    for number, instance in enumerate(sample.instances, 1):
        if isinstance(instance.shape, Box):
            continue
        some = True
        crop, x, y = rle.decode_crop(shapes.mask_of(instance.shape, height, width))
        window = slice(y, y + crop.shape[0]), slice(x, x + crop.shape[1])
        classes[window][crop] = places[instance.class_id]
        objects[window][crop] = number if number < VOID else number + 1
    void = ignored(sample.image)
    if void is not None:
        some = True
        free = rle.decode(void) & (classes == 0)
        classes[free] = objects[free] = VOID
    return (classes if some else None), objects


def _tree(sample: Sample, names: dict[int, str]) -> xml.Element:
    image = sample.image
    root = xml.Element("annotation")
    xml.element(root, "folder", "JPEGImages")
    xml.element(root, "filename", posixpath.basename(image.name))
    source = xml.element(root, "source")
    xml.element(source, "database", "Unknown")
    size = xml.element(root, "size")
    for key, value in (("width", image.width), ("height", image.height), ("depth", 3)):
        xml.element(size, key, value)
    masks = any(not isinstance(i.shape, Box) for i in sample.instances)
    xml.element(root, "segmented", int(masks))
    for instance in sample.instances:
        _object(root, instance, names[instance.class_id], image)
    return root


def _object(root: xml.Element, instance: Instance, name: str, image: Image) -> None:
    node = xml.element(root, "object")
    xml.element(node, "name", name)
    extra = instance.extra
    xml.element(node, "pose", extra.get("pose", "Unspecified"))
    for key in ("truncated", "difficult", "occluded"):
        xml.element(node, key, int(bool(extra.get(key))))
    box = shapes.tight_box(instance.shape, image.height, image.width)
    corners = xml.element(node, "bndbox")
    for key, value in (("xmin", box.x), ("ymin", box.y), ("xmax", box.x + box.w), ("ymax", box.y + box.h)):
        xml.element(corners, key, f"{value:.12g}")
    if extra.get("attributes"):
        attributes = xml.element(node, "attributes")
        for key, value in extra["attributes"].items():
            attribute = xml.element(attributes, "attribute")
            xml.element(attribute, "name", key)
            xml.element(attribute, "value", value)


class VocAssembler:
    """Writes ImageSets and labelmap.txt."""

    def __init__(self, writing: Writing, out: Target) -> None:
        self.writing, self.out = writing, out
        self.entries: dict[str, list[tuple[str, bool]]] = {}

    def add(self, record: Record) -> None:
        split = record.image.split or "default"
        self.entries.setdefault(split, []).append((_entry(self.writing, record.image), record.value.segmented))

    def finish(self) -> None:
        prefix = self.writing.prefix
        segmented = any(has for entries in self.entries.values() for _, has in entries)
        for split, entries in self.entries.items():
            self.out.write(f"{prefix}ImageSets/Main/{split}.txt", _lines(e for e, _ in entries))
            if segmented:
                mine = [e for e, has in entries if has]
                self.out.write(f"{prefix}ImageSets/Segmentation/{split}.txt", _lines(mine))
        self.out.write(f"{prefix}{LEGEND}", _labelmap(ordered_names(self.writing)))


def _lines(entries: Any) -> bytes:
    return "".join(f"{e}\n" for e in entries).encode()


def _labelmap(names: list[str]) -> bytes:
    return encode_legend((name, color_of(i)) for i, name in enumerate([background_word(names), *names]))
