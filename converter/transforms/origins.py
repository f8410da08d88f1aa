"""Which sets a dataset was merged from, and one of them alone again.

Merging puts the tag of its set before the name of every image, as a folder, and into its
entry `segpack_source`. What the sets were by themselves, with the names and ids of their
classes, stands in `segpack_sources` of files of COCO's kind and in `source.merged` of
meta.json. Taking one set out turns all of that around.

Folders alone make no merged dataset: cities and cameras are folders too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from converter.model import GREATEST, ClassInfo, Header, Image
from converter.package.meta import SETS, ClassMeta, MergedSet, merged_entry, merged_sets
from converter.transforms.classes import ClassMap

__all__ = ["TAG", "folder_of", "follow", "of_header", "reduced", "source_of", "with_sets"]

TAG = "segpack_source"
"""Key of an image of a merged set: the tag of the set that it came from."""
MOST_ID = 2**31 - 1


def source_of(image: Image) -> str:
    """The tag of an image: its own entry, else the first folder of its name."""
    tag: Any = image.extra.get(TAG)
    return tag if isinstance(tag, str) else folder_of(image.name)


def folder_of(name: str) -> str:
    """The first folder of a name, "" when there is none."""
    folder, found, _ = name.partition("/")
    return folder if found else ""


def with_sets(header: Header, sets: Sequence[MergedSet]) -> Header:
    """The header that tells of these sets, and of no others."""
    extra = {k: v for k, v in header.extra.items() if k != SETS}
    return msgspec.structs.replace(header, extra=extra | merged_entry(sets))


def of_header(header: Header, tag: str) -> MergedSet:
    """What a dataset is before it is merged."""
    classes = [ClassMeta(c.id, c.name, c.color) for c in header.classes]
    background, ignore = (0 if header.background_id == 0 else None), (255 if header.ignore_id == 255 else None)
    return MergedSet(tag, header.task, classes, background, ignore, header.name, merged_sets(header.extra))  # type: ignore[arg-type]


def follow(before: Header, after: Header, mapping: ClassMap, *, renumbered: bool) -> Header:
    """`after` with the classes of the sets as `mapping` left them.

    `renumbered`: a class file says what the ids are, for each set alone as well.
    """
    ids, classes = {c.name: c.id for c in before.classes}, {c.id: c for c in after.classes}

    def moved(each: MergedSet) -> MergedSet:
        own: dict[str, ClassMeta] = {}
        for c in each.classes:
            target = mapping.get(ids[c.name]) if c.name in ids else None
            if target in classes:
                new = classes[target]
                own[new.name] = ClassMeta(new.id, new.name, new.color) if renumbered else c
        return msgspec.structs.replace(each, classes=list(own.values()), merged=[moved(m) for m in each.merged])

    return with_sets(after, [moved(each) for each in merged_sets(before.extra)])


def reduced(header: Header, kept: Sequence[MergedSet]) -> tuple[Header, ClassMap]:
    """The header without the sets that are not kept, nor the classes of those alone, and where class ids go.

    A set that is left alone has its own ids, its background and its name again. Where every pixel of it has
    a class, what has become background since goes to what is to be ignored, if there is that, else nowhere.
    """
    before, names = header, {c.name for each in kept for c in each.classes}
    gone = {c.name for each in merged_sets(header.extra) for c in each.classes} - names
    classes = [c for c in header.classes if c.name not in gone]
    ids = {c.id: c.id for c in classes}
    sets, alone = list(kept), kept[0] if len(kept) == 1 else None
    if alone is not None:
        ids, sets = _own_ids(classes, alone, header), alone.merged
        header = _as_before(header, alone, set(ids.values()))
    moved = sorted((_restored(c, ids[c.id], alone) for c in classes), key=lambda c: c.id)
    mapping: ClassMap = {c.id: ids.get(c.id) for c in before.classes}
    if before.background_id is not None and header.background_id is None and header.task == "semantic":
        mapping[before.background_id] = header.ignore_id
    return with_sets(msgspec.structs.replace(header, classes=tuple(moved)), sets), mapping


def _own_ids(classes: Sequence[ClassInfo], alone: MergedSet, header: Header) -> dict[int, int]:
    """The ids that the set had; those of classes that were added since move where they are taken.

    All stay as they are where those of the set cannot be: a label map made of a set of instances
    has values that mean something else, and a record may be somebody's own.
    """
    own = {c.name: c.id for c in alone.classes}
    reserved, last = _values(alone, header)
    fit = all(0 <= id <= last and id not in reserved for id in own.values())
    if not fit or len(set(own.values())) < len(alone.classes):
        return {c.id: c.id for c in classes}
    ids = {c.id: own[c.name] for c in classes if c.name in own}
    taken = {*ids.values(), *reserved}
    for c in classes:
        if c.id not in ids:
            ids[c.id] = c.id if c.id not in taken else next(i for i in range(1, MOST_ID) if i not in taken)
            taken.add(ids[c.id])
    return ids


def _values(alone: MergedSet, header: Header) -> tuple[set[int | None], int]:
    """Values that are no classes in the label maps of a set, and the last that is one; of instances ids are free."""
    if "semantic" not in {alone.task, header.task}:
        return set(), MOST_ID
    of = alone if alone.task == "semantic" else header
    return {of.background_id, of.ignore_id}, GREATEST


def _as_before(header: Header, alone: MergedSet, ids: set[int]) -> Header:
    """Task, background and name of the set; a label map stays one."""
    named = msgspec.structs.replace(header, name=alone.name or alone.tag)
    if alone.task == "semantic":
        return msgspec.structs.replace(
            named, task="semantic", background_id=alone.background_id, ignore_id=alone.ignore_id
        )
    if header.task == "semantic":
        return named
    return msgspec.structs.replace(named, background_id=None if 0 in ids else 0)


def _restored(c: ClassInfo, id: int, alone: MergedSet | None) -> ClassInfo:
    color = next((o.color for o in alone.classes if o.name == c.name), None) if alone is not None else None
    return msgspec.structs.replace(c, id=id, color=color or c.color)
