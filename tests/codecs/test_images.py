from __future__ import annotations

import io
import random
import struct
import warnings
from contextlib import suppress

import numpy as np
import pytest
from PIL import Image

from converter.codecs import images, pixels
from converter.errors import SourceError
from tests.codecs import pngs
from tests.support import refusal

RNG = np.random.default_rng(7)
PHOTO = RNG.integers(0, 256, (12, 16, 3)).astype(np.uint8)
PHOTO[3:9, 2:14] = (200, 30, 60)
IDS = np.zeros((12, 16), np.uint8)
IDS[2:5, 3:9], IDS[6:8, 1:15] = 1, 2
COLORS = [(0, 0, 0), (128, 0, 0), (0, 128, 0), (1, 2, 3)]


def saved(array, format, mode=None, **options) -> bytes:
    image = Image.fromarray(array)
    if mode:
        image = image.convert(mode)
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def indexed(format, colors=COLORS, **options) -> bytes:
    image = Image.fromarray(IDS).convert("P")
    image.putpalette([v for color in colors for v in color])
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def exif(value, *, order="<", kind=3, count=1) -> bytes:
    start = b"II*\0" if order == "<" else b"MM\0*"
    data = struct.pack(order + ("H" if kind == 3 else "I"), value).ljust(4, b"\0")
    return start + struct.pack(order + "IHHHI", 8, 1, 0x0112, kind, count) + data + bytes(4)


def refused(data, problem, read=images.verify) -> SourceError:
    return refusal(problem, "images/a.jpg", read, data, "images/a.jpg")


JPEG = saved(PHOTO, "jpeg")
EVERY = {
    "PNG": saved(PHOTO, "png"),
    "JPEG": JPEG,
    "progressive": saved(PHOTO, "jpeg", progressive=True),
    "gray JPEG": saved(PHOTO, "jpeg", "L"),
    "CMYK JPEG": saved(PHOTO, "jpeg", "CMYK"),
    "BMP": saved(PHOTO, "bmp"),
    "gray BMP": saved(IDS, "bmp"),
    "GIF": saved(PHOTO, "gif"),
    "TIFF": saved(PHOTO, "tiff"),
    "packed TIFF": saved(PHOTO, "tiff", compression="tiff_lzw"),
    "WEBP": saved(PHOTO, "webp"),
    "exact WEBP": saved(PHOTO, "webp", lossless=True),
}


# ---------------------------------------------------------------- probe and verify


@pytest.mark.parametrize("read", [images.probe, images.verify])
@pytest.mark.parametrize("name", EVERY)
def test_agrees_with_pillow(name, read):
    info = read(EVERY[name], "a")
    image = Image.open(io.BytesIO(EVERY[name]))
    assert (info.width, info.height) == (16, 12)
    assert info.format == image.format
    assert info.mode == image.mode
    assert info.orientation == 1


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "I;16"])
def test_the_mode_of_a_png_is_that_of_pillow(mode):
    data = saved(IDS.astype(np.uint16), "png") if mode == "I;16" else saved(PHOTO, "png", mode)
    assert images.probe(data, "a").mode == Image.open(io.BytesIO(data)).mode == mode


def test_a_stream_is_probed_from_its_heads():
    for name, data in EVERY.items():
        assert images.probe(io.BytesIO(data), name) == images.probe(data, name)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", [3, 4])
def test_the_orientation_is_found_in_every_kind_of_file(orientation, order, kind):
    tag = exif(orientation, order=order, kind=kind)
    jpeg = saved(PHOTO, "jpeg", exif=b"Exif\0\0" + tag)
    early = pngs.write(IDS, extra=pngs.chunk(b"eXIf", tag))
    late = pngs.write(IDS)[:-12] + pngs.chunk(b"eXIf", tag) + pngs.chunk(b"IEND")
    webp = saved(PHOTO, "webp", exif=tag)
    tiff = saved(PHOTO, "tiff", tiffinfo={0x0112: orientation})
    for data in (jpeg, early, late, webp, tiff):
        for read in (images.probe, images.verify):
            info = read(data, "a")
            assert (info.width, info.height, info.orientation) == (16, 12, orientation)


@pytest.mark.parametrize(
    "tag",
    [
        exif(0),
        exif(9),
        exif(6, count=2),
        exif(6, kind=2),
        exif(6)[:12],
        exif(6)[:19],
        b"",
        b"II*\0\xff\xff\xff\xff",
        b"junk" * 10,
    ],
)
def test_an_orientation_that_is_nonsense_is_1(tag):
    assert images.probe(pngs.write(IDS, extra=pngs.chunk(b"eXIf", tag)), "a").orientation == 1
    length = struct.pack(">H", len(tag) + 8)
    jpeg = JPEG[:2] + b"\xff\xe1" + length + b"Exif\0\0" + tag + JPEG[2:]
    assert images.probe(jpeg, "a").orientation == 1


def test_the_first_exif_segment_counts():
    segments = b"".join(
        b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body
        for body in (b"http://ns.adobe.com/xap/1.0/\0<x/>", b"Exif\0\0" + exif(6), b"Exif\0\0" + exif(3))
    )
    assert images.verify(JPEG[:2] + segments + JPEG[2:], "a").orientation == 6


def test_junk_between_jpeg_segments_is_skipped():
    start = JPEG.index(b"\xff\xdb")
    images.verify(JPEG[:start] + b"\0\0\xff\0\xff\xff" + JPEG[start:] + b"after the end", "a")
    refused(JPEG[:start] + bytes(1 << 17) + JPEG[start:], "no marker")


@pytest.mark.parametrize("name", EVERY)
def test_a_cut_anywhere_is_found(name):
    data = EVERY[name]
    # Without its last two bytes a GIF lacks only the marks that no picture follows.
    for end in range(len(data) - (2 if name == "GIF" else 0)):
        with pytest.raises(SourceError):
            images.verify(data[:end], "a")


def test_a_jpeg_cut_in_its_thumbnail_or_picture():
    thumbnail = saved(PHOTO[:4, :4], "jpeg")
    body = b"Exif\0\0" + exif(1) + thumbnail
    data = JPEG[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + JPEG[2:]
    images.verify(data, "a")
    for end in range(len(data)):
        with pytest.raises(SourceError):
            images.verify(data[:end], "a")
    refused(data[: len(data) - 40] + bytes(40), "ends in the picture")


def frame(width, height, precision=8, components=3) -> bytes:
    at = JPEG.index(b"\xff\xc0")
    changed = bytearray(JPEG)
    struct.pack_into(">BHHB", changed, at + 4, precision, height, width, components)
    return bytes(changed)


START = JPEG[: JPEG.index(b"\xff\xda")]
REFUSED = {
    "empty": (b"", "is empty"),
    "text": (b"hello, this is no image", "is not an image"),
    "jpeg bomb": (frame(65000, 65000), "65000x65000 pixels are more"),
    "jpeg without height": (frame(16, 0), "16x0"),
    "12 bits": (frame(16, 12, precision=12), "12 bits"),
    "2 components": (frame(16, 12, components=2), "2 components"),
    "no frame": (b"\xff\xd8\xff\xda\0\x02xx\xff\xd9", "scan before its frame"),
    "no scan": (START + b"\xff\xd9", "no picture"),
    "two frames": (START + START[START.index(b"\xff\xc0") :] + b"\xff\xd9", "two frame headers"),
    "gif bomb": (b"GIF89a" + struct.pack("<HHBBB", 60000, 60000, 0x80, 0, 0) + bytes(40), "pixels|damaged"),
    "bmp bomb": (
        b"BM" + struct.pack("<IHHIIiiHHIIiiII", 0, 0, 0, 54, 40, 40000, 40000, 1, 24, 0, 0, 0, 0, 0, 0) + bytes(99),
        "pixels",
    ),
    "tiff bomb": (
        b"II*\0"
        + struct.pack("<IH", 8, 4)
        + struct.pack("<HHII", 256, 4, 1, 20000)
        + struct.pack("<HHII", 257, 4, 1, 20000)
        + struct.pack("<HHII", 262, 3, 1, 1)
        + struct.pack("<HHII", 258, 3, 1, 8)
        + bytes(40),
        "pixels|damaged",
    ),
}


@pytest.mark.parametrize("read", [images.probe, images.verify, images.decode, images.read_labels])
@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_sound_image_is_refused(name, read):
    data, problem = REFUSED[name]
    refused(data, problem, read)


def test_hundred_million_pixels_are_a_size_not_a_warning():
    data = b"GIF89a" + struct.pack("<HHBBB", 9900, 9900, 0x80, 0, 0) + bytes(6) + b";"
    for read in (images.probe, images.decode):
        with pytest.raises(SourceError):
            read(data, "a")


def test_a_frame_of_98_million_pixels_is_probed_without_a_warning():
    assert images.probe(frame(9900, 9900), "a").width == 9900


def test_filters_for_warnings_are_put_back():
    before = list(warnings.filters)
    for data in (EVERY["TIFF"], EVERY["TIFF"][:50], EVERY["GIF"]):
        with suppress(SourceError):
            images.verify(data, "a")
    assert warnings.filters == before


# ---------------------------------------------------------------- decode


@pytest.mark.parametrize("name", EVERY)
def test_decode_is_rgb(name):
    array = images.decode(EVERY[name], "a")
    assert array.shape == (12, 16, 3)
    assert array.dtype == np.uint8
    expected = np.asarray(Image.open(io.BytesIO(EVERY[name])).convert("RGB"))
    assert np.array_equal(array, expected)


@pytest.mark.parametrize(
    ("format", "mode"), [("JPEG", "RGB"), ("JPEG", "L"), ("JPEG", "CMYK"), ("PNG", "RGB"), ("PNG", "L")]
)
def test_luma_is_that_of_the_colours_but_for_rounding(format, mode):
    smooth = np.asarray(Image.fromarray(80 + PHOTO // 3).resize((160, 120)))
    data = saved(smooth, format, mode)
    luma = np.asarray(images.gray(data, "a"))
    wanted = np.asarray(Image.fromarray(images.decode(data, "a")).convert("L"))
    assert luma.shape == (120, 160)
    assert np.abs(luma.astype(int) - wanted).max() <= 1


@pytest.mark.parametrize(
    ("size", "least", "reduced"),
    [
        ((640, 480), None, (640, 480)),
        ((640, 480), 128, (320, 240)),
        ((1100, 1030), 128, (138, 129)),
        ((90, 900), 128, (90, 900)),
    ],
)
def test_luma_for_a_look_may_come_smaller(size, least, reduced):
    ramp = np.linspace(0, 255, size[0])[None, :, None].repeat(size[1], axis=0).repeat(3, axis=2).astype(np.uint8)
    small = images.gray(saved(ramp, "jpeg"), "a", least)
    assert (small.mode, small.size) == ("L", reduced)
    wanted = Image.fromarray(ramp).convert("L").resize(reduced, Image.Resampling.BOX)
    assert np.abs(np.asarray(small).astype(int) - np.asarray(wanted)).max() <= 3


@pytest.mark.parametrize("format", ["png", "tiff", "webp"])
def test_alpha_is_dropped_not_composited(format):
    alpha = np.dstack([PHOTO, np.full((12, 16), 10, np.uint8)])
    options = {"lossless": True, "exact": True} if format == "webp" else {}
    assert np.array_equal(images.decode(saved(alpha, format, **options), "a"), PHOTO)


def test_a_palette_with_transparency():
    for format in ("png", "gif"):
        array = images.decode(indexed(format, transparency=0), "a")
        assert np.array_equal(array, np.array(COLORS, np.uint8)[IDS])
    data = pngs.write(IDS, color=3, extra=pngs.palette() + pngs.chunk(b"tRNS", b"\0\x80\xff"))
    assert np.array_equal(images.decode(data, "a"), np.array(pngs.PALETTE, np.uint8)[IDS])


@pytest.mark.parametrize("format", ["png", "tiff"])
def test_deep_gray_is_scaled_to_its_largest_value(format):
    deep = IDS.astype(np.uint16) * 2000
    array = images.decode(saved(deep, format), "a")
    assert array.max() == 255
    assert array[3, 4, 0] == 127
    assert images.decode(saved(IDS.astype(np.uint16), format), "a").max() == 2


def test_shallow_gray_is_spread():
    assert images.decode(pngs.write(IDS, depth=2), "a").max() == 170
    assert images.decode(saved(IDS > 0, "png"), "a").max() == 255


def test_floats_and_colours_of_16_bits():
    data = saved(IDS.astype(np.float32) / 2, "tiff")
    assert images.decode(data, "a").max() == 255
    deep = np.dstack([IDS] * 3).astype(np.uint16) * 30000
    assert images.decode(pngs.write(deep, depth=16, color=2), "a").max() == 255
    two = np.dstack([IDS, IDS])
    assert images.decode(pngs.write(two, color=4), "a").max() == 2


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pixels_stay_as_stored(orientation):
    for data in (
        saved(PHOTO, "tiff", tiffinfo={0x0112: orientation}),
        saved(PHOTO, "tiff", tiffinfo={0x0112: orientation}, compression="tiff_deflate"),
        saved(PHOTO, "webp", lossless=True, exif=exif(orientation)),
    ):
        assert np.array_equal(images.decode(data, "a"), PHOTO)
        assert np.array_equal(images.read_labels(data, "a").array, PHOTO)


# ---------------------------------------------------------------- labels


def bmp(rows, bits, palette, *, used=None, up=True, core=False) -> bytes:
    """An uncompressed BMP, as other programs write it."""
    height, width = rows.shape
    planes = np.unpackbits(rows[..., None], axis=-1)[..., 8 - bits :].reshape(height, -1)
    packed = np.packbits(planes, axis=1)
    stride = (width * bits + 31) // 32 * 4
    packed = np.pad(packed, ((0, 0), (0, stride - packed.shape[1])))
    body = (packed[::-1] if up else packed).tobytes()
    colors = b"".join(bytes(c[::-1]) + (b"" if core else b"\0") for c in palette)
    if core:
        head = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        used = len(palette) if used is None else used
        signed = height if up else -height
        head = struct.pack("<IiiHHIIiiII", 40, width, signed, 1, bits, 0, len(body), 0, 0, used, 0)
    offset = 14 + len(head) + len(colors)
    return b"BM" + struct.pack("<IHHI", offset + len(body), 0, 0, offset) + head + colors + body


BLACK_WHITE = [(0, 0, 0), (255, 255, 255)]
GRAYS = [(i, i, i) for i in range(256)]


@pytest.mark.parametrize(
    ("data", "kind", "depth", "palette"),
    [
        (saved(IDS, "png"), "gray", 8, None),
        (indexed("png"), "palette", 2, None),
        (saved(IDS, "tiff"), "gray", 8, None),
        (saved(IDS, "tiff", compression="tiff_lzw"), "gray", 8, None),
        (indexed("tiff"), "palette", 8, None),
        (saved(IDS, "bmp"), "gray", 8, None),
        (indexed("bmp"), "palette", 8, COLORS),
        (indexed("gif"), "palette", 8, None),
        (saved(IDS, "gif"), "gray", 8, None),
        (bmp(IDS, 8, GRAYS), "gray", 8, None),
        (bmp(IDS, 8, GRAYS, used=0), "gray", 8, None),
        (bmp(IDS, 8, GRAYS[:16]), "gray", 8, None),
        (bmp(IDS, 4, GRAYS[:16]), "gray", 4, None),
        (bmp(IDS, 4, COLORS), "palette", 4, COLORS),
        (bmp(IDS, 8, COLORS, up=False), "palette", 8, COLORS),
        (bmp(IDS, 8, COLORS, core=True), "palette", 8, COLORS),
    ],
)
def test_ids_come_back(data, kind, depth, palette):
    labels = images.read_labels(data, "a")
    assert np.array_equal(labels.array, IDS)
    assert labels.array.dtype == np.uint8
    assert (labels.kind, labels.bit_depth, labels.lossy) == (kind, depth, False)
    assert (labels.palette is None) == (kind != "palette")
    if palette:
        assert labels.palette == palette


def numbered(indices, palette) -> bytes:
    image = Image.fromarray(indices).convert("P")
    image.putpalette([v for color in palette for v in color])
    out = io.BytesIO()
    image.save(out, "gif")
    return out.getvalue()


@pytest.mark.parametrize("values", [[255], [0, 255], [255, 0], [9, 3, 0, 7]])
def test_grays_of_a_gif_are_those_that_were_saved(values):
    """Writers leave out of its palette what a file does not use, and order it as they like."""
    indices = np.resize(np.arange(len(values), dtype=np.uint8), (4, 6))
    gray = np.array(values, np.uint8)[indices]
    for data in (saved(gray, "gif"), numbered(indices, [(v, v, v) for v in values])):
        labels = images.read_labels(data, "a")
        assert (labels.kind, labels.bit_depth) == ("gray", 8)
        assert np.array_equal(labels.array, gray)
        assert np.array_equal(images.decode(data, "a")[..., 0], gray)


def test_a_gif_whose_palette_tells_no_values_apart_has_indices():
    assert np.array_equal(images.read_labels(numbered(IDS, [(0, 0, 0)] * 256), "a").array, IDS)


@pytest.mark.parametrize("bits", [1, 4, 8])
@pytest.mark.parametrize("palette", [BLACK_WHITE, BLACK_WHITE[::-1]])
def test_a_bmp_of_two_colours(bits, palette):
    """Pillow reads one with 8 bits as if it had one."""
    binary = (IDS > 0).astype(np.uint8)
    data = bmp(binary, bits, palette)
    assert np.array_equal(images.read_labels(data, "a").array, binary)
    assert np.array_equal(images.decode(data, "a"), np.array(palette, np.uint8)[binary])
    images.verify(data, "a")


def test_a_packed_bmp_of_two_colours_is_refused():
    data = bytearray(bmp(IDS * 0, 8, BLACK_WHITE))
    data[30] = 1
    refused(bytes(data), "run-length", images.read_labels)


def test_a_bmp_that_pillow_wrote_with_two_colours():
    binary = (IDS > 0).astype(np.uint8)
    image = Image.fromarray(binary).convert("P")
    image.putpalette([0, 0, 0, 255, 255, 255])
    out = io.BytesIO()
    image.save(out, "bmp")
    assert np.array_equal(images.read_labels(out.getvalue(), "a").array, binary)


def test_a_bmp_that_is_cut():
    refused(bmp(IDS, 8, COLORS)[:-1], "cut", images.read_labels)


def test_files_of_one_bit_are_0_and_1():
    binary = IDS > 0
    for data in (saved(binary, "png"), saved(binary, "tiff"), saved(binary, "bmp")):
        labels = images.read_labels(data, "a")
        assert np.array_equal(labels.array, binary)
        assert labels.array.dtype == np.uint8
        assert (labels.kind, labels.bit_depth) == ("gray", 1)
    assert np.array_equal(images.read_labels(saved(binary, "tiff", compression="group4"), "a").array, binary)


def tiff(array, **tags) -> bytes:
    """A TIFF of one strip, with tags as they are given by number."""
    body: bytes = array.tobytes()
    height, width = array.shape[:2]
    entries = {256: width, 257: height, 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: height, 279: len(body)}
    entries |= {int(k[1:]): v for k, v in tags.items()}
    directory = struct.pack("<H", len(entries)) + b"".join(
        struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(entries.items())
    )
    return b"II*\0" + struct.pack("<I", 8 + len(body)) + body + directory + bytes(4)


@pytest.mark.parametrize("depth", [2, 4])
def test_a_tiff_of_few_bits_is_not_scaled(depth):
    bits = np.unpackbits(IDS[..., None], axis=-1)[..., 8 - depth :].reshape(12, -1)
    data = tiff(np.packbits(bits, axis=1), t256=16, t258=depth)
    labels = images.read_labels(data, "a")
    assert np.array_equal(labels.array, IDS)
    assert labels.bit_depth == depth


def test_ids_of_sixteen_bits_are_kept():
    ids = IDS.astype(np.uint16) * 30000
    for data in (
        saved(ids, "png"),
        saved(ids, "tiff"),
        saved(ids, "tiff", compression="tiff_deflate"),
        tiff(ids, t256=16, t258=16),
        saved(ids.astype(np.int32), "tiff"),
        saved(ids.astype(np.float32), "tiff"),
    ):
        labels = images.read_labels(data, "a")
        assert np.array_equal(labels.array, ids)
        assert labels.array.dtype == np.uint16
        assert (labels.kind, labels.bit_depth) == ("gray", 16)


def test_a_big_endian_tiff():
    array = (IDS.astype(np.uint16) * 300).astype(">u2")
    entries = [(256, 16), (257, 12), (258, 16), (259, 1), (262, 1), (273, 8), (277, 1), (278, 12), (279, 384)]
    directory = struct.pack(">H", len(entries)) + b"".join(struct.pack(">HHII", t, 4, 1, v) for t, v in entries)
    data = b"MM\0*" + struct.pack(">I", 8 + 384) + array.tobytes() + directory + bytes(4)
    labels = images.read_labels(data, "a")
    assert np.array_equal(labels.array, array)
    assert labels.array.dtype == np.dtype(np.uint16)


def test_alpha_is_data():
    rgba = np.dstack([PHOTO, IDS])
    for format, options in (("png", {}), ("tiff", {}), ("webp", {"lossless": True, "exact": True})):
        labels = images.read_labels(saved(rgba, format, **options), "a")
        assert np.array_equal(labels.array, rgba)
        assert labels.kind == "rgba"


def test_lossy_files_are_marked():
    assert images.read_labels(JPEG, "a").lossy
    assert images.read_labels(saved(IDS, "jpeg"), "a").kind == "gray"
    assert images.read_labels(EVERY["WEBP"], "a").lossy
    assert images.read_labels(saved(PHOTO, "webp", exif=exif(1)), "a").lossy
    assert not images.read_labels(EVERY["exact WEBP"], "a").lossy
    assert images.read_labels(saved(PHOTO, "tiff", compression="jpeg"), "a").lossy


def test_what_would_be_changed_is_refused():
    inverted = tiff(IDS, t262=0)
    refused(inverted, "changing its values", images.read_labels)
    two = tiff(np.dstack([IDS, IDS]), t258=8, t277=2, t338=0)
    refused(two, "changing its values", images.read_labels)
    refused(EVERY["CMYK JPEG"], "mode CMYK", images.read_labels)
    refused(saved(IDS.astype(np.float32) + 0.5, "tiff"), "no integers", images.read_labels)
    refused(saved(IDS.astype(np.int32) - 1, "tiff"), "outside", images.read_labels)
    refused(saved(IDS.astype(np.int32) + 65535, "tiff"), "outside", images.read_labels)
    refused(saved(np.full((2, 2), np.nan, np.float32), "tiff"), "outside", images.read_labels)


def test_several_images_are_no_mask():
    pages = [Image.fromarray(PHOTO), Image.fromarray(255 - PHOTO)]
    for format in ("tiff", "gif", "webp"):
        out = io.BytesIO()
        pages[0].save(out, format, save_all=True, append_images=pages[1:])
        refused(out.getvalue(), "several images", images.read_labels)
        images.verify(out.getvalue(), "a")


# ---------------------------------------------------------------- damage


@pytest.mark.parametrize("name", [*EVERY, "palette"])
def test_damage_raises_nothing_else(name):
    data = EVERY.get(name) or indexed("tiff", compression="tiff_lzw")
    rng = random.Random(name)
    for _ in range(150):
        changed = bytearray(data)
        for _ in range(rng.randint(1, 4)):
            changed[rng.randrange(min(len(changed), 400))] = rng.randrange(256)
        for read in (images.probe, images.verify, images.read_labels, images.decode):
            with suppress(SourceError):
                read(bytes(changed), "a")


def test_too_little_memory_is_no_damage(monkeypatch):
    def out_of_memory(image):
        raise MemoryError

    monkeypatch.setattr(Image.Image, "load", out_of_memory)
    for read in (images.read_labels, images.decode):
        with pytest.raises(SourceError, match=r"^a\.webp: takes more memory than there is; raise --max-memory"):
            read(EVERY["WEBP"], "a.webp")


def test_extensions_are_lower_case_with_a_dot():
    assert all(e.startswith(".") and e == e.lower() for e in images.EXTENSIONS)
    assert {".png", ".jpg", ".jpeg", ".tif"} <= images.EXTENSIONS


def test_the_limit_is_that_of_png():
    assert pixels.MAX_PIXELS == 100_000_000
