"""The commands from outside: help, versions, exit codes, what goes to which stream."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import converter
from converter import api
from converter.formats import all_formats
from tests.support import CORE, FIXTURES, cpu_seconds, segpack, tree

COINS = FIXTURES / "coco/valid/coins"
SCRIPT = shutil.which("segpack", path=str(Path(sys.executable).parent)) or shutil.which("segpack")
HELP_SECONDS = 0.3


def test_public_names_are_sorted_and_complete():
    assert converter.__all__ == sorted(converter.__all__)
    for name in converter.__all__:
        assert getattr(converter, name) is not None
    assert set(api.__all__) <= set(converter.__all__)
    with pytest.raises(AttributeError):
        converter.nothing  # noqa: B018


def test_the_installed_script(tmp_path):
    assert SCRIPT, "segpack is not installed"
    done = subprocess.run([SCRIPT, "pack", COINS, tmp_path / "coins.zip"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"{tmp_path}/coins.zip: package, 2 images, ")
    assert done.stdout.endswith("nothing lost\n")
    version = subprocess.run([SCRIPT, "--version"], capture_output=True, text=True, check=True)
    assert version.stdout.startswith("segpack ")


def test_help_is_quick():
    """The least of five runs: what else the machine does is not ours."""
    assert min(cpu_seconds([sys.executable, "-m", "converter", "--help"]) for _ in range(5)) < HELP_SECONDS


@pytest.mark.parametrize("command", ["convert", "pack", "inspect", "formats", "schema"])
def test_every_command_has_help(command):
    text = segpack(command, "--help").out
    for option in ("--json", "--quiet", "--workers"):
        assert option in text


def test_every_format_is_listed_and_has_a_page():
    listed = {f["name"]: f for f in segpack("formats", "--json").json["formats"]}
    assert listed.keys() == all_formats().keys()
    assert all(listed[name]["read"] and listed[name]["write"] for name in CORE)
    assert "yolo-seg" in segpack("formats").out
    assert "data.yaml" in segpack("formats", "yolo").out


def test_inspect_tells_format_classes_and_sizes():
    found = segpack("inspect", COINS, "--json").json
    assert (found["format"], found["task"], found["images"]) == ("coco", "instance", 2)
    assert [c["name"] for c in found["classes"]] == ["small coin", "large coin"]
    shown = segpack("inspect", COINS).out
    assert "small coin" in shown
    assert "300x246" in shown


def test_json_is_alone_on_stdout(tmp_path):
    run = segpack("convert", COINS, tmp_path / "out", "--to", "yolo", "--json")
    assert run.json["ok"] is True
    assert run.json["losses"]["mask-to-box"] == 2
    refused = segpack("convert", COINS, tmp_path / "out", "--to", "yolo", "--json", check=2)
    assert refused.json == {"ok": False, "error": refused.error.removeprefix("error: "), "exit_code": 2}


def test_quiet_says_nothing(tmp_path):
    run = segpack("convert", COINS, tmp_path / "out", "--to", "yolo", "--quiet")
    assert (run.out, run.err) == ("", "")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["convert", COINS, "out"], ["--to"]),
        (["convert", COINS, "out", "--to", "jpeg"], ["'jpeg'", "coco"]),
        (["convert", "nowhere", "out", "--to", "coco"], ["nowhere"]),
        (["convert", COINS, "out", "--to", "coco", "--min-iou", "2"], ["--min-iou"]),
        (["convert", COINS, "out", "--to", "coco", "--classes", "none.yaml"], ["none.yaml"]),
        (["convert", COINS, "out", "--to", "coco", "--from", "yolo"], ["YOLO"]),
        (["paint", COINS], ["paint"]),
        (["pack", COINS], ["where to write"]),
    ],
    ids=lambda value: " ".join(Path(str(v)).name for v in value) if isinstance(value, list) else None,
)
def test_wrong_usage_is_told_and_writes_nothing(arguments, words, tmp_path):
    run = segpack(*arguments, cwd=tmp_path, check=2)
    assert all(word in run.error for word in words), run.error
    assert ".;" not in run.error
    assert list(tmp_path.iterdir()) == []


def test_names_cannot_forge_messages(tmp_path):
    """A newline or an escape sequence in a file is shown, not obeyed."""
    (tmp_path / "set").mkdir()
    name = "a\nerror: all is well\x1b[2J.png"
    image = {"id": 1, "file_name": f"../{name}", "width": 4, "height": 4}
    content = {"images": [image], "annotations": [], "categories": [{"id": 1, "name": "cat"}]}
    (tmp_path / "set/coco.json").write_text(json.dumps(content))
    run = segpack("convert", tmp_path / "set", tmp_path / "out", "--to", "coco", check=2)
    assert "\\n" in run.error
    assert "\x1b" not in run.err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
@pytest.mark.parametrize("arguments", [["inspect", COINS], ["inspect", COINS, "--json"], ["formats"], ["--help"]])
def test_a_result_that_cannot_be_told(arguments):
    command = [sys.executable, "-m", "converter", *arguments]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        mute = subprocess.run(command, stdout=full, stderr=full, check=False)
    assert (done.returncode, done.stderr) == (
        2,
        "error: standard output: No space left on device; see to it and run again\n",
    )
    assert mute.returncode == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_messages_that_cannot_be_told(tmp_path):
    """They change nothing of what is done, nor how it ends."""
    command = [sys.executable, "-m", "converter", "convert", str(COINS), str(tmp_path / "out"), "--to", "yolo"]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(command, stderr=full, stdout=subprocess.PIPE, text=True, check=False)
        again = subprocess.run(command, stderr=full, stdout=subprocess.PIPE, check=False)
    assert done.returncode == 0
    assert "losses" in done.stdout
    assert (again.returncode, again.stdout) == (2, b"")


def test_streams_that_are_closed_are_not_taken_for_files(tmp_path):
    script = 'exec "$@" <&- >&- 2>&-'
    command = [sys.executable, "-m", "converter", "convert", COINS, tmp_path / "out", "--to", "coco"]
    assert subprocess.run(["sh", "-c", script, "sh", *command], check=False).returncode == 0
    segpack("convert", COINS, tmp_path / "told", "--to", "coco")
    assert tree(tmp_path / "out") == tree(tmp_path / "told")


def test_a_reader_that_has_seen_enough():
    command = f"{sys.executable} -m converter formats | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert (done.stdout.splitlines()[-1], done.stderr) == ("0", "")


def test_letters_that_stdout_lacks_are_no_trouble(tmp_path):
    source = tmp_path / "Bäume 木"
    shutil.copytree(COINS, source)
    for encoding, shown in (("ascii", r"B\xe4ume \u6728"), ("cp1252", "Bäume \\u6728"), ("utf-8", "Bäume 木")):
        arguments = [sys.executable, "-m", "converter", "inspect", str(source)]
        env = {**os.environ, "PYTHONIOENCODING": encoding}
        done = subprocess.run(arguments, capture_output=True, env=env, check=True)
        assert shown in done.stdout.decode(encoding)
