"""YAML as the people who write class lists mean it.

YAML 1.1 reads the class `no` as false, `1:30` as 90, `2020-01-01` as a date and `010` as 8.
Here only `true`, `false`, `null`, `~` and what is plainly a number is anything but a string,
about as in the core schema of YAML 1.2 (https://yaml.org/spec/1.2.2/#103-core-schema).

Values are built from parser events, not by PyYAML's constructors: depth and aliases can
be counted before anything is built, and libyaml and the Python parser give the same.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import Any, NoReturn, TypeAlias

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
)

from converter.codecs.text import decode_text
from converter.errors import SourceError

__all__ = ["decode", "encode"]

Scalar: TypeAlias = str | int | float | bool | None

_PARSER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MAX_DEPTH = 100
_MAX_EXPANDED = 100_000

_NULL = ("", "~", "null", "Null", "NULL")
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
# 007 stays a name: YAML 1.1 takes it for octal, 1.2 for decimal.
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?")
_SPECIAL = re.compile(r"([-+]?)\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_TAG = "tag:yaml.org,2002:"
_KINDS: dict[str, type] = {"int": int, "float": float, "bool": bool, "null": type(None)}


def decode(data: bytes, file: str) -> Any:
    """The one document of a YAML file: dict, list, str, int, float, bool or None.

    SourceError with line and column for what is no YAML, a key that stands twice in a
    mapping or is a collection, tags that ask for anything but these types, nesting
    deeper than 100, and aliases that expand to more than 100,000 values. An aliased
    collection is one object in several places: to be read, not changed.
    """
    text = decode_text(data, file)
    try:
        return _Reader(yaml.parse(text, Loader=_PARSER), file).document()
    except yaml.MarkedYAMLError as error:
        problem = ", ".join(filter(None, (error.context, error.problem)))
        raise SourceError(
            file, f"is not YAML: {problem}", place=_place(error.problem_mark or error.context_mark)
        ) from error
    except yaml.reader.ReaderError as error:
        raise SourceError(file, f"is not YAML: {error.reason}", place=f"character {error.position}") from error


def encode(value: Any) -> bytes:
    """Block style in UTF-8, keys in the order given; the same bytes for the same value.

    Strings come back as strings from readers of YAML 1.1 and 1.2: those that do not
    begin with a letter, and the one-letter booleans of 1.1, are quoted whether or not
    PyYAML itself would misread them. Aliases are not written.
    """
    text: str = yaml.dump(
        value,
        Dumper=_Dumper,
        default_flow_style=False,
        allow_unicode=True,
        sort_keys=False,
        width=sys.maxsize,
    )
    return text.encode()


class _Dumper(yaml.SafeDumper):
    """In Python whether or not libyaml is there: the two break and escape differently."""

    def ignore_aliases(self, data: Any) -> bool:
        del data
        return True

    def represent_str(self, data: str) -> yaml.ScalarNode:
        if not data.isprintable():
            style = '"'  # readers turn line ends of all kinds into LF elsewhere
        elif data[:1].isalpha() and data not in {"y", "Y", "n", "N"}:
            style = None
        else:
            style = "'"
        return self.represent_scalar(_TAG + "str", data, style=style)


_Dumper.add_representer(str, _Dumper.represent_str)


class _Reader:
    """Builds the values of one stream of events.

    `count` are the values seen, with those behind an alias counted each time;
    `copied` those that only aliases brought.
    """

    def __init__(self, events: Iterator[Event], file: str) -> None:
        self.events, self.file = events, file
        self.count = self.copied = 0
        self.anchors: dict[str, tuple[Any, int]] = {}

    def document(self) -> Any:
        value = None
        seen = False
        for event in self.events:
            if isinstance(event, DocumentStartEvent):
                if seen:
                    self.refuse("a second document begins; only one is read", event)
                seen = True
                value = self.node(next(self.events), 0)
        return value

    def node(self, event: Any, depth: int) -> Any:
        if isinstance(event, AliasEvent):
            return self.alias(event)
        before = self.count
        self.count += 1
        # Known only when complete, so that nothing can hold itself.
        self.anchors.pop(event.anchor, None)
        value: Any
        if isinstance(event, ScalarEvent):
            value = self.scalar(event)
        else:
            kind = "map" if isinstance(event, MappingStartEvent) else "seq"
            if event.tag not in {None, "!", _TAG + kind}:
                self.refuse(f"the tag {event.tag} is not read", event)
            if depth >= _MAX_DEPTH:
                self.refuse(f"is nested more than {_MAX_DEPTH} deep", event)
            value = self.mapping(depth + 1) if kind == "map" else self.sequence(depth + 1)
        if event.anchor:
            self.anchors[event.anchor] = value, self.count - before
        return value

    def alias(self, event: AliasEvent) -> Any:
        if event.anchor not in self.anchors:
            self.refuse(f"*{event.anchor} stands for nothing that is complete before it", event)
        value, size = self.anchors[event.anchor]
        self.count += size
        self.copied += size
        if self.copied > _MAX_EXPANDED:
            self.refuse(f"aliases expand to more than {_MAX_EXPANDED:,} values", event)
        return value

    def sequence(self, depth: int) -> list[Any]:
        values = []
        while not isinstance(event := next(self.events), SequenceEndEvent):
            values.append(self.node(event, depth))
        return values

    def mapping(self, depth: int) -> dict[Any, Any]:
        values: dict[Any, Any] = {}
        bases: list[dict[Any, Any]] = []
        while not isinstance(event := next(self.events), MappingEndEvent):
            if isinstance(event, ScalarEvent) and event.value == "<<" and event.implicit[0]:
                bases += self.bases(next(self.events), depth)
                continue
            key = self.node(event, depth)
            if isinstance(key, list | dict):
                self.refuse("a list or mapping cannot be a key", event)
            if key in values:
                self.refuse(f"the key {key!r} stands twice in one mapping", event)
            values[key] = self.node(next(self.events), depth)
        for base in bases:
            values = values | {key: value for key, value in base.items() if key not in values}
        return values

    def bases(self, event: Any, depth: int) -> list[dict[Any, Any]]:
        """What `<<` takes over (https://yaml.org/type/merge.html): own keys win, then the first base."""
        value = self.node(event, depth)
        bases = value if isinstance(value, list) else [value]
        if not all(isinstance(base, dict) for base in bases):
            self.refuse("<< takes a mapping or a list of mappings", event)
        return bases

    def scalar(self, event: Any) -> Scalar:
        text: str = event.value
        plain, quoted = event.implicit
        if quoted or event.tag in {"!", _TAG + "str"}:
            return text
        try:
            value = _resolve(text)
        except ValueError:  # int() refuses more than 4,300 digits
            self.refuse("a number has too many digits", event)
        if plain:
            return value
        kind = event.tag.removeprefix(_TAG)
        if kind == "float" and type(value) is int:
            return float(value)
        if _KINDS.get(kind) is not type(value):
            self.refuse(f"{text!r} cannot be read as the tag {event.tag} asks", event)
        return value

    def refuse(self, problem: str, event: Event) -> NoReturn:
        raise SourceError(self.file, problem, place=_place(event.start_mark))


def _resolve(text: str) -> Scalar:
    """The value of a plain scalar."""
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if _INT.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        return float(text)
    if special := _SPECIAL.fullmatch(text):
        return float(f"{special[1] or ''}{text[-3:]}")
    return text


def _place(mark: Any) -> str:
    return f"line {mark.line + 1}, column {mark.column + 1}" if mark else ""
