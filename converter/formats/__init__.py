"""The formats: one module each, found by itself.

Every module of this folder that does not begin with an underscore ends in `FORMAT`;
packages of third parties offer theirs under the entry-point group `segpack.formats`.
"""

from __future__ import annotations

import functools
import importlib
import os
import pkgutil
import sys
from collections.abc import Iterable, Mapping
from importlib.machinery import PathFinder
from types import MappingProxyType
from typing import TYPE_CHECKING

from converter.errors import UsageError
from converter.format import Format

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["GROUP", "all_formats", "get_format"]

GROUP = "segpack.formats"


@functools.cache
def all_formats() -> Mapping[str, Format]:
    """Every format by name, sorted; a plug-in that does not load is an error, not a silence."""
    found: dict[str, Format] = {}
    for module in pkgutil.iter_modules(__path__):
        if not module.name.startswith("_"):
            _add(found, importlib.import_module(f"{__name__}.{module.name}").FORMAT, module.name)
    for point in _plugins():
        try:
            offered = point.load()
        except Exception as error:
            raise UsageError(
                f"the format plug-in {point.name} ({point.value}) does not load: {error}; mend or uninstall it"
            ) from error
        _add(found, offered, point.name)
    return MappingProxyType(dict(sorted(found.items())))


def _plugins() -> Iterable[EntryPoint]:
    """What is offered under the group; importlib.metadata, slow to import, is asked where something may be."""
    elsewhere = any(hasattr(finder, "find_distributions") for finder in sys.meta_path if finder is not PathFinder)
    if not elsewhere and not any(map(_may_offer, sys.path)):
        return ()
    from importlib.metadata import entry_points  # noqa: PLC0415

    return entry_points(group=GROUP)


def _may_offer(place: str) -> bool:
    """Whether a package that is installed in a place of sys.path names the group; of a ZIP it is not known."""
    try:
        names = os.listdir(place or ".")
    except OSError:
        return os.path.isfile(place)
    described = [name for name in names if name.lower().endswith("-info")]
    return any(_names_group(os.path.join(place, name, "entry_points.txt")) for name in described)


def _names_group(file: str) -> bool:
    try:
        with open(file, "rb") as lines:
            return GROUP.encode() in lines.read()
    except OSError:
        return False


def _add(found: dict[str, Format], offered: object, where: str) -> None:
    if not isinstance(offered, Format):
        raise UsageError(f"the format plug-in {where} offers no Format record; mend or uninstall it")
    if offered.name in found:
        raise UsageError(f"two formats are called {offered.name}; uninstall one of the plug-ins")
    found[offered.name] = offered


def get_format(name: str) -> Format:
    """The format called `name`; UsageError that lists the names otherwise."""
    found = all_formats()
    if name not in found:
        raise UsageError(f"there is no format called '{name}'; use one of {', '.join(found)}")
    return found[name]
