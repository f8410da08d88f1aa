"""The formats: one module each, found by itself.

Every module of this folder that does not begin with an underscore ends in `FORMAT`;
packages of third parties offer theirs under the entry-point group `segpack.formats`.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Mapping
from importlib.metadata import entry_points
from types import MappingProxyType

from converter.errors import UsageError
from converter.format import Format

__all__ = ["GROUP", "all_formats", "get_format"]

GROUP = "segpack.formats"


@functools.cache
def all_formats() -> Mapping[str, Format]:
    """Every format by name, sorted; a plug-in that does not load is an error, not a silence."""
    found: dict[str, Format] = {}
    for module in pkgutil.iter_modules(__path__):
        if not module.name.startswith("_"):
            _add(found, importlib.import_module(f"{__name__}.{module.name}").FORMAT, module.name)
    for point in entry_points(group=GROUP):
        try:
            offered = point.load()
        except Exception as error:
            raise UsageError(
                f"the format plug-in {point.name} ({point.value}) does not load: {error}; mend or uninstall it"
            ) from error
        _add(found, offered, point.name)
    return MappingProxyType(dict(sorted(found.items())))


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
