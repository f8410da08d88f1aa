"""Whether the coco/<split>.json of a package hold what coco/coco.json holds of their splits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from converter.checks.catalog import finding
from converter.codecs import json
from converter.errors import SourceError
from converter.format import Reading
from converter.layouts.coco_files import WHOLE, open_file
from converter.layouts.coco_read import Payload, scan_one
from converter.ledger import Ledger
from converter.model import ClassInfo, Finding, Header, Ref

__all__ = ["CODE", "contradictions"]

CODE = "encoding-disagreement"


def contradictions(reading: Reading, header: Header) -> Iterator[Finding]:
    """Where they are not there, cannot be read, or say something else than the file of all images."""
    if not header.splits or WHOLE[1] not in reading.source:
        return
    try:
        whole = _held(reading, WHOLE[1])
    except SourceError:
        return  # that is told where it is read for itself
    for split in sorted({ref.image.split for ref in whole[1].values() if ref.image.split}):
        path = f"coco/{split}.json"
        if path not in reading.source:
            yield finding(CODE, f"it is not there, and images of the split '{split}' are", file=path)
            continue
        try:
            mine = _held(reading, path)
        except SourceError as error:
            yield finding(CODE, f"cannot be read: {error}", file=path)
            continue
        yield from _differences(path, mine, whole, {name for name, ref in whole[1].items() if ref.image.split == split})


def _held(reading: Reading, path: str) -> tuple[Mapping[int, ClassInfo], dict[str, Ref]]:
    """The classes of a file by id, and its images by name."""
    classes, refs = scan_one(reading, open_file(reading.source, path), Ledger("skip"))
    return classes, {ref.image.path: ref for ref in refs}


def _differences(
    path: str,
    mine: tuple[Mapping[int, ClassInfo], Mapping[str, Ref]],
    whole: tuple[Mapping[int, ClassInfo], Mapping[str, Ref]],
    names: set[str],
) -> Iterator[Finding]:
    (classes, refs), (all_classes, all_refs) = mine, whole
    if classes != all_classes:
        yield finding(CODE, f"its categories are not those of {WHOLE[1]}", file=path)
    for name in sorted(names | refs.keys()):
        if name not in refs:
            yield finding(CODE, f"{path} lacks this image of its split", image=name, file=path)
        elif name not in names:
            yield finding(CODE, f"{path} has an image that {WHOLE[1]} has not in this split", image=name, file=path)
        elif not _same(refs[name].payload, all_refs[name].payload):
            yield finding(CODE, f"{path} says of this image what {WHOLE[1]} does not", image=name, file=path)


def _same(mine: Payload, whole: Payload) -> bool:
    """Whether two files say the same of an image; written by one program, they say it in the same bytes."""
    texts, others = ((p.entry, p.annotations.gathered(p.mine)) for p in (mine, whole))
    return texts == others or _said(mine, *texts) == _said(whole, *others)


def _said(payload: Payload, entry: bytes, annotations: bytes) -> tuple[Any, list[Any]]:
    """What stands there, whatever the white space and the order of the objects."""
    return json.decode(entry, payload.file), sorted(json.decode(annotations, payload.file), key=repr)
