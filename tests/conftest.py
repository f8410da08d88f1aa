"""Settings of all tests, and fixtures that several rooms use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.hostile.runs import Server

ROOT = Path(__file__).resolve().parents[1]

settings.register_profile(
    "segpack",
    deadline=None,  # machines differ, and a slow example is no wrong one
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("segpack")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--regenerate", action="store_true", help="write golden files instead of comparing with them")


@pytest.fixture
def regenerate(request: pytest.FixtureRequest) -> bool:
    """Whether golden files are to be written anew."""
    return bool(request.config.getoption("--regenerate"))


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real datasets: SEGPACK_DATA, else beside the repository; skips when it is absent."""
    folder = Path(os.environ.get("SEGPACK_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no real data in {folder}; name it with SEGPACK_DATA")
    return folder


@pytest.fixture(scope="session")
def whole() -> bool:
    """Whether real data is to be gone through whole (SEGPACK_SLOW=1), and not a part of it."""
    return os.environ.get("SEGPACK_SLOW") == "1"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """What runs commands in processes of their own, and measures them."""
    with Server(tmp_path_factory.mktemp("server")) as made:
        yield made
