"""The keywords that functions of the API share, and what they become inside.

They are the options of the command line, by the same names.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable as AbcCallable
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Sequence as AbcSequence
from contextlib import contextmanager
from numbers import Integral, Real
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeAlias, TypedDict, Union, cast, get_args, get_origin, get_type_hints

from converter import engine
from converter.codecs.pixels import MAX_PIXELS, MOST_PIXELS, pixels_up_to
from converter.errors import UsageError
from converter.format import ClassTable, ReadOptions, Segmentation, WriteOptions
from converter.layouts.class_files import read_class_file, read_legend
from converter.ledger import OnError
from converter.model import Rgb
from converter.pipeline.opening import Progress
from converter.pipeline.plan import Job
from converter.storage import Limits, open_source, within
from converter.storage.zip_directory import MOST_DEFLATE
from converter.transforms import class_table
from converter.transforms.split_lists import parse_lists
from converter.transforms.steps import Options, Steps, read_steps

__all__ = [
    "JobKeywords",
    "ReadKeywords",
    "RunKeywords",
    "StrPath",
    "check_keywords",
    "check_value",
    "path_of",
    "read_job",
    "read_options",
    "reading_limits",
    "workers_of",
]

StrPath: TypeAlias = str | os.PathLike[str]
AN_ENTRY = 128  # bytes in the directory of a ZIP file, names and all
_WORDS = {
    bool: "True or False",
    float: "a number",
    int: "a whole number",
    os.PathLike: "a path",
    str: "text",
    AbcCallable: "a function",
    AbcSequence: "a list of texts",
}
LEGENDS = frozenset({".json", ".yaml", ".yml"})


class ReadKeywords(TypedDict, total=False):
    """How a source is read. Paths are opened when the function is called.

    `format` is detected when it is not given; `images` is the folder of image files when they lie
    apart; the others are as the options of the same names, --classes, --image-pattern and so on. What is larger
    is refused: images of more than `max_pixels`, ZIP files of more entries than `max_zip_entries`, or that unpack
    to more than `max_zip_ratio` times their size.
    """

    format: str | None
    images: StrPath | None
    classes: StrPath | None
    colors: StrPath | None
    class_name: str | None
    masks: str | None
    image_pattern: str | None
    rle_order: Literal["columns", "rows"] | None
    rle_base: int | None
    on_error: OnError
    max_pixels: int
    max_zip_entries: int
    max_zip_ratio: int


class RunKeywords(ReadKeywords, total=False):
    """How a source is read by many: `workers` processes (default: the cores)."""

    workers: int | None
    progress: Progress


class JobKeywords(RunKeywords, Options, total=False):
    """How a dataset is read, changed and written.

    What one image may take: `item_timeout` in seconds, `max_memory` in MB of a worker.
    """

    image_files: Literal["copy", "hardlink", "symlink", "none"]
    segmentation: Segmentation
    instances: Literal["class", "components"] | None
    boxes_as_masks: bool
    crowd: Literal["drop", "keep"]
    min_iou: float | None
    tolerance: float | None
    strict: bool
    overwrite: bool
    resume: bool
    item_timeout: float
    max_memory: int
    tags: Sequence[str]


def check_keywords(function: str, given: Mapping[str, Any], known: type) -> None:
    """A keyword that nobody knows (TypeError), or a value that it does not take, is nothing to pass over.

    One that is None is taken out of `given`: it is as if nobody had named it.
    """
    hints = get_type_hints(known)
    for name, value in given.items():
        if name not in hints:
            raise TypeError(f"{function}() got an unexpected keyword argument '{name}'")
        check_value(name, value, hints[name])
    for name in [name for name, value in given.items() if value is None]:
        del cast(dict[str, Any], given)[name]


def check_value(name: str, value: Any, kind: Any, *, needed: bool = False) -> None:
    """UsageError for a value that is none of `kind`, a type as in the hints of this module.

    None is one of any, but where something is `needed`.
    """
    if (needed or value is not None) and not _is_a(value, kind):
        kinds = get_args(kind) if get_origin(kind) in {Union, UnionType} else (kind,)
        said = dict.fromkeys(_in_words(k) for k in kinds if k is not NoneType)
        raise UsageError(f"{name} is {value!r:.100}; it is {' or '.join(said)}")


def _is_a(value: Any, kind: Any) -> bool:
    origin = get_origin(kind) or kind
    if origin in {Union, UnionType}:
        return any(_is_a(value, each) for each in get_args(kind))
    if origin is Literal:
        return isinstance(value, str) and value in get_args(kind)
    if origin is AbcSequence:  # one text is a list of one
        single = isinstance(value, str) or not isinstance(value, Iterable)
        return _is_a(value, str) if single else not isinstance(value, Collection) or all(map(_is_text, value))
    if origin is AbcCallable:
        return callable(value)
    if origin in {int, float}:
        return isinstance(value, Integral if origin is int else Real) and not isinstance(value, bool)
    return isinstance(value, origin)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _in_words(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return f"one of {', '.join(get_args(kind))}"
    return _WORDS[get_origin(kind) or kind]


def path_of(name: str, value: Any) -> str:
    """A path that a function was given as `name`; UsageError for anything else."""
    path = os.fspath(value) if isinstance(value, str | os.PathLike) else None
    if not isinstance(path, str):
        raise UsageError(f"{name} is {value!r:.100}; it is a path, as text or os.PathLike")
    return path


def read_options(given: Mapping[str, Any], *, need_files: bool) -> ReadOptions:
    """The ReadKeywords among `given`, as readers take them."""
    images, classes = given.get("images"), given.get("classes")
    return ReadOptions(
        images=open_source(path_of("images", images)) if images is not None else None,
        need_files=need_files,
        classes=_class_table(classes),
        colors=_legend(given.get("colors")),
        class_name=given.get("class_name"),
        masks=given.get("masks"),
        image_pattern=given.get("image_pattern"),
        rle_order=given.get("rle_order"),
        rle_base=_rle_base(given.get("rle_base")),
    )


def _rle_base(value: int | None) -> int | None:
    if value not in {None, 0, 1}:
        raise UsageError(f"--rle-base {value} is neither 0 nor 1")
    return value


def read_job(source: StrPath | Sequence[StrPath], target: StrPath, given: JobKeywords) -> Job:
    """What convert, pack and merge are to do."""
    alone = isinstance(source, str | bytes | os.PathLike) or not isinstance(source, Iterable)
    sources = tuple(path_of("source", each) for each in cast(Iterable[Any], [source] if alone else source))
    if not sources:
        raise UsageError("no dataset is named that could be read")
    return Job(
        sources,
        path_of("target", target),
        given.get("format"),
        read_options(given, need_files=given.get("image_files") != "none"),
        _write_options(given),
        given.get("on_error", "stop"),
        given.get("strict", False),
        given.get("overwrite", False),
        workers_of(given),
        _steps(given),
        tuple(given.get("tags", ())),
        _guard(given),
        given.get("resume", False),
    )


def workers_of(given: RunKeywords | JobKeywords) -> int:
    """The number of processes, by default that of the cores; UsageError for one that is none."""
    workers = given.get("workers") or engine.cores()
    if workers < 0:
        raise UsageError(f"--workers {workers} is not a number of processes from 1")
    return workers


def _write_options(given: JobKeywords) -> WriteOptions:
    min_iou, tolerance = given.get("min_iou"), given.get("tolerance")
    if min_iou is not None and not 0 < min_iou <= 1:
        raise UsageError(f"--min-iou {min_iou:g} is not above 0 and at most 1")
    if tolerance is not None and not 0 <= tolerance < 1e6:
        raise UsageError(f"--tolerance {tolerance:g} is not a number of pixels from 0")
    return WriteOptions(
        given.get("segmentation", "auto"),
        given.get("instances"),
        given.get("boxes_as_masks", False),
        given.get("crowd", "drop"),
        min_iou,
        tolerance,
        given.get("image_files", "copy"),
    )


def _guard(given: JobKeywords) -> engine.Guard:
    """Who sets a limit, or wants what is bad left out, wants it from the first image on: only another process can."""
    usual = engine.Guard()
    seconds, memory = given.get("item_timeout", usual.seconds), given.get("max_memory", usual.memory >> 20)
    if not seconds > 0:
        raise UsageError(f"--item-timeout {seconds:g} is not a number of seconds above 0")
    if memory <= 0:
        raise UsageError(f"--max-memory {memory} is not a number of MB above 0")
    limited = (seconds, memory << 20) != (usual.seconds, usual.memory)
    return engine.Guard(seconds, memory << 20, always=limited or given.get("on_error") == "skip")


@contextmanager
def reading_limits(given: ReadKeywords | RunKeywords | JobKeywords) -> Iterator[None]:
    """Read within the limits among the keywords in this block, and in processes forked from it."""
    usual = Limits()
    pixels, entries = given.get("max_pixels", MAX_PIXELS), given.get("max_zip_entries", usual.zip_entries)
    ratio = given.get("max_zip_ratio", usual.zip_ratio)
    for option, value, most in (
        ("--max-pixels", pixels, MOST_PIXELS),
        ("--max-zip-entries", entries, usual.files),
        ("--max-zip-ratio", ratio, MOST_DEFLATE),
    ):
        if not 0 < value <= most:
            raise UsageError(f"{option} {value} is not from 1 to {most}")
    limits = Limits(zip_entries=entries, zip_directory=max(usual.zip_directory, AN_ENTRY * entries), zip_ratio=ratio)
    with pixels_up_to(pixels), within(limits):
        yield


def _steps(given: Options) -> Steps:
    file = given.get("split_from")
    return read_steps(given, None if file is None else _lists(Path(file)))


def _lists(path: Path) -> dict[str, str]:
    """Splits from a file of lists, or from a folder of text files that are called as the splits."""
    if not path.is_dir():
        return parse_lists({str(path): _read(path, "--split-from")}, str(path))
    return parse_lists({str(file): _read(file, "--split-from") for file in sorted(path.glob("*.txt"))}, str(path))


def _class_table(path: StrPath | None) -> ClassTable | None:
    return None if path is None else class_table.parse(_read(path, "--classes"), str(path))


def _legend(path: StrPath | None) -> tuple[tuple[str, Rgb], ...]:
    """A legend of colours: {name: [r, g, b]}, CSV name,r,g,b, or lines as in a labelmap.txt."""
    if path is None:
        return ()
    data = _read(path, "--colors")
    if Path(path).suffix.lower() in LEGENDS:
        return class_table.parse_colors(data, str(path))
    if Path(path).suffix.lower() == ".csv":
        found = list(read_class_file(open_source(str(Path(path).resolve().parent)), Path(path).name).values())
    else:
        found = read_legend(data, str(path))
    legend = tuple((c.name, c.color) for c in found if c.color is not None)
    if not legend:
        raise UsageError(f"{path}: no colours in it; write {{name: [r, g, b]}}, a CSV name,r,g,b, or a labelmap.txt")
    return legend


def _read(path: StrPath, option: str) -> bytes:
    """The bytes of a file that an option names; a device or FIFO could go on for ever."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise UsageError(f"{option} {path}: is not a file")
        return Path(path).read_bytes()
    except OSError as error:
        raise UsageError(f"{option} {path}: {error.strerror}") from None
    except ValueError:
        raise UsageError(f"{option} {path}: is no path") from None
