"""Reading one image of a Pascal VOC set: what its XML and its masks say together."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from converter.codecs import xml
from converter.errors import SourceError
from converter.extras import ignoring
from converter.format import Reading
from converter.geometry import labelmap, rle
from converter.layouts.masks import check_size
from converter.layouts.palette import VOID, read_by_color, read_indices, read_objects_by_color
from converter.layouts.undeclared import undeclared
from converter.layouts.voc_objects import Objects
from converter.layouts.voc_tree import COLORS, Payload
from converter.ledger import Ledger
from converter.model import Box, Header, Image, Instance, Ref, Rle, Sample
from converter.storage import Source

__all__ = ["files", "load"]

NEAR = 3  # pixels that a mask may reach over the box of its object: borders were drawn by hand


def files(reading: Reading, ref: Ref) -> list[str]:
    """The XML and the masks of the image."""
    found = (ref.payload.xml, ref.payload.classes, ref.payload.objects)
    return [reading.source.label(path) for path in found if path is not None]


def load(reading: Reading, header: Header, ref: Ref, ledger: Ledger) -> Sample:
    """One image: boxes of its XML joined with the masks that are theirs; or its map of classes."""
    payload: Payload = ref.payload
    source, image = reading.source, ref.image
    try:
        classes = _map(source, payload.classes, image, payload)
        objects = _map(source, payload.objects, image, payload, objects=True)
        root = None
        if payload.xml is not None:
            root = xml.decode(source.read(payload.xml), source.label(payload.xml), tag="annotation")
    except SourceError as error:
        ledger.skip_image(image.path, error)
    if header.task == "semantic":
        return _semantic(classes, header, ref, reading, ledger)
    drawn = Objects(reading, header, ref, ledger).read(root) if root is not None else []
    if classes is None:
        if objects is not None:
            where = source.label(payload.objects or "")
            problem = SourceError(where, "SegmentationObject without SegmentationClass", remedy="add the class mask")
            ledger.skip_image(image.path, problem)
        return Sample(image, tuple(i for _, i in drawn))
    masks = _masks(classes, objects, header, ref, reading, ledger)
    instances = _joined(drawn, masks, by_place=ref.payload.by_color)
    return Sample(_with_void(image, classes), tuple(instances))


def _map(
    source: Source, path: str | None, image: Image, payload: Payload, *, objects: bool = False
) -> NDArray[Any] | None:
    if path is None:
        return None
    data, label = source.read(path), source.label(path)
    if not payload.by_color:
        indices = read_indices(data, label, {} if objects else payload.colors)
    elif objects:
        indices = read_objects_by_color(data, label)
    else:
        indices = read_by_color(data, label, payload.colors, COLORS)
    check_size(label, indices.shape[1], indices.shape[0], image)
    return indices


def _semantic(classes: NDArray[Any] | None, header: Header, ref: Ref, reading: Reading, ledger: Ledger) -> Sample:
    image = ref.image
    if classes is None:
        file = reading.images.label(image.file) if image.file else reading.source.name
        problem = SourceError(file, "no mask in SegmentationClass", remedy="add it", code="missing-mask")
        ledger.skip_image(image.path, problem)
    known = {c.id for c in header.classes} | {0, VOID}
    strange = [int(v) for v in labelmap.values(classes)[0] if int(v) not in known]
    if strange:
        where = reading.source.label(ref.payload.classes)
        problem = SourceError(where, undeclared(strange, known - {0, VOID}), code="unexpected-value")
        ledger.skip_image(image.path, problem)
    return Sample(image, labels=classes)


def _with_void(image: Image, classes: NDArray[Any]) -> Image:
    """The image with its void region, the value 255."""
    void = classes == VOID
    if not void.any():
        return image
    return ignoring(image, rle.encode(void))


class _Mask(msgspec.Struct, frozen=True):
    """A region of SegmentationObject: its value, its class, its pixels."""

    value: int
    class_id: int
    region: Rle


def _masks(
    classes: NDArray[Any],
    objects: NDArray[Any] | None,
    header: Header,
    ref: Ref,
    reading: Reading,
    ledger: Ledger,
) -> list[_Mask]:
    """Every object with the class of its pixels, and what has a class but is no object."""
    label = reading.source.label(ref.payload.objects or ref.payload.classes)
    known = {c.id for c in header.classes}
    found: list[_Mask] = []
    parts, left = _parts(classes, objects)
    for value, mine in parts.items():
        values = list(mine)
        if len(values) != 1 or values[0] not in known:
            ledger.bad_annotation(ref.image.path, value, _no_class(label, value, values, known))
            continue
        found.append(_Mask(value, values[0], mine[values[0]]))
    for value, region in left.items():
        where = f"{reading.source.label(ref.payload.classes)}, class {value}"
        if value not in known:
            wrong = SourceError(where, undeclared([value], known), code="unmapped-class")
            ledger.bad_annotation(ref.image.path, None, wrong)
            continue
        message = "pixels that belong to no object became one of their own"
        if objects is None:
            message = "no mask in SegmentationObject parts its pixels, which became one object"
        ledger.note("class-without-object", where, message)
        found.append(_Mask(0, value, region))
    return found


def _parts(classes: NDArray[Any], objects: NDArray[Any] | None) -> tuple[dict[int, dict[int, Rle]], dict[int, Rle]]:
    """The pixels of every object by their classes, void ones left out; and, by class, what belongs to no object."""
    if objects is None:
        return {}, labelmap.regions(classes, skip={0, VOID})
    nothing = {value << 16 | id for value in (0, VOID) for id in (0, VOID)}
    parts: dict[int, dict[int, Rle]] = {}
    left: dict[int, list[Rle]] = {}
    for code, region in labelmap.regions(objects.astype(np.uint32) << np.uint32(16) | classes, skip=nothing).items():
        value, id = code >> 16, code & 0xFFFF
        if value in {0, VOID}:
            left.setdefault(id, []).append(region)
            continue
        mine = parts.setdefault(value, {})
        if id != VOID:
            mine[id] = region
    return parts, {id: rle.union(regions) for id, regions in sorted(left.items())}


def _no_class(file: str, number: int, values: list[int], known: set[int]) -> SourceError:
    """Why an object whose pixels have `values` in SegmentationClass has no class."""
    place = f"object {number}"
    if len(values) == 1 and values[0]:
        return SourceError(file, undeclared(values, known), place=place, code="unmapped-class")
    if values == [0]:
        problem = "its pixels are background in SegmentationClass"
    else:
        problem = f"its pixels have the classes {', '.join(map(str, values))}" if values else "it is all void"
    return SourceError(file, problem, place=place, remedy="an object has one class")


def _joined(drawn: list[tuple[int, Instance]], masks: list[_Mask], *, by_place: bool) -> list[Instance]:
    """Mask n belongs to the n-th object of the XML when that holds for every mask of the image.

    So it is in the challenge's files. Some exporters write boxes and masks of different
    objects (CVAT does): then all of them stay apart. Masks without numbers belong to the
    objects in whose place they are (`by_place`).
    """
    by_number = dict(drawn)
    own = [m for m in masks if m.value]
    paired = _in_their_places(drawn, own) if by_place else {_number(m.value): m for m in own}
    if not paired or not all(_belongs(by_number.get(n), m) for n, m in paired.items()):
        return [i for _, i in drawn] + [Instance(m.class_id, m.region) for m in masks]
    found = []
    for number, instance in drawn:
        if number not in paired:
            found.append(instance)
            continue
        box = instance.shape if isinstance(instance.shape, Box) else instance.box
        found.append(msgspec.structs.replace(instance, shape=paired[number].region, box=box))
    return found + [Instance(m.class_id, m.region) for m in masks if not m.value]


def _in_their_places(drawn: list[tuple[int, Instance]], masks: list[_Mask]) -> dict[int, _Mask]:
    """The mask of each object, whose box is the smallest around it; none at all where two are of one object."""
    found: dict[int, _Mask] = {}
    for mask in masks:
        sizes = [(i.shape.w * i.shape.h, n) for n, i in drawn if isinstance(i.shape, Box) and _belongs(i, mask)]
        if sizes:
            found.setdefault(min(sizes)[1], mask)
    return found if len(found) == len(masks) else {}


def _number(value: int) -> int:
    """The place of an object from its value in SegmentationObject, which leaves 255 out."""
    return value if value < VOID else value - 1


def _belongs(instance: Instance | None, mask: _Mask) -> bool:
    if instance is None or instance.class_id != mask.class_id or not isinstance(instance.shape, Box):
        return False
    box = instance.shape
    x, y, w, h = rle.tight_box(mask.region)
    return x >= box.x - NEAR and y >= box.y - NEAR and x + w <= box.x + box.w + NEAR and y + h <= box.y + box.h + NEAR
