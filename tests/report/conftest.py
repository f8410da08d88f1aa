"""The browser that pages are tried in."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.report.browser import Browser, chromium


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = chromium()
    if program is None:
        pytest.skip("no Chromium on this machine")
    browser = Browser(program)
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core, which judges how accessible a page is."""
    file = Path(os.environ.get("SEGPACK_AXE") or "axe.min.js")
    if not file.is_file():
        pytest.skip("no axe-core; name its axe.min.js with SEGPACK_AXE")
    return file.read_text("utf-8")
