"""Bitmaps whose outlines are hard to follow, and what pycocotools draws of rings."""

from __future__ import annotations

import warnings

import numpy as np
from hypothesis import strategies as st
from pycocotools import mask as coco

from tests.geometry.masks import Bitmap, masks


def drawn(rings: list[list[float]], height: int, width: int) -> Bitmap:
    """The union of rings by pycocotools alone."""
    if not rings:
        return np.zeros((height, width), np.bool_)
    assert all(len(ring) >= 6 for ring in rings)  # fewer numbers are a box to pycocotools
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        bitmap: Bitmap = coco.decode(coco.merge(coco.frPyObjects(rings, height, width))).astype(bool)
    return bitmap


def assert_inside(rings: list[list[float]], height: int, width: int) -> None:
    for ring in rings:
        assert min(ring) >= 0
        assert max(ring[0::2]) <= width
        assert max(ring[1::2]) <= height


def picture(text: str) -> Bitmap:
    return np.array([[c == "#" for c in line] for line in text.split()])


def _spiral(size: int) -> Bitmap:
    mask = np.zeros((size, size), np.bool_)
    y = x = 0
    dy, dx = 0, 1
    mask[0, 0] = True
    for turn in range(2 * size):
        for _ in range(size - 1 - 2 * ((turn + 1) // 4)):
            ahead = y + 2 * dy, x + 2 * dx
            inside = 0 <= ahead[0] < size and 0 <= ahead[1] < size
            if not (0 <= y + dy < size and 0 <= x + dx < size) or (inside and mask[ahead]):
                break
            y, x = y + dy, x + dx
            mask[y, x] = True
        dy, dx = dx, -dy
    return mask


def _blob(height: int, width: int, seed: int) -> Bitmap:
    random = np.random.default_rng(seed)
    rows, columns = np.indices((height, width))
    turn = np.arctan2(rows - height / 2, columns - width / 2)
    radius = np.full(turn.shape, 0.35)
    for k in range(2, 7):
        radius += random.normal(0, 0.12 / k) * np.cos(k * turn + random.uniform(0, 7))
    return np.asarray(np.hypot(rows / height - 0.5, columns / width - 0.5) < radius)


def _rings_in_rings(size: int) -> Bitmap:
    rows, columns = np.indices((size, size))
    depth = np.minimum(np.minimum(rows, columns), size - 1 - np.maximum(rows, columns))
    return np.asarray(depth // 2 % 2 == 0)


_INDEX = np.indices((9, 11)).sum(axis=0)

HARD: dict[str, Bitmap] = {
    "empty": np.zeros((5, 7), np.bool_),
    "no rows": np.zeros((0, 4), np.bool_),
    "no columns": np.zeros((4, 0), np.bool_),
    "full": np.ones((5, 7), np.bool_),
    "only pixel": np.ones((1, 1), np.bool_),
    "pixel": np.arange(35).reshape(5, 7) == 17,
    "pixels in the corners": picture("#..# .... #..#"),
    "row": np.indices((5, 7))[0] == 2,
    "column": np.indices((5, 7))[1] == 3,
    "first row": np.indices((5, 7))[0] == 0,
    "last column": np.indices((5, 7))[1] == 6,
    "diagonal": np.eye(9, dtype=np.bool_),
    "other diagonal": np.eye(9, dtype=np.bool_)[::-1],
    "steep line": np.repeat(np.eye(6, dtype=np.bool_), 5, axis=0),
    "flat line": np.repeat(np.eye(6, dtype=np.bool_), 5, axis=1),
    "board": _INDEX % 2 == 0,
    "other board": _INDEX % 2 == 1,
    "big board": np.kron(_INDEX % 2, np.ones((3, 3))) > 0,
    "one row": picture("##.#.###..#"),
    "one column": picture("##.#.###..#").T,
    "touching corners": picture("##.. ##.. ..## ..##"),
    "touching other corners": picture("..## ..## ##.. ##.."),
    "hole at a corner": picture("#### #.## ##.# ####"),
    "hole through a corner": picture("###. #.#. ##.# ..##"),
    "rings in rings": _rings_in_rings(23),
    "frame": _rings_in_rings(23) & (np.indices((23, 23)).min(axis=0) < 2),
    "spiral": _spiral(25),
    "comb": (np.indices((12, 21))[1] % 2 == 0) | (np.indices((12, 21))[0] == 11),
    "lying comb": (np.indices((21, 12))[0] % 2 == 0) | (np.indices((21, 12))[1] == 11),
    "tall step": np.indices((60, 4))[0] < np.array([5, 50, 3, 55]),
    "wide": np.indices((3, 300))[0] < 2,
    "triangle": np.tri(40, dtype=np.bool_),
    "blob": _blob(60, 80, 1),
    "cut blob": _blob(60, 80, 2)[10:50, 15:60],
    "blob with holes": _blob(90, 90, 3) & (np.indices((90, 90)) % 20 > 4).any(axis=0),
}

SMALL = st.builds(
    lambda code, h, w: (code >> np.arange(h * w) & 1).reshape(h, w).astype(bool),
    st.integers(0, 2**20 - 1),
    st.integers(1, 4),
    st.integers(1, 5),
)
BLOBS = st.builds(_blob, st.integers(5, 90), st.integers(5, 90), st.integers(0, 10_000))
NOISE = st.builds(
    lambda h, w, share, seed: np.random.default_rng(seed).random((h, w)) < share,
    st.integers(1, 40),
    st.integers(1, 40),
    st.floats(0.05, 0.95),
    st.integers(0, 10_000),
)
ANY = st.one_of(SMALL, masks(), BLOBS, NOISE)
