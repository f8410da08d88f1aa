"""`segpack formats`."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from converter.cli import console, options

if TYPE_CHECKING:
    from converter.format import Format

__all__ = ["formats"]


def formats(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Show the page of this format.")] = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    workers: options.Workers = None,
) -> None:
    """List the formats: read, write, and what each can hold; or show the page of one."""
    from converter.formats import all_formats, get_format  # noqa: PLC0415 -- --help needs none of it

    del quiet, workers
    if name is not None:
        format = get_format(name)
        console.json_out(_entry(format) | {"page": format.page}) if json else console.out(format.page.strip())
        return
    found = [_entry(f) for f in all_formats().values()]
    if json:
        console.json_out({"formats": found})
        return
    width = max(len(str(f["name"])) for f in found)
    for entry in found:
        can = ("read" if entry["read"] else "    ") + (" write" if entry["write"] else "      ")
        console.out(f"{entry['name']:<{width}}  {can}  {entry['summary']}; holds {', '.join(entry['holds'])}")


def _entry(format: "Format") -> dict[str, Any]:
    return {
        "name": format.name,
        "read": format.reads,
        "write": format.writes,
        "summary": format.summary,
        "holds": _holds(format),
    }


def _holds(format: "Format") -> list[str]:
    holds = format.holds
    if holds.task == "semantic":
        return ["one class a pixel"]
    named = {
        "masks": holds.masks,
        "boxes": holds.boxes,
        "overlaps": holds.overlaps,
        "crowds": holds.crowd,
        "attributes": holds.attributes,
        "empty masks": holds.empty,
    }
    return [word for word, held in named.items() if held]
