"""Options that several commands share."""

from __future__ import annotations

import os
from enum import StrEnum
from typing import Annotated, Optional

import typer

from converter.errors import UsageError

__all__ = [
    "BoxesAsMasks",
    "ClassName",
    "ClassNames",
    "Classes",
    "Colors",
    "Crowd",
    "CrowdChoice",
    "Exif",
    "ExifChoice",
    "ExifFrame",
    "FillHoles",
    "Filter",
    "Format",
    "Formats",
    "FrameChoice",
    "GroupBy",
    "ImageFiles",
    "ImageFilesChoice",
    "ImagePattern",
    "Images",
    "ImagesOfOne",
    "Instances",
    "InstancesChoice",
    "ItemTimeout",
    "Json",
    "Losses",
    "Masks",
    "MaxMemory",
    "MaxPixels",
    "MaxZipEntries",
    "MaxZipRatio",
    "MergeComponents",
    "MinArea",
    "MinIou",
    "OnError",
    "OnErrorChoice",
    "Overlap",
    "Overwrite",
    "PadValue",
    "Profile",
    "Quiet",
    "Report",
    "Resize",
    "ResizeMode",
    "ResizeModeChoice",
    "Resume",
    "RleBase",
    "RleOrder",
    "RleOrderChoice",
    "Scale",
    "Seed",
    "Source",
    "Split",
    "SplitFrom",
    "Strict",
    "Tags",
    "Tile",
    "Tolerance",
    "Workers",
    "sources_and_target",
]


class ImageFilesChoice(StrEnum):
    copy = "copy"
    hardlink = "hardlink"
    symlink = "symlink"
    none = "none"


class InstancesChoice(StrEnum):
    by_class = "class"
    components = "components"


class CrowdChoice(StrEnum):
    drop = "drop"
    keep = "keep"


class ExifChoice(StrEnum):
    bake = "bake"
    keep = "keep"


class FrameChoice(StrEnum):
    stored = "stored"
    shown = "shown"


class RleOrderChoice(StrEnum):
    columns = "columns"
    rows = "rows"


class ResizeModeChoice(StrEnum):
    letterbox = "letterbox"
    stretch = "stretch"
    fit = "fit"


class OnErrorChoice(StrEnum):
    stop = "stop"
    skip = "skip"


Source = Annotated[str, typer.Argument(metavar="SRC", help="Folder, annotation file or .zip (read in place).")]
Format = Annotated[str | None, typer.Option("--from", metavar="FORMAT", help="Format of SRC; default: detected.")]
Formats = Annotated[
    str | None,
    typer.Option("--from", metavar="FORMAT[,FORMAT...]", help="Format of all SRC, or of each; default: detected."),
]
Images = Annotated[
    str | None,
    typer.Option("--images", metavar="DIR", help="Where image files lie when apart from the annotations."),
]
ImagesOfOne = Annotated[  # refused with what to do instead: errors about a single dataset name the option
    Optional[str],  # noqa: UP045
    typer.Option("--images", metavar="DIR", hidden=True),
]
ImageFiles = Annotated[ImageFilesChoice, typer.Option("--image-files", help="What becomes of image files.")]
Classes = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--classes", metavar="FILE", help="Rename, merge, drop, order classes, fix ids (YAML, JSON, CSV)."),
]
ClassNames = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--classes", metavar="FILE", help="Names for classes of which A or B has ids alone (YAML, JSON, CSV)."
    ),
]
Colors = Annotated[
    str | None,
    typer.Option("--colors", metavar="FILE", help="Legend of colour-coded masks (JSON, CSV, labelmap.txt)."),
]
ClassName = Annotated[
    str | None,
    typer.Option("--class-name", metavar="NAME", help="Name of the class in a set without class names."),
]
Masks = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--masks", metavar="PATTERN", help='Where masks lie, as in "masks/{image}/{instance}_{class}.png".'),
]
ImagePattern = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--image-pattern", metavar="PATTERN", help='Where images lie, with --masks, as in "{split}/{image}/photo.jpg".'
    ),
]
RleOrder = Annotated[
    Optional[RleOrderChoice],  # noqa: UP045
    typer.Option("--rle-order", help="How a CSV of run lengths counts pixels: down the columns, or along the rows."),
]
RleBase = Annotated[
    Optional[int],  # noqa: UP045
    typer.Option("--rle-base", min=0, max=1, metavar="0|1", help="The number of the first pixel in a CSV of runs."),
]
Instances = Annotated[
    Optional[InstancesChoice],  # noqa: UP045
    typer.Option("--instances", help="How a semantic mask becomes instances; default: class."),
]
BoxesAsMasks = Annotated[bool, typer.Option("--boxes-as-masks", help="Fill boxes where the target holds masks.")]
Crowd = Annotated[CrowdChoice, typer.Option("--crowd", help="Crowd regions where the target has no place for them.")]
MinIou = Annotated[
    Optional[float],  # noqa: UP045
    typer.Option("--min-iou", metavar="IOU", help="Simplify polygons; every instance keeps at least this IoU."),
]
Tolerance = Annotated[
    Optional[float],  # noqa: UP045
    typer.Option("--tolerance", metavar="PX", help="Simplify polygons; outlines move by this many pixels at most."),
]
Strict = Annotated[bool, typer.Option("--strict", help="Any loss is an error, and nothing is written.")]
OnError = Annotated[OnErrorChoice, typer.Option("--on-error", help="Bad records: stop, or skip and report each.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an existing target.")]


def _writable(path: str | None) -> str | None:
    """Refused before the run, which would have written its output by the time this file is written."""
    if path is None:
        return None
    above = os.path.dirname(os.path.abspath(path))
    while not os.path.lexists(above):
        above = os.path.dirname(above)
    if os.path.isdir(path) or not os.path.isdir(above) or not os.access(above, os.W_OK):
        raise UsageError(f"--losses {path}: no file can be written there")
    return path


Losses = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--losses", metavar="FILE.json", help="Write every loss to this file.", callback=_writable),
]
Resume = Annotated[
    bool, typer.Option("--resume", help="Go on where a run with --resume was killed; the same bytes come out.")
]
MaxPixels = Annotated[int, typer.Option("--max-pixels", metavar="N", help="Refuse larger images.")]
MaxZipEntries = Annotated[int, typer.Option("--max-zip-entries", metavar="N", help="Refuse ZIP files of more entries.")]
MaxZipRatio = Annotated[
    int, typer.Option("--max-zip-ratio", metavar="N", help="Refuse ZIP files that unpack to N times their size.")
]
ItemTimeout = Annotated[
    float, typer.Option("--item-timeout", metavar="SECONDS", help="What one image may take before it is given up.")
]
MaxMemory = Annotated[
    int, typer.Option("--max-memory", metavar="MB", help="What one worker may take for an image before it is given up.")
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Errors only.")]
Report = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--report", metavar="FILE.html", help="Write a page to look at; everything is in the one file."),
]
Profile = Annotated[bool, typer.Option("--profile", help="Say on stderr which stages took how long.")]
Workers = Annotated[int | None, typer.Option("--workers", min=1, metavar="N", help="Processes; default: the cores.")]

# ---------------------------------------------------------------- options that change the dataset

Exif = Annotated[
    Optional[ExifChoice],  # noqa: UP045
    typer.Option("--exif", help="Images with an EXIF orientation: bake turns them upright; keep leaves their bytes."),
]
ExifFrame = Annotated[
    Optional[FrameChoice],  # noqa: UP045
    typer.Option(
        "--exif-frame", help="What annotations were drawn on where sizes do not tell: stored pixels, or shown picture."
    ),
]
Resize = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--resize", metavar="WxH", help="Resize images with everything drawn on them."),
]
ResizeMode = Annotated[
    Optional[ResizeModeChoice],  # noqa: UP045
    typer.Option("--resize-mode", help="stretch to the size (default), fit into it, or letterbox: fit with a margin."),
]
Scale = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--scale", metavar="F", help="Resize all images by a factor, as 0.5 or 1/3."),
]
PadValue = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--pad-value", metavar="N|R,G,B", help="Colour of the letterbox's margin; default: 114."),
]
Split = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--split",
        metavar="train=0.8,val=0.2",
        help="Split anew, stratified by class; duplicates and near duplicates stay together.",
    ),
]
Seed = Annotated[Optional[int], typer.Option("--seed", metavar="S", help="Another seed, another split.")]  # noqa: UP045
GroupBy = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--group-by", metavar="REGEX", help="Images whose names agree in what it finds go to one split."),
]
SplitFrom = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--split-from",
        metavar="FILE",
        help="Splits from lists: {train: [names], ...}, CSV image,split, or a folder of train.txt, val.txt, ...",
    ),
]
Filter = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option(
        "--filter",
        metavar="CONDITION",
        help="Keep what fits: class=a,b area>=16 (of instances); split= name=*.jpg source= width>= height>= "
        "instances>=1 (of images). Compare with = != >= <= > <; = takes several, and * and ? in names. "
        "Repeat for more; all have to hold.",
    ),
]
Tile = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--tile", metavar="WxH", help="Cut images into tiles; instances cut at edges are marked."),
]
Overlap = Annotated[
    Optional[int],  # noqa: UP045
    typer.Option("--overlap", min=0, metavar="PX", help="How much neighbouring tiles share."),
]
MergeComponents = Annotated[
    bool, typer.Option("--merge-components", help="Instances of a class that touch or overlap become one.")
]
FillHoles = Annotated[bool, typer.Option("--fill-holes", help="Fill the holes of masks.")]
MinArea = Annotated[int, typer.Option("--min-area", min=0, metavar="PX", help="Leave out instances of fewer pixels.")]
Tags = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option("--source", metavar="TAG", help="Name of each dataset, in their order; default: from their paths."),
]


def sources_and_target(paths: list[str], *, least: int) -> tuple[str | list[str], str]:
    """The datasets and the target of a command line that names the target last; UsageError for too few."""
    *sources, target = paths
    if len(sources) < least:
        what = "datasets and then where to write" if least > 1 else "a dataset and then where to write"
        raise UsageError(f"name {what}; there is only {' and '.join(paths)}")
    return (sources[0] if len(sources) == 1 else sources), target
