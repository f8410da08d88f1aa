"""What a dataset is, whatever format it came from.

Units are pixels of the stored image; (0, 0) is the outer corner of the first pixel,
so the first pixel covers [0, 1) x [0, 1) and its box is (0, 0, 1, 1), as in COCO.

A mask is kept as the run-length code of the COCO API (column-major, compressed
string): it is exact, small, and cheap to send between processes. Bitmaps exist only
for as long as somebody looks at one.

Nothing here knows a file format.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import msgspec
from numpy.typing import NDArray

__all__ = [
    "GREATEST",
    "IGNORE",
    "Box",
    "ClassInfo",
    "Finding",
    "Header",
    "Image",
    "Instance",
    "LabelMap",
    "Loss",
    "Marks",
    "Note",
    "Polygons",
    "Ref",
    "Rgb",
    "Rle",
    "Sample",
    "Shape",
    "Task",
]

Task: TypeAlias = Literal["instance", "semantic"]
LabelMap: TypeAlias = NDArray[Any]  # uint8 or uint16, (height, width)
Rgb: TypeAlias = tuple[int, int, int]  # 0 to 255
GREATEST = 65535  # a pixel of a label map, which has 16 bits
IGNORE = 255  # pixels to be left out of training, in label maps where nothing else is declared
Severity: TypeAlias = Literal["error", "warning", "info"]


class Polygons(msgspec.Struct, frozen=True):
    """Closed rings [x0, y0, x1, y1, ...]; the region is their union under the COCO rasteriser.

    A ring may run through itself: inside one ring the rule is even-odd, so a hole is a
    loop joined to its ring by a bridge that is walked twice.
    """

    rings: list[list[float]]


class Rle(msgspec.Struct, frozen=True):
    """Run lengths in the COCO API's compressed string; always valid and in canonical form.

    `listed`: the source gave a list of numbers (uncompressed); a writer that passes
    shapes through writes them that way again.
    """

    height: int
    width: int
    counts: bytes
    listed: bool = False


class Box(msgspec.Struct, frozen=True):
    """Left, top, width and height; not a mask."""

    x: float
    y: float
    w: float
    h: float


class Marks(msgspec.Struct, frozen=True):
    """Points or an open line [x0, y0, x1, y1, ...]: drawn on the image, and no region of it."""

    kind: Literal["points", "polyline"]
    points: list[float]


Shape: TypeAlias = Polygons | Rle | Box | Marks


class ClassInfo(msgspec.Struct, frozen=True):
    """A class as the dataset has it now, and what it was called where it came from."""

    id: int
    name: str
    color: Rgb | None = None
    source_id: int | None = None
    source_name: str | None = None
    extra: dict[str, Any] = {}


class Instance(msgspec.Struct, frozen=True):
    """One object. `id` is kept from the source where it has one.

    `box` and `area` are what the source claims, not what the shape says.
    `extra` holds keys that only some formats know (attributes, scores, ...).
    """

    class_id: int
    shape: Shape
    id: int | None = None
    iscrowd: bool = False
    box: Box | None = None
    area: float | None = None
    extra: dict[str, Any] = {}


class Image(msgspec.Struct, frozen=True, gc=False):
    """An image of the dataset.

    `name` is its path below the images folder, with `/`; `split` is not part of it.
    `file` is where its bytes lie in the source, None when the set has no image files.
    `orientation` is the EXIF tag of the file (1 when absent); width and height are those
    of the stored pixels. A size of 0 is not known yet.
    """

    name: str
    split: str | None = None
    width: int = 0
    height: int = 0
    id: int | None = None
    file: str | None = None
    orientation: int = 1
    extra: dict[str, Any] = {}

    @property
    def path(self) -> str:
        """The path below the images folder, with the folder of the split: how losses and messages name the image."""
        return f"{self.split}/{self.name}" if self.split else self.name


class Ref(msgspec.Struct, frozen=True, gc=False):
    """An image that was found but not loaded: small, picklable, no pixels.

    `payload` is the reader's own: raw JSON slices, paths of masks, a label file.
    """

    image: Image
    payload: Any = None


class Sample(msgspec.Struct, frozen=True):
    """One image with what is drawn on it.

    A semantic sample has `labels`, shape (height, width), the class id of every pixel;
    its `instances` are empty until somebody chooses how to cut it up.
    """

    image: Image
    instances: tuple[Instance, ...] = ()
    labels: LabelMap | None = None


class Header(msgspec.Struct, frozen=True):
    """What is known of a dataset before a pixel is read. `classes` ascend by id.

    `background_id` is the value of pixels that belong to no class (semantic), None when
    every pixel has a real class; `ignore_id` the value of pixels to be left out of training.
    `extra` are the source's own top-level entries.
    """

    format: str
    task: Task
    classes: tuple[ClassInfo, ...]
    splits: tuple[str, ...] = ()
    name: str = ""
    background_id: int | None = 0
    ignore_id: int | None = None
    extra: dict[str, Any] = {}


class Loss(msgspec.Struct, frozen=True, gc=False, omit_defaults=False):
    """Something that the target does not have any more, and how much of it."""

    code: str
    image: str
    instance: int | None
    amount: float
    message: str


class Note(msgspec.Struct, frozen=True, gc=False):
    """Something that was repaired, chosen or assumed; nothing was lost by it."""

    code: str
    where: str
    message: str


class Finding(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a check has to say. `where` holds the keys image, instance and file as they apply.

    `details` are the numbers of the message, for programs: see the module of the check.
    """

    code: str
    severity: Severity
    where: dict[str, Any]
    message: str
    fix: str
    details: dict[str, Any] = {}
