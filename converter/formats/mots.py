"""MOTS: tracking and segmentation, one map of objects a frame.

    instances/<sequence>/<frame>.png        16-bit gray: class * 1000 + number of the track
    images/<sequence>/<frame>.png           or training/image_02/..., <sequence>/img1/... (--images DIR)

A pixel is 0 where there is nothing and 10000 where nobody is to be judged (the image's
ignored region). Classes are 1 car and 2 pedestrian. The number stays with a
track through the frames of a sequence, and is kept as `track_id`.

Holds: masks without overlaps, track numbers, ignored regions.
Known sets: KITTI MOTS (sequences 0000 to 0028), MOTSChallenge (0002 is MOTS20-02; only pedestrians).
Source: https://www.vision.rwth-aachen.de/page/mots, "Annotation format".
"""

from __future__ import annotations

import posixpath
import re

import msgspec

from converter.codecs import png
from converter.errors import SourceError
from converter.format import Evidence, Format, Holds, Reading, Scan
from converter.geometry import rle
from converter.layouts.images import is_split_name, shown_name, split_name
from converter.layouts.label_maps import Found, Meaning, cut, files, numbers, pairs, scan_of
from converter.layouts.masks import check_size
from converter.ledger import Ledger
from converter.model import ClassInfo, Header, Ref, Sample
from converter.storage import Source

__all__ = ["FORMAT"]

MAP = re.compile(r"(?:(?P<above>.+)/)?instances/(?P<sequence>\d{4})/(?P<frame>\d{6})\.png")
IGNORED = 10000
CLASSES = (
    ClassInfo(1, "car", source_id=1, source_name="car"),
    ClassInfo(2, "pedestrian", source_id=2, source_name="pedestrian"),
)
IMAGE_FOLDERS = ("images", "image_02", "img1")


def detect(source: Source) -> Evidence | None:
    """Maps of 16 bits at instances/<4 digits>/<6 digits>.png."""
    maps = _maps(source)
    if not maps or not _is_deep(source, maps[0]):
        return None
    return Evidence(f"{len(maps)} maps of 16 bits such as {maps[0]}")


def _maps(source: Source) -> list[str]:
    return [] if source.entry is not None else [n for n in source.names() if MAP.fullmatch(n)]


def _is_deep(source: Source, path: str) -> bool:
    try:
        with source.open(path) as stream:
            header = png.read_header(stream.read(33), path)
    except SourceError:
        return False
    return header.kind == "gray" and header.bit_depth == 16


def scan(reading: Reading, ledger: Ledger) -> Scan:
    maps = _maps(reading.source)
    if not maps:
        raise SourceError(reading.source.name, "no maps in instances/<sequence>/<frame>.png", remedy="is it MOTS?")
    found = [Found(mask, image, *_named(mask, image)) for mask, image in pairs(reading, maps, _candidates)]
    return scan_of(reading, "mots", CLASSES, found, (), ledger)


def _candidates(mask: str) -> list[str]:
    """Where the frame of a map may lie, without its extension."""
    match = MAP.fullmatch(mask)
    assert match is not None
    above, sequence, frame = match["above"] or "", match["sequence"], match["frame"]
    tails = [f"{folder}/{sequence}/{frame}" for folder in IMAGE_FOLDERS]
    tails += [f"MOTS20-{sequence[2:]}/img1/{frame}", f"{sequence}/img1/{frame}", f"{sequence}/{frame}"]
    tops = dict.fromkeys(
        (above, posixpath.join(above, "training"), posixpath.join(above, "train"), "training", "train", "")
    )
    return [posixpath.join(top, tail) for top in tops for tail in tails]


def _named(mask: str, image: str | None) -> tuple[str, str | None]:
    match = MAP.fullmatch(mask)
    assert match is not None
    ending = posixpath.splitext(image)[1] if image else ".png"
    top = posixpath.basename(match["above"] or "")
    split = split_name(top) if is_split_name(top) else None
    return f"{match['sequence']}/{match['frame']}{ending}", split


def load(reading: Reading, header: Header, ref: Ref, ledger: Ledger) -> Sample:
    """The objects of a frame; what is to be ignored goes to the image."""
    path, image = ref.payload, ref.image
    file = reading.source.label(path)
    try:
        codes = numbers(reading.source.read(path), file)
        check_size(file, codes.shape[1], codes.shape[0], image)
    except SourceError as error:
        ledger.skip_image(shown_name(image), error)
    if (codes == IGNORED).any():
        region = rle.encode(codes == IGNORED)
        entry = {"size": [region.height, region.width], "counts": region.counts.decode()}
        image = msgspec.structs.replace(image, extra={**image.extra, "ignore_region": entry})
    return Sample(image, tuple(cut(codes, file, image, _means, header.classes, ledger)))


def _means(value: int) -> Meaning | None:
    return None if value in {0, IGNORED} else Meaning(value // 1000, extra={"track_id": value % 1000})


FORMAT = Format(
    name="mots",
    summary="MOTS tracking masks: 16-bit PNGs, class * 1000 + track",
    page=__doc__ or "",
    holds=Holds(overlaps=False, ignore=True, keys=("track_id",)),
    detect=detect,
    scan=scan,
    load=load,
    files=files,
)
