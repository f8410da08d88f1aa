"""ZIP files whose headers may lie, byte by byte and without help from the code under test."""

import stat
import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

FILE = stat.S_IFREG | 0o644


@dataclass
class Entry:
    name: bytes
    data: bytes = b""
    method: int = 0
    flags: int = 0x800
    mode: int = FILE
    attributes: int = 0
    local_name: bytes | None = None
    local_method: int | None = None
    crc: int | None = None
    size: int | None = None
    packed: bytes | None = None
    extra: bytes = b""
    disk: int = 0


def deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def headers(entry: Entry, offset: int) -> tuple[bytes, bytes]:
    """The local header with its data, and the record for the directory."""
    body = entry.packed
    if body is None:
        body = deflate(entry.data) if entry.method == 8 else entry.data
    crc = zlib.crc32(entry.data) if entry.crc is None else entry.crc
    size = len(entry.data) if entry.size is None else entry.size
    name = entry.name if entry.local_name is None else entry.local_name
    method = entry.method if entry.local_method is None else entry.local_method
    numbers = struct.pack("<2H3L", 0, 33, crc, len(body), size)
    local = struct.pack("<4s3H", b"PK\3\4", 20, entry.flags, method) + numbers
    local += struct.pack("<2H", len(name), 0) + name + body
    central = struct.pack("<4s4H", b"PK\1\2", 0x0314, 20, entry.flags, entry.method) + numbers
    lengths = (len(entry.name), len(entry.extra), 0, entry.disk, 0)
    central += struct.pack("<5H2L", *lengths, entry.mode << 16 | entry.attributes, offset)
    return local, central + entry.name + entry.extra


def end(directory: bytes, count: int, offset: int, comment: bytes = b"") -> bytes:
    return (
        directory
        + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, len(directory), offset, len(comment))
        + comment
    )


def end64(directory: bytes, count: int, offset: int) -> bytes:
    record = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, len(directory), offset)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, offset + len(directory), 1)
    last = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return directory + record + locator + last


def archive(entries: Iterable[Entry]) -> bytes:
    body, directory, count = b"", b"", 0
    for entry in entries:
        local, central = headers(entry, len(body))
        body, directory, count = body + local, directory + central, count + 1
    return body + end(directory, count, len(body))


def good(*more: Entry) -> list[Entry]:
    return [Entry(b"a.json", b'{"images": []}' * 20, 8), Entry(b"images/a.png", b"\x89PNG..."), *more]


def put(folder: Path, *entries: Entry) -> Path:
    path = folder / "dataset.zip"
    path.write_bytes(archive(entries))
    return path
