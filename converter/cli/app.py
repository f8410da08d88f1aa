"""The commands, and what becomes of their errors."""

from __future__ import annotations

import os
import sys

import typer

from converter.cli import console
from converter.cli.check import check
from converter.cli.convert import convert
from converter.cli.diff import diff
from converter.cli.formats import formats
from converter.cli.inspect import inspect
from converter.cli.merge import merge
from converter.cli.pack import pack
from converter.cli.preview import preview
from converter.cli.schema import schema
from converter.errors import SegpackError

__all__ = ["app", "run"]

# What typer raises for wrong usage; public only through one of its kinds.
UsageMistake: type[Exception] = typer.BadParameter.__mro__[1]

INTERRUPTED = 130  # what typer makes of a KeyboardInterrupt, where it does not make an Abort of it

app = typer.Typer(
    name="segpack",
    help="Move segmentation datasets between formats without losing a pixel, and pack them into a clean ZIP.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
for command in (convert, pack, merge, check, diff, inspect, preview, formats, schema):
    app.command()(command)


@app.callback(invoke_without_command=True)
def _top(
    context: typer.Context,
    version: bool = typer.Option(False, "--version", help="Show the version and exit."),
) -> None:
    if version:
        from importlib.metadata import version as installed  # noqa: PLC0415

        console.out(f"segpack {installed('segpack')}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        raise typer.Exit


def run(arguments: list[str]) -> int:
    """The exit code of a command line; every error is one line."""
    as_json = "--json" in arguments
    try:
        return _call(arguments)
    except SegpackError as error:
        return console.fail(str(error), error.exit_code, as_json=as_json)
    except UsageMistake as error:
        message = error.format_message() if hasattr(error, "format_message") else str(error)
        return console.fail(" ".join(message.split()) + "; see --help", 2, as_json=as_json)
    except typer.Abort:
        raise KeyboardInterrupt from None
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        what = f"{error.filename}: {error.strerror}" if error.filename else error.strerror or str(error)
        return console.fail(f"{what}; see to it and run again", 2, as_json=as_json)
    except MemoryError:
        return console.fail("out of memory; run with fewer workers", 2, as_json=as_json)


def _call(arguments: list[str]) -> int:
    code = int(app(arguments, standalone_mode=False) or 0)
    if code == INTERRUPTED:
        raise KeyboardInterrupt
    return code
