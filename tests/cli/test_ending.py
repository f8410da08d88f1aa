"""How the program ends: when it is done, and when it is interrupted."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tests.support import FIXTURES, ROOT

TORTURE = FIXTURES / "instance-png/valid/torture"


ENDING = """
import atexit, os, sys, threading, time
from converter.cli import program
def leave(code, leave=os._exit):
    os.write(1, b"at once\\n")
    leave(code)
os._exit = leave
atexit.register(print, "at exit")
exec(sys.argv.pop())
sys.argv[1:] = ["--version"]
program()
"""
THREAD = "threading.Thread(target=time.sleep, args=[60], daemon=True).start()"
PROFILER = "sys.setprofile(lambda *_: None)"


@pytest.mark.parametrize(("prepare", "last"), [("pass", ["at exit", "at once"]), (THREAD, []), (PROFILER, [])])
def test_the_end_is_short_unless_somebody_has_yet_to_speak(prepare, last) -> None:
    command = [sys.executable, "-c", ENDING, prepare]
    found = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    version, *rest = found.stdout.splitlines()
    assert (version.split()[0], found.stderr) == ("segpack", "")
    assert rest == (last or ["at exit"])


def test_all_that_was_printed_arrives() -> None:
    found = subprocess.run(
        [sys.executable, "-m", "converter", "schema", "meta"], capture_output=True, check=True, cwd=ROOT
    )
    assert json.loads(found.stdout)["$schema"]


HALF_MADE = """
import gc, os, signal, sys
from converter import cli
class HalfMade:
    def __init__(self):
        self.me = self
        os.kill(os.getpid(), signal.SIGINT)
        self.key = 1
    def __del__(self):
        del self.key
def run():
    HalfMade()
cli._run = run
try:
    cli.main()
finally:
    gc.collect()
"""


def test_what_a_signal_leaves_half_made_goes_without_a_word() -> None:
    found = subprocess.run([sys.executable, "-c", HALF_MADE], capture_output=True, text=True, check=False, timeout=60)
    assert (found.returncode, found.stderr) == (130, "error: interrupted; nothing was written\n")


@pytest.fixture
def hung_up() -> Iterator[None]:
    """SIGHUP means what it does in a terminal, also where the tests run under nohup: children inherit that."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("hung_up")
@pytest.mark.parametrize("ignored", [True, False])
def test_a_closed_terminal_is_heeded_unless_nohup_was_said(ignored: bool) -> None:
    said = "signal.signal(signal.SIGHUP, signal.SIG_IGN)" if ignored else "pass"
    program = f"import signal; {said}; import converter.cli as cli; print(signal.SIGHUP in cli.SIGNALS)"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout == f"{not ignored}\n"


@pytest.mark.usefixtures("hung_up")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_an_interrupt_leaves_nothing(number, code, tmp_path):
    many = tmp_path / "many"
    for i in range(60):
        for drawing in ("noise", "spiral", "checkerboard"):
            shutil.copytree(TORTURE / "masks" / drawing, many / "masks" / f"{drawing}-{i}")
            (many / "images").mkdir(exist_ok=True)
            shutil.copy(TORTURE / f"images/{drawing}.png", many / f"images/{drawing}-{i}.png")
    (tmp_path / "target").mkdir()
    command = [sys.executable, "-m", "converter", "pack", many, tmp_path / "target/out.zip", "--yolo", "seg"]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 30
    while not os.listdir(tmp_path / "target") and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    time.sleep(0.2)  # until it is at work
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == code
    assert errors == "error: interrupted; nothing was written\n"
    assert os.listdir(tmp_path / "target") == []
