"""Writing fixtures: files made the same way every time."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image


class Case:
    """One folder of fixtures/<format>/(valid|invalid)/<case>, emptied and filled anew."""

    def __init__(self, root: Path) -> None:
        self.root = root
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir(parents=True)

    def bytes(self, path: str, content: bytes) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)

    def text(self, path: str, content: str) -> None:
        self.bytes(path, content.encode())

    def json(self, path: str, value: Any) -> None:
        self.text(path, json.dumps(value, separators=(",", ":")) + "\n")

    def csv(self, path: str, rows: Sequence[Sequence[object]]) -> None:
        stream = io.StringIO()
        csv.writer(stream, lineterminator="\n").writerows(rows)
        self.text(path, stream.getvalue())

    def image(self, path: str, pixels: NDArray[Any] | Image.Image, **options: Any) -> None:
        """An image in the format of its extension; arrays are gray, RGB or RGBA of 8 bits, or gray of 16."""
        picture = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
        stream = io.BytesIO()
        kind = "JPEG" if path.lower().endswith((".jpg", ".jpeg")) else "PNG"
        picture.save(stream, kind, **({"quality": 85} if kind == "JPEG" else {"optimize": True}), **options)
        self.bytes(path, stream.getvalue())

    def mask(self, path: str, mask: NDArray[np.bool_]) -> None:
        self.image(path, mask.astype(np.uint8) * 255)


class Cases:
    """The cases of one format.

    An invalid case is a folder with `input/` and `expect.json`: `names` is what the one
    line of the error has to say, `source` what of the input is named on the command line,
    `options` what else. The options of a valid case stand in `<case>.options.json`.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        shutil.rmtree(root, ignore_errors=True)

    def valid(self, name: str, **options: str) -> Case:
        case = Case(self.root / "valid" / name)
        if options:
            (self.root / "valid" / f"{name}.options.json").write_text(json.dumps(options) + "\n")
        return case

    def invalid(self, name: str, *names: str, source: str = "", **options: str) -> Case:
        folder = Case(self.root / "invalid" / name)
        expected: dict[str, Any] = {"names": list(names)}
        if source:
            expected["source"] = source
        if options:
            expected["options"] = options
        folder.json("expect.json", expected)
        return Case(folder.root / "input")


def cut(content: bytes, share: float = 0.5) -> bytes:
    """The beginning of a file, as an interrupted copy leaves it."""
    return content[: int(len(content) * share)]


def flipped(content: bytes) -> bytes:
    """A file with one byte in its middle gone wrong."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 0xFF]) + content[middle + 1 :]
