"""index.csv: one row a mask, or a row with empty fields for an image that has none."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable

import msgspec

from converter.codecs import csvs
from converter.errors import SourceError
from converter.geometry import rle, shapes
from converter.model import Box, Instance, Sample

__all__ = ["COLUMNS", "INDEX", "Row", "decode", "encode", "image_row", "instance_row", "integer", "number"]

INDEX = "index.csv"
INTEGER = re.compile(r"-?[0-9]{1,18}")


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


def integer(text: str) -> int | None:
    """The whole number in a field; None for anything else (int() itself takes `1_0`, ` 1` and other alphabets)."""
    return int(text) if INTEGER.fullmatch(text) else None


def number(value: float) -> str:
    """A number in the shortest way that reads back the same; whole numbers without a point."""
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def encode(rows: Iterable[Row]) -> bytes:
    return csvs.encode(COLUMNS, (msgspec.structs.astuple(row) for row in rows))


def decode(data: bytes, file: str) -> list[Row]:
    """The rows of index.csv; unknown columns are passed over, missing ones are refused."""
    found = csvs.rows(data, file)
    if found and not {"image", "mask", "class_id"} <= found[0].keys():
        raise SourceError(
            file,
            f"columns are missing; it has {', '.join(found[0])}",
            place="line 1",
            remedy="is it an index.csv?",
        )
    rows = [Row(**{k: v for k, v in row.items() if k in COLUMNS}) for row in found]
    for line, row in enumerate(rows, 2):
        for path in (row.image, row.mask):
            if path.startswith("/") or ".." in posixpath.normpath(path).split("/"):
                raise SourceError(
                    file, f"'{path}' leads out of the package", place=f"line {line}", remedy="mend the path"
                )
    return rows
