"""CSV as RFC 4180 has it, with the delimiters and marks that spreadsheet programs add."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence

from converter.codecs.text import decode_text
from converter.errors import SourceError

__all__ = ["encode", "lines", "record", "records", "rows"]

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_SPECIAL = re.compile(r'[",\r\n]')


def rows(data: bytes, file: str) -> list[dict[str, str]]:
    """All that `records` gives."""
    return list(records(data, file))


def records(data: bytes, file: str) -> Iterator[dict[str, str]]:
    """The records by the names in the header, which are stripped; values are as they stand.

    The delimiter is the comma, semicolon or tab that the header has most of. Empty lines
    are skipped. SourceError for a record with more or fewer fields than the header,
    a name twice, quotes that do not match and NUL characters.
    """
    header: list[str] = []
    for line, row in lines(data, file):
        place = f"line {line}"
        if not header:
            header = [name.strip() for name in row]
            if len(set(header)) < len(header):
                raise SourceError(file, f"the header names a column twice: {', '.join(header)}", place=place)
        elif len(row) != len(header):
            raise SourceError(file, f"{len(row)} fields where the header has {len(header)}", place=place)
        else:
            yield dict(zip(header, row, strict=True))


def lines(data: bytes, file: str) -> Iterator[tuple[int, list[str]]]:
    """The fields of every record that is not empty, and the line that it ends on; for tables without a header.

    Delimiter and errors as in `records`.
    """
    text = decode_text(data, file)
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise SourceError(file, "holds a NUL character; this is no text", place=f"line {line}")
    # One field may be the run-length code of a whole image. The limit belongs to the
    # process, and is only ever raised; 2**31 - 1 is the most that every platform takes.
    csv.field_size_limit(max(csv.field_size_limit(), min(len(text), 2**31 - 1)))
    reader = csv.reader((m[0] for m in _LINE.finditer(text)), delimiter=_delimiter(text), strict=True)
    try:
        for row in reader:
            if row:
                yield reader.line_num, row
    except csv.Error as error:
        raise SourceError(file, f"is not CSV: {error}", place=f"line {reader.line_num}") from error


def encode(header: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """UTF-8 with LF; quotes only where RFC 4180 needs them; None is an empty field.

    The csv module is not used: whether it quotes a lone carriage return depends on
    the version of Python. ValueError for a row of another length than the header.
    """
    lines = [record(header)]
    for row in rows:
        if len(row) != len(header):
            raise ValueError(f"{len(row)} fields for {len(header)} columns")
        lines.append(record(row))
    return b"".join(lines)


def record(fields: Sequence[object]) -> bytes:
    """One line of what encode makes."""
    return _line(fields).encode()


def _line(fields: Sequence[object]) -> str:
    texts = ["" if field is None else str(field) for field in fields]
    line = ",".join(texts)
    if line.count(",") >= len(texts) or _SPECIAL.search(line.replace(",", "")):
        line = ",".join(map(_quoted, texts))
    # A line without a character would be read as no record at all.
    return f"{line}\n" if line else '""\n'


def _quoted(field: str) -> str:
    return '"' + field.replace('"', '""') + '"' if _SPECIAL.search(field) else field


def _delimiter(text: str) -> str:
    header = re.sub(r'"[^"]*"', "", text.lstrip("\r\n").partition("\n")[0])
    return max(",;\t", key=header.count)
