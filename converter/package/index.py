"""index.csv: one row a mask, or a row with empty fields for an image that has none."""

from __future__ import annotations

import posixpath
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import IO

import msgspec

from converter.codecs import csvs
from converter.errors import SourceError
from converter.geometry import rle, shapes
from converter.model import Box, Instance, Sample
from converter.storage import Target

__all__ = [
    "COLUMNS",
    "INDEX",
    "ByImage",
    "Row",
    "Writer",
    "checksums",
    "decode",
    "encode",
    "image_row",
    "instance_row",
    "number",
]

INDEX = "index.csv"


class Row(msgspec.Struct, frozen=True):
    """A row of index.csv, as written; the box is tight, area is the number of pixels."""

    image: str
    mask: str = ""
    split: str = ""
    width: str = ""
    height: str = ""
    instance_id: str = ""
    class_id: str = ""
    class_name: str = ""
    bbox_x: str = ""
    bbox_y: str = ""
    bbox_w: str = ""
    bbox_h: str = ""
    area: str = ""
    iscrowd: str = ""
    image_sha256: str = ""
    mask_sha256: str = ""


COLUMNS: tuple[str, ...] = Row.__struct_fields__
KNOWN = frozenset(COLUMNS)


def image_row(sample: Sample, mask: str = "", mask_sha256: str = "") -> Row:
    """The row of a whole image: one without instances, or with its semantic mask."""
    image = sample.image
    return Row(
        image="",
        mask=mask,
        split=image.split or "",
        width=str(image.width),
        height=str(image.height),
        mask_sha256=mask_sha256,
    )


def instance_row(sample: Sample, instance: Instance, class_name: str, mask: str = "", mask_sha256: str = "") -> Row:
    """The row of one instance; image path, checksum and instance id are filled in when it is placed."""
    image = sample.image
    if isinstance(instance.shape, Box):
        box, area = instance.shape, instance.shape.w * instance.shape.h
    else:
        region = shapes.mask_of(instance.shape, image.height, image.width)
        box, area = Box(*rle.tight_box(region)), rle.area(region)
    return Row(
        image="",
        mask=mask,
        split=image.split or "",
        width=str(image.width),
        height=str(image.height),
        class_id=str(instance.class_id),
        class_name=class_name,
        bbox_x=number(box.x),
        bbox_y=number(box.y),
        bbox_w=number(box.w),
        bbox_h=number(box.h),
        area=number(area),
        iscrowd=str(int(instance.iscrowd)),
        mask_sha256=mask_sha256,
    )


def number(value: float) -> str:
    """A number in the shortest way that reads back the same; whole numbers without a point."""
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def encode(rows: Iterable[Row]) -> bytes:
    return csvs.encode(COLUMNS, (msgspec.structs.astuple(row) for row in rows))


class Writer:
    """Rows on their way into index.csv; they wait on disk when they are many, so that memory stays flat."""

    def __init__(self, out: Target) -> None:
        self._spool = out.spool()
        self._spool.write(csvs.record(COLUMNS))

    def add(self, row: Row) -> None:
        self._spool.write(csvs.record(msgspec.structs.astuple(row)))

    def pour(self, stream: IO[bytes]) -> None:
        """Write all of it; nothing can be added after that."""
        self._spool.pour(stream)


def decode(data: csvs.Table, file: str) -> Iterator[Row]:
    """The rows of index.csv; unknown columns are passed over, missing ones are refused."""
    for line, found in enumerate(csvs.records(data, file, needs=("image", "mask", "class_id")), 2):
        row = Row(**{k: v for k, v in found.items() if k in KNOWN})
        for path in (row.image, row.mask):
            if path.startswith("/") or ".." in posixpath.normpath(path).split("/"):
                raise SourceError(
                    file, f"'{path}' leads out of the package", place=f"line {line}", remedy="mend the path"
                )
        yield row


def checksums(rows: Iterable[Row]) -> list[tuple[str, str]]:
    """Each file that has a checksum in some rows, with it, once: all rows of an image name that of the image."""
    said = ((path, digest) for r in rows for path, digest in ((r.mask, r.mask_sha256), (r.image, r.image_sha256)))
    return list(dict.fromkeys((path, digest) for path, digest in said if path and digest))


class ByImage(Mapping[str, list[Row]]):
    """Rows by their image's path below images/; packed, as a million of them take gigabytes otherwise."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._packed: dict[str, bytes] = {}
        for image, mine in groupby(rows, lambda row: row.image.removeprefix("images/")):
            self._packed[image] = _pack([*self.get(image, ()), *mine])

    def __getitem__(self, image: str) -> list[Row]:
        return _rows.decode(zlib.decompress(self._packed[image]))

    def __iter__(self) -> Iterator[str]:
        return iter(self._packed)

    def __len__(self) -> int:
        return len(self._packed)


_rows = msgspec.msgpack.Decoder(list[Row])


def _pack(rows: Sequence[Row]) -> bytes:
    return zlib.compress(msgspec.msgpack.encode(rows), 1)
