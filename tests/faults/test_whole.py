"""Outputs appear whole: whatever stops a run, what was there before is intact, and the next run succeeds."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from tests.faults.sets import content, make_set, processes_of
from tests.hostile.judging import snapshot
from tests.hostile.runs import ORDINARY_USER, Run, Server

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks and reads /proc")

MOMENTS = 20 if os.environ.get("SEGPACK_SLOW") == "1" else 5
ALWAYS = ["--item-timeout", "60", "--workers", "2"]  # workers from the first image on


class Task(NamedTuple):
    """A command, and what its target is called."""

    command: Sequence[str]
    name: str

    def run(self, server: Server, source: Path, folder: Path, *more: str, **how: object) -> Run:
        command = [self.command[0], source, folder / self.name, *self.command[1:], *ALWAYS, *more]
        return server.run(command, **how)  # type: ignore[arg-type]


TASKS = {
    "folder": Task(["convert", "--to", "instance-png"], "out"),
    "zip": Task(["convert", "--to", "coco"], "out.zip"),
    "pack": Task(["pack"], "out.zip"),
}


class Reference(NamedTuple):
    content: dict[str, bytes]
    seconds: float


@pytest.fixture(scope="module")
def reference(server: Server, source: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Reference]:
    """What an undisturbed run of a task writes, and how long it takes."""
    known: dict[str, Reference] = {}

    def of(name: str) -> Reference:
        if name not in known:
            folder = tmp_path_factory.mktemp(name)
            run = TASKS[name].run(server, source, folder)
            assert run.code == 0, run.err
            known[name] = Reference(content(folder / TASKS[name].name), run.seconds)
        return known[name]

    return of


def no_leftovers(folder: Path, *names: str) -> None:
    assert sorted(os.listdir(folder)) == sorted(names)


def gone(run: Run) -> bool:
    """Whether no process of the run is left, after a moment."""
    for _ in range(100):
        if not processes_of(run.pid):
            return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=["kill", "term", "int"])
@pytest.mark.parametrize("task", TASKS)
def test_stopped_at_any_moment(
    task: str, how: signal.Signals, server: Server, source: Path, tmp_path: Path, reference: Callable[[str], Reference]
) -> None:
    whole, seconds = reference(task)
    target = tmp_path / TASKS[task].name
    before = snapshot(source)
    moments = random.Random(f"{task} {how}")
    for moment in range(MOMENTS):
        run = TASKS[task].run(server, source, tmp_path, signal_after=(moments.uniform(0, seconds), how))
        assert "Traceback" not in run.err, run.err
        assert gone(run), "a worker outlived its run"
        assert snapshot(source) == before
        if target.exists():
            assert content(target) == whole
        if how != signal.SIGKILL:
            assert run.code in {0, 128 + how}, run.err
            no_leftovers(tmp_path, *([target.name] if target.exists() else []))
        if target.exists():
            target.rename(tmp_path.parent / f"{task}-{how}-{moment}")
    assert TASKS[task].run(server, source, tmp_path).code == 0
    assert content(target) == whole
    no_leftovers(tmp_path, target.name)


@pytest.mark.parametrize("task", TASKS)
def test_an_earlier_target_stays_until_the_new_one_is_whole(
    task: str, server: Server, source: Path, tmp_path: Path, reference: Callable[[str], Reference]
) -> None:
    whole, seconds = reference(task)
    target = tmp_path / TASKS[task].name
    other = make_set(tmp_path / "other", images=2)
    assert TASKS[task].run(server, other, tmp_path).code == 0
    earlier = content(target)
    moments = random.Random(task)
    for _ in range(MOMENTS):
        after = (moments.uniform(0, seconds * 1.1), signal.SIGKILL)
        run = TASKS[task].run(server, source, tmp_path, "--overwrite", signal_after=after)
        assert gone(run), "a worker outlived its run"
        assert content(target) in (earlier, whole)
    assert TASKS[task].run(server, source, tmp_path, "--overwrite").code == 0
    assert content(target) == whole
    no_leftovers(tmp_path, "other", target.name)


FULL = """
import errno, os
calls = 0
def failing(real):
    def write(*arguments):
        global calls
        calls += 1
        if calls >= {n}:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(*arguments)
    return write
from converter.storage import folder_writer, zip_writer
folder_writer._write_all = failing(folder_writer._write_all)
zip_writer.os = type("os", (), dict(vars(os), pwrite=failing(os.pwrite)))
"""


@pytest.mark.parametrize("n", [1, 2, 5, 17, 40])
@pytest.mark.parametrize("task", TASKS)
def test_a_full_disk_is_one_line(task: str, n: int, server: Server, source: Path, tmp_path: Path) -> None:
    run = TASKS[task].run(server, source, tmp_path, prepare=FULL.format(n=n))
    assert run.code == 2, run.err
    assert run.err.count("\n") == 1
    assert "no space is left" in run.err
    no_leftovers(tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")
@pytest.mark.parametrize("task", TASKS)
def test_a_small_file_system(task: str, server: Server, source: Path, tmp_path: Path) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    if os.system(f"mount -t tmpfs -o size=120k tmpfs {folder} 2>/dev/null") != 0:
        pytest.skip("this machine does not let root mount")
    try:
        run = TASKS[task].run(server, source, folder)
        assert run.code == 2, run.err
        assert run.err.count("\n") == 1
        assert "no space is left" in run.err
        no_leftovers(folder)
    finally:
        os.system(f"umount {folder}")


NO_TMPDIR = """
import os, tempfile
from converter.storage import spool
spool.IN_MEMORY = 1
tempfile.tempdir = os.environ["TMPDIR"] = "/nowhere"
"""


@pytest.mark.parametrize("task", TASKS)
def test_what_waits_for_its_turn_lies_where_the_output_is_made(
    task: str, server: Server, source: Path, tmp_path: Path, reference: Callable[[str], Reference]
) -> None:
    """Neither the place for temporary files nor its size is anything the user was asked for."""
    run = TASKS[task].run(server, source, tmp_path, prepare=NO_TMPDIR)
    assert run.code == 0, run.err
    assert content(tmp_path / TASKS[task].name) == reference(task).content
    no_leftovers(tmp_path, TASKS[task].name)


@pytest.mark.parametrize("task", TASKS)
def test_a_target_that_may_not_be_written(task: str, server: Server, source: Path, tmp_path: Path) -> None:
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o555)
    prepare = ORDINARY_USER if os.geteuid() == 0 else ""
    run = TASKS[task].run(server, source, folder, prepare=prepare)
    assert (run.code, run.err.count("\n")) == (2, 1), run.err
    assert "permission denied" in run.err
    no_leftovers(folder)


VANISH = """
import shutil
from converter.pipeline import writing
draw = writing.draw
def vanishing(plan, item, *more):
    if item.image.name == "00020.png":
        shutil.rmtree("{folder}")
    return draw(plan, item, *more)
writing.draw = vanishing
"""


@pytest.mark.parametrize("task", TASKS)
def test_a_target_that_vanishes(task: str, server: Server, source: Path, tmp_path: Path) -> None:
    folder = tmp_path / "away"
    folder.mkdir()
    run = TASKS[task].run(server, source, folder, "--workers", "1", prepare=VANISH.format(folder=folder))
    assert (run.code, run.err.count("\n")) == (2, 1), run.err
    assert not folder.exists()


REPLACE = """
import os
from converter.pipeline import writing
draw = writing.draw
def replacing(plan, item, *more):
    if item.image.name == "00030.png":
        os.replace("{new}", "{old}")
    return draw(plan, item, *more)
writing.draw = replacing
"""


@pytest.mark.parametrize("task", TASKS)
def test_a_source_that_changes_while_it_is_read(task: str, server: Server, tmp_path: Path) -> None:
    source = make_set(tmp_path / "set", images=40)
    old = source / "images/00002.png"
    (tmp_path / "new.png").write_bytes(old.read_bytes())
    run = TASKS[task].run(server, source, tmp_path, prepare=REPLACE.format(new=tmp_path / "new.png", old=old))
    assert run.code == 2, run.err
    assert "00002.png: was changed while it was read" in run.err
    no_leftovers(tmp_path, "set")


DIE = """
import os
from converter.pipeline import writing
draw = writing.draw
def dying(plan, item, *more):
    if item.image.name == "00013.png":
        os.kill(os.getpid(), 9)
    return draw(plan, item, *more)
writing.draw = dying
"""


@pytest.mark.parametrize("task", TASKS)
def test_a_worker_that_is_killed_costs_its_image(task: str, server: Server, source: Path, tmp_path: Path) -> None:
    run = TASKS[task].run(server, source, tmp_path, prepare=DIE)
    assert (run.code, run.err.count("\n")) == (2, 1), run.err
    assert "00013.png: makes the process that reads it die (SIGKILL)" in run.err
    no_leftovers(tmp_path)
    run = TASKS[task].run(server, source, tmp_path, "--on-error", "skip", "--json", prepare=DIE)
    assert run.code == 0, run.err
    assert run.json["images"] == 39
    assert run.json["losses"] == {"skipped-image": 1}
    assert "00013.png" in run.err


DIE_EARLY = """
import os
from converter.pipeline import {module}
call = {module}.{name}.__call__
def dying(self, item):
    if item.image.name == "00001.png":
        os.kill(os.getpid(), 9)
    return call(self, item)
{module}.{name}.__call__ = dying
"""


def test_a_check_names_the_image_that_no_process_survives(server: Server, source: Path) -> None:
    run = server.run(["check", source, "--json"], prepare=DIE_EARLY.format(module="looking", name="Look"))
    assert run.code == 1, run.err
    (found,) = (f for f in run.json["findings"] if f["code"] == "unreadable-image")
    assert found["where"]["image"] == "00001.png"
    assert "makes the process that reads it die (SIGKILL)" in found["message"]


def test_what_is_looked_at_before_splitting_may_die_as_well(server: Server, source: Path, tmp_path: Path) -> None:
    command = ["convert", str(source), str(tmp_path / "out"), "--to", "coco", "--split", "train=0.5,val=0.5", "--json"]
    prepare = DIE_EARLY.format(module="preparing", name="_Survey") + DIE.replace("00013", "00001")
    run = server.run([*command, "--on-error", "skip"], prepare=prepare)
    assert run.code == 0, run.err
    assert run.json["images"] == 39
    assert run.json["losses"] == {"skipped-image": 1}


def test_a_limit_that_is_asked_for_holds_from_the_first_image_on(server: Server, tmp_path: Path) -> None:
    source = make_set(tmp_path / "set", images=2)
    eat = DIE.replace("00013", "00001").replace("os.kill(os.getpid(), 9)", "bytearray(1 << 30)")
    run = server.run(["convert", source, tmp_path / "out", "--to", "coco", "--max-memory", "300"], prepare=eat)
    assert (run.code, run.err.count("\n")) == (2, 1), run.err
    assert "00001.png: takes more memory than a worker has (--max-memory)" in run.err


DECODER_DIES = """
import os
from PIL import Image
Image.Image.load = lambda image: os.kill(os.getpid(), 11)
"""


@pytest.mark.parametrize(
    "command",
    [
        "convert {source} {out} --to coco",
        "convert {source} {out} --to coco --resize 20x20",
        "convert {source} {out}.zip --to semantic-png --workers 1",
        "pack {source} {out}.zip",
        "preview {source} {out}.png",
        "inspect {source}",
        "diff {source} {source}",
    ],
)
def test_a_decoder_that_crashes_takes_no_run_with_it(command: str, server: Server, tmp_path: Path) -> None:
    source = label_maps_in_tiff(tmp_path / "set")
    words = [word.format(source=source, out=tmp_path / "out") for word in command.split()]
    assert server.run(words).code == 0
    for made in tmp_path.glob("out*"):
        shutil.rmtree(made) if made.is_dir() else made.unlink()
    run = server.run(words, prepare=DECODER_DIES)
    assert (run.code, run.err.count("\n")) == (2, 1), run.err
    assert "makes the process that reads it die (SIGSEGV)" in run.err
    assert not list(tmp_path.glob("out*"))
    no_leftovers(tmp_path, "set")


def label_maps_in_tiff(folder: Path) -> Path:
    for name in ("images/1.png", "images/2.png", "masks/1.tif", "masks/2.tif"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.eye(30, dtype=np.uint8)).save(folder / name)
    return folder


@pytest.mark.parametrize("task", TASKS)
def test_two_runs_at_once(
    task: str, server: Server, source: Path, tmp_path: Path, reference: Callable[[str], Reference]
) -> None:
    (tmp_path / "to").mkdir()
    (tmp_path / "log").mkdir()
    runs: list[Run] = []
    with Server(tmp_path / "log") as second:
        threads = [
            threading.Thread(target=lambda s=s: runs.append(TASKS[task].run(s, source, tmp_path / "to")))
            for s in (server, second)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(run.code for run in runs) == [0, 2], [run.err for run in runs]
    assert "exists" in next(run.err for run in runs if run.code)
    assert content(tmp_path / "to" / TASKS[task].name) == reference(task).content
    no_leftovers(tmp_path / "to", TASKS[task].name)


# ---------------------------------------------------------------- --resume


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM], ids=["kill", "term"])
@pytest.mark.parametrize("task", TASKS)
def test_a_run_goes_on_where_it_was_killed(
    task: str, how: signal.Signals, server: Server, source: Path, tmp_path: Path, reference: Callable[[str], Reference]
) -> None:
    whole, seconds = reference(task)
    target = tmp_path / TASKS[task].name
    journal = tmp_path / f".{target.name}.segpack-kept.journal"
    grown = [0]
    for fraction in (0.3, 0.5, 0.4, 0.6, 0.9):
        run = TASKS[task].run(server, source, tmp_path, "--resume", signal_after=(fraction * seconds, how))
        if run.code == 0 or target.exists():  # the signal may come when all is in place: judged whole below
            break
        grown.append(journal.stat().st_size if journal.exists() else 0)
    assert grown == sorted(grown), "what was done is lost"
    if not target.exists():
        assert TASKS[task].run(server, source, tmp_path, "--resume").code == 0
    assert content(target) == whole
    TASKS[task].run(server, source, tmp_path)  # refused, as the target is there, and clears what was left
    no_leftovers(tmp_path, target.name)


COUNT = """
from converter.pipeline import writing
draw = writing.draw
def counting(plan, item, *more):
    with open("{log}", "a") as log:
        log.write(item.image.name + "\\n")
    return draw(plan, item, *more)
writing.draw = counting
"""
STOP = """
import os
from converter.storage.journal import Journal
add = Journal.add
added = 0
def stopping(self, value):
    global added
    add(self, value)
    added += 1
    if added == 25:
        os.write(self._fd, b"half a record")
        os.kill(os.getpid(), 9)
Journal.add = stopping
"""


@pytest.mark.parametrize("task", TASKS)
def test_what_was_done_is_not_done_again(
    task: str, server: Server, source: Path, tmp_path: Path, reference: Callable[[str], Reference]
) -> None:
    folder, log = tmp_path / "to", tmp_path / "log"
    folder.mkdir()
    assert TASKS[task].run(server, source, folder, "--resume", prepare=STOP).code == -9
    run = TASKS[task].run(server, source, folder, "--resume", prepare=COUNT.format(log=log))
    assert run.code == 0, run.err
    assert len(set(log.read_text(encoding="ascii").split())) == 15
    assert content(folder / TASKS[task].name) == reference(task).content


@pytest.mark.parametrize("task", TASKS)
def test_another_run_does_not_go_on_with_it(task: str, server: Server, tmp_path: Path) -> None:
    source = make_set(tmp_path / "set", images=40)
    folder = tmp_path / "to"
    folder.mkdir()
    assert TASKS[task].run(server, source, folder, "--resume", prepare=STOP).code == -9
    image = source / "images/00001.png"
    image.write_bytes((source / "images/00002.png").read_bytes())
    os.utime(image, (1, 1))
    assert TASKS[task].run(server, source, folder, "--resume").code == 0
    (tmp_path / "fresh").mkdir()
    assert TASKS[task].run(server, source, tmp_path / "fresh").code == 0
    assert content(folder / TASKS[task].name) == content(tmp_path / "fresh" / TASKS[task].name)


@pytest.mark.parametrize("task", TASKS)
def test_a_run_without_resume_clears_what_was_kept(task: str, server: Server, source: Path, tmp_path: Path) -> None:
    assert TASKS[task].run(server, source, tmp_path, "--resume", prepare=STOP).code == -9
    assert len(os.listdir(tmp_path)) == 2
    assert TASKS[task].run(server, source, tmp_path).code == 0
    no_leftovers(tmp_path, TASKS[task].name)
