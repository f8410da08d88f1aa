"""Every command of the README runs as it stands, one after the other, in a folder with the fixtures beside."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.support import ROOT

BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
# Done already wherever these tests run, or these tests themselves.
DONE = re.compile(r"^(python3? -m )?pip install |^(python3? -m )?pytest|^(cd|git clone) ")


def commands() -> list[str]:
    """The commands of all blocks, continued lines joined, without what is done already."""
    found = []
    for block in BLOCK.findall((ROOT / "README.md").read_text()):
        for line in block.replace("\\\n", " ").splitlines():
            parts = [p.strip() for p in line.partition("#")[0].split("&&")]
            found += [p for p in parts if p and not DONE.match(p)]
    return found


def test_the_readme_has_commands():
    assert "segpack pack fixtures/coco/valid/coins coins.zip" in commands()


def test_every_command_runs(tmp_path):
    shutil.copytree(ROOT / "fixtures", tmp_path / "fixtures")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    for command in commands():
        done = subprocess.run(
            ["bash", "-euc", command],
            cwd=tmp_path,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
