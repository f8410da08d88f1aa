"""Writes fixtures/: `python tests/make_fixtures.py [FOLDER] [FORMAT ...]`.

Every module of tests/making/ with a function `make(cases)` makes the fixtures of the
format of its name. Running it again gives the same files (tests/conformance/test_fixtures.py).
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests import making  # noqa: E402 -- after the root is on the path
from tests.making.files import Cases  # noqa: E402

DOTTED = {"yolo_1_1": "yolo-1.1"}  # a module's name cannot hold the dot


def makers() -> list[str]:
    """Formats that have a maker, by name."""
    found = [m.name for m in pkgutil.iter_modules(making.__path__)]
    return [DOTTED.get(n, n.replace("_", "-")) for n in sorted(found) if n not in {"drawings", "files"}]


def make(out: Path, formats: Sequence[str] = ()) -> None:
    """Write the fixtures of `formats` (all when none is named) below `out`."""
    for name in formats or makers():
        module = importlib.import_module(f"tests.making.{name.replace('-', '_').replace('.', '_')}")
        module.make(Cases(out / name))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "fixtures")
    parser.add_argument("formats", nargs="*", metavar="format")
    options = parser.parse_args()
    make(options.folder, options.formats)
