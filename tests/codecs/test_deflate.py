"""Deflated pixels: what inflates to them again, and nothing that depends on where the packer lies in memory."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from isal import isal_zlib

from converter.codecs import deflate, png_write

DATA = st.binary(max_size=600) | st.builds(
    lambda piece, n: piece * n, st.binary(min_size=1, max_size=9), st.integers(1, 400)
)


@given(DATA)
def test_a_stream_inflates_to_the_data(data):
    assert zlib.decompress(deflate.stream(data)) == data


@given(DATA, st.integers(0, 300), st.integers(0, 300))
def test_zeros_go_around_the_data(data, above, below):
    assert zlib.decompress(deflate.stream(data, above, below)) == bytes(above) + data + bytes(below)


@given(st.binary(max_size=60), st.integers(0, 300), st.integers(0, 300), st.data())
def test_zeros_around_are_known_by_their_blocks_and_by_nothing_less(data, above, below, drawn):
    packed = deflate.stream(data, above, below)
    whole = bytes(above) + data + bytes(below)
    begin, found = deflate.between_zeros(packed, len(whole))
    if data and (above or below):
        assert begin >= above
        assert bytes(begin) + found + bytes(len(whole) - begin - len(found)) == whole
    else:
        assert not found
    spoiled = bytearray(packed)
    spoiled[drawn.draw(st.integers(0, len(packed) - 1))] ^= 1 << drawn.draw(st.integers(0, 7))
    begin, found = deflate.between_zeros(bytes(spoiled), len(whole))
    if found:  # bits that fill a byte up mean nothing
        assert bytes(begin) + found + bytes(len(whole) - begin - len(found)) == isal_zlib.decompress(bytes(spoiled))
    assert deflate.between_zeros(packed, len(whole) + 1) == (0, b"")


def test_repeats_are_sought_one_pixel_back_only():
    """A match that reached further back would come out of a hash table, whose state may differ."""
    data = np.random.default_rng(1).integers(0, 256, 997, np.uint8).tobytes()
    assert len(deflate.stream(data * 3)) > len(data * 3) * 0.99


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
def test_areas_of_one_value_pack_well_whatever_a_pixel_is(dtype, channels):
    pixels = np.repeat(np.random.default_rng(2).integers(0, 256, (50, 4, channels)), 100, axis=1).astype(dtype) * 3
    assert len(png_write.pack_pixels(pixels)) < pixels.nbytes / 25
