"""Every case of the hostile collection, where it is at hand, in both modes.

The collection is a script that writes bad inputs, each with a case.json that says what has to
happen. It is looked for beside the repository, or where SEGPACK_HOSTILE says.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from converter.formats import all_formats
from tests.hostile.judging import Case, Drawn, Objects, drawn, losses_of, refused, survived
from tests.hostile.runs import Run, Server

SCRIPT = Path(
    os.environ.get("SEGPACK_HOSTILE", Path(__file__).resolve().parents[3] / "shared" / "hostile" / "hostile.py")
)
DOG = Drawn("dog", 48, (4, 3, 8, 6))
CAT = Drawn("cat", 48, (2, 2, 8, 6))
FORMATS = {"coco": "coco", "masks": "semantic-png", "yolo": "yolo-seg", "voc": "voc", "labelme": "labelme"}
SLOW = os.environ.get("SEGPACK_SLOW") == "1"


def listed() -> list[str]:
    if not SCRIPT.exists():
        return []
    found = subprocess.run([sys.executable, SCRIPT, "--list"], check=True, capture_output=True, text=True)
    return found.stdout.split()


@pytest.fixture(scope="session")
def cases() -> Iterator[Path]:
    """Every case, written once."""
    with tempfile.TemporaryDirectory(prefix="segpack-hostile-") as folder:
        big = ["--big"] if SLOW else []
        subprocess.run([sys.executable, SCRIPT, f"{folder}/cases", *big], check=True, capture_output=True)
        yield Path(folder) / "cases"


@pytest.fixture
def place(cases: Path) -> Iterator[Path]:
    """A new folder for what a case becomes."""
    with tempfile.TemporaryDirectory(dir=cases.parent) as folder:
        yield Path(folder)


def about_case(id: str, cases: Path) -> dict[str, Any]:
    """case.json; skips what this system cannot hold."""
    not_made = json.loads((cases / "not_made.json").read_bytes())
    if id in not_made:
        pytest.skip(f"this system cannot hold it: {not_made[id]}")
    if not (cases / id).exists():
        pytest.skip("of more than 4 GiB; set SEGPACK_SLOW=1")
    about: dict[str, Any] = json.loads((cases / id / "case.json").read_bytes())
    about["folder"] = cases / id
    return about


def case_of(about: dict[str, Any]) -> Case:
    folder: Path = about["folder"]
    to, suffix = ["--to", "coco", "--segmentation", "rle"], ""
    how: str = about["how_to_run"]
    if "write as yolo" in how:
        to = ["--to", "yolo"]
    elif "write as masks" in how:
        to = ["--to", "semantic-png"]
    elif "write as zip" in how:
        to, suffix = ["--to", "semantic-png"], ".zip"
    return Case(
        about["id"],
        folder / about["input"],
        to,
        suffix,
        about["must"],
        about.get("names", ()),
        [folder / path for path in about.get("never", ())],
        about.get("secret", "").encode(),
        about["seconds"],
        about["memory_mb"],
        ordinary_user="another user than root" in about["what"] and os.geteuid() == 0,
    )


@pytest.mark.parametrize("id", listed() or [pytest.param("", marks=pytest.mark.skip(f"{SCRIPT} is not there"))])
def test_a_hostile_input_is_read_or_refused_as_its_case_says(id: str, cases: Path, place: Path, server: Server) -> None:
    about = about_case(id, cases)
    reader = FORMATS[about["how_to_run"].split()[2].rstrip(",")]
    if reader not in all_formats():
        pytest.skip(f"the format {reader} is not read yet")
    case = case_of(about)
    if id in ELSEWHERE:
        ELSEWHERE[id](case, server, place)
    elif case.must == "error":
        refused(case, server, place)
    elif case.must == "skip":
        case.refused(*case.run(server, place / "stop", "stop"))
        run, out = case.run(server, place / "skip", "skip")
        found = survived(case, run, out)
        assert found.get("b.png", found.get("b.jpg")) == [DOG], found
    else:
        for mode in ("stop", "skip"):
            run, out = case.run(server, place / mode, mode)
            expected(id, case, run, out)


def expected(id: str, case: Case, run: Run, out: Path) -> None:
    if id in OR_REFUSED and (run.code == 2 or "loss: skipped" in run.err):
        instead = case._replace(names=OR_REFUSED[id])
        if run.code == 2:
            instead.refused(run, out)
        else:
            assert survived(instead, run, out) == {"b.png": [DOG]}
        return
    assert run.code == 0, run.err
    case.named(run.err)
    found = drawn(out)
    name = "b.jpg" if "b.jpg" in found else "b.png"
    if id in EXPECT:
        EXPECT[id](found, run)
    elif id in RENAMED:
        assert found == {RENAMED[id]: [CAT], "b.png": [DOG]}
    else:
        assert found[name] == [DOG]
        assert found.get("a.png", found.get("a.jpg")) == [CAT], found
    images = {p.name: p.read_bytes() for p in (case.input / "images").rglob("*.png")} if case.input.is_dir() else {}
    for path in (out / "images").rglob("*.png"):
        if images:
            assert path.read_bytes() == images[path.name], f"{path} is not what was read"
            assert not path.is_symlink()


# What may be said instead of an output, where the collection leaves a choice.
OR_REFUSED = {"png-16-bit": ["300"], "png-2-bit": ["85"]}
RENAMED = {
    "file-dash": "-rf.png",
    "file-emoji": "\U0001f408.png",
    "file-decomposed": "cafe\u0301.png",
    "file-two-dots": "a.b.png",
}


def a_is(*objects: Drawn) -> Callable[[Objects, Run], None]:
    def check(found: Objects, _: Run) -> None:
        assert found == {"a.png": list(objects), "b.png": [DOG]}

    return check


def told(check: Callable[[Objects, Run], None], *words: str) -> Callable[[Objects, Run], None]:
    """As `check`, and the report says so, once."""

    def both(found: Objects, run: Run) -> None:
        check(found, run)
        assert sum(all(w in line for w in words) for line in run.err.splitlines()) == 1, run.err

    return both


def other_name(found: Objects, run: Run) -> None:
    assert found["a.png"] == [CAT]
    assert found["b.png"] == [DOG]
    assert "UTF-8" in run.err


COLUMN = Drawn("cat", 6, (2, 2, 1, 6))
EXPECT: dict[str, Callable[[Objects, Run], None]] = {
    "id-annotation-twice": a_is(CAT, DOG._replace(name="cat")),
    "poly-partly-outside": a_is(Drawn("cat", 25, (0, 0, 5, 5))),
    "rle-columns": a_is(COLUMN),
    "rle-leading-zeros": a_is(COLUMN),
    "yaml-path-absolute": told(a_is(CAT), "images/train", "beside the YAML"),
    "yolo-class-float": told(a_is(CAT), "class is written 0.0"),
    "yolo-empty": a_is(),
    "yolo-no-label": told(a_is(), "1 image", "no label file"),
    "yolo-just-outside": a_is(Drawn("cat", 48, (8, 6, 8, 6))),
    "zip-no-utf-8-flag": other_name,
}


def kept_apart(case: Case, server: Server, place: Path) -> None:
    """The folders of images are kept, so nothing collides: both images, each with its own label."""
    for mode in ("stop", "skip"):
        run, out = case.run(server, place / mode, mode)
        assert run.code == 0, run.err
        assert losses_of(out) == [
            {"code": "mask-to-box", "image": image, "instance": None, "amount": 1, "message": "1 masks became boxes"}
            for image in ("train/x/a.png", "train/y/a.png")
        ]
        boxes = [Drawn("cat", 48, CAT.box), Drawn("dog", 48, DOG.box)]
        assert drawn(out) == {image: [box] for image, box in zip(case.names, boxes, strict=True)}


# Cases for writers that put all images into one folder, which this program's do not.
ELSEWHERE = {"path-same-output": kept_apart}


@pytest.mark.parametrize("id", listed())
def test_every_command_answers_a_hostile_input_in_our_words(id: str, cases: Path, place: Path, server: Server) -> None:
    """Whatever is asked of a hostile input, the answer is one of ours."""
    about = about_case(id, cases)
    source = about["folder"] / about["input"]
    secret = about.get("secret") or "a text that is nowhere"
    commands: list[list[str | os.PathLike[str]]] = [
        ["check", source],
        ["inspect", source, "--on-error", "skip"],
        ["preview", source, place / "sheet.png"],
        ["pack", source, place / "package.zip", "--on-error", "skip"],
    ]
    for command in commands:
        run = server.run(command, seconds=about["seconds"])
        assert not run.timed_out, command
        assert run.code in {0, 1, 2}, (command, run.err)
        assert "Traceback" not in run.err
        assert run.memory_mb < about["memory_mb"]
        assert run.code != 2 or run.err.count("\n") == 1, run.err
        assert secret not in run.out + run.err
        for path in place.iterdir():
            assert secret.encode() not in path.read_bytes()
