"""The page of a comparison: the verdict, tables of what differs, and pictures side by side."""

from __future__ import annotations

from typing import Any

import msgspec

from converter.report.page import Said, rendered

__all__ = ["DiffPage", "Listed", "Panel", "Trio", "render"]

TITLES = {
    "image-only-a": "Images only in A",
    "image-only-b": "Images only in B",
    "split": "Images in another split",
    "class-only-a": "Classes only in A",
    "class-only-b": "Classes only in B",
    "class-renamed": "Classes of another name",
    "size": "Images of another size",
    "picture": "Images with other pixels",
    "instance-changed": "Objects with other pixels",
    "instance-missing": "Objects only in A",
    "instance-extra": "Objects only in B",
    "instance-class": "Objects of another class",
    "instance-crowd": "Objects that are a crowd on one side only",
}


class Panel(msgspec.Struct, frozen=True):
    """A picture and what it is."""

    title: str
    uri: str
    width: int
    height: int
    words: str


class Trio(msgspec.Struct, frozen=True):
    """An image that differs: A, B and the difference, and what is said of it."""

    name: str
    panels: list[Panel]
    notes: list[str]
    more: int
    enlarged: str = ""


class Listed(msgspec.Struct, frozen=True):
    """A list of names, cut short after some."""

    title: str
    items: list[str]
    count: int


class DiffPage(msgspec.Struct, frozen=True):
    """Everything that the page of a comparison shows. `sides`: a row each, what and how it is in A and B."""

    equal: bool
    verdict: str
    advice: str
    sides: list[tuple[str, str, str]]
    counts: dict[str, int]
    lists: list[Listed]
    trios: list[Trio]
    images: int
    notes: list[Said] = []

    @property
    def rows(self) -> list[tuple[str, str, int]]:
        return [(TITLES.get(code, code), code, n) for code, n in self.counts.items()]


def render(page: DiffPage) -> bytes:
    """The page of a comparison as an HTML file."""
    values: dict[str, Any] = {"page": page}
    return rendered("diff.html", **values)
