"""`segpack merge`."""

from typing import Annotated

import typer

from converter.cli import console, options
from converter.cli.convert import SegmentationChoice

__all__ = ["merge"]


def merge(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="SRC SRC... DST", help="Datasets (folders, annotation files, .zip); then a folder, or a .zip."
        ),
    ],
    to: Annotated[str, typer.Option("--to", metavar="FORMAT", help="Format to write; see `segpack formats`.")],
    segmentation: Annotated[
        SegmentationChoice,
        typer.Option("--segmentation", help="How COCO draws objects; auto keeps what the source has."),
    ] = SegmentationChoice.auto,
    format: options.Formats = None,
    images: options.ImagesOfOne = None,
    image_files: options.ImageFiles = options.ImageFilesChoice.copy,
    classes: options.Classes = None,
    colors: options.Colors = None,
    class_name: options.ClassName = None,
    masks: options.Masks = None,
    image_pattern: options.ImagePattern = None,
    rle_order: options.RleOrder = None,
    rle_base: options.RleBase = None,
    instances: options.Instances = None,
    boxes_as_masks: options.BoxesAsMasks = False,
    crowd: options.Crowd = options.CrowdChoice.drop,
    min_iou: options.MinIou = None,
    tolerance: options.Tolerance = None,
    source: options.Tags = None,
    exif: options.Exif = None,
    exif_frame: options.ExifFrame = None,
    resize: options.Resize = None,
    resize_mode: options.ResizeMode = None,
    scale: options.Scale = None,
    pad_value: options.PadValue = None,
    split: options.Split = None,
    seed: options.Seed = None,
    group_by: options.GroupBy = None,
    split_from: options.SplitFrom = None,
    filter: options.Filter = None,
    tile: options.Tile = None,
    overlap: options.Overlap = None,
    merge_components: options.MergeComponents = False,
    fill_holes: options.FillHoles = False,
    min_area: options.MinArea = 0,
    strict: options.Strict = False,
    on_error: options.OnError = options.OnErrorChoice.stop,
    max_pixels: options.MaxPixels = 100_000_000,
    max_zip_entries: options.MaxZipEntries = 2_000_000,
    max_zip_ratio: options.MaxZipRatio = 200,
    overwrite: options.Overwrite = False,
    resume: options.Resume = False,
    item_timeout: options.ItemTimeout = 600,
    max_memory: options.MaxMemory = 4096,
    losses: options.Losses = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    workers: options.Workers = None,
    profile: options.Profile = False,
) -> None:
    """Merge datasets into one: classes are united by name, images of one name are kept apart."""
    from converter import api  # noqa: PLC0415 -- --help needs none of it
    from converter.cli.result import finish, listing  # noqa: PLC0415

    sources, target = options.sources_and_target(paths, least=2)
    with listing(losses, target), console.profiled(wanted=profile):
        result = api.merge(
            sources,
            target,
            to=to,
            segmentation=segmentation.value,
            format=format,
            images=images,
            image_files=image_files.value,
            classes=classes,
            colors=colors,
            class_name=class_name,
            masks=masks,
            image_pattern=image_pattern,
            rle_order=rle_order.value if rle_order else None,
            rle_base=rle_base,
            instances=instances.value if instances else None,
            boxes_as_masks=boxes_as_masks,
            crowd=crowd.value,
            min_iou=min_iou,
            tolerance=tolerance,
            tags=source or (),
            exif=exif.value if exif else None,
            exif_frame=exif_frame.value if exif_frame else None,
            resize=resize,
            resize_mode=resize_mode.value if resize_mode else None,
            scale=scale,
            pad_value=pad_value,
            split=split,
            seed=seed,
            group_by=group_by,
            split_from=split_from,
            filter=filter or (),
            tile=tile,
            overlap=overlap,
            merge_components=merge_components,
            fill_holes=fill_holes,
            min_area=min_area,
            strict=strict,
            on_error=on_error.value,
            max_pixels=max_pixels,
            max_zip_entries=max_zip_entries,
            max_zip_ratio=max_zip_ratio,
            overwrite=overwrite,
            resume=resume,
            item_timeout=item_timeout,
            max_memory=max_memory,
            workers=workers,
            progress=console.progress(quiet=quiet or json),
        )
    finish(result, losses=losses, as_json=json, quiet=quiet)
