"""Changes of bytes whose meaning is not known."""

from __future__ import annotations

import random

from tests.fuzz.words import TOKENS

__all__ = ["blindly"]

ODD = (b"\0", b"\xff", b"\x7f", b"\x80", b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"\r", b"\xef\xbb\xbf")
HEAD = 64  # bytes at the front, where headers are


def blindly(data: bytes, chance: random.Random) -> bytes:
    """`data` with one small change, at its front as often as anywhere else."""
    most = len(data) if chance.random() < 0.5 else min(len(data), HEAD)
    at = chance.randrange(most + 1)
    end = min(len(data), at + chance.choice((0, 1, 1, 2, 4, 16, 64)))
    match chance.randrange(7):
        case 0:
            return data[:at] + data[end:]
        case 1:
            return data[:at] + chance.randbytes(end - at) + data[end:]
        case 2:
            return data[:at] + data[at:end] * chance.choice((2, 3, 50)) + data[end:]
        case 3:
            return data[:at] + chance.choice((*TOKENS, *ODD)) + data[end:]
        case 4 if end > at:
            return data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]
        case 5:
            other = chance.randrange(len(data) + 1)
            return data[:at] + data[other : other + end - at] + data[end:]
        case _:
            return data[:at] if chance.random() < 0.3 else data[:at] + chance.choice(ODD) + data[at:]
