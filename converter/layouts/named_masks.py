"""Sets of masks of single objects that nothing lists: images and classes are told by the names of masks."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from itertools import chain

import msgspec

from converter.errors import SourceError, some_of
from converter.format import Reading, Scan
from converter.layouts.class_files import find_class_file, read_class_file
from converter.layouts.classes import check_classes
from converter.layouts.images import stem, tell_unused
from converter.layouts.mask_names import Names, find_names
from converter.layouts.mask_table import Finds, header_of, mask_paths
from converter.layouts.pairing import NAME_THEM, NO_MASKS, tell_orphans
from converter.layouts.patterns import class_numbers
from converter.layouts.places import places
from converter.layouts.splits import tell_lists
from converter.layouts.undeclared import settled_ids, undeclared, unnamed
from converter.ledger import Ledger
from converter.model import ClassInfo, Image, Ref
from converter.package import index, meta
from converter.storage import Source

__all__ = ["scan_named"]

DIGITS = 4  # of the number of a mask at least
NUMBERED = re.compile(r"[0-9]+_([0-9]{1,9})")


def scan_named(reading: Reading, ledger: Ledger) -> Scan:
    """Masks without an index, which bear the names of their images: the class from the name, or the one class."""
    source = reading.source
    names = find_names(source, reading.images)
    if names is None:
        raise SourceError(source.name, NO_MASKS, remedy=NAME_THEM)
    orphans = [mask.path for mask in names.masks if not mask.image]
    tell_orphans(source, orphans, ledger)
    path = find_class_file(source, ["", "masks"])
    told_classes = path or reading.options.classes
    if all(NUMBERED.fullmatch(posixpath.basename(m.rest)) for m in names.found()) and (
        told_classes or (not reading.options.class_name and _is_bare_package(source, names))
    ):
        refs = _named_refs(source, names, {mask.path: _class_of(mask.path) for mask in names.found()})
        if told_classes:
            classes = _classes(reading, path, refs)
            check_classes(classes, source.label(path or ""), table=reading.options.classes)
        else:
            classes = list(unnamed({m.class_id for r in refs for m in r.payload}, None, ledger, source.name))
    else:
        told = {} if reading.options.class_name else names.labels()
        known = class_numbers(told.values(), source, reading.options.class_name or "object")
        refs = _named_refs(source, names, {mask.path: known[told.get(mask.path, "")].id for mask in names.found()})
        classes = sorted(known.values(), key=lambda c: c.id)
        if not reading.options.class_name:
            _tell_classes(source, names, told, ledger)
    tell_unused(reading.images, refs, chain(mask_paths(refs), orphans), ledger)
    tell_lists(source, (ref.image for ref in refs), ledger)
    return Scan(header_of(classes, refs), refs)


def _is_bare_package(source: Source, names: Names) -> bool:
    """Whether masks are called as those of a package without meta.json: 0001_<class id>.png, counted in each folder.

    SourceError where its index.csv is there, as it is easier to bring the other file back than to name the classes.
    """
    numbers: dict[str, set[int]] = {}
    for mask in names.found():
        number = posixpath.basename(mask.rest).partition("_")[0]
        numbers.setdefault(mask.image, set()).add(int(number) if len(number) >= DIGITS else 0)
    if any(found != set(range(1, len(found) + 1)) for found in numbers.values()):
        return False
    if index.INDEX in source and source.read(index.INDEX).startswith(",".join(index.COLUMNS).encode()):
        problem = "is not there, and index.csv is that of a package: it would say what the classes are"
        raise SourceError(
            source.label(meta.META), problem, remedy="restore it, or name the classes with --classes FILE"
        )
    return True


def _named_refs(source: Source, names: Names, class_ids: Mapping[str, int]) -> list[Ref]:
    """The images of a set with their masks, whose classes are given by path."""
    masks: dict[str, list[str]] = {image: [] for image in names.images}
    for mask in names.found():
        masks[mask.image].append(mask.path)
    some = names.found()[0].path
    known = places([(image, mine[0] if mine else some) for image, mine in masks.items()])
    finds = Finds(source)
    for place, (image, mine) in zip(known, masks.items(), strict=True):
        finds.add(Image(place.name, place.split, file=image), [(path, class_ids[path]) for path in mine])
    return finds.refs()


def _tell_classes(source: Source, names: Names, told: Mapping[str, str], ledger: Ledger) -> None:
    if told:
        said = (
            f"the names of masks tell their classes ({some_of(sorted(set(told.values())), 5)}), as {next(iter(told))}"
        )
        ledger.note("classes-from-names", source.name, f"{said}; --class-name NAME makes them one")
    elif found := names.doubtful():
        shown = some_of(sorted(found), 5)
        said = f"masks are called {shown}, and too few are to say that these are classes: all are of one"
        ledger.note("class-names-unknown", source.name, f"{said}; if they are, write {{class}} in --masks PATTERN")


def _class_of(path: str) -> int:
    return int(posixpath.basename(stem(path)).rpartition("_")[2])


def _classes(reading: Reading, path: str | None, refs: Sequence[Ref]) -> list[ClassInfo]:
    """Classes of numbered masks: from the class file, checked against the ids in use."""
    table = reading.options.classes
    used = {m.class_id for r in refs for m in r.payload}
    found = read_class_file(reading.source, path) if path else {}
    found = {i: msgspec.structs.replace(c, source_id=i, source_name=c.name) for i, c in found.items() if i or i in used}
    found |= {c.id: c for c in settled_ids(used - found.keys(), table)}
    if strange := sorted(used - found.keys()):
        file = reading.source.label(path) if path else (table.file if table else reading.source.name)
        raise SourceError(file, undeclared(strange[:1], found))
    return [found[i] for i in sorted(found)]
