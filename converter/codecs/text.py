"""Text in UTF-8, with the place of the first byte that is none."""

from __future__ import annotations

import codecs
import re
from fractions import Fraction

from converter.errors import SourceError
from converter.stand_ins import HEAD, stand_in

__all__ = ["UTF_16", "check_utf8", "decode_text", "position", "ratio", "whole", "whole_id"]

RATIO = re.compile(r"\s*(\d{1,9}\.?|\d{0,9}\.\d{1,9})(?:/(\d{1,9}))?\s*", re.ASCII)

UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

_PIECE = 1 << 20
_WHOLE = re.compile(r"-?[0-9]{1,19}")
_BEYOND = 1 << 63
_ID = re.compile(r"-?[0-9]{1,4300}")


def decode_text(data: bytes, file: str) -> str:
    """The text of a UTF-8 file, without its byte order mark; line ends stay as they are.

    A file that begins with the byte order mark of UTF-16 is read as that: spreadsheet
    programs and shells on Windows write it. Anything else than UTF-8 raises SourceError
    with the line and the byte: Latin-1 cannot be told from other 8-bit codes, and a
    guess would rename classes. So does a text that stands for one that was not fetched.
    """
    if data.startswith(UTF_16):
        try:
            return data.decode("utf-16")
        except UnicodeDecodeError as error:
            raise SourceError(
                file, "is not valid UTF-16, though it begins like it", place=f"byte {error.start}"
            ) from error
    check_utf8(data, file)
    if data[:HEAD].strip() and (told := stand_in(data[:HEAD], file)) is not None:
        raise told
    return data.decode("utf-8-sig")


def check_utf8(data: bytes, file: str) -> None:
    """Raise SourceError at the first byte that is not UTF-8; takes no memory to speak of."""
    if data.isascii():
        return
    decoder = codecs.getincrementaldecoder("utf-8")()
    for start in range(0, len(data), _PIECE):
        pending = len(decoder.getstate()[0])
        try:
            decoder.decode(data[start : start + _PIECE], final=start + _PIECE >= len(data))
        except UnicodeDecodeError as error:
            at = start - pending + error.start
            raise SourceError(
                file,
                f"byte 0x{data[at]:02x} is not UTF-8",
                place=position(data, at),
                remedy="save the file as UTF-8",
            ) from error


def position(data: bytes, at: int) -> str:
    """Where byte `at` of `data` lies, for messages: `line 3, byte 41`; bytes count from 0."""
    line = data.count(b"\n", 0, at) + 1
    return f"line {line}, byte {at}"


def ratio(value: str) -> Fraction | None:
    """A number from 0 as people write it on a command line (0.5, 1/3, 80), exactly; None for anything else."""
    match = RATIO.fullmatch(value)
    if match is None or (match[2] is not None and int(match[2]) == 0):
        return None
    return Fraction(match[1]) / int(match[2] or 1)


def whole(text: str) -> int | None:
    """The whole number that a field is; None for anything else, and for more than 64 bits hold.

    int() itself takes `1_0`, ` 1` and other alphabets and raises at 4,301 digits; str.isdigit() holds
    for what int() does not take.
    """
    number = int(text) if _WHOLE.fullmatch(text) else _BEYOND
    return number if -_BEYOND < number < _BEYOND else None


def whole_id(text: str) -> int | None:
    """As `whole`, of any length that Python reads: ids are not counted with, and some are made of 128 random bits."""
    return int(text) if _ID.fullmatch(text) else None
