"""Filters: which instances and images stay.

    class=person,dog    class!=crowd    area>=16              of instances
    split=train         name=*_left.jpg source=real           of images, before they are read
    width>=640          height<=480     instances>=1          of images

`=` and `!=` take several values with commas between, in double quotes those that hold one;
in names `*` and `?` stand for other characters. All conditions have to hold. Conditions on
instances take instances out and leave images; `instances>=1` then takes out the images that
have none left (of a map of classes: no class). Sizes and areas are those of the source, in
pixels.

`source=TAG` of a merged set gives that set back: its names, its classes and their ids.
Where nothing but a folder tells (YOLO), it takes the images and leaves the rest.
"""

from __future__ import annotations

import csv
import difflib
import math
import operator
import re
from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Literal, TypeAlias

import msgspec
import numpy as np

from converter.errors import UsageError
from converter.geometry import rle, shapes
from converter.layouts.images import split_name
from converter.ledger import Ledger
from converter.model import Box, Header, Image, Instance, Marks, Sample
from converter.transforms.origins import source_of

__all__ = [
    "Condition",
    "check_sources",
    "dropped_classes",
    "keeps_ref",
    "keeps_sample",
    "parse_conditions",
    "select_instances",
]

Operator: TypeAlias = Literal["=", "!=", ">=", "<=", ">", "<"]
COMPARE: dict[str, Callable[[float, float], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
WORDS = ("class", "split", "name", "source")
NUMBERS = ("area", "width", "height", "instances")


class Condition(msgspec.Struct, frozen=True):
    """One --filter, taken apart."""

    key: str
    operator: Operator
    values: tuple[str, ...] = ()
    number: float = 0.0

    def __str__(self) -> str:
        shown = ",".join(self.values) if self.values else f"{self.number:g}"
        return f"{self.key}{self.operator}{shown}"

    def holds(self, value: float) -> bool:
        return COMPARE[self.operator](value, self.number)

    def names(self, value: str) -> bool:
        """Whether a word is, or with != is not, one of the values; names as patterns."""
        found = value in self.values or (self.key == "name" and any(fnmatchcase(value, v) for v in self.values))
        return found == (self.operator == "=")


def parse_conditions(texts: Sequence[str]) -> tuple[Condition, ...]:
    """The conditions of all --filter options, or of one text; UsageError for one that is none."""
    return tuple(map(_condition, [texts] if isinstance(texts, str) else texts))


def _condition(text: str) -> Condition:
    match = re.fullmatch(r"\s*([A-Za-z]+)\s*(!=|>=|<=|=|>|<)\s*(.*?)\s*", text)
    if not match or not match[3]:
        raise UsageError(f"--filter {text}: is no condition; write for example class=person or area>=16")
    key, sign, value = match[1].lower(), match[2], match[3]
    if key in WORDS:
        if sign not in {"=", "!="}:
            raise UsageError(f"--filter {text}: {key} is a word; compare it with = or !=")
        words = [word.strip() for word in next(csv.reader([value], skipinitialspace=True))]
        values = tuple(map(split_name, words)) if key == "split" else tuple(words)
        return Condition(key, sign, values)  # type: ignore[arg-type]  # matched
    if key not in NUMBERS:
        near = difflib.get_close_matches(key, WORDS + NUMBERS, n=1)
        hint = f" (is {near[0]} meant?)" if near else ""
        raise UsageError(f"--filter {text}: '{key}' is unknown{hint}; use {', '.join(WORDS + NUMBERS)}")
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise UsageError(f"--filter {text}: '{value}' is no number; write for example {key}>=16")
    return Condition(key, sign, number=number)  # type: ignore[arg-type]  # matched


def dropped_classes(conditions: Sequence[Condition], header: Header) -> set[int]:
    """Ids of the classes that conditions on `class` take out; UsageError for a name that no class has."""
    mine = [c for c in conditions if c.key == "class"]
    names = [c.name for c in header.classes]
    for condition in mine:
        for value in condition.values:
            if value not in names:
                near = difflib.get_close_matches(value, names, n=1)
                hint = f" (is '{near[0]}' meant?)" if near else ""
                raise UsageError(f"--filter {condition}: the dataset has no class '{value}'{hint}")
    return {c.id for c in header.classes if not all(condition.names(c.name) for condition in mine)}


def check_sources(conditions: Sequence[Condition], tags: Sequence[str]) -> None:
    """UsageError for a condition on the source that names none of the sets that a dataset was merged from."""
    for condition in conditions if tags else ():
        for value in condition.values if condition.key == "source" else ():
            if value not in tags:
                raise UsageError(f"--filter {condition}: no set is called '{value}'; use one of {', '.join(tags)}")


def keeps_ref(conditions: Sequence[Condition], image: Image, source: str | None) -> Condition | None:
    """The condition that takes an image out, as far as its name, split and source (None: not known yet) tell."""
    for condition in conditions:
        words = {"split": image.split or "", "name": image.name, "source": source}
        word = words.get(condition.key)
        if word is not None and not condition.names(word):
            return condition
    return None


def keeps_sample(
    conditions: Sequence[Condition], sample: Sample, header: Header, ledger: Ledger, *, sourced: bool
) -> bool:
    """Whether an image stays; that it does not is told. `sourced`: by its source it does."""
    image = sample.image
    for condition in conditions:
        numbers: dict[str, Callable[[], float]] = {
            "width": lambda: image.width,
            "height": lambda: image.height,
            "instances": lambda: _count(sample, header),
        }
        kept = condition.holds(numbers[condition.key]()) if condition.key in numbers else True
        if condition.key == "source" and not sourced:
            kept = condition.names(source_of(image))
        if not kept:
            ledger.lose("filtered-image", image.path, f"not {condition}", amount=max(1, len(sample.instances)))
            return False
    return True


def _count(sample: Sample, header: Header) -> int:
    """Instances; of a map of classes the classes in it."""
    if sample.labels is None:
        return len(sample.instances)
    return len({c.id for c in header.classes}.intersection(np.unique(sample.labels).tolist()))


def select_instances(conditions: Sequence[Condition], sample: Sample, ledger: Ledger) -> Sample:
    """The sample without the instances whose area does not do."""
    mine = [c for c in conditions if c.key == "area"]
    if not mine or sample.labels is not None:
        return sample
    kept = [i for i in sample.instances if _fits(i, sample.image, mine)]
    _tell(sample, len(sample.instances) - len(kept), mine, ledger)
    return msgspec.structs.replace(sample, instances=tuple(kept))


def _fits(instance: Instance, image: Image, conditions: Iterable[Condition]) -> bool:
    if isinstance(instance.shape, Marks):
        return True
    if isinstance(instance.shape, Box):
        area = instance.shape.w * instance.shape.h
    else:
        area = rle.area(shapes.mask_of(instance.shape, image.height, image.width))
    return all(c.holds(area) for c in conditions)


def _tell(sample: Sample, gone: int, conditions: Iterable[Condition], ledger: Ledger) -> None:
    if gone:
        shown = " and ".join(map(str, conditions))
        ledger.lose("filtered-instance", sample.image.path, f"{gone} instances are not {shown}", amount=gone)
