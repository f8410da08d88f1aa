"""The run-length code of brush strokes in Label Studio: a packed stream of bits.

32 bits say how many values follow, 5 the bits of a value, four times 4 the bits of a run
length (each less one). Then runs: one bit, whether it is one value repeated; two bits, which
of the four lengths; the length less one; the value, or as many values. The values are the
channels of an RGBA picture, row by row, of which alpha is the mask.
Source: label_studio_sdk.converter.brush and thi.ng/rle-pack.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from converter.errors import ShapeError
from converter.geometry import rle
from converter.model import Rle

__all__ = ["decode", "encode"]

SIZES = (3, 4, 8, 16)
CHANNELS = 4


def decode(code: Any, height: int, width: int) -> Rle:
    """The mask (height, width) of a code, a list of bytes; ShapeError when it is none of that size."""
    bits = _Bits(code)
    count = bits.number(32)
    if count != height * width * CHANNELS:
        raise ShapeError(f"rle: it holds {count} values, {width}x{height} pixels have {height * width * CHANNELS}")
    word = bits.number(5) + 1
    sizes = [bits.number(4) + 1 for _ in range(4)]
    values = np.zeros(count, np.bool_)
    at = 0
    while at < count:
        repeated = bits.number(1)
        end = at + 1 + bits.number(sizes[bits.number(2)])
        if end > count:
            raise ShapeError("rle: its runs are longer than the picture")
        values[at:end] = bits.number(word) != 0 if repeated else bits.numbers(end - at, word) != 0
        at = end
    return rle.encode(values.reshape(height, width, CHANNELS)[..., CHANNELS - 1])


class _Bits:
    """Reads numbers from a stream of bits, the highest first."""

    def __init__(self, code: Any) -> None:
        try:
            if not isinstance(code, list):
                raise TypeError
            self.data = bytes(code)
        except (TypeError, ValueError):
            raise ShapeError("rle: it is not a list of bytes") from None
        self.at = 0

    def number(self, size: int) -> int:
        end = self.at + size
        if end > 8 * len(self.data):
            raise ShapeError("rle: it ends before the picture does")
        piece = int.from_bytes(self.data[self.at >> 3 : (end + 7) >> 3])
        self.at = end
        return piece >> (-end & 7) & ((1 << size) - 1)

    def numbers(self, count: int, size: int) -> NDArray[np.int64]:
        end = self.at + count * size
        if end > 8 * len(self.data):
            raise ShapeError("rle: it ends before the picture does")
        piece = np.frombuffer(self.data, np.uint8)[self.at >> 3 : (end + 7) >> 3]
        bits = np.unpackbits(piece)[self.at & 7 :][: count * size].reshape(count, size)
        self.at = end
        return bits @ (1 << np.arange(size - 1, -1, -1, dtype=np.int64))


def encode(mask: Rle) -> list[int]:
    """The code of a mask, a list of bytes; all four channels of a pixel are 255 or 0."""
    flat = rle.decode(mask).reshape(-1)
    edges = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    starts = [0, *edges.tolist()]
    lengths = np.diff([*starts, flat.size]) * CHANNELS
    pieces = [f"{flat.size * CHANNELS:032b}{7:05b}", *(f"{size - 1:04b}" for size in SIZES)]
    for start, length in zip(starts, lengths.tolist(), strict=True):
        pieces.append(_run(length, 255 if flat[start] else 0))
    stream = "".join(pieces)
    stream += "0" * (-len(stream) % 8)
    return list(int(stream, 2).to_bytes(len(stream) // 8))


@functools.lru_cache(maxsize=1 << 12)  # most runs of a picture are as long as others
def _run(length: int, value: int) -> str:
    pieces = ""
    while length:
        part = min(length, 1 << SIZES[-1])
        kind = next(k for k, size in enumerate(SIZES) if part <= 1 << size)
        pieces += f"1{kind:02b}{part - 1:0{SIZES[kind]}b}{value:08b}"
        length -= part
    return pieces
