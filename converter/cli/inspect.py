"""`segpack inspect`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from converter.cli import console, options
from converter.errors import TargetError

if TYPE_CHECKING:
    from converter.pipeline.inspecting import Inspection

__all__ = ["inspect"]

SHOWN = 8


def inspect(
    source: options.Source,
    format: options.Format = None,
    images: options.Images = None,
    classes: options.Classes = None,
    colors: options.Colors = None,
    class_name: options.ClassName = None,
    masks: options.Masks = None,
    image_pattern: options.ImagePattern = None,
    rle_order: options.RleOrder = None,
    rle_base: options.RleBase = None,
    on_error: options.OnError = options.OnErrorChoice.stop,
    max_pixels: options.MaxPixels = 100_000_000,
    max_zip_entries: options.MaxZipEntries = 2_000_000,
    max_zip_ratio: options.MaxZipRatio = 200,
    classes_template: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--classes-template", metavar="FILE", help="Write the classes as a file for --classes, to edit."),
    ] = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    workers: options.Workers = None,
) -> None:
    """Show what a dataset is: format and evidence, task, splits, sizes, classes, encodings."""
    from converter import api  # noqa: PLC0415 -- --help needs none of it

    found = api.inspect(
        source,
        format=format,
        images=images,
        classes=classes,
        colors=colors,
        class_name=class_name,
        masks=masks,
        image_pattern=image_pattern,
        rle_order=rle_order.value if rle_order else None,
        rle_base=rle_base,
        on_error=on_error.value,
        max_pixels=max_pixels,
        max_zip_entries=max_zip_entries,
        max_zip_ratio=max_zip_ratio,
        workers=workers,
        progress=console.progress(quiet=quiet or json),
    )
    if classes_template is not None:
        _write_template(found, classes_template)
    if json:
        console.json_out(found)
        return
    for line in _lines(found):
        console.out(line)
    if not quiet:
        console.tell(found.losses, found.notes)


def _write_template(found: "Inspection", file: str) -> None:
    from converter.transforms.class_table import template  # noqa: PLC0415 -- --help needs none of it

    counted = "images" if found.task == "semantic" else "instances"
    data = template([(c.id, c.name, c.instances) for c in found.classes], file, counted=counted)
    try:
        with Path(file).open("xb") as stream:
            stream.write(data)
    except FileExistsError:
        raise TargetError(f"--classes-template {file}: exists already; name another file") from None
    except OSError as error:
        raise TargetError(f"--classes-template {file}: {error.strerror}") from None


def _lines(found: "Inspection") -> list[str]:
    """The inspection as a person reads it."""
    rows = [
        ("source", found.source),
        ("format", f"{found.format} ({found.evidence})"),
        ("task", found.task),
        ("images", f"{found.images}, {found.images_without_annotations} without annotations"),
        ("splits", ", ".join(f"{name} {n}" for name, n in found.splits.items()) or "none"),
        ("sizes", _some([f"{size} ({n})" for size, n in found.sizes.items()])),
        ("drawn as", ", ".join(f"{kind} {n}" for kind, n in found.encodings.items()) or "nothing"),
        ("crowds", str(found.crowds)),
    ]
    if found.task == "semantic":
        rows += [("background", _id(found.background_id)), ("ignore", _id(found.ignore_id))]
    lines = [f"{name:<12}{value}" for name, value in rows]
    width = max([len(c.name) for c in found.classes] + [5])
    counted = "images" if found.task == "semantic" else "instances"
    lines.append(f"{'classes':<12}{len(found.classes)}")
    lines.append(
        f"  {'id':>6}  {'name':<{width}}  {counted:>9}" + ("" if found.task == "semantic" else f"  {'images':>7}")
    )
    for c in found.classes:
        more = "" if found.task == "semantic" else f"  {c.images:>7}"
        lines.append(f"  {c.id:>6}  {c.name:<{width}}  {c.instances:>9}{more}")
    return lines


def _some(items: list[str]) -> str:
    return ", ".join(items[:SHOWN]) + (f", and {len(items) - SHOWN} more" if len(items) > SHOWN else "")


def _id(value: int | None) -> str:
    return "none" if value is None else str(value)
