"""Image files: what they are, whether they are whole, their pixels, and masks of any kind in them.

PNG and JPEG, which nearly all datasets are made of, are looked into here; the others
through Pillow, fenced in. The content decides what a file is, never its name.

Sizes and pixels are as stored: an EXIF orientation is told, never applied.

Pillow takes longer to import than the headers of a thousand images to read, so that it
is imported where something has to be opened with it.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any, BinaryIO

import msgspec
import numpy as np
from numpy.typing import NDArray

from converter.codecs import bmp, exif, jpeg, png, png_chunks
from converter.errors import SourceError

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["EXTENSIONS", "ImageInfo", "Labels", "decode", "gray", "probe", "read_crop", "read_labels", "verify"]

EXTENSIONS = frozenset({".bmp", ".gif", ".jfif", ".jpeg", ".jpg", ".mpo", ".png", ".tif", ".tiff", ".webp"})
"""Lower-case endings of names that are images; compare after str.lower."""


class ImageInfo(msgspec.Struct, frozen=True):
    """Stored size in pixels; `format` and `mode` in Pillow's words.

    `orientation` is the EXIF tag 1..8, 1 when it is absent or nonsense.
    """

    width: int
    height: int
    format: str
    mode: str
    orientation: int = 1


class Labels(png.RawPng, frozen=True, eq=False):
    """Stored samples as in RawPng; `lossy` when the compression may have changed them."""

    lossy: bool = False


def probe(data: bytes | BinaryIO, file: str) -> ImageInfo:
    """What the header of an image file says; pixels are not looked at.

    `data` is the whole file, or a stream at its beginning that can seek: of PNG and
    JPEG only the heads of chunks and segments are read then, and the stream is left
    anywhere. SourceError for what is no image, sizes of 0 and more than pixel_limit().
    """
    stream = BytesIO(data) if isinstance(data, bytes) else data
    head = stream.read(len(png_chunks.SIGNATURE))
    if head == png_chunks.SIGNATURE:
        return _png_info(stream, file)
    stream.seek(0)
    if head.startswith(jpeg.MAGIC):
        return _jpeg_info(jpeg.header(stream, file)[0])
    from converter.codecs import pillow  # noqa: PLC0415

    with pillow.opened(stream, head, file) as image:
        return _info(image)


def verify(data: bytes, file: str) -> ImageInfo:
    """As probe, and the file is whole: SourceError when it is cut or damaged.

    PNG: every checksum, and pixel data of the exact size. JPEG: all segments and scans
    up to the end marker; the compressed scans are not decoded. Others are decoded.
    """
    if data.startswith(png_chunks.SIGNATURE):
        png.verify(data, file)
        return probe(data, file)
    if data.startswith(jpeg.MAGIC):
        header, at = jpeg.header(BytesIO(data), file)
        jpeg.check_scans(data, at, file)
        return _jpeg_info(header)
    from converter.codecs import pillow  # noqa: PLC0415

    indexed = bmp.read_indexed(data, file)
    with pillow.opened(BytesIO(data), data[:8], file) as image:
        info = _info(image)
        if indexed is None:
            image.load()
    return info


def decode(data: bytes, file: str) -> NDArray[np.uint8]:
    """(height, width, 3) RGB for people to look at, not for labels.

    Alpha is dropped, not composited. Samples of more than 8 bits are scaled so that
    the largest in the picture becomes 255; integers that fit into 8 bits stay.
    """
    if data.startswith(png_chunks.SIGNATURE):
        return _rgb(png.read_raw(data, file))
    if (indexed := bmp.read_indexed(data, file)) is not None:
        return _rgb(indexed)
    from converter.codecs import pillow  # noqa: PLC0415

    with pillow.opened(BytesIO(data), data[:8], file) as image:
        turn = pillow.tiff_turn(image)
        pillow.load(image, file)
        if image.mode[0] in "IF":
            array = _rgb(png.RawPng(np.asarray(image), "gray", 16))
        else:
            # Else Pillow warns that RGB cannot keep the transparency of a palette.
            image.info.pop("transparency", None)
            array = np.asarray(image.convert("RGB"))
    return _turned_back(array, turn)


def gray(data: bytes, file: str, least: int | None = None) -> Image.Image:
    """The stored pixels as luma (ITU-R 601-2), mode L, for comparisons; SourceError when they cannot be decoded.

    Of a JPEG it is the luma that is stored, so that colours need not be worked out; that differs from the
    luma of its RGB by rounding, and by more where a colour is beyond what RGB holds. With `least` it may come
    at a half, a quarter or an eighth of its size, in a part of the time, with both sides at least so long.
    """
    from converter.codecs import pillow  # noqa: PLC0415

    if not data.startswith(jpeg.MAGIC):
        return pillow.from_array(decode(data, file)).convert("L")
    with pillow.opened(BytesIO(data), data[:8], file) as image:
        image.draft("L", image.size if least is None else (least, least))
        pillow.load(image, file)
        return (image if image.mode == "L" else image.convert("RGB")).convert("L")


def read_labels(data: bytes, file: str) -> Labels:
    """The samples of a mask file as they are stored: palette indices, not colours; of a gray GIF the grays.

    SourceError where they cannot be had exactly (16-bit colour in TIFF, ink colours,
    inverted gray), for values that are no integers of 16 bits, and for several images
    in one file.
    """
    raw = png.read_raw(data, file) if data.startswith(png_chunks.SIGNATURE) else bmp.read_indexed(data, file)
    if raw is not None:
        return Labels(raw.array, raw.kind, raw.bit_depth, raw.palette)
    from converter.codecs import pillow  # noqa: PLC0415

    with pillow.opened(BytesIO(data), data[:8], file) as image:
        turn, depth, lossy = pillow.tiff_turn(image), pillow.label_depth(image, file), _is_lossy(image, data)
        pillow.load(image, file)
        labels = _labels(image, depth, file)
    return msgspec.structs.replace(labels, array=_turned_back(labels.array, turn), lossy=lossy)


def read_crop(data: bytes, file: str) -> png.Crop:
    """The samples as in read_labels, without the rows and columns around that hold nothing."""
    if data.startswith(png_chunks.SIGNATURE):
        return png.read_crop(data, file)
    return png.Crop.of(read_labels(data, file).array)


# ---------------------------------------------------------------- headers


_PNG_MODES = {"gray": "L", "gray-alpha": "LA", "rgb": "RGB", "rgba": "RGBA", "palette": "P"}


def _png_info(stream: BinaryIO, file: str) -> ImageInfo:
    """From behind the signature to IEND: the orientation (eXIf) may follow the pixels."""
    header = png_chunks.read_header(png_chunks.SIGNATURE + stream.read(25), file)
    mode = _PNG_MODES[header.kind]
    if header.kind == "gray":
        mode = {1: "1", 16: "I;16"}.get(header.bit_depth, mode)
    orientation = 1
    while len(head := stream.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        if kind == b"IEND":
            return ImageInfo(header.width, header.height, "PNG", mode, orientation)
        if kind == b"eXIf":
            orientation = exif.orientation(stream.read(length))
            length = 0
        stream.seek(length + 4, 1)
    raise SourceError(file, "the PNG is cut: it ends without IEND")


def _jpeg_info(header: jpeg.Header) -> ImageInfo:
    return ImageInfo(header.width, header.height, "JPEG", header.mode, header.orientation)


def _info(image: Image.Image) -> ImageInfo:
    from converter.codecs import pillow  # noqa: PLC0415

    return ImageInfo(*pillow.stored_size(image), image.format or "", image.mode, pillow.orientation(image))


def _turned_back(array: NDArray[Any], orientation: int) -> NDArray[Any]:
    """The stored pixels of an array that was turned upright from `orientation`."""
    if orientation in {2, 3}:
        array = array[:, ::-1]
    if orientation in {3, 4}:
        array = array[::-1]
    if orientation in {5, 7}:
        array = array.swapaxes(0, 1)
    return np.rot90(array, {6: 1, 7: 2, 8: -1}.get(orientation, 0))


# ---------------------------------------------------------------- samples


_LABEL_KINDS: dict[str, png_chunks.Kind] = {"LA": "gray-alpha", "RGB": "rgb", "RGBA": "rgba"}


def _labels(image: Image.Image, depth: int, file: str) -> Labels:
    array = np.asarray(image)
    mode = image.mode
    if mode == "1":
        return Labels(array.astype(np.uint8), "gray", 1)
    if mode in {"P", "PA"}:
        colors = image.getpalette("RGB") or []
        palette = list(zip(colors[::3], colors[1::3], colors[2::3], strict=True))
        indices = array if mode == "P" else array[:, :, 0]
        if image.format == "GIF" and (grays := _grays(indices, palette)) is not None:
            return Labels(grays, "gray", 8)
        return Labels(indices, "palette", depth, palette)
    if mode == "L":
        # Pillow has scaled 2 and 4 bits to 0..255, which 3 and 15 divide.
        return Labels(array if depth == 8 else array // np.uint8(255 // ((1 << depth) - 1)), "gray", depth)
    if mode[0] in "IF":
        return Labels(_whole_numbers(array, file), "gray", min(depth, 16))
    if mode not in _LABEL_KINDS:
        raise SourceError(file, f"an image of mode {mode} is no mask")
    return Labels(array, _LABEL_KINDS[mode], 8)


def _grays(indices: NDArray[np.uint8], palette: Sequence[tuple[int, int, int]]) -> NDArray[np.uint8] | None:
    """The samples of a gray picture saved as GIF, whose writers number the grays of each file anew; None of others."""
    used = np.unique(indices)
    if used[-1] >= len(palette):
        return None
    colors = np.array(palette, np.uint8)
    grays = colors[used, 0]
    if (colors[used] != grays[:, None]).any() or len(np.unique(grays)) < len(used):
        return None
    return np.asarray(colors[:, 0].take(indices), np.uint8)


def _whole_numbers(array: NDArray[Any], file: str) -> NDArray[np.uint16]:
    # Written so that NaN fails.
    if not (array.min() >= 0 and array.max() <= 0xFFFF):
        problem = f"has values from {array.min()} to {array.max()}, of which some lie outside 0..65535"
        raise SourceError(file, problem, remedy="number what is in it from 1")
    whole = array.astype(np.uint16)
    if not np.array_equal(whole, array):
        raise SourceError(file, "has values that are no integers")
    return whole


def _is_lossy(image: Image.Image, data: bytes) -> bool:
    if image.format == "WEBP":
        return _has_lossy_webp(data)
    return image.format in {"JPEG", "MPO"} or image.info.get("compression") in {"jpeg", "tiff_jpeg", "webp"}


def _has_lossy_webp(data: bytes) -> bool:
    """A chunk `VP8 ` is lossy, `VP8L` is not (RFC 9649, section 2)."""
    at = 12
    while at + 8 <= len(data):
        kind, size = struct.unpack_from("<4sI", data, at)
        if kind == b"VP8 ":
            return True
        at += 8 + size + size % 2
    return False


def _rgb(raw: png.RawPng) -> NDArray[np.uint8]:
    array: NDArray[Any] = raw.array
    if raw.palette is not None:
        colors: NDArray[np.uint8] = np.zeros((256, 3), np.uint8)
        colors[: len(raw.palette)] = raw.palette
        return colors.take(array, axis=0)
    if array.ndim == 3:
        array = array[:, :, :3] if array.shape[2] > 2 else array[:, :, 0]
    if raw.bit_depth < 8:
        array = array * np.uint8(255 // ((1 << raw.bit_depth) - 1))
    elif array.dtype != np.uint8:
        array = _scaled(array)
    return array if array.ndim == 3 else np.repeat(array[:, :, None], 3, axis=2)


def _scaled(array: NDArray[Any]) -> NDArray[np.uint8]:
    values = np.nan_to_num(array.astype(np.float32), posinf=0, neginf=0).clip(min=0)
    top = float(values.max())
    if array.dtype.kind != "f":
        top = max(top, 255.0)
    return (values * (255 / (top or 1))).astype(np.uint8)
