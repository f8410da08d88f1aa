"""The page as text: escaping, policy, bounds; and the facts on it."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from converter.geometry import rle
from converter.model import Box, ClassInfo, Finding, Header, Image, Instance, Note, Polygons, Sample, Shape
from converter.report import charts, thumbs, words
from converter.report.compare import Mark, difference, view_of
from converter.report.drawing import style_of
from converter.report.heat import GRID, Heat, described, heat_of
from converter.report.layers import layers
from converter.report.page import ClassRow, Item, Layer, Page, groups_of, notes_of, render
from converter.report.view import whole

EVIL = '"><img src=x onerror=alert(1)><script>alert(2)</script>\n\u202e{{ 7*7 }}'


def finding(code="overlap", severity="info", message="shares 3 of its 9 px with instance 2", details=None, **where):
    return Finding(code, severity, where, message, "look", details or {})


class Tags(HTMLParser):
    """The tags and attributes of a page."""

    def __init__(self):
        super().__init__()
        self.tags, self.attributes = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]


def page(**values):
    evil = EVIL
    base = {
        "name": evil, "level": "error", "verdict": "Not ready", "advice": "Mend it.",
        "summary": [("Source", evil)],
        "groups": groups_of([finding(image=evil, file=evil, instance=1, message=evil)]),
        "classes": [ClassRow(1, evil, "#ff0000", 1, 1, 10, 1.0, 100.0)],
        "gallery": [Item(evil, "data:,", 4, 4, "4 x 4", evil, [1], [Layer(1, "data:,")])],
        "notes": notes_of([Note("box-origin", evil, evil)]),
    }  # fmt: skip
    return Page(**(base | values))


def test_names_of_strangers_are_text_and_nothing_else():
    text = render(page()).decode()
    tags = Tags()
    tags.feed(text)
    assert tags.tags.count("script") == 1
    assert not [a for a in tags.attributes if a.startswith("on")]
    assert "style" not in tags.attributes, "a policy without unsafe-inline forbids them"
    assert "\u202e" not in text
    assert "{{ 7*7 }}" in text


def test_the_policy_names_the_style_and_the_script_by_their_hashes():
    text = render(page()).decode()
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)
    policy = policy.replace("&#39;", "'")
    for kind in ("style", "script"):
        (body,) = re.findall(rf"<{kind}>(.*?)</{kind}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'; img-src data:;")


def test_nothing_on_the_page_has_an_address():
    text = render(page()).decode()
    assert not re.search(r'(?:src|href|action)="(?!data:|#)', text.replace("&#34;", ""))
    assert "url(" not in text


def test_the_same_page_has_the_same_bytes():
    assert render(page()) == render(page())


def test_many_findings_of_a_code_are_one_group():
    many = [
        finding(image=f"{n}.png", instance=n, message=f"shares {n} of its 9 px", details={"pixels": n})
        for n in range(9999)
    ]
    (group,) = groups_of(many)
    assert group.count == group.images == 9999
    assert len(group.places) <= 20
    assert group.places[0].where["instance"] == 9998, "the worst first"
    assert len(render(page(groups=[group]))) < 100_000


def test_the_page_says_how_the_set_was_read():
    """One heading a code, the first few notes of it, and how many there are."""
    many = [Note("exif-kept", f"{n}.jpg", "turned") for n in range(1200)]
    text = render(page(notes=notes_of([*many, Note("class-names", "", "made up")]))).decode()
    section = text[text.index('<section id="notes"') :]
    assert re.findall(r"<li>(.*?)</li>", section) == [*(f"{n}.jpg: turned" for n in range(5)), "made up"]
    assert re.search(r"exif-kept.*1,200", section)
    assert "And 1,195 more" in section
    assert 'href="#notes"' in text
    assert b'id="notes"' not in render(page(notes=[]))


def test_every_code_is_explained():
    from converter.checks.catalog import CATALOG

    assert set(words.EXPLAINED) == set(CATALOG)


def test_unknown_codes_of_plug_ins_have_a_title():
    assert words.title("odd-thing") == "Odd thing"


def test_histograms_show_gaps_and_bars_that_can_be_seen():
    rows = charts.by_power([0, 1, 5, 6, 2000], "px")
    assert [r.label for r in rows][:4] == ["0 px", "1 px", "2 to 3 px", "4 to 7 px"]
    assert [r.count for r in rows][:4] == [1, 1, 0, 2]
    assert rows[3].share == 100
    assert charts.bars({"a": 10_000, "b": 1})[1].share > 0


def test_sizes_beyond_the_first_are_summed():
    rows = charts.sizes([(n, n) for n in range(1, 40)] + [(5, 5)])
    assert len(rows) == 12
    assert rows[0].label == "5 x 5"
    assert sum(r.count for r in rows) == 40


def test_heat_says_where_masks_lie():
    mask = np.zeros((64, 128), np.bool_)
    mask[:32, :64] = True
    found = heat_of(Sample(Image("a.png", width=128, height=64), (Instance(3, rle.encode(mask)),)))
    assert found[3][:16, :16].min() == found[3][:16, :16].max() == 1
    assert found[3].sum() == 256
    heat = Heat()
    heat.add(found)
    heat.add({})
    assert heat.of({3})[0, 0] == 0.5
    assert "upper left" in described(heat.of({3}))
    assert described(np.zeros((GRID, GRID))) == "nothing is drawn"


@pytest.mark.parametrize("shape", [Box(0, 0, 50, 50), Polygons([[0, 0, 50, 0, 50, 50, 0, 50]])])
def test_heat_of_boxes_is_that_of_masks(shape):
    found = heat_of(Sample(Image("a.png", width=100, height=100), (Instance(1, shape),)))
    assert found[1].sum() == pytest.approx(GRID**2 / 4, rel=0.08)


def test_layers_are_one_a_class():
    header = Header("coco", "instance", (ClassInfo(1, "a"), ClassInfo(7, "b")))
    mask = np.ones((9, 9), np.bool_)
    sample = Sample(Image("a.png", width=9, height=9), tuple(Instance(i, rle.encode(mask)) for i in (7, 1, 7)))
    found = layers(sample, whole(9, 9, (18, 18)), style_of(header))
    assert list(found) == [1, 7]
    assert all(data.startswith(b"\x89PNG") for data in found.values())


@pytest.mark.parametrize("code", sorted(words.EXPLAINED))
def test_every_code_has_a_picture_for_any_shape(code):
    header = Header("coco", "instance", (ClassInfo(1, "a"),))
    mask = np.zeros((30, 40), np.bool_)
    mask[2:9, 3:9] = mask[20:25, 30:35] = True
    shapes: list[Shape] = [
        rle.encode(mask), rle.empty(30, 40), Box(1, 1, 5, 5), Box(50, 3, 0, 0),
        Polygons([[-9.0, 3.0, 70.0, 3.0, 10.0, 60.0]]),
    ]  # fmt: skip
    sample = Sample(Image("a", width=40, height=30), tuple(Instance(1, s, box=Box(0, 0, 99, 9)) for s in shapes))
    for place in (None, *range(len(shapes))):
        pixels = thumbs.example(finding(code), sample, None, style_of(header), (120, 90), place)
        assert pixels.dtype == np.uint8
        assert pixels.shape[0] <= 91
        assert pixels.shape[1] <= 121


def test_pixels_of_no_class_are_magenta():
    labels = np.zeros((10, 10), np.uint8)
    labels[3, 3] = 77
    style = style_of(Header("semantic-png", "semantic", (ClassInfo(1, "a"),)))
    sample = Sample(Image("a", width=10, height=10), labels=labels)
    pixels = thumbs.example(finding("unexpected-value"), sample, None, style, (10, 10))
    assert pixels[3, 3, 1] < 40
    assert pixels[3, 3, 0] > 200


def test_pixels_of_a_value_that_a_finding_names_are_magenta():
    labels = np.zeros((10, 10), np.uint8)
    labels[3:, 3] = 7
    labels[5, 5] = 9
    classes = tuple(ClassInfo(n, f"class_{n}") for n in (7, 9))
    sample = Sample(Image("a", width=10, height=10), labels=labels)
    found = finding("unexpected-value", message="value 9 is in no other of 20 masks, and nothing declares it")
    pixels = thumbs.example(found, sample, None, style_of(Header("x", "semantic", classes)), (10, 10))
    assert pixels[5, 5, 1] < 40
    assert pixels[7, 3, 0] < 200


def test_one_pixel_that_differs_is_enlarged_and_marked():
    mask = np.zeros((500, 500), np.bool_)
    mask[100:200, 100:200] = True
    other = mask.copy()
    other[150, 199] = False
    mark = Mark(rle.encode(mask), rle.encode(other))
    view = view_of([mark], 500, 500, (400, 300))
    assert view.scale > 4
    pixels = difference(None, [mark], None, view, 500, 500)
    y, x = round(view.y(150.5)), round(view.x(199.5))
    assert pixels[y, x, 0] > 200
    assert pixels[y, x, 2] < 100
