"""The engine: order, bounds, and what becomes of items whose worker dies, hangs or takes too much."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from converter import engine
from converter.engine import Guard
from converter.errors import SegpackError, SourceError

ALWAYS = Guard(seconds=30, always=True)


def double(item: int) -> int:
    return 2 * item


def slow_pid(_: int) -> int:
    time.sleep(0.03)
    return os.getpid()


def lost(item: Any, reason: str) -> Any:
    return f"{item}: {reason}"


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("count", [0, 1, 2, 7, 200])
def test_results_come_in_the_order_of_the_items(workers: int, count: int) -> None:
    found = list(engine.run(double, range(count), workers=workers, guard=ALWAYS))
    assert found == [2 * i for i in range(count)]


def test_workers_start_when_there_is_enough_to_do() -> None:
    assert set(engine.run(slow_pid, range(60), workers=2)) != {os.getpid()}
    assert set(engine.run(lambda _: os.getpid(), range(60), workers=2)) == {os.getpid()}


def test_the_first_error_in_the_order_of_the_items_is_raised() -> None:
    def work(item: int) -> int:
        if item in {5, 9}:
            raise SourceError("f", f"number {item}")
        time.sleep(0.05 if item == 4 else 0)
        return item

    run = engine.run(work, range(20), workers=3, guard=ALWAYS)
    found: list[int] = []
    with pytest.raises(SourceError, match="number 5"):
        found.extend(run)
    assert found in ([], [0, 1, 2, 3, 4])


def test_what_is_done_ahead_is_bounded(tmp_path: Path) -> None:
    def work(item: int) -> int:
        (tmp_path / str(item)).touch()
        return item

    run = engine.run(work, range(5000), workers=2, guard=ALWAYS)
    next(run)
    time.sleep(0.5)
    assert len(os.listdir(tmp_path)) < 500
    run.close()


def die(how: Any, items: set[int]) -> Any:
    def work(item: int) -> int:
        if item in items:
            how()
        return item

    return work


def kill_myself() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def crash() -> None:
    import ctypes

    ctypes.string_at(0)


def take_memory() -> None:
    bytearray(3 << 30)


def hang() -> None:
    while True:
        pass


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        (kill_myself, "SIGKILL"),
        (crash, "SIGSEGV"),
        (lambda: os._exit(3), "exit code 3"),
        (take_memory, "more memory"),
        (hang, "more than 0.5 s"),
    ],
)
def test_a_death_costs_the_item_and_no_other(how: Any, reason: str) -> None:
    guard = Guard(seconds=0.5, memory=1 << 30, always=True)
    bad = {0, 31, 32, 99}
    found = list(engine.run(die(how, bad), range(100), workers=2, guard=guard, lost=lost))
    assert [f for i, f in enumerate(found) if i not in bad] == [i for i in range(100) if i not in bad]
    for i in bad:
        assert str(found[i]).startswith(f"{i}: ")
        assert reason in str(found[i])


def no_library() -> None:
    raise ImportError("libx.so: failed to map segment from shared object")


def test_a_library_that_finds_no_memory_is_more_memory() -> None:
    found = list(engine.run(die(no_library, {1}), range(4), workers=2, guard=ALWAYS, lost=lost))
    assert [found[i] for i in (0, 2, 3)] == [0, 2, 3]
    assert "more memory" in found[1]


def test_an_answer_that_finds_no_memory_costs_the_item(capfd: pytest.CaptureFixture[str]) -> None:
    def work(item: int) -> bytes:
        return bytes(600 << 20 if item in {3, 4} else 10)

    guard = Guard(seconds=30, memory=1 << 30, always=True)
    found = list(engine.run(work, range(9), workers=2, guard=guard, lost=lost))
    assert [i for i, f in enumerate(found) if f != bytes(10)] == [3, 4]
    assert all("more memory" in str(found[i]) for i in (3, 4))
    assert capfd.readouterr() == ("", "")


def test_a_death_that_does_not_repeat_costs_nothing(tmp_path: Path) -> None:
    def work(item: int) -> int:
        if item == 13 and not (tmp_path / "died").exists():
            (tmp_path / "died").touch()
            kill_myself()
        return item

    assert list(engine.run(work, range(40), workers=2, guard=ALWAYS)) == list(range(40))


@pytest.mark.parametrize("length", [0, 400_000, 2_000_000])
def test_what_a_dead_item_announced_is_cleared_before_it_is_tried_again(tmp_path: Path, length: int) -> None:
    def work(item: int) -> int:
        path = tmp_path / str(item)
        engine.announce((path, bytes(length)))
        path.open("x").close()
        if item == 3:
            kill_myself()
        return item

    found = list(engine.run(work, range(8), workers=2, guard=ALWAYS, lost=lost, clear=lambda what: what[0].unlink()))
    assert len(found) == 8
    assert sorted(os.listdir(tmp_path)) == ["0", "1", "2", "4", "5", "6", "7"]


def test_what_was_done_before_a_death_is_neither_lost_nor_cleared(tmp_path: Path) -> None:
    def work(item: int) -> int:
        path = tmp_path / str(item)
        engine.announce(path)
        path.open("x").close()
        time.sleep(0.05 if item % 3 == 0 else 0)  # some are answered for at once, some together
        if item in {17, 30}:
            take_memory() if item == 17 else kill_myself()
        return item

    guard = Guard(seconds=30, memory=1 << 30, always=True)
    list(engine.run(work, range(40), workers=2, guard=guard, lost=lost, clear=Path.unlink))
    assert {int(name) for name in os.listdir(tmp_path)} == set(range(40)) - {17, 30}


def test_without_a_replacement_the_run_ends_in_one_line() -> None:
    with pytest.raises(SegpackError, match="SIGKILL"):
        list(engine.run(die(kill_myself, {3}), range(8), workers=2, guard=ALWAYS))


def alive(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def test_no_worker_outlives_the_run() -> None:
    run = engine.run(slow_pid, range(100), workers=2, guard=ALWAYS)
    pids = {next(run), next(run), next(run)}
    run.close()
    assert os.getpid() not in pids
    assert not any(alive(pid) for pid in pids)


PARENT = r"""
import os, signal, sys, time
from converter import engine
signal.signal(signal.SIGINT, signal.default_int_handler)  # which shells ignore for what runs in the background
def work(item):
    os.write(1, b"%d\n" % os.getpid())
    time.sleep(60)
list(engine.run(work, range(8), workers=2, guard=engine.Guard(always=True)))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_worker_outlives_its_parent(how: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as parent:
        assert parent.stdout is not None
        pids = [int(parent.stdout.readline()) for _ in range(2)]
        parent.send_signal(how)
        parent.wait(10)
        for _ in range(100):
            if not any(map(alive, pids)):
                break
            time.sleep(0.05)
        assert not any(map(alive, pids))


TAKEN_BY_A_THREAD = """
import signal, threading, time
from converter import engine
signal.signal(signal.SIGINT, signal.default_int_handler)
def interrupt():
    time.sleep(0.5)
    signal.pthread_kill(threading.get_ident(), signal.SIGINT)
threading.Thread(target=interrupt, daemon=True).start()
try:
    list(engine.run(time.sleep, [20] * 2, workers=2, guard=engine.Guard(always=True)))
except KeyboardInterrupt:
    print("interrupted")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="forks")
def test_an_interrupt_that_another_thread_takes_ends_the_waiting() -> None:
    command = [sys.executable, "-W", "ignore", "-c", TAKEN_BY_A_THREAD]  # that one forks with threads is no matter
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=15)
    assert done.stdout == "interrupted\n"


IN_A_POOL = """
import multiprocessing
from converter import engine
def many(_):
    return list(engine.run(abs, [-1, -2], workers=2, guard=engine.Guard(always=True)))
with multiprocessing.get_context("fork").Pool(1) as pool:
    print(pool.map(many, [0]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="forks")
def test_in_a_worker_of_a_pool_all_is_done_there() -> None:
    done = subprocess.run([sys.executable, "-c", IN_A_POOL], capture_output=True, text=True, check=True)
    assert done.stdout == "[[1, 2]]\n"
