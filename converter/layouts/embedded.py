"""Images and masks that travel inside text: base64 in JSON."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import msgspec
import numpy as np
from numpy.typing import NDArray

from converter.codecs import json
from converter.errors import SourceError
from converter.geometry import rle
from converter.layouts.masks import binary_mask
from converter.storage import Source

__all__ = ["decode_base64", "decode_mask", "extension", "with_embedded"]


def decode_base64(text: object, file: str, place: str) -> bytes:
    """The bytes of a base64 string; SourceError for anything else, also for strange characters in it."""
    if not isinstance(text, str):
        raise SourceError(file, f"is {type(text).__name__}, not base64 text", place=place)
    try:
        return base64.b64decode("".join(text.split()).partition(";base64,")[2] or "".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise SourceError(file, f"is not base64: {error}", place=place, remedy="annotate the image anew") from None


def decode_mask(data: bytes, file: str) -> NDArray[np.bool_]:
    """The bitmap (height, width) of an image file with one foreground value."""
    return rle.decode(binary_mask(data, file))


def extension(head: bytes) -> str:
    """The usual ending of an image file that begins like this; ".png" when it is not known."""
    for magic, ending in ((b"\xff\xd8\xff", ".jpg"), (b"GIF8", ".gif"), (b"BM", ".bmp"), (b"RIFF", ".webp")):
        if head.startswith(magic):
            return ending
    return ".png"


class _Store:
    """The files of a source, and images that lie in the key `imageData` of some of its JSON files."""

    def __init__(self, source: Source, inside: Mapping[str, str]) -> None:
        self.source, self.inside = source, dict(inside)
        self._names = sorted({*source.names(), *inside})

    @property
    def remarks(self) -> list[str]:
        return self.source.remarks

    @property
    def special(self) -> dict[str, str]:
        return self.source.special

    def names(self) -> Sequence[str]:
        return self._names

    def label(self, path: str) -> str:
        return self.source.label(self.inside.get(path, path))

    def size(self, path: str) -> int:
        return len(self.read(path)) if path in self.inside else self.source.size(path)

    def read(self, path: str) -> bytes:
        if path not in self.inside:
            return self.source.read(path)
        host = self.inside[path]
        label = self.source.label(host)
        found = json.decode(self.source.read(host), label, _Host)
        return decode_base64(found.imageData, label, "imageData")

    def open(self, path: str) -> BinaryIO:
        return BytesIO(self.read(path)) if path in self.inside else self.source.open(path)

    def local(self, path: str) -> Path | None:
        return None if path in self.inside else self.source.local(path)

    def verify(self, path: str) -> None:
        self.source.verify([self.inside.get(path, path)])


class _Host(msgspec.Struct):
    imageData: object = None  # noqa: N815 -- the format's own word


def with_embedded(source: Source, inside: Mapping[str, str]) -> Source:
    """`source` with images by the paths in `inside`, each in the `imageData` of the JSON named there."""
    paths = [p for p in inside if p in source]
    if paths:
        raise SourceError(source.label(paths[0]), "is there, and embedded in a JSON as well", remedy="rename it")
    return Source(_Store(source, inside))
