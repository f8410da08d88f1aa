"""Masks reduced into views, and what is drawn on them."""

from __future__ import annotations

import numpy as np
import pytest

from converter.geometry import rle
from converter.model import Box, ClassInfo, Header, Image, Instance, Marks, Polygons, Sample
from converter.report import palette, text
from converter.report.drawing import draw_box, overlay, style_of
from converter.report.view import View, around, coverage, label_view, outline, picture, solid, whole

CLASSES = (ClassInfo(1, "cat"), ClassInfo(2, "dog"))


def header(task="instance"):
    return Header("coco", task, CLASSES)


def square(height, width, top, left, side):
    mask = np.zeros((height, width), np.bool_)
    mask[top : top + side, left : left + side] = True
    return rle.encode(mask)


def test_a_view_keeps_the_proportions_and_fits_the_box():
    view = whole(4000, 1000, (400, 300))
    assert (view.width, view.height) == (400, 100)
    assert whole(10, 10, (400, 300)).scale == 4, "small images are enlarged, but not beyond recognition"


def test_reduced_masks_hold_the_share_of_each_pixel():
    patch = coverage(square(100, 100, 10, 10, 25), View(0, 0, 0.1, 10, 10))
    assert patch is not None
    assert (patch.x, patch.y) == (1, 1)
    assert patch.cover.shape == (3, 3)
    assert patch.cover[0, 0] == 255
    assert abs(int(patch.cover[0, 2]) - 128) <= 1
    assert abs(int(patch.cover[2, 2]) - 64) <= 1


def test_an_object_smaller_than_a_pixel_still_shows():
    patch = coverage(square(1000, 1000, 503, 507, 2), View(0, 0, 0.1, 100, 100))
    assert patch is not None
    assert solid(patch.cover).any()


def test_enlarged_masks_keep_their_pixels():
    patch = coverage(square(8, 8, 2, 3, 2), View(0, 0, 4, 32, 32))
    assert patch is not None
    assert (patch.x, patch.y, patch.cover.shape) == (12, 8, (8, 8))
    assert (patch.cover == 255).all()


def test_masks_outside_the_view_are_left_out():
    assert coverage(square(100, 100, 0, 0, 10), View(50, 50, 1, 20, 20)) is None
    assert coverage(rle.empty(10, 10), View(0, 0, 1, 10, 10)) is None


def test_a_mask_cut_by_the_view_is_cut_where_it_ends():
    patch = coverage(square(100, 100, 0, 0, 60), View(50, 50, 2, 40, 40))
    assert patch is not None
    assert (patch.x, patch.y, patch.cover.shape) == (0, 0, (20, 20))


def test_outlines_are_as_wide_as_asked():
    region = np.ones((6, 6), np.bool_)
    assert outline(region).sum() == 20
    assert outline(region, 2).sum() == 32


@pytest.mark.parametrize("part", [(0, 0, 4, 4), (95, 95, 5, 5), (-20, -10, 30, 30), (90, 10, 60, 5), (0, 0, 100, 100)])
def test_close_ups_hold_the_whole_part_and_no_more_outside_than_it(part):
    view = around(part, 100, 100, (400, 300))
    x, y, w, h = part
    assert view.left <= x
    assert view.top <= y
    assert view.left + view.width / view.scale >= x + w - 1
    assert view.top + view.height / view.scale >= y + h - 1
    assert view.left >= min(0, x) - 1
    assert view.left + view.width / view.scale <= max(100, x + w) + 1
    assert view.width <= 401
    assert view.height <= 301


def test_without_an_image_file_the_ground_is_gray_and_outside_is_dark():
    pixels = picture(None, View(-10, 0, 1, 30, 10), 10, 10)
    assert (pixels[:, 10:20] == pixels[0, 10]).all()
    assert pixels[0, 0, 0] < pixels[0, 10, 0]


def test_label_maps_are_reduced_to_what_covers_most():
    labels = np.zeros((4, 4), np.uint8)
    labels[:, 2:] = 5
    labels[0, 2] = 0
    small = label_view(labels, View(0, 0, 0.5, 2, 2), [0, 5])
    assert small.tolist() == [[0, 5], [0, 5]]


def test_objects_are_filled_outlined_and_apart_in_colour():
    regions = [square(80, 80, 5, 5, 30), square(80, 80, 45, 45, 30)]
    sample = Sample(Image("a.png", width=80, height=80), tuple(Instance(1, r) for r in regions))
    pixels = overlay(sample, np.zeros((80, 80, 3), np.uint8), whole(80, 80, (160, 160)), style_of(header()))
    assert tuple(pixels[10, 40]) == palette.color(0), "the outline"
    assert 0 < pixels[50, 50].max() < max(palette.color(0)), "the fill lets the picture through"
    assert tuple(pixels[149, 100]) == palette.color(1)
    assert not pixels[80, 10].any(), "nothing is drawn outside"


def test_crowds_are_hatched():
    region = square(80, 80, 0, 0, 80)
    image = Image("a.png", width=80, height=80)
    black = np.zeros((80, 80, 3), np.uint8)
    style = style_of(Header("coco", "instance", CLASSES[:1]))
    crowd = overlay(Sample(image, (Instance(1, region, iscrowd=True),)), black, whole(80, 80, (80, 80)), style)
    inner = crowd[10:70, 10:70].any(axis=2)
    assert 0.2 < inner.mean() < 0.8


def test_boxes_are_empty_and_marks_are_drawn():
    image = Image("a.png", width=80, height=80)
    shapes = (Instance(1, Box(10, 10, 40, 40)), Instance(2, Marks("points", [70, 70])))
    style = style_of(Header("coco", "instance", CLASSES[:1] + CLASSES[1:]))
    pixels = overlay(Sample(image, shapes), np.zeros((80, 80, 3), np.uint8), whole(80, 80, (80, 80)), style)
    assert pixels[30, 10].max() > 150
    assert pixels[30, 30].max() < 60
    assert pixels[70, 70].max() > 150


@pytest.mark.parametrize("far", [9e8, 1e300, float("inf")])
def test_boxes_may_claim_to_end_anywhere(far):
    view = View(0, 0, 2.0, 80, 60)
    for near, claimed in (
        (Box(5, 6, 99, 20), Box(5, 6, far, 20)),
        (Box(5, 6, 20, 99), Box(5, 6, 20, far)),
        (Box(-40, 6, 60, 99), Box(-9e8, 6, 9e8 + 20, far)),
    ):
        drawn = [np.zeros((60, 80, 3), np.uint8) for _ in range(2)]
        places = [draw_box(canvas, box, view, (9, 8, 7)) for canvas, box in zip(drawn, (near, claimed), strict=True)]
        assert places[0] == places[1]
        assert np.array_equal(drawn[0], drawn[1])
        assert drawn[0].any()


def test_a_label_map_is_drawn_by_class_and_the_background_left_as_it_is():
    labels = np.zeros((20, 20), np.uint8)
    labels[:, 10:] = 2
    labels[:, 18:] = 255
    sample = Sample(Image("a.png", width=20, height=20), labels=labels)
    style = style_of(header("semantic"))
    pixels = overlay(sample, np.zeros((20, 20, 3), np.uint8), whole(20, 20, (20, 20)), style)
    assert not pixels[5, 2].any()
    assert np.allclose(pixels[5, 14], np.asarray(style.colors[2]) * 0.55, atol=2)


def test_colours_are_apart_and_can_be_written_on():
    colors = [palette.color(n) for n in range(60)]
    assert len(set(colors)) == 60
    near = [sum(abs(a - b) for a, b in zip(colors[i], colors[j], strict=True)) for i in range(12) for j in range(i)]
    assert min(near) > 60
    assert {palette.ink_on(c) for c in colors} == {(0, 0, 0)}
    assert palette.ink_on((20, 20, 90)) == (255, 255, 255)


def test_declared_colours_are_kept_where_they_tell_classes_apart():
    own = (ClassInfo(1, "a", (200, 10, 10)), ClassInfo(2, "b", (0, 0, 0)), ClassInfo(3, "c", (0, 200, 0)))
    colors = palette.class_colors(own)
    assert colors[1] == (200, 10, 10)
    assert colors[2] != (0, 0, 0)
    same = tuple(ClassInfo(n, str(n), (200, 10, 10)) for n in range(3))
    assert len(set(palette.class_colors(same).values())) == 3


def test_polygons_that_leave_the_image_are_drawn_within_it():
    image = Image("a.png", width=40, height=40)
    shape = Polygons([[-10.0, -10.0, 60.0, -10.0, 60.0, 20.0, -10.0, 20.0]])
    pixels = overlay(Sample(image, (Instance(1, shape),)), None, whole(40, 40, (40, 40)), style_of(header()))
    assert pixels.shape == (40, 40, 3)


@pytest.mark.parametrize(
    ("name", "shown"),
    [("Größe né", "Grosse ne"), ("łódź", "lodz"), ("猫", "class 3"), ("кот", "class 3"), ("a\nb", "a\\nb"), ("x", "x")],
)
def test_names_are_written_as_far_as_the_font_can(name, shown):
    assert text.readable(name, "class 3") == shown


def test_long_names_are_cut_to_the_room_there_is():
    short = text.shortened("a very long name of an image.png", 14, 100, middle=True)
    assert text.width(short, 14) <= 100
    assert short.startswith("a very")
    assert short.endswith(".png")
