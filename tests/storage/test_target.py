import errno
import fcntl
import hashlib
import io
import os
import pickle
import resource
import shutil
import signal
import stat
import subprocess
import sys
import textwrap
import threading
import time
import zipfile
from collections import deque
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converter.errors import SourceError, TargetError
from converter.storage import check_apart, hash_file, moves, open_source, open_target, staging, target, zip_writer
from converter.storage.target import Target
from tests.storage.zips import Entry, good, put

BOTH = pytest.mark.parametrize("name", ["out", "out.zip"])


def tree(folder: str | Path) -> dict[str, bytes | None]:
    """Every file and folder below, hidden ones too, with content."""
    found = sorted(Path(folder).rglob("*"))
    return {str(p.relative_to(folder)): p.read_bytes() if p.is_file() else None for p in found}


def fill(out: Target, text: bytes = b"data") -> None:
    out.write("images/a.png", text)
    out.write("meta.json", b'{"key": "value"}' * 50)


def content(path: str | Path) -> dict[str, bytes]:
    source = open_source(path)
    return {name: source.read(name) for name in source}


def make(path: str | Path, text: bytes = b"data", *, overwrite: bool = False) -> None:
    with open_target(path, overwrite=overwrite) as out:
        fill(out, text)
        out.commit()


def unzip_tests(path: Path) -> None:
    """Whether other readers agree that the archive is good."""
    with zipfile.ZipFile(path) as file:
        assert file.testzip() is None
    if shutil.which("unzip"):
        subprocess.run(["unzip", "-tqq", path], check=True, capture_output=True)


# ---------------------------------------------------------------- whole or not at all


@BOTH
def test_the_output_appears_at_commit(tmp_path, name):
    with open_target(tmp_path / name) as out:
        fill(out)
        assert not (tmp_path / name).exists()
        out.finish()
        assert content(out.staged())["images/a.png"] == b"data"
        assert not (tmp_path / name).exists()
        out.commit()
        assert (tmp_path / name).exists()
    assert os.listdir(tmp_path) == [name]
    assert content(tmp_path / name) == {"images/a.png": b"data", "meta.json": b'{"key": "value"}' * 50}


@BOTH
@pytest.mark.parametrize("error", [None, ValueError, KeyboardInterrupt, SystemExit])
def test_without_commit_nothing_is_left(tmp_path, name, error):
    try:
        with open_target(tmp_path / "new/folders" / name) as out:
            fill(out)
            with out.stream("coco.json") as file:
                file.write(b"x" * 10_000)
            if error:
                raise error
            out.finish()
    except (ValueError, KeyboardInterrupt, SystemExit):
        assert error
    assert tree(tmp_path) == {}


@BOTH
def test_parent_folders_are_made(tmp_path, name):
    make(tmp_path / "new/folders" / name)
    assert os.listdir(tmp_path / "new/folders") == [name]


@BOTH
def test_a_parent_that_somebody_uses_stays(tmp_path, name):
    with open_target(tmp_path / "new" / name):
        (tmp_path / "new/other").touch()
    assert tree(tmp_path) == {"new": None, "new/other": b""}


@BOTH
def test_commit_twice_and_writing_late(tmp_path, name):
    with open_target(tmp_path / name) as out:
        fill(out)
        out.finish()
        with pytest.raises(RuntimeError):
            out.write("late", b"")
        out.commit()
        out.commit()
    assert "late" not in content(tmp_path / name)


def test_modes_follow_the_umask(tmp_path):
    old = os.umask(0o027)
    try:
        make(tmp_path / "out")
        make(tmp_path / "out.zip")
    finally:
        os.umask(old)
    modes = [stat.S_IMODE((tmp_path / p).stat().st_mode) for p in ("out", "out/images", "out/meta.json", "out.zip")]
    assert modes == [0o750, 0o750, 0o640, 0o640]


# ---------------------------------------------------------------- what is there already


@BOTH
def test_an_existing_target_is_kept(tmp_path, name):
    make(tmp_path / name, b"old")
    before = tree(tmp_path)
    with pytest.raises(TargetError, match=r"out.*: exists; use --overwrite"), open_target(tmp_path / name):
        pytest.fail("opened")
    assert tree(tmp_path) == before


@BOTH
def test_overwriting_leaves_only_the_new(tmp_path, name):
    make(tmp_path / name, b"old")
    make(tmp_path / name, b"new", overwrite=True)
    assert os.listdir(tmp_path) == [name]
    assert content(tmp_path / name)["images/a.png"] == b"new"


@BOTH
def test_overwriting_what_is_not_there_writes_it(tmp_path, name):
    make(tmp_path / name, b"new", overwrite=True)
    assert os.listdir(tmp_path) == [name]


@BOTH
def test_a_failed_overwrite_keeps_the_old(tmp_path, name):
    make(tmp_path / name, b"old")
    before = tree(tmp_path)
    with suppress(ValueError), open_target(tmp_path / name, overwrite=True) as out:
        fill(out, b"new")
        raise ValueError
    assert tree(tmp_path) == before


@pytest.mark.parametrize("overwrite", [False, True])
def test_an_empty_folder_gives_way(tmp_path, overwrite):
    (tmp_path / "out").mkdir()
    make(tmp_path / "out", overwrite=overwrite)
    assert "meta.json" in content(tmp_path / "out")


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_file_is_no_folder(tmp_path, overwrite):
    (tmp_path / "out").touch()
    (tmp_path / "out.zip").mkdir()
    (tmp_path / "fifo.zip").touch()
    for name in ("out", "out.zip"):
        with pytest.raises(TargetError, match="is not a"), open_target(tmp_path / name, overwrite=overwrite):
            pytest.fail("opened")


def test_folders_that_are_never_replaced(tmp_path, monkeypatch):
    home, here = tmp_path / "home/me", tmp_path / "here/now"
    home.mkdir(parents=True)
    here.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(here)
    for path in ("/", "/proc", home, home.parent, here, here.parent, ".", "..", tmp_path, ""):
        with pytest.raises(TargetError), open_target(path, overwrite=True):
            pytest.fail("opened")
    make("out")
    assert os.listdir(here) == ["out"]


@BOTH
def test_a_target_that_is_a_link_is_written_through_it(tmp_path, name):
    (tmp_path / "disk").mkdir()
    (tmp_path / name).symlink_to(f"disk/{name}")
    make(tmp_path / name)
    make(tmp_path / name, b"new", overwrite=True)
    assert (tmp_path / name).is_symlink()
    assert os.listdir(tmp_path / "disk") == [name]
    assert content(tmp_path / name)["images/a.png"] == b"new"


@BOTH
def test_of_two_runs_the_second_finds_the_place_taken(tmp_path, name):
    with open_target(tmp_path / name) as first, open_target(tmp_path / name) as second:
        fill(first, b"first")
        fill(second, b"second")
        first.commit()
        with pytest.raises(TargetError, match="exists; use --overwrite"):
            second.commit()
    assert os.listdir(tmp_path) == [name]
    assert content(tmp_path / name)["images/a.png"] == b"first"


@BOTH
def test_of_two_runs_the_second_may_overwrite(tmp_path, name):
    with open_target(tmp_path / name) as first, open_target(tmp_path / name, overwrite=True) as second:
        fill(first, b"first")
        fill(second, b"second")
        first.commit()
        second.commit()
    assert os.listdir(tmp_path) == [name]
    assert content(tmp_path / name)["images/a.png"] == b"second"


def test_a_file_put_there_meanwhile_is_kept(tmp_path, monkeypatch):
    for links in (True, False):
        if not links:
            monkeypatch.setattr(os, "link", refusing(errno.EPERM))
        with open_target(tmp_path / "out.zip") as out:
            fill(out)
            (tmp_path / "out.zip").write_text("mine")
            with pytest.raises(TargetError, match="exists"):
                out.commit()
        assert tree(tmp_path) == {"out.zip": b"mine"}
        (tmp_path / "out.zip").unlink()


def test_a_file_system_without_hard_links(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "link", refusing(errno.EPERM))
    make(tmp_path / "out.zip")
    assert os.listdir(tmp_path) == ["out.zip"]


# ---------------------------------------------------------------- two steps instead of one


@pytest.fixture
def no_exchange(monkeypatch):
    monkeypatch.setattr(staging, "exchange", lambda *_: False)


def test_exchange_works_here(tmp_path):
    if sys.platform != "linux":
        pytest.skip("Linux only")
    (tmp_path / "a").write_text("a")
    (tmp_path / "b").mkdir()
    assert moves.exchange(str(tmp_path / "a"), str(tmp_path / "b"))
    assert (tmp_path / "a").is_dir()
    assert not moves.exchange(str(tmp_path / "a"), str(tmp_path / "gone"))


@pytest.mark.usefixtures("no_exchange")
def test_overwriting_in_two_steps(tmp_path):
    make(tmp_path / "out", b"old")
    make(tmp_path / "out", b"new", overwrite=True)
    assert os.listdir(tmp_path) == ["out"]
    assert content(tmp_path / "out")["images/a.png"] == b"new"


@pytest.mark.usefixtures("no_exchange")
@pytest.mark.parametrize("error", [OSError(errno.EIO, "I/O error"), KeyboardInterrupt()])
def test_when_the_second_step_fails_the_first_is_undone(tmp_path, monkeypatch, error):
    make(tmp_path / "out", b"old")
    before = tree(tmp_path)
    rename = os.rename

    def second_fails(one, other):
        if str(one).endswith(".partial") and not os.path.exists(other):
            raise error
        rename(one, other)

    with open_target(tmp_path / "out", overwrite=True) as out:
        fill(out, b"new")
        monkeypatch.setattr(os, "rename", second_fails)
        with pytest.raises((TargetError, KeyboardInterrupt)):
            out.commit()
    assert tree(tmp_path) == before


@pytest.mark.usefixtures("no_exchange")
@pytest.mark.parametrize("died_after", [1, 2])
def test_a_run_that_died_between_the_steps(tmp_path, monkeypatch, died_after):
    make(tmp_path / "out", b"old")
    rename = os.rename
    calls: list[str] = []

    def dies(one, other):
        if len(calls) > died_after:
            os._exit(9)
        calls.append(one)
        rename(one, other)

    child = os.fork()
    if child == 0:
        with open_target(tmp_path / "out", overwrite=True) as out:
            fill(out, b"new")
            monkeypatch.setattr(os, "rename", dies)
            out.commit()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 9 << 8
    assert (tmp_path / "out").exists() == (died_after == 2)
    with pytest.raises(TargetError, match="exists"), open_target(tmp_path / "out"):
        pytest.fail("opened")
    assert content(tmp_path / "out")["images/a.png"] == (b"old" if died_after == 1 else b"new")


@pytest.mark.usefixtures("no_exchange")
def test_what_came_in_between_is_not_touched(tmp_path):
    aside = tmp_path / ".out.segpack-1-ab.old"
    make(tmp_path / "out", b"mine")
    make(aside, b"old")
    make(tmp_path / "out", b"new", overwrite=True)
    assert content(tmp_path / "out")["images/a.png"] == b"new"
    assert content(aside)["images/a.png"] == b"old"


# ---------------------------------------------------------------- dead and living runs

RUN = """
    import sys, time
    sys.path[:0] = {path!r}
    from converter.storage import open_target
    with open_target({target!r}, overwrite=True) as out:
        out.write("a/b", b"data")
        print("ready", flush=True)
        sys.stdin.read()
        out.commit()
"""


@pytest.fixture
def other_run():
    started = []

    def start(path):
        code = textwrap.dedent(RUN.format(path=sys.path, target=str(path)))
        run = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        started.append(run)
        assert run.stdout
        assert run.stdout.readline() == b"ready\n"
        return run

    yield start
    for run in started:
        run.kill()
        run.communicate()


@BOTH
def test_what_a_killed_run_left_is_removed_by_the_next(tmp_path, other_run, name):
    make(tmp_path / name, b"old")
    make(tmp_path / "out.zip.zip", b"other")
    run = other_run(tmp_path / name)
    assert len(os.listdir(tmp_path)) == 3
    run.kill()
    run.wait()
    assert content(tmp_path / name)["images/a.png"] == b"old"
    assert len(os.listdir(tmp_path)) == 3
    make(tmp_path / name, b"new", overwrite=True)
    assert sorted(os.listdir(tmp_path)) == sorted([name, "out.zip.zip"])


@BOTH
def test_what_a_living_run_has_staged_is_left_alone(tmp_path, other_run, name):
    run = other_run(tmp_path / name)
    make(tmp_path / name, b"mine")
    assert len(os.listdir(tmp_path)) == 2
    run.communicate(b"")
    assert run.returncode == 0
    assert os.listdir(tmp_path) == [name]
    assert list(content(tmp_path / name)) == ["a/b"]


@BOTH
def test_staging_of_another_name_is_left_alone(tmp_path, name):
    others = [f".{name}x.segpack-1-ab.partial", f".{name}.segpack-1-zz.partial", f".{name}.segpack-1-ab.partial.x"]
    for other in others:
        (tmp_path / other).mkdir()
    dead = tmp_path / f".{name}.segpack-1-ab.partial"
    dead.mkdir()
    (dead / "x").write_text("x")
    make(tmp_path / name)
    assert sorted(os.listdir(tmp_path)) == sorted([*others, name])


def test_a_child_that_unwinds_through_the_block(tmp_path):
    child = 0
    try:
        with open_target(tmp_path / "out") as out:
            fill(out)
            child = os.fork()
            if child == 0:
                raise KeyboardInterrupt
            os.waitpid(child, 0)
            out.commit()
    except KeyboardInterrupt:
        os._exit(0)
    assert "meta.json" in content(tmp_path / "out")


def test_the_longest_names_a_file_system_takes_are_written(tmp_path):
    name = "n" * 251 + ".zip"
    make(tmp_path / name)
    with open_target(tmp_path / ("é" * 127)) as out:
        fill(out)
        out.commit()
    assert len(os.listdir(tmp_path)) == 2


# ---------------------------------------------------------------- what the system refuses


def refusing(number: int) -> Callable[..., NoReturn]:
    def refuse(*_args: object, **_kwargs: object) -> NoReturn:
        raise OSError(number, os.strerror(number))

    return refuse


@BOTH
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EDQUOT, errno.EIO])
def test_refusals_are_one_line_and_leave_nothing(tmp_path, monkeypatch, name, number):
    monkeypatch.chdir(tmp_path)
    with open_target(name) as out:
        fill(out)
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", refusing(number))
            patch.setattr(os, "pwrite", refusing(number))
            with pytest.raises(TargetError, match=r"^out.*/big\.png: ") as caught:
                out.write("big.png", b"x" * 1000)
    assert "\n" not in str(caught.value)
    assert tree(tmp_path) == {}


@BOTH
def test_a_disk_that_really_is_full(tmp_path, name, monkeypatch):
    """The limit on file sizes stands in for the disk: part of the data goes through."""
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        with open_target(tmp_path / name) as out:
            fill(out)
            resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, old[1]))
            with pytest.raises(TargetError, match="too large"):
                out.write("big.png", bytes(200_000))
            with pytest.raises(TargetError, match="too large"), out.stream("other.png") as file:
                file.write(bytes(200_000))
            monkeypatch.setattr("converter.storage.spool.IN_MEMORY", 1000)
            spool = out.spool()
            with pytest.raises(TargetError, match="too large"):
                deque(map(spool.write, [bytes(2000)] * 100), maxlen=0)
            del spool  # what it still has to write is no error any more
            monkeypatch.setattr("converter.storage.spool.IN_MEMORY", 150_000)
            small = out.spool()
            small.write(bytes(140_000))
            with pytest.raises(TargetError, match="too large"), out.stream("spooled.png") as file:
                small.pour(file)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
        signal.signal(signal.SIGXFSZ, handler)
    assert tree(tmp_path) == {}


def test_a_write_that_fails_leaves_no_trace_in_an_archive(tmp_path, monkeypatch):
    real = os.pwrite

    def half(fd, data, at):
        real(fd, bytes(data)[: len(data) // 2], at)
        raise OSError(errno.ENOSPC, "full")

    with open_target(tmp_path / "out.zip") as out:
        out.write("a.png", b"a" * 1000)
        with monkeypatch.context() as patch:
            patch.setattr(os, "pwrite", half)
            with pytest.raises(TargetError, match="no space is left"):
                out.write("big.png", b"b" * 5000)
        out.write("c.png", b"c" * 10)
        out.commit()
    assert list(content(tmp_path / "out.zip")) == ["a.png", "c.png"]
    unzip_tests(tmp_path / "out.zip")


@BOTH
def test_short_writes_go_on(tmp_path, monkeypatch, name):
    write, pwrite = os.write, os.pwrite
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, bytes(data)[:7]))
    monkeypatch.setattr(os, "pwrite", lambda fd, data, at: pwrite(fd, bytes(data)[:7], at))
    make(tmp_path / name, b"0123456789" * 10)
    assert content(tmp_path / name)["images/a.png"] == b"0123456789" * 10


@pytest.mark.parametrize(
    ("name", "call"), [("out", "fsync"), ("out.zip", "fsync"), ("out", "rename"), ("out.zip", "link")]
)
def test_a_commit_that_fails_leaves_nothing(tmp_path, monkeypatch, name, call):
    with open_target(tmp_path / name) as out:
        fill(out)
        monkeypatch.setattr(os, call, refusing(errno.EIO))
        with pytest.raises(TargetError, match="input/output error"):
            out.commit()
    assert tree(tmp_path) == {}


@BOTH
def test_a_parent_that_cannot_be_made(tmp_path, monkeypatch, name):
    (tmp_path / "file").touch()
    with pytest.raises(TargetError, match="no folder"), open_target(tmp_path / "file/x" / name):
        pytest.fail("opened")
    monkeypatch.setattr(os, "mkdir", refusing(errno.EROFS))
    with pytest.raises(TargetError, match="read-only"), open_target(tmp_path / "x/y" / name):
        pytest.fail("opened")
    assert os.listdir(tmp_path) == ["file"]


def test_staging_that_vanishes(tmp_path):
    with open_target(tmp_path / "out") as out:
        fill(out)
        shutil.rmtree(out.staged())
        with pytest.raises(TargetError, match="vanished"):
            out.write("x/y", b"")
    assert tree(tmp_path) == {}


@BOTH
@pytest.mark.parametrize(
    "path", ["../a", "/a", "a/../b", "./a", "a//b", "", "a/", "a\0", "\ud800", "C:\\a", "x/" * 100 + "a", "é" * 600]
)
def test_paths_that_are_refused(tmp_path, name, path):
    with open_target(tmp_path / name) as out:
        for write in (lambda: out.write(path, b""), lambda: out.stream(path).__enter__()):
            with pytest.raises(TargetError) as caught:
                write()
            str(caught.value).encode()
    assert tree(tmp_path) == {}


@BOTH
def test_a_path_is_written_once(tmp_path, name):
    with open_target(tmp_path / name) as out:
        fill(out)
        for write in (lambda: out.write("meta.json", b""), lambda: out.stream("meta.json").__enter__()):
            with pytest.raises(TargetError, match=r"meta\.json.*twice"):
                write()
        with pytest.raises(TargetError):
            out.write("images", b"")
        with pytest.raises(TargetError):
            out.write("meta.json/x", b"")
        out.commit()
    assert content(tmp_path / name)["meta.json"]


def test_an_archive_takes_only_what_every_system_can_hold(tmp_path):
    with open_target(tmp_path / "out.zip") as out, open_target(tmp_path / "out") as folder:
        fill(out)
        for path, words in [("Images/A.png", ["images/a.png", "Images/A.png"]), ("aux.png", ["aux.png", "Windows"])]:
            with pytest.raises(TargetError) as caught:
                out.write(path, b"")
            assert all(word in str(caught.value) for word in words)
            folder.write(path, b"")
        folder.write("images/a:b.png", b"")


# ---------------------------------------------------------------- streams


@BOTH
def test_several_streams_at_once(tmp_path, name):
    wanted = {f"{i}.json": b"".join(b"%d,%d\n" % (i, j) for j in range(5000)) for i in range(3)}
    with open_target(tmp_path / name) as out:
        with out.stream("0.json") as a, out.stream("1.json") as b, out.stream("2.json") as c:
            for j in range(5000):
                for i, file in enumerate((a, b, c)):
                    file.write(b"%d,%d\n" % (i, j))
            out.write("between.txt", b"text")
        with out.stream("text.csv") as file, io.TextIOWrapper(file, "utf-8", newline="") as text:
            text.write("é\n" * 10)
        with out.stream("empty.json"):
            pass
        out.commit()
    found = content(tmp_path / name)
    assert found == wanted | {"between.txt": b"text", "text.csv": "é\n".encode() * 10, "empty.json": b""}
    if name == "out.zip":
        unzip_tests(tmp_path / name)


@BOTH
def test_a_stream_that_fails_leaves_no_file(tmp_path, name):
    with open_target(tmp_path / name) as out:
        with suppress(ValueError), out.stream("a.json") as file:
            file.write(b"x" * 100_000)
            raise ValueError
        fill(out)
        out.commit()
    assert "a.json" not in content(tmp_path / name)


# ---------------------------------------------------------------- copies


@pytest.fixture(params=["folder", "zip"])
def source(request, tmp_path):
    if request.param == "zip":
        (tmp_path / "in").mkdir()
        return open_source(put(tmp_path / "in", *good(Entry(b"big.bin", bytes(range(256)) * 50_000, 8))))
    (tmp_path / "in/images").mkdir(parents=True)
    (tmp_path / "in/images/a.png").write_bytes(b"\x89PNG...")
    (tmp_path / "in/a.json").write_bytes(b'{"images": []}' * 20)
    (tmp_path / "in/big.bin").write_bytes(bytes(range(256)) * 50_000)
    return open_source(tmp_path / "in")


@BOTH
@pytest.mark.parametrize("hashed", [False, True])
def test_copies_have_the_bytes_and_digests_of_their_source(tmp_path, source, name, hashed):
    digests = {path: hashlib.sha256() for path in source}
    with open_target(tmp_path / name) as out:
        for path, digest in digests.items():
            out.copy(f"x/{path}", source, path, digest=digest if hashed else None)
        out.commit()
    assert content(tmp_path / name) == {f"x/{path}": source.read(path) for path in source}
    if hashed:
        assert {p: d.hexdigest() for p, d in digests.items()} == {p: hash_file(source, p) for p in source}


@BOTH
def test_large_files_are_copied_in_pieces(tmp_path, source, name, monkeypatch):
    monkeypatch.setattr(target, "_WHOLE", 1000)
    digest = hashlib.sha256()
    with open_target(tmp_path / name) as out:
        out.copy("big.png", source, "big.bin", digest=digest)
        out.commit()
    assert content(tmp_path / name)["big.png"] == source.read("big.bin")
    assert digest.hexdigest() == hash_file(source, "big.bin")


def test_copies_without_help_from_the_kernel(tmp_path, source, monkeypatch):
    monkeypatch.setattr(os, "copy_file_range", refusing(errno.EXDEV))
    with open_target(tmp_path / "out") as out:
        out.copy("big.bin", source, "big.bin")
        out.commit()
    assert content(tmp_path / "out")["big.bin"] == source.read("big.bin")


@pytest.mark.parametrize("how", ["hardlink", "symlink"])
def test_links_are_made_of_files_in_folders_alone(tmp_path, source, how):
    digest = hashlib.sha256()
    with open_target(tmp_path / "out") as out:
        if source.local("a.json") is None:
            with pytest.raises(TargetError, match="ZIP"):
                out.copy("a.json", source, "a.json", how)
            return
        out.copy("x/a.json", source, "a.json", how, digest)
        with pytest.raises(TargetError, match="twice"):
            out.copy("x/a.json", source, "a.json", how)
        with pytest.raises(SourceError, match="no such file"):
            out.copy("y", source, "gone", how)
        out.commit()
    made = tmp_path / "out/x/a.json"
    assert made.samefile(tmp_path / "in/a.json")
    assert made.is_symlink() == (how == "symlink")
    assert digest.hexdigest() == hash_file(source, "a.json")


@pytest.mark.parametrize("how", ["hardlink", "symlink"])
def test_an_archive_holds_no_links(tmp_path, source, how):
    with pytest.raises(TargetError, match="--image-files copy"), open_target(tmp_path / "out.zip") as out:
        out.copy("a.json", source, "a.json", how)


@pytest.mark.parametrize("number", [errno.EXDEV, errno.EPERM, errno.EMLINK])
def test_links_that_cannot_be(tmp_path, monkeypatch, number):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a").touch()
    monkeypatch.setattr(os, "link", refusing(number))
    with pytest.raises(TargetError, match=r"in/a: .*--image-files copy"), open_target(tmp_path / "out") as out:
        out.copy("a", open_source(tmp_path / "in"), "a", "hardlink")


def test_a_damaged_source_is_a_source_error(tmp_path):
    damaged = open_source(put(tmp_path, *good(Entry(b"c", b"data" * 9, 8, crc=1))))
    for name in ("out", "out.zip"):
        with pytest.raises(SourceError, match="damaged"), open_target(tmp_path / name) as out:
            out.copy("c", damaged, "c")
    assert os.listdir(tmp_path) == ["dataset.zip"]


# ---------------------------------------------------------------- workers


def work(job):
    writer, i = job
    writer.write(f"masks/{i % 5}/{i}.png", b"%d" % i)
    try:
        writer.write("same.png", b"%d" % i)
    except TargetError:
        return 0
    return 1


def test_workers_write_by_themselves(tmp_path):
    with open_target(tmp_path / "out") as out:
        writer = pickle.loads(pickle.dumps(out.writer()))
        with ProcessPoolExecutor(2, mp_context=get_context("fork")) as pool:
            assert sum(pool.map(work, [(writer, i) for i in range(50)])) == 1
        out.commit()
    assert len(content(tmp_path / "out")) == 51


def test_an_archive_is_written_by_one_process(tmp_path):
    with open_target(tmp_path / "out.zip") as out:
        assert out.writer() is None


# ---------------------------------------------------------------- the archive itself


def test_what_is_in_the_headers(tmp_path):
    with open_target(tmp_path / "out.zip") as out:
        out.write("z.png", b"\x89PNG" * 100)
        out.write("é/a.JSON", b"{}" * 100)
        out.write("tiny.txt", b"x")
        with out.stream("s.csv") as file:
            file.write(b"a,b\n" * 100)
        with out.stream("s.jpg") as file:
            file.write(b"jpeg" * 100)
        out.commit()
    unzip_tests(tmp_path / "out.zip")
    with zipfile.ZipFile(tmp_path / "out.zip") as file:
        infos = file.infolist()
    assert [i.filename for i in infos] == ["z.png", "é/a.JSON", "tiny.txt", "s.csv", "s.jpg"]
    assert [i.compress_type for i in infos] == [0, 8, 0, 8, 0]
    assert [i.flag_bits for i in infos] == [0, 0x800, 0, 0, 0]
    assert {i.date_time for i in infos} == {(1980, 1, 1, 0, 0, 0)}
    assert {i.external_attr for i in infos} == {0o100644 << 16}
    assert {(i.create_system, i.create_version, i.extract_version) for i in infos} == {(3, 20, 20)}
    assert {i.extra for i in infos} == {b""}


def test_the_same_input_gives_the_same_bytes(tmp_path, monkeypatch):
    made = []
    for i, (zone, mask) in enumerate([("UTC", 0o022), ("Asia/Tokyo", 0o077)]):
        place = tmp_path / str(i)
        place.mkdir()
        monkeypatch.chdir(place)
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        old = os.umask(mask)
        try:
            with open_target("out.zip" if i else place / "other.zip") as out:
                fill(out)
                with out.stream("coco.json") as file:
                    for j in range(2000 * (i + 1)):
                        file.write(b"%06d" % j if not i else b"%06d" % (j // 2) * (j % 2))
                out.commit()
        finally:
            os.umask(old)
        made.append(next(place.iterdir()).read_bytes())
    assert made[0] == made[1]


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.text("abcé. ", min_size=1, max_size=4), st.binary(max_size=300), max_size=8))
def test_what_is_written_is_read(tmp_path_factory, files):
    folder = tmp_path_factory.mktemp("x")
    kept = {}
    with open_target(folder / "out.zip") as out:
        for name, data in files.items():
            try:
                out.write(f"d{name}", data)
            except TargetError:
                continue
            kept[f"d{name}"] = data
        out.write("d", b"")
        out.commit()
    assert content(folder / "out.zip") == kept | {"d": b""}
    with zipfile.ZipFile(folder / "out.zip") as file:
        assert {name: file.read(name) for name in file.namelist()} == kept | {"d": b""}


def test_entries_and_offsets_of_more_than_4_gib(tmp_path):
    """A hole in the file stands in for four gigabytes of zeros."""
    size = 2**32 + 1
    path = tmp_path / "out.zip"
    path.touch()
    writer = zip_writer.ZipWriter(str(path))
    writer.write("a.png", b"a")
    head, record = writer._headers("big.bin", 0, 0, size, size)
    writer._put(head, writer._at)
    writer._add(record, len(head) + size)
    writer.write("z.png", b"z")
    writer.finish()
    source = open_source(path)
    assert [source.size(name) for name in source] == [1, size, 1]
    assert source.read("a.png") + source.read("z.png") == b"az"
    with source.open("big.bin") as stream:
        assert stream.read(9) == bytes(9)
    with zipfile.ZipFile(path) as file:
        assert [i.file_size for i in file.infolist()] == [1, size, 1]
        assert [i.extract_version for i in file.infolist()] == [20, 45, 45]
        assert file.read("z.png") == b"z"
        with file.open("big.bin") as stream:
            assert stream.read(9) == bytes(9)


def test_many_entries_need_zip64(tmp_path):
    with open_target(tmp_path / "out.zip") as out:
        for i in range(0xFFFF):
            out.write(f"{i}", b"")
        out.commit()
    assert len(open_source(tmp_path / "out.zip").names()) == 0xFFFF
    with zipfile.ZipFile(tmp_path / "out.zip") as file:
        assert len(file.namelist()) == 0xFFFF


# ---------------------------------------------------------------- apart from the source


@pytest.fixture
def places(tmp_path, monkeypatch):
    (tmp_path / "data/images").mkdir(parents=True)
    (tmp_path / "data/coco.json").touch()
    (tmp_path / "data.zip").touch()
    (tmp_path / "link").symlink_to("data")
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("places")
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("data", "data"),
        ("data", "data/out"),
        ("data", "./data/../data/images"),
        ("data", "link/out.zip"),
        ("link", "data"),
        ("data", "."),
        ("data/coco.json", "data"),
        ("data/coco.json", "data/coco.json"),
        ("data.zip", "data.zip"),
        ("data.zip", "."),
        ("data", "/"),
    ],
)
def test_a_target_that_would_change_the_source(one, other):
    with pytest.raises(TargetError, match="choose"):
        check_apart(one, other)


@pytest.mark.usefixtures("places")
@pytest.mark.parametrize(
    ("one", "other"),
    [("data", "data2"), ("data", "out/data"), ("data/coco.json", "data/out"), ("data.zip", "data"), ("gone", "out")],
)
def test_a_target_that_does_not(one, other):
    check_apart(one, other)


@pytest.mark.parametrize("held", [0.3, None])
def test_a_run_waits_a_moment_for_the_workers_of_a_killed_one(
    held: float | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They have inherited its lock, and end right after it; a run that lives keeps it."""
    kept = tmp_path / ".out.segpack-kept.partial"
    kept.mkdir()
    monkeypatch.setattr(staging, "PATIENCE", 5.0 if held else 0.2)
    fd = os.open(kept, os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_EX)
    place = staging.Place(str(tmp_path / "out"), folder=True, overwrite=False, resume=True)
    if held is None:
        with pytest.raises(TargetError, match="wait for its end"), staging.staged(place, resume=True):
            pass
        os.close(fd)
    else:
        release = threading.Timer(held, os.close, (fd,))
        release.start()
        with staging.staged(place, resume=True) as path:
            assert path == str(kept)
        release.join()
