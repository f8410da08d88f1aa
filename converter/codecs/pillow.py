"""Pillow behind a fence: it opens the kinds of files meant, of a size that is allowed, and fails in one way."""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from PIL import Image, TiffImagePlugin, UnidentifiedImageError

from converter.codecs import exif, jpeg
from converter.codecs.pixels import check_size, pixel_limit
from converter.errors import SourceError

__all__ = ["load", "opened", "tiff_turn"]

_OTHERS: tuple[str, ...] = ("BMP", "GIF", "TIFF", "WEBP")
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
            raise SourceError(file, "is not an image of a kind that is read, or damaged") from error
        except Image.DecompressionBombError as error:
            problem = f"has more than the {pixel_limit():,} pixels that are read (--max-pixels)"
            raise SourceError(file, problem) from error
        except Exception as error:
            # Plugins raise whatever their parsing of a damaged file happens to hit.
            raise SourceError(file, f"the image is damaged ({type(error).__name__}: {error})") from error
        finally:
            Image.MAX_IMAGE_PIXELS = before


def load(image: Image.Image, file: str) -> None:
    """Decode the pixels; SourceError for what Pillow would decode wrongly."""
    # Of a packed BMP with a black and a white colour Pillow takes each byte for eight pixels.
    if image.format == "BMP" and image.mode == "1":
        raise SourceError(file, "a run-length coded BMP of two colours is not read", remedy="save it as PNG")
    image.load()


def tiff_turn(image: Image.Image) -> int:
    """The orientation that Pillow is going to apply by itself: it does so for TIFF only."""
    if not isinstance(image, TiffImagePlugin.TiffImageFile):
        return 1
    orientation = image.getexif().get(exif.ORIENTATION, 1)
    return orientation if orientation in range(1, 9) else 1
