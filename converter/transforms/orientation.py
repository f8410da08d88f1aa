"""EXIF orientation: which of the two frames annotations are drawn in, and bringing both into one.

The stored frame is that of the pixels as they lie in the file, the shown frame that of the
picture as viewers turn it. Where the size that the annotations declare (or their masks
have) fits one frame only, it is that one. Where it cannot tell, `frame` says; else it is
the shown one when pixels are turned upright (bake), and the stored one when they are left
as they are (keep).

With bake, pixels and annotations come out upright and the tag is gone. With keep, the
bytes of the image stay and the annotations come out in the frame of the stored pixels.
Without either, annotations in the stored frame are kept and others are refused.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from converter.codecs import images as codec
from converter.errors import SourceError
from converter.format import Format, Reading
from converter.layouts.images import check_frame, load_judged, read_image
from converter.ledger import Ledger, Skipped
from converter.model import Header, Image, Ref, Sample
from converter.transforms.warp import turn, warp_sample

__all__ = ["Exif", "Frame", "Framed", "load"]

Frame: TypeAlias = Literal["stored", "shown"]
_BACK = {6: 8, 8: 6}


class Exif(msgspec.Struct, frozen=True):
    """What the user says: --exif and --exif-frame."""

    mode: Literal["bake", "keep"] | None = None
    frame: Frame | None = None


class Framed(msgspec.Struct, frozen=True):
    """A loaded sample, the bytes of its image file, and the turn that its pixels still need."""

    sample: Sample
    data: bytes | None
    turned: int = 1


def load(format: Format, reading: Reading, header: Header, ref: Ref, exif: Exif, ledger: Ledger) -> Framed | None:
    """The sample of `ref` in the frame that `exif` asks for; None when it was skipped."""
    try:
        try:
            info, data = read_image(reading, ref.image)
            frame = _frame(format, reading, header, ref, info, exif) if info is not None else "stored"
        except SourceError as error:
            ledger.skip_image(ref.image.path, error)
        sized = ref if info is None else _sized(ref, info, frame)
        sample = load_judged(format, reading, header, sized, ledger)
    except Skipped:
        return None
    if info is None or info.orientation == 1:
        return Framed(sample, data)
    return _settle(sample, data, info, frame, exif, ledger)


def _label(reading: Reading, image: Image) -> str:
    return reading.images.label(image.file or "")


def _size(info: codec.ImageInfo, frame: Frame) -> tuple[int, int]:
    swapped = frame == "shown" and info.orientation >= 5
    return (info.height, info.width) if swapped else (info.width, info.height)


def _sized(ref: Ref, info: codec.ImageInfo, frame: Frame) -> Ref:
    width, height = _size(info, frame)
    image = msgspec.structs.replace(ref.image, width=width, height=height, orientation=info.orientation)
    return msgspec.structs.replace(ref, image=image)


def _frame(format: Format, reading: Reading, header: Header, ref: Ref, info: codec.ImageInfo, exif: Exif) -> Frame:
    """The frame of the annotations. SourceError when they fit neither, or the shown one and nobody said what to do."""
    image = ref.image
    declared = (image.width, image.height)
    stored, shown = _size(info, "stored"), _size(info, "shown")
    told: Frame | None = None
    if declared not in {(0, 0), stored, shown}:
        check_frame(_label(reading, image), image, info)
    if info.orientation == 1:
        return "stored"
    if stored != shown:
        if declared != (0, 0):
            told = "shown" if declared == shown else "stored"
        else:
            told = _try_masks(format, reading, header, ref, info)
    if told == "shown" and exif == Exif():
        width, height = shown
        check_frame(_label(reading, image), msgspec.structs.replace(image, width=width, height=height), info)
    return told or exif.frame or ("shown" if exif.mode == "bake" else "stored")


def _try_masks(format: Format, reading: Reading, header: Header, ref: Ref, info: codec.ImageInfo) -> Frame | None:
    """The frame that the sizes of mask files fit; None where there are none to tell."""
    fits = {frame: _loads(format, reading, header, _sized(ref, info, frame)) for frame in ("stored", "shown")}
    if fits["stored"] == fits["shown"]:
        return None
    return "stored" if fits["stored"] else "shown"


def _loads(format: Format, reading: Reading, header: Header, ref: Ref) -> bool:
    assert format.load is not None
    try:
        format.load(reading, header, ref, Ledger("stop"))
    except (SourceError, Skipped):
        return False
    return True


def _settle(
    sample: Sample, data: bytes | None, info: codec.ImageInfo, frame: Frame, exif: Exif, ledger: Ledger
) -> Framed:
    """Annotations brought into the frame that is asked for, and a note of what was assumed."""
    orientation, name = info.orientation, sample.image.path
    drawn = sample.instances or sample.labels is not None
    told = f"EXIF orientation {orientation}: annotations were taken as drawn on the {_words(frame)}"
    if exif.mode == "bake":
        wide, high = _size(info, "stored")
        step = {"op": "turn", "orientation": orientation, "width": wide, "height": high}
        warp = turn(orientation if frame == "stored" else 1, sample.image.width, sample.image.height)
        sample = warp_sample(sample, warp, 0, step, ledger)
        sample = msgspec.structs.replace(sample, image=msgspec.structs.replace(sample.image, orientation=1))
        ledger.note("exif-baked", name, f"{told}; the image is upright now, without the tag")
        return Framed(sample, data, orientation)
    if frame == "shown":
        back = turn(_BACK.get(orientation, orientation), sample.image.width, sample.image.height)
        sample = warp_sample(sample, back, 0, None, ledger)
    if drawn:
        now = "and turned to the stored pixels" if frame == "shown" else "and stay (--exif bake turns both upright)"
        ledger.note("exif-kept", name, f"{told} {now}")
    return Framed(sample, data)


def _words(frame: Frame) -> str:
    return "stored pixels" if frame == "stored" else "picture as it is shown"
