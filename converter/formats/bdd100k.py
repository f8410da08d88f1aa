"""BDD100K bitmasks: a PNG of four channels an image, of which alpha is data too.

    labels/ins_seg/bitmasks/<split>/<name>.png     also pan_seg, and seg_track_20 with <video>/<frame>
    images/10k/<split>/<name>.jpg                  or anywhere with --images DIR

R is the class. G holds flags: 1 ignored, 2 crowd, 4 occluded, 8 truncated. B * 256 + A is the number
of the object. A class of 0 is background. The flags other than crowd are kept as `ignored`,
`occluded` and `truncated`, the number as `track_id` where sequences are.

Classes of ins_seg and seg_track_20 are 1 pedestrian to 8 bicycle, those of pan_seg 1 dynamic
to 40 truck; other sets give theirs in classes.json beside the folders, or with --classes.

Coordinates: none; a pixel of a mask is the pixel of the image in its place.

Holds: masks without overlaps, crowds, the flags. Read only.
Cannot hold: overlaps, boxes, other attributes.
Source: https://doc.bdd100k.com/format.html, "Bitmasks", and the configurations of its toolkit.
"""

from __future__ import annotations

import posixpath
import re

import numpy as np

from converter.codecs import png_chunks
from converter.errors import SourceError
from converter.format import Evidence, Format, Holds, Reading, Scan
from converter.layouts.class_files import find_class_file, read_class_file
from converter.layouts.classes import check_classes
from converter.layouts.images import is_split_name, split_name, stem
from converter.layouts.label_maps import Found, Meaning, colors, cut, files, pairs, scan_of
from converter.layouts.masks import check_size
from converter.ledger import Ledger
from converter.model import ClassInfo, Header, Ref, Sample
from converter.storage import Source

__all__ = ["FORMAT"]

MAP = re.compile(r"(?P<above>(?:.+/)?)bitmasks/(?P<below>.+)\.png")
TASKS = ("ins_seg", "pan_seg", "seg_track_20")
OBJECTS = ("pedestrian", "rider", "car", "truck", "bus", "train", "motorcycle", "bicycle")
PANOPTIC = (
    "dynamic", "ego vehicle", "ground", "static", "parking", "rail track", "road", "sidewalk", "bridge", "building",
    "fence", "garage", "guard rail", "tunnel", "wall", "banner", "billboard", "lane divider", "parking sign", "pole",
    "polegroup", "street light", "traffic cone", "traffic device", "traffic light", "traffic sign",
    "traffic sign frame", "terrain", "vegetation", "sky", "person", "rider", "bicycle", "bus", "car", "caravan",
    "motorcycle", "trailer", "train", "truck",
)  # fmt: skip
FLAGS = {"ignored": 1, "occluded": 4, "truncated": 8}
CROWD = 2


def detect(source: Source) -> Evidence | None:
    """PNGs with alpha below a folder bitmasks/."""
    maps = _maps(source)
    return (
        Evidence(f"{len(maps)} PNGs of four channels such as {maps[0]}") if maps and _is_rgba(source, maps[0]) else None
    )


def _maps(source: Source) -> list[str]:
    return [] if source.entry is not None else [n for n in source.names() if MAP.fullmatch(n)]


def _is_rgba(source: Source, path: str) -> bool:
    try:
        with source.open(path) as stream:
            return png_chunks.read_header(stream.read(33), path).kind == "rgba"
    except SourceError:
        return False


def scan(reading: Reading, ledger: Ledger) -> Scan:
    source = reading.source
    maps = _maps(source)
    if not maps:
        raise SourceError(source.name, "no PNGs below a folder bitmasks/", remedy="is it BDD100K?")
    kinds = sorted({_kind(source, m) for m in maps})
    if len(kinds) > 1:
        raise SourceError(
            source.name, f"bitmasks of several tasks: {', '.join(kinds)}", remedy="name the folder of one of them"
        )
    found = [Found(mask, image, *_named(mask, image)) for mask, image in pairs(reading, maps, _candidates)]
    return scan_of(reading, "bdd100k", _classes(reading, kinds[0], ledger), found, (), ledger)


def _kind(source: Source, mask: str) -> str:
    """The task that a bitmask belongs to: the folder around bitmasks/, which may be the source itself."""
    match = MAP.fullmatch(source.label(mask))
    return posixpath.basename(match["above"].rstrip("/")) if match is not None else ""


def _classes(reading: Reading, kind: str, ledger: Ledger) -> list[ClassInfo]:
    path = find_class_file(reading.source, ["", "labels", "bitmasks"])
    if path is not None:
        found = [c for c in read_class_file(reading.source, path).values() if c.id]
        check_classes(found, reading.source.label(path), table=reading.options.classes)
        named = {c.id: c.name for c in found}
    else:
        named = dict(enumerate(PANOPTIC if kind == "pan_seg" else OBJECTS, 1))
        if kind not in TASKS:
            said = "no folder says of which task the bitmasks are: classes are called as those of ins_seg"
            ledger.note("class-names-unknown", reading.source.name, f"{said}; others are in classes.json, or --classes")
    return [ClassInfo(i, name, None, i, name) for i, name in sorted(named.items())]


def _candidates(mask: str) -> list[str]:
    match = MAP.fullmatch(mask)
    assert match is not None
    above, below = match["above"].rstrip("/"), match["below"]
    tops = dict.fromkeys((above, posixpath.dirname(above), posixpath.dirname(posixpath.dirname(above)), ""))
    kinds = ["images/10k", "images/100k", "images/seg_track_20", "images/track", "images"]
    return [posixpath.join(top, kind, below) for top in tops for kind in kinds] + [below]


def _named(mask: str, image: str | None) -> tuple[str, str | None]:
    match = MAP.fullmatch(mask)
    assert match is not None
    first, _, rest = match["below"].rpartition("/")[0].partition("/")
    split = split_name(first) if is_split_name(first) else None
    folder = rest if split else match["below"].rpartition("/")[0]
    return posixpath.join(folder, posixpath.basename(image or stem(mask) + ".jpg")), split


def load(reading: Reading, header: Header, ref: Ref, ledger: Ledger) -> Sample:
    """The objects of an image: pixels that are the same in all four channels."""
    path, image = ref.payload, ref.image
    file = reading.source.label(path)
    try:
        rgba = colors(reading.source.read(path), file, 4)
        check_size(file, rgba.shape[1], rgba.shape[0], image)
    except SourceError as error:
        ledger.skip_image(image.path, error)
    codes = np.ascontiguousarray(rgba).view(">u4")[..., 0].astype(np.uint32)
    tracked = "/" in image.name
    return Sample(
        image, tuple(cut(codes, file, image, lambda value: _means(value, tracked=tracked), header.classes, ledger))
    )


def _means(value: int, *, tracked: bool) -> Meaning | None:
    class_id, flags, number = value >> 24, value >> 16 & 255, value & 0xFFFF
    extra: dict[str, object] = {name: True for name, bit in FLAGS.items() if flags & bit}
    if tracked:
        extra["track_id"] = number
    return Meaning(class_id, bool(flags & CROWD), extra) if class_id else None


FORMAT = Format(
    name="bdd100k",
    summary="BDD100K bitmasks: RGBA PNGs of class, flags and object",
    page=__doc__ or "",
    holds=Holds(overlaps=False, crowd=True, keys=(*FLAGS, "track_id")),
    detect=detect,
    scan=scan,
    load=load,
    files=files,
)
