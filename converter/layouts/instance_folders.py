"""Sets with a folder an image: <id>/images/x.png and its masks in <id>/masks/*.png (DSB 2018).

Such folders may lie in folders of splits (stage1_train/<id>); a split without any mask is left out. Images
that share a name are called <id>/x.png.
"""

from __future__ import annotations

import posixpath
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from converter.errors import SourceError
from converter.format import Reading, Scan
from converter.layouts.images import is_image, is_split_name, split_name, tell_unused
from converter.layouts.mask_table import Finds, header_of, mask_paths
from converter.ledger import Ledger
from converter.model import ClassInfo, Image, Ref
from converter.storage import Source

__all__ = ["instance_folders", "scan_folders", "tell_bare"]

WORD = re.compile(r"[^\W\d_]+")


def instance_folders(source: Source) -> dict[str, list[str]]:
    """Image path -> masks, for sets with one folder an image: <id>/images/x.png, <id>/masks/*.png.

    A folder that is named for a split is none, even when there is one image in it.
    """
    return source.known(_folders_within)


def _folders_within(source: Source) -> dict[str, list[str]]:
    images: dict[str, list[str]] = defaultdict(list)
    masks: dict[str, list[str]] = defaultdict(list)
    for path in source.names():
        parent, _, folder = path.rpartition("/")[0].rpartition("/")
        if not parent or not is_image(path) or is_split_name(posixpath.basename(parent)):
            continue
        if folder.lower() in {"images", "image"}:
            images[parent].append(path)
        elif folder.lower() in {"masks", "mask"}:
            masks[parent].append(path)
    alone = {parent: paths[0] for parent, paths in images.items() if len(paths) == 1}
    if not alone or not masks or len(alone) < len(images):
        return {}
    return {path: masks.get(parent, []) for parent, path in sorted(alone.items())}


def scan_folders(reading: Reading, folders: Mapping[str, Sequence[str]], ledger: Ledger) -> Scan:
    """A folder an image; `folders` are the masks by the path of their image."""
    finds, splits = Finds(reading.source), _splits_of(folders)
    annotated = {splits[image] for image, masks in folders.items() if masks}
    left = [image for image in folders if splits[image] not in annotated]
    names = _names_of(splits)
    for image, masks in folders.items():
        if splits[image] in annotated:
            finds.add(Image(names[image], splits[image], file=image), [(mask, 1) for mask in sorted(masks)])
    if left:
        said = f"{len(left)} images are of splits in which none has masks ({left[0]}{', ...' if len(left) > 1 else ''})"
        ledger.note("no-annotation", reading.source.name, f"{said}: they are left out")
    refs = finds.refs()
    tell_bare(reading, refs, ledger)
    tell_unused(reading.images, refs, [*mask_paths(refs), *left], ledger)
    return Scan(header_of([ClassInfo(1, reading.options.class_name or "object")], refs), refs)


def _splits_of(images: Iterable[str]) -> dict[str, str | None]:
    """The split of each image of a folder of its own: by the folders above, or by words of theirs (stage1_train).

    Words count where they tell at least two splits.
    """
    above = {image: image.split("/")[:-3] for image in images}
    named = {image: _split_in(parts) for image, parts in above.items()}
    if any(named.values()):
        return named
    worded = {image: _split_in(WORD.findall(" ".join(parts))) for image, parts in above.items()}
    return worded if None not in worded.values() and len(set(worded.values())) > 1 else named


def _names_of(splits: Mapping[str, str | None]) -> dict[str, str]:
    """The name of each image: that of its file; with the folders above where others of its split have the same."""
    known = Counter((splits[image], posixpath.basename(image)) for image in splits)
    return {
        image: _long_name(image, split) if known[split, posixpath.basename(image)] > 1 else posixpath.basename(image)
        for image, split in splits.items()
    }


def _long_name(image: str, split: str | None) -> str:
    *folders, _, base = image.split("/")
    return "/".join([*(f for f in folders if split is None or _split_in([f]) != split), base])


def _split_in(words: Sequence[str]) -> str | None:
    return next((split_name(word) for word in reversed(words) if is_split_name(word)), None)


def tell_bare(reading: Reading, refs: Sequence[Ref], ledger: Ledger) -> None:
    """An image and no masks: in a set where each has some, they may have been lost."""
    for image in (ref.image for ref in refs if not ref.payload):
        file = reading.images.label(image.file or image.name)
        ledger.doubt(image.path, None, SourceError(file, "no masks lie beside this image", code="missing-mask"))
