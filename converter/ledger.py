"""What happened to the data on its way: losses, notes, and records that had to be left out.

One ledger serves one sample in a worker, or one scan; the pipeline reads them in order,
so that what is reported does not depend on the number of workers.
"""

from __future__ import annotations

from typing import Literal, NoReturn, TypeAlias

import msgspec

from converter.errors import SourceError
from converter.model import Loss, Note

__all__ = ["Ledger", "OnError", "Refusal", "Skipped"]

OnError: TypeAlias = Literal["stop", "skip"]


class Skipped(Exception):  # noqa: N818  -- it steers, it is no error
    """Unwinds to the place that knows how to go on without the record; already in the ledger."""


class Refusal(msgspec.Struct, frozen=True):
    """A record that was left out, or is doubtful: what SourceError says of it, for the checks.

    `whole`: it is the image that could not be used, not one of its objects.
    """

    image: str
    instance: int | None
    file: str
    place: str
    problem: str
    remedy: str
    code: str
    whole: bool = False


class Ledger:
    """Collects losses and notes; decides what a bad record means.

    With on_error "stop" the first bad record raises SourceError; with "skip" it
    becomes a loss (code `skipped-image`, `skipped-annotation` or `skipped-class`) and the reader goes on.
    """

    def __init__(self, on_error: OnError = "stop") -> None:
        self.on_error = on_error
        self.losses: list[Loss] = []
        self.notes: list[Note] = []
        self.refusals: list[Refusal] = []

    def note(self, code: str, where: str, message: str) -> None:
        self.notes.append(Note(code, where, message))

    def lose(self, code: str, image: str, message: str, *, instance: int | None = None, amount: float = 1) -> None:
        self.losses.append(Loss(code, image, instance, amount, message))

    def bad_image(self, image: str, error: SourceError) -> None:
        """The whole image cannot be used: raise `error`, or write the image off."""
        self._bad("skipped-image", image, None, error)

    def bad_annotation(self, image: str, instance: int | None, error: SourceError) -> None:
        """One object of `image` cannot be used: raise `error`, or write the object off."""
        self._bad("skipped-annotation", image, instance, error)

    def doubt(self, image: str, instance: int | None, error: SourceError) -> None:
        """A record that is used as it could be understood, and that a check has to name."""
        self.refusals.append(_refusal(image, instance, error, whole=False))

    def skip_image(self, image: str, error: SourceError) -> NoReturn:
        """As bad_image, and leave the image's loading."""
        self.bad_image(image, error)
        raise Skipped

    def _bad(self, code: str, image: str, instance: int | None, error: SourceError) -> None:
        if self.on_error == "stop":
            raise error
        self.losses.append(Loss(code, image, instance, 1, str(error)))
        self.refusals.append(_refusal(image, instance, error, whole=code == "skipped-image"))


def _refusal(image: str, instance: int | None, error: SourceError, *, whole: bool) -> Refusal:
    return Refusal(image, instance, error.file, error.place, error.problem, error.remedy, error.code, whole)
