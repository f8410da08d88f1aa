"""YOLO 1.1 (Darknet): lists of images, and a text file of boxes beside each image.

    obj.data                          classes = 2, train = data/train.txt, names = data/obj.names, ...
    obj.names                         a name a line
    train.txt                         data/obj_train_data/<path>.jpg, one a line; valid.txt and so on: as obj.data says
    obj_train_data/<path>.jpg, .txt   class x y w h; obj_valid_data/ and so on

Rows are those of yolo: the centre and size of a box as fractions. The paths in obj.data and in
the lists begin on the exporter's machine (data/...): what counts is the part from
obj_..._data/ on. Images may be missing from the export (--images DIR finds them);
a label file may be empty. Labels may also lie in labels/, of images in images/ or JPEGImages/.
Darknet's own trees have these files in data/ beside cfg/, or call them voc.data and voc.names: a .data
file that names a list and a file of names says so, where no data.yaml does.

Coordinates are fractions of width and height. Class index i is class id i + 1.

Holds: boxes. Read only. Cannot hold: masks, crowds, attributes.
Known exporters: CVAT (YOLO 1.1), Datumaro, Darknet itself.
Source: https://docs.cvat.ai/docs/manual/advanced/formats/format-yolo/.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping

from converter.codecs import text
from converter.errors import SourceError
from converter.format import Evidence, Format, Holds, Reading, Scan
from converter.layouts import yolo_rows, yolo_tree
from converter.layouts.class_files import read_class_file
from converter.layouts.classes import check_classes
from converter.layouts.images import ImageIndex, is_image, order_splits, split_name, stem, tell_unused
from converter.layouts.undeclared import told_ids
from converter.layouts.yolo_darknet import DATA, NAMES, bare_darknet, ends, find_darknet
from converter.layouts.yolo_rows import is_row
from converter.ledger import Ledger
from converter.model import ClassInfo, Header, Image, Ref
from converter.storage import Source
from converter.storage.names import clean

__all__ = ["FORMAT"]

FOLDER = re.compile(r"(?:^|.*/)(obj_(?P<subset>[^/]+)_data)/(?P<below>.+)")


def detect(source: Source) -> Evidence | None:
    """obj.data and obj.names; or another .data file with its names and lists, where there is no YAML."""
    found = find_darknet(source)
    if found is None:
        return None
    evidence = f"{found.data} and {found.names}"
    if found.data == DATA or source.entry is not None:
        return Evidence(evidence, certain=True)
    tree = yolo_tree.find_tree(source)
    other = tree is None or tree.config is not None or yolo_tree.has_polygons(source)
    return None if other else Evidence(evidence)


def scan(reading: Reading, ledger: Ledger) -> Scan:
    source = reading.source
    darknet = find_darknet(source) or bare_darknet(source)
    if darknet is None:
        raise SourceError(source.name, f"no {NAMES} in it", remedy="is it YOLO 1.1?")
    names = {i: c.name for i, c in read_class_file(source, darknet.names).items()}
    told = told_ids(reading.options.classes, names, set(names.values()), ledger, source.name)
    names |= {i: f"class_{i}" for i in told}
    classes = tuple(ClassInfo(i + 1, name, None, i, name) for i, name in sorted(names.items()))
    check_classes(classes, source.label(darknet.names), table=reading.options.classes, by_source=True)
    index, labels = ImageIndex(reading.images), yolo_tree.Labels(source, ())
    refs: dict[str, Ref] = {}
    for split, entry, place in _entries(source, darknet.lists):
        try:
            ref = _ref(labels, index, split, entry, posixpath.dirname(darknet.data))
        except ValueError as error:
            ledger.bad_image(entry, SourceError(place, f"'{entry}' {error}", remedy="mend the list"))
            continue
        refs.setdefault(f"{split}/{ref.image.name}", ref)
    _tell_orphans(source, list(refs.values()), ledger)
    found = list(refs.values())
    mine = [darknet.data, darknet.names, *darknet.lists.values()]
    tell_unused(reading.images, found, [*mine, *(r.payload.label for r in found if r.payload.label)], ledger)
    splits = order_splits(r.image.split for r in found)
    return Scan(Header("yolo-1.1", "instance", classes, splits), found)


def _entries(source: Source, lists: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """(split, path as listed, file and line) of every image that a list names; of label files without a list."""
    found = []
    for name, path in lists.items():
        file = source.label(path)
        for line, row in enumerate(text.decode_text(source.read(path), file).splitlines(), 1):
            if row.strip():
                found.append((split_name(name), row.strip(), f"{file}: line {line}"))
    if found:
        return found
    labels = [(n, m) for n in source.names() if n.endswith(".txt") and (m := FOLDER.fullmatch(n))]
    return [(split_name(m["subset"]), stem(n) + ".jpg", source.label(n)) for n, m in labels]


def _ref(labels: yolo_tree.Labels, index: ImageIndex, split: str, entry: str, root: str) -> Ref:
    """ValueError for a path that leads out; `root` is the folder of the .data file."""
    path = entry.replace("\\", "/")
    match = FOLDER.fullmatch(path)
    if match is None:
        name, file, folders = *_darknet_image(index, path, root), ["obj_train_data", ""]
    else:
        name, folders = clean(match["below"]), [match[1], ""]
        file = index.find(name, folders)
    places = [posixpath.join(folder, stem(name) + ".txt") for folder in folders]
    label = next((found for place in places if (found := labels.find(place)) is not None), None)
    return Ref(Image(name, split, file=file), yolo_tree.Payload(label or labels.of(file or name)))


def _darknet_image(index: ImageIndex, path: str, root: str) -> tuple[str, str | None]:
    """Name and file of an image that lies in no obj_..._data/; roots of the author's machine are taken off."""
    foreign = path.startswith("/") or path[1:2] == ":"
    name = path if foreign else clean(path.removeprefix("./").removeprefix("data/"))
    file = None if foreign else index.find(name, ["obj_train_data", ""])
    if file is None:
        places = ((tail, posixpath.join(folder, tail)) for tail in ends(path) for folder in (root, ""))
        name, file = next((found for found in places if found[1] in index.paths), (name, None))
    return clean(name), file


def _tell_orphans(source: Source, refs: list[Ref], ledger: Ledger) -> None:
    """Label files with rows that no list leads to are losses; images that have none are told."""
    mine = {r.payload.label for r in refs}
    bare = {r.image.file for r in refs if r.payload.label is None}
    for path in source.names():
        if path.lower().endswith(".txt") and path not in mine:
            rows = [r for r in source.read(path).splitlines() if r.strip()]
            if rows and (FOLDER.fullmatch(path) or is_row(rows[0])):
                ledger.lose("orphan-label", path, f"{source.label(path)}: no list names its image", amount=len(rows))
        elif path in bare or (path.startswith("obj_") and is_image(path) and stem(path) + ".txt" not in source):
            ledger.note("no-label", source.label(path), "the image has no label file")


FORMAT = Format(
    name="yolo-1.1",
    summary="YOLO 1.1 of Darknet and CVAT: obj.data, lists, and boxes",
    page=__doc__ or "",
    holds=Holds(masks=False, boxes=True),
    detect=detect,
    scan=scan,
    load=yolo_rows.load,
    files=yolo_rows.files,
    indexed_classes=True,
)
