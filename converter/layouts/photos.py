"""Images by what they are called, for masks that bear their names: folders that only say what is in them left out."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import TypeAlias

from converter.layouts.images import fold, is_split_name, split_name
from converter.layouts.words import IMAGE_ENDS, IMAGE_WORDS, Kind, key_of, said, without_begin, without_end

__all__ = ["Parts", "Photos", "base_of", "folder_of", "held_in", "home_of", "parts_of"]

Parts: TypeAlias = tuple[str, ...]

OWN_FOLDER = IMAGE_WORDS | IMAGE_ENDS  # names of images that have a folder for themselves


def folder_of(path: str) -> str:
    """The folder that a file lies in, "" at the top."""
    return path.rpartition("/")[0]


def base_of(path: str) -> str:
    """The name of a file without its extension, which every image has."""
    return path.rpartition("/")[2].rpartition(".")[0]


@functools.lru_cache(maxsize=4096)
def _layout(folder: str) -> int:
    """How many folders of a path are those of the layout: up to the innermost that says what is in it.

    That is one that says nothing else, but for a split; else one that is not numbered, as `img_01` is an image.
    """
    telling = [(depth, found) for depth, name in enumerate(folder.split("/"), 1) if (found := said(name)).kind]
    plain = [depth for depth, found in telling if not found.rest or is_split_name(found.rest)]
    others = [depth for depth, found in telling if not any(map(str.isdecimal, found.rest))]
    return max(plain or others or [depth for depth, _ in telling], default=0)


def held_in(folder: str) -> Kind:
    """What is in a folder."""
    depth = _layout(folder)
    return said(folder.split("/")[depth - 1]).kind if depth else ""


@functools.lru_cache(maxsize=4096)
def home_of(folder: str) -> str:
    """The folder of the layout that a folder is or lies below."""
    return "/".join(folder.split("/")[: _layout(folder)])


@functools.lru_cache(maxsize=4096)
def parts_of(folder: str, strict: bool) -> Parts:
    """The folders of a path, splits by their usual names: of those of the layout what is neither images nor masks.

    Not `strict`, only the splits of these.
    """
    names = [name for name in folder.split("/") if name]
    depth = _layout("/".join(names))
    layout = [split_name(rest) for rest in key_of("/".join(names[:depth])) if strict or is_split_name(rest)]
    return tuple(layout + [split_name(name) for name in names[depth:]])


class Photos:
    """Images by their folders and names: as these are, without the word for images, by their numbers, in any case."""

    def __init__(self, paths: Iterable[str], *, strict: bool) -> None:
        self.strict = strict
        exact: dict[tuple[Parts, str], str] = {}
        loose: dict[tuple[Parts, str], str] = {}
        self._folded: dict[tuple[Parts, str], str] = {}
        for path in paths:
            folders, base = parts_of(folder_of(path), strict), base_of(path)
            if not strict and not _layout(folder_of(path)):
                folders = tuple(filter(is_split_name, folders))  # nothing says that they are part of the name
            for name in {base, path.rpartition("/")[2]}:
                _enter(exact, (folders, name), path)
                _enter(self._folded, (folders, fold(name)), path)
            if bare := without_end(base, IMAGE_ENDS) or without_begin(base, IMAGE_ENDS):
                _enter(loose, (folders, bare), path)
            own = bool(folders) and (base == folders[-1] or base.lower() in OWN_FOLDER)
            if own and not is_split_name(folders[-1]):
                _enter(loose, (folders[:-1], folders[-1]), path)
            if base.isdecimal() and _number(base) != base:
                _enter(loose, (folders, _number(base)), path)
        self._found = loose | exact

    def get(self, folders: Parts, name: str) -> str:
        """The one image of this name, "" where there is none."""
        found = self._found.get((folders, name), "")
        if name.isdecimal():
            return found or self._found.get((folders, _number(name)), "")
        return found or self._folded.get((folders, fold(name)), "")


def _number(name: str) -> str:
    """A number without the zeros before it."""
    return name.lstrip("0") or "0"


def _enter(index: dict[tuple[Parts, str], str], key: tuple[Parts, str], path: str) -> None:
    """What two images are called names neither."""
    index[key] = path if key not in index else ""
