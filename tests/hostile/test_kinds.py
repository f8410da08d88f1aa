"""Hostile inputs of our own making, in both modes."""

from __future__ import annotations

import posixpath
from pathlib import Path

import pytest

from tests.hostile.judging import Case, Drawn, drawn, refused, survived
from tests.hostile.kinds import DOG_AREA, DOG_BOX, KINDS, SECRET, Kind
from tests.hostile.runs import Server

DOG = [Drawn("dog", DOG_AREA, DOG_BOX)]


@pytest.mark.parametrize("kind", [pytest.param(kind, id=kind.id) for kind in KINDS])
def test_a_hostile_input_of_each_kind_is_refused_or_read(kind: Kind, tmp_path: Path, server: Server) -> None:
    kind.make(tmp_path)
    case = Case(
        kind.id,
        tmp_path / kind.input,
        names=kind.names,
        never=[tmp_path / "never.txt", Path("never.txt")],
        secret=SECRET,
        seconds=20,
        memory_mb=600,
        ordinary_user=kind.needs == "ordinary user",
    )
    if kind.must == "refuse":
        refused(case, server, tmp_path)
        return
    if kind.must == "skip":
        case.refused(*case.run(server, tmp_path / "stop", "stop"))
        run, out = case.run(server, tmp_path / "skip", "skip")
        left = {posixpath.basename(name): objects for name, objects in survived(case, run, out).items()}
        assert left["good.png"] == DOG
        return
    for mode in ("stop", "skip"):
        run, out = case.run(server, tmp_path / mode, mode)
        assert run.code == 0, run.err
        found = drawn(out)
        assert len(found) == 2
        assert found["good.png"] == DOG
