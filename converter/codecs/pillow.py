"""Pillow behind a fence: it opens the kinds of files meant, of a size that is allowed, and fails in one way."""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    JpegImagePlugin,
    TiffImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

from converter.codecs import exif, jpeg
from converter.codecs.pixels import check_size, pixel_limit
from converter.errors import SourceError
from converter.stand_ins import HEAD, stand_in
from converter.worker import only_in_workers

__all__ = ["failed", "from_array", "label_depth", "load", "opened", "orientation", "stored_size", "tiff_turn"]

# Imported here, as Pillow passes over plug-ins that it fails to import in an hour of need.
_PLUGINS = (BmpImagePlugin, GifImagePlugin, JpegImagePlugin, TiffImagePlugin, WebPImagePlugin)
_OTHERS: tuple[str, ...] = ("BMP", "GIF", "TIFF", "WEBP")
# What libwebp says of damage and of too little memory alike.
_WEBP = frozenset({"could not create decoder object", "failed to read next frame"})
_WARNINGS = threading.Lock()

# Of damaged files Pillow also logs, which without a handler goes to stderr beside our one line.
logging.getLogger("PIL").addHandler(logging.NullHandler())


@contextmanager
def opened(stream: BinaryIO, head: bytes, file: str) -> Iterator[Image.Image]:
    """The opened, not loaded, image; whatever Pillow raises on it becomes SourceError.

    Warnings filters belong to the process: without the lock two threads could put
    each other's back, and leave warnings off for good.
    """
    if not head:
        raise SourceError(file, "is empty")
    formats = _OTHERS
    if head.startswith(jpeg.MAGIC):
        jpeg.header(stream, file)
        stream.seek(0)
        formats = ("JPEG",)
    only_in_workers()
    with _WARNINGS, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, pixel_limit()
        try:
            with Image.open(stream, formats=formats) as image:
                check_size(*image.size, file)
                yield image
        except SourceError:
            raise
        except UnidentifiedImageError as error:
            stream.seek(0)
            if (told := stand_in(stream.read(HEAD), file)) is not None:
                raise told from error
            raise SourceError(file, "is not an image of a kind that is read, or damaged") from error
        except Image.DecompressionBombError as error:
            problem = f"has more than the {pixel_limit():,} pixels that are read (--max-pixels)"
            raise SourceError(file, problem) from error
        except Exception as error:
            raise failed(error, file) from error
        finally:
            Image.MAX_IMAGE_PIXELS = before


def failed(error: Exception, file: str) -> SourceError:
    """What an error of Pillow means; its plug-ins raise whatever their parsing of a damaged file happens to hit."""
    if isinstance(error, MemoryError):
        return SourceError(file, "takes more memory than there is", remedy="raise --max-memory, or leave it out")
    doubt = ", or takes more memory than there is" if str(error) in _WEBP else ""
    return SourceError(file, f"the image is damaged{doubt} ({type(error).__name__}: {error})")


def from_array(array: NDArray[np.uint8]) -> Image.Image:
    """An image of these pixels: (height, width), or (height, width, 3) of RGB."""
    return Image.fromarray(array)


def load(image: Image.Image, file: str) -> None:
    """Decode the pixels; SourceError for what Pillow would decode wrongly."""
    # Of a packed BMP with a black and a white colour Pillow takes each byte for eight pixels.
    if image.format == "BMP" and image.mode == "1":
        raise SourceError(file, "a run-length coded BMP of two colours is not read", remedy="save it as PNG")
    image.load()


def label_depth(image: Image.Image, file: str) -> int:
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


def stored_size(image: Image.Image) -> tuple[int, int]:
    """Width and height of the pixels as they are stored."""
    width, height = image.size
    if isinstance(image, TiffImagePlugin.TiffImageFile) and image.tag_v2.get(exif.ORIENTATION, 1) in {5, 6, 7, 8}:
        return height, width
    return width, height


def orientation(image: Image.Image) -> int:
    """The EXIF orientation 1..8 of an image, 1 when it is absent or nonsense."""
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        return tiff_turn(image)
    return exif.orientation(image.info.get("exif", b""))


def tiff_turn(image: Image.Image) -> int:
    """The orientation that Pillow is going to apply by itself: it does so for TIFF only."""
    if not isinstance(image, TiffImagePlugin.TiffImageFile):
        return 1
    orientation = image.getexif().get(exif.ORIENTATION, 1)
    return orientation if orientation in range(1, 9) else 1
