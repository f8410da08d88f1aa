"""`python -m converter` is `segpack`."""

from converter.cli import program

program()
