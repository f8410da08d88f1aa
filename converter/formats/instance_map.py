"""Instance maps: one image of numbers for each image, a number an object.

    images/<name>.png
    masks/<name>.png        gray of 8 or 16 bits, palette, or TIFF: 0 nothing, n object n

Found as semantic masks are: in parallel folders, beside the image as `<name>_masks.tif` and the
like, or by --masks "01_GT/SEG/man_seg{image}.tif" and --image-pattern "01/t{image}.tif".
They look the same as masks of classes, so they are only read when named:
--from instance-map. All objects have the class `object`, or what --class-name says.

Coordinates: none; a pixel of a mask is the pixel of the image in its place.

Holds: masks without overlaps, of one class. Read only.
Cannot hold: classes, overlaps, crowds, boxes, attributes.
Known tools: Cellpose (`_masks.png`), StarDist, scikit-image `label`, ImageJ (16-bit TIFF).
"""

from __future__ import annotations

from converter.format import Format, Holds, Reading, Scan
from converter.layouts.label_maps import Found, Meaning, files, load_map, scan_of
from converter.layouts.pairing import mask_an_image
from converter.layouts.patterns import PATTERNS
from converter.ledger import Ledger
from converter.model import ClassInfo, Header, Ref, Sample

__all__ = ["FORMAT"]


def scan(reading: Reading, ledger: Ledger) -> Scan:
    found, masks = mask_an_image(reading, ledger)
    name = reading.options.class_name or "object"
    maps = [Found(mask, image.file, image.name, image.split) for image, mask in found]
    return scan_of(reading, "instance-map", [ClassInfo(1, name)], maps, masks, ledger)


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
    takes=PATTERNS,
)
