"""The command line: one module a command; the only place that prints or exits."""

from __future__ import annotations

import atexit
import contextlib
import io
import os
import signal
import sys
import threading
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn, TextIO

from converter import heap

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

__all__ = ["main", "program"]

# numpy starts a thread for every other processor, and none is ever given anything to do.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

SIGNALS = [signal.SIGINT, signal.SIGTERM]
if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
    SIGNALS.append(signal.SIGHUP)  # the terminal is closed, and nobody has said nohup
MOMENT = 0.02  # seconds


class _Stopped(BaseException):
    """Ctrl-C, SIGTERM or SIGHUP, raised where the program stands, so that what was staged is cleared."""

    raised = False

    def __init__(self, signum: int) -> None:
        _Stopped.raised = True
        self.signum = signum
        super().__init__(signum)


def main() -> NoReturn:
    """Run the command in sys.argv; exit codes: 0 done, 1 the data fell short, 2 refused, 128 and more interrupted."""
    _fill_standard_streams()
    _own_streams()
    sys.unraisablehook = _not_to_be_missed
    heap.keep()
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


def program() -> NoReturn:
    """As `main`, for a process that is there for nothing else.

    Where nothing else runs it ends at once: to free millions of objects one by one, right
    before their memory goes anyway, takes a tenth of a short run.
    """
    try:
        main()
    except SystemExit as end:
        if not isinstance(end.code, int) or _is_watched():
            raise
        atexit._run_exitfuncs()  # noqa: SLF001 -- nothing public runs them
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(end.code)


def _is_watched() -> bool:
    """Whether a thread is still at work, or a profiler or debugger has yet to say what it saw."""
    return threading.active_count() > 1 or sys.getprofile() is not None or sys.gettrace() is not None


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


def _own_streams() -> None:
    """What is printed goes through streams that know what they are when the system takes no more.

    Libraries in C tell their troubles to descriptor 2 by themselves: they get nowhere, as what
    is said there is for us to say. A process without descriptors of its own keeps what it has.
    """
    with contextlib.suppress(AttributeError, OSError, ValueError):
        sys.stdout = _text(_Output(sys.stdout.fileno(), "w", closefd=False), sys.stdout, buffered=True)
        sys.stderr = _text(_Messages(os.dup(sys.stderr.fileno()), "w"), sys.stderr, buffered=False)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.close(nowhere)


def _text(raw: io.FileIO, like: TextIO, *, buffered: bool) -> TextIO:
    """A stream as another one; letters that its encoding lacks are written as escapes and not refused."""
    errors = "backslashreplace" if like.errors == "strict" else like.errors
    line_by_line = not buffered or raw.isatty()
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding=like.encoding, errors=errors, line_buffering=line_by_line)


class _Output(io.FileIO):
    """Standard output: what cannot be written there is an error with a name, once; the rest is dropped."""

    failed = False

    def write(self, data: ReadableBuffer, /) -> int:
        try:
            return memoryview(data).nbytes if self.failed else super().write(data)
        except BrokenPipeError:
            raise
        except OSError as error:
            self.failed = True
            raise OSError(error.errno, error.strerror, "standard output") from None


class _Messages(io.FileIO):
    """Standard error: what cannot be said there cannot be said at all, and the run goes on."""

    def write(self, data: ReadableBuffer, /) -> int:
        try:
            return super().write(data)
        except OSError:
            return memoryview(data).nbytes


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
    """A signal may meet the program where Python cannot raise, in a finaliser: then it is raised a moment later.

    It may also leave an object half-made, whose finaliser then fails: that is no news.
    """
    stopped = unraisable.exc_value
    if not isinstance(stopped, _Stopped):
        if not _Stopped.raised:
            sys.__unraisablehook__(unraisable)
        return

    def stop(_: int, __: FrameType | None) -> NoReturn:
        raise _Stopped(stopped.signum)

    signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, MOMENT)
