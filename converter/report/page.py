"""The page of a check: what it says, as typed values, and the one HTML file that says it.

The page stands alone: style and script are in it and named by their hashes in a content
security policy that allows nothing else, pictures are data URIs, and nothing is loaded.
Names of classes and files come from strangers: every value is escaped by the templates,
and control characters are shown as escapes.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from numpy.typing import NDArray
from PIL import Image

from converter.errors import printable
from converter.model import Finding, Note
from converter.release import VERSION
from converter.report import thumbs, words
from converter.report.charts import Bar

__all__ = [
    "Chart",
    "ClassRow",
    "Example",
    "Group",
    "HeatMap",
    "Item",
    "Layer",
    "Page",
    "Said",
    "data_uri",
    "groups_of",
    "jpeg_uri",
    "notes_of",
    "number",
    "render",
    "rendered",
]

HERE = Path(__file__).parent
PLACES = 20
NOTES = 5  # of a code
SEVERITIES = {"error": "Errors", "warning": "Warnings", "info": "For information"}


class Example(msgspec.Struct, frozen=True):
    """A picture of a finding; `amount` is how bad it is among those of its code."""

    uri: str
    width: int
    height: int
    where: dict[str, Any]
    message: str
    amount: float = 0.0


class Group(msgspec.Struct, frozen=True):
    """All findings of a code."""

    code: str
    severity: str
    title: str
    explanation: str
    fixes: list[str]
    count: int
    images: int
    places: list[Finding]
    key: str = ""
    examples: list[Example] = []


class Said(msgspec.Struct, frozen=True):
    """All notes of a code, and the first few of them in words."""

    code: str
    count: int
    examples: list[str]


class ClassRow(msgspec.Struct, frozen=True):
    """A line of the table of classes; `share` of the pixels that classes have, `bar` against the largest."""

    id: int
    name: str
    color: str
    objects: int
    images: int
    pixels: int
    share: float
    bar: float

    @property
    def share_text(self) -> str:
        return f"{self.share:.1%}" if not 0 < self.share < 0.001 else "< 0.1%"


class Chart(msgspec.Struct, frozen=True):
    """A histogram: its title, what its columns are called, its rows."""

    title: str
    head: tuple[str, str]
    bars: list[Bar]


class HeatMap(msgspec.Struct, frozen=True):
    name: str
    uri: str
    words: str


class Layer(msgspec.Struct, frozen=True):
    id: int
    uri: str


class Item(msgspec.Struct, frozen=True):
    """An image of the gallery."""

    name: str
    uri: str
    width: int
    height: int
    size: str
    words: str
    classes: list[int]
    layers: list[Layer]


class Page(msgspec.Struct, frozen=True):
    """Everything that the page of a check shows."""

    name: str
    level: str
    verdict: str
    advice: str
    summary: list[tuple[str, str]]
    groups: list[Group]
    classes: list[ClassRow] = []
    histograms: list[Chart] = []
    heats: list[HeatMap] = []
    heat_images: str = ""
    gallery: list[Item] = []
    notes: list[Said] = []
    semantic: bool = False
    sampled: bool = False
    bare: bool = False
    stopped: str = ""

    @property
    def sign(self) -> str:
        return {"error": "✕", "stopped": "✕", "warning": "!"}.get(self.level, "✓")

    @property
    def by_severity(self) -> list[tuple[dict[str, Any], list[Group]]]:
        found = []
        for severity, title in SEVERITIES.items():
            mine = [g for g in self.groups if g.severity == severity]
            if mine:
                found.append(({"title": title, "count": sum(g.count for g in mine)}, mine))
        return found

    @property
    def sections(self) -> list[dict[str, str]]:
        there = {
            "findings": ("Findings", True),
            "classes": ("Classes", self.classes),
            "numbers": ("Numbers", self.histograms),
            "where": ("Where masks lie", self.heats),
            "gallery": ("Gallery", self.gallery),
            "notes": ("How it was read", self.notes),
        }
        return [{"id": id, "title": title} for id, (title, shown) in there.items() if shown]

    @property
    def shape(self) -> str:
        """The shape of the cells of the gallery: that of the image in the middle."""
        ratios = sorted(item.width / item.height for item in self.gallery)
        middle = ratios[len(ratios) // 2] if ratios else 1.0
        return "upright" if middle < 0.87 else "square" if middle < 1.17 else "lying"

    @property
    def gallery_classes(self) -> list[ClassRow]:
        """The classes that can be chosen in the gallery."""
        present = {id for item in self.gallery for id in item.classes}
        return [c for c in self.classes if c.id in present]


def notes_of(notes: Sequence[Note]) -> list[Said]:
    """Notes by their codes, in the order in which these come first."""
    found: dict[str, list[Note]] = {}
    for note in notes:
        found.setdefault(note.code, []).append(note)
    return [
        Said(code, len(mine), [f"{n.where}: {n.message}" if n.where else n.message for n in mine[:NOTES]])
        for code, mine in found.items()
    ]


def groups_of(findings: Sequence[Finding]) -> list[Group]:
    """The findings by code, in their order, the worst of each first."""
    by_code: dict[str, list[Finding]] = {}
    for each in findings:
        by_code.setdefault(each.code, []).append(each)
    return [_group(code, sorted(mine, key=lambda f: -words.amount(f))) for code, mine in by_code.items()]


def _group(code: str, findings: Sequence[Finding]) -> Group:
    fixes = list(dict.fromkeys(f.fix for f in findings if f.fix))
    return Group(
        code=code,
        severity=findings[0].severity,
        title=words.title(code),
        explanation=words.EXPLAINED.get(code, ("", ""))[1],
        fixes=fixes[:3],
        count=len(findings),
        images=len({f.where["image"] for f in findings if f.where.get("image")}),
        places=list(findings[:PLACES]),
        key=thumbs.KEYS.get(code, ""),
    )


# ---------------------------------------------------------------- pictures in text


def data_uri(data: bytes, kind: str) -> str:
    """`data` as a URI; `kind` is the media type."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def jpeg_uri(pixels: NDArray[np.uint8], quality: int = 80) -> str:
    """An RGB array as the URI of a JPEG."""
    stream = BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=quality, optimize=True)
    return data_uri(stream.getvalue(), "image/jpeg")


# ---------------------------------------------------------------- the file


def number(value: float) -> str:
    """Thousands apart."""
    return f"{value:,}"


def sentence(text: str) -> str:
    """With a capital and a full stop."""
    text = text[:1].upper() + text[1:]
    return text if not text or text[-1] in ".!?" else text + "."


def _shown(value: object) -> str:
    return printable(str(value))


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(shown=_shown, number=number, sentence=sentence)
    return environment


def render(page: Page) -> bytes:
    """The page of a check as an HTML file."""
    return rendered("report.html", page=page)


def rendered(template: str, **values: Any) -> bytes:
    """A template with the style, the script and their hashes."""
    css, js = ((HERE / name).read_text("utf-8").strip() for name in ("report.css", "report.js"))
    text = (
        _templates()
        .get_template(template)
        .render(css=css, js=js, css_hash=_hash(css), js_hash=_hash(js), version=VERSION, **values)
    )
    return text.encode("utf-8")


def _hash(text: str) -> str:
    """How a content security policy names a style or a script (CSP 3, section 2.3.1)."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
