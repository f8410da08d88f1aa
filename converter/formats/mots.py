"""MOTS: tracking and segmentation, one map of objects a frame.

    instances/<sequence>/<frame>.png        16-bit gray: class * 1000 + number of the track
    images/<sequence>/<frame>.png           or training/image_02/..., <sequence>/img1/... (--images DIR)

or, where there are no maps, a table a sequence with one row an object and frame:

    <sequence>/gt/gt.txt, instances_txt/<sequence>.txt      frame id class height width rle
    <sequence>/img1/<frame>.jpg

Where instances/labels.txt names classes, as Datumaro and CVAT write it, its first line is class 1, and maps and
images may lie deeper or not in sequences at all: instances/<frame>.png, images/<frame>.png.

In a map a pixel is 0 where there is nothing and 10000 where nobody is to be judged (the image's
ignored region); in a table that region has class 10, and masks are compressed RLE of the COCO API.
Classes are else 1 car and 2 pedestrian. The id in a table is class * 1000 + number as in a map, or the number
itself. The number stays with a track through the frames of a
sequence, and is kept as `track_id`.

Coordinates: none; a pixel of a map is the pixel of the image in its place.

Holds: masks without overlaps, track numbers, ignored regions. Read only.
Cannot hold: overlaps, crowds, boxes, other attributes.
Known sets: KITTI MOTS (sequences 0000 to 0028), MOTSChallenge (0002 is MOTS20-02; only pedestrians).
Source: https://www.vision.rwth-aachen.de/page/mots, "Annotation format".
"""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Sequence, Set

import msgspec
import numpy as np

from converter.codecs import png_chunks
from converter.codecs.text import decode_text, whole
from converter.errors import ShapeError, SourceError
from converter.extras import ignoring
from converter.format import Evidence, Format, Holds, Reading, Scan
from converter.geometry import rle, runlengths
from converter.layouts.class_files import read_class_file
from converter.layouts.classes import check_classes, raised
from converter.layouts.images import image_files, is_split_name, order_splits, split_name, tell_unused
from converter.layouts.label_maps import Found, ImageStems, Meaning, cut, files, numbers, pairs, scan_of
from converter.layouts.masks import check_size
from converter.layouts.undeclared import settled_ids, undeclared
from converter.ledger import Ledger
from converter.model import ClassInfo, Header, Image, Instance, Ref, Rle, Sample
from converter.storage import Source

__all__ = ["FORMAT"]

MAP = re.compile(r"(?:(?P<above>.+)/)?instances/(?P<sequence>\d{4})/(?P<frame>\d{6})\.png")
PLACE = re.compile(r"(?:(?P<above>.+)/)?instances/(?P<frame>.+)\.png")
NAMES = "instances/labels.txt"
TABLE = re.compile(
    r"(?:(?:(?P<above>.+)/)?(?P<sequence>[^/]+)/gt/gt|(?:(?P<beside>.+)/)?instances_txt/(?P<number>\d{4}))\.txt"
)
ROW = re.compile(rb"\d+ \d+ (?:1|2|10) \d+ \d+ \S")
IGNORED = 10000
CLASSES = (
    ClassInfo(1, "car", source_id=1, source_name="car"),
    ClassInfo(2, "pedestrian", source_id=2, source_name="pedestrian"),
)
IMAGE_FOLDERS = ("images", "image_02", "img1")


class Row(msgspec.Struct, frozen=True):
    """An object of a table: its line, and its five fields but the frame."""

    line: int
    track: int
    class_id: int
    height: int
    width: int
    code: str


class Rows(msgspec.Struct, frozen=True):
    """What a table says of a frame."""

    table: str
    rows: list[Row]


def detect(source: Source) -> Evidence | None:
    """Maps of 16 bits at instances/<4 digits>/<6 digits>.png, or beside a labels.txt; or tables of tracks."""
    maps = _maps(source)
    if maps and _is_deep(source, maps[0]):
        return Evidence(f"{len(maps)} maps of 16 bits such as {maps[0]}")
    tables = [] if maps else _tables(source)
    return Evidence(f"{len(tables)} tables of tracks such as {tables[0]}") if tables else None


def _tables(source: Source) -> list[str]:
    """The tables whose first line is one of masks: those of boxes have the same name."""
    found = [] if source.entry is not None else [n for n in source.names() if TABLE.fullmatch(n)]
    return found if found and _is_row(source, found[0]) else []


def _is_row(source: Source, path: str) -> bool:
    with source.open(path) as stream:
        return ROW.match(stream.read(200)) is not None


def _maps(source: Source) -> list[str]:
    if source.entry is not None:
        return []
    named = tuple(f"{posixpath.dirname(n)}/" for n in _names(source))
    return [n for n in source.names() if (n.startswith(named) and PLACE.fullmatch(n)) or MAP.fullmatch(n)]


def _names(source: Source) -> list[str]:
    return [n for n in source.names() if n.endswith(NAMES) and n.removesuffix(NAMES)[-1:] in {"", "/"}]


def _classes(reading: Reading) -> Sequence[ClassInfo]:
    """Those that every labels.txt names, or car and pedestrian."""
    source = reading.source
    paths = _names(source)
    lists = [read_class_file(source, path) for path in paths]
    for path, found in zip(paths, lists, strict=True):
        if found != lists[0]:
            problem = f"names other classes than {source.label(paths[0])}"
            raise SourceError(source.label(path), problem, remedy="convert the splits one by one")
    if not lists:
        return CLASSES
    named = raised(list(lists[0].values()))
    check_classes(named, source.label(paths[0]), table=reading.options.classes)
    return [msgspec.structs.replace(c, source_id=c.id, source_name=c.name) for c in named]


def _is_deep(source: Source, path: str) -> bool:
    try:
        with source.open(path) as stream:
            header = png_chunks.read_header(stream.read(33), path)
    except SourceError:
        return False
    return header.kind == "gray" and header.bit_depth == 16


def scan(reading: Reading, ledger: Ledger) -> Scan:
    maps = _maps(reading.source)
    if not maps and _tables(reading.source):
        return _scan_tables(reading, ledger)
    if not maps:
        raise SourceError(reading.source.name, "no maps in instances/<sequence>/<frame>.png", remedy="is it MOTS?")
    found = [Found(mask, image, *_named(mask, image)) for mask, image in pairs(reading, maps, _candidates)]
    return scan_of(reading, "mots", _classes(reading), found, (), ledger)


def _parts(mask: str) -> tuple[str, str]:
    """The folder above instances/, and the path below it without its extension."""
    match = PLACE.fullmatch(mask)
    assert match is not None
    return match["above"] or "", match["frame"]


def _candidates(mask: str) -> list[str]:
    above, path = _parts(mask)
    sequence, frame = posixpath.split(path)
    here = [posixpath.join(above, folder, path) for folder in IMAGE_FOLDERS]
    return [*here, *(_frames(above, sequence, frame) if sequence else ())]


def _frames(above: str, sequence: str, frame: str) -> list[str]:
    """Where a frame may lie, without its extension."""
    tails = [f"{folder}/{sequence}/{frame}" for folder in IMAGE_FOLDERS]
    tails += [f"MOTS20-{sequence[2:]}/img1/{frame}", f"{sequence}/img1/{frame}", f"{sequence}/{frame}"]
    tops = dict.fromkeys(
        (above, posixpath.join(above, "training"), posixpath.join(above, "train"), "training", "train", "")
    )
    return [posixpath.join(top, tail) for top in tops for tail in tails]


def _named(mask: str, image: str | None) -> tuple[str, str | None]:
    above, path = _parts(mask)
    return path + (posixpath.splitext(image)[1] if image else ".png"), _split(above)


def _split(above: str) -> str | None:
    top = posixpath.basename(above)
    return split_name(top) if is_split_name(top) else None


def _scan_tables(reading: Reading, ledger: Ledger) -> Scan:
    source = reading.source
    index = ImageStems(reading.images, apart=reading.images is not source)
    refs: list[Ref] = []
    tables = _tables(source)
    for table in tables:
        match = TABLE.fullmatch(table)
        assert match is not None
        above, sequence = match["above"] or match["beside"] or "", match["sequence"] or match["number"]
        known: set[str | None] = set()
        for frame, rows in sorted(_rows(source, table, ledger).items()):
            file = index.find(_frames(above, sequence, f"{frame:06}"))
            known.add(file)
            name = f"{sequence}/{posixpath.basename(file) if file else f'{frame:06}.jpg'}"
            height, width = (0, 0) if file else (rows[0].height, rows[0].width)
            refs.append(Ref(Image(name, _split(above), width, height, file=file), Rows(table, rows)))
        folders = {posixpath.dirname(file) for file in known if file}
        for file in image_files(reading.images):
            if posixpath.dirname(file) in folders and file not in known:
                name = f"{sequence}/{posixpath.basename(file)}"
                refs.append(Ref(Image(name, _split(above), file=file), Rows(table, [])))
    tell_unused(reading.images, refs, tables, ledger)
    used = {row.class_id for ref in refs for row in ref.payload.rows}
    strange = used - {IGNORED // 1000, *(c.id for c in CLASSES)}
    classes = (*CLASSES, *settled_ids(strange, reading.options.classes))
    return Scan(Header("mots", "instance", classes, order_splits(r.image.split for r in refs)), refs)


def _rows(source: Source, table: str, ledger: Ledger) -> dict[int, list[Row]]:
    """Frame -> its objects."""
    file = source.label(table)
    found: dict[int, list[Row]] = defaultdict(list)
    for line, content in enumerate(decode_text(source.read(table), file).splitlines(), 1):
        fields = content.split()
        if not fields:
            continue
        numbers = [whole(f) for f in fields[:5]]
        if len(fields) != 6 or None in numbers:
            problem = SourceError(file, "is no row `frame id class height width rle`", place=f"line {line}")
            ledger.bad_annotation(table, line, problem)
            continue
        frame, track, class_id, height, width = (n or 0 for n in numbers)
        found[frame].append(Row(line, track, class_id, height, width, fields[5]))
    return found


def load(reading: Reading, header: Header, ref: Ref, ledger: Ledger) -> Sample:
    """The objects of a frame; what is to be ignored goes to the image."""
    if isinstance(ref.payload, Rows):
        return _load_rows(reading, header, ref.payload, ref.image, ledger)
    path, image = ref.payload, ref.image
    file = reading.source.label(path)
    try:
        codes = numbers(reading.source.read(path), file)
        check_size(file, codes.shape[1], codes.shape[0], image)
    except SourceError as error:
        ledger.skip_image(image.path, error)
    if all(c.id != IGNORED // 1000 for c in header.classes) and (codes == IGNORED).any():
        image = ignoring(image, rle.encode(codes == IGNORED))
        codes = np.where(codes == IGNORED, 0, codes).astype(np.uint16)
    return Sample(image, tuple(cut(codes, file, image, _means, header.classes, ledger)))


def _load_rows(reading: Reading, header: Header, payload: Rows, image: Image, ledger: Ledger) -> Sample:
    file, declared = reading.source.label(payload.table), {c.id for c in header.classes}
    instances, void = [], []
    for row in payload.rows:
        try:
            region = _region(row, file, declared, image)
        except SourceError as error:
            ledger.bad_annotation(image.path, row.line, error)
            continue
        if row.class_id == IGNORED // 1000:
            void.append(region)
        else:
            own = row.track % 1000 if row.track // 1000 == row.class_id else row.track
            instances.append(Instance(row.class_id, region, extra={"track_id": own}))
    return Sample(ignoring(image, rle.union(void)) if void else image, tuple(instances))


def _region(row: Row, file: str, declared: Set[int], image: Image) -> Rle:
    """The pixels of a row; SourceError for one that is of no class, of another size, or no run lengths."""
    place = f"line {row.line}"
    if row.class_id not in declared and row.class_id != IGNORED // 1000:
        raise SourceError(file, undeclared([row.class_id], declared), place=place, code="unmapped-class")
    try:
        check_size(file, row.width, row.height, image)
        return runlengths.from_string(row.code, row.height, row.width)
    except (SourceError, ShapeError) as error:
        problem = error.problem if isinstance(error, SourceError) else str(error)
        raise SourceError(file, problem, place=place, remedy="mend the row", code=error.code) from None


def _means(value: int) -> Meaning | None:
    return Meaning(value // 1000, extra={"track_id": value % 1000}) if value else None


def _files(reading: Reading, ref: Ref) -> list[str]:
    return [reading.source.label(ref.payload.table)] if isinstance(ref.payload, Rows) else files(reading, ref)


FORMAT = Format(
    name="mots",
    summary="MOTS tracking masks: 16-bit PNGs, class * 1000 + track; or tables of RLE",
    page=__doc__ or "",
    holds=Holds(overlaps=False, ignore=True, keys=("track_id",)),
    detect=detect,
    scan=scan,
    load=load,
    files=_files,
)
