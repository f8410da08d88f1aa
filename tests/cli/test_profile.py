"""--profile: where the time went, in all processes, and nothing of it where results are."""

from __future__ import annotations

import re
import time

import pytest

from converter import stopwatch
from tests.support import FIXTURES, segpack

COINS = FIXTURES / "coco/valid/coins"
LINE = re.compile(r"profile: (\w+) +([\d.]+) s +\d+%")


def stages(err: str) -> list[str]:
    return [m[1] for m in map(LINE.fullmatch, err.splitlines()) if m]


# With skip every image goes to a worker, with stop these few stay in the process itself.
@pytest.mark.parametrize("where", ["stop", "skip"])
def test_the_profile_lists_the_stages_in_order(tmp_path, where):
    done = segpack(
        "convert", COINS, tmp_path / "out", "--to", "instance-png", "--on-error", where, "--json", "--profile"
    )
    assert done.json["ok"]
    assert stages(done.err) == ["scan", "load", "lower", "encode", "write"]
    assert re.search(r"^profile: .* s in stages, all processes together; .* s passed$", done.err, re.MULTILINE)


def test_pack_and_check(tmp_path):
    package = tmp_path / "coins.zip"
    packed = segpack("pack", COINS, package, "--profile", "--quiet")
    assert stages(packed.err) == list(stopwatch.STAGES)
    assert not packed.out
    assert stages(segpack("check", package, "--profile", "--json").err) == ["scan", "load", "check"]


def test_there_is_no_profile_unless_asked_for(tmp_path):
    assert "profile" not in segpack("convert", COINS, tmp_path / "out", "--to", "coco").err


def test_a_stage_within_another_is_its_own():
    with stopwatch.running() as spent:
        with stopwatch.stage("check"):
            with stopwatch.stage("load"):
                time.sleep(0.02)
            with stopwatch.stage("load"):
                pass
        stopwatch.add({"load": 1.0, "write": 2.0})
    assert spent["load"] >= 1.02
    assert spent["check"] < spent["load"] - 1
    assert spent["write"] == 2.0
    assert not stopwatch.is_running()
    with stopwatch.stage("load"):
        pass
    assert stopwatch.take() == {}
