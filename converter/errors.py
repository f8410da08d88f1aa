"""Everything that segpack raises on purpose, as one tree.

    SegpackError                exit code 2 unless said otherwise
    ├── UsageError              options that do not fit together or the data
    ├── SourceError             what was read is refused, with file and place
    │   └── DetectionError      nothing, or more than one thing, fits the source
    ├── TargetError             the output cannot be written there
    ├── LossError       (1)     --strict, and the target cannot hold everything
    └── PackageError    (1)     the package was read back and found wanting

    ShapeError                  a shape is not one (geometry only); readers turn it
                                into a SourceError that says where it stands

Anything else that leaves the program is a defect.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = [
    "DetectionError",
    "LossError",
    "PackageError",
    "SegpackError",
    "ShapeError",
    "SourceError",
    "TargetError",
    "UsageError",
    "printable",
    "some_of",
]


LONGEST = 2000  # letters of a message: what it quotes of a file may be all of that file


def printable(text: str) -> str:
    """`text` on one line, with control characters and lone surrogates shown as escapes.

    File names and labels come from strangers: a newline or an escape sequence in
    one must not forge a second message or drive the terminal.
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)


def some_of(items: Sequence[object], most: int) -> str:
    """The first of them, parted by commas, with dots where there are more than `most`."""
    return ", ".join(map(str, items[:most])) + (", ..." if len(items) > most else "")


class SegpackError(Exception):
    """The root of the family; its text is one line, ready to print."""

    exit_code = 2

    def __str__(self) -> str:
        text = printable(super().__str__())
        return text if len(text) <= LONGEST else f"{text[: LONGEST // 2]} ... {text[-LONGEST // 2 :]}"


class UsageError(SegpackError):
    """The command cannot mean anything for this data."""


class SourceError(SegpackError):
    """`FILE[: place]: what is wrong; what to do`.

    `code` names the finding of `segpack check` that this is; "" where the place that
    catches it knows better.
    """

    def __init__(self, file: str, problem: str, *, place: str = "", remedy: str = "", code: str = "") -> None:
        self.file, self.place, self.problem, self.remedy, self.code = file, place, problem, remedy, code
        where = f"{file}: {place}" if place else file
        super().__init__(f"{where}: {problem}" + (f"; {remedy}" if remedy else ""))

    def __reduce__(self) -> tuple[object, ...]:
        return _source_error, (type(self), self.file, self.problem, self.place, self.remedy, self.code)


def _source_error(kind: type[SourceError], file: str, problem: str, place: str, remedy: str, code: str) -> SourceError:
    return kind(file, problem, place=place, remedy=remedy, code=code)


class DetectionError(SourceError):
    """The format of the source is not clear; the text lists what was found."""


class TargetError(SegpackError):
    """The output cannot be written where it was asked for."""


class LossError(SegpackError):
    """Something would be lost and --strict forbids it. `losses`: what was found until the run ended for that."""

    exit_code = 1

    def __init__(self, message: str, losses: Sequence[Any] = ()) -> None:
        super().__init__(message)
        self.losses = losses


class PackageError(SegpackError):
    """A package failed the checks that follow its writing."""

    exit_code = 1


class ShapeError(ValueError):
    """A mask, run-length code or polygon that has no meaning; the text says why.

    `code` names the finding that a reader makes of it.
    """

    def __init__(self, problem: str, *, code: str = "invalid-polygon") -> None:
        super().__init__(problem)
        self.code = code

    def at(self, file: str, place: str, remedy: str = "mend or remove it") -> SourceError:
        """As the source that has it is told of: `file`, and the `place` in it."""
        return SourceError(file, str(self), place=place, remedy=remedy, code=self.code)
