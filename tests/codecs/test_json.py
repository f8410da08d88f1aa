from __future__ import annotations

import json as stdlib
import math
import time
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from converter.codecs import json
from converter.errors import SourceError
from tests.support import refusal


class Annotation(msgspec.Struct):
    id: int
    bbox: list[float] = []
    segmentation: msgspec.Raw = msgspec.Raw(b"null")


class Document(msgspec.Struct):
    annotations: list[Annotation] = []


class Lazy(msgspec.Struct):
    annotations: list[msgspec.Raw] = []


def refused(data: bytes, problem: str, type: Any = Any, **options) -> SourceError:
    return refusal(problem, "coco.json", json.decode, data, "coco.json", type, **options)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda values: st.lists(values) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), values),
    max_leaves=20,
)


@given(VALUES)
def test_what_is_encoded_is_read_by_us_and_by_json(value):
    for data in (json.encode(value), json.encode_pretty(value)):
        assert json.decode(data, "a.json") == value
        assert stdlib.loads(data) == value
    assert json.encode(value) == json.encode(stdlib.loads(json.encode(value)))


@given(VALUES)
def test_reads_what_the_standard_library_writes(value):
    assert json.decode(stdlib.dumps(value).encode(), "a.json") == value


def test_raw_fields_stay_as_they_are_written():
    document = json.decode(b'{"annotations":[{"id":3,"bbox":[1,2,3,4],"segmentation":[[1]]}]}', "a", Document)
    assert document.annotations[0].bbox == [1, 2, 3, 4]
    assert bytes(document.annotations[0].segmentation) == b"[[1]]"


def test_a_wrong_type_is_found_by_its_path():
    data = b'{"annotations":[{"id":1},{"id":2,"bbox":[1,"x"]}]}'
    error = refused(data, "Expected `float`, got `str`", Document)
    assert error.place == "$.annotations[1].bbox[1]"
    piece = msgspec.Raw(b'{"id":"1"}')
    with pytest.raises(SourceError) as caught:
        json.decode(piece, "coco.json", Annotation, place="annotation 1")
    assert caught.value.place == "annotation 1, $.id"


@pytest.mark.parametrize("coding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_byte_order_marks(coding):
    text = '{"name":"café"}'
    data = text.encode(coding)
    if coding.startswith("utf-16-"):
        data = "\ufeff".encode(coding) + data
    assert json.decode(data, "a.json") == {"name": "café"}


def test_utf_16_that_is_cut():
    refused('{"a":1}'.encode("utf-16")[:-1], "not valid UTF-16")


def test_bytes_that_are_not_utf_8():
    error = refused(b'{"a":1,\n"name":"caf\xe9"}', "byte 0xe9 is not UTF-8")
    assert error.place == "line 2, byte 19"
    # Also in what msgspec skips or leaves raw.
    refused(b'{"skipped":"\xff"}', "not UTF-8", Document)
    refused(b'{"annotations":["\xff"]}', "not UTF-8", Lazy)
    late = b'"' + b"\xc3\xa9" * (1 << 19) + b"a\xff" + b'"'
    assert refused(late, "0xff").place == f"line 1, byte {(1 << 20) + 2}"
    split = b'"' + b"\xc3\xa9" * (1 << 20) + b'"'
    assert len(json.decode(split, "a")) == 1 << 20
    refused(b'"' + b"a" * ((1 << 20) - 2) + b"\xc3", "0xc3")


@pytest.mark.parametrize(
    ("data", "problem", "place"),
    [
        (b"", "is empty; copy or download it again", ""),
        (b'{"a":\n[1,2', "truncated", "line 2, byte 10"),
        (b'{"a":1} x', "trailing characters", "line 1, byte 9"),
        (b'{"a" 1}', "is not JSON", "line 1, byte 5"),
        (b"[1,]", "trailing comma", "line 1, byte 3"),
        (b"{'a':1}", "is not JSON", "line 1, byte 1"),
        (b"\x00", "invalid character", "line 1, byte 0"),
    ],
)
def test_malformed_json_is_refused_with_its_place(data, problem, place):
    assert refused(data, problem).place == place


def test_deep_nesting_is_refused():
    for data in (b"[" * 100_000, b"[" * 100_000 + b"]" * 100_000, b'{"a":' * 100_000):
        refused(data, "nested too deeply")
    refused(b'{"annotations":[' + b"[" * 100_000 + b"]" * 100_000 + b"]}", "nested too deeply", Lazy)


def test_numbers_beyond_use():
    digits = b"1" * 4301
    refused(b'{"id":' + digits + b"}", "out of range")
    refused(b'{"annotations":[{"id":' + digits + b"}]}", "out of range", Document)
    assert refused(b'{"a":[1e999]}', "out of range").place == "$[...][0]"
    assert json.decode(b"[123456789012345678901234567890]", "a") == [123456789012345678901234567890]


def test_nan_spoils_only_its_record():
    data = b'{"annotations":[{"id":1,"bbox":[NaN,0,1,1]},{"id":2,"bbox":[1,2,3,4]}],"info":-Infinity}'
    records = json.decode(data, "a", Lazy).annotations
    assert json.decode(records[1], "a", Annotation).bbox == [1, 2, 3, 4]
    with pytest.raises(SourceError) as caught:
        json.decode(records[0], "a", Annotation)
    assert caught.value.place == "$.bbox[0]"
    assert refused(data, "Expected `float`", Document).remedy.startswith("NaN and Infinity")


def test_nan_in_strings_stays():
    data = b'{"a":[NaN,"NaN, \\" NaN",-Infinity,Infinity],"NaN":"Infinity"}'
    assert json.decode(data, "a") == {
        "a": ["NaN", 'NaN, " NaN', "-Infinity", "Infinity"],
        "NaN": "Infinity",
    }
    refused(b'["NaN"', "truncated")
    refused(b'[NaN, "NaN"', "truncated")
    refused(b"[nan]", "invalid character")


@given(st.recursive(st.floats() | st.text('NaIinfty\\" -', max_size=12), st.lists, max_leaves=10))
def test_nan_like_the_standard_library(value):
    def named(item: Any) -> Any:
        if isinstance(item, list):
            return [named(i) for i in item]
        if isinstance(item, float) and not math.isfinite(item):
            return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(item)]
        return item

    assert json.decode(stdlib.dumps(value).encode(), "a") == named(value)


def test_an_unclosed_string_takes_no_time():
    data = b'[NaN,"' + b'\\"' * 500_000
    begin = time.perf_counter()
    refused(data, "truncated")
    assert time.perf_counter() - begin < 1


def test_a_key_that_stands_twice_is_refused():
    json.decode(b'{"a":{"b":1},"b":[{"b":1},{"b":2}],"n":NaN}', "a.json")
    with pytest.raises(SourceError, match=r"^a\.json: the key 'b' stands twice in one object; remove one"):
        json.decode(b'\xef\xbb\xbf{"a":{"b":1,"b":2}}', "a.json")
    large = b'{"a":1,"a":2}' + b" " * 5_000_000
    assert json.decode(large, "a.json") == {"a": 2}
    with pytest.raises(SourceError, match="stands twice"):
        json.decode(large, "a.json", unique=[b'"a"'])
    with pytest.raises(SourceError, match=r"^a\.json: item 3: the key 'b' stands twice"):
        json.decode(b'{"b":1,"b":2}', "a.json", place="item 3")


def test_a_key_that_stands_twice():
    assert json.twice(b'{"a":{"b":1},"b":[{"b":1}]}', [b'"b"']) is None
    assert json.twice(b'{"a":1,"b":{"c":1},"b":2}', [b'"b"']) == "b"
    assert json.twice(rb'{"b":1,"\u0062":2}', [b'"b"']) == "b"


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (math.nan, "$"),
        ({"a": [1, {"b": math.inf}]}, r"$.a[1].b"),
        (Annotation(1, [0.0, -math.inf]), "$.bbox[1]"),
        ({"x": (1, math.nan), "raw": msgspec.Raw(b"1")}, r"$.x[1]"),
    ],
)
def test_encode_refuses_nan(value, path):
    for encode in (json.encode, json.encode_pretty):
        with pytest.raises(ValueError) as caught:
            encode(value)
        assert str(caught.value).startswith(path + " is ")


def test_json_is_written_as_utf8_in_the_order_of_keys():
    value = {"b": None, "a": [1, 2.5, "é\U0001f408"], "raw": Annotation(1, [], msgspec.Raw(b"[null]"))}
    assert json.encode(value) == (
        '{"b":null,"a":[1,2.5,"é\U0001f408"],"raw":{"id":1,"bbox":[],"segmentation":[null]}}'.encode()
    )
    assert json.encode_pretty({"a": [1], "é": {}}) == '{\n  "a": [\n    1\n  ],\n  "é": {}\n}\n'.encode()
