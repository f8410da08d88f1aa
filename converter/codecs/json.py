"""JSON by msgspec, with the place of what is wrong, and with the bare NaN that some exporters write."""

from __future__ import annotations

import codecs
import json
import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any, NoReturn, TypeVar, overload

import msgspec
import numpy as np

from converter.codecs.text import check_utf8, position
from converter.errors import SourceError
from converter.stand_ins import HEAD, stand_in

__all__ = ["TOO_DEEP", "decode", "decode_named", "encode", "encode_pretty", "too_deep", "twice"]

T = TypeVar("T")

_SMALL = 5_000_000
# A string, to the end if it is not closed, or what json.dumps writes for such a float.
# The possessive groups keep a string without end from being tried again at every quote.
_STRING_OR_NAN = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|-?+Infinity|NaN', re.DOTALL)
_NUMBERS = re.compile(rb"\[[-+.0-9eE,\s]*+\]")
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_MAX_DEPTH = 100
TOO_DEEP = f"is nested too deeply, more than {_MAX_DEPTH} values in one another"
_STEPS = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")  # into a value, and out of it, as int8
_NO_STEPS = bytes(set(range(256)) - set(b"[{]}"))
_BYTE = re.compile(r" \(byte (\d+)\)$")
_PATH = re.compile(r" - at `(.+)`$", re.DOTALL)


@overload
def decode(data: bytes | msgspec.Raw, file: str, *, place: str = "", unique: Sequence[bytes] = ()) -> Any: ...
@overload
def decode(
    data: bytes | msgspec.Raw,
    file: str,
    type: type[T],
    *,
    place: str = "",
    unique: Sequence[bytes] = (),
    quoted: Callable[[], object] = ...,
) -> T: ...
def decode(
    data: bytes | msgspec.Raw,
    file: str,
    type: Any = Any,
    *,
    place: str = "",
    unique: Sequence[bytes] = (),
    quoted: Callable[[], object] = lambda: None,
) -> Any:
    """The value of a JSON document (UTF-8, or UTF-16 with its mark) as `type`.

    `place` names where a piece of a larger document stood and goes before the place in it.

    NaN, Infinity and -Infinity are no JSON, but written (json.dumps does so by default).
    Each is read as the string of that name, so that a document that leaves its records as
    msgspec.Raw survives and only the record that holds one fails, where a number is typed. `quoted` is
    called for a document with one.

    SourceError for an object that has a key twice, as it is anybody's guess which value counts. In documents
    and pieces of more than 5 MB only those in `unique`, given with their quotes, are looked for, and of
    others the last wins. SourceError for bytes that are not UTF-8, what is cut or malformed, numbers beyond
    any use (`1e999`, 4,301 digits), values nested more than 100 deep, and values
    of another type, with the path to them as place: `$.annotations[3].bbox`.
    """
    document = _utf8(bytes(data), file)
    decoder = _decoder(type)
    _check_unique(document, file, place, unique)
    if _takes_anything(type):
        _check_depth(document, file, place)
    try:
        return decoder.decode(document)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        patched = _quote_nan(document) if _malformed(error) else document
        if patched is document:
            _refuse(error, document, file, place)
    quoted()
    try:
        return decoder.decode(patched)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        _refuse(error, patched, file, place, remedy="NaN and Infinity are not JSON; write numbers")


def decode_named(data: bytes, file: str) -> Any:
    """The value of a file that people write by hand: of JSON when its name says so, else of YAML."""
    if file.lower().endswith(".json"):
        return decode(data, file)
    from converter.codecs import yaml  # noqa: PLC0415 -- slow to import, and seldom needed

    return yaml.decode(data, file)


def twice(document: bytes, keys: Sequence[bytes]) -> str | None:
    """A key that an object has twice, where it is one of `keys`, given with their quotes, or escaped.

    For records of a document that `decode` has not looked through, being too large.
    """
    return _twice(document) if b"\\" in document or _occurs_again(document, keys) else None


def _check_unique(document: bytes, file: str, place: str, keys: Sequence[bytes]) -> None:
    """Refuse an object that has a key twice. What is not JSON passes, as decoding says what is wrong."""
    if len(document) > _SMALL and not _occurs_again(document, keys):
        return
    # Most of a document are numbers, in which no key stands; only strings may look like lists of them.
    if _twice(_NUMBERS.sub(b"[]", document)) is not None and (key := _twice(document)) is not None:
        problem = f"the key {key!r} stands twice in one object"
        raise SourceError(file, problem, place=place, remedy="remove one of the two")


def _occurs_again(document: bytes, keys: Sequence[bytes]) -> bool:
    return any(document.count(key) > 1 for key in keys)


def _twice(document: bytes) -> str | None:
    """A key that an object of the document has twice, if any is found before the document goes wrong."""

    def unique(pairs: list[tuple[str, Any]]) -> None:
        if len(dict(pairs)) < len(pairs):
            found.append(next(key for key, n in Counter(key for key, _ in pairs).items() if n > 1))

    found: list[str] = []
    with suppress(ValueError, RecursionError):
        json.loads(document, object_pairs_hook=unique, parse_int=len, parse_float=len)
    return found[0] if found else None


def encode(value: Any) -> bytes:
    """Compact JSON in UTF-8, keys in the order given; the same bytes for the same value.

    ValueError for NaN and infinity, which msgspec alone would write as null.
    """
    data = msgspec.json.encode(value)
    if b"null" in data:
        _refuse_nan(msgspec.to_builtins(value, enc_hook=lambda _: None), "$")
    return data


def encode_pretty(value: Any) -> bytes:
    """As encode, indented by two spaces and with a line end: for files that people read."""
    return msgspec.json.format(encode(value), indent=2) + b"\n"


@lru_cache(maxsize=256)
def _takes_anything(type: Any) -> bool:
    """Whether values of any depth are built for this type; msgspec.Raw builds none."""
    return "AnyType" in repr(msgspec.inspect.type_info(type))


def too_deep(document: bytes) -> bool:
    """Whether values of a sound document are nested deeper than pickling, or writing again, could follow."""
    if document.count(b"[") + document.count(b"{") <= _MAX_DEPTH:
        return False
    steps = np.frombuffer(_STRING.sub(b"", document).translate(_STEPS, _NO_STEPS), np.int8)
    return bool(steps.cumsum(dtype=np.int64).max(initial=0) > _MAX_DEPTH)


def _check_depth(document: bytes, file: str, place: str) -> None:
    if too_deep(document):
        raise SourceError(file, TOO_DEEP, place=place)


@lru_cache(maxsize=256)
def _decoder(type: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(type)


def _utf8(data: bytes, file: str) -> bytes:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        try:
            return data.decode("utf-16").encode()
        except UnicodeError as error:
            raise SourceError(file, "is not valid UTF-16, though it begins like it") from error
    # msgspec does not look into strings that it skips or leaves raw.
    check_utf8(data, file)
    return data.removeprefix(codecs.BOM_UTF8)


def _malformed(error: Exception) -> bool:
    return isinstance(error, msgspec.DecodeError) and not isinstance(error, msgspec.ValidationError)


def _quote_nan(data: bytes) -> bytes:
    """`data` itself when it holds no such token."""
    if b"NaN" not in data and b"Infinity" not in data:
        return data
    quoted = _STRING_OR_NAN.sub(lambda m: m[0] if m[0][:1] == b'"' else b'"%b"' % m[0], data)
    return data if quoted == data else quoted


def _refuse(error: Exception, data: bytes, file: str, place: str, *, remedy: str = "") -> NoReturn:
    told = stand_in(data[:HEAD], file, place=place) if _malformed(error) else None
    if told is not None:
        raise told from error
    text, where = str(error), ""
    if isinstance(error, RecursionError):
        text = "is nested too deeply"
    elif isinstance(error, msgspec.ValidationError):
        if path := _PATH.search(text):
            text, where = text[: path.start()], path[1]
    else:
        at = _BYTE.search(text)
        offset = int(at[1]) if at else len(data)
        text = f"is not JSON: {(text[: at.start()] if at else text).removeprefix('JSON is malformed: ')}"
        where = position(data, offset)
    raise SourceError(file, text, place=", ".join(filter(None, (place, where))), remedy=remedy) from error


def _refuse_nan(value: Any, path: str) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{path} is {value}, which JSON cannot hold")
    if isinstance(value, dict):
        for key, item in value.items():
            _refuse_nan(item, f"{path}.{key}")
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            _refuse_nan(item, f"{path}[{index}]")
