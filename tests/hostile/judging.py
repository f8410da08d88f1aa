"""What has to hold after a hostile input was given to `segpack convert`, in either mode."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import converter
from tests.hostile.runs import ORDINARY_USER, Run, Server

__all__ = ["Case", "Drawn", "Objects", "drawn", "losses_of", "refused", "snapshot", "survived"]


class Case(NamedTuple):
    """A hostile input: where it lies, how it is written, and what the message has to name."""

    id: str
    input: Path
    to: Sequence[str] = ("--to", "coco", "--segmentation", "rle")
    suffix: str = ""
    must: str = "error"
    names: Sequence[str] = ()
    never: Sequence[Path] = ()
    secret: bytes = b""
    seconds: float = 30
    memory_mb: float = 1024
    ordinary_user: bool = False

    def run(self, server: Server, folder: Path, on_error: str) -> tuple[Run, Path]:
        """Convert into `folder` (new and empty); checks what holds for every run. The run and the target."""
        folder.mkdir()
        out, losses = folder / f"out{self.suffix}", folder / "losses.json"
        before = snapshot(self.input)
        run = server.run(
            ["convert", self.input, out, *self.to, "--on-error", on_error, "--losses", losses],
            seconds=self.seconds,
            prepare=ORDINARY_USER if self.ordinary_user else "",
        )
        self._check_manners(run)
        self._check_places(run, folder)
        assert snapshot(self.input) == before, "the source was changed"
        return run, out

    def _check_manners(self, run: Run) -> None:
        assert not run.timed_out, f"ran for more than {self.seconds} s"
        assert run.code >= 0, f"died of signal {-run.code}"
        assert "Traceback" not in run.err, run.err
        assert run.memory_mb < self.memory_mb, f"took {run.memory_mb:.0f} MB"

    def _check_places(self, run: Run, folder: Path) -> None:
        for path in self.never:
            assert not os.path.lexists(path), f"{path} was written"
        if self.secret:
            shown = (run.out + run.err).encode("utf-8", "surrogateescape")
            assert self.secret not in shown
            for path in files_below(folder):
                assert self.secret not in path.read_bytes(), f"{path} holds what lies outside"

    def refused(self, run: Run, out: Path) -> None:
        """One line, exit code 2, and nothing left behind."""
        assert run.code == 2, f"exit code {run.code}; {run.err}{run.out}"
        assert run.err.startswith("error: "), run.err
        assert run.err.count("\n") == 1, f"not one line: {run.err}"
        assert run.err[:-1].isprintable(), repr(run.err)
        self.named(run.err)
        assert os.listdir(out.parent) == [], "something was left"

    def named(self, text: str) -> None:
        for name in self.names:
            assert name in text, f"{name!r} is not in {text!r}"


def files_below(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.is_file() and not p.is_symlink())


def snapshot(path: Path) -> dict[str, Any]:
    """Everything about a tree that a reader must leave alone."""
    found = {}
    for place in [path, *(path.rglob("*") if path.is_dir() else ())]:
        about = place.lstat()
        content = b""
        if stat.S_ISREG(about.st_mode) and os.access(place, os.R_OK):
            content = hashlib.sha256(place.read_bytes()).digest()
        found[str(place)] = (about.st_mode, about.st_size, about.st_mtime_ns, content)
    return found


def losses_of(out: Path) -> list[dict[str, Any]]:
    """The losses file that `Case.run` asks for."""
    losses: list[dict[str, Any]] = json.loads((out.parent / "losses.json").read_bytes())["losses"]
    return losses


class Drawn(NamedTuple):
    """An object as it was read back: class, pixels, and box."""

    name: str
    area: int
    box: tuple[float, float, float, float]


Objects = Mapping[str, Sequence[Drawn]]


def drawn(out: Path) -> Objects:
    """What a dataset holds, by image name."""
    return {
        sample.image.name: [
            Drawn(i.class_name, round(i.box[2] * i.box[3]) if i.is_box else i.area, _rounded(i.box))
            for i in sample.instances
        ]
        for sample in converter.open(out)
    }


def _rounded(box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    """As YOLO's text has it, to a thousandth of a pixel."""
    x, y, w, h = (round(v, 3) for v in box)
    return x, y, w, h


def survived(case: Case, run: Run, out: Path) -> Objects:
    """What a lenient run has written, after the checks that all such runs have to pass."""
    assert run.code == 0, f"exit code {run.code}; {run.err}"
    skipped = [loss for loss in losses_of(out) if loss["code"].startswith("skipped-")]
    assert skipped, f"nothing says that something was left out: {run.err}"
    case.named("\n".join(loss["image"] + " " + loss["message"] for loss in skipped))
    case.named(run.err)
    assert f"{len(skipped)} record" in run.out, f"the summary does not count what was skipped: {run.out}"
    return drawn(out)


def refused(case: Case, server: Server, folder: Path) -> None:
    """Refused in both modes."""
    for mode in ("stop", "skip"):
        case.refused(*case.run(server, folder / mode, mode))
