"""A PNG writer for tests: any colour type, depth, row filter and interlacing."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st

SIGNATURE = b"\x89PNG\r\n\x1a\n"
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
KINDS = {0: "gray", 2: "rgb", 3: "palette", 4: "gray-alpha", 6: "rgba"}
DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
PALETTE = [(0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0)]


def chunk(kind: bytes, data: bytes = b"", crc: int | None = None) -> bytes:
    crc = zlib.crc32(kind + data) if crc is None else crc
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc)


def header(width: int, height: int, depth: int = 8, color: int = 0, interlace: int = 0) -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, interlace))


def palette(colors: Sequence[tuple[int, int, int]] = PALETTE) -> bytes:
    return chunk(b"PLTE", bytes(v for color in colors for v in color))


def paeth(a: int, b: int, c: int) -> int:
    p = a + b - c
    pa, pb, pc = abs(p - a), abs(p - b), abs(p - c)
    return a if pa <= pb and pa <= pc else b if pb <= pc else c


def filtered(row: bytes, above: bytes, kind: int, step: int) -> bytes:
    out = bytearray([kind])
    for i, value in enumerate(row):
        a = row[i - step] if i >= step else 0
        b = above[i]
        c = above[i - step] if i >= step else 0
        out.append((value - (0, a, b, (a + b) // 2, paeth(a, b, c))[kind]) % 256)
    return bytes(out)


def packed(samples: np.ndarray[Any, Any], depth: int) -> list[bytes]:
    """Rows of (height, width, channels) samples as bytes."""
    if depth == 16:
        return [row.astype(">u2").tobytes() for row in samples]
    bits = np.unpackbits(samples.astype(np.uint8)[..., None], axis=-1)[..., 8 - depth :]
    return [np.packbits(row.reshape(-1)).tobytes() for row in bits]


def scanlines(samples: np.ndarray[Any, Any], depth: int, filters: Sequence[int]) -> bytes:
    step = max(1, samples.shape[2] * depth // 8)
    rows = packed(samples, depth)
    above = bytes(len(rows[0]))
    out = b""
    for y, row in enumerate(rows):
        out += filtered(row, above, filters[y % len(filters)], step)
        above = row
    return out


def image_data(
    samples: np.ndarray[Any, Any], depth: int, filters: Sequence[int] = (0,), *, interlaced: bool = False
) -> bytes:
    if not interlaced:
        return scanlines(samples, depth, filters)
    passes = [samples[y::dy, x::dx] for x, y, dx, dy in ADAM7]
    return b"".join(scanlines(part, depth, filters) for part in passes if part.size)


def write(
    samples: np.ndarray[Any, Any],
    *,
    depth: int = 8,
    color: int = 0,
    filters: Sequence[int] = (0,),
    interlaced: bool = False,
    extra: bytes = b"",
    pieces: int = 1,
) -> bytes:
    if samples.ndim == 2:
        samples = samples[:, :, None]
    height, width, channels = samples.shape
    assert channels == CHANNELS[color]
    stream = zlib.compress(image_data(samples, depth, filters, interlaced=interlaced))
    if color == 3 and b"PLTE" not in extra:
        extra += palette()
    cut = -(-len(stream) // pieces)
    idat = b"".join(chunk(b"IDAT", stream[i : i + cut]) for i in range(0, len(stream), cut))
    return SIGNATURE + header(width, height, depth, color, int(interlaced)) + extra + idat + chunk(b"IEND")


@st.composite
def drawn(draw: st.DrawFn) -> tuple[bytes, np.ndarray[Any, Any], str, int]:
    """A file, its samples as read_raw has to give them, its kind and bit depth."""
    color = draw(st.sampled_from(sorted(CHANNELS)))
    depth = draw(st.sampled_from(DEPTHS[color]))
    height, width = draw(st.integers(1, 20)), draw(st.integers(1, 20))
    rng = np.random.default_rng(draw(st.integers(0, 1 << 32)))
    samples = rng.integers(0, 1 << depth, (height, width, CHANNELS[color])).astype(
        np.uint16 if depth == 16 else np.uint8
    )
    if draw(st.booleans()):
        samples[rng.random((height, width)) < 0.8] = 0
    if draw(st.booleans()):
        top, left = rng.integers(0, (height, width))
        samples[:top], samples[rng.integers(top, height + 1) :] = 0, 0
        samples[:, :left], samples[:, rng.integers(left, width + 1) :] = 0, 0
    data = write(
        samples,
        depth=depth,
        color=color,
        filters=draw(st.lists(st.integers(0, 4), min_size=1, max_size=6)),
        interlaced=draw(st.booleans()),
        pieces=draw(st.integers(1, 3)),
    )
    return data, samples[:, :, 0] if samples.shape[2] == 1 else samples, KINDS[color], depth
