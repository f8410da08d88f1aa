"""The README is run: every command of it works, and what it shows is what comes out."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

README = ROOT / "README.md"
BLOCK = re.compile(r"```(sh|text|python)\n(.*?)```\n", re.DOTALL)
INSTALL = "python3 -m pip install"


def blocks() -> list[tuple[str, str]]:
    """(language, content) of every block that is run or shown, in order."""
    return [(m[1], m[2]) for m in BLOCK.finditer(README.read_text("utf-8"))]


def run(command: str, folder: Path) -> str:
    """What a block of shell prints, errors included."""
    env = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "COLUMNS": "100"}
    done = subprocess.run(
        ["bash", "-euc", f"exec 2>&1\n{command}"], cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}"
    return done.stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A place where the README's relative paths hold."""
    shutil.copytree(ROOT / "fixtures", tmp_path / "fixtures")
    return tmp_path


def test_every_command_shows_what_the_readme_shows(folder: Path, regenerate: bool) -> None:
    if not shutil.which("unzip"):
        pytest.skip("unzip is not installed")
    pieces = blocks()
    printed = {}
    for i, (language, content) in enumerate(pieces):
        if language != "sh":
            continue
        command = re.sub(rf"^{INSTALL} \S+( && )?", "", content) if content.startswith(INSTALL) else content
        if "pytest" in command:
            continue
        output = run(command, folder)
        if i + 1 < len(pieces) and pieces[i + 1][0] == "text":
            printed[i + 1] = output
    if regenerate:
        numbers = iter(range(len(pieces)))
        text = BLOCK.sub(lambda m: f"```{m[1]}\n{printed.get(next(numbers), m[2])}```\n", README.read_text("utf-8"))
        README.write_text(text, "utf-8")
        return
    for i, output in printed.items():
        assert pieces[i][1] == output, f"the README shows something else for:\n{pieces[i - 1][1]}"


def test_the_python_of_the_readme_runs(folder: Path) -> None:
    for language, content in blocks():
        if language == "python":
            done = subprocess.run(
                [sys.executable, "-c", content], cwd=folder, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stderr
            assert done.stdout.count("\n") == 2  # one line an image
