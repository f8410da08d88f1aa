"""What happened to the data on its way: losses, notes, and records that had to be left out.

One ledger serves one sample in a worker, or one scan; the pipeline reads them in order,
so that what is reported does not depend on the number of workers.
"""

from __future__ import annotations

from typing import Literal, NoReturn, TypeAlias

from converter.errors import SourceError
from converter.model import Loss, Note

__all__ = ["Ledger", "OnError", "Skipped"]

OnError: TypeAlias = Literal["stop", "skip"]


class Skipped(Exception):  # noqa: N818  -- it steers, it is no error
    """Unwinds to the place that knows how to go on without the record; already in the ledger."""


class Ledger:
    """Collects losses and notes; decides what a bad record means.

    With on_error "stop" the first bad record raises SourceError; with "skip" it
    becomes a loss (code `skipped-image`, `skipped-annotation` or `skipped-class`) and the reader goes on.
    """

    def __init__(self, on_error: OnError = "stop") -> None:
        self.on_error = on_error
        self.losses: list[Loss] = []
        self.notes: list[Note] = []

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

    def skip_image(self, image: str, error: SourceError) -> NoReturn:
        """As bad_image, and leave the image's loading."""
        self.bad_image(image, error)
        raise Skipped

    def _bad(self, code: str, image: str, instance: int | None, error: SourceError) -> None:
        if self.on_error == "stop":
            raise error
        self.losses.append(Loss(code, image, instance, 1, str(error)))
