from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.sets import make_set


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_set(tmp_path_factory.mktemp("source") / "set", images=40)
