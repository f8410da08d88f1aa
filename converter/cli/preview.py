"""`segpack preview`."""

from enum import StrEnum
from typing import Annotated, Optional

import typer

from converter.cli import console, options

__all__ = ["preview"]


class ColorByChoice(StrEnum):
    instance = "instance"
    by_class = "class"


def preview(
    source: options.Source,
    target: Annotated[str, typer.Argument(metavar="OUT.png", help="The sheet: a .png, .jpg or .webp file.")],
    more: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Argument(metavar="[NAME]...", help="With --image: more images to show."),
    ] = None,
    count: Annotated[int, typer.Option("--count", min=1, max=1000, metavar="N", help="How many images.")] = 16,
    seed: Annotated[int, typer.Option("--seed", metavar="S", help="Which images: each seed has its own.")] = 0,
    image: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option("--image", metavar="NAME", help="Show this image and no sample; may be given several times."),
    ] = None,
    color_by: Annotated[
        ColorByChoice, typer.Option("--color-by", help="What a colour stands for; label maps always go by class.")
    ] = ColorByChoice.instance,
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
    json: options.Json = False,
    quiet: options.Quiet = False,
    workers: options.Workers = None,
) -> None:
    """Draw masks, outlines, boxes and names over a sample of the images, on one sheet."""
    from converter import api  # noqa: PLC0415 -- --help needs none of it

    if more and not image:
        raise typer.BadParameter(f"{more[0]}: names of images follow --image")
    found = api.preview(
        source,
        target,
        count=count,
        seed=seed,
        image_names=[*(image or []), *(more or [])],
        color_by=color_by.value,
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
    if not quiet:
        console.tell(found.losses, found.notes)
    if json:
        console.json_out(
            {"ok": True, "output": found.target}
            | {k: getattr(found, k) for k in found.__struct_fields__ if k != "target"}
        )
    elif not quiet:
        console.out(f"{found.target}: {len(found.images)} of {found.images_total} images, {found.width}x{found.height}")
