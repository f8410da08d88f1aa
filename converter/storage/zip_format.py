"""The records of a ZIP file, byte by byte, for the reader and the writer alike.

PKWARE APPNOTE 6.3.10: local header 4.3.7, central header 4.3.12, ZIP64 end 4.3.14 and
4.3.15, end 4.3.16, ZIP64 extra field 4.5.3.
"""

from __future__ import annotations

from struct import Struct, unpack_from

__all__ = [
    "CENTRAL",
    "CENTRAL_MARK",
    "DEFLATED",
    "ENCRYPTED",
    "END",
    "END64",
    "END64_MARK",
    "END_MARK",
    "EXTRA64",
    "LOCAL",
    "LOCAL_MARK",
    "LOCATOR",
    "LOCATOR_MARK",
    "MAX_16",
    "MAX_32",
    "METHODS",
    "STORED",
    "UTF8",
    "extra_field",
]

STORED, DEFLATED = 0, 8
METHODS = frozenset({STORED, DEFLATED})

# General purpose bits 0 (encrypted), 6 (strongly), 13 (headers masked); bit 11 marks UTF-8 names.
ENCRYPTED = 1 | 1 << 6 | 1 << 13
UTF8 = 1 << 11

# A field with all bits set says that its value stands in the ZIP64 record.
MAX_16, MAX_32 = 0xFFFF, 0xFFFFFFFF

LOCAL_MARK, CENTRAL_MARK, END_MARK = b"PK\3\4", b"PK\1\2", b"PK\5\6"
END64_MARK, LOCATOR_MARK = b"PK\6\6", b"PK\6\7"

# mark, version needed, flags, method, time, date, CRC, packed size, size, length of name, of extra
LOCAL = Struct("<4s5H3L2H")

# mark, made by, version needed, flags, method, time, date, CRC, packed size, size,
# length of name, of extra, of comment, disk, internal and external attributes, offset
CENTRAL = Struct("<4s6H3L5H2L")

# mark, disk, disk of directory, entries on disk, entries, size and offset of directory, length of comment
END = Struct("<4s4H2LH")

# mark, size of the rest, made by, version needed, disk, disk of directory, then as END in 64 bits
END64 = Struct("<4sQ2H2L4Q")

# mark, disk of END64, its offset, number of disks
LOCATOR = Struct("<4sLQL")

EXTRA64 = 1


def extra_field(extra: bytes, kind: int) -> bytes | None:
    """The content of the first field of this kind among the extra fields of an entry."""
    at = 0
    while at + 4 <= len(extra):
        found, length = unpack_from("<2H", extra, at)
        if found == kind:
            return extra[at + 4 : at + 4 + length]
        at += 4 + length
    return None
