"""A job as it was asked for, and the plan that is made of it before a pixel is written.

A `Plan` is small and picklable; with one item of it a worker knows all it needs.
"""

from __future__ import annotations

import msgspec

from converter import engine
from converter.format import ReadOptions, WriteOptions
from converter.ledger import Ledger, OnError
from converter.model import Header, Image, Ref
from converter.pipeline.opening import Opened
from converter.transforms.classes import ClassMap
from converter.transforms.steps import Steps

__all__ = ["Item", "Job", "Part", "Plan"]


class Job(msgspec.Struct, frozen=True):
    """What convert, pack and merge have in common: where from, where to, and how to run.

    `source` is one path or several, which become one dataset; `tags` name them then.
    """

    source: str | tuple[str, ...]
    target: str
    format: str | None = None
    read: ReadOptions = ReadOptions()
    write: WriteOptions = WriteOptions()
    on_error: OnError = "stop"
    strict: bool = False
    overwrite: bool = False
    workers: int = 1
    steps: Steps = Steps()
    tags: tuple[str, ...] = ()
    guard: engine.Guard = engine.Guard()
    resume: bool = False

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.source,) if isinstance(self.source, str) else self.source


class Part(msgspec.Struct, frozen=True):
    """One source of a run, and where its class ids go (None: nothing moves)."""

    opened: Opened
    mapping: ClassMap | None = None

    def followed_by(self, mapping: ClassMap) -> Part:
        """The part when class ids go on from where they went."""
        first = self.mapping or {c.id: c.id for c in self.opened.scan.header.classes}
        background = self.opened.scan.header.background_id
        if background in mapping:
            first = {**first, background: background}
        whole = {old: mapping.get(new, new) if new is not None else None for old, new in first.items()}
        return Part(self.opened, whole if any(k != v for k, v in whole.items()) else None)


class Item(msgspec.Struct, frozen=True, gc=False):
    """One image of the source: as it was found, and as it will be called.

    `source`: the tag of a merged set that it gets, "" for none; None leaves what its entry says.
    `shared`: another image has its name but for the extension.
    """

    part: int
    ref: Ref
    image: Image
    source: str | None = None
    shared: bool = False


class Plan(msgspec.Struct, frozen=True):
    """A run before it begins. `header` is what samples conform to after their class ids were mapped.

    `pad` is the label of margins. `ids_kept`: annotation ids are unique over everything.
    """

    name: str
    format: str
    parts: tuple[Part, ...]
    items: list[Item]
    header: Header
    steps: Steps
    ledger: Ledger
    pad: int = 0
    ids_kept: bool = False

    @property
    def images(self) -> list[Image]:
        """The images as they will be called; tiles are not known yet."""
        return [item.image for item in self.items]
