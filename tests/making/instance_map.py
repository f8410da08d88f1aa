"""Fixtures of instance maps: PNGs of 8 and 16 bits, TIFF, masks beside the images. All need --from."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from tests.making.files import Cases
from tests.maps import deep, paint, pictures, stems


def make(cases: Cases) -> None:
    case = cases.valid("folders", format="instance-map")
    for stem, drawing in zip(stems(pictures()), pictures(), strict=True):
        codes = paint(drawing, lambda _, n: 250 + n)
        case.image(f"images/{stem}.png", drawing.pixels)
        case.image(f"masks/{stem}.png", deep(codes))
    case = cases.valid("tiff", format="instance-map")
    for split, drawing in zip(("train", "val"), pictures()[1:3], strict=True):
        case.image(f"{split}/images/cell.png", drawing.pixels)
        stream = io.BytesIO()
        Image.fromarray(deep(paint(drawing, lambda _, n: n))).save(stream, "TIFF")
        case.bytes(f"{split}/masks/cell.tif", stream.getvalue())
    case = cases.valid("beside", format="instance-map", class_name="cell")
    drawing = pictures()[0]
    case.image("cells.png", drawing.pixels)
    case.image("cells_masks.png", paint(drawing, lambda _, n: n).astype("uint8"))
    for name, names in {"other-size": ("64x30", "64x32"), "colours": ("colours",)}.items():
        case = cases.invalid(name, "masks/parts.png", *names, format="instance-map")
        drawing = pictures()[2]
        codes = paint(drawing, lambda _, n: n).astype("uint8")
        case.image("images/parts.png", drawing.pixels)
        case.image("masks/parts.png", codes[:30] if name == "other-size" else np.dstack([codes, 2 * codes, 0 * codes]))
