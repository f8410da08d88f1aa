"""Options that several commands share."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Optional

import typer

__all__ = [
    "BoxesAsMasks",
    "ClassName",
    "Classes",
    "Colors",
    "Crowd",
    "CrowdChoice",
    "Format",
    "ImageFiles",
    "ImageFilesChoice",
    "Images",
    "Instances",
    "InstancesChoice",
    "Json",
    "Losses",
    "Masks",
    "MinIou",
    "OnError",
    "OnErrorChoice",
    "Overwrite",
    "Quiet",
    "Source",
    "Strict",
    "Tolerance",
    "Workers",
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


class OnErrorChoice(StrEnum):
    stop = "stop"
    skip = "skip"


Source = Annotated[str, typer.Argument(metavar="SRC", help="Folder, annotation file or .zip (read in place).")]
Format = Annotated[str | None, typer.Option("--from", metavar="FORMAT", help="Format of SRC; default: detected.")]
Images = Annotated[
    str | None,
    typer.Option("--images", metavar="DIR", help="Where image files lie when apart from the annotations."),
]
ImageFiles = Annotated[ImageFilesChoice, typer.Option("--image-files", help="What becomes of image files.")]
Classes = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--classes", metavar="FILE", help="Rename, merge, drop, order classes, fix ids (YAML, JSON, CSV)."),
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
Losses = Annotated[
    Optional[str], typer.Option("--losses", metavar="FILE.json", help="Write every loss to this file.")  # noqa: UP045
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Errors only.")]
Workers = Annotated[int | None, typer.Option("--workers", min=1, metavar="N", help="Processes; default: the cores.")]
