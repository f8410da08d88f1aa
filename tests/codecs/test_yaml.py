from __future__ import annotations

import math

import pytest
import yaml as pyyaml
from hypothesis import given
from hypothesis import strategies as st

from converter.codecs import yaml
from converter.errors import SourceError
from tests.support import refusal

PARSERS = [pytest.param(pyyaml.SafeLoader, id="python")]
if hasattr(pyyaml, "CSafeLoader"):
    PARSERS.append(pytest.param(pyyaml.CSafeLoader, id="libyaml"))


@pytest.fixture(params=PARSERS, autouse=True)
def parser(request, monkeypatch):
    monkeypatch.setattr(yaml, "_PARSER", request.param)


def decode(text: str):
    return yaml.decode(text.encode(), "data.yaml")


def refused(text: str, problem: str) -> str:
    return refusal(problem, "data.yaml", decode, text).place


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *((name, name) for name in ("no", "No", "yes", "on", "off", "y", "n", "1:30", "2020-01-01", "007", "1_000")),
        *((name, name) for name in ("cat", "1.2.3", "1e", "e5", "0b1", "08", "+", ".", "=", "NaN", "nan", "inf")),
        *((name, True) for name in ("true", "True", "TRUE")),
        *((name, False) for name in ("false", "False", "FALSE")),
        *((name, None) for name in ("~", "null", "Null", "NULL", "")),
        *((name, value) for name, value in (("0", 0), ("-3", -3), ("+4", 4), ("0x1F", 31), ("0o17", 15))),
        *(
            (name, value)
            for name, value in (("1.5", 1.5), (".5", 0.5), ("1.", 1.0), ("1e5", 1e5), ("-1.5E-3", -1.5e-3))
        ),
        (".inf", math.inf),
        ("-.Inf", -math.inf),
        ("'1'", "1"),
        ('"true"', "true"),
        ("!!str 1", "1"),
        ("! 1", "1"),
        ("!!int 0x10", 16),
        ("!!float 3", 3.0),
        ("!!null ~", None),
        ("!!bool true", True),
        ("|\n two\n lines\n", "two\nlines\n"),
    ],
)
def test_scalars(text, value):
    result = decode(f"a: {text}")["a"]
    assert result == value
    assert type(result) is type(value)


def test_nan():
    assert math.isnan(decode("[.nan]")[0])


def test_a_data_yaml():
    text = "path: ../x  # here\ntrain: images/train\nnc: 3\nnames:\n  0: cat\n  1: no\n  2: 'a: b'\n"
    assert decode(text) == {
        "path": "../x",
        "train": "images/train",
        "nc": 3,
        "names": {0: "cat", 1: "no", 2: "a: b"},
    }
    assert decode("names: [cat, no, 7, 1.5]") == {"names": ["cat", "no", 7, 1.5]}


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "---\n...\n"])
def test_nothing_is_none(text):
    assert decode(text) is None


def test_marks_and_codes():
    assert yaml.decode("a: é".encode("utf-8-sig"), "a") == {"a": "é"}
    assert yaml.decode("a: é".encode("utf-16"), "a") == {"a": "é"}
    with pytest.raises(SourceError, match="0xe9 is not UTF-8") as caught:
        yaml.decode(b"a: 1\nb: caf\xe9", "a")
    assert caught.value.place == "line 2, byte 11"
    with pytest.raises(SourceError, match="not valid UTF-16"):
        yaml.decode("ab".encode("utf-16")[:-1], "a")


def test_aliases_and_merges():
    assert decode("a: &x [1, 2]\nb: *x\nc: &y 3\nd: *y") == {"a": [1, 2], "b": [1, 2], "c": 3, "d": 3}
    text = "base: &b {x: 1, y: 2}\nother: &o {y: 5, z: 6}\nc:\n  <<: [*b, *o]\n  x: 0\n"
    assert decode(text)["c"] == {"x": 0, "y": 2, "z": 6}
    assert decode("b: &b {x: 1}\nc: {<<: *b}")["c"] == {"x": 1}
    assert decode("'<<': 3") == {"<<": 3}
    assert decode("a: &x 1\nb: &x 2\nc: *x")["c"] == 2


@pytest.mark.parametrize(
    ("text", "problem", "place"),
    [
        ("a: 1\nb: 2\na: 3\n", "the key 'a' stands twice", "line 3, column 1"),
        ("x:\n  - {k: 1, k: 2}\n", "the key 'k' stands twice", "line 2, column 12"),
        ("names:\n  0: cat\n  0: dog\n", "the key 0 stands twice", "line 3, column 3"),
        ("a: [1, 2\n", "is not YAML", "line 2, column 1"),
        ("a: b: c", "is not YAML", "line 1, column 5"),
        ("a:\n\t- b\n", "is not YAML", "line 2, column 1"),
        ("a: 1\n---\nb: 2\n", "second document", "line 2, column 1"),
        ("a: *nothing", "stands for nothing", "line 1, column 4"),
        ("a: &x [*x]", "stands for nothing", "line 1, column 8"),
        ("a: &x 1\nb: &x [*x]", "stands for nothing", "line 2, column 8"),
        ("!!python/object/apply:os.system [ls]", "the tag", "line 1, column 1"),
        ("a: !!python/name:os.system x", "cannot be read as the tag", "line 1, column 4"),
        ("a: !thing x", "cannot be read as the tag", "line 1, column 4"),
        ("a: !!int x", "cannot be read as the tag", "line 1, column 4"),
        ("a: !!set {x}", "the tag", "line 1, column 4"),
        ("? [1]\n: 2\n", "cannot be a key", "line 1, column 3"),
        ("<<: 3", "takes a mapping", "line 1, column 5"),
        ("a: " + "1" * 4301, "too many digits", "line 1, column 4"),
        ("[" * 200, "nested more than 100", "line 1, column 101"),
        ("{a: " * 200, "nested more than 100", "line 1, column 401"),
        ("- " * 10_000, "nested more than 100", "line 1, column 201"),
        ("a: \0", "is not YAML", "character 3"),
    ],
)
def test_what_is_not_read_is_refused_with_its_place(text, problem, place):
    assert refused(text, problem) == place


def test_no_depth_is_too_much_for_an_error():
    refused("[" * 100_000, "nest")  # by libyaml's own limit where it has one


def test_a_hundred_levels_are_read():
    assert decode("[" * 100 + "]" * 100)


def test_alias_bombs():
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10)]
    assert refused("\n".join(levels), "expand to more than 100,000 values").startswith("line 5")
    mapping = ["a0: &a0 {x: 1}"] + [f"a{i}: &a{i} {{x: *a{i - 1}, y: *a{i - 1}}}" for i in range(1, 40)]
    refused("\n".join(mapping), "expand to more than")


def test_much_without_aliases_is_no_bomb(monkeypatch):
    monkeypatch.setattr(yaml, "_MAX_EXPANDED", 1000)
    text = "a: &a 1\nb: *a\nnames: [" + "x, " * 1500 + "x]\n"
    assert len(decode(text)["names"]) == 1501


HARD = """no|y|N|007|1e5|0o17|1:30|2020-01-01|~|<<|=|null|...|%d|!t|*a|&a|0x1F|.5|.inf|1_000|| a|a |a: b|# x|- a
a
b|a#b|a #b|a,b|it's|"|\\|{a}|[a]|@|`|?|? a|:|: a|true|On|-|+1"""
TEXT = st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(
    [*HARD.split("|"), "a\x85b", "a\u2028b", "\ufeffa", "\U0001f408", "x" * 300, "a\r\nb", "\x7f", "\t", "\n"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda values: st.lists(values) | st.dictionaries(TEXT | st.integers(), values),
    max_leaves=12,
)


@given(VALUES)
def test_what_is_encoded_is_read_by_us_and_by_pyyaml(value):
    data = yaml.encode(value)
    assert yaml.decode(data, "a.yaml") == value
    assert data == yaml.encode(yaml.decode(data, "a.yaml"))
    assert pyyaml.safe_load(data) == value


@given(TEXT)
def test_strings_are_strings_for_every_reader(text):
    for data in (yaml.encode([text]), yaml.encode({text: 1})):
        assert next(iter(pyyaml.load(data, pyyaml.SafeLoader))) == text
        assert next(iter(pyyaml.load(data, pyyaml.BaseLoader))) == text


def test_yaml_is_written_in_order_and_without_aliases():
    names = ["cat dog", "no", "Y", "007", "кошка", "\U0001f408"]
    shared = [1]
    value = {"path": "images/train", "names": dict(enumerate(names)), "b": shared, "a": shared}
    assert yaml.encode(value).decode() == (
        "path: images/train\nnames:\n  0: cat dog\n  1: 'no'\n  2: 'Y'\n  3: '007'\n  4: кошка\n"
        "  5: '\U0001f408'\nb:\n- 1\na:\n- 1\n"
    )
