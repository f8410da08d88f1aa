"""Does a package say of itself what is in it: the rows of index.csv, checksums, the counts of meta.json."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from converter.checks.catalog import finding
from converter.checks.subject import Facts, Subject
from converter.codecs.text import whole_id
from converter.model import Finding, Header
from converter.package import index, meta

__all__ = ["checksums", "counts", "rows"]


def rows(subject: Subject, mine: Sequence[index.Row], refused: set[int]) -> Iterator[Finding]:
    """Rows of one image against its masks; objects in `refused` could not be read and are told elsewhere."""
    image, names = subject.image, {c.id: c.name for c in subject.header.classes}
    sized = {(r.width, r.height) for r in mine} - {(str(image.width), str(image.height))}
    if sized:
        width, height = min(sized)
        message = f"the rows say {width}x{height}, the image is {image.width}x{image.height}"
        yield finding("index-mismatch", message, image=subject.name, file=index.INDEX)
    if subject.labels is not None:
        return
    by_id = {r.instance_id: r for r in mine if r.class_id}
    for each in subject.drawn:
        row = by_id.pop(str(each.told), None)
        where: dict[str, Any] = {"image": subject.name, "instance": each.told, "file": index.INDEX}
        if row is None:
            yield finding("index-mismatch", "no row has this instance", **where)
        elif each.mask is not None:
            drawn = _measures(each.instance.class_id, names, each.box.x, each.box.y, each.box.w, each.box.h, each.area)
            said = (row.class_id, row.class_name, row.bbox_x, row.bbox_y, row.bbox_w, row.bbox_h, row.area)
            wrong = [(k, a, b) for k, a, b in zip(COLUMNS, said, drawn, strict=True) if a != b]
            if wrong:
                message = "; ".join(f"{k} is {a or 'empty'} and should be {b}" for k, a, b in wrong)
                yield finding("index-mismatch", message, **where)
    for id in sorted(by_id):
        if whole_id(id) not in refused:
            message = f"a row names instance {id or '(none)'}, which is not there"
            yield finding("index-mismatch", message, image=subject.name, file=index.INDEX)


COLUMNS = ("class_id", "class_name", "bbox_x", "bbox_y", "bbox_w", "bbox_h", "area")


def _measures(id: int, names: Mapping[int, str], x: float, y: float, w: float, h: float, area: int) -> tuple[str, ...]:
    return (str(id), names.get(id, ""), *(index.number(v) for v in (x, y, w, h)), str(area))


def checksums(
    name: str, mine: Sequence[index.Row], read: Callable[[str], bytes | None], image: str
) -> Iterator[Finding]:
    """Files against the SHA-256 of their rows; `image` is that of the image file, "" when it was not read.

    `read` gives a mask's bytes, None where there is no such file.
    """
    if image and {row.image_sha256 for row in mine} - {"", image}:
        message = "the image is not the file that was packed"
        yield finding("checksum-mismatch", message, image=name, file=mine[0].image)
    for row in mine:
        data = read(row.mask) if row.mask and row.mask_sha256 else None
        if data is not None and hashlib.sha256(data).hexdigest() != row.mask_sha256:
            message = "the mask is not the file that was packed"
            yield finding("checksum-mismatch", message, image=name, instance=whole_id(row.instance_id), file=row.mask)


def counts(about: meta.Meta, header: Header, facts: Sequence[Facts]) -> Iterator[Finding]:
    """The counts of meta.json against what was found; all images have been looked at.

    Classes and splits that it leaves out are no contradiction; what an instance of a semantic
    set is, nobody has laid down.
    """
    per_class: Counter[int] = Counter()
    for each in facts:
        per_class.update(each.per_class)
    per_split = Counter(f.split for f in facts if f.split)
    said = about.counts
    found: dict[str, tuple[object, object]] = {"counts.images": (said.images, len(facts))}
    if header.task == "instance":
        found["counts.instances"] = (said.instances, sum(per_class.values()))
        names = {c.name: per_class[c.id] for c in header.classes}
        found["counts.per_class"] = (said.per_class, {name: names.get(name, 0) for name in said.per_class})
    found["counts.per_split"] = (said.per_split, {split: per_split[split] for split in said.per_split})
    for key, (written, real) in found.items():
        if written != real:
            yield finding("meta-invalid", f"{key} is {_brief(written)}, and there are {_brief(real)}", file=meta.META)
    yield from _words(about, header, facts)


def _words(about: meta.Meta, header: Header, facts: Sequence[Facts]) -> Iterator[Finding]:
    """What meta.json says of the set beside counts: its task, its splits, the size of its images."""
    if about.task != header.task:
        real = "classes" if header.task == "semantic" else "single objects"
        yield finding("meta-invalid", f"task is {about.task}, and masks are those of {real}", file=meta.META)
    for split in sorted(set(about.splits) - {each.split for each in facts}):
        yield finding("meta-invalid", f"splits names '{split}', and no image is in it", file=meta.META)
    sizes = {(each.width, each.height) for each in facts}
    if about.image_size != meta.image_size(sizes) and not any(0 in size for size in sizes):
        said, real = (_brief(msgspec.json.encode(each).decode()) for each in (about.image_size, meta.image_size(sizes)))
        yield finding("meta-invalid", f"image_size is {said} and should be {real}", file=meta.META)


def _brief(value: object) -> str:
    text = str(value)
    return text if len(text) <= 120 else text[:117] + "..."
