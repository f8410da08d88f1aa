from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converter.codecs import text
from converter.errors import SourceError


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\ufeff")))
def test_utf_8_with_and_without_a_mark(value):
    assert text.decode_text(value.encode(), "a") == value
    assert text.decode_text(value.encode("utf-8-sig"), "a") == value
    assert text.decode_text(("\ufeff" + value).encode("utf-16-be"), "a") == value


def test_the_first_wrong_byte_is_named():
    with pytest.raises(SourceError, match=r"classes\.txt: line 3, byte 12: byte 0xe9 is not UTF-8; save"):
        text.decode_text(b"cat\ndog\ncafe\xe9\n", "classes.txt")


@given(st.binary(max_size=40))
def test_as_python_has_it(data):
    try:
        data.decode()
    except UnicodeDecodeError as error:
        with pytest.raises(SourceError, match=f"byte {error.start}:"):
            text.check_utf8(data, "a")
    else:
        text.check_utf8(data, "a")


@pytest.mark.parametrize("shift", range(4))
def test_characters_across_pieces(shift, monkeypatch):
    monkeypatch.setattr(text, "_PIECE", 8)
    data = b"a" * (5 + shift) + "\U0001f408".encode() + b"b" * 9
    text.check_utf8(data, "a")
    with pytest.raises(SourceError, match=f"byte {5 + shift}: byte 0xf0"):
        text.check_utf8(data.replace("\U0001f408".encode(), b"\xf0\x9f\x90"), "a")


@pytest.mark.parametrize("number", [0, -1, 10**18, 2**63 - 1, 1 - 2**63])
def test_whole_numbers_of_64_bits(number):
    assert text.whole(str(number)) == number


@pytest.mark.parametrize(
    "field", ["", "-", " 1", "1_0", "1.0", "\u0661", str(2**63), str(-(2**63)), "9" * 20, "9" * 5000]
)
def test_no_whole_numbers(field):
    assert text.whole(field) is None
