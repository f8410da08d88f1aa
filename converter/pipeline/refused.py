"""What readers refuse, told as findings at that file and object."""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from converter import engine
from converter.checks import values
from converter.checks.catalog import CATALOG, finding
from converter.codecs import images as codec
from converter.errors import SourceError
from converter.layouts.words import in_mask_folder
from converter.ledger import Refusal
from converter.model import Finding, Header, Loss
from converter.package import index
from converter.pipeline.opening import Opened

__all__ = ["of_error", "of_image", "of_scan", "orphans"]

NOISE = "values along its edges are of no class: noise of JPEG, or of smooth resizing"


def of_error(error: SourceError, image: str, otherwise: str) -> Finding:
    """The finding with the error's code, or `otherwise` when that is none of a finding."""
    code = error.code if error.code in CATALOG else otherwise
    if code == "missing-image" and image:
        return finding(code, error.problem, image=image, file=error.file)
    message = f"{error.place}: {error.problem}" if error.place else error.problem
    return finding(code, message, image=image, file=error.file, fix=error.remedy)


def _of_refusal(refusal: Refusal) -> Finding:
    code = refusal.code
    if code not in CATALOG:
        code = "unreadable-image" if refusal.whole else "invalid-polygon"
    message = f"{refusal.place}: {refusal.problem}" if refusal.place else refusal.problem
    return finding(code, message, image=refusal.image, instance=refusal.instance, file=refusal.file, fix=refusal.remedy)


def of_image(opened: Opened, header: Header, refusals: Sequence[Refusal]) -> list[Finding]:
    """What loading an image refused."""
    known = _known(header) if refusals else frozenset()
    return [_of_refusal(_explained(opened, each, known)) for each in refusals]


def of_scan(opened: Opened, header: Header, workers: int) -> list[Finding]:
    """What scanning refused or doubted; an image that nothing speaks of may be one without its mask."""
    folders = {posixpath.dirname(r.image.file) for r in opened.scan.refs if r.image.file}
    refusals = [_placed(opened, header, folders, r) for r in opened.ledger.refusals]
    return list(engine.run(_Explain(opened, _known(header)), refusals, workers=workers))


class _Explain(msgspec.Struct, frozen=True):
    opened: Opened
    known: frozenset[int]

    def __call__(self, refusal: Refusal) -> Finding:
        return _of_refusal(_explained(self.opened, refusal, self.known))


def _explained(opened: Opened, refusal: Refusal, known: frozenset[int]) -> Refusal:
    """A refusal for strange values with the code of where they seem to come from."""
    if refusal.code != "unexpected-value":
        return refusal
    source = opened.reading.source
    path = refusal.file.removeprefix(source.label("x")[:-1])
    try:
        labels = codec.read_labels(source.read(path), refusal.file)
    except SourceError:
        return refusal
    if opened.scan.header.task == "instance":
        known = frozenset({0, *_most(labels.array)})
    code = values.explain(labels, known)
    if code == "lossy-mask":  # what to do about a class that nobody declared is no help with noise
        return msgspec.structs.replace(refusal, code=code, problem=NOISE, remedy="")
    return msgspec.structs.replace(refusal, code=code)


def _most(array: NDArray[Any]) -> list[int]:
    """The commonest value but 0, and 255: what a binary mask may hold."""
    found, counts = np.unique(array[array != 0], return_counts=True)
    return [255, *([int(found[counts.argmax()])] if len(found) else [])]


def _known(header: Header) -> frozenset[int]:
    ids = {c.source_id if c.source_id is not None else c.id for c in header.classes}
    return frozenset(ids | {v for v in (header.background_id, header.ignore_id) if v is not None})


def _placed(opened: Opened, header: Header, folders: Collection[str], refusal: Refusal) -> Refusal:
    if refusal.code != "orphan-image":
        return refusal
    if in_mask_folder(refusal.image):
        return msgspec.structs.replace(refusal, code="orphan-mask", problem="no image belongs to this mask", remedy="")
    beside = posixpath.dirname(refusal.image) in folders
    if header.task == "semantic" and beside and index.INDEX not in opened.reading.source:
        return msgspec.structs.replace(refusal, code="missing-mask", problem="this image has no mask", remedy="")
    return refusal


def orphans(opened: Opened) -> list[Finding]:
    """Masks and label files that belong to no image, which readers count as losses."""
    return [_orphan(loss) for loss in opened.ledger.losses if loss.code in {"orphan-mask", "orphan-label"}]


def _orphan(loss: Loss) -> Finding:
    file, _, message = loss.message.rpartition(": ")
    return finding("orphan-mask", message or loss.message, image=loss.image, file=file or loss.image)
