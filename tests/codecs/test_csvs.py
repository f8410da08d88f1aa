from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converter.codecs import csvs
from converter.errors import SourceError
from tests.support import refusal


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch):
    monkeypatch.setattr(csvs, "_PIECE", 7)


def rows(data: bytes, file: str) -> list[dict[str, str]]:
    """The same of the bytes and of a file that is opened, or the same error."""
    answers: list[list[dict[str, str]] | SourceError] = []
    for table in (data, lambda: io.BytesIO(data)):
        try:
            answers.append(csvs.rows(table, file))
        except SourceError as error:
            answers.append(error)
    whole, opened = answers
    if isinstance(whole, SourceError):
        assert (type(opened), str(opened)) == (SourceError, str(whole))
        raise whole
    assert not isinstance(opened, SourceError)
    assert opened == whole
    return whole


def refused(data: bytes, problem: str) -> str:
    return refusal(problem, "a.csv", rows, data, "a.csv").place


def test_rows_are_by_column_quoted_cells_and_all():
    data = b'\xef\xbb\xbfPixel Value, Class\r\n0, background\r\n\r\n1,"a ""big""\r\n, cat"\r\n'
    assert rows(data, "_classes.csv") == [
        {"Pixel Value": "0", "Class": " background"},
        {"Pixel Value": "1", "Class": 'a "big"\r\n, cat'},
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_delimiters_and_line_ends(delimiter, end):
    text = end.join([delimiter.join(["id", '"a;b,c"', "name"]), delimiter.join("123"), ""])
    assert rows(text.encode(), "a") == [{"id": "1", "a;b,c": "2", "name": "3"}]


def test_a_table_of_one_column_needs_no_separator():
    assert rows(b"name\ncat\ndog;fish", "a") == [{"name": "cat"}, {"name": "dog;fish"}]


@pytest.mark.parametrize("data", [b"", b"\n\n", b"id,name\n"])
def test_a_table_without_rows_is_empty(data):
    assert rows(data, "a") == []


def test_a_long_field():
    code = " ".join(["123 45"] * 200_000)
    assert rows(f"id,rle\n1,{code}\n".encode(), "a")[0]["rle"] == code


@pytest.mark.parametrize(
    ("data", "problem", "place"),
    [
        (b"id,name\n1,a\n2\n", "1 fields where the header has 2", "line 3"),
        (b"id,name\n1,a,b\n", "3 fields where the header has 2", "line 2"),
        (b'id,name\n"1\n2",a\n3\n', "1 fields", "line 4"),
        (b"id,id \n1,2\n", "names a column twice", "line 1"),
        (b'id,name\n1,"a\n', "is not CSV", "line 2"),
        (b'id,name\n1,"a"b\n', "is not CSV", "line 2"),
        (b"id\n1\n\0\n", "NUL", "line 3"),
        (b"id,name\n1,caf\xe9\n", "0xe9 is not UTF-8", "line 2, byte 13"),
    ],
)
def test_what_is_no_table_is_refused_with_its_place(data, problem, place):
    assert refused(data, problem) == place


def test_columns_that_are_needed_are_missed():
    assert csvs.rows(b"b,a,c\n1,2,3\n", "t.csv", needs=("a", "b")) == [{"a": "2", "b": "1", "c": "3"}]
    with pytest.raises(SourceError, match=r"^t.csv: line 2: the header lacks 'a', 'd'; it has b, aa, c; "):
        csvs.rows(b"\nb,aa,c\n1,2,3\n", "t.csv", needs=("a", "b", "d"))


def test_cells_are_quoted_where_they_have_to_be():
    records: list[list[object]] = [["a.png", 1, None], ['say "x", y', 2.5, "a\rb"], ["ä\n", "", " "]]
    assert csvs.encode(["image", "id", "name"], records) == (
        'image,id,name\na.png,1,\n"say ""x"", y",2.5,"a\rb"\n"ä\n",, \n'.encode()
    )
    assert csvs.encode(["a"], [[None], [1]]) == b'a\n""\n1\n'
    with pytest.raises(ValueError):
        csvs.encode(["a", "b"], [["1"]])


FIELD = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)


@given(st.integers(1, 4).flatmap(lambda n: st.lists(st.lists(FIELD, min_size=n, max_size=n), max_size=5)))
def test_what_is_encoded_is_read_by_us_and_by_csv(records):
    names = [f"column {i}" for i in range(len(records[0]) if records else 2)]
    data = csvs.encode(names, records)
    assert rows(data, "a") == [dict(zip(names, r, strict=True)) for r in records]
    assert list(csv.reader(io.StringIO(data.decode(), newline=""))) == [names, *records]
