"""Packed names are the list of strings that they stand for."""

from __future__ import annotations

import pickle
from bisect import bisect_left

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converter.storage.listing import Names, place_among

PARTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0/"), min_size=1, max_size=3)
PATHS = st.lists(st.lists(PARTS, min_size=1, max_size=3).map("/".join), unique=True).map(sorted)
MANY = sorted(f"masks/train/{image:05d}/{number:04d}_{image % 7}.png" for image in range(100) for number in range(9))


@given(PATHS, PARTS)
def test_as_a_list(paths, other):
    names = Names(paths)
    assert len(names) == len(paths)
    assert list(names) == paths
    assert [names[i] for i in range(len(names))] == paths
    for path in (*paths, other, ""):
        assert names.place(path) == place_among(names, path) == place_among(paths, path) == bisect_left(paths, path)


def test_many_names_in_any_order():
    names = Names(MANY)
    assert list(names) == MANY
    assert [names.place(path) for path in reversed(MANY)] == list(reversed(range(len(MANY))))
    assert (names[-1], names[3:7], names[:-890:-1]) == (MANY[-1], MANY[3:7], MANY[:-890:-1])
    with pytest.raises(IndexError):
        names[len(MANY)]


def test_they_take_less_than_they_are_long():
    assert len(pickle.dumps(Names(MANY))) < 0.6 * sum(map(len, MANY))
