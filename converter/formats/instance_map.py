"""Instance maps: one image of numbers for each image, a number an object.

    images/<name>.png
    masks/<name>.png        gray of 8 or 16 bits, palette, or TIFF: 0 nothing, n object n

Found as semantic masks are: in parallel folders, or beside the image as `<name>_masks.tif`
and the like. They look the same as masks of classes, so they are only read when named:
--from instance-map. All objects have the class `object`, or what --class-name says.

Holds: masks without overlaps, of one class.
Known tools: Cellpose (`_masks.png`), StarDist, scikit-image `label`, ImageJ (16-bit TIFF).
"""

from __future__ import annotations

import posixpath
import re

from converter.errors import SourceError
from converter.format import Format, Holds, Reading, Scan
from converter.layouts.images import is_split_name, split_name
from converter.layouts.label_maps import Found, Meaning, files, load_map, scan_of
from converter.layouts.masks import pair_masks
from converter.ledger import Ledger
from converter.model import ClassInfo, Header, Ref, Sample

__all__ = ["FORMAT"]

IMAGES = re.compile(r"(?:.*[-_ ])?(?:images?|imgs?)", re.IGNORECASE)


def scan(reading: Reading, ledger: Ledger) -> Scan:
    source = reading.source
    found, orphans = pair_masks(source, reading.images)
    if not found:
        raise SourceError(
            source.name,
            "no maps with the names of images in it",
            remedy="put them in images/ and masks/, or use --images DIR",
        )
    for path in orphans:
        ledger.lose("orphan-mask", path, f"{source.label(path)}: no image belongs to this mask")
    name = reading.options.class_name or "object"
    maps = [Found(mask, image, *_named(image)) for image, mask in found]
    return scan_of(reading, "instance-map", [ClassInfo(1, name)], maps, orphans, ledger)


def _named(image: str) -> tuple[str, str | None]:
    """The path of an image below the folder of images and that of its split."""
    folders = posixpath.dirname(image).split("/")
    places = [i for i, f in enumerate(folders) if IMAGES.fullmatch(f)]
    split = next((f for f in reversed(folders) if is_split_name(f)), None)
    below = folders[places[-1] + 1 :] if places else []
    below = [f for f in below if f != split]
    return "/".join([*below, posixpath.basename(image)]), split_name(split) if split else None


def load(reading: Reading, header: Header, ref: Ref, ledger: Ledger) -> Sample:
    """The objects of an image."""
    return load_map(reading, header, ref, ledger, _means)


def _means(value: int) -> Meaning | None:
    return Meaning(1) if value else None


FORMAT = Format(
    name="instance-map",
    summary="label maps whose pixels are object numbers, PNG or TIFF; only with --from",
    page=__doc__ or "",
    holds=Holds(overlaps=False),
    scan=scan,
    load=load,
    files=files,
)
