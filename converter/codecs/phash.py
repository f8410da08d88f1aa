"""Near-duplicate images: the same picture saved again, at another size or quality.

A picture is boiled down to the signs of 64 differences of neighbours (8 rows of 9 gray
averages) and to 16 x 16 gray averages. Two are near when at most 4 signs differ and the
averages by 3 of 255 in the mean: re-encoding and resizing pass, another frame of a moving
scene does not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations

import msgspec
import numpy as np
from PIL import Image

from converter.codecs import images

__all__ = ["Look", "gray", "look", "look_at", "near", "near_pairs"]

SIGNS = 4
AVERAGE = 3.0
STEP = 2  # a difference up to here is noise of the compression, not a sign
BANDS = ((0, 13), (13, 13), (26, 13), (39, 13), (52, 12))  # one more than SIGNS: near pictures agree in one


class Look(msgspec.Struct, frozen=True):
    """What is left of a picture: 64 signs, and 256 gray averages row by row."""

    signs: int
    averages: bytes


def look(data: bytes, file: str) -> Look:
    """The look of an image file, from its stored pixels; SourceError when it cannot be decoded."""
    return look_at(gray(data, file))


def gray(data: bytes, file: str) -> Image.Image:
    """The stored pixels of an image file as luma (ITU-R 601-2), mode L; SourceError when it cannot be decoded."""
    return Image.fromarray(images.decode(data, file)).convert("L")


def look_at(picture: Image.Image) -> Look:
    """The look of a picture of mode L."""
    small = np.asarray(picture.resize((9, 8), Image.Resampling.BOX)).astype(np.int16)
    bits = (small[:, 1:] - small[:, :-1] > STEP).reshape(-1)
    averages = picture.resize((16, 16), Image.Resampling.BOX).tobytes()
    return Look(int.from_bytes(np.packbits(bits).tobytes()), averages)


def near(a: Look, b: Look) -> bool:
    """Whether two looks are those of one picture."""
    if (a.signs ^ b.signs).bit_count() > SIGNS:
        return False
    one, other = (np.frombuffer(x.averages, np.uint8).astype(np.int16) for x in (a, b))
    return int(np.abs(one - other).sum()) <= AVERAGE * len(one)


def near_pairs(looks: Sequence[Look]) -> Iterator[tuple[int, int]]:
    """All pairs (i, j), i < j, of near looks, each once, in no special order."""
    seen: set[tuple[int, int]] = set()
    for shift, width in BANDS:
        buckets: dict[int, list[int]] = defaultdict(list)
        for i, each in enumerate(looks):
            buckets[each.signs >> shift & ((1 << width) - 1)].append(i)
        for members in buckets.values():
            for pair in combinations(members, 2):
                if pair not in seen and near(looks[pair[0]], looks[pair[1]]):
                    seen.add(pair)
                    yield pair
