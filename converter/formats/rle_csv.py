"""CSV of run-length masks, as Kaggle's competitions have them: a row an object.

    train.csv           ImageId,EncodedPixels[,ClassId][,Height,Width]
    images/<ImageId>    the extension may be missing in the table; case1_day1_slice_0001 may be
                        case1_day1/scans/slice_0001_266_266_1.50_1.50.png

EncodedPixels are pairs `start length ...`. A table does not say how pixels are counted: down the columns
and from 1, as most competitions do, or else along the rows with --rle-order rows (Carvana, Sartorius cells and
UW-Madison GI tract, which are known by their columns), and from 0 with --rle-base 0. Where starts do not
ascend they are taken as steps from the end of the run before, the first from 0 (SIIM pneumothorax). What
was assumed is told in a note; look at the masks once with `segpack preview`.

An empty field, `-1` or `nan` is an image without objects; its class is one all the same. Columns may
be called otherwise (image_id, img, id; rle, rle_mask, encoding, segmentation, annotation; class, class_id,
label, category, cell_type); image and class may share a column (`0002cc93b.jpg_1`, column ImageId_ClassId or
Image_Label).

Classes are numbers, named with --classes, else class_1 and so on; or names, numbered from 1 in
the order of the alphabet; without a class column all is `object`, or what --class-name says.
The size comes from the image, or from Height and Width.

Coordinates: none; runs count the pixels of the image.

Holds: masks with overlaps; attributes by number. Other columns are not read, with a note. Read only.
Cannot hold: boxes, crowds, polygons.
Known sets: DSB 2018, Airbus ships, Severstal steel, clouds, HuBMAP, iMaterialist (`24_1_2` or `24_1,2`: the class
and its attributes, which are told as the attribute `ids`; so is the column AttributesIds).
"""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import islice

import msgspec

from converter.codecs import csvs
from converter.codecs.text import whole
from converter.errors import ShapeError, SourceError, some_of
from converter.format import Evidence, Format, Holds, Reading, Scan
from converter.layouts.class_files import find_class_file, read_class_file
from converter.layouts.classes import check_classes, check_name
from converter.layouts.images import ImageIndex, is_image, stem, tell_unused
from converter.layouts.run_pairs import Counting, ascends, decode
from converter.layouts.undeclared import settled_ids, undeclared, unnamed
from converter.layouts.words import in_mask_folder
from converter.ledger import Ledger
from converter.model import ClassInfo, Header, Image, Instance, Ref, Sample
from converter.storage import Source
from converter.storage.names import clean

__all__ = ["FORMAT"]

IMAGE = ("imageid", "image_id", "image", "img", "filename", "file_name", "id")
CODE = ("encodedpixels", "encoded_pixels", "rle", "rle_mask", "mask_rle", "rlemask", "encoding", "segmentation",
        "annotation")  # fmt: skip
CLASS = ("classid", "class_id", "class", "label", "category", "category_id", "cell_type")
ATTRIBUTES = ("attributesids", "attributes_ids", "attribute_ids")
ROWS = ({"id", "annotation", "cell_type"}, {"id", "class", "segmentation"}, {"img", "rle_mask"})
BOTH = ("imageid_classid", "image_label", "image_class")
EMPTY = frozenset({"", "-1", "nan", "none"})
WITH_ATTRIBUTES = re.compile(r"([0-9]+)_([0-9]+(?:[_,][0-9]+)*)")
HEAD = 4000
TRIED = 500  # rows that tell how runs are counted


class Columns(msgspec.Struct, frozen=True):
    """Which column holds what, as written; "" where there is none."""

    image: str
    code: str
    label: str = ""
    joined: bool = False
    height: str = ""
    width: str = ""
    attributes: str = ""
    along_rows: bool = False


class Row(msgspec.Struct, frozen=True):
    """An object: its line, its class, the numbers of its attributes, and its code."""

    line: int
    label: str
    attributes: str
    code: str


class Payload(msgspec.Struct, frozen=True):
    file: str
    rows: list[Row]
    counting: Counting


# ---------------------------------------------------------------- scan


def detect(source: Source) -> Evidence | None:
    """A CSV with a column of images and one of run lengths; beside another format it is the same said again."""
    found = _training(source)
    return Evidence(f"{found[0]}: CSV with a column of run lengths", weak=source.entry is None) if found else None


def _tables(source: Source) -> list[str]:
    if source.entry is not None:
        names: Sequence[str] = [source.entry]
    else:
        names = [n for n in source.names() if n.count("/") <= 1]
    return [n for n in names if n.lower().endswith(".csv") and _is_table(source, n)]


def _training(source: Source) -> list[str]:
    """The tables but the examples of what to submit, which hold no truth."""
    found = _tables(source)
    return [t for t in found if "submission" not in t.lower()] or found


def _is_table(source: Source, path: str) -> bool:
    with source.open(path) as stream:
        head = stream.read(HEAD).decode("utf-8-sig", "replace").splitlines()
    if not head:
        return False
    names = [n.strip().strip('"') for n in re.split("[,;\t]", head[0])]
    return _columns(names) is not None and len(set(names)) == len(names)


def _columns(names: Sequence[str]) -> Columns | None:
    """The columns of a header; None when it is no table of masks."""
    by_lower = {n.lower(): n for n in names}

    def first(words: Sequence[str]) -> str:
        return next((by_lower[w] for w in words if w in by_lower), "")

    both = first(BOTH)
    image, code = both or first(IMAGE), first(CODE)
    if not image or not code:
        return None
    height, width = first(("height", "img_height")), first(("width", "img_width"))
    along_rows = any(columns <= by_lower.keys() for columns in ROWS)
    return Columns(image, code, first(CLASS), bool(both), height, width, first(ATTRIBUTES), along_rows)


def scan(reading: Reading, ledger: Ledger) -> Scan:
    source = reading.source
    tables = _training(source)
    if len(tables) != 1:
        found = ", ".join(tables) if tables else "none"
        raise SourceError(source.name, f"one CSV of run lengths is wanted, there is {found}", remedy="name the CSV")
    file = source.label(tables[0])
    rows = csvs.rows(source.read(tables[0]), file)
    columns = _columns(list(rows[0])) if rows else None
    if columns is None:
        raise SourceError(file, "has no rows, or no columns of images and run lengths", place="line 1")
    grouped, sizes, bare = _group(rows, columns, file, ledger)
    index = _Images(reading.images)
    counting = _counting(reading, columns, grouped, file, ledger)
    _tell_others(rows[0], columns, file, ledger)
    refs = [
        _ref(name, Payload(file, grouped[name], counting), sizes.get(name, (0, 0)), index, ledger)
        for name in sorted(grouped)
    ]
    made = [r for r in refs if r is not None]
    tell_unused(reading.images, made, tables, ledger)
    labels = {row.label for r in made for row in r.payload.rows}
    return Scan(Header("rle-csv", "instance", _classes(reading, columns, labels, bare, ledger)), made)


def _group(
    rows: Sequence[Mapping[str, str]], columns: Columns, file: str, ledger: Ledger
) -> tuple[dict[str, list[Row]], dict[str, tuple[int, int]], set[str]]:
    """Image -> its rows that hold something; the sizes that the table says; classes of rows that hold nothing."""
    bare: set[str] = set()
    grouped: dict[str, list[Row]] = defaultdict(list)
    sizes: dict[str, tuple[int, int]] = {}
    for line, row in enumerate(rows, 2):
        name, label = row[columns.image].strip(), row[columns.label].strip() if columns.label else ""
        if columns.joined:
            name, _, label = name.rpartition("_")
        if not name:
            problem = SourceError(file, "names no image", place=f"line {line}", remedy="mend or remove the row")
            ledger.bad_annotation("", line, problem)
            continue
        mine = grouped[name]
        if columns.height and columns.width:
            width, height = whole(row[columns.width]) or 0, whole(row[columns.height]) or 0
            sizes[name] = (width, height) if width > 0 and height > 0 else (0, 0)
        code = row[columns.code].strip()
        found = WITH_ATTRIBUTES.fullmatch(label)
        label, attributes = found.groups() if found else (label, "")
        attributes = attributes or (row[columns.attributes].strip() if columns.attributes else "")
        if code.lower() not in EMPTY:
            mine.append(Row(line, label, attributes.replace("_", ","), code))
        elif label.lower() not in EMPTY:
            bare.add(label)
    return grouped, sizes, bare


def _tell_others(row: Mapping[str, str], columns: Columns, file: str, ledger: Ledger) -> None:
    mine = set(msgspec.structs.astuple(columns))
    others = [name for name in row if name and name not in mine]
    if others:
        shown = some_of(others, 8)
        ledger.note("attributes-unread", file, f"columns that have no place are left out: {shown}")


def _steps(grouped: Mapping[str, list[Row]]) -> bool:
    """Whether starts are steps from the end of the run before: in a table of places they ascend, by any encoder."""
    codes = islice((row.code for rows in grouped.values() for row in rows), TRIED)
    return any(not ascends(code) for code in codes)


def _counting(
    reading: Reading, columns: Columns, grouped: Mapping[str, list[Row]], file: str, ledger: Ledger
) -> Counting:
    """What the user says; else what is usual, with a note."""
    options, steps = reading.options, _steps(grouped)
    order = options.rle_order or ("rows" if columns.along_rows else "columns")
    base = options.rle_base if options.rle_base is not None else (0 if steps else 1)
    if steps:
        said = "starts do not ascend: each was taken as a step from the end of the run before"
        ledger.note("rle-steps", file, f"{said}; if they are places, sort them")
    if options.rle_order is None or options.rle_base is None:
        way = "along the rows" if order == "rows" else "down the columns"
        ledger.note(
            "rle-order",
            file,
            f"pixels were counted {way} from {base}, which the table does not say; "
            "--rle-order columns|rows and --rle-base 0|1 settle it",
        )
    return Counting(order, base, steps)


class _Images:
    """Finds images by what the table calls them, with extension or without."""

    def __init__(self, source: Source) -> None:
        self.index = ImageIndex(source)
        self.stems: dict[str, list[str]] = defaultdict(list)
        for path in self.index.paths:
            self.stems[posixpath.basename(stem(path))].append(path)

    def find(self, name: str) -> str | None:
        found = self.index.find(name, ("images", "train", "train_images", ""))
        if found is not None:
            return found
        alike = [p for p in self.stems.get(posixpath.basename(name), ()) if ("/" + stem(p)).endswith("/" + name)]
        alike = [p for p in alike if not in_mask_folder(p)] or alike or self._below_folders(name)
        return alike[0] if len(alike) == 1 else None

    @cached_property
    def _by_folder(self) -> dict[str, list[str]]:
        """The images below folders of a name."""
        found: dict[str, list[str]] = defaultdict(list)
        for path in self.index.paths:
            for folder in set(path.split("/")[:-1]):
                found[folder].append(path)
        return found

    def _below_folders(self, name: str) -> list[str]:
        """Images whose folder and file begin what the table calls them, as UW-Madison does."""
        words = name.split("_")
        for at in range(len(words) - 1, 0, -1):
            base = "_".join(words[at:])
            below = self._by_folder.get("_".join(words[:at]), ())
            found = [p for p in below if f"{posixpath.basename(stem(p))}_".startswith(f"{base}_")]
            if found:
                return found
        return []


def _ref(name: str, payload: Payload, size: tuple[int, int], index: _Images, ledger: Ledger) -> Ref | None:
    try:
        name = clean(name)
    except ValueError as error:
        ledger.bad_image(name, SourceError(payload.file, f"the image '{name}' {error}", remedy="mend the table"))
        return None
    found = index.find(name)
    shown = name if is_image(name) or found is None else name + posixpath.splitext(found)[1]
    return Ref(Image(shown, None, *size, file=found), payload)


def _classes(
    reading: Reading, columns: Columns, labels: set[str], bare: set[str], ledger: Ledger
) -> tuple[ClassInfo, ...]:
    """The classes of objects, and those of rows without one, as far as these are of the same kind and in the list."""
    source = reading.source
    if not columns.label and not columns.joined:
        return (ClassInfo(1, reading.options.class_name or "object"),)
    used, without = _numbers(labels or bare), _numbers(bare)
    if used is None:
        names = labels if without else labels | bare
        classes = tuple(ClassInfo(i, check_name(n, source.name, "classes")) for i, n in enumerate(sorted(names), 1))
        check_classes(classes, source.name)
        return classes
    path = find_class_file(source, [""])
    if path is None:
        return unnamed(used | (without or set()), reading.options.classes, ledger, source.name)
    found = read_class_file(source, path)
    strange = used - found.keys() if labels else set()
    told = {c.id: c for c in settled_ids(strange, reading.options.classes)}
    strange, found = strange - told.keys(), {**found, **told}
    if strange:
        raise SourceError(source.label(path), undeclared(strange, found))
    classes = tuple(ClassInfo(i, c.name, c.color, i, c.name) for i, c in sorted(found.items()) if i or i in used)
    check_classes(classes, source.label(path), table=reading.options.classes)
    return classes


def _numbers(labels: set[str]) -> set[int] | None:
    """The ids that labels are; None when one is no number."""
    numbers = [whole(label) for label in labels]
    return {n for n in numbers if n is not None} if all(n is not None and n >= 0 for n in numbers) else None


# ---------------------------------------------------------------- load


def load(reading: Reading, header: Header, ref: Ref, ledger: Ledger) -> Sample:
    """The masks of an image."""
    payload: Payload = ref.payload
    image = ref.image
    ids = {c.name if c.source_id is None else c.source_id: c.id for c in header.classes}
    only = header.classes[0].id if header.classes else 1
    instances = []
    for row in payload.rows:
        try:
            region = decode(row.code, image.height, image.width, payload.counting)
        except ShapeError as error:
            wrong = SourceError(
                payload.file, str(error), place=f"line {row.line}", remedy="mend or remove the row", code="invalid-rle"
            )
            ledger.bad_annotation(image.path, row.line, wrong)
            continue
        label = row.label if row.label in ids else whole(row.label)
        extra = {"attributes": {"ids": row.attributes}} if row.attributes else {}
        instances.append(Instance(only if label is None else ids[label], region, extra=extra))
    del reading
    return Sample(image, tuple(instances))


def files(reading: Reading, ref: Ref) -> list[str]:
    """The table."""
    del reading
    return [ref.payload.file]


FORMAT = Format(
    name="rle-csv",
    summary="CSV of run-length masks, a row an object (Kaggle)",
    page=__doc__ or "",
    holds=Holds(attributes=True),
    detect=detect,
    scan=scan,
    load=load,
    files=files,
    takes=("rle_order", "rle_base"),
)
