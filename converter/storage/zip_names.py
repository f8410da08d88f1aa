"""The names of the entries of a ZIP file: their encoding, and which of them are refused."""

from __future__ import annotations

import zlib
from itertools import islice

from converter.storage.names import Portable, clean
from converter.storage.zip_end import REPACK, Archive
from converter.storage.zip_format import UTF8, extra_field

__all__ = ["check_names", "decoded_name", "name_of", "remarks"]

_SHOWN = 4  # problems named in one message
_UNICODE_PATH = 0x7075  # Info-ZIP's extra field; APPNOTE 4.6.9


def name_of(archive: Archive, raw: bytes, flags: int, extra: bytes, guessed: list[str]) -> str:
    """The clean name; also added to `guessed` when its encoding is not certain."""
    if raw == b"./":
        return "."
    shown = raw.decode("utf-8", "backslashreplace") or "entry without a name"
    try:
        name, sure = decoded_name(raw, flags, extra)
        if "\\" in name:
            remedy = "pack it again with '/' between folders"
            archive.refuse("has a backslash in its name, as old Windows tools write it", remedy, shown)
        if ".." in name and ".." in name.split("/"):
            archive.refuse("climbs with '..'", "pack the dataset folder itself", shown)
        if not sure:
            guessed.append(name)
        return clean(name)
    except ValueError as error:
        archive.refuse(str(error), REPACK, shown)


def decoded_name(raw: bytes, flags: int, extra: bytes) -> tuple[str, bool]:
    """The name of an entry as text, and whether its encoding is certain.

    Bit 11 means UTF-8, and so does Info-ZIP's Unicode path when it belongs to this name.
    Without them the standard says code page 437, but most tools of today leave UTF-8: so
    UTF-8 where the bytes are that, else 437. Raises ValueError when bit 11 lies.
    """
    if raw.isascii():
        return raw.decode("ascii"), True
    if flags & UTF8:
        return _utf8(raw), True
    path = extra_field(extra, _UNICODE_PATH) or b""
    if path[:1] == b"\1" and path[1:5] == zlib.crc32(raw).to_bytes(4, "little"):
        return _utf8(path[5:]), True
    try:
        return raw.decode("utf-8"), False
    except UnicodeDecodeError:
        return raw.decode("cp437"), False


def _utf8(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError("is marked as UTF-8 and is not") from None


def check_names(archive: Archive, names: list[str]) -> None:
    """Refuses archives that do not unpack to the same files everywhere, or hold no dataset at this level."""
    if not names:
        archive.refuse("is a ZIP file without files", "pack the dataset again")
    tree = Portable()
    problems = list(islice((problem for name in names for problem in tree.add(name)), _SHOWN))
    if problems:
        first, *others = problems
        also = ", and more names are refused: " + ", ".join(name for p in others for name in p.names) if others else ""
        archive.refuse(first.problem + also, "rename and pack again", ", ".join(first.names))
    if all(name.lower().endswith(".zip") for name in names):
        archive.refuse(f"holds nothing but ZIP files ({names[0]})", "an inner ZIP file is not unpacked: do that first")


def remarks(guessed: list[str]) -> list[str]:
    if not guessed:
        return []
    names = "1 name is" if len(guessed) == 1 else f"{len(guessed):,} names are"
    return [f"{names} not marked as UTF-8 and read as such where possible, else as code page 437: {guessed[0]}"]
