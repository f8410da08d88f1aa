"""A short run of every target, and every input that was once not survived."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.run import CORPUS, changed
from tests.fuzz.targets import CODECS, READERS, TARGETS

CASES = sorted(p for p in CORPUS.glob("*/*") if p.parent.name in TARGETS)
SEEDS = st.integers(0, 2**32)


@pytest.mark.parametrize("path", CASES, ids=lambda p: f"{p.parent.name}-{p.name}")
def test_what_was_once_not_survived(path: Path) -> None:
    TARGETS[path.parent.name].run(path.read_bytes())


def test_the_corpus_is_of_targets() -> None:
    assert {p.name for p in CORPUS.iterdir() if p.is_dir()} <= TARGETS.keys()


@pytest.mark.parametrize("name", CODECS)
def test_good_inputs(name: str) -> None:
    for data in CODECS[name].seeds():
        CODECS[name].run(data)


@pytest.mark.parametrize("name", CODECS)
@settings(max_examples=40, deadline=None, derandomize=True, database=None)
@given(seed=SEEDS)
def test_changed_inputs(name: str, seed: int) -> None:
    CODECS[name].run(changed(CODECS[name], CODECS[name].seeds(), random.Random(seed)))


@pytest.mark.parametrize("name", READERS)
@settings(max_examples=5, deadline=None, derandomize=True, database=None)
@given(seed=SEEDS)
def test_damaged_fixtures(name: str, seed: int) -> None:
    READERS[name].run(changed(READERS[name], READERS[name].seeds(), random.Random(seed)))
