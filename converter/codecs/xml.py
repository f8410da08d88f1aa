"""XML without surprises: no entities, no document types, located errors; and a plain writer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias
from xml.etree.ElementTree import Element, ParseError, SubElement, indent, tostring

from converter.errors import SourceError
from converter.stand_ins import HEAD, stand_in

__all__ = ["Element", "decode", "element", "encode", "text"]

Attributes: TypeAlias = Mapping[str, object]


def decode(data: bytes, file: str, *, tag: str = "") -> Element:
    """The root of a document.

    SourceError, with the line, for what is not well-formed; and for a document that declares
    entities or refers outside, whatever they would become; and for a root that is not `tag`.
    """
    # Slow to import for those who read no XML, and then all of the parser comes with it.
    from defusedxml import ElementTree as Defused  # noqa: PLC0415
    from defusedxml.common import DefusedXmlException  # noqa: PLC0415

    try:
        root: Element = Defused.fromstring(data, forbid_dtd=False, forbid_entities=True, forbid_external=True)
    except DefusedXmlException as error:
        kind = type(error).__name__.removesuffix("Forbidden").removesuffix("s").lower()
        raise SourceError(file, f"the XML declares {_KINDS.get(kind, 'entities')} of its own", remedy=_REMEDY) from None
    except ParseError as error:
        if (told := stand_in(data[:HEAD], file)) is not None:
            raise told from None
        line, column = error.position
        reason = str(error).partition(":")[0]
        raise SourceError(file, f"is not XML: {reason}", place=f"line {line}, column {column + 1}") from None
    except (LookupError, ValueError) as error:
        raise SourceError(file, f"is not XML: {error}") from None
    if tag and root.tag != tag:
        raise SourceError(file, f"its root is <{root.tag}>, not <{tag}>", remedy="get the annotations again")
    return root


_KINDS = {"entitie": "entities", "dtd": "a document type", "externalreference": "references"}
_REMEDY = "remove the declarations; they can hide anything"


def text(parent: Element, path: str) -> str:
    """The text of the element at `path` below `parent`, without space around it; "" when there is none."""
    return (parent.findtext(path) or "").strip()


def element(parent: Element, tag: str, content: object = None, /, **attributes: object) -> Element:
    """Appends `<tag attributes>content</tag>` to `parent`; None writes no text."""
    made = SubElement(parent, tag, {k: str(v) for k, v in attributes.items()})
    if content is not None:
        made.text = str(content)
    return made


def encode(root: Element, *, declaration: bool = True) -> bytes:
    """UTF-8, indented by two spaces, with a declaration or without; the same bytes for the same tree.

    ValueError for characters that XML cannot hold.
    """
    indent(root)
    document: bytes = tostring(root, encoding="utf-8", xml_declaration=declaration)
    forbidden = set(document) & _CONTROL
    if forbidden:
        raise ValueError(f"the character 0x{min(forbidden):02x} has no place in XML")
    return document + b"\n"


_CONTROL = frozenset(range(32)) - {9, 10, 13}
