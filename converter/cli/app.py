"""The commands, and what becomes of their errors."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

import typer

from converter.cli import console
from converter.errors import SegpackError
from converter.release import VERSION

__all__ = ["run"]

COMMANDS = ("convert", "pack", "merge", "check", "diff", "inspect", "preview", "formats", "schema")

# What typer raises for wrong usage; public only through one of its kinds.
UsageMistake: type[Exception] = typer.BadParameter.__mro__[1]

INTERRUPTED = 130  # what typer makes of a KeyboardInterrupt, where it does not make an Abort of it


def _app(commands: Sequence[str]) -> typer.Typer:
    """The program with these commands: each is a module, and building one that is not run takes as long."""
    app = typer.Typer(
        name="segpack",
        help="Move segmentation datasets between formats without losing a pixel, and pack them into a clean ZIP.",
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    )
    app.callback(invoke_without_command=True)(_top)
    for name in commands:
        app.command()(getattr(import_module(f"converter.cli.{name}"), name))
    return app


def _top(
    context: typer.Context,
    version: bool = typer.Option(False, "--version", help="Show the version and exit."),
) -> None:
    if version:
        console.out(f"segpack {VERSION}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        raise typer.Exit


def run(arguments: list[str]) -> int:
    """The exit code of a command line; every error is one line."""
    as_json = "--json" in arguments
    try:
        code = _call(arguments)
        sys.stdout.flush()
    except SegpackError as error:
        return console.fail(str(error), error.exit_code, as_json=as_json)
    except UsageMistake as error:
        message = error.format_message() if hasattr(error, "format_message") else str(error)
        return console.fail(" ".join(message.split()).rstrip(".") + "; see --help", 2, as_json=as_json)
    except typer.Abort:
        raise KeyboardInterrupt from None
    except (BrokenPipeError, SystemExit):  # the second is what click makes of the first
        console.mute()
        return 0
    except OSError as error:
        what = f"{error.filename}: {error.strerror}" if error.filename else error.strerror or str(error)
        return console.fail(f"{what}; see to it and run again", 2, as_json=as_json)
    except MemoryError:
        return console.fail("out of memory; run with fewer workers", 2, as_json=as_json)
    return code


def _call(arguments: list[str]) -> int:
    named = [name for name in COMMANDS if arguments[:1] == [name]]
    code = int(_app(named or COMMANDS)(arguments or ["--help"], standalone_mode=False) or 0)
    if code == INTERRUPTED:
        raise KeyboardInterrupt
    return code
