"""`python -m converter` is `segpack`."""

from converter.cli import main

main()
