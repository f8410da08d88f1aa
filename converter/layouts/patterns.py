"""Names in the user's own way: --masks and --image-pattern.

A pattern is a path below the source with placeholders: {image} the name of an image,
{split}, {class} and {instance}; `*` is anything within a name. A mask belongs to the
image with the same values in the placeholders that both patterns have.
"""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from converter.codecs.text import whole
from converter.errors import SourceError
from converter.format import Reading
from converter.layouts.class_files import find_class_file, read_class_file
from converter.layouts.images import image_files, is_image, split_name, stem
from converter.layouts.words import Kind, in_mask_folder, kind_of
from converter.ledger import Ledger
from converter.model import ClassInfo, Image
from converter.package import meta
from converter.storage import Source

__all__ = ["PATTERNS", "Match", "class_numbers", "matches"]

PATTERNS = ("masks", "image_pattern")
PLACEHOLDERS = {"image": ".+", "instance": "[^/]+?", "class": "[^/]+?", "split": "[^/]+"}
Key = tuple[tuple[str, str], ...]


class Match(msgspec.Struct, frozen=True):
    """An image, and its masks: path and what stands for {class} in it ("" where nothing does)."""

    image: Image
    masks: list[tuple[str, str]]


def matches(reading: Reading, ledger: Ledger) -> list[Match]:
    """The images that the patterns of the user name, in order of split and path, each with its masks in order.

    Without --image-pattern these are the images that a mask is called by. Masks without an image are
    losses. SourceError for patterns that are none, or that nothing fits.
    """
    source, pattern = reading.source, reading.options.masks
    if pattern is None:
        raise SourceError("--image-pattern", "says where images are, not their masks", remedy="add --masks PATTERN")
    taken = {path for path, _ in _found(source, pattern, "--masks")} if reading.images is source else set()
    wanted = reading.options.image_pattern
    finder = _Patterned(reading.images, wanted, taken) if wanted else _ByName(reading.images, taken)
    found: dict[str, list[tuple[str, str]]] = {path: [] for path in finder.all}
    images = dict(finder.all)
    labels: dict[str, str] = {}  # few, of many masks
    for path, values in _found(source, pattern, "--masks"):
        image, problem = finder.find(values)
        if image is None:
            ledger.lose("orphan-mask", path, f"{source.label(path)}: {problem}")
            continue
        images.setdefault(image.file or "", image)
        label = values.get("class") or finder.values.get(image.file or "", {}).get("class", "")
        found.setdefault(image.file or "", []).append((path, labels.setdefault(label, label)))
    made = [Match(images[path], sorted(mine)) for path, mine in found.items()]
    return sorted(made, key=lambda m: (m.image.split or "", m.image.file or ""))


def _known(source: Source) -> dict[int, ClassInfo]:
    """The classes by id that a file of the set names."""
    if (path := find_class_file(source, [""])) is not None:
        return read_class_file(source, path)
    about = meta.about(source)
    return {} if about is None else {c.id: c for c in meta.classes(about)}


def class_numbers(labels: Iterable[str], source: Source, single: str) -> dict[str, ClassInfo]:
    """What stands for {class} -> its class: a number is an id, a name has the id that the class file gives it.

    The file lies beside the masks, and has all that are used, else names are numbered from 1 in their order; the
    meta.json of a package is one, too.
    Where nothing stands, all is `single`.
    """
    names = sorted(set(labels))
    if names == [""] or not names:
        return {"": ClassInfo(1, single)}
    known = _known(source)
    ids = {n: id for n in names if (id := whole(n)) is not None and id >= 0}
    if len(ids) == len(names):
        return {n: ClassInfo(i, known[i].name if i in known else f"class_{i}", source_id=i) for n, i in ids.items()}
    listed = {c.name: msgspec.structs.replace(c, source_id=c.id, source_name=c.name) for c in known.values()}
    if listed.keys() >= set(names):
        return {n: c for n, c in listed.items() if c.id or n in names}
    return {n: ClassInfo(i, n or single, source_id=i, source_name=n) for i, n in enumerate(names, 1)}


# ---------------------------------------------------------------- patterns


def _parse(pattern: str, option: str) -> re.Pattern[str]:
    """A pattern such as `masks/{image}/{instance}_{class}.png` as a regular expression of whole paths."""
    parts = re.split(r"\{(\w*)\}", pattern)
    used = parts[1::2]
    unknown = next((p for p in used if p not in PLACEHOLDERS), None)
    twice = next((p for p in used if used.count(p) > 1), None)
    problem = ""
    if unknown is not None:
        problem = f"the placeholder {{{unknown}}} is unknown; use {{image}}, {{instance}}, {{class}}, {{split}}"
    elif "image" not in used:
        problem = "it needs the placeholder {image}, as in masks/{image}/{instance}_{class}.png"
    elif twice is not None:
        problem = f"the placeholder {{{twice}}} stands twice; write * in the other place"
    if problem:
        raise SourceError(option, problem, place=pattern)
    text = "".join(
        f"(?P<{p}>{PLACEHOLDERS[p]})" if i % 2 else re.escape(p).replace(r"\*", "[^/]*") for i, p in enumerate(parts)
    )
    return re.compile(text)


def _found(source: Source, pattern: str, option: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The files that fit a pattern, with the values of its placeholders. SourceError when there are none."""
    regex = _parse(pattern, option)
    none = True
    for path in source.names():
        if match := regex.fullmatch(path):
            none = False
            yield path, match.groupdict()
    if none:
        example = next((f", as {path}" for path in source.names() if is_image(path)), "")
        problem, remedy = "no file matches the pattern", f"paths begin below the source{example}"
        raise SourceError(source.name, problem, place=f"{option} {pattern}", remedy=remedy)


class _Patterned:
    """Images by --image-pattern."""

    def __init__(self, source: Source, pattern: str, masks: set[str]) -> None:
        found = [(path, values) for path, values in _found(source, pattern, "--image-pattern") if path not in masks]
        self.values = dict(found)
        self.shared = frozenset(found[0][1]) if found else frozenset()
        self.all = {path: _image(path, values) for path, values in found}
        self.indexes: dict[frozenset[str], dict[Key, list[str]]] = {}

    def find(self, values: Mapping[str, str]) -> tuple[Image | None, str]:
        shared = self.shared.intersection(values)
        if shared not in self.indexes:
            index: dict[Key, list[str]] = defaultdict(list)
            for path, mine in self.values.items():
                index[_key(mine, shared)].append(path)
            self.indexes[shared] = index
        paths = self.indexes[shared].get(_key(values, shared), [])
        shown = " and ".join(f"{{{name}}} '{values[name]}'" for name in sorted(shared, reverse=True))
        if len(paths) > 1:
            return None, f"{paths[0]} and {paths[1]} both have the {shown}; give --masks the other placeholders too"
        return (self.all[paths[0]], "") if paths else (None, f"no image has the {shown}")


class _ByName:
    """Images by what stands for {image}: their path below images/, their name, with extension or without."""

    def __init__(self, source: Source, masks: set[str]) -> None:
        self.values: dict[str, dict[str, str]] = {}
        self.all: dict[str, Image] = {}
        self.paths: dict[str, list[str]] = defaultdict(list)
        for path in image_files(source):
            if path not in masks:
                below = path.removeprefix("images/")
                for name in {stem(below), below, posixpath.basename(stem(path)), posixpath.basename(path)}:
                    self.paths[name].append(path)

    def find(self, values: Mapping[str, str]) -> tuple[Image | None, str]:
        name, split = values["image"], values.get("split")
        paths = self.paths.get(name, [])
        if len(paths) > 1 and split:
            paths = [p for p in paths if f"/{split}/" in f"/{p}"]
        if len(paths) > 1:
            paths = _in_folders_of(paths, "image") or [p for p in paths if not in_mask_folder(p)] or paths
        if len(paths) > 1:
            return None, f"{paths[0]} and {paths[1]} are both called {name}; say which with --image-pattern"
        if not paths:
            return None, f"no image is called {name}"
        return Image(_below(paths[0], split), split_name(split) if split else None, file=paths[0]), ""


def _key(values: Mapping[str, str], names: Iterable[str]) -> Key:
    return tuple((n, split_name(values[n]) if n == "split" else values[n]) for n in sorted(names))


def _image(path: str, values: Mapping[str, str]) -> Image:
    """An image is called by what stands in its placeholders, in their order."""
    name = "/".join(v for k, v in values.items() if k != "split") + posixpath.splitext(path)[1]
    return Image(name, split_name(values["split"]) if "split" in values else None, file=path)


def _in_folders_of(paths: Iterable[str], kind: Kind) -> list[str]:
    return [path for path in paths if kind_of(posixpath.dirname(path)) == kind]


def _below(path: str, split: str | None) -> str:
    name = path.removeprefix("images/")
    first, _, rest = name.partition("/")
    return rest if split and rest and split_name(first) == split_name(split) else name
