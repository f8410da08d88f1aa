"""The table of formats: printed by the command, and the same in the README."""

from __future__ import annotations

import re

import pytest

from converter.formats import all_formats
from tests.support import ROOT, segpack

README = ROOT / "README.md"
BLOCK = re.compile(r"<!-- formats -->\n(.*?)<!-- /formats -->", re.DOTALL)


def table() -> str:
    """The table as Markdown."""
    rows = ["| format | read | write | what it is |", "|---|---|---|---|"]
    for name, format in all_formats().items():
        read, write = ("yes" if can else "" for can in (format.reads, format.writes))
        rows.append(f"| `{name}` | {read} | {write} | {format.summary} |")
    return "\n".join(rows) + "\n"


def test_the_readme_is_current(regenerate):
    content = README.read_text()
    assert BLOCK.search(content), "README.md has no <!-- formats --> block"
    if regenerate:
        README.write_text(BLOCK.sub(lambda _: f"<!-- formats -->\n{table()}<!-- /formats -->", content))
    found = BLOCK.search(README.read_text())
    assert found is not None
    assert found[1] == table(), "run pytest tests/formats/test_table.py --regenerate"


def test_the_command_lists_every_format():
    lines = segpack("formats").out.splitlines()
    assert [line.split()[0] for line in lines] == list(all_formats())


@pytest.mark.parametrize("name", all_formats())
def test_every_format_has_a_page(name):
    format = all_formats()[name]
    assert len(format.page.splitlines()) > 8
    for part in ("holds", "cannot hold", "coordinates"):
        assert part in format.page.lower()
    assert "|" not in format.summary
