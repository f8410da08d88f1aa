"""What readers of annotation lists share: images by name, and the splits their folders tell."""

from __future__ import annotations

import posixpath

from converter.errors import SourceError
from converter.layouts.images import ImageIndex, is_split_name, split_name
from converter.model import Image
from converter.storage.names import clean

__all__ = ["named_image"]


def named_image(name: str, folder: str, index: ImageIndex, file: str, place: str) -> Image:
    """The image that a list in `folder` calls `name`; its split is what a folder around it says.

    SourceError for names that are no path inside a dataset.
    """
    plain = name.replace("\\", "/")
    found = index.find(plain, [folder, posixpath.join(folder, "images"), "images", ""])
    if found is None:
        found = index.find(posixpath.basename(plain), [folder, posixpath.join(folder, "images"), "images", ""])
    if found is None:
        found = index.mirrored(posixpath.basename(plain), folder)
    try:
        shown = clean(found or posixpath.join(folder, plain))
    except ValueError as error:
        raise SourceError(file, f"the image '{name}' {error}", place=place, remedy="name a file of the set") from None
    folders = [f for f in shown.split("/")[:-1] if f.lower() not in {"images", "imgs", "jpegimages"}]
    split = next((f for f in folders if is_split_name(f)), None)
    if split is not None:
        folders.remove(split)
    below = "/".join([*folders, posixpath.basename(shown)])
    return Image(below, split_name(split) if split else None, file=found)
