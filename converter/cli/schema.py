"""`segpack schema`."""

from enum import StrEnum
from typing import Annotated

import typer

from converter.cli import console, options

__all__ = ["schema"]


class SchemaChoice(StrEnum):
    meta = "meta"


def schema(
    which: Annotated[SchemaChoice, typer.Argument(metavar="meta", help="The file whose schema to show.")],
    json: options.Json = False,
    quiet: options.Quiet = False,
    workers: options.Workers = None,
) -> None:
    """Print the JSON Schema of meta.json."""
    from converter.package.meta import schema as schema_of_meta  # noqa: PLC0415 -- --help needs none of it

    del which, json, quiet, workers
    console.json_out(schema_of_meta())
