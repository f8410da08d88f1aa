"""Writing labelmap.txt, the legend of CVAT and Datumaro: `name:r,g,b:parts:actions`, a class a line.

Nothing can be escaped in it: a name ends at the first colon, a line that begins with # is a
comment, blanks at the ends are cut off, and no name may come twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from converter.errors import UsageError
from converter.layouts.classes import is_background, is_ignore
from converter.model import Rgb

__all__ = ["LEGEND", "background_word", "encode_legend", "ignore_word", "legend_names"]

LEGEND = "labelmap.txt"
BACKGROUND_WORDS = ("background", "_background_", "__background__")
IGNORE_WORDS = ("ignore", "_ignore_", "__ignore__")


def legend_names(names: Sequence[str]) -> list[str]:
    """The names as a legend can hold them, in their order: what it cannot becomes `_`, and none comes twice."""
    made: list[str] = []
    taken = {n for n in names if n == _plain(n)}
    for name in names:
        plain = _plain(name)
        if plain != name:
            plain = _free(plain, taken)
            taken.add(plain)
        made.append(plain)
    return made


def _plain(name: str) -> str:
    bare = name.strip().replace(":", "_")
    return "_" + bare[1:] if bare.startswith("#") else bare


def _free(name: str, taken: set[str]) -> str:
    free, number = name, 2
    while free in taken:
        free, number = f"{name}_{number}", number + 1
    return free


def background_word(names: Iterable[str]) -> str:
    """What a legend calls the background, beside classes of these names; readers go by its colour, and by the word."""
    return _word(BACKGROUND_WORDS, {n for n in names if is_background(n)})


def ignore_word(names: Iterable[str]) -> str:
    """What a legend calls pixels to be ignored, beside classes of these names."""
    return _word(IGNORE_WORDS, {n for n in names if is_ignore(n)})


def _word(words: Sequence[str], taken: set[str]) -> str:
    for word in words:
        if word not in taken:
            return word
    raise UsageError(f"classes are called {', '.join(words)}, and the legend needs one of them; rename with --classes")


def encode_legend(entries: Iterable[tuple[str, Rgb]]) -> bytes:
    """The file, from names and colours that are already such as it can hold."""
    rows = [f"{name}:{r},{g},{b}::\n" for name, (r, g, b) in entries]
    return ("# label:color_rgb:parts:actions\n" + "".join(rows)).encode()
