"""The command line: one module a command; the only place that prints or exits."""

from __future__ import annotations

import signal
import sys
from types import FrameType
from typing import NoReturn

__all__ = ["main"]


class _Terminated(BaseException):
    """SIGTERM, raised where the program stands, so that what was staged is cleared."""


def _terminate(signum: int, frame: FrameType | None) -> NoReturn:
    del signum, frame
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise _Terminated


def main() -> NoReturn:
    """Run the command in sys.argv; exit codes: 0 done, 1 the data fell short, 2 refused, 130 and 143 interrupted."""
    signal.signal(signal.SIGTERM, _terminate)
    try:
        code = _run()
    except KeyboardInterrupt:
        code = _stopped(130)
    except _Terminated:
        code = _stopped(143)
    sys.exit(code)


def _stopped(code: int) -> int:
    sys.stderr.write("error: interrupted; nothing was written\n")
    return code


def _run() -> int:
    from converter.cli.app import run  # noqa: PLC0415 -- after the signals are in place

    return run(sys.argv[1:])
