"""The images that a Label Studio task is about, and which of its results are drawn on which.

A task holds its images in `data`, under keys of any name; a result names the <Image> of the
labelling configuration it is drawn on (`to_name`), and of an image of several pages the page
(`item_index`). Only the configuration says which key an <Image> shows, unless both have one name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec

from converter.errors import ShapeError
from converter.layouts.images import is_image
from converter.layouts.labelstudio_regions import REGIONS, Shown, text_of
from converter.model import Rgb

__all__ = ["Configuration", "Picture", "Results", "path_of", "pictures"]

PREFERRED = ("image", "img", "image_url", "url", "photo", "picture")

Results: TypeAlias = Sequence[tuple[Any, list[Any]]]  # by annotation, its id and its results


class Configuration(msgspec.Struct, frozen=True):
    """What a labelling configuration says: labels with their colours, the key that each <Image>
    shows, and the object that each control is for.
    """

    labels: dict[str, Rgb | None]
    images: dict[str, str]
    controls: dict[str, str]


class Picture(msgspec.Struct, frozen=True):
    """An image of a task. `shown`: by annotation, the places of the results on it; None for all."""

    reference: str
    shown: Shown = None


def path_of(reference: str) -> str:
    """The path in a URL: local files carry it in the query (`?d=`), others before it."""
    try:
        parts = urlsplit(reference.replace("\\", "/"))
    except ValueError:
        return reference
    local = parse_qs(parts.query).get("d")
    return local[0] if local else unquote(parts.path) or reference


def pictures(
    data: Mapping[str, Any],
    annotations: Results,
    configurations: Sequence[Configuration],
    there: Callable[[str], bool],
) -> list[Picture]:
    """The images of a task; `there` says whether the file of a reference is.

    ShapeError where several are there, and nothing says on which of them a result is drawn.
    """
    drawn = _drawn_on(annotations)
    found = [c for c in configurations if _fits(c, data, annotations)]
    if found and all(c.images == found[0].images for c in found):
        return _sorted_out(found[0], data, annotations)
    if drawn and all(_pages(data.get(name)) for name in drawn):
        return _sorted_out(Configuration({}, {name: name for name in data if name in drawn}, {}), data, annotations)
    reference = _only(data, drawn, there)
    if reference is not None:
        return [Picture(reference)]
    lists = [key for key, value in data.items() if isinstance(value, list) and all(map(_names_image, _pages(value)))]
    if not any(_pages(data[key]) for key in lists):
        return []
    if len(lists) > 1:
        raise ShapeError(_unsettled(lists, drawn))
    return _sorted_out(Configuration({}, dict.fromkeys(drawn or {""}, lists[0]), {}), data, annotations)


def _drawn_on(annotations: Results) -> set[str]:
    """The names of the objects that regions are drawn on; "" where a result does not say."""
    return {text_of(r, "to_name") for r in _regions(annotations)}


def _regions(annotations: Results) -> Iterator[dict[str, Any]]:
    for _, results in annotations:
        for result in results:
            if isinstance(result, dict) and isinstance(kind := result.get("type"), str) and kind in REGIONS:
                yield result


def _fits(configuration: Configuration, data: Mapping[str, Any], annotations: Results) -> bool:
    """Whether the task may be one of this configuration: it has its images, and no others are drawn on."""
    images = configuration.images
    if not any(_pages(data.get(key)) for key in images.values()):
        return False
    return all(_object_of(r, configuration) in images for r in _regions(annotations))


def _object_of(result: Any, configuration: Configuration) -> str:
    return text_of(result, "to_name") or configuration.controls.get(text_of(result, "from_name"), "")


def _pages(value: Any) -> list[str]:
    """The references in a value of a task: one, or one a page."""
    if isinstance(value, str):
        return [value] if value else []
    return value if isinstance(value, list) and all(isinstance(v, str) and v for v in value) else []


def _names_image(reference: str) -> bool:
    return is_image(path_of(reference))


def _sorted_out(configuration: Configuration, data: Mapping[str, Any], annotations: Results) -> list[Picture]:
    """Each image with the results on it; what belongs to no image goes with the first."""
    pages = {name: _pages(data.get(key)) for name, key in configuration.images.items()}
    references = list(dict.fromkeys(reference for listed in pages.values() for reference in listed))
    if len(references) == 1:
        return [Picture(references[0])]
    shown: dict[str, list[set[int]]] = {reference: [set() for _ in annotations] for reference in references}
    for place, (_, results) in enumerate(annotations):
        for number, result in enumerate(results):
            listed = pages.get(_object_of(result, configuration), [])
            page = result.get("item_index") or 0 if isinstance(result, dict) else 0
            if isinstance(page, int) and 0 <= page < len(listed):
                shown[listed[page]][place].add(number)
            elif text_of(result, "type") in REGIONS:
                name = text_of(result, "to_name") or text_of(result, "from_name")
                raise ShapeError(f"result {number + 1} is drawn on {name}, page {page}, and there is no such image")
            else:
                shown[references[0]][place].add(number)
    return [Picture(reference, tuple(map(frozenset, shown[reference]))) for reference in references]


def _only(data: Mapping[str, Any], drawn: set[str], there: Callable[[str], bool]) -> str | None:
    """The one image of a task that says no more; under a usual key where there are several."""
    texts = {key: value for key, value in data.items() if isinstance(value, str) and value}
    usual = [key for key in PREFERRED if key in texts]
    keys = usual[:1] + [key for key, value in texts.items() if key not in PREFERRED and _names_image(value)]
    if len({texts[key] for key in keys}) < 2:
        return texts[keys[0]] if keys else None
    if len(drawn) > 1:
        raise ShapeError(_unsettled(keys, drawn))
    if usual or not drawn:
        return texts[keys[0]]
    present = [key for key in keys if there(texts[key])]
    if len(present) != 1:
        raise ShapeError(_unsettled(keys, drawn))
    return texts[present[0]]


def _unsettled(keys: Sequence[str], drawn: set[str]) -> str:
    names = ", ".join(sorted(drawn - {""})) or "its results"
    return f"it has the images {', '.join(keys)}, and nothing says on which {names} are drawn"
