"""Values that programs stumble over."""

from __future__ import annotations

from typing import Any

__all__ = ["HUGE", "TOKENS", "VALUES"]

HUGE = "a-number-of-5000-digits"  # stands in JSON for what `json` refuses to write

VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 255, 256, 65536, 2**31, 2**32, 2**63, 2**64, 10**30,
    0.0, -0.0, 0.5, 1.5, -1e-9, 1e-320, 1e9, 1e308, -1e308, float("nan"), float("inf"), float("-inf"), HUGE,
    "", " ", "0", "1", "-1", "1.0", "1e5", "0x1", "\u00b2", "nan", "None", "true", "x", "a\nb", "a\0b", "\x1b[2J",
    "\ud800", "\ufeff", "caf\u00e9", "cafe\u0301", "../x", "/etc/passwd", "C:\\x", "a/b", ".", "..", "aux", "=1+1",
    "x" * 300, "{image}", "%s", "<b>",
    [], {}, [[]], [{}], {"": None}, [None], [0], [1, 2], [1, 2, 3, 4], [[1, 2], [3, 4]], ["x"], {"x": 1}, {"1": "a"},
)  # fmt: skip

TOKENS = tuple(
    text.encode("utf-8", "surrogatepass")
    for text in (
        *("null", "NaN", "-Infinity", "1e400", "1e-400", "-1", "0", "1", "255", "256", "1.5", "-0", "9" * 5000, "0x1"),
        *("\u00b2", "\u0661", "1_0", "nan", "inf", "true", "yes", "~", "on", "", " ", "\t", "\0", "\v", "\u2028", "\r"),
        *(
            "[]",
            "{}",
            '""',
            "[[[[",
            "{{{{",
            "}",
            "]",
            ",",
            ":",
            '"',
            "'",
            "\\",
            "\\ud800",
            "#",
            "|",
            ">",
            "%",
            "-",
            "- ",
        ),
        *("&a", "*a", "<<: ", "? ", "---\n", "...\n", "!!python/name:os", "!!binary ", "!!set ", "2001-01-01", "0o7"),
        *("<!DOCTYPE a [<!ENTITY b 'c'>]>", "&b;", "&#0;", "<![CDATA[", "]]>", "<!--", "<?x?>", "xmlns:x='y'", "</a>"),
        *("../", "/", "/etc/passwd", "..", ".", "C:", "http://x/", "*", "[a-", "a" * 300, "\ud800", "\ufeff", "=1+1"),
    )
)
