"""Image files drawn anew: read with every sample, turned, resized or cut, and written again.

PNG, TIFF, BMP and WebP are written without loss. JPEG is written with quality 95 and full
colour resolution (4:4:4): turning JPEG without loss needs the sides to be multiples of its
blocks and a library that does it. GIF becomes PNG, because its 256 colours do not hold
what resizing makes. Colour profiles stay; so do the other EXIF entries.
"""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin

from converter.codecs import exif as exif_tags
from converter.codecs import images, pillow, png, png_chunks, png_write
from converter.codecs.pixels import Pad
from converter.errors import SourceError
from converter.worker import only_in_workers

__all__ = ["Picture", "crop", "encode", "lossless_format", "place", "read", "turn"]

ORIENTATION = 0x0112
QUALITY = 95
PNG_LEVEL = 3  # of zlib: photographs take half of the time that they take with 6, and 4 % more bytes
PNG_MODES = frozenset({"1", "L", "LA", "I;16", "P", "RGB", "RGBA"})
_KEPT_CHUNKS = frozenset({b"cHRM", b"gAMA", b"iCCP", b"sRGB", b"pHYs"})
_COLOR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}
# What brings the stored pixels upright, by EXIF orientation.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_BACK = {6: 8, 8: 6}


class Picture(msgspec.Struct, frozen=True, eq=False):
    """The stored pixels of a file, and what else of it is written again.

    `pixels` is a Pillow image, or for PNG of 16 bits, which Pillow would cut to 8, a
    uint16 array (height, width, channels). `chunks` are PNG chunks for those.
    """

    pixels: Image.Image | NDArray[np.uint16]
    format: str
    file: str
    exif: bytes = b""
    profile: bytes | None = None
    chunks: bytes = b""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        if isinstance(self.pixels, Image.Image):
            return self.pixels.size
        return self.pixels.shape[1], self.pixels.shape[0]


def read(data: bytes, file: str) -> Picture:
    """The picture in an image file; SourceError when it is damaged, or holds more than one."""
    if data.startswith(png_chunks.SIGNATURE) and png_chunks.read_header(data, file).bit_depth == 16:
        raw = png.read_raw(data, file)
        array = raw.array if raw.array.ndim == 3 else raw.array[:, :, None]
        found = [(kind, data[at : at + size]) for kind, at, size in png_chunks.chunks(data, file)]
        chunks = b"".join(png_write.chunk(kind, body) for kind, body in found if kind in _KEPT_CHUNKS)
        exif = next((body for kind, body in found if kind == b"eXIf"), b"")
        return Picture(array.astype(np.uint16, copy=False), "PNG", file, exif, chunks=chunks)
    if data.startswith(b"BM"):
        return Picture(Image.fromarray(images.decode(data, file)), "BMP", file)
    with _opened(data, file) as opened:
        format = opened.format or ""
        if format != "MPO" and getattr(opened, "is_animated", False):
            raise SourceError(file, "holds several images, and one is drawn", remedy="save the one that is meant")
        turned = pillow.tiff_turn(opened)
        exif, profile = opened.info.get("exif", b""), opened.info.get("icc_profile")
        opened.load()
        exif = exif or opened.info.get("exif", b"")  # of PNG it may follow the pixels
        pixels = opened.copy()
    if turned != 1:
        pixels = _turned(pixels, _BACK.get(turned, turned))
        exif = _orientation_only(turned)
    elif format == "TIFF":
        exif = b""
    pixels.info = {k: v for k, v in pixels.info.items() if k == "transparency"}
    return Picture(pixels, "JPEG" if format == "MPO" else format, file, exif, profile)


@contextmanager
def _opened(data: bytes, file: str) -> Iterator[Image.Image]:
    if not data.startswith(png_chunks.SIGNATURE):
        with pillow.opened(BytesIO(data), data[:8], file) as opened:
            yield opened
        return
    only_in_workers()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(BytesIO(data), formats=("PNG",)) as opened:
                yield opened
        except SourceError:
            raise
        except Exception as error:
            raise pillow.failed(error, file) from error


def turn(picture: Picture, orientation: int) -> Picture:
    """The picture upright, from the stored pixels and their EXIF orientation; the entry is taken out."""
    stored = picture.pixels
    pixels = _turned(stored, orientation) if isinstance(stored, Image.Image) else exif_tags.upright(stored, orientation)
    return msgspec.structs.replace(picture, pixels=pixels, exif=_without_orientation(picture.exif))


def _turned(image: Image.Image, orientation: int) -> Image.Image:
    return image.transpose(_TURNS[orientation]) if orientation in _TURNS else image


def crop(picture: Picture, x: int, y: int, width: int, height: int) -> Picture:
    """A window of the picture, sample by sample."""
    if isinstance(picture.pixels, Image.Image):
        return msgspec.structs.replace(picture, pixels=picture.pixels.crop((x, y, x + width, y + height)))
    return msgspec.structs.replace(picture, pixels=picture.pixels[y : y + height, x : x + width])


def place(picture: Picture, inner: tuple[int, int], at: tuple[int, int], size: tuple[int, int], pad: Pad) -> Picture:
    """The picture resized to `inner` (Lanczos, pixel centres), at `at` on a ground of `size` and colour `pad`."""
    if isinstance(picture.pixels, Image.Image):
        drawn = _resized(picture.pixels, inner)
        if inner != size:
            ground = Image.new(drawn.mode, size, _color(drawn.mode, pad))
            ground.paste(drawn, at)
            drawn = ground
        return msgspec.structs.replace(picture, pixels=drawn)
    bands = [_resized(Image.fromarray(band), inner) for band in np.moveaxis(picture.pixels, 2, 0)]
    color = _color({1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[len(bands)], pad)
    values = color if isinstance(color, tuple) else (color,)
    array = np.empty((size[1], size[0], len(bands)), np.uint16)
    for i, band in enumerate(bands):
        array[..., i] = values[i] * 257
        array[at[1] : at[1] + inner[1], at[0] : at[0] + inner[0], i] = np.asarray(band)
    return msgspec.structs.replace(picture, pixels=array)


def _resized(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    if image.size == size:
        return image
    if image.mode.startswith("I;16") or image.mode == "I":
        values = np.asarray(image)
        real = np.asarray(Image.fromarray(values.astype(np.float32)).resize(size, Image.Resampling.LANCZOS))
        limits = np.iinfo(values.dtype)
        return Image.fromarray(np.rint(real.astype(np.float64)).clip(limits.min, limits.max).astype(values.dtype))
    if "transparency" in image.info:
        image = image.convert("RGBA")
    elif image.mode in {"1", "P", "PA"}:
        image = image.convert({"1": "L", "P": "RGB", "PA": "RGBA"}[image.mode])
    return image.resize(size, Image.Resampling.LANCZOS)


def _color(mode: str, pad: Pad) -> Any:
    r, g, b = (pad, pad, pad) if isinstance(pad, int) else pad
    gray = (r + g + b) // 3
    if mode == "CMYK":
        return (255 - r, 255 - g, 255 - b, 0)
    if mode in {"I", "I;16", "I;16B", "F"}:
        return gray if mode == "F" else gray * 257
    return {"1": 255 * (gray > 127), "L": gray, "LA": (gray, 255), "RGBA": (r, g, b, 255)}.get(mode, (r, g, b))


# ---------------------------------------------------------------- writing


def lossless_format(picture: Picture) -> Literal["PNG", "TIFF"]:
    """The format in which no pixel changes: PNG, and TIFF of TIFF and for what PNG does not hold, as CMYK."""
    pixels = picture.pixels
    beyond = isinstance(pixels, Image.Image) and pixels.mode not in PNG_MODES
    return "TIFF" if picture.format == "TIFF" or beyond else "PNG"


def encode(picture: Picture, *, lossless: bool = False) -> bytes:
    """The bytes of an image file: of the kind it was read from; with `lossless`, of `lossless_format`."""
    if not isinstance(picture.pixels, Image.Image):
        return _png16(picture.pixels, picture)
    format = lossless_format(picture) if lossless or picture.format == "GIF" else picture.format
    options: dict[str, Any] = {"icc_profile": picture.profile, "exif": picture.exif}
    if format == "JPEG":
        options |= {"quality": QUALITY, "subsampling": "4:4:4"}
    elif format == "PNG":
        options |= {"compress_level": PNG_LEVEL}
    elif format == "WEBP":
        options |= {"lossless": True, "exact": True, "icc_profile": picture.profile or b""}
    elif format == "TIFF":
        options = {"icc_profile": picture.profile} | _tiff_orientation(picture.exif)
    elif format == "BMP":
        options = {}
    stream = BytesIO()
    try:
        picture.pixels.save(stream, format, **{k: v for k, v in options.items() if v})
    except (OSError, ValueError) as error:
        raise SourceError(
            picture.file, f"cannot be written as {format} ({error})", remedy="save it as RGB and try again"
        ) from None
    return stream.getvalue()


def _png16(pixels: NDArray[np.uint16], picture: Picture) -> bytes:
    height, width, channels = pixels.shape
    exif = png_write.chunk(b"eXIf", picture.exif) if picture.exif else b""
    data = png_write.pack_pixels(pixels)
    return png_write.whole(width, height, 16, data, color_type=_COLOR_TYPES[channels], between=picture.chunks + exif)


def _tiff_orientation(exif: bytes) -> dict[str, Any]:
    value = exif_tags.orientation(exif)
    if value == 1:
        return {}
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[ORIENTATION] = value
    return {"tiffinfo": tags}


def _orientation_only(value: int) -> bytes:
    """An EXIF block that holds the orientation and nothing else."""
    return b"Exif\0\0II*\0" + struct.pack("<IHHHIHHI", 8, 1, ORIENTATION, 3, 1, value, 0, 0)


def _without_orientation(exif: bytes) -> bytes:
    """The EXIF block without the entry; all others stay where they are, as offsets point at them."""
    prefix = b"Exif\0\0" if exif.startswith(b"Exif\0\0") else b""
    body = bytearray(exif[len(prefix) :])
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(bytes(body[:4]))
    if order is None:
        return b""
    try:
        (at,) = struct.unpack_from(order + "I", body, 4)
        (entries,) = struct.unpack_from(order + "H", body, at)
        end = at + 2 + 12 * entries + 4  # the offset of the next directory belongs to this one
        for entry in range(end - 16, at, -12):
            if struct.unpack_from(order + "H", body, entry) == (ORIENTATION,):
                body[entry:end] = body[entry + 12 : end] + bytes(12)
                entries -= 1
        struct.pack_into(order + "H", body, at, entries)
    except struct.error:
        return b""
    return prefix + bytes(body) if entries else b""
