import io
import os
import pickle
import stat
import struct
import time
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from converter.errors import SourceError
from converter.storage import Limits, Source, hash_file, open_source
from tests.storage.test_folder_source import in_child
from tests.storage.zips import Entry, archive, deflate, end, end64, good, headers, put


def refusal(path: Path, limits: Limits | None = None) -> str:
    with pytest.raises(SourceError) as caught:
        open_source(path, limits or Limits(), name="dataset.zip")
    text = str(caught.value)
    assert text.startswith("dataset.zip: ")
    assert "\n" not in text
    return text


# ---------------------------------------------------------------- good archives


def test_a_good_archive(tmp_path):
    path = put(tmp_path, *good(Entry(b"images/"), Entry(b"empty.txt"), Entry(b"empty.json", method=8)))
    source = open_source(path, name="dataset.zip")
    assert source.names() == ["a.json", "empty.json", "empty.txt", "images/a.png"]
    assert source.read("a.json") == b'{"images": []}' * 20
    assert source.read("images/a.png") == b"\x89PNG..."
    assert source.read("empty.txt") == source.read("empty.json") == b""
    assert source.size("a.json") == 280
    assert source.label("images/a.png") == "dataset.zip/images/a.png"
    assert source.below("images").label("a.png") == "dataset.zip/images/a.png"
    assert source.local("a.json") is None
    assert source.special == {}
    assert source.remarks == []
    assert source.entry is None
    assert source.below("images").read("a.png") == b"\x89PNG..."
    source.verify(source.names())


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_what_python_writes(tmp_path, method):
    data = {f"d{i % 3}/{i}é.bin": os.urandom(i * 997) + bytes(i * 1000) for i in range(30)}
    with zipfile.ZipFile(tmp_path / "a.zip", "w", method) as file:
        file.mkdir("d0")
        for name, content in data.items():
            file.writestr(name, content)
        file.comment = b"a comment, with PK\5\6 in it"
    source = open_source(tmp_path / "a.zip")
    assert source.names() == sorted(data)
    for name, content in data.items():
        assert source.read(name) == content
        with source.open(name) as stream:
            assert stream.read(5) + stream.read() == content


def test_what_python_streams(tmp_path):
    """To a pipe, sizes stand behind the data."""

    class Pipe(io.BytesIO):
        def seekable(self):
            return False

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a", b"a" * 5000)
        with file.open("b", "w", force_zip64=True) as entry:
            entry.write(b"b" * 5000)
    (tmp_path / "a.zip").write_bytes(pipe.getvalue())
    source = open_source(tmp_path / "a.zip")
    assert [source.read(name) for name in "ab"] == [b"a" * 5000, b"b" * 5000]


def test_junk_in_an_archive_is_left_out(tmp_path):
    path = put(tmp_path, *good(Entry(b"__MACOSX/._a.json"), Entry(b".DS_Store"), Entry(b".git/AUX")))
    assert open_source(path).names() == ["a.json", "images/a.png"]


def test_names_are_cleaned(tmp_path):
    path = put(tmp_path, Entry(b"./"), Entry(b"./a.json", b"1"), Entry(b"x//b", b"2"))
    source = open_source(path)
    assert source.names() == ["a.json", "x/b"]
    assert source.read("a.json") + source.read("x/b") == b"12"


def test_top_folder_and_membership(tmp_path):
    source = open_source(put(tmp_path, Entry(b"d/a"), Entry(b"d/e/b"), Entry(b"__MACOSX/x")))
    assert source.top_folder() == "d"
    assert "d/a" in source
    assert "d" not in source
    with pytest.raises(SourceError, match=r"dataset.zip/d/c: there is no such file"):
        source.read("d/c")


def test_an_archive_is_known_by_its_content(tmp_path):
    put(tmp_path, *good()).rename(tmp_path / "data.bin")
    assert "a.json" in open_source(tmp_path / "data.bin")


# ---------------------------------------------------------------- names


def unicode_path(name: bytes, stored: bytes) -> bytes:
    field = b"\1" + struct.pack("<L", zlib.crc32(stored)) + name
    return struct.pack("<2H", 0x7075, len(field)) + field


@pytest.mark.parametrize(
    ("entry", "name", "sure"),
    [
        (Entry("é.png".encode()), "é.png", True),
        (Entry("é.png".encode(), flags=0), "é.png", False),
        (Entry(b"\x82.png", flags=0), "é.png", False),
        (Entry(b"a.png", flags=0), "a.png", True),
        (Entry(b"\x82.png", flags=0, extra=unicode_path("ü.png".encode(), b"\x82.png")), "ü.png", True),
        (Entry(b"\x82.png", flags=0, extra=unicode_path("ü.png".encode(), b"other")), "é.png", False),
    ],
)
def test_encodings_of_names(tmp_path, entry, name, sure):
    if sure and entry.extra:
        entry.local_name = "ü.png".encode()
    source = open_source(put(tmp_path, *good(entry)))
    assert name in source
    assert source.read(name) == b""
    assert bool(source.remarks) != sure
    assert sure or name in source.remarks[0]


def test_a_lying_utf_8_flag(tmp_path):
    assert "UTF-8" in refusal(put(tmp_path, *good(Entry(b"\x82.png"))))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (b"../images/a.png", ["..", "climbs"]),
        (b"a/../b", [".."]),
        (b"/etc/passwd", ["absolute"]),
        (b"..\\..\\a.txt", ["backslash"]),
        (b"images\\b.png", ["backslash", "Windows"]),
        (b"C:\\a.txt", ["C:"]),
        (b"C:/a.txt", ["drive"]),
        (b"", ["without a name", "empty"]),
        (b"images/c.png\0.exe", ["zero byte", "c.png\\x00.exe"]),
        (b"images/a.png", ["images/a.png", "twice"]),
        (b"./images/a.png", ["images/a.png", "twice"]),
        (b"images/a.png/", ["images/a.png"]),
        (b"images/A.PNG", ["images/A.PNG", "images/a.png", "case"]),
        (b"images/aux.png", ["images/aux.png", "Windows"]),
        (b"images/a:b.png", ["images/a:b.png", "Windows"]),
        (b"images/dot.", ["images/dot.", "Windows"]),
        (b"images/a.png/b.png", ["images/a.png", "folder"]),
        (b"a/" * 30_000 + b"b", ["deep"]),
        (b"evil\nname\x1b[2J", ["evil\\nname"]),
    ],
)
def test_names_that_are_refused(tmp_path, name, words):
    text = refusal(put(tmp_path, *good(Entry(name))))
    assert all(word in text for word in words), text


def test_names_that_differ_in_normal_form_alone_are_refused(tmp_path):
    twins = Entry("é.png".encode()), Entry("e\u0301.png".encode())
    assert "composed" in refusal(put(tmp_path, *good(*twins)))


def test_all_problems_of_names_are_told_at_once(tmp_path):
    text = refusal(put(tmp_path, *good(Entry(b"xx:y"), Entry(b"aux.png"), Entry(b"dot."))))
    assert all(name in text for name in ("xx:y", "aux.png", "dot."))


# ---------------------------------------------------------------- entries


@pytest.mark.parametrize(
    ("entry", "word"),
    [
        (Entry(b"c", b"/tmp", mode=stat.S_IFLNK | 0o777), "symbolic link"),
        (Entry(b"c", mode=stat.S_IFCHR | 0o644), "device"),
        (Entry(b"c", mode=stat.S_IFIFO | 0o644), "FIFO"),
        (Entry(b"c", b"x" * 40, flags=0x801), "encrypted"),
        (Entry(b"c", b"x" * 40, flags=0x2001), "encrypted"),
        (Entry(b"c", b"x" * 40, method=97), "method 97"),
        (Entry(b"c", b"x", method=9), "method 9"),
        (Entry(b"c", b"x", size=2), "cannot be 2 bytes"),
        (Entry(b"c", b"x" * 99, method=8, size=10**6), "cannot be 1,000,000 bytes"),
        (Entry(b"c/", b"x"), "folder with content"),
        (Entry(b"c", b"x", disk=1), "another part"),
        (Entry(b"c", size=0xFFFFFFFF), "ZIP64"),
        (Entry(b"c", b"x", size=0xFFFFFFFF, extra=b"\1\0\4\0abcd"), "ZIP64"),
    ],
)
def test_entries_that_are_refused(tmp_path, entry, word):
    text = refusal(put(tmp_path, *good(entry)))
    assert word in text
    assert "dataset.zip: c" in text


def test_a_folder_by_its_attribute_only(tmp_path):
    path = put(tmp_path, *good(Entry(b"x", mode=stat.S_IFDIR | 0o755), Entry(b"y", mode=0, attributes=0x10)))
    assert open_source(path).names() == ["a.json", "images/a.png"]


@pytest.mark.parametrize(
    "entry",
    [
        Entry(b"c", b"data", crc=1),
        Entry(b"c", b"data" * 9, 8, crc=1),
        Entry(b"c", b"data" * 9, 8, size=35),
        Entry(b"c", b"data" * 9, 8, size=37),
        Entry(b"c", b"data" * 9, 8, packed=deflate(b"data" * 9)[:-1]),
        Entry(b"c", b"data" * 9, 8, packed=deflate(b"data" * 9) + b"x"),
        Entry(b"c", b"data" * 9, 8, packed=b"\xff" * 30),
        Entry(b"c", b"", 8, packed=b""),
        Entry(b"c", bytes(10**6), 8, size=10**5, crc=zlib.crc32(bytes(10**5))),
        Entry(b"c", b"data", local_name=b"d"),
        Entry(b"c", b"data", local_name=b"longer" * 99),
        Entry(b"c", b"data", local_name=b"\xff"),
        Entry(b"c", b"data", local_method=8),
    ],
)
def test_data_that_are_not_what_they_claim(tmp_path, entry):
    source = open_source(put(tmp_path, *good(entry)), name="dataset.zip")
    source.verify(["a.json", "images/a.png"])

    def stream():
        with source.open("c") as file:
            file.read()

    for use in (lambda: source.read("c"), stream, lambda: source.verify(source.names())):
        with pytest.raises(SourceError, match=r"^dataset.zip: c: (is damaged|has two headers)"):
            use()


def test_no_more_is_unpacked_than_is_declared(tmp_path):
    bomb = Entry(b"c", bytes(50_000_000), 8, size=100)
    source = open_source(put(tmp_path, *good(bomb)))
    with source.open("c") as stream, pytest.raises(SourceError, match="damaged"):
        stream.read(101)


# ---------------------------------------------------------------- the whole file


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda data: data[:-30], "not a whole ZIP"),
        (lambda data: data[: len(data) // 2], "not a whole ZIP"),
        (lambda data: data + b"x", "not a whole ZIP"),
        (lambda data: data[:40] + data[50:], "not a whole ZIP"),
        (lambda data: data[:40] + b"0123456789" + data[40:], "belong to no entry"),
        (lambda data: data + archive([Entry(b"other")]), "belong to no entry"),
        (lambda data: data[:-6] + b"\0\0\0\0" + data[-2:], "belong to no entry"),
        (lambda data: data[:-6] + b"\0\0\0\1" + data[-2:], "bytes are missing"),
        (lambda data: data.replace(b"PK\1\2", b"PK\1\3", 1), "damaged directory"),
        (lambda data: data[:-22] + end(b"", 2, len(data) - 22), "lists 0"),
        (lambda data: data[:-14] + b"\3\0\3\0" + data[-10:], "lists 2"),
        (lambda data: data[:-18] + b"\1\0" + data[-16:], "several"),
        (lambda _: b"PK\5\6" + bytes(18), "without files"),
        (lambda _: archive([Entry(b"folder/")]), "without files"),
        (lambda _: archive([Entry(b".DS_Store")]), "without files"),
        (lambda data: archive([Entry(b"inner.zip", data)]), "inner ZIP file is not unpacked"),
    ],
)
def test_files_that_are_refused(tmp_path, change, word):
    text = refusal(write(tmp_path / "dataset.zip", change(archive(good()))))
    assert word in text


def test_an_archive_with_two_ends_is_refused(tmp_path):
    """One of them is in the comment of the other."""
    inner = archive([Entry(b"b")])
    outer = archive(good())
    cut = len(outer) - 22
    text = refusal(write(tmp_path / "dataset.zip", outer[:-2] + struct.pack("<H", len(inner)) + inner))
    assert "two directories" in text, cut


def test_an_archive_behind_another_with_offsets_that_fit(tmp_path):
    front, local, directory = b"PK\3\4" + b"x" * 96, b"", b""
    for entry in good():
        head, record = headers(entry, len(front) + len(local))
        local, directory = local + head, directory + record
    text = refusal(write(tmp_path / "dataset.zip", front + local + end(directory, 2, len(front) + len(local))))
    assert "in front" in text


def test_entries_that_overlap(tmp_path):
    """A quoted overlap: the data of one entry hold the whole of the next."""
    inner, _ = headers(Entry(b"inner", b"x" * 50), 0)
    outer, first = headers(Entry(b"outer", inner), 0)
    _, second = headers(Entry(b"inner", b"x" * 50), len(outer) - len(inner))
    text = refusal(write(tmp_path / "dataset.zip", outer + end(first + second, 2, len(outer))))
    assert "outer" in text
    assert "overlaps" in text


def test_one_name_many_times_is_refused_at_once(tmp_path):
    local, record = headers(Entry(b"a"), 0)
    path = write(tmp_path / "dataset.zip", local + end64(record * 300_000, 300_000, len(local)))
    start = time.process_time()
    assert "twice" in refusal(path)
    assert time.process_time() - start < 1


def test_what_is_beyond_the_limits_is_refused(tmp_path):
    path = put(tmp_path, *good(Entry(b"zeros", bytes(10**6), 8)))
    assert "3 entries, more than 2 (--max-zip-entries)" in refusal(path, Limits(zip_entries=2))
    assert "directory of" in refusal(path, Limits(zip_directory=100))
    assert "times its size (--max-zip-ratio)" in refusal(path, Limits(zip_ratio_from=10**5))
    assert open_source(path, Limits(zip_ratio_from=10**7)).size("zeros") == 10**6


# ---------------------------------------------------------------- ZIP64


def test_zip64_records_without_need(tmp_path):
    local, record = headers(Entry(b"a", b"data"), 0)
    path = write(tmp_path / "dataset.zip", local + end64(record, 1, len(local)))
    assert open_source(path).read("a") == b"data"


@pytest.mark.parametrize(
    ("at", "new"),
    [(-22 - 20, b"XX"), (-22 - 20 + 8, b"\1"), (-22 - 20 - 56, b"XX"), (-22 - 20 - 56 + 4, b"\1"), (-4 - 2, b"\0")],
)
def test_zip64_records_that_lie(tmp_path, at, new):
    local, record = headers(Entry(b"a", b"data"), 0)
    data = bytearray(local + end64(record, 1, len(local)))
    data[at : at + len(new)] = new
    assert "ZIP64" in (text := refusal(write(tmp_path / "dataset.zip", bytes(data)))) or "disagree" in text


def test_an_entry_of_more_than_4_gib(tmp_path):
    """The file is sparse; it is opened and read from, but not through."""
    size = 2**32 + 1
    extra = struct.pack("<2H2Q", 1, 16, size, size)
    front, first = headers(Entry(b"a", b"data"), 0)
    local, _ = headers(Entry(b"big", extra=extra), len(front))
    offset = len(front) + len(local) + size
    _, second = headers(Entry(b"big", extra=extra), len(front))
    second = second[:20] + b"\xff" * 8 + second[28:]
    back, third = headers(Entry(b"z", b"last", extra=struct.pack("<2HQ", 1, 8, offset)), 0)
    third = third[:42] + b"\xff" * 4 + third[46:]
    with open(tmp_path / "dataset.zip", "wb") as file:
        file.write(front + local)
        file.seek(offset)
        file.write(back + end64(first + second + third, 3, offset + len(back)))
    source = open_source(tmp_path / "dataset.zip")
    assert source.size("big") == size
    assert source.read("a") + source.read("z") == b"datalast"
    with source.open("big") as stream:
        assert stream.read(1000) == bytes(1000)


# ---------------------------------------------------------------- processes and threads


@pytest.fixture
def many(tmp_path):
    entries = [Entry(b"%d" % i, bytes([i]) * i * 50, 8 * (i % 2)) for i in range(200)]
    return open_source(put(tmp_path, *entries), name="dataset.zip")


def everything(source: Source) -> list[bytes]:
    return [source.read(str(i)) for i in range(200)]


def test_a_forked_child_and_threads_read(many):
    wanted = [bytes([i]) * i * 50 for i in range(200)]
    assert in_child(lambda: everything(many)) == wanted
    with ThreadPoolExecutor(8) as pool:
        for result in pool.map(everything, [many] * 8):
            assert result == wanted


def test_threads_may_stream_from_one_archive(many):
    with ThreadPoolExecutor(8) as pool:
        hashes = list(pool.map(lambda i: hash_file(many, str(i)), range(200)))
    assert hashes == [hash_file(many, str(i)) for i in range(200)]


def test_a_pickled_source_is_small_and_reads(many, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    relative = open_source("dataset.zip")
    data = pickle.dumps(relative)
    assert len(data) < 200 * 60
    monkeypatch.chdir("/")
    assert everything(pickle.loads(data)) == everything(many)
    assert pickle.loads(data).label("1") == "dataset.zip/1"


def test_an_archive_that_changed_is_not_read(many, tmp_path):
    data = pickle.dumps(many)
    path = tmp_path / "dataset.zip"
    content = path.read_bytes()
    with open(path, "r+b") as file:
        file.write(b"XXXXXXXX")
    for source in (many, pickle.loads(data)):
        with pytest.raises(SourceError, match="was changed while it was read"):
            source.read("0")
    path.unlink()
    path.write_bytes(content)
    with pytest.raises(SourceError, match="was changed while it was read"):
        pickle.loads(data).read("1")
    path.unlink()
    with pytest.raises(SourceError, match="cannot be read"):
        pickle.loads(data).read("1")


def test_no_file_stays_open(tmp_path):
    before = len(os.listdir("/dev/fd"))
    path = put(tmp_path, *good())
    source = open_source(path)
    stream = source.open("a.json")
    del source
    assert stream.read()
    stream.close()
    del stream
    refusal(put(tmp_path, *good(Entry(b"../a"))))
    assert len(os.listdir("/dev/fd")) == before
