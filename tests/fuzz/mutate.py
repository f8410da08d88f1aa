"""Bytes made from good ones by a few small changes."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

__all__ = ["mutated"]

ODD = (b"\0", b"\xff", b"\x7f", b"\x80", b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff")


def mutated(data: bytes, words: Sequence[bytes], mend: Callable[[bytes], bytes], chance: random.Random) -> bytes:
    """`data` with one to eight changes, mostly mended; now and then a few random bytes instead."""
    if chance.random() < 0.02:
        return chance.randbytes(chance.randrange(40))
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
        data = _changed(data, words, chance)
    return mend(data) if chance.random() < 0.8 else data


def _changed(data: bytes, words: Sequence[bytes], chance: random.Random) -> bytes:
    at = chance.randrange(len(data) + 1)
    end = min(len(data), at + chance.choice((0, 1, 1, 2, 4, 16, 64)))
    match chance.randrange(7):
        case 0:
            return data[:at] + data[end:]
        case 1:
            return data[:at] + chance.randbytes(end - at) + data[end:]
        case 2:
            return data[:at] + data[at:end] * chance.choice((2, 3, 50)) + data[end:]
        case 3:
            return data[:at] + chance.choice((*words, *ODD)) + data[end:]
        case 4 if end > at:
            return data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]
        case 5:
            other = chance.randrange(len(data) + 1)
            return data[:at] + data[other : other + end - at] + data[end:]
        case _:
            return data[:at] if chance.random() < 0.3 else data[:at] + chance.choice(ODD) + data[at:]
