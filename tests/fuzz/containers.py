"""Changes of PNG and ZIP files that leave their checksums right, mostly."""

from __future__ import annotations

import io
import lzma
import random
import struct
import zipfile
import zlib

from tests.fuzz.blind import blindly
from tests.fuzz.trees import Change

__all__ = ["change_png", "change_zip"]

SIGNATURE = b"\x89PNG\r\n\x1a\n"
KINDS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"gAMA", b"iCCP", b"zTXt", b"tEXt", b"iTXt", b"eXIf", b"acTL",
         b"fcTL", b"fdAT", b"sBIT", b"bKGD", b"pHYs", b"ABCD", b"abcd")  # fmt: skip
BOMB = zlib.compress(bytes(5_000_000), 9)
EXIF = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"


def change_png(data: bytes, chance: random.Random) -> bytes:
    """The PNG with one chunk changed, its pixels too, or moved, doubled, new or gone; ValueError when it is none."""
    chunks = _chunks(data)
    at = chance.randrange(len(chunks))
    kind, body = chunks[at]
    match chance.randrange(9):
        case 0:
            del chunks[at]
        case 1:
            chunks.insert(chance.randrange(len(chunks) + 1), (kind, body))
        case 2:
            chunks.insert(at, chunks.pop(chance.randrange(len(chunks))))
        case 3:
            chunks[at] = chance.choice(KINDS), body
        case 4:
            odd = chance.choice((b"", b"\0", EXIF, b"name\0\0" + BOMB, chance.randbytes(chance.choice((1, 3, 9, 768)))))
            chunks.insert(chance.randrange(len(chunks) + 1), (chance.choice(KINDS), odd))
        case 5 | 6:
            chunks[at] = kind, _changed_body(kind, body, chance)
        case _:
            chunks = _with_other_pixels(chunks, chance)
    return SIGNATURE + b"".join(_chunk(kind, body) for kind, body in chunks)


def _chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    found, at = [], len(SIGNATURE)
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        found.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + length]))
        at += 12 + length
    if not found:
        raise ValueError("no chunks")
    return found


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _changed_body(kind: bytes, body: bytes, chance: random.Random) -> bytes:
    if kind != b"IHDR" or len(body) != 13:
        return blindly(body, chance)
    fields = list(struct.unpack(">IIBBBBB", body))
    at = chance.randrange(7)
    sides = (0, 1, fields[0], fields[1], min(fields[0] + 1, 2**32 - 1), 2**16, 2**31 - 1, 2**32 - 1)
    fields[at] = chance.choice(sides if at < 2 else (0, 1, 2, 3, 4, 6, 8, 16, 255))
    return struct.pack(">IIBBBBB", *fields)


def _with_other_pixels(chunks: list[tuple[bytes, bytes]], chance: random.Random) -> list[tuple[bytes, bytes]]:
    """The rows changed as they are under the compression: filters, values, too few or too many bytes."""
    packed = b"".join(body for kind, body in chunks if kind == b"IDAT")
    try:
        rows = zlib.decompress(packed)
    except zlib.error:
        raise ValueError("no rows") from None
    rows = chance.choice((blindly(rows, chance), bytes([chance.randrange(6)]) + rows[1:], rows[:-1], rows + b"\0"))
    first = next((i for i, (kind, _) in enumerate(chunks) if kind == b"IDAT"), 0)
    packed, cut = zlib.compress(rows), chance.randrange(9)
    pieces = [(b"IDAT", packed[:cut]), (b"IDAT", packed[cut:])] if chance.random() < 0.3 else [(b"IDAT", packed)]
    return [*chunks[:first], *pieces, *(c for c in chunks[first:] if c[0] != b"IDAT")]


NAMES = ("../x", "/x", "a\\b", "C:x", "", ".", "a/", "a//b", "./a", "A.PNG", "cafe\u0301", "caf\u00e9", "a\nb", "aux",
         "n" * 300, "x.zip", "__MACOSX/x", "labels.json")  # fmt: skip
# What zipfile raises of an archive that is none; NotImplementedError is its word for an unknown method.
UNREADABLE = (
    lzma.LZMAError,
    zipfile.BadZipFile,
    NotImplementedError,
    zlib.error,
    OSError,
    EOFError,
    RuntimeError,
    struct.error,
)
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)


def change_zip(data: bytes, inner: Change, chance: random.Random) -> bytes:
    """The ZIP with one entry changed in content or name, doubled or gone, or with other headers."""
    if chance.random() < 0.5:
        return _with_other_headers(data, chance)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            entries = [(info.filename, packed.read(info), info.external_attr) for info in packed.infolist()]
    except UNREADABLE as error:
        raise ValueError(str(error)) from None
    if not entries:
        raise ValueError("an empty archive")
    at = chance.randrange(len(entries))
    name, content, mode = entries[at]
    match chance.randrange(6):
        case 0:
            del entries[at]
        case 1:
            entries.insert(0, (chance.choice(NAMES), content, mode))
        case 2:
            entries[at] = chance.choice(NAMES), content, mode
        case 3:
            entries[at] = name, content, chance.choice((0o120777, 0o010644, 0o020644, 0o040755)) << 16
        case _:
            entries[at] = name, inner(content, chance), mode
    return _packed(entries, chance)


def _packed(entries: list[tuple[str, bytes, int]], chance: random.Random) -> bytes:
    out, seen = io.BytesIO(), set()
    with zipfile.ZipFile(out, "w") as packed:
        for name, content, mode in entries:
            if name in seen:
                continue  # zipfile warns; doubled headers come from changes of bytes
            seen.add(name)
            info = zipfile.ZipInfo(name)
            info.external_attr = mode
            packed.writestr(info, content, chance.choice(METHODS) if chance.random() < 0.2 else zipfile.ZIP_DEFLATED)
        if chance.random() < 0.2:
            packed.comment = chance.choice((b"x", b"PK\5\6" + bytes(18), b"\0" * 99))
    return out.getvalue()


def _with_other_headers(data: bytes, chance: random.Random) -> bytes:
    """Bytes of one header, local, central or last, set to others."""
    marks = [i for mark in (b"PK\1\2", b"PK\3\4", b"PK\5\6") for i in _found(data, mark)]
    if not marks:
        raise ValueError("no headers")
    at = chance.choice(marks) + 4 + chance.randrange(42)
    odd = chance.choice((b"\0\0", b"\1\0", b"\xff\xff", b"\xff\xff\xff\xff", b"\x08\0", b"\x63\0", chance.randbytes(1)))
    return data[:at] + odd + data[at + len(odd) :]


def _found(data: bytes, mark: bytes) -> list[int]:
    found, at = [], data.find(mark)
    while at >= 0:
        found.append(at)
        at = data.find(mark, at + 1)
    return found
