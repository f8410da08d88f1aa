"""`segpack check`."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from converter.cli import console, options

if TYPE_CHECKING:
    from converter.model import Finding
    from converter.pipeline.checking import CheckReport

__all__ = ["check"]

EXAMPLES = 3


class FailOnChoice(StrEnum):
    error = "error"
    warning = "warning"
    never = "never"


def check(
    source: options.Source,
    sample: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("--sample", min=1, metavar="N", help="Check N images, chosen at random; default: all."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", metavar="S", help="Seed of the sample.")] = 0,
    fail_on: Annotated[
        FailOnChoice, typer.Option("--fail-on", help="Findings that make the exit code 1.")
    ] = FailOnChoice.error,
    report_file: options.Report = None,
    format: options.Format = None,
    images: options.Images = None,
    classes: options.Classes = None,
    colors: options.Colors = None,
    class_name: options.ClassName = None,
    masks: options.Masks = None,
    image_pattern: options.ImagePattern = None,
    rle_order: options.RleOrder = None,
    rle_base: options.RleBase = None,
    on_error: options.OnError = options.OnErrorChoice.skip,
    max_pixels: options.MaxPixels = 100_000_000,
    max_zip_entries: options.MaxZipEntries = 2_000_000,
    max_zip_ratio: options.MaxZipRatio = 200,
    json: options.Json = False,
    quiet: options.Quiet = False,
    workers: options.Workers = None,
    profile: options.Profile = False,
) -> None:
    """Check a dataset before training: alignment, values, classes, overlaps, files, leaks."""
    from converter import api  # noqa: PLC0415 -- --help needs none of it

    with console.profiled(wanted=profile):
        report = api.check(
            source,
            sample=sample,
            seed=seed,
            fail_on=fail_on.value,
            report=report_file,
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
        console.json_out(report)
    elif not quiet:
        console.tell((), report.notes)
        for line in lines(report):
            console.out(line)
    if not report.ok and fail_on is not FailOnChoice.never:
        raise typer.Exit(1)


def lines(report: "CheckReport") -> list[str]:
    """The report as a person reads it: the verdict, then a group for each code, the worst first."""
    groups: dict[str, list[Finding]] = {}
    for each in report.findings:
        groups.setdefault(each.code, []).append(each)
    found = [_verdict(report)]
    severity = ""
    for code, mine in groups.items():
        if mine[0].severity != severity:
            severity = mine[0].severity
            found += ["", severity if severity == "info" else f"{severity}s"]
        found += _group(code, mine)
    found += _sources(report)
    return [_printable(line) for line in found]


def _verdict(report: "CheckReport") -> str:
    if report.stopped:
        return f"{report.source}: {report.stopped}"
    severities = [f.severity for f in report.findings]
    counted = [
        f"{severities.count(s):,} {s}{'s' if s != 'info' and severities.count(s) != 1 else ''}"
        for s in ("error", "warning", "info")
        if s in severities
    ]
    part = f"{report.images_checked:,} of {report.images_total:,}"
    images = f"{report.images_total:,}" if report.images_checked == report.images_total else part
    word = "not ready" if "error" in severities else "look at the warnings" if "warning" in severities else "ready"
    if not report.images_checked and word == "ready":
        word = "there is no image in it"
    return f"{report.source}: {word}: {', '.join(counted) or 'nothing to say'} ({report.format}, {images} images)"


def _group(code: str, mine: list["Finding"]) -> list[str]:
    count = f" ({len(mine):,})" if len(mine) > 1 else ""
    found = [f"  {code}{count}"]
    found += [f"    {_example(each)}" for each in mine[:EXAMPLES]]
    if len(mine) > EXAMPLES:
        found.append(f"    ... and {len(mine) - EXAMPLES:,} more (--json lists them)")
    return [*found, f"    fix: {mine[0].fix}"]


def _example(each: "Finding") -> str:
    image, instance, file = (each.where.get(k) for k in ("image", "instance", "file"))
    where = [str(image)] if image else []
    where += [f"instance {instance}"] if instance is not None else []
    where += [str(file)] if file and file != image and not str(file).endswith(f"/{image}") else []
    return f"{', '.join(where)}: {each.message}" if where else each.message


def _sources(report: "CheckReport") -> list[str]:
    """A table of the sets that were merged, and what they differ in most."""
    from converter.checks.sources import UNTAGGED, shown  # noqa: PLC0415

    if not report.sources:
        return []
    rows: list[tuple[str, ...]] = [
        ("source", "images", "instances", "brightness", "contrast", "sharpness", "object size")
    ]
    for s in report.sources:
        measured = (shown(x) for x in (s.brightness, s.contrast, s.sharpness, s.object_size))
        rows.append((s.source or UNTAGGED, f"{s.images:,}", f"{s.instances:,}", *measured))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True))])
        for row in rows
    ]
    return ["", "sources", *(f"  {line}" for line in lines), f"  {report.source_differences}"]


def _printable(line: str) -> str:
    from converter.errors import printable  # noqa: PLC0415

    return printable(line)
