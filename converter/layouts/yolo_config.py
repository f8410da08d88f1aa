"""The data.yaml of YOLO sets, in every variant in use: its entries, and which images are in which split."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from converter.codecs import text
from converter.errors import SourceError, some_of
from converter.format import Reading
from converter.layouts.images import image_files, is_image, is_split_name, split_name, stem
from converter.ledger import Ledger
from converter.storage import Source

__all__ = ["read_config", "split_images"]

SPLIT_KEYS = ("train", "val", "valid", "validation", "test")
OTHER_KEYS = frozenset(
    {"path", "names", "nc", "task", "download", "yaml_file", "roboflow", "kpt_shape", "flip_idx", "colors"}
)


def read_config(source: Source, path: str | None) -> dict[str, Any]:
    """The entries of a data.yaml; none where there is no such file."""
    if path is None:
        return {}
    from converter.codecs import yaml  # noqa: PLC0415 -- slow to import, and seldom needed

    value = yaml.decode(source.read(path), source.label(path))
    if not isinstance(value, Mapping):
        raise SourceError(source.label(path), "is not a mapping", remedy="it has to hold names, train and val")
    return {str(key): found for key, found in value.items()}


def split_images(
    reading: Reading, config: Mapping[str, Any], folder: str, path: str | None, ledger: Ledger
) -> list[tuple[str | None, str, str]]:
    """(split, folder that names are relative to, image path) of every image of the set; `path` is that of its YAML."""
    said = {k: v for k, v in config.items() if v and k not in OTHER_KEYS}
    listed = set(image_files(reading.images)) if said else set()
    keys = [k for k, v in said.items() if k in SPLIT_KEYS or _may_be_split(v, config, folder, reading, listed)]
    if path is not None and (others := sorted(said.keys() - keys)):
        ledger.note("metadata-dropped", reading.source.label(path), f"what it says of {', '.join(others)} is not read")
    if path is None or not keys:
        return _by_lists(reading, sorted({"", "data", folder}), ledger)
    claims: dict[str, dict[str, str]] = {}  # split -> image -> base
    absent = []
    for key in keys:
        values = config[key] if isinstance(config[key], list) else [config[key]]
        for value in values:
            entry = _split_entry(reading, value, key, config, folder, path, listed, ledger)
            if entry is None:
                absent.append((key, value))
            for base, image in entry or ():
                claims.setdefault(split_name(key), {}).setdefault(image, base)
    _judge_absent(reading, absent, claims, config, path, ledger)
    return _settle({split: _apart(bases) for split, bases in claims.items()}, reading.source.label(path), ledger)


def _may_be_split(value: Any, config: Mapping[str, Any], folder: str, reading: Reading, listed: set[str]) -> bool:
    """Whether an entry of any name may say where images of a split are: all of it paths, or places that are there."""
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(v, str) and "://" not in v for v in values):
        return False
    root = str(config.get("path") or "")
    places = {v: _readings(v, root, folder) for v in values}
    return all("/" in v or any(_is_there(c, reading, listed) for c in mine) for v, mine in places.items())


def _is_there(place: str, reading: Reading, listed: set[str]) -> bool:
    return place in listed or place in reading.source or any(path.startswith(f"{place}/") for path in listed)


def _apart(bases: dict[str, str]) -> dict[str, str]:
    """Image -> base; the folder around them all where images of several folders would bear one name."""
    names = {image.removeprefix(f"{base}/") for image, base in bases.items()}
    if len(names) == len(bases):
        return bases
    around = posixpath.commonpath(["/" + base for base in bases.values()]).strip("/")
    return dict.fromkeys(bases, around)


def _settle(claims: Mapping[str, dict[str, str]], file: str, ledger: Ledger) -> list[tuple[str | None, str, str]]:
    """The images of every split. One that several splits name is in each, unless they name the very same images."""
    alike: dict[frozenset[str], list[str]] = {}
    for split, bases in claims.items():
        alike.setdefault(frozenset(bases), []).append(split)
    kept = {_bearing(splits, min(images)): splits for images, splits in alike.items()}
    for split, splits in kept.items():
        _tell_alike(splits, split, claims[split], file, ledger, alone=len(kept) == 1)
    found = [(split, base, image) for split in kept for image, base in claims[split].items()]
    _tell_leaks(found, file, ledger)
    if len(kept) == 1 and len(claims) > 1:
        return sorted((None, base, image) for _, base, image in found)
    return sorted(found, key=lambda f: (f[0], f[2]))


def _tell_leaks(found: Iterable[tuple[str | None, str, str]], file: str, ledger: Ledger) -> None:
    times = Counter(image for _, _, image in found)
    if several := [image for image, count in times.items() if count > 1]:
        shown = some_of(several, 3)
        ledger.note("split-leak", file, f"{len(several)} images are in several splits ({shown}), and stay in each")


def _tell_alike(
    splits: Sequence[str], kept: str, images: Mapping[str, str], file: str, ledger: Ledger, *, alone: bool
) -> None:
    """Tell of splits that name the same images, as only one can bear them; `alone`: they are the whole set.

    In silence a folder that is of no split serves as train and val, and a split of another name as those
    that a YAML has to name.
    """
    spare = () if is_split_name(kept) else ("train", "val")
    problem = f"{' and '.join(splits)} name the same {len(images)} images"
    if alone and len(splits) > 1 and _bears(kept, images[min(images)]):
        ledger.note("same-images", file, f"{problem}: read as a set without splits")
    elif not alone and any(s not in {kept, *spare} for s in splits):
        ledger.note("same-images", file, f"{problem}: read as {kept}")
        ledger.doubt("", None, SourceError(file, problem, code="split-leak"))


def _bearing(splits: Sequence[str], image: str) -> str:
    """Of splits that name the same images the one whose name a folder of theirs bears, else the first."""
    folder = posixpath.dirname(image)
    return next((split for split in splits if _bears(split, folder)), splits[0])


def _bears(split: str, folder: str) -> bool:
    return split in map(split_name, folder.split("/"))


def _judge_absent(
    reading: Reading,
    absent: Sequence[tuple[str, str]],
    claims: Mapping[str, Mapping[str, str]],
    config: Mapping[str, Any],
    path: str,
    ledger: Ledger,
) -> None:
    """Splits that are not there: test is left out often; val is absent where no image is left that could be in it."""
    listed = set(image_files(reading.images)) if absent else set()
    for key, value in absent:
        split = split_name(key)
        spare = split == "test" and config.get("train") and listed
        if not spare and split == "val" and split not in claims and claims.get("train"):
            spare = listed <= {image for bases in claims.values() for image in bases}
        if not spare:
            raise _nowhere(reading, key, value, path, listed)
        message = f"{key}: '{value}' is not there; the other splits were read"
        ledger.note("split-missing", reading.source.label(path), message)


def _nowhere(reading: Reading, key: str, value: str, path: str, listed: set[str]) -> SourceError:
    where, remedy = "the dataset", "put the images beside the YAML, or use --images DIR"
    if reading.images is not reading.source:
        folders = sorted({posixpath.dirname(image) or "." for image in listed})
        where = reading.images.name
        shown = some_of(folders, 3)
        remedy = f"its images lie in {shown}" if folders else "there are no images in it"
    problem = f"'{value}' is not in {where}"
    return SourceError(reading.source.label(path), problem, place=key, remedy=remedy, code="missing-image")


def _split_entry(
    reading: Reading,
    value: Any,
    key: str,
    config: Mapping[str, Any],
    folder: str,
    path: str,
    listed: set[str],
    ledger: Ledger,
) -> list[tuple[str, str]] | None:
    """(base folder, image) of one entry of a split: a folder, a list file or an image; None when it is none."""
    images, file = reading.images, reading.source.label(path)
    if not isinstance(value, str):
        raise SourceError(file, f"{value!r} is no path", place=key, remedy="name a folder or a list file")
    candidates = _readings(value, str(config.get("path") or ""), folder)
    if is_image(value) and (image := next((c for c in candidates if c in listed), None)):
        return [(_base_of(image), image)]
    if images is not reading.source and "images" in candidates:
        candidates.append("")  # the folder given is images/ itself
    for candidate in candidates:
        if candidate in reading.source and candidate.endswith(".txt"):
            return _from_list(reading, candidate, listed, ledger)
        below = [n for n in sorted(listed) if n.startswith(candidate + "/" if candidate else "")]
        if below:
            said = posixpath.join(str(config.get("path") or ""), value)
            if (candidate or ".") != posixpath.normpath(posixpath.join(folder, said)):
                ledger.note(
                    "path-resolved",
                    file,
                    f"{key}: '{said}' was read as '{candidate or '.'}' beside the YAML",
                )
            return [(candidate, image) for image in below]
    return None


def _readings(value: str, path: str, folder: str) -> list[str]:
    """Folders inside the dataset that an entry may mean, the most literal first.

    A root that does not exist here (`path: /datasets/author/set`), and `../` that leads out, are
    what exporters leave behind: then the ends of both paths are looked for beside the YAML.
    """
    plain = value.replace("\\", "/").rstrip("/")
    root = path.replace("\\", "/").rstrip("/")
    tries = [posixpath.join(folder, root, plain), posixpath.join(folder, plain)]
    tries += [posixpath.join(folder, tail, plain) for tail in _tails(root)]
    parts = [p for p in plain.split("/") if p not in {"", "."}]
    while parts and parts[0] == "..":
        parts = parts[1:]
    tries += [posixpath.join(folder, *parts[i:]) for i in range(len(parts))]
    tries += [posixpath.join(*parts[i:]) for i in range(len(parts))]
    if folder:
        tries.append(posixpath.join(posixpath.dirname(folder), *parts))
    found = []
    for attempt in tries:
        if attempt.startswith("/"):
            continue
        normal = posixpath.normpath(attempt) if attempt else ""
        normal = "" if normal == "." else normal
        if not normal.startswith("..") and normal not in found:
            found.append(normal)
    return found


def _tails(root: str) -> list[str]:
    """The ends of a root, the longest first, which may lie below the folder of the YAML."""
    parts = [p for p in root.split("/") if p not in {"", "."}]
    return ["/".join(parts[i:]) for i in range(len(parts)) if ".." not in parts[i:]]


def _from_list(reading: Reading, path: str, listed: set[str], ledger: Ledger) -> list[tuple[str, str]]:
    """Images named in a list file, one a line; foreign roots are read by the end of the path."""
    file = reading.source.label(path)
    here = posixpath.dirname(path)
    found: list[tuple[str, str]] = []
    for number, line in enumerate(text.decode_text(reading.source.read(path), file).splitlines(), 1):
        entry = line.strip()
        if not entry:
            continue
        image = next((c for c in _readings(entry, "", here) if c in listed), None)
        if image is None:
            problem = SourceError(
                file,
                f"'{entry}' is not in the dataset",
                place=f"line {number}",
                remedy="add the image or remove the line",
                code="missing-image",
            )
            ledger.bad_image(entry, problem)
            continue
        found.append((_base_of(image), image))
    return found


def _base_of(image: str) -> str:
    """The folder that the name of an image is relative to, where it is listed by itself."""
    head, sep, _ = ("/" + image).rpartition("/images/")
    return (head + sep).strip("/") if sep else posixpath.dirname(image)


def _by_lists(reading: Reading, folders: Iterable[str], ledger: Ledger) -> list[tuple[str | None, str, str]]:
    """Splits from train.txt and its like in these folders, which no YAML names; of other images from their folders."""
    found = _by_folders(reading.images)
    listed = {image for _, _, image in found}
    splits: dict[str, list[str]] = {}
    for path in (p for folder in folders for p in reading.source.files_in(folder) if _is_list(reading.source, p)):
        aside = Ledger("skip")
        split = split_name(stem(posixpath.basename(path)))
        for image in dict.fromkeys(image for _, image in _from_list(reading, path, listed, aside)):
            splits.setdefault(image, []).append(split)
        if aside.losses:
            message = f"{len(aside.losses)} images that it names are not there ({aside.losses[0].image})"
            ledger.note("split-missing", reading.source.label(path), message)
    by_split = [(split, base, image) for own, base, image in found for split in splits.get(image, [own])]
    _tell_leaks(by_split, reading.source.name, ledger)
    return by_split


def _is_list(source: Source, path: str) -> bool:
    """Whether a file is called as a split and begins with the path of an image."""
    name = posixpath.basename(path)
    if not name.endswith(".txt") or not is_split_name(stem(name)):
        return False
    first = source.read(path)[:4000].decode("utf-8", "replace").lstrip("\ufeff").strip().partition("\n")[0]
    return is_image(first.strip())


def _by_folders(images: Source) -> list[tuple[str | None, str, str]]:
    """Splits from the folders alone: images/train, train/images, train, or none."""
    found: list[tuple[str | None, str, str]] = []
    for path in image_files(images):
        folders = posixpath.dirname(path).split("/")
        at = next((i for i, name in enumerate(folders) if name.lower() in {"images", "jpegimages"}), -1)
        around = folders[at + 1 : at + 2] + (folders[at - 1 : at] if at > 0 else [])
        if at < 0:
            around = folders[:1]
        split = next((split_name(f) for f in around if split_name(f) in SPLIT_KEYS), None)
        base = folders[: at + 1] if at >= 0 else []
        if split is not None and len(folders) > len(base) and split_name(folders[len(base)]) == split:
            base = folders[: len(base) + 1]
        found.append((split, "/".join(base), path))
    return found
