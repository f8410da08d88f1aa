from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.sets import make_set
from tests.hostile.runs import Server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("server")) as made:
        yield made


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_set(tmp_path_factory.mktemp("source") / "set", images=40)
