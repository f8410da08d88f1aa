"""CSV as RFC 4180 has it, with the delimiters and marks that spreadsheet programs add."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import BinaryIO, TypeAlias

from converter.codecs.text import decode_text
from converter.errors import SourceError

__all__ = ["Table", "encode", "lines", "record", "records", "rows"]

# A file, or how to open it: then no more than a piece of it is in memory.
Table: TypeAlias = bytes | Callable[[], BinaryIO]

_PIECE = 1 << 20
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_SPECIAL = re.compile(r'[",\r\n]')


def rows(data: Table, file: str, needs: Iterable[str] = ()) -> list[dict[str, str]]:
    """All that `records` gives."""
    return list(records(data, file, needs))


def records(data: Table, file: str, needs: Iterable[str] = ()) -> Iterator[dict[str, str]]:
    """The records by the names in the header, which are stripped; values are as they stand.

    The delimiter is the comma, semicolon or tab that the header has most of. Empty lines
    are skipped. SourceError for a record with more or fewer fields than the header,
    a name twice, quotes that do not match, NUL characters, and a header that lacks a
    column of `needs`.
    """
    header: list[str] = []
    for line, row in lines(data, file):
        place = f"line {line}"
        if not header:
            header = [name.strip() for name in row]
            if len(set(header)) < len(header):
                raise SourceError(file, f"the header names a column twice: {', '.join(header)}", place=place)
            if missing := [f"'{name}'" for name in needs if name not in header]:
                problem = f"the header lacks {', '.join(missing)}; it has {', '.join(header)}"
                raise SourceError(file, problem, place=place, remedy="name the columns as the format does")
        elif len(row) != len(header):
            raise SourceError(file, f"{len(row)} fields where the header has {len(header)}", place=place)
        else:
            yield dict(zip(header, row, strict=True))


def lines(data: Table, file: str) -> Iterator[tuple[int, list[str]]]:
    """The fields of every record that is not empty, and the line that it ends on; for tables without a header.

    Delimiter and errors as in `records`.
    """
    if not isinstance(data, bytes):
        size = _plain_size(data)
        if size is not None:
            with io.TextIOWrapper(data(), "utf-8-sig", newline="") as opened:
                yield from _read(opened, size, file)
            return
        with data() as stream:
            data = stream.read()
    text = decode_text(data, file)
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise SourceError(file, "holds a NUL character; this is no text", place=f"line {line}")
    yield from _read((m[0] for m in _LINE.finditer(text)), len(text), file)


def _plain_size(table: Callable[[], BinaryIO]) -> int | None:
    """The size of UTF-8 without NUL characters and with LF at the end of lines; None of anything else."""
    decoder, size = codecs.getincrementaldecoder("utf-8")(), 0
    with table() as stream:
        while piece := stream.read(_PIECE):
            try:
                text = decoder.decode(piece)
            except UnicodeDecodeError:
                return None
            if "\0" in text or text.count("\r") != text.count("\r\n"):
                return None
            size += len(piece)
    return None if decoder.getstate()[0] else size


def _read(text: Iterable[str], size: int, file: str) -> Iterator[tuple[int, list[str]]]:
    lines, ahead = iter(text), ""
    while not ahead.strip("\r\n") and (line := next(lines, "")):
        ahead += line
    # One field may be the run-length code of a whole image. The limit belongs to the
    # process, and is only ever raised; 2**31 - 1 is the most that every platform takes.
    csv.field_size_limit(max(csv.field_size_limit(), min(size, 2**31 - 1)))
    first = (m[0] for m in _LINE.finditer(ahead))
    reader = csv.reader(chain(first, lines), delimiter=_delimiter(ahead), strict=True)
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
