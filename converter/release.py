"""Which segpack this is; the build reads it here, as to ask the installed package takes long."""

from __future__ import annotations

__all__ = ["VERSION"]

VERSION = "0.1.0"
