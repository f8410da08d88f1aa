"""Pages as people use them: in Chromium, with clicks and keys, on a phone, in the dark, and by axe-core's rules."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.report.browser import Tab
from tests.support import FIXTURES, segpack

EVIL = '<img src="http://example.invalid/x" onerror="alert(1)">'
VIEWS = [(1280, False), (390, False), (390, True), (1280, True)]
VIOLATIONS = "axe.run().then(r => r.violations.map(v => v.id + ': ' + v.nodes.map(n => n.html).join(' ')))"
SHOWN = "[...document.querySelectorAll('.gallery > li')].filter(e => e.getClientRects().length).length"
LAYERS = (
    "[...document.querySelectorAll('.gallery .layer')].filter(e => e.getClientRects().length).map(e => e.dataset.class)"
)


def dataset(folder: Path) -> Path:
    """Six images of two classes and one with a nasty name, with a defect or two."""
    (folder / "images").mkdir(parents=True)
    images: list[dict[str, object]] = []
    annotations: list[dict[str, object]] = []
    for n in range(6):
        pixels = np.full((120, 160, 3), 40 * n, np.uint8)
        pixels[20:60, 20:80] = (200, 120, 40)
        name = f"a {n} & <b>.png"
        Image.fromarray(pixels).save(folder / "images" / name)
        images.append({"id": n + 1, "file_name": name, "width": 160, "height": 120})
        rows = [(1, 20, 20, 60, 40)] + [(2, 90, 70, 40, 30)] * (n % 2) + [(3, 95, 75, 3, 3)] * (n == 5)
        for c, x, y, w, h in rows:
            annotations.append({
                "id": len(annotations) + 1, "image_id": n + 1, "category_id": c, "iscrowd": 0,
                "segmentation": [[x, y, x + w, y, x + w, y + h, x, y + h]],
                "bbox": [x, y, w + 9 * (n == 3), h], "area": w * h,
            })  # fmt: skip
    categories = [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}, {"id": 3, "name": EVIL}]
    found = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "coco.json").write_text(json.dumps(found))
    return folder


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Reports of a check of instances, of a label map, of a set that cannot be read, and of a comparison."""
    folder = tmp_path_factory.mktemp("reports")
    source = dataset(folder / "source")
    other = Path(shutil.copytree(source, folder / "other"))
    content = json.loads((other / "coco.json").read_text())
    content["annotations"][0]["segmentation"][0][0] += 5
    del content["annotations"][4]
    (other / "coco.json").write_text(json.dumps(content))
    broken = Path(shutil.copytree(source, folder / "broken"))
    (broken / "images" / "a 0 & <b>.png").write_bytes(b"no image")
    semantic = FIXTURES / "semantic-png" / "valid" / "ignored"
    runs = {
        "check": ("check", source),
        "broken": ("check", broken),
        "semantic": ("check", semantic),
        "diff": ("diff", source, other),
    }
    for name, command in runs.items():
        segpack(*command, "--report", folder / f"{name}.html", "--quiet", check=None)
    return {name: folder / f"{name}.html" for name in runs}


@pytest.fixture(params=["check", "broken", "semantic", "diff"])
def name(request):
    return request.param


@pytest.mark.parametrize(("width", "dark"), VIEWS)
def test_pages_load_quietly_and_fit_the_screen(browser, pages, name, width, dark):
    tab = Tab(browser, pages[name], width, dark=dark)
    tab.run("Promise.all([...document.images].map(i => { i.loading = 'eager'; return i.decode(); })).then(() => 1)")
    assert tab.errors == []
    assert tab.requests == []
    assert tab.run("document.documentElement.scrollWidth") <= width
    assert tab.run("document.querySelectorAll('script').length") == 1
    paper = tab.run("getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0] | 0")
    assert (paper < 60) is dark
    tab.close()


@pytest.mark.parametrize(("width", "dark"), VIEWS)
def test_pages_are_accessible(browser, pages, axe, name, width, dark):
    tab = Tab(browser, pages[name], width, dark=dark)
    tab.run("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    tab.run(axe + "; 1")
    assert tab.run(VIOLATIONS) == []
    tab.close()


@pytest.mark.parametrize("width", [1280, 390])
def test_masks_are_switched_and_filtered_by_class(browser, pages, width):
    tab = Tab(browser, pages["check"], width)
    assert tab.run(SHOWN) == 6
    assert sorted(tab.run(LAYERS)) == ["1"] * 6 + ["2"] * 3 + ["3"]

    tab.click("#masks")
    assert tab.run("document.getElementById('masks').getAttribute('aria-pressed')") == "false"
    assert tab.run(LAYERS) == []
    tab.click("#masks")
    assert len(tab.run(LAYERS)) == 10

    tab.click(".chip[data-class='2']")
    assert tab.run(SHOWN) == 3
    assert tab.run(LAYERS) == ["2"] * 3
    assert "3 images" in tab.run("document.getElementById('seen').textContent")
    tab.click(".chip[data-class='3']")
    assert sorted(tab.run(LAYERS)) == ["2", "2", "2", "3"]
    tab.click("#all")
    assert tab.run(SHOWN) == 6
    assert tab.errors == []
    tab.close()


def test_everything_works_by_keyboard(browser, pages):
    tab = Tab(browser, pages["check"], 1280)
    tab.key("Tab", 9)
    assert tab.run("document.activeElement.className") == "skip"
    assert tab.run("document.activeElement.getBoundingClientRect().left") >= 0
    tab.run("document.getElementById('masks').focus()")
    tab.key(" ", 32, " ")
    assert tab.run(LAYERS) == []
    tab.run("document.querySelector('summary').focus()")
    before = tab.run("document.querySelector('details').open")
    tab.key("Enter", 13, "\r")
    assert tab.run("document.querySelector('details').open") is not before
    tab.close()


def test_classes_can_be_sorted(browser, pages):
    tab = Tab(browser, pages["check"], 1280)
    names = "[...document.querySelectorAll('.classes tbody th')].map(e => e.textContent.trim())"
    assert tab.run(names) == ["cat", "dog", EVIL]
    tab.click(".classes thead th:nth-child(3) button")
    assert tab.run("document.querySelector('.classes thead th:nth-child(3)').getAttribute('aria-sort')") == "descending"
    tab.click(".classes thead th:nth-child(3) button")
    assert tab.run(names) == [EVIL, "dog", "cat"]
    tab.close()


def test_the_verdict_comes_first_and_examples_show_what_is_wrong(browser, pages):
    tab = Tab(browser, pages["broken"], 1280)
    assert "Not ready" in tab.run("document.querySelector('.verdict').textContent")
    codes = tab.run("[...document.querySelectorAll('.group code:first-child')].map(e => e.textContent)")
    assert "unreadable-image" in codes
    assert "box-mismatch" in codes
    assert codes.index("unreadable-image") < codes.index("box-mismatch")
    tab.close()
    tab = Tab(browser, pages["check"], 1280)
    assert tab.run("document.querySelectorAll('#code-box-mismatch').length") == 1
    assert tab.run("document.querySelectorAll('.examples img').length") >= 1
    tab.close()


def test_a_comparison_has_three_pictures_an_image(browser, pages):
    tab = Tab(browser, pages["diff"], 1280)
    assert tab.run("[...document.querySelectorAll('.trio')].map(e => e.querySelectorAll('img').length)") == [3, 3]
    assert "Different" in tab.run("document.querySelector('.verdict').textContent")
    tab.close()
