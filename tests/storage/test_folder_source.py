import errno
import os
import pickle
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NoReturn

import pytest

from converter.errors import SourceError
from converter.storage import Limits, Source, hash_file, open_source

needs_a_user = pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")


def put(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return root


def in_child(function: Callable[[], Any]) -> Any:
    """What `function` returns in a forked process."""
    end, start = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(start, pickle.dumps(function()))
        finally:
            os._exit(0)
    os.close(start)
    with open(end, "rb") as file:
        result = pickle.loads(file.read())
    os.waitpid(child, 0)
    return result


# ---------------------------------------------------------------- listing


def test_names_are_sorted_by_code_point(tmp_path):
    put(tmp_path, "b/a", "B", "a-b/x", "a/x", "é", "a.json")
    source = open_source(tmp_path)
    assert list(source.names()) == ["B", "a-b/x", "a.json", "a/x", "b/a", "é"]
    assert list(source) == list(source.names())
    assert source.special == {}


def test_junk_and_hidden_files_are_left_out(tmp_path):
    put(tmp_path, "a.png", ".git/config", "__MACOSX/._a", "x/Thumbs.db", "x/.a.segpack-1-ff.partial/a", "x/b")
    assert list(open_source(tmp_path).names()) == ["a.png", "x/b"]


def test_membership_is_of_exact_files(tmp_path):
    source = open_source(put(tmp_path, "x/a.png"))
    assert "x/a.png" in source
    for other in ("x", "x/", "x//a.png", "a.png", "x/A.png", "", 3):
        assert other not in source


def test_an_empty_folder_has_no_names(tmp_path):
    source = open_source(tmp_path)
    assert list(source.names()) == []
    assert source.top_folder() is None
    assert source.files_in() == []


def test_files_are_found_in_and_under_a_folder(tmp_path):
    source = open_source(put(tmp_path, "a", "t/a", "t/b/c/d", "t-u/a", "v/w/x"))
    assert source.files_in() == ["a"]
    assert source.files_in("t") == ["t/a"]
    assert source.files_in("nowhere") == []
    assert source.under("t") == ["t/a", "t/b/c/d"]
    assert source.under("") == source.names()


@pytest.mark.parametrize(
    ("names", "top"),
    [(["d/a", "d/e/f"], "d"), (["d/a", ".x"], "d"), (["d/a", "e"], None), (["a"], None), (["d/a", "d-e/a"], None)],
)
def test_the_top_folder_is_the_one_that_holds_everything(tmp_path, names, top):
    assert open_source(put(tmp_path, *names)).top_folder() == top


def test_below_is_the_same_bytes_with_shorter_paths(tmp_path):
    put(tmp_path, "t/a", "t/b/c", "t0", "u/a")
    (tmp_path / "t/out").symlink_to("/etc/passwd")
    source = open_source(tmp_path, name="data")
    view = source.below("t")
    assert view.names() == ["a", "b/c"]
    assert view.read("b/c") == b"t/b/c"
    assert view.name == "data/t"
    assert view.label("a") == "data/t/a"
    assert list(view.special) == ["out"]
    assert view.below("b/").names() == ["c"]
    assert source.below("").names() == source.names()


def test_labels_are_what_the_user_typed(tmp_path, monkeypatch):
    put(tmp_path, "data/a.json")
    monkeypatch.chdir(tmp_path)
    assert open_source("data/").label("a.json") == "data/a.json"
    assert open_source("data").name == "data"
    assert open_source(tmp_path / "data").label("a.json") == f"{tmp_path}/data/a.json"
    assert open_source("./data/a.json").label("a.json") == "./data/a.json"
    monkeypatch.chdir("data")
    assert open_source(".").label("a.json") == open_source("a.json").label("a.json") == "a.json"


def test_too_many_files(tmp_path):
    put(tmp_path, *map(str, range(20)))
    with pytest.raises(SourceError, match="more than 19 files"):
        open_source(tmp_path, Limits(files=19)).names()


# ---------------------------------------------------------------- opening


def test_a_file_stands_for_its_folder(tmp_path):
    put(tmp_path, "coco.json", "images/a.png")
    source = open_source(tmp_path / "coco.json")
    assert source.entry == "coco.json"
    assert list(source.names()) == ["coco.json", "images/a.png"]
    assert open_source(tmp_path).entry is None
    assert source.below("images").entry is None


def test_a_root_that_is_a_link_is_followed(tmp_path):
    put(tmp_path / "real", "a")
    (tmp_path / "link").symlink_to("real")
    assert open_source(tmp_path / "link").read("a") == b"a"


@pytest.mark.parametrize(
    ("path", "why"),
    [("gone", "no such"), ("a/gone", "no such"), ("bad.zip", "not a ZIP"), ("pipe", "neither"), ("a\0", "zero")],
)
def test_what_cannot_be_opened(tmp_path, path, why):
    put(tmp_path, "a", "bad.zip")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SourceError, match=why) as caught:
        open_source(f"{tmp_path}/{path}")
    assert str(caught.value).startswith(str(tmp_path))


# ---------------------------------------------------------------- reading


def test_files_are_read_whole_and_as_streams(tmp_path):
    source = open_source(put(tmp_path, "x/a"))
    big = os.urandom(100_000)
    (tmp_path / "x/big").write_bytes(big)
    (tmp_path / "empty").touch()
    assert source.read("x/a") == b"x/a"
    assert source.read("x/big") == big
    assert source.read("empty") == b""
    assert source.size("x/big") == len(big)
    with source.open("x/big") as file:
        assert file.read(10) + file.read() == big
    assert source.local("x/a") == tmp_path / "x/a"
    assert hash_file(source, "empty") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    source.verify(source.names())


@pytest.mark.parametrize(
    "path", ["gone", "x/gone", "gone/x", "", "x", "x/", ".", "..", "../a", "a\0", "a/b", "\ud800", "x/\ud800/a"]
)
def test_what_cannot_be_read(tmp_path, path):
    put(tmp_path, "root/a", "root/x/a", "a")
    source = open_source(tmp_path / "root", name="root")
    for use in (source.read, source.open, source.size, source.local):
        with pytest.raises(SourceError):
            use(path)


def test_a_file_that_nothing_can_hold(tmp_path, monkeypatch):
    for name in ("a.png", "a.json"):
        with open(tmp_path / name, "wb") as file:
            file.truncate(1 << 40)  # takes no room on the disk
    source = open_source(tmp_path)
    with pytest.raises(SourceError, match=r"a\.png: holds 1,099,511,627,776 bytes, too many for one image"):
        source.read("a.png")
    monkeypatch.setattr(os, "read", lambda _, __: bytearray(1 << 62))
    with pytest.raises(SourceError, match=r"a\.json: holds 1,099,511,627,776 bytes, more than there is memory for"):
        source.read("a.json")


@needs_a_user
def test_a_file_without_permission(tmp_path):
    put(tmp_path, "a", "x/b", "c")
    (tmp_path / "a").chmod(0)
    (tmp_path / "x").chmod(0)
    source = open_source(tmp_path, name="data")
    assert source.special == {"x": "cannot be read: permission denied"}
    with pytest.raises(SourceError, match=r"^data/a: cannot be read: permission denied$"):
        source.read("a")
    (tmp_path / "x").chmod(0o700)


def test_a_file_that_the_system_refuses(tmp_path, monkeypatch):
    def denied(*_args: object, **_kwargs: object) -> NoReturn:
        raise PermissionError(errno.EACCES, "Permission denied")

    source = open_source(put(tmp_path, "a"), name="data")
    monkeypatch.setattr(os, "open", denied)
    with pytest.raises(SourceError, match=r"^data/a: cannot be read: permission denied$"):
        source.read("a")


def test_a_name_that_is_not_utf_8(tmp_path):
    put(tmp_path, "a")
    (tmp_path / os.fsdecode(b"caf\xe9.png")).touch()
    (tmp_path / os.fsdecode(b"d\xff")).mkdir()
    source = open_source(tmp_path)
    assert list(source.names()) == ["a"]
    assert sorted(source.special) == ["caf\\udce9.png", "d\\udcff"]
    assert all("UTF-8" in why for why in source.special.values())


# ---------------------------------------------------------------- links and the like


@pytest.fixture
def linked(tmp_path):
    root = put(tmp_path / "root", "real/a.png", ".annex/b.png", "images/c.png")
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/d.png").write_text("secret")
    return root


def refused(source: Source, path: str) -> str:
    assert path not in source
    with pytest.raises(SourceError) as caught:
        source.read(path)
    return str(caught.value)


def test_links_that_stay_inside_are_files(linked):
    (linked / "images/a.png").symlink_to("../real/a.png")
    (linked / "images/b.png").symlink_to(linked / ".annex/b.png")
    source = open_source(linked)
    assert list(source.names()) == ["images/a.png", "images/b.png", "images/c.png", "real/a.png"]
    assert source.read("images/a.png") == b"real/a.png"
    assert source.read("images/b.png") == b".annex/b.png"
    assert source.local("images/b.png") == linked / ".annex/b.png"
    assert source.size("images/a.png") == len("real/a.png")
    assert source.special == {}


def test_links_to_folders_inside_are_followed(linked):
    (linked / "train").mkdir()
    (linked / "train/images").symlink_to("../images")
    source = open_source(linked)
    assert "train/images/c.png" in source
    assert source.read("train/images/c.png") == b"images/c.png"


def test_links_that_leave_are_not_read(linked):
    (linked / "images/a.png").symlink_to("../../secret")
    (linked / "images/abs.png").symlink_to(linked.parent / "secret")
    (linked / "far").symlink_to("../outside")
    source = open_source(linked, name="root")
    assert source.special == dict.fromkeys(
        ["far", "images/a.png", "images/abs.png"], "is a link that points outside the dataset"
    )
    remedy = "copy the file into the dataset, or name the folder where the images really lie with --images DIR"
    said = f"root/images/a.png: is a link that points outside the dataset; {remedy}"
    assert refused(source, "images/a.png") == said
    assert "outside" in refused(source, "images/abs.png")
    assert "outside" in refused(source, "far/d.png")


def test_links_that_leave_are_read_on_request(linked):
    (linked / "images/a.png").symlink_to("../../secret")
    (linked / "far").symlink_to("../outside")
    (linked / "around").symlink_to("..")
    source = open_source(linked, Limits(links_outside=True))
    assert source.read("images/a.png") == source.read("far/d.png") == b"secret"
    assert {"images/a.png", "far/d.png"} <= set(source)
    assert len(source.names()) < 50


def test_a_name_that_begins_like_the_root_is_outside(tmp_path):
    put(tmp_path, "root/a", "root-2/secret")
    (tmp_path / "root/b").symlink_to("../root-2/secret")
    assert "outside" in refused(open_source(tmp_path / "root"), "b")


def test_links_that_end_nowhere(linked):
    (linked / "broken").symlink_to("gone")
    (linked / "self").symlink_to("self")
    (linked / "one").symlink_to("other")
    (linked / "other").symlink_to("one")
    source = open_source(linked)
    assert "nothing" in refused(source, "broken")
    for name in ("self", "one", "other"):
        assert "back to itself" in refused(source, name)
    assert sorted(source.special) == ["broken", "one", "other", "self"]


def test_folders_that_link_in_a_circle_end(linked):
    (linked / "images/up").symlink_to("..")
    (linked / "images/real").symlink_to("../real")
    (linked / "real/images").symlink_to("../images")
    source = open_source(linked)
    assert "images/real/a.png" in source
    assert source.special["images/up"] == "is a link to a folder that it lies in"
    assert len(source.names()) < 20


def test_a_fifo_does_not_hang(linked):
    os.mkfifo(linked / "images/a.png")
    (linked / "images/b.png").symlink_to("a.png")
    source = open_source(linked)
    assert "FIFO" in refused(source, "images/a.png")
    assert "FIFO" in refused(source, "images/b.png")
    assert set(source.special) == {"images/a.png", "images/b.png"}


def test_sockets_and_folders_are_no_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s")
        os.mkdir("d.png")
        source = open_source(".")
        assert "socket" in refused(source, "s")
        assert "folder" in refused(source, "d.png")


def test_a_link_that_comes_after_the_listing_is_not_followed_out(linked):
    source = open_source(linked)
    assert "images/c.png" in source
    (linked / "images/c.png").unlink()
    (linked / "images/c.png").symlink_to("../../secret")
    with pytest.raises(SourceError, match="outside"):
        source.read("images/c.png")


# ---------------------------------------------------------------- processes and threads


def test_a_pickled_source_reads_elsewhere(tmp_path, monkeypatch):
    put(tmp_path, "data/t/a", "data/coco.json")
    monkeypatch.chdir(tmp_path)
    source = open_source("data/coco.json")
    source.names()
    data, view = pickle.dumps(source), pickle.dumps(source.below("t"))
    assert len(data) < 500
    monkeypatch.chdir("/")
    copy = pickle.loads(data)
    assert (copy.entry, copy.name, list(copy.names())) == ("coco.json", "data", ["coco.json", "t/a"])
    assert copy.read("t/a") == pickle.loads(view).read("a") == b"data/t/a"


def test_a_forked_child_and_threads_read(tmp_path):
    names = [f"{i % 7}/{i}" for i in range(200)]
    source = open_source(put(tmp_path, *names))
    wanted = [name.encode() for name in names]
    assert in_child(lambda: [source.read(name) for name in names]) == wanted
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(source.read, names)) == wanted
