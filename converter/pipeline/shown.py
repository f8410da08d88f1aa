"""Samples and pictures in one of the two frames of an image that an EXIF tag turns: as stored, or as people see it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from converter.codecs import exif
from converter.codecs import images as codec
from converter.ledger import Ledger
from converter.model import Ref
from converter.pipeline.opening import Opened
from converter.transforms import orientation
from converter.transforms.orientation import Exif, Framed

__all__ = ["as_stored", "pixels_of", "upright"]


def as_stored(opened: Opened, ref: Ref, ledger: Ledger) -> Framed | None:
    """A sample on the pixels as they lie in the file, wherever it was drawn; None when it was skipped."""
    return _load(opened, ref, Exif(mode="keep"), ledger)


def upright(opened: Opened, ref: Ref, ledger: Ledger) -> Framed | None:
    """A sample on the picture as viewers show it; None when it was skipped."""
    return _load(opened, ref, Exif(mode="bake"), ledger)


def _load(opened: Opened, ref: Ref, exif: Exif, ledger: Ledger) -> Framed | None:
    return orientation.load(opened.format, opened.reading, opened.scan.header, ref, exif, ledger)


def pixels_of(opened: Opened, framed: Framed) -> NDArray[np.uint8] | None:
    """The picture (height, width, 3) of an image in its sample's frame; None where the set has no file of it."""
    file = framed.sample.image.file
    if file is None:
        return None
    images = opened.reading.images
    pixels = codec.decode(images.read(file), images.label(file))
    return np.ascontiguousarray(exif.upright(pixels, framed.turned))
