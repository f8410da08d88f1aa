"""Binary PNGs: one mask an instance, 255 inside and 0 outside.

    meta.json                                      classes, counts, how to read it
    index.csv                                      one row a mask: class, box, area, crowd
    images/[<split>/]<path>
    masks/[<split>/]<path without extension>/0001_<class id>.png
    coco/coco.json                                 read for what it says beside the masks

Every mask has the size of its image, and a pixel of it is the pixel of the image in its place; masks may overlap.
Coordinates of the boxes in index.csv are pixels from the outer corner of the first pixel.

Read beside that: a folder an image (<id>/images/x.png, <id>/masks/*.png: DSB 2018; in folders of
splits, of which one without any mask is left out, with a note; images of one name are called <id>/x.png),
masks without an index that bear the names of their images (masks/<image>/3.png, masks/<image>_cat_3.png,
masks/cat/<image>.png and what is like them; a class is told by words that many names share, or,
where there is a class file, by the number at the end of every name), masks of mode 1, L, P, RGB
or RGBA with one foreground value, and any naming through
`--masks "masks/{image}/{instance}_{class}.png"`, with
`--image-pattern "photos/{split}/{image}.jpg"` where images cannot be found by name. What
stands for {class} is an id when it is a number (named in classes.json and the like), else a
name, with the id that such a file gives it, or numbered from 1 in the order of names. Without
class names there is one class, `object` or what `--class-name` says.

Holds: masks with holes, parts and overlaps; crowd (index.csv); masks without a pixel.
Cannot hold: boxes without a mask, attributes, vertices of polygons.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from itertools import chain, compress
from typing import Any

import msgspec
import numpy as np

from converter.codecs import png_write, text
from converter.errors import SourceError
from converter.format import Encoded, Evidence, Format, Holds, Reading, Scan, Writing
from converter.geometry import rle, shapes
from converter.layouts.classes import check_classes
from converter.layouts.coco_beside import Beside, find_beside
from converter.layouts.images import (
    is_image,
    order_splits,
    tell_unused,
)
from converter.layouts.instance_folders import instance_folders, scan_folders, tell_bare
from converter.layouts.mask_names import NamedMask, find_names, tells_objects
from converter.layouts.mask_table import NO_ID, Finds, header_of, mask_paths
from converter.layouts.masks import binary_mask, check_size
from converter.layouts.named_masks import scan_named
from converter.layouts.patterns import PATTERNS, class_numbers, matches
from converter.layouts.undeclared import undeclared, unnamed, with_told
from converter.ledger import Ledger
from converter.model import Header, Image, Instance, Ref, Sample
from converter.package import index, meta
from converter.package.tree import PackageAssembler, describe, image_path, indexed_image, mask_stem
from converter.storage import Source

__all__ = ["FORMAT"]


# ---------------------------------------------------------------- read


def detect(source: Source) -> Evidence | None:
    """meta.json that says binary; a folder of images and one of masks for each image; masks/<image>/*.png."""
    if meta.META in source:
        about = meta.about(source)
        if about is not None:
            binary = about.mask_encoding == "binary"
            return Evidence("meta.json says mask_encoding binary", certain=True) if binary else None
    if source.entry is not None:
        return None
    folders = instance_folders(source)
    if folders:
        return Evidence(f"{len(folders)} folders, each with images/ and masks/")
    names = find_names(source, source)
    if names is None:
        return None
    found = names.found()
    if names.naming == "folder" and all(mask.path.startswith("masks/") for mask in names.masks):
        return Evidence(f"masks/<image>/*.png for {len({mask.image for mask in found})} images")
    return _of_objects(found) if tells_objects(source, source) else None


def detect_apart(source: Source, images: Source) -> Evidence | None:
    """Masks of one object each, of images that lie elsewhere."""
    names = find_names(source, images)
    return _of_objects(names.found()) if names is not None and tells_objects(source, images) else None


def _of_objects(found: Sequence[NamedMask]) -> Evidence:
    return Evidence(f"{len(found)} masks of objects, as {found[0].path} for {found[0].image}", weak=True)


def scan(reading: Reading, ledger: Ledger) -> Scan:
    source = reading.source
    if reading.options.patterned:
        return _scan_patterns(reading, ledger)
    about = meta.about(source)
    if about is not None:
        return _scan_package(reading, about, ledger)
    folders = instance_folders(source)
    return scan_folders(reading, folders, ledger) if folders else scan_named(reading, ledger)


def _scan_package(reading: Reading, about: meta.Meta, ledger: Ledger) -> Scan:
    """A tree with meta.json and index.csv: the index says which mask belongs to what."""
    source = reading.source
    if index.INDEX not in source:
        problem = "is not there, and meta.json says that this is a package: it would say what each mask is"
        remedy = "restore it, or use --masks 'masks/{image}/{instance}_{class}.png'"
        raise SourceError(source.label(index.INDEX), problem, remedy=remedy, code="index-mismatch")
    beside = find_beside(reading, ledger)
    classes = with_told(meta.classes(about), reading.options.classes, ledger, source.name, {0})
    refs = _indexed(reading, {c.id for c in classes}, beside, ledger)
    _tell_orphans(source, refs, ledger)
    extra = meta.merged_entry(about.source.merged)
    if beside is not None:
        classes, extra = beside.told(classes), {**beside.extra, **extra}
    check_classes(classes, source.label(meta.META), table=reading.options.classes)
    ids = np.sort(refs[0].payload.table.ids) if refs else np.zeros(0)
    splits = order_splits([*about.splits, *(r.image.split for r in refs)])
    header = msgspec.structs.replace(header_of(classes, refs), splits=splits, name=about.name, extra=extra)
    return Scan(header, refs, ids_kept=bool((ids[:1] != NO_ID).all() and (ids[1:] != ids[:-1]).all()))


def _indexed(reading: Reading, declared: set[int], beside: Beside | None, ledger: Ledger) -> list[Ref]:
    """The images of the index with their masks; rows that name none, or no class, are judged."""
    source = reading.source
    label = source.label(index.INDEX)
    finds, places = Finds(source, beside), dict[str, int]()
    for line, row in enumerate(index.decode(partial(source.open, index.INDEX), label), 2):
        if row.image not in places:
            places[row.image] = len(places)
            image = indexed_image(reading.images, row)
            finds.add(beside.numbered(image) if beside is not None else image)
        if not row.mask:
            continue
        at, id, place = places[row.image], text.whole_id(row.instance_id), source.place(row.mask)
        if place is None:
            problem = f"the mask {row.mask} is not there"
            gone = SourceError(label, problem, place=f"line {line}", remedy="mend the index", code="missing-mask")
            ledger.bad_annotation(finds.images[at].path, id, gone)
        elif (wrong := _class_problem(row, declared, label, line)) is not None:
            ledger.bad_annotation(finds.images[at].path, id, wrong)
        else:
            finds.add_mask(at, place, int(row.class_id), id, iscrowd=row.iscrowd == "1")
    return finds.refs()


def _class_problem(row: index.Row, declared: set[int], label: str, line: int) -> SourceError | None:
    """What is wrong with the class of a row."""
    id, place = text.whole_id(row.class_id), f"line {line}"
    if id in declared:
        return None
    if id is None:
        problem = f"class_id '{row.class_id[:40]}' is no number"
        return SourceError(label, problem, place=place, remedy="mend the index", code="unmapped-class")
    return SourceError(label, undeclared([id], declared), place=place, code="unmapped-class")


def _tell_orphans(source: Source, refs: Sequence[Ref], ledger: Ledger) -> None:
    """Masks and other files that the index does not know: the first are losses, the rest is noted."""
    unknown = np.ones(len(source.names()), np.bool_)
    if refs:
        unknown[refs[0].payload.table.places] = False
    strange = compress(source.names(), unknown.tobytes())
    orphans = [p for p in strange if p.startswith("masks/") and is_image(p)]
    for path in orphans:
        ledger.lose("orphan-mask", path, f"{source.label(path)}: index.csv does not name this mask")
    tell_unused(source, refs, chain(mask_paths(refs), orphans), ledger)


def _scan_patterns(reading: Reading, ledger: Ledger) -> Scan:
    """Masks and images named in the user's own way."""
    found = matches(reading, ledger)
    labels = {label for match in found for _, label in match.masks}
    classes = class_numbers(labels, reading.source, reading.options.class_name or "object")
    bare = [c.id for c in classes.values() if c.name == f"class_{c.id}"]
    unnamed(bare, reading.options.classes, ledger, reading.source.name)
    finds = Finds(reading.source)
    for match in found:
        finds.add(match.image, [(path, classes[label].id) for path, label in match.masks])
    refs = finds.refs()
    tell_bare(reading, refs, ledger)
    tell_unused(reading.images, refs, mask_paths(refs), ledger)
    return Scan(header_of(sorted(classes.values(), key=lambda c: c.id), refs), refs)


def load(reading: Reading, header: Header, ref: Ref, ledger: Ledger) -> Sample:
    """One image with its masks, each a Rle of the image's size."""
    source, image, beside = reading.source, ref.image, ref.payload.table.beside
    instances: list[Instance] = []
    extras: dict[int | None, dict[str, Any]] = {}
    if beside is not None:
        image, extras = beside.whole(image), beside.extras(image)
        _tell_unclaimed(extras.keys() - {mask.id for mask in ref.payload if mask.id is not None}, image, ledger)
    for number, mask in enumerate(ref.payload, 1):
        label = source.label(mask.path)
        try:
            region = binary_mask(source.read(mask.path), label, ledger)
            check_size(label, region.width, region.height, image)
        except SourceError as error:
            error.code = error.code or "unreadable-image"
            ledger.bad_annotation(image.path, mask.id or number, error)
            continue
        extra = extras.get(mask.id, {}) if mask.id is not None else {}
        instances.append(Instance(mask.class_id, region, mask.id, mask.iscrowd, extra=extra))
    del header
    return Sample(image, tuple(instances))


def _tell_unclaimed(ids: Collection[int | None], image: Image, ledger: Ledger) -> None:
    """Annotations of coco/coco.json that say something and have no row in the index."""
    if ids:
        message = f"what coco/coco.json says of {len(ids)} annotations belongs to no mask of index.csv"
        ledger.lose("attribute-dropped", image.path, message, amount=len(ids))


def files(reading: Reading, ref: Ref) -> list[str]:
    """The mask of each object."""
    return [reading.source.label(mask.path) for mask in ref.payload]


# ---------------------------------------------------------------- write


def encode(writing: Writing, sample: Sample) -> Encoded:
    """One PNG an instance, numbered in the order of the sample."""
    image, folder = sample.image, mask_stem(writing, sample.image)
    files = []
    crops = rle.decode_crops([shapes.mask_of(i.shape, image.height, image.width) for i in sample.instances])
    for number, (instance, (crop, x, y)) in enumerate(zip(sample.instances, crops, strict=True), 1):
        data = png_write.encode_mask(crop, x, y, image.height, image.width)
        files.append((f"{folder}/{number:04d}_{instance.class_id}.png", data))
    return Encoded(files, describe(writing, sample, files), [i.id for i in sample.instances])


FORMAT = Format(
    name="instance-png",
    summary="one binary PNG an instance, with meta.json and index.csv",
    page=__doc__ or "",
    holds=Holds(crowd=True, empty=True, fact_keys=(meta.SETS,), colors=True),
    detect=detect,
    detect_apart=detect_apart,
    scan=scan,
    load=load,
    encode=encode,
    assemble=PackageAssembler,
    image_path=image_path,
    label_path=mask_stem,
    files=files,
    takes=PATTERNS,
)
