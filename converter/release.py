"""Which segpack this is."""

from __future__ import annotations

__all__ = ["version"]


def version() -> str:
    """The version that is installed; importlib.metadata is imported when it is asked for, being slow to import."""
    from importlib.metadata import version as installed  # noqa: PLC0415

    return installed("segpack")
