"""Semantic PNGs: one mask an image, a pixel is the id of its class.

    meta.json, index.csv
    images/[<split>/]<path>
    masks/[<split>/]<path without extension>.png     8-bit gray, 16-bit where ids need it

Every mask has the size of its image. Coordinates: none; a pixel of a mask is the pixel of the image in
its place. 0 is the background unless a class 0 of another name
is declared; 255 in 8-bit masks is to be ignored when it is declared so, or undeclared and
present beside other classes; where masks hold only 0 and 255, 255 is the one class.

Read beside that: images and masks in parallel folders (images/ and masks/, img_dir/ and ann_dir/,
x_train/ and y_train/, val/ and valannot/), `<name>_mask.png` beside the images, any one ending that
all masks have, `<name>.png` or `<name>_m.png` beside `<name>.jpg`, each in a root of its own (--images), or named by
--masks "gt/{split}/{image}_class.png" and --image-pattern "photos/{split}/{image}.jpg"; 8 and 16
bit, palette PNGs by index (never by colour), GIFs in grays by their gray, colour-coded RGB with a
legend (--colors, labelmap.txt, class_dict.csv, label_colors.txt, classes.json, dataset_meta.json), and
gray by that legend where values are no ids of it but its grays.
Class names come from meta.json, classes.json, classes.txt, labelmap.txt, _classes.csv, class_dict.csv,
dataset_meta.json or --classes; without any they are class_3 and so on, with a note. Masks in black
and white that a JPEG has changed along their edges are cut at 128, with a note; others that a lossy
compression has changed are refused.

Holds: one class a pixel. Cannot hold: overlaps, instances, boxes, attributes.

Known exporters: Roboflow (`_mask.png`, _classes.csv), CamVid (class 0 is Sky), CVAT
(RGB with labelmap.txt), SegNet (folders ending in `annot`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import partial

import msgspec
import numpy as np

from converter.codecs import images as codec
from converter.codecs import png_write
from converter.errors import SourceError
from converter.format import Encoded, Evidence, Format, Holds, Reading, Scan, Writing
from converter.geometry import labelmap
from converter.layouts.classes import check_classes, legend_colors
from converter.layouts.coco_beside import Beside, find_beside
from converter.layouts.images import is_image, order_splits, tell_unused
from converter.layouts.instance_folders import instance_folders
from converter.layouts.mask_names import tells_objects
from converter.layouts.masks import check_size, labels_of, recolored, thinned
from converter.layouts.pairing import mask_an_image, pair_beside, pair_masks
from converter.layouts.patterns import PATTERNS
from converter.layouts.semantic_classes import Present, by_grays, declared, in_colors, settled
from converter.layouts.undeclared import undeclared, with_told
from converter.ledger import Ledger, Skipped
from converter.model import ClassInfo, Header, LabelMap, Ref, Rgb, Sample
from converter.package import index, meta
from converter.package.tree import PackageAssembler, describe, image_path, indexed_image, mask_stem
from converter.storage import Source
from converter.worker import NotHereError, trial

__all__ = ["FORMAT"]

FEW = 64  # values: a picture has more, a map of classes seldom


class Payload(msgspec.Struct, frozen=True):
    """The mask of an image, the legend it is read with (empty: by value), and what a package says beside it.

    `grays`: gray masks, too, are read with the legend. `settled`: meta.json says all of the classes,
    so that values need no look before they are loaded.
    """

    mask: str
    colors: dict[Rgb, int] = {}
    beside: Beside | None = None
    grays: bool = False
    settled: bool = False


# ---------------------------------------------------------------- read


def detect(source: Source) -> Evidence | None:
    """meta.json that says multi-class, or images and masks of the same names."""
    about = meta.about(source)
    if about is not None:
        many = about.mask_encoding == "multi-class"
        return Evidence("meta.json says mask_encoding multi-class", certain=True) if many else None
    if source.entry is not None or instance_folders(source):
        return None
    pairs, _ = pair_masks(source, source)
    if pairs and tells_objects(source, source):
        return None
    pairs = pairs or _beside(source)
    if not pairs:
        return None
    image, mask = pairs[0]
    return Evidence(f"{len(pairs)} masks with the names of their images, as {mask} for {image}", weak=True)


def detect_apart(source: Source, images: Source) -> Evidence | None:
    """Masks of the names of images elsewhere, if most find one there and they are not of one object each."""
    pairs, orphans = pair_masks(source, images)
    if len(pairs) <= len(orphans) or tells_objects(source, images):
        return None
    image, mask = pairs[0]
    return Evidence(f"{len(pairs)} masks with the names of images in {images.name}, as {mask} for {image}", weak=True)


def _beside(source: Source) -> list[tuple[str, str]]:
    """Pairs that differ in their extension alone, if they are most of the set and hold classes, as far as is seen."""
    pairs = pair_beside(source)
    if 4 * len(pairs) <= sum(map(is_image, source.names())):
        return []
    return pairs if all(_holds_classes(source, mask) for _, mask in pairs[:: max(1, len(pairs) // 4)]) else []


def _holds_classes(source: Source, mask: str) -> bool:
    """Whether a file has few values, or colours, as maps of classes have; what only workers decode is none."""
    try:
        with trial():
            array = thinned(codec.read_labels(source.read(mask), mask).array)
    except (SourceError, NotHereError):
        return False
    return len(np.unique(array.reshape(-1, *array.shape[2:]), axis=0)) <= FEW


def scan(reading: Reading, ledger: Ledger) -> Scan:
    """Refs with their masks; the classes are settled after a look at the values."""
    source = reading.source
    about = meta.about(source)
    if about is not None and index.INDEX in source:
        return _scan_package(reading, about, ledger)
    found, masks = mask_an_image(reading, ledger, about.splits if about else ())
    classes, colors, origin = _declared(reading, about, [(i.file or "", mask) for i, mask in found])
    refs = [Ref(image, Payload(mask, colors)) for image, mask in found]
    tell_unused(reading.images, refs, masks, ledger)
    header = Header(
        "semantic-png",
        "semantic",
        tuple(classes),
        order_splits(r.image.split for r in refs),
        about.name if about else "",
        about.background_id if about else 0,
        about.ignore_id if about else None,
        {"classes_from": origin},
    )
    return Scan(header, refs)


def _scan_package(reading: Reading, about: meta.Meta, ledger: Ledger) -> Scan:
    """A tree with meta.json and index.csv: the index says which mask belongs to what."""
    source = reading.source
    rows = index.decode(partial(source.open, index.INDEX), source.label(index.INDEX))
    refs = [Ref(indexed_image(reading.images, row), Payload(row.mask, settled=True)) for row in rows]
    classes, _, _ = _declared(reading, about, [])
    reserved = {about.background_id, about.ignore_id}
    classes = with_told(classes, reading.options.classes, ledger, source.name, reserved)
    extra = meta.merged_entry(about.source.merged)
    beside = find_beside(reading, ledger)
    if beside is not None:
        refs = [Ref(beside.numbered(r.image), msgspec.structs.replace(r.payload, beside=beside)) for r in refs]
        classes, extra = beside.told(classes), {**beside.extra, **extra}
    splits = order_splits([*about.splits, *(r.image.split for r in refs)])
    return Scan(
        Header(
            "semantic-png",
            "semantic",
            tuple(classes),
            splits,
            about.name,
            about.background_id,
            about.ignore_id,
            extra,
        ),
        refs,
    )


def _declared(
    reading: Reading, about: meta.Meta | None, pairs: Sequence[tuple[str, str]]
) -> tuple[list[ClassInfo], dict[Rgb, int], str]:
    """Declared classes, the legend of colours, and the file they come from ("" when there is none)."""
    if about is None:
        return declared(reading, pairs)
    found, file = meta.classes(about), reading.source.label(meta.META)
    check_classes(found, file, table=reading.options.classes)
    return found, {}, file


def survey(reading: Reading, ref: Ref) -> Present | None:
    """What is in a mask; None when it cannot be read (loading will say why), or need not be known yet."""
    if ref.payload.settled:
        return None
    path = ref.payload.mask
    file = reading.source.label(path)
    try:
        raw = codec.read_labels(reading.source.read(path), file)
        labels = labels_of(raw, file, ref.payload.colors)
    except SourceError:
        return None
    return _present(raw, labels, ref.payload.colors)


def _present(raw: codec.Labels, labels: LabelMap, legend: Mapping[Rgb, int]) -> Present:
    values = [int(v) for v in labelmap.values(labels)[0]]
    palette, looked_up = raw.palette or [], raw.array.shape[2:] > (2,) and bool(legend)
    shown = [palette[v] for v in values if v < len(palette)]
    return Present(values, raw.lossy and len(values) > 2, looked_up, shown, labels.dtype == np.uint16)


def settle(scan: Scan, facts: Iterable[Present | None], reading: Reading, ledger: Ledger) -> Scan:
    """The header with classes, background and ignore decided by what the masks hold."""
    header, refs = scan.header, scan.refs
    found = list(facts)
    colors = refs[0].payload.colors if refs else {}
    if colors and (gray := by_grays(header, found, colors)) is not None:
        found = gray
        refs = [Ref(r.image, msgspec.structs.replace(r.payload, grays=True)) for r in refs]
    if meta.about(reading.source) is not None:
        classes, background, ignore = list(header.classes), header.background_id, header.ignore_id
    else:
        header = in_colors(header, found, reading, ledger)
        classes, background, ignore = settled(header, found, reading, ledger)
    _tell_palettes(scan, found, reading, ledger)
    header = msgspec.structs.replace(header, classes=tuple(classes), background_id=background, ignore_id=ignore)
    kept = []
    for ref, present in zip(refs, found, strict=True):
        wrong = _strange(present, header, reading.source.label(ref.payload.mask)) if present else None
        if wrong is None:
            kept.append(ref)
        else:
            ledger.bad_image(ref.image.path, wrong)
    extra = {k: v for k, v in header.extra.items() if k != "classes_from"}
    used = Counter(value for each in found if each is not None for value in each.values)
    return Scan(msgspec.structs.replace(header, extra=extra), kept, used=used)


def _tell_palettes(scan: Scan, found: Sequence[Present | None], reading: Reading, ledger: Ledger) -> None:
    colored = (
        (reading.source.label(ref.payload.mask), zip(each.values, each.colors, strict=False))
        for ref, each in zip(scan.refs, found, strict=True)
        if each
    )
    if (told := recolored(colored, legend_colors(scan.header.classes))) is not None:
        ledger.note("palette-mask", *told)


def _strange(present: Present, header: Header, file: str) -> SourceError | None:
    """What is wrong with a mask that holds values that are not declared; None for any other."""
    declared = [c.id for c in header.classes]
    strange = [v for v in present.values if v not in {*declared, header.background_id, header.ignore_id}]
    if not strange:
        return None
    if present.blurred:
        said = f"the compression has changed its values along the edges: there are {len(present.values)}"
        return SourceError(file, said, remedy="save masks as PNG, black and white ones cut at 128", code="lossy-mask")
    return SourceError(file, undeclared(strange, declared), code="unexpected-value")


def load(reading: Reading, header: Header, ref: Ref, ledger: Ledger) -> Sample:
    """One image with its map of class ids."""
    path, image, beside = ref.payload.mask, ref.image, ref.payload.beside
    if beside is not None:
        image = beside.whole(image)
    label = reading.source.label(path)
    try:
        raw, payload = codec.read_labels(reading.source.read(path), label), ref.payload
        labels = labels_of(raw, label, payload.colors, ledger, grays=payload.grays)
        height, width = labels.shape
        check_size(label, width, height, image)
        wrong = _strange(_present(raw, labels, payload.colors), header, label) if payload.settled else None
        if wrong is not None:
            raise wrong
    except SourceError as error:
        ledger.skip_image(image.path, error)
    return Sample(image, labels=labels)


def files(reading: Reading, ref: Ref) -> list[str]:
    """The mask of the image."""
    return [reading.source.label(ref.payload.mask)]


# ---------------------------------------------------------------- write


def encode(writing: Writing, sample: Sample) -> Encoded:
    """One gray PNG: 8 bits where every id of the dataset fits, else 16."""
    if sample.labels is None:
        raise Skipped
    path = mask_stem(writing, sample.image) + ".png"
    files = [(path, png_write.encode_gray(sample.labels))]
    return Encoded(files, describe(writing, sample, files))


FORMAT = Format(
    name="semantic-png",
    summary="one PNG an image, pixel = class id, with meta.json and index.csv",
    page=__doc__ or "",
    holds=Holds(task="semantic", overlaps=False, fact_keys=(meta.SETS,), colors=True),
    detect=detect,
    detect_apart=detect_apart,
    scan=scan,
    load=load,
    survey=survey,
    settle=settle,
    encode=encode,
    assemble=PackageAssembler,
    image_path=image_path,
    label_path=mask_stem,
    files=files,
    takes=PATTERNS,
)
