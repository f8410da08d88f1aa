"""`segpack diff`."""

from typing import TYPE_CHECKING, Annotated

import typer

from converter.cli import console, options
from converter.errors import printable

if TYPE_CHECKING:
    from converter.pipeline.comparing import ImageDiff
    from converter.pipeline.diffing import Diff, Side

__all__ = ["diff"]

SHOWN = 10
EACH = 5


def diff(
    a: Annotated[str, typer.Argument(metavar="A", help="Folder, annotation file or .zip.")],
    b: Annotated[str, typer.Argument(metavar="B", help="The dataset to compare it with, in any format.")],
    format: Annotated[
        str | None, typer.Option("--from", metavar="FORMAT[,FORMAT]", help="Formats of A and B; default: detected.")
    ] = None,
    report: options.Report = None,
    images: options.Images = None,
    classes: options.ClassNames = None,
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
    json: options.Json = False,
    quiet: options.Quiet = False,
    workers: options.Workers = None,
) -> None:
    """Compare two datasets in any formats, pixel by pixel, but for ids and attributes; exit code 1 when they differ."""
    from converter import api  # noqa: PLC0415 -- --help needs none of it

    found = api.diff(
        a,
        b,
        report=report,
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
    if json:
        console.json_out(found)
    elif not quiet:
        console.tell((), found.notes)
        for line in lines(found):
            console.out(printable(line))
    if not found.equal:
        raise typer.Exit(1)


def lines(found: "Diff") -> list[str]:
    """The comparison as a person reads it: the verdict first."""
    told = [_verdict(found), f"  A  {_side(found.a)}", f"  B  {_side(found.b)}"]
    told.append(f"  not compared: {', '.join(found.not_compared)}")
    told += _listed("images only in A", found.images_only_a)
    told += _listed("images only in B", found.images_only_b)
    told += _listed("images in another split", [f"{x} is {y} in B" for x, y in found.moved])
    told += _listed("classes only in A", found.classes_only_a)
    told += _listed("classes only in B", found.classes_only_b)
    told += _listed("classes renamed", [f"{r.a} is {r.b} in B (id {r.id})" for r in found.renamed])
    if found.images:
        told += ["", f"images that differ ({len(found.images):,})"]
        for each in found.images[:SHOWN]:
            told += _image(each)
        if len(found.images) > SHOWN:
            told.append(f"  ... and {len(found.images) - SHOWN:,} more (--json lists them)")
    told += _listed("records that could not be read", [x.message for x in found.losses])
    return told


def _verdict(found: "Diff") -> str:
    what = "objects" if found.compared == "instances" else "regions of classes"
    same = f"{found.images_compared:,} images compared, {found.instances_equal:,} {what} the same pixel by pixel"
    if found.equal:
        return f"equal: {same}"
    told = ", ".join(f"{n:,} {code}" for code, n in found.counts.items()) or f"{len(found.losses)} records unread"
    return f"different: {told}; {same}"


def _side(side: "Side") -> str:
    classes = "1 class" if side.classes == 1 else f"{side.classes} classes"
    images = "1 image" if side.images == 1 else f"{side.images:,} images"
    return f"{side.source}: {side.format}, {images}, {classes}"


def _listed(title: str, items: list[str]) -> list[str]:
    if not items:
        return []
    more = [f"  ... and {len(items) - SHOWN:,} more (--json lists them)"] if len(items) > SHOWN else []
    return ["", f"{title} ({len(items):,})", *(f"  {item}" for item in items[:SHOWN]), *more]


def _image(each: "ImageDiff") -> list[str]:
    told = [f"  {each.image}"]
    if each.size_a != each.size_b:
        (w, h), (width, height) = each.size_a, each.size_b
        told.append(f"    {w}x{h} in A, {width}x{height} in B: what is drawn was not compared")
    if each.content:
        told.append(f"    the picture differs in {each.content:,} pixels")
    told += [f"    {d.message}" for d in each.instances[:EACH]]
    if len(each.instances) > EACH:
        told.append(f"    ... and {len(each.instances) - EACH:,} more")
    return told
