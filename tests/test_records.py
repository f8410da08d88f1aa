"""Packed records are the records."""

from __future__ import annotations

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from converter import records
from converter.model import Loss
from converter.records import Records

LOSSES = st.lists(
    st.builds(
        Loss, st.sampled_from("ab"), st.text(), st.none() | st.integers(), st.integers() | st.floats(0), st.text()
    )
)


@given(st.lists(LOSSES), st.integers(1, 5), st.integers(-30, 30), st.integers(-30, 30))
def test_as_a_list(parts, block, start, stop):
    expected = [loss for part in parts for loss in part]
    before, records._BLOCK = records._BLOCK, block
    try:
        found = Records(parts[0] if parts else ())
        for part in parts[1:]:
            found.extend(part)
        assert len(found) == len(expected)
        assert list(found) == expected
        assert [found[i] for i in range(len(expected))] == expected
        assert [found[-1 - i] for i in range(len(expected))] == expected[::-1]
        assert found[start:stop] == expected[start:stop]
        assert found == expected
        assert found == Records(expected)
        assert found != [*expected, None]
        assert bool(found) == bool(expected)
    finally:
        records._BLOCK = before


def test_numbers_keep_their_kind():
    found = Records([Loss("a", "b", 1, amount, "c") for amount in (1, 1.0) * 1000])
    assert {type(loss.amount) for loss in found} == {int, float}


def test_many_like_records_take_few_bytes_each():
    tracemalloc.start()
    try:
        found = Records(Loss("overlap", f"train/{i:012}.jpg", i, i, f"{i} pixels lie elsewhere") for i in range(50_000))
        assert tracemalloc.get_traced_memory()[0] < 50 * len(found)
    finally:
        tracemalloc.stop()
