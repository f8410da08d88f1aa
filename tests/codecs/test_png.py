from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from converter.codecs import deflate, png, png_chunks, png_write
from converter.errors import SourceError
from tests.codecs import pngs
from tests.support import refusal

GRADIENT = np.arange(12 * 16, dtype=np.uint8).reshape(12, 16)
LABELS = GRADIENT % 2


def pillow(data: bytes):
    return np.asarray(Image.open(io.BytesIO(data)))


def by_pillow(array, mode=None, **options) -> bytes:
    image = Image.fromarray(array)
    out = io.BytesIO()
    (image.convert(mode) if mode else image).save(out, "png", **options)
    return out.getvalue()


def refused(data: bytes, problem: str, read=png.read_raw) -> SourceError:
    return refusal(problem, "masks/a.png", read, data, "masks/a.png")


# ---------------------------------------------------------------- writing


@given(
    hnp.arrays(
        st.sampled_from([np.bool_, np.uint8, np.uint16]),
        hnp.array_shapes(min_dims=2, max_dims=2, max_side=40),
    )
)
def test_encode_gray_is_what_pillow_reads(array):
    data = png_write.encode_gray(array)
    expected = array * np.uint8(255) if array.dtype == bool else array
    assert np.array_equal(pillow(data), expected)
    raw = png.read_raw(data, "a.png")
    assert np.array_equal(raw.array, expected)
    assert raw.array.dtype == expected.dtype
    assert (raw.kind, raw.bit_depth, raw.palette) == ("gray", 8 * expected.dtype.itemsize, None)
    assert png_write.encode_gray(np.asfortranarray(array)) == data


@given(st.data())
def test_encode_mask_places_the_crop(data):
    height, width = data.draw(st.integers(1, 120)), data.draw(st.integers(1, 50))
    h, w = data.draw(st.integers(0, height)), data.draw(st.integers(0, width))
    y, x = data.draw(st.integers(0, height - h)), data.draw(st.integers(0, width - w))
    crop = np.random.default_rng(h * w).random((h, w)) < 0.5
    full = np.zeros((height, width), bool)
    full[y : y + h, x : x + w] = crop

    encoded = png_write.encode_mask(crop, x, y, height, width)

    assert np.array_equal(pillow(encoded), full * np.uint8(255))
    assert np.array_equal(png.read_raw(encoded, "a.png").array, full * np.uint8(255))
    png.verify(encoded, "a.png")
    deflate._zeros.cache_clear()
    assert png_write.encode_mask(crop, x, y, height, width) == encoded


def test_a_large_mask_keeps_its_checksum():
    crop = np.ones((3000, 2), bool)
    data = png_write.encode_mask(crop, 3997, 2500, 9000, 4000)
    assert png.read_raw(data, "a.png").array.sum(dtype=np.int64) == 255 * 6000


def test_encoding_is_minimal():
    data = png_write.encode_mask(np.ones((2, 2), bool), 1, 1, 480, 640)
    assert [kind for kind, _, _ in png_chunks.chunks(data, "a")] == [b"IHDR", b"IDAT", b"IEND"]
    assert len(data) < 500


@pytest.mark.parametrize(
    "array",
    [np.zeros((2, 2, 3), np.uint8), np.zeros((2, 2), np.int64), np.zeros((0, 3), bool), np.zeros(4, bool)],
)
def test_encode_gray_takes_gray_only(array):
    with pytest.raises(ValueError):
        png_write.encode_gray(array)


@pytest.mark.parametrize(
    ("crop", "x", "y"),
    [
        (np.ones((2, 2), bool), 9, 0),
        (np.ones((2, 2), bool), 0, -1),
        (np.ones((2, 2), np.uint8), 0, 0),
    ],
)
def test_encode_mask_takes_a_crop_that_fits(crop, x, y):
    with pytest.raises(ValueError):
        png_write.encode_mask(crop, x, y, 10, 10)


# ---------------------------------------------------------------- reading


@settings(max_examples=400)
@given(pngs.drawn())
def test_every_colour_type_depth_filter_and_interlacing(drawn):
    data, samples, kind, depth = drawn
    raw = png.read_raw(data, "a.png")
    assert np.array_equal(raw.array, samples)
    assert raw.array.dtype == samples.dtype
    assert (raw.kind, raw.bit_depth) == (kind, depth)
    assert raw.palette == (pngs.PALETTE if kind == "palette" else None)
    header = png.verify(data, "a.png")
    assert (header.height, header.width) == samples.shape[:2]


@settings(max_examples=400)
@given(pngs.drawn())
def test_a_crop_has_all_that_is_not_zero(drawn):
    data, samples, _, _ = drawn
    crop = png.read_crop(data, "a.png")
    whole = np.zeros_like(samples)
    whole[crop.y : crop.y + crop.array.shape[0], crop.x : crop.x + crop.array.shape[1]] = crop.array
    assert np.array_equal(whole, samples)
    assert (crop.height, crop.width) == samples.shape[:2]


@given(st.data())
def test_what_was_written_here_is_read_without_the_zeros_around(data):
    height, width = data.draw(st.integers(1, 120)), data.draw(st.integers(1, 50))
    h, w = data.draw(st.integers(0, height)), data.draw(st.integers(0, width))
    y, x = data.draw(st.integers(0, height - h)), data.draw(st.integers(0, width - w))
    crop = np.random.default_rng(h * w).random((h, w)) < data.draw(st.sampled_from([0.0, 0.5, 1.0]))
    encoded = png_write.encode_mask(crop, x, y, height, width)

    found = png.read_crop(encoded, "a.png")

    whole = np.zeros((height, width), np.uint8)
    whole[found.y : found.y + found.array.shape[0], found.x : found.x + found.array.shape[1]] = found.array
    assert np.array_equal(whole, pillow(encoded))
    assert (found.height, found.width) == (height, width)


@pytest.mark.parametrize("filters", [(0,), (1,), (2,), (1, 2)])
def test_a_crop_holds_little_of_an_empty_picture(filters):
    samples = np.zeros((300, 400), np.uint8)
    samples[100:110, 200:220] = 255
    crop = png.read_crop(pngs.write(samples, filters=filters), "a.png")
    assert crop.array.size < 20 * 300
    assert (crop.x, crop.y) == (200, 100)


@pytest.mark.parametrize("filters", [(0,), (1,), (2,), (3,), (4,), (0, 1, 2), (4, 3, 2, 1, 0)])
@pytest.mark.parametrize("color", [0, 2, 4, 6])
def test_the_test_writer_agrees_with_pillow(color, filters):
    channels = pngs.CHANNELS[color]
    samples = np.random.default_rng(color).integers(0, 256, (9, 11, channels)).astype(np.uint8)
    data = pngs.write(samples, color=color, filters=filters)
    expected = pillow(data)
    assert np.array_equal(expected, samples[:, :, 0] if channels == 1 else samples)
    assert np.array_equal(png.read_raw(data, "a.png").array, expected)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA"])
@pytest.mark.parametrize("size", [(1, 1), (7, 3), (64, 48)])
@pytest.mark.parametrize("optimize", [False, True])
def test_what_pillow_wrote(mode, size, optimize):
    rng = np.random.default_rng(1)
    array = rng.integers(0, 256, (size[1], size[0], 3)).astype(np.uint8)
    array[: size[1] // 2] = 0
    data = by_pillow(array, mode, optimize=optimize)
    expected = pillow(data)
    raw = png.read_raw(data, "a.png")
    assert np.array_equal(raw.array, expected)
    assert raw.bit_depth == 1 or mode != "1"


def test_gray_of_few_bits_is_not_scaled():
    for depth in (1, 2, 4):
        top = (1 << depth) - 1
        raw = png.read_raw(pngs.write(LABELS * top, depth=depth), "a.png")
        assert set(np.unique(raw.array)) == {0, top}
        assert raw.bit_depth == depth


def test_sixteen_bits_are_kept():
    ids = GRADIENT.astype(np.uint16) * 300
    for filters in ((0,), (1,), (4,)):
        assert np.array_equal(png.read_raw(pngs.write(ids, depth=16, filters=filters), "a.png").array, ids)
    assert np.array_equal(png.read_raw(by_pillow(ids), "a.png").array, ids)


def test_palette_indices_are_not_colours():
    data = pngs.write(LABELS, color=3, extra=pngs.palette() + pngs.chunk(b"tRNS", b"\0"))
    raw = png.read_raw(data, "a.png")
    assert np.array_equal(raw.array, LABELS)
    assert raw.palette == pngs.PALETTE


def test_an_index_past_the_palette_is_kept():
    assert png.read_raw(pngs.write(GRADIENT, color=3), "a.png").array.max() == 191


def test_bytes_after_the_end_are_allowed():
    data = pngs.write(LABELS) + b"PK\x03\x04 and more"
    assert np.array_equal(png.read_raw(data, "a.png").array, LABELS)
    png.verify(data, "a.png")


# ---------------------------------------------------------------- refusing


def built(*parts: bytes) -> bytes:
    return pngs.SIGNATURE + b"".join(parts) + pngs.chunk(b"IEND")


def idat(raw: bytes) -> bytes:
    return pngs.chunk(b"IDAT", zlib.compress(raw))


PIXELS = idat(b"\0" * 17 * 12)

CASES = {
    "empty": (b"", "is empty"),
    "not a PNG": (b"GIF89a", "is not a PNG"),
    "size 0": (built(pngs.header(0, 0), idat(b"")), "0x0"),
    "144 million": (built(pngs.header(12000, 12000), PIXELS), "12000x12000 pixels are more"),
    "no data": (built(pngs.header(13000, 13000)), "13000x13000 pixels are more"),
    "no data, below the limit": (built(pngs.header(9000, 9000)), "no pixel data"),
    "little data": (built(pngs.header(9000, 9000), PIXELS), "pixel data"),
    "row missing": (built(pngs.header(16, 13), PIXELS), "unpacks to 204 bytes"),
    "row too many": (built(pngs.header(16, 11), PIXELS), "unpacks to more bytes"),
    "cut stream": (built(pngs.header(16, 12), pngs.chunk(b"IDAT", PIXELS[8:-8])), "is cut"),
    "no stream": (built(pngs.header(2, 2), pngs.chunk(b"IDAT", b"\xff" * 40)), "damaged"),
    "wrong sum": (built(pngs.header(16, 12), pngs.chunk(b"IDAT", PIXELS[8:-5] + b"!")), "damaged"),
    "no palette": (built(pngs.header(16, 12, 8, 3), PIXELS), "no palette"),
    "late palette": (built(pngs.header(16, 12, 8, 3), PIXELS, pngs.palette()), "palette is damaged"),
    "odd palette": (
        built(pngs.header(16, 12, 8, 3), pngs.chunk(b"PLTE", b"ab"), PIXELS),
        "palette is damaged",
    ),
    "two headers": (built(pngs.header(16, 12), pngs.header(16, 12), PIXELS), "two headers"),
    "no header": (built(PIXELS), "does not begin with its header"),
    "3 bits": (built(pngs.header(16, 12, 3), PIXELS), "makes no sense"),
    "colour type 5": (built(pngs.header(16, 12, 8, 5), PIXELS), "makes no sense"),
    "unknown chunk": (built(pngs.header(16, 12), pngs.chunk(b"ABCD"), PIXELS), "unknown"),
    "split data": (
        built(pngs.header(16, 12), PIXELS, pngs.chunk(b"tIME", bytes(7)), PIXELS),
        "something between",
    ),
    "filter 5": (built(pngs.header(1, 1), idat(b"\5\0")), "damaged|row filter"),
    "wrong crc": (built(pngs.header(16, 12), pngs.chunk(b"IDAT", PIXELS[8:-4], crc=1)), "wrong CRC"),
}


@pytest.mark.parametrize("read", [png.read_raw, png.verify])
@pytest.mark.parametrize("case", CASES)
def test_what_is_no_sound_png_is_refused(case, read):
    data, problem = CASES[case]
    refused(data, problem, read)


def test_the_largest_camera_passes():
    assert png_chunks.read_header(built(pngs.header(6000, 5312)), "a.png").width == 6000


def test_many_bytes_a_pixel():
    data = built(pngs.header(9000, 9000, 16, 6), PIXELS)
    refused(data, "648,009,000 bytes of pixels are more")
    ids = np.full((20, 20), 700, np.uint16)
    with pytest.raises(SourceError, match="20x20 pixels are more than the 399"):
        png.read_raw(png_write.encode_gray(ids), "a.png", max_pixels=399)


def test_a_bomb_of_text_is_refused_only_by_verify():
    bomb = zlib.compress(bytes(64 << 20))
    for extra in (
        pngs.chunk(b"zTXt", b"Comment\0\0" + bomb),
        pngs.chunk(b"iTXt", b"Comment\0\1\0en\0key\0" + bomb),
        pngs.chunk(b"iCCP", b"profile\0\0" + bomb),
    ):
        data = pngs.write(LABELS, extra=extra)
        refused(data, "unpacks to more than 4 MB", png.verify)
        assert np.array_equal(png.read_raw(data, "a.png").array, LABELS)


def test_text_that_is_not_a_bomb_passes():
    extra = pngs.chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(1 << 20)))
    extra += pngs.chunk(b"iTXt", b"Comment\0\0\0en\0key\0hello") + pngs.chunk(b"zTXt", b"broken\0\0!!!")
    png.verify(pngs.write(LABELS, extra=extra), "a.png")


def test_a_damaged_text_chunk_is_found_by_verify():
    data = pngs.write(LABELS, extra=pngs.chunk(b"tEXt", b"a\0b", crc=7))
    refused(data, "wrong CRC", png.verify)
    assert np.array_equal(png.read_raw(data, "a.png").array, LABELS)


@pytest.mark.parametrize("size", [(1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3 << 20])
def test_verify_in_pieces(size):
    raw = b"".join(b"\0" + bytes([i % 251]) * size for i in range(3))
    png.verify(built(pngs.header(size, 3), idat(raw)), "a.png")
    noise = np.random.default_rng(0).integers(0, 256, (3, size)).astype(np.uint8)
    png.verify(built(pngs.header(size, 3), idat(b"".join(b"\4" + row.tobytes() for row in noise))), "a.png")
    refused(built(pngs.header(size, 2), idat(raw)), "unpacks to more", png.verify)
    refused(built(pngs.header(size, 4), idat(raw)), "unpacks to", png.verify)


FRAGILE = {
    "plain": pngs.write(LABELS),
    "paeth": pngs.write(GRADIENT, filters=(4, 3)),
    "sub": pngs.write(GRADIENT, filters=(1, 2)),
    "palette": pngs.write(LABELS, color=3, depth=2, pieces=3),
    "interlaced": pngs.write(GRADIENT[:5, :5], interlaced=True, filters=(4,)),
    "text": pngs.write(
        LABELS, extra=pngs.chunk(b"tEXt", b"a\0b") + pngs.chunk(b"zTXt", b"a\0\0" + zlib.compress(b"x"))
    ),
}


@pytest.mark.parametrize("read", [png.read_raw, png.verify])
@pytest.mark.parametrize("name", FRAGILE)
def test_a_cut_anywhere_is_found(name, read):
    data = FRAGILE[name]
    for end in range(len(data)):
        with pytest.raises(SourceError):
            read(data[:end], "a.png")


@pytest.mark.parametrize("name", FRAGILE)
def test_a_flipped_bit_is_found_or_harmless(name):
    data = FRAGILE[name]
    good = png.read_raw(data, "a.png")
    survived = 0
    for bit in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        try:
            raw = png.read_raw(bytes(flipped), "a.png")
        except SourceError:
            continue
        survived += 1
        assert np.array_equal(raw.array, good.array)
        assert (raw.kind, raw.bit_depth, raw.palette) == (good.kind, good.bit_depth, good.palette)
    assert survived == 0 or name == "text"


def test_a_flipped_bit_is_found_by_verify():
    data = FRAGILE["text"]
    for bit in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(SourceError):
            png.verify(bytes(flipped), "a.png")


@given(st.binary(max_size=60), st.integers(0, 4))
def test_noise_is_refused(noise, depth_index):
    depth = (1, 2, 4, 8, 16)[depth_index]
    refused(pngs.SIGNATURE + noise, "a.png")
    refused(built(pngs.header(3, 3, depth), pngs.chunk(b"IDAT", noise)), "a.png")


def test_a_chunk_longer_than_the_file():
    data = pngs.SIGNATURE + pngs.header(2, 2) + struct.pack(">I4s", 0xFFFFFFFF, b"IDAT") + bytes(20)
    assert refused(data, "cut in chunk").place == f"byte {len(data)}"
