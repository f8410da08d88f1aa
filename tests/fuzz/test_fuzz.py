"""A short run of every target, and every input that was once not survived."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.mutate import mutated
from tests.fuzz.run import CORPUS
from tests.fuzz.targets import TARGETS

CASES = sorted(p for p in CORPUS.glob("*/*") if p.parent.name in TARGETS)


@pytest.mark.parametrize("path", CASES, ids=lambda p: f"{p.parent.name}-{p.name}")
def test_what_was_once_not_survived(path: Path) -> None:
    TARGETS[path.parent.name].run(path.read_bytes())


@pytest.mark.parametrize("name", TARGETS)
def test_good_inputs(name: str) -> None:
    for data in TARGETS[name].seeds():
        TARGETS[name].run(data)


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=40, deadline=None, derandomize=True, database=None)
@given(seed=st.integers(0, 2**32))
def test_changed_inputs(name: str, seed: int) -> None:
    chance, target = random.Random(seed), TARGETS[name]
    target.run(mutated(chance.choice(target.seeds()), target.words, target.mend, chance))
