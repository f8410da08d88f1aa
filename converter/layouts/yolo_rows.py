"""The rows of YOLO labels.

A row is `class x y w h`, or `class x1 y1 x2 y2 ...`; both may stand in one file, and either may end in a track id
or a confidence. The confidence of a box is its attribute `score`; the others are left out and told.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from converter.codecs import text
from converter.errors import SourceError
from converter.format import Reading
from converter.layouts.undeclared import undeclared
from converter.ledger import Ledger
from converter.model import Box, Header, Image, Instance, Polygons, Ref, Sample, Shape

__all__ = ["NUMBER", "class_ids", "files", "is_row", "load", "load_rows"]

NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
SLACK = 0.01  # Ultralytics accepts coordinates up to 1.01
PIXELS = 2  # coordinates beyond are no fractions

ReadRow = Callable[[list[str], int], Instance]  # of the fields of a row, and its number


def load(reading: Reading, header: Header, ref: Ref, ledger: Ledger) -> Sample:
    """One image with the boxes and polygons of its label file."""
    declared, keypoints = class_ids(header), "kpt_shape" in header.extra
    return load_rows(reading, ref, ledger, lambda file: _Rows(ref.image, file, declared, keypoints, ledger).read)


def load_rows(reading: Reading, ref: Ref, ledger: Ledger, reader: Callable[[str], ReadRow]) -> Sample:
    """One image with the rows of its label file; `reader` makes what reads them, given what messages call the file."""
    path = ref.payload.label
    if path is None:
        return Sample(ref.image)
    file = reading.source.label(path)
    try:
        content = text.decode_text(reading.source.read(path), file)
    except SourceError as error:
        ledger.skip_image(ref.image.path, error)
    read, instances = reader(file), []
    for number, line in enumerate(content.splitlines(), 1):
        fields = line.split()
        if not fields:
            continue
        try:
            instances.append(read(fields, number))
        except GapError as gap:
            raise gap.error from None
        except SourceError as error:
            ledger.bad_annotation(ref.image.path, number, error)
    return Sample(ref.image, tuple(instances))


def class_ids(header: Header) -> dict[int, int]:
    """The number of a class in rows -> its id."""
    return {c.source_id: c.id for c in header.classes if c.source_id is not None}


def files(reading: Reading, ref: Ref) -> list[str]:
    """The label file, where there is one."""
    return [reading.source.label(ref.payload.label)] if ref.payload.label is not None else []


class GapError(Exception):
    """A class that the list of names leaves out between others: the list is wrong, and so may be every row."""

    def __init__(self, error: SourceError) -> None:
        self.error = error
        super().__init__(str(error))


class _Rows:
    """Reads the rows of one label file."""

    def __init__(self, image: Image, file: str, declared: dict[int, int], keypoints: bool, ledger: Ledger) -> None:
        self.image, self.file, self.declared = image, file, declared
        self.keypoints, self.ledger = keypoints, ledger

    def read(self, fields: list[str], line: int) -> Instance:
        class_id = self._class(fields[0], line)
        values = [self._number(f, line) for f in fields[1:]]
        extra = {}
        if _is_scored(fields, values):
            *values, extra["score"] = values
            message = f"the number {fields[-1]} at the end of the row was taken as a confidence and kept as score"
            self.ledger.note("confidence", f"{self.file}, line {line}", message)
        return Instance(class_id, self._shape(values, line), extra=extra)

    def _refuse(self, line: int, problem: str, remedy: str, code: str = "invalid-polygon") -> SourceError:
        return SourceError(self.file, problem, place=f"line {line}", remedy=remedy, code=code)

    def _class(self, field: str, line: int) -> int:
        value = self._number(field, line)
        if not value.is_integer():
            raise self._refuse(line, f"the class is {field}", "it has to be a whole number")
        if not field.lstrip("+-").isdigit():
            self.ledger.note("class-as-decimal", f"{self.file}, line {line}", f"the class is written {field}")
        if int(value) not in self.declared:
            wrong = self._refuse(line, undeclared([int(value)], self.declared), "", "unmapped-class")
            if 0 <= value < max(self.declared, default=0):
                raise GapError(wrong)
            raise wrong
        return self.declared[int(value)]

    def _number(self, field: str, line: int) -> float:
        if not NUMBER.fullmatch(field):
            raise self._refuse(line, f"'{field[:40]}' is not a number", "write class and coordinates as numbers")
        value = float(field)
        if value in {float("inf"), float("-inf")}:
            raise self._refuse(line, f"'{field[:40]}' is not a finite number", "coordinates lie between 0 and 1")
        return value

    def _shape(self, values: list[float], line: int) -> Shape:
        if len(values) < 4:
            raise self._refuse(line, f"{len(values)} numbers after the class", "a box has 4, a polygon 6 or more")
        if self.keypoints and len(values) > 4:
            self.ledger.lose("keypoints-dropped", self.image.path, "keypoints are not regions", instance=line)
            values = values[:4]
        self._refuse_pose(values, line)
        if len(values) % 2:
            *values, last = values
            what = "track id" if last.is_integer() else "confidence"
            message = f"the number {last:g} at the end of the row was taken as a {what} and left out"
            self.ledger.note(what.replace(" ", "-"), f"{self.file}, line {line}", message)
        self._check_range(values, line)
        inside = [min(max(v, 0.0), 1.0) for v in values]
        if len(inside) == 4:
            return self._box(*inside)
        size = (self.image.width, self.image.height)
        return Polygons([[v * size[i % 2] for i, v in enumerate(inside)]])

    def _refuse_pose(self, values: list[float], line: int) -> None:
        """A box with keypoints x, y, v in a set that does not speak of any: v is 0, 1 or, of most, 2."""
        count, rest = divmod(len(values) - 4, 3)
        untracked = values[: len(values) // 2 * 2]  # a 2 at the end may be a track id
        if count and not rest and max(untracked) == 2 and {0, 1, 2}.issuperset(values[6::3]):
            remedy = f"write kpt_shape: [{count}, 3] into data.yaml, and the boxes are read"
            raise self._refuse(line, f"looks like a pose: a box and {count} keypoints x, y, visibility", remedy)

    def _check_range(self, values: list[float], line: int) -> None:
        low, high = min(values), max(values)
        if low < -SLACK or high > 1 + SLACK:
            wrong = low if low < -SLACK else high
            problem = f"the coordinate {wrong:g} lies outside 0 to 1"
            if high > PIXELS:  # nothing that reaches over an edge: the row means something else than it says
                raise self._refuse(line, problem, "pixels? divide by width and height")
            raise self._refuse(line, problem, "cut it at the edge", "out-of-bounds")
        if low < 0 or high > 1:
            self.ledger.note(
                "clipped", f"{self.file}, line {line}", "a coordinate just outside 0 to 1 was cut to the edge"
            )

    def _box(self, x: float, y: float, w: float, h: float) -> Box:
        width, height = self.image.width, self.image.height
        return Box((x - w / 2) * width, (y - h / 2) * height, w * width, h * height)


def _is_scored(fields: Sequence[str], values: Sequence[float]) -> bool:
    """Whether a row is a box with a confidence, as of predictions; a polygon may lack its last number instead."""
    return len(values) == 5 and 0 <= values[-1] <= 1 and "." in fields[-1]


def is_row(row: bytes) -> bool:
    """Whether a line of a text file is numbers as in a label file."""
    fields = row.decode("utf-8", "replace").split()
    return len(fields) >= 5 and all(NUMBER.fullmatch(f) for f in fields)
