"""pycocotools is the judge of every code; our own inverse is not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pycocotools import mask as coco

from converter.errors import ShapeError
from converter.geometry import runlengths
from converter.model import Rle
from tests.geometry.masks import coco_code, coco_mask, masks, same
from tests.geometry.masks import coco_rle as of


def unsound(call, *args) -> None:
    with pytest.raises(ShapeError, match="counts"):
        call(*args)


class TestCounts:
    @given(masks(), st.data())
    def test_from_counts(self, mask, data):
        counts = runlengths.to_counts(of(mask)).tolist()
        judged = coco.frPyObjects({"counts": counts, "size": list(mask.shape)}, *mask.shape)
        assert judged["counts"] == coco_code(mask)
        for _ in range(data.draw(st.integers(0, 3))):
            i = data.draw(st.integers(0, len(counts) - 1))
            part = data.draw(st.integers(0, counts[i]))
            counts[i : i + 1] = [part, 0, counts[i] - part]
        assume(len(counts) <= 2 * mask.size + 2)
        same(runlengths.from_counts(counts, *mask.shape, listed=False), mask)
        assert runlengths.from_counts(counts, *mask.shape).counts == coco_code(mask)
        assert runlengths.from_counts(counts, *mask.shape).listed

    def test_no_length(self):
        mask = np.zeros(192, bool)
        mask[26:32] = True
        same(runlengths.from_counts([0, 0, 26, 6, 160], 16, 12, listed=False), mask.reshape(12, 16).T)
        same(runlengths.from_counts([26, 6, 160, 0, 0, 0], 16, 12, listed=False), mask.reshape(12, 16).T)
        same(runlengths.from_counts([26, 0, 0, 6, 160], 16, 12, listed=False), mask.reshape(12, 16).T)

    @pytest.mark.parametrize(
        "counts",
        [
            [],
            [191],
            [193],
            [3, 4294967293, 192],
            [2**64 + 192],
            [10**5000],
            [-(10**5000)],
            [200, -8],
            [-8, 200],
            [192.0],
            [191, True],
            [None, 192],
            ["192"],
            [[192]],
            [0] * 200_000 + [192],
            "192",
            b"192",
            192,
            None,
            {"0": 192},
        ],
        ids=lambda counts: str(type(counts)) if not isinstance(counts, list) else f"list of {len(counts)}",
    )
    def test_refused(self, counts):
        unsound(runlengths.from_counts, counts, 16, 12)

    @given(st.lists(st.one_of(st.integers(), st.integers(0, 40), st.floats(), st.none(), st.booleans())))
    def test_any_list(self, counts):
        try:
            found = runlengths.from_counts(counts, 4, 10)
        except ShapeError as error:
            assert "counts" in str(error)  # noqa: PT017 - either outcome is fine
        else:
            assert sum(counts) == 40
            assert found.counts == coco_code(coco_mask(found.counts, 4, 10))

    @given(masks())
    def test_to_counts(self, mask):
        flat = mask.ravel(order="F").astype(int)
        edges = np.flatnonzero(np.diff(flat, prepend=0))
        expected = np.diff(edges, prepend=0, append=flat.size)
        counts = runlengths.to_counts(of(mask))
        assert counts.dtype == np.int64
        assert counts.tolist() == expected.tolist()

    @given(st.lists(masks(), max_size=5))
    def test_flips(self, some):
        codes = [of(mask) for mask in some]
        for flips, code in zip(runlengths.flips(codes), codes, strict=True):
            assert flips.tolist() == np.cumsum(runlengths.to_counts(code))[:-1].tolist()

    @pytest.mark.parametrize("shape", [(0, 0), (0, 5), (5, 0)])
    def test_no_pixels(self, shape):
        mask = np.zeros(shape, bool)
        same(runlengths.from_counts([], *shape, listed=False), mask)
        same(runlengths.from_string("", *shape), mask)

    def test_most_pixels(self):
        height, width = 2**14, 2**15 - 1
        counts = [0, height * width]
        assert runlengths.to_counts(runlengths.from_counts(counts, height, width)).tolist() == counts
        with pytest.raises(ShapeError, match="no run-length code"):
            runlengths.from_counts([2**30], 2**15, 2**15)

    @given(st.lists(st.integers(0, 2**24), max_size=30))
    def test_long_runs(self, counts):
        counts = [*counts[:1], *(n + 1 for n in counts[1:])] or [1]
        code = coco.frPyObjects({"counts": counts, "size": [1, sum(counts)]}, 1, sum(counts))["counts"]
        assert runlengths.to_counts(Rle(1, sum(counts), code)).tolist() == counts
        if sum(counts) < 2**29:
            assert runlengths.from_string(code, 1, sum(counts)).counts == code
            assert runlengths.from_counts(counts, 1, sum(counts)).counts == code


class TestStrings:
    @given(masks())
    def test_canonical(self, mask):
        code = coco_code(mask)
        same(runlengths.from_string(code, *mask.shape), mask)
        same(runlengths.from_string(code.decode(), *mask.shape), mask)

    @given(masks(), st.data())
    def test_other_spellings(self, mask, data):
        counts = runlengths.to_counts(of(mask)).tolist()
        i = data.draw(st.integers(0, len(counts) - 1))
        counts[i : i + 1] = [counts[i], 0, 0]
        assume(len(counts) <= 2 * mask.size + 2)
        code = coco.frPyObjects({"counts": counts, "size": list(mask.shape)}, *mask.shape)["counts"]
        assert np.array_equal(coco_mask(code, *mask.shape), mask)
        same(runlengths.from_string(code, *mask.shape), mask)

    def test_padded_number(self):
        assert coco.area({"size": [1, 4], "counts": b"P0T0"}) == 4
        same(runlengths.from_string(b"P0T0", 1, 4), np.ones((1, 4), bool))

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "\0",
            "06\0",
            "06 ",
            "06\n",
            "p",
            "/",
            "é",
            "\ud800",
            "06P",
            "P",
            "P" * 40 + "0",
            "5",
            "7",
            "0O7",
        ],
    )
    def test_refused(self, text):
        unsound(runlengths.from_string, text, 2, 3)

    @pytest.mark.parametrize("text", [None, 6, ["06"], b"\xff06", b"\x0006", b"0" * 1000 + b"6"])
    def test_no_text(self, text):
        unsound(runlengths.from_string, text, 2, 3)

    def test_wraps_at_32_bits(self):
        code = coco.frPyObjects({"counts": [3, 4294967293, 192], "size": [16, 12]}, 16, 12)["counts"]
        unsound(runlengths.from_string, code, 16, 12)

    @given(
        st.one_of(
            st.binary(max_size=40),
            st.text(max_size=20),
            st.lists(st.integers(48, 111), max_size=40).map(bytes),
            st.lists(st.integers(48, 58), max_size=12).map(bytes),
        ),
        st.integers(0, 6),
        st.integers(0, 6),
    )
    def test_any_text(self, text, height, width):
        try:
            found = runlengths.from_string(text, height, width)
        except ShapeError as error:
            assert "counts" in str(error)  # noqa: PT017 - either outcome is fine
        else:
            judged = coco_mask(text if isinstance(text, bytes) else text.encode(), height, width)
            same(found, judged)

    @given(masks(), st.data())
    def test_damaged(self, mask, data):
        damaged = bytearray(coco_code(mask))
        i = data.draw(st.integers(0, len(damaged) - 1))
        damaged[i] = data.draw(st.integers(0, 255))
        damaged = damaged[: data.draw(st.integers(i, len(damaged)))]
        try:
            found = runlengths.from_string(bytes(damaged), *mask.shape)
        except ShapeError as error:
            assert "counts" in str(error)  # noqa: PT017 - either outcome is fine
        else:
            same(found, coco_mask(bytes(damaged), *mask.shape))
