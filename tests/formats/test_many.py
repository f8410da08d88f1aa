"""What stands in columns for a whole set is, image by image, what was put in."""

from __future__ import annotations

from array import array
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from converter.layouts import mask_table
from converter.layouts.coco_read import Ids
from converter.layouts.groups import NOBODY, Groups
from converter.layouts.images import own_ids
from converter.layouts.mask_table import Finds, MaskFile, mask_paths
from converter.model import Image
from converter.storage import open_source

WIDE = st.one_of(st.integers(0, 3), st.sampled_from([127, 128, 1 << 31, 10**18, (1 << 63) - 1, -(1 << 62)]))


@given(st.lists(st.integers(NOBODY, 4)))
def test_members_are_found_by_their_owner(owners):
    groups = Groups.of(np.asarray(memoryview(array("i", owners))), 5)
    for owner in range(5):
        assert groups[owner].tolist() == [i for i, of in enumerate(owners) if of == owner]


@given(st.lists(st.one_of(st.none(), st.just("a"), st.integers(0, 5), st.sampled_from([1 << 63, 1 << 70]))))
def test_ids_that_occur_twice(given_ids):
    ids = Ids()
    for id in given_ids:
        ids.add(id)
    numbers = [id for id in given_ids if isinstance(id, int)]
    assert ids.twice() == sorted(id for id, n in Counter(numbers).items() if n > 1)
    assert ids.complete == (len(numbers) == len(given_ids))


@given(st.lists(st.one_of(st.none(), st.integers(0, 4))))
def test_ids_are_own_where_all_have_one_and_none_occurs_twice(ids):
    assert own_ids(Image("a", id=id) for id in ids) == (None not in ids and len(set(ids)) == len(ids))


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("masks")
    for name in "abcdef":
        (folder / f"{name}.png").touch()
    return open_source(folder)


ROWS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 5), WIDE, st.one_of(st.none(), WIDE), st.booleans()))


@given(rows=ROWS, at_once=st.integers(1, 4))
def test_masks_in_any_order(source, rows, at_once):
    finds = Finds(source)
    for name in "xyz":
        finds.add(Image(name))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(mask_table, "AT_ONCE", at_once)
        for image, place, class_id, id, iscrowd in rows:
            finds.add_mask(image, place, class_id, id, iscrowd=iscrowd)
        refs = finds.refs()
    for at, ref in enumerate(refs):
        mine = [MaskFile(source.names()[p], c, id, crowd) for image, p, c, id, crowd in rows if image == at]
        assert list(ref.payload) == mine
        assert len(ref.payload) == len(mine)
    assert list(mask_paths(refs)) == [source.names()[row[1]] for row in rows]
