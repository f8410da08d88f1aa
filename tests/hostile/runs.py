"""Runs of segpack, each in a process of its own, measured and, when asked for, killed.

A server process imports the program once and forks for every run: a run takes what it takes a
user less the imports, and a traceback, a signal, a hang or a gigabyte cannot hide in the
process of the tests.

    python -m tests.hostile.runs       the server; a request a line, an answer a line
"""

from __future__ import annotations

import json
import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["ORDINARY_USER", "Run", "Server"]

REPOSITORY = Path(__file__).resolve().parents[2]
TICK = 0.002
STOPPING = (signal.SIGINT, signal.SIGTERM)
ORDINARY_USER = "from tests.hostile.runs import drop_capabilities; drop_capabilities()"


class Run(NamedTuple):
    """How a run ended: exit code (negative: the signal it died of), what it printed, what it took."""

    code: int
    out: str
    err: str
    seconds: float
    memory_mb: float
    timed_out: bool
    pid: int = 0

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Server:
    """Runs commands one after another; `with` ends the server."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.hostile.runs"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=REPOSITORY,
            text=True,
        )

    def run(
        self,
        arguments: Sequence[str | os.PathLike[str]],
        *,
        seconds: float = 60,
        signal_after: tuple[float, int] | None = None,
        cwd: Path | None = None,
        env: dict[str, str] | None = None,
        prepare: str = "",
    ) -> Run:
        """`segpack ARGUMENTS`. `signal_after`: seconds, and the signal that is sent to the run then.

        `prepare` is Python that the run executes first, to put a fault in its way.
        """
        out, err = self.folder / "run.out", self.folder / "run.err"
        request = {
            "arguments": [os.fspath(a) for a in arguments],
            "out": str(out),
            "err": str(err),
            "seconds": seconds,
            "signal_after": signal_after,
            "cwd": str(cwd or self.folder),
            "env": env or {},
            "prepare": prepare,
        }
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        printed, told = (p.read_bytes().decode("utf-8", "surrogateescape") for p in (out, err))
        return Run(
            answer["code"], printed, told, answer["seconds"], answer["memory_mb"], answer["timed_out"], answer["pid"]
        )

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()


# ---------------------------------------------------------------- in the server


def serve() -> None:
    """Answer requests until stdin ends."""
    import converter.api
    import converter.cli.app
    import converter.formats

    converter.formats.all_formats()
    for line in sys.stdin:
        request = json.loads(line)
        signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
        began = time.monotonic()
        pid = os.fork()
        if pid == 0:
            become(request)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)
        code, memory, timed_out = watch(pid, request, began)
        answer = {
            "pid": pid,
            "code": code,
            "seconds": time.monotonic() - began,
            "memory_mb": memory,
            "timed_out": timed_out,
        }
        print(json.dumps(answer), flush=True)


def become(request: dict[str, Any]) -> None:
    """In the fork: the command itself, in a session of its own, without the server's pipes."""
    os.setsid()
    for number, path in ((0, os.devnull), (1, request["out"]), (2, request["err"])):
        fd = os.open(path, os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(fd, number)
        os.close(fd)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 -- for as long as the process lives
    os.chdir(request["cwd"])
    os.environ.update(request["env"])
    sys.argv = ["segpack", *request["arguments"]]
    from converter import cli

    run = cli._run

    def begun() -> int:
        """Signals meet a run that answers to them, however long the fork had to wait for a processor."""
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)
        return run()

    cli._run = begun
    try:
        if request["prepare"]:
            exec(request["prepare"], {})
        cli.main()
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else 1
    except BaseException:  # noqa: BLE001 -- whatever it is, the judge is to see it
        import traceback

        traceback.print_exc()
        code = 99
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)


def drop_capabilities() -> None:
    """Be bound by permissions, as root is not: for what an ordinary user would meet."""
    import ctypes

    header = struct.pack("=Ii", 0x20080522, 0)  # linux/capability.h, version 3
    if ctypes.CDLL(None, use_errno=True).capset(header, bytes(24)) != 0:
        raise OSError(ctypes.get_errno(), "capset")


def watch(pid: int, request: dict[str, Any], began: float) -> tuple[int, float, bool]:
    """Wait for a run, signalling it when that is asked for and ending it when its time is up."""
    after = request["signal_after"]
    timed_out = False
    while True:
        found, status, usage = os.wait4(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status), usage.ru_maxrss / 1024, timed_out
        now = time.monotonic() - began
        if after and now >= after[0]:
            os.kill(pid, after[1])
            after = None
        if now > request["seconds"]:
            timed_out = True
            os.killpg(pid, signal.SIGKILL)
        time.sleep(TICK)


if __name__ == "__main__":
    serve()
