"""KITTI semantic instance segmentation: one map of objects an image.

    training/image_2/<name>.png
    training/instance/<name>.png        16-bit gray: class * 256 + number of the object
    training/semantic/<name>.png        class ids only; not needed, the instance map holds them too

The classes are those of Cityscapes, or of a label_colors.txt (Datumaro, CVAT; line i is class i) or another class
file at the top. Number 0 is a whole class: the region of a class
without objects (road, sky), and a group (crowd) of one whose objects are told apart, as all of other class lists
are. 0 is unlabelled.

Coordinates: none; a pixel of a map is the pixel of the image in its place.

Holds: masks without overlaps, groups. Read only.
Cannot hold: overlaps, boxes, attributes, more than 255 objects of a class in an image.
Source: readme of the KITTI semantic instance development kit.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence

from converter.errors import SourceError
from converter.format import Evidence, Format, Holds, Reading, Scan
from converter.layouts.class_files import find_class_file, read_class_file
from converter.layouts.classes import check_classes, is_background
from converter.layouts.images import is_split_name, split_name
from converter.layouts.label_maps import Found, Meaning, files, load_map, pairs, renamed, scan_of
from converter.layouts.street_labels import CLASSES, THINGS, is_street
from converter.ledger import Ledger
from converter.model import ClassInfo, Header, Ref, Sample
from converter.storage import Source

__all__ = ["FORMAT"]

MAP = re.compile(r"(?:(?P<above>.+)/)?instance/(?P<name>.+)\.png")
SIBLINGS = ("image_2", "semantic", "semantic_rgb")
SIBLING = re.compile(rf"(?:(?P<above>.+)/)?(?:{'|'.join(SIBLINGS)})/.+")


def detect(source: Source) -> Evidence | None:
    """A folder instance/ beside image_2/ or semantic/."""
    maps = _maps(source)
    return Evidence(f"{len(maps)} maps such as {maps[0]}, beside KITTI's other folders") if maps else None


def _maps(source: Source) -> list[str]:
    if source.entry is not None:
        return []
    matched = (SIBLING.fullmatch(n) for n in source.names())
    tops = {match["above"] or "" for match in matched if match}
    matches = [(n, m) for n in source.names() if (m := MAP.fullmatch(n))]
    return [n for n, m in matches if (m["above"] or "") in tops]


def scan(reading: Reading, ledger: Ledger) -> Scan:
    source = reading.source
    maps = _maps(source) or [n for n in source.names() if MAP.fullmatch(n)]
    if not maps:
        raise SourceError(source.name, "no maps in instance/<name>.png", remedy="is it KITTI?")
    found = [Found(mask, image, *_named(mask, image)) for mask, image in pairs(reading, maps, _candidates)]
    used = [n for n in source.names() if not set(SIBLINGS[1:]).isdisjoint(n.split("/")[:-1])]
    return scan_of(reading, "kitti", _classes(reading), found, used, ledger)


def _classes(reading: Reading) -> Sequence[ClassInfo]:
    path = find_class_file(reading.source, [""])
    if path is None:
        return CLASSES
    named = [c for c in read_class_file(reading.source, path).values() if c.id or not is_background(c.name)]
    check_classes(named, reading.source.label(path), table=reading.options.classes)
    return [ClassInfo(c.id, c.name, c.color, c.id, c.name) for c in sorted(named, key=lambda c: c.id)]


def _candidates(mask: str) -> list[str]:
    bare = posixpath.splitext(mask)[0]
    return [renamed(bare, instance="image_2"), renamed(bare, instance="images"), posixpath.basename(bare)]


def _named(mask: str, image: str | None) -> tuple[str, str | None]:
    match = MAP.fullmatch(mask)
    assert match is not None
    split = next((f for f in reversed((match["above"] or "").split("/")) if is_split_name(f)), None)
    name = match["name"] + (posixpath.splitext(image)[1] if image else ".png")
    return name, split_name(split) if split else None


def load(reading: Reading, header: Header, ref: Ref, ledger: Ledger) -> Sample:
    """The regions of an image."""
    street, first = is_street(header.classes), min((c.id for c in header.classes), default=1)
    return load_map(reading, header, ref, ledger, lambda value: _means(value, first, street=street))


def _means(value: int, first: int, *, street: bool) -> Meaning | None:
    """`first` is the least class id: class 0 may be one, the whole of which is still unlabelled."""
    class_id, number = divmod(value, 256)
    if not value or (not class_id and first):
        return None
    return Meaning(class_id, iscrowd=not number and (not street or class_id in THINGS))


FORMAT = Format(
    name="kitti",
    summary="KITTI semantic instances: 16-bit PNGs, class * 256 + object",
    page=__doc__ or "",
    holds=Holds(overlaps=False, crowd=True),
    detect=detect,
    scan=scan,
    load=load,
    files=files,
)
