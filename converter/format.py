"""What a format is: a few plain functions and one record that names them.

A module in `converter/formats/` ends in `FORMAT = Format(...)`; third parties offer the
same record under the entry-point group `segpack.formats`. Reading is

    detect(source) -> Evidence | None        names only, and the head of a file at most
    scan(reading, ledger) -> Scan            header and refs, no pixels
    survey(reading, ref) -> facts            optional, in a worker: what the header cannot know
    settle(scan, facts, reading, ledger)     optional: the header with those facts
    load(reading, header, ref, ledger)       in a worker: one Sample, or SourceError

and writing is

    encode(writing, sample) -> Encoded       in a worker: files, and a small record
    assemble(writing, out) -> Assembler      in order, in one process: the files that join the records

Readers do not guess and encoders do not lose: what a target cannot hold has been taken
out by `converter.lower`, which says so.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Literal, Protocol, TypeAlias

import msgspec

from converter.extras import IGNORE_REGION, fits, legible
from converter.ledger import Ledger
from converter.model import Header, Image, Instance, Marks, Ref, Rgb, Sample, Task
from converter.storage import Source, Target

__all__ = [
    "Assembler",
    "ClassTable",
    "Encoded",
    "Evidence",
    "Format",
    "Holds",
    "MaskEncoding",
    "ReadOptions",
    "Reading",
    "Record",
    "Scan",
    "Segmentation",
    "WriteOptions",
    "Writing",
]

Segmentation: TypeAlias = Literal["auto", "rle", "polygon"]
MaskEncoding: TypeAlias = Literal["binary", "multi-class", "rle", "polygon"]


class Evidence(msgspec.Struct, frozen=True):
    """Why a source looks like a format.

    `certain`: the source says so itself. `weak`: it is read so unless any other format fits.
    `boxes`: it holds boxes alone, and masks lie beside them, which are another set of the same images.
    """

    text: str
    certain: bool = False
    weak: bool = False
    boxes: bool = False


class Holds(msgspec.Struct, frozen=True):
    """What a format can hold; `converter.lower` takes out the rest.

    Of extras, which have to fit their key (`converter.extras`):
    `attributes`    those of objects and images under any key; else only
    `keys`          these of objects,
    `point_keys`    these of objects that are points, and
    `image_keys`    these of images
    `own`           names by which the format itself means something else, of an object
    `image_own`     the same of an image
    `facts`         whatever the set and its classes say of themselves; else only
    `fact_keys`     these
    `xml`           texts are such as XML can hold

    Of classes:
    `colors`        they have colours
    `last_id`       their ids run from 1 to this one
    `legend`        their names are such as a labelmap.txt can hold (`converter.layouts.legend`)

    Of objects:
    `quads`         boxes may be turned; a polygon of four corners stays what it is
    `outside`       boxes may reach over the edge
    `least_side`    so many pixels a box is wide and high at least
    `one_crowd`     an image has one crowd region of a class at most
    `groups`        kinds of a `group_id` by which regions of one class are one object
    `group_boxes`   a box in such a group is that of the region

    Of images:
    `ignore`        regions that are to be left out of training (`Image.extra["ignore_region"]`)
    `unsplit`       beside images of splits there may be some in none
    """

    task: Task = "instance"
    masks: bool = True
    boxes: bool = False
    crowd: bool = False
    attributes: bool = False
    empty: bool = False
    overlaps: bool = True
    one_ring: bool = False
    polygons: bool = False
    marks: bool = False
    ignore: bool = False
    quads: bool = False
    last_id: int | None = None
    one_crowd: bool = False
    unsplit: bool = True
    outside: bool = True
    least_side: float = 0
    keys: tuple[str, ...] = ()
    point_keys: tuple[str, ...] = ()
    image_keys: tuple[str, ...] = ()
    facts: bool = False
    fact_keys: tuple[str, ...] = ()
    colors: bool = False
    groups: tuple[type, ...] = ()
    group_boxes: bool = False
    own: frozenset[str] = frozenset()
    image_own: frozenset[str] = frozenset()
    xml: bool = False
    legend: bool = False

    @property
    def ignored(self) -> bool:
        """Whether regions that are to be left out of training have a place in the format."""
        return self.ignore or self.attributes

    def keeps_fact(self, key: str) -> bool:
        """Whether an extra of this name, of a set or a class, has a place in the format."""
        return self.facts or key in self.fact_keys

    def lacks(self, instance: Instance) -> set[str]:
        """The keys of an object's extras that have no place in the format."""
        if not instance.extra:
            return set()
        points = self.point_keys if isinstance(instance.shape, Marks) and instance.shape.kind == "points" else ()
        keys = (*self.keys, *points)
        return {k for k, v in instance.extra.items() if k in self.own or not self._takes(k, v, keys)}

    def image_lacks(self, extra: Mapping[str, Any]) -> set[str]:
        """The same of an image's."""
        return {k for k, v in extra.items() if k in self.image_own or not self._takes(k, v, self.image_keys)}

    def _takes(self, key: str, value: Any, keys: Collection[str]) -> bool:
        """Whether an extra has a place there, with this value; `keys` are those that have one by name."""
        if key in keys:
            return fits(key, value) and (not self.xml or legible(value))
        return self.ignored if key == IGNORE_REGION else self.attributes


class ClassEntry(msgspec.Struct, frozen=True):
    """One line of a class file: the class wanted, and the old names or ids that become it.

    `place`, from 0, is that of a bare name in a list of names: the id that it has where the source knows no names.
    """

    name: str
    id: int | None = None
    sources: tuple[str | int, ...] = ()
    color: Rgb | None = None
    place: int | None = None

    @property
    def old_ids(self) -> list[int]:
        """The old ids that it speaks of."""
        if self.sources:
            return [s for s in self.sources if isinstance(s, int)]
        own = self.place if self.id is None else self.id
        return [] if own is None else [own]


class ClassTable(msgspec.Struct, frozen=True):
    """A class file (`--classes`): what the classes are to be; `file` for messages."""

    file: str
    entries: tuple[ClassEntry, ...]
    drop: tuple[str | int, ...] = ()

    def declares(self, id: int) -> bool:
        """Whether the file settles what an id that the source does not declare means."""
        return id in self.drop or any(id in entry.old_ids for entry in self.entries)

    def names_of_ids(self) -> dict[int, str]:
        """Names for a source that has ids only: source id -> name."""
        return {id: entry.name for entry in self.entries for id in entry.old_ids}


class ReadOptions(msgspec.Struct, frozen=True):
    """What the user says about the source."""

    images: Source | None = None
    need_files: bool = True
    classes: ClassTable | None = None
    colors: tuple[tuple[str, Rgb], ...] = ()
    class_name: str | None = None
    masks: str | None = None
    image_pattern: str | None = None
    rle_order: Literal["columns", "rows"] | None = None
    rle_base: int | None = None

    @property
    def patterned(self) -> bool:
        """Whether the user says where files lie by patterns."""
        return self.masks is not None or self.image_pattern is not None


class Reading(msgspec.Struct, frozen=True):
    """A source and how to read it; goes to every worker once."""

    source: Source
    options: ReadOptions
    on_error: Literal["stop", "skip"] = "stop"

    @property
    def images(self) -> Source:
        """Where image files lie: `--images`, else the source itself."""
        return self.options.images or self.source


class Scan(msgspec.Struct, frozen=True):
    """What scanning found. `ids_kept`: the annotation ids of the source are unique and stay.

    `images` is where image files lie from now on, for sets that carry them inside other files, or
    where one file of a set was named and they lie in a folder beside its own. `used`: in how many
    label maps each value occurs, where a survey has looked at all of them.
    """

    header: Header
    refs: list[Ref]
    ids_kept: bool = False
    images: Source | None = None
    used: Mapping[int, int] = {}


class WriteOptions(msgspec.Struct, frozen=True):
    """How the target is to be written, as far as formats differ in it."""

    segmentation: Segmentation = "auto"
    instances: Literal["class", "components"] | None = None
    boxes_as_masks: bool = False
    crowd: Literal["drop", "keep"] = "drop"
    min_iou: float | None = None
    tolerance: float | None = None
    image_files: Literal["copy", "hardlink", "symlink", "none"] = "copy"

    @property
    def simplifies(self) -> bool:
        return self.min_iou is not None or self.tolerance is not None


class Writing(msgspec.Struct, frozen=True):
    """What is being written; goes to every worker once.

    `prefix` is the folder of this encoding in the output ("" or e.g. "coco/");
    `images` the folder of the image files. `shared_stems`: (split, name without
    extension) of images that differ in their extension only. `mask_encoding` and
    `encodings` (folder, how to read it) are for meta.json. `was_semantic`: background and
    ignore id of the semantic set that these instances are the regions of. `resize`: that of
    meta.json, of the package's own type.
    """

    header: Header
    options: WriteOptions
    source_format: str = ""
    prefix: str = ""
    images: str = "images/"
    shared_stems: frozenset[tuple[str | None, str]] = frozenset()
    split_folders: bool = False
    mask_encoding: MaskEncoding = "binary"
    encodings: tuple[tuple[str, str], ...] = ()
    was_semantic: tuple[int | None, int | None] | None = None
    resize: Any = None

    @property
    def stays_semantic(self) -> bool:
        """Whether the instances are the classes of a semantic set, and nobody asked for objects."""
        return self.was_semantic is not None and self.options.instances is None


class Encoded(msgspec.Struct, frozen=True):
    """What one image becomes: files (path in the output, bytes) and a record for the assembler.

    `ids` are the source's ids of the instances in the record, None where there is none.
    """

    files: list[tuple[str, bytes]]
    record: Any
    ids: list[int | None] = []


class Record(msgspec.Struct, frozen=True):
    """An encoded image in its place: final ids, and the checksum of its image file.

    `image_path` is where the image file lies in the output, "" when it is left out.
    """

    image: Image
    image_id: int
    ids: list[int]
    value: Any
    image_path: str = ""
    image_sha256: str = ""


class Assembler(Protocol):
    """Joins the records of all images, in order, into the files that speak of all."""

    def add(self, record: Record) -> None: ...

    def finish(self) -> None: ...


class Format(msgspec.Struct, frozen=True):
    """A format: its name, what it holds, and its functions. `page` is the module's docstring.

    `detect_apart`: as `detect`, of a source whose images lie in another; it is asked where nothing fits a source alone.
    `files`: where the annotations of an image stand, for messages: in one file, or each in its own.
    `indexed_classes`: files hold no ids but the place of a class in ascending order of ids,
    or its name in a list; the first place is `first_class`. `takes`: the options of reading, among
    those that are not for all formats, that mean something to it.
    """

    name: str
    summary: str
    page: str
    holds: Holds
    detect: Callable[[Source], Evidence | None] | None = None
    detect_apart: Callable[[Source, Source], Evidence | None] | None = None
    scan: Callable[[Reading, Ledger], Scan] | None = None
    load: Callable[[Reading, Header, Ref, Ledger], Sample] | None = None
    survey: Callable[[Reading, Ref], Any] | None = None
    settle: Callable[[Scan, Iterable[Any], Reading, Ledger], Scan] | None = None
    encode: Callable[[Writing, Sample], Encoded] | None = None
    assemble: Callable[[Writing, Target], Assembler] | None = None
    image_path: Callable[[Writing, Image], str] | None = None
    label_path: Callable[[Writing, Image], str] | None = None
    files: Callable[[Reading, Ref], list[str]] | None = None
    indexed_classes: bool = False
    first_class: int = 0
    takes: tuple[str, ...] = ()

    @property
    def reads(self) -> bool:
        return self.scan is not None

    @property
    def writes(self) -> bool:
        return self.encode is not None
