"""Image files: what they are, whether they are whole, their pixels, and masks of any kind in them.

PNG and JPEG, which nearly all datasets are made of, are looked into here; the others
through Pillow, fenced in. The content decides what a file is, never its name.

Sizes and pixels are as stored: an EXIF orientation is told, never applied.
"""

from __future__ import annotations

import logging
import re
import struct
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any, BinaryIO

import msgspec
import numpy as np
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin, UnidentifiedImageError

from converter.codecs import png
from converter.errors import SourceError

__all__ = ["EXTENSIONS", "ImageInfo", "Labels", "decode", "probe", "read_labels", "verify"]

EXTENSIONS = frozenset({".bmp", ".gif", ".jfif", ".jpeg", ".jpg", ".mpo", ".png", ".tif", ".tiff", ".webp"})
"""Lower-case endings of names that are images; compare after str.lower."""

_JPEG = b"\xff\xd8\xff"
_OTHERS: tuple[str, ...] = ("BMP", "GIF", "TIFF", "WEBP")
_ORIENTATION = 0x0112


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
    anywhere. SourceError for what is no image, sizes of 0 and more than png.pixel_limit().
    """
    stream = BytesIO(data) if isinstance(data, bytes) else data
    head = stream.read(len(png.SIGNATURE))
    if head == png.SIGNATURE:
        return _png_info(stream, file)
    stream.seek(0)
    if head.startswith(_JPEG):
        return _jpeg_header(stream, file)[0]
    with _pillow(stream, head, file) as image:
        return _info(image)


def verify(data: bytes, file: str) -> ImageInfo:
    """As probe, and the file is whole: SourceError when it is cut or damaged.

    PNG: every checksum, and pixel data of the exact size. JPEG: all segments and scans
    up to the end marker; the compressed scans are not decoded. Others are decoded.
    """
    if data.startswith(png.SIGNATURE):
        png.verify(data, file)
        return probe(data, file)
    if data.startswith(_JPEG):
        info, at = _jpeg_header(BytesIO(data), file)
        _check_jpeg_scans(data, at, file)
        return info
    indexed = _indexed_bmp(data, file)
    with _pillow(BytesIO(data), data[:8], file) as image:
        info = _info(image)
        if indexed is None:
            image.load()
    return info


def decode(data: bytes, file: str) -> NDArray[np.uint8]:
    """(height, width, 3) RGB for people to look at, not for labels.

    Alpha is dropped, not composited. Samples of more than 8 bits are scaled so that
    the largest in the picture becomes 255; integers that fit into 8 bits stay.
    """
    if data.startswith(png.SIGNATURE):
        return _rgb(png.read_raw(data, file))
    if (indexed := _indexed_bmp(data, file)) is not None:
        return _rgb(indexed)
    with _pillow(BytesIO(data), data[:8], file) as image:
        turn = _tiff_turn(image)
        _load(image, file)
        if image.mode[0] in "IF":
            array = _rgb(png.RawPng(np.asarray(image), "gray", 16))
        else:
            # Else Pillow warns that RGB cannot keep the transparency of a palette.
            image.info.pop("transparency", None)
            array = np.asarray(image.convert("RGB"))
    return _turned_back(array, turn)


def read_labels(data: bytes, file: str) -> Labels:
    """The samples of a mask file as they are stored: palette indices, not colours.

    SourceError where they cannot be had exactly (16-bit colour in TIFF, ink colours,
    inverted gray), for values that are no integers of 16 bits, and for several images
    in one file.
    """
    if data.startswith(png.SIGNATURE):
        raw = png.read_raw(data, file)
        return Labels(raw.array, raw.kind, raw.bit_depth, raw.palette)
    if (indexed := _indexed_bmp(data, file)) is not None:
        return indexed
    with _pillow(BytesIO(data), data[:8], file) as image:
        turn, depth, lossy = _tiff_turn(image), _label_depth(image, file), _is_lossy(image, data)
        _load(image, file)
        labels = _labels(image, depth, file)
    return msgspec.structs.replace(labels, array=_turned_back(labels.array, turn), lossy=lossy)


# ---------------------------------------------------------------- PNG and JPEG headers


_PNG_MODES = {"gray": "L", "gray-alpha": "LA", "rgb": "RGB", "rgba": "RGBA", "palette": "P"}


def _png_info(stream: BinaryIO, file: str) -> ImageInfo:
    """From behind the signature to IEND: the orientation (eXIf) may follow the pixels."""
    header = png.read_header(png.SIGNATURE + stream.read(25), file)
    mode = _PNG_MODES[header.kind]
    if header.kind == "gray":
        mode = {1: "1", 16: "I;16"}.get(header.bit_depth, mode)
    orientation = 1
    while len(head := stream.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        if kind == b"IEND":
            return ImageInfo(header.width, header.height, "PNG", mode, orientation)
        if kind == b"eXIf":
            orientation = _exif_orientation(stream.read(length))
            length = 0
        stream.seek(length + 4, 1)
    raise SourceError(file, "the PNG is cut: it ends without IEND")


_SCAN_END = re.compile(rb"\xff[^\x00\xd0-\xd7]")
_NO_FRAME = {0xC4, 0xC8, 0xCC}  # DHT, JPG and DAC, among the codes of frame headers
_NO_LENGTH = {0x01, *range(0xD0, 0xD9)}
_START_OF_SCAN, _END_OF_IMAGE, _APP1 = 0xDA, 0xD9, 0xE1
_JPEG_MODES = {1: "L", 3: "RGB", 4: "CMYK"}
_MAX_JUNK = 1 << 16


def _jpeg_header(stream: BinaryIO, file: str) -> tuple[ImageInfo, int]:
    """Segments up to the data of the first scan (ITU T.81, annex B), and where that begins."""
    info: ImageInfo | None = None
    orientation: int | None = None
    stream.seek(2)
    while True:
        marker = _jpeg_marker(stream, file)
        if marker == _END_OF_IMAGE:
            raise SourceError(file, "the JPEG has no picture in it")
        if marker in _NO_LENGTH:
            continue
        segment = _jpeg_segment(stream, file)
        if marker == _START_OF_SCAN:
            if info is None:
                raise SourceError(file, "the JPEG has a scan before its frame header")
            return msgspec.structs.replace(info, orientation=orientation or 1), stream.tell()
        if 0xC0 <= marker <= 0xCF and marker not in _NO_FRAME:
            if info is not None:
                raise SourceError(file, "the JPEG has two frame headers")
            info = _jpeg_frame(segment, file)
        elif marker == _APP1 and orientation is None and segment.startswith(b"Exif\0"):
            orientation = _exif_orientation(segment[6:])


def _check_jpeg_scans(data: bytes, at: int, file: str) -> None:
    """From the data of the first scan to the end marker; raises SourceError."""
    stream = BytesIO(data)
    marker = _START_OF_SCAN
    while marker != _END_OF_IMAGE:
        if marker == _START_OF_SCAN:
            after = _SCAN_END.search(data, at)
            if after is None:
                raise SourceError(file, "the JPEG is cut: it ends in the picture", place=f"byte {len(data)}")
            if after.start() == at:
                raise SourceError(file, "the JPEG has a scan without data", place=f"byte {at}")
            stream.seek(after.start())
        marker = _jpeg_marker(stream, file)
        if marker not in _NO_LENGTH and marker != _END_OF_IMAGE:
            _jpeg_segment(stream, file)
        at = stream.tell()


def _jpeg_marker(stream: BinaryIO, file: str) -> int:
    """The next marker; up to 64 KB of junk before it are skipped, as libjpeg does."""
    before = b""
    for _ in range(_MAX_JUNK):
        byte = stream.read(1)
        if not byte:
            raise SourceError(file, "the JPEG is cut: it ends without end marker")
        if before == b"\xff" and byte not in {b"\0", b"\xff"}:
            return byte[0]
        before = byte
    raise SourceError(file, "the JPEG has no marker where one should be", place=f"byte {stream.tell()}")


def _jpeg_segment(stream: BinaryIO, file: str) -> bytes:
    length = int.from_bytes(stream.read(2))
    segment = stream.read(max(length - 2, 0))
    if length < 2 or len(segment) != length - 2:
        raise SourceError(file, "the JPEG is cut, or a segment has a wrong length", place=f"byte {stream.tell()}")
    return segment


def _jpeg_frame(segment: bytes, file: str) -> ImageInfo:
    if len(segment) < 6:
        raise SourceError(file, "the JPEG frame header is too short")
    precision, height, width, components = struct.unpack_from(">BHHB", segment)
    if precision != 8 or components not in _JPEG_MODES or len(segment) != 6 + 3 * components:
        raise SourceError(file, f"a JPEG of {precision} bits and {components} components is not read")
    png.check_size(width, height, file)
    return ImageInfo(width, height, "JPEG", _JPEG_MODES[components])


def _exif_orientation(exif: bytes) -> int:
    """Of the first directory of a TIFF structure (Exif 2.32, section 4.6.4)."""
    exif = exif.removeprefix(b"Exif\0\0")
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(exif[:4])
    if order is None:
        return 1
    try:
        (at,) = struct.unpack_from(order + "I", exif, 4)
        (entries,) = struct.unpack_from(order + "H", exif, at)
        for entry in range(at + 2, at + 2 + 12 * entries, 12):
            tag, kind, count = struct.unpack_from(order + "HHI", exif, entry)
            if tag == _ORIENTATION and count == 1 and kind in {3, 4}:
                (value,) = struct.unpack_from(order + " HI"[kind - 2], exif, entry + 8)
                return value if 1 <= value <= 8 else 1
    except struct.error:
        pass
    return 1


# ---------------------------------------------------------------- the others, through Pillow


_WARNINGS = threading.Lock()

# Of damaged files Pillow also logs, which without a handler goes to stderr beside our one line.
logging.getLogger("PIL").addHandler(logging.NullHandler())


@contextmanager
def _pillow(stream: BinaryIO, head: bytes, file: str) -> Iterator[Image.Image]:
    """The opened, not loaded, image; whatever Pillow raises on it becomes SourceError.

    Warnings filters belong to the process: without the lock two threads could put
    each other's back, and leave warnings off for good.
    """
    if not head:
        raise SourceError(file, "is empty")
    formats = _OTHERS
    if head.startswith(_JPEG):
        _jpeg_header(stream, file)
        stream.seek(0)
        formats = ("JPEG",)
    with _WARNINGS, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, png.pixel_limit()
        try:
            with Image.open(stream, formats=formats) as image:
                png.check_size(*image.size, file)
                yield image
        except SourceError:
            raise
        except UnidentifiedImageError as error:
            raise SourceError(file, "is not an image of a kind that is read, or damaged") from error
        except Image.DecompressionBombError as error:
            problem = f"has more than the {png.pixel_limit():,} pixels that are read (--max-pixels)"
            raise SourceError(file, problem) from error
        except Exception as error:
            # Plugins raise whatever their parsing of a damaged file happens to hit.
            raise SourceError(file, f"the image is damaged ({type(error).__name__}: {error})") from error
        finally:
            Image.MAX_IMAGE_PIXELS = before


def _load(image: Image.Image, file: str) -> None:
    # Of a packed BMP with a black and a white colour Pillow takes each byte for eight pixels.
    if image.format == "BMP" and image.mode == "1":
        raise SourceError(file, "a run-length coded BMP of two colours is not read", remedy="save it as PNG")
    image.load()


def _info(image: Image.Image) -> ImageInfo:
    width, height = image.size
    orientation = _exif_orientation(image.info.get("exif", b""))
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        orientation = _tiff_turn(image)
        if image.tag_v2.get(_ORIENTATION, 1) in {5, 6, 7, 8}:
            width, height = height, width
    return ImageInfo(width, height, image.format or "", image.mode, orientation)


def _tiff_turn(image: Image.Image) -> int:
    """The orientation that Pillow is going to apply by itself: it does so for TIFF only."""
    if not isinstance(image, TiffImagePlugin.TiffImageFile):
        return 1
    orientation = image.getexif().get(_ORIENTATION, 1)
    return orientation if orientation in range(1, 9) else 1


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


def _label_depth(image: Image.Image, file: str) -> int:
    """Bits a sample; SourceError for what Pillow would change in loading."""
    if getattr(image, "is_animated", False):
        raise SourceError(file, "holds several images; a mask is one")
    if not isinstance(image, TiffImagePlugin.TiffImageFile):
        return 8
    tags, bands = image.tag_v2, len(image.getbands())
    bits = tags.get(TiffImagePlugin.BITSPERSAMPLE, (1,))
    inverted = tags.get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION, 0) == 0 and image.mode != "1"
    premultiplied = 1 in tags.get(TiffImagePlugin.EXTRASAMPLES, ())
    if inverted or premultiplied or tags.get(277, 1) != bands or (bands > 1 and max(bits) > 8):
        raise SourceError(
            file, "a TIFF of this kind cannot be read without changing its values", remedy="save it as PNG"
        )
    return int(bits[0])


_LABEL_KINDS: dict[str, png.Kind] = {"LA": "gray-alpha", "RGB": "rgb", "RGBA": "rgba"}


def _labels(image: Image.Image, depth: int, file: str) -> Labels:
    array = np.asarray(image)
    mode = image.mode
    if mode == "1":
        return Labels(array.astype(np.uint8), "gray", 1)
    if mode in {"P", "PA"}:
        colors = image.getpalette("RGB") or []
        palette = list(zip(colors[::3], colors[1::3], colors[2::3], strict=True))
        return Labels(array if mode == "P" else array[:, :, 0], "palette", depth, palette)
    if mode == "L":
        # Pillow has scaled 2 and 4 bits to 0..255, which 3 and 15 divide.
        return Labels(array if depth == 8 else array // np.uint8(255 // ((1 << depth) - 1)), "gray", depth)
    if mode[0] in "IF":
        return Labels(_whole_numbers(array, file), "gray", min(depth, 16))
    if mode not in _LABEL_KINDS:
        raise SourceError(file, f"an image of mode {mode} is no mask")
    return Labels(array, _LABEL_KINDS[mode], 8)


def _whole_numbers(array: NDArray[Any], file: str) -> NDArray[np.uint16]:
    # Written so that NaN fails.
    if not (array.min() >= 0 and array.max() <= 0xFFFF):
        raise SourceError(file, "has values outside 0..65535")
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


def _indexed_bmp(data: bytes, file: str) -> Labels | None:
    """An uncompressed BMP with a palette, None for any other file.

    Not left to Pillow, which takes 8 bits for one bit where the palette is just black
    and white, and fails on 4 bits of gray.
    """
    if not data.startswith(b"BM") or len(data) < 54:
        return None
    offset, header = struct.unpack_from("<II", data, 10)
    compression = used = 0
    if header == 12:
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
    else:
        width, height, _, bits, compression = struct.unpack_from("<iiHHI", data, 18)
        (used,) = struct.unpack_from("<I", data, 46)
    if compression or bits not in {1, 4, 8} or offset < 14 + header:
        return None
    png.check_size(width, abs(height), file)
    row = (width * bits + 31) // 32 * 4
    if offset + row * abs(height) > len(data):
        raise SourceError(file, "the BMP is cut", place=f"byte {len(data)}")
    rows = np.frombuffer(data, np.uint8, row * abs(height), offset).reshape(abs(height), row)
    array = png.unpack_bits(rows if height < 0 else rows[::-1], width, bits)
    palette = _bmp_palette(data[14 + header : offset], 3 if header == 12 else 4, min(used, 256) or 1 << bits)
    gray = [(i, i, i) for i in range(len(palette))]
    if palette == gray or (bits == 1 and palette == [(0, 0, 0), (255, 255, 255)]):
        return Labels(array, "gray", bits)
    return Labels(array, "palette", bits, palette)


def _bmp_palette(data: bytes, step: int, count: int) -> list[tuple[int, int, int]]:
    whole = data[: len(data) // step * step][: step * count]
    return list(zip(whole[2::step], whole[1::step], whole[::step], strict=True))


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
