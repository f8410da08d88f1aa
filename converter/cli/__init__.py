"""The command line: one module a command; the only place that prints or exits."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from types import FrameType
from typing import Any, NoReturn

__all__ = ["main"]

SIGNALS = (signal.SIGINT, signal.SIGTERM)
MOMENT = 0.02  # seconds


class _Stopped(BaseException):
    """Ctrl-C or SIGTERM, raised where the program stands, so that what was staged is cleared."""

    def __init__(self, signum: int) -> None:
        self.signum = signum
        super().__init__(signum)


def main() -> NoReturn:
    """Run the command in sys.argv; exit codes: 0 done, 1 the data fell short, 2 refused, 130 and 143 interrupted."""
    _fill_standard_streams()
    _keep_stderr()
    sys.unraisablehook = _not_to_be_missed
    try:
        for signum in SIGNALS:
            signal.signal(signum, _stop)
        code = _run()
        _heed_no_more()
    except _Stopped as stopped:
        code = 128 + stopped.signum
        told = "run it again to go on" if "--resume" in sys.argv else "nothing was written"
        sys.stderr.write(f"error: interrupted; {told}\n")
    sys.exit(code)


def _fill_standard_streams() -> None:
    """Of descriptors 0, 1 and 2 those that are closed: the next file opened would be taken for one of them."""
    for fd in range(3):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    sys.stdin = sys.stdin or open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115


def _keep_stderr() -> None:
    """Libraries in C tell their troubles to descriptor 2 by themselves; what is said there is for us to say."""
    with contextlib.suppress(AttributeError, OSError, ValueError):
        mine = os.dup(sys.stderr.fileno())
        sys.stderr = open(mine, "w", buffering=1, encoding=sys.stderr.encoding, errors=sys.stderr.errors)  # noqa: SIM115
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.close(nowhere)


def _run() -> int:
    from converter.cli.app import run  # noqa: PLC0415 -- after the signals are in place

    return run(sys.argv[1:])


def _stop(signum: int, frame: FrameType | None) -> NoReturn:
    del frame
    _heed_no_more()  # to clear up takes a moment, in which people press again
    raise _Stopped(signum)


def _heed_no_more() -> None:
    for signum in SIGNALS:
        signal.signal(signum, signal.SIG_IGN)


def _not_to_be_missed(unraisable: Any) -> None:
    """A signal may meet the program where Python cannot raise, in a finaliser: then it is raised a moment later."""
    stopped = unraisable.exc_value
    if not isinstance(stopped, _Stopped):
        sys.__unraisablehook__(unraisable)
        return

    def stop(_: int, __: FrameType | None) -> NoReturn:
        raise _Stopped(stopped.signum)

    signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, MOMENT)
