"""What segpack writes, read by the formats' own packages; what those write, read by segpack.

The packages are the extra `peers` (about 1.5 GB with what they need):

    python3 -m pip install -e '.[dev,peers]' && python3 -m pytest tests/peers

Supervisely's SDK asks for versions of its own and has its extra, `peers-supervisely`, for an environment of its own.
A module asks for its package with `peer(...)` and is skipped, visibly, where it is not installed.
"""

from __future__ import annotations

import warnings
from typing import Any

import pytest

__all__ = ["peer"]


def peer(module: str) -> Any:
    """A module of a third party, imported without its warnings; skips the asking module when it is absent."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip(module, reason=f"{module} is not installed; see tests/peers/__init__.py")
