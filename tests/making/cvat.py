"""CVAT fixtures: every figure, groups, subsets with equal names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import quoteattr

import numpy as np

from tests.making.drawings import Drawing, Mask, box, coins, color, outline, torture
from tests.making.files import Cases, cut

NAMES = ["small coin", "large coin"]


def runs(mask: Mask) -> dict[str, Any]:
    """Run lengths along the rows of the tight box, zeros first."""
    x, y, w, h = box(mask)
    flat = mask[y : y + h, x : x + w].reshape(-1)
    edges = np.flatnonzero(np.diff(flat)) + 1
    lengths = np.diff(np.concatenate(([0], edges, [flat.size]))).tolist()
    numbers = [0, *lengths] if flat[0] else lengths
    return {"rle": ", ".join(map(str, numbers)), "left": x, "top": y, "width": w, "height": h}


def figure(tag: str, label: str, inner: str = "", **values: Any) -> str:
    given = {"label": label, "source": "manual", "occluded": 0} | values | {"z_order": values.get("z_order", 0)}
    said = " ".join(f"{k}={quoteattr(str(v))}" for k, v in given.items())
    return f"    <{tag} {said}>{inner}</{tag}>\n"


def points(flat: Sequence[float]) -> str:
    return ";".join(f"{x:.2f},{y:.2f}" for x, y in zip(flat[0::2], flat[1::2], strict=True))


def image(id: int, name: str, size: tuple[int, int], figures: Sequence[str], subset: str = "") -> str:
    more = f' subset="{subset}"' if subset else ""
    head = f'  <image id="{id}" name="{name}"{more} width="{size[1]}" height="{size[0]}">\n'
    return head + "".join(figures) + "  </image>\n"


def page(labels: Sequence[str], images: Sequence[str]) -> str:
    listed = "".join(f"<label><name>{n}</name><color>#{i:02x}4080</color></label>" for i, n in enumerate(labels, 1))
    meta = f"<meta><task><id>7</id><name>a task</name><labels>{listed}</labels></task></meta>"
    head = f'<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n  <version>1.1</version>\n  {meta}\n'
    return head + "".join(images) + "</annotations>\n"


def make(cases: Cases) -> None:
    case = cases.valid("coins")
    images = []
    for place, (subset, drawing) in enumerate(zip(("Train", "Validation"), coins(), strict=True)):
        case.image(f"images/{subset}/coin.png", drawing.pixels)
        images.append(image(place, "coin.png", drawing.pixels.shape[:2], list(_polygons(drawing)), subset))
    case.text("annotations.xml", page(NAMES, images))
    case = cases.valid("masks")
    images = []
    for place, drawing in enumerate(torture()):
        case.image(f"images/{drawing.name}", drawing.pixels)
        figures = [figure("mask", NAMES[t.class_id - 1], **runs(t.mask)) for t in drawing.things]
        images.append(image(place, drawing.name, (32, 64), figures))
    case.text("annotations.xml", page(NAMES, images))
    _figures(cases)
    _refused(cases)


def _polygons(drawing: Drawing) -> list[str]:
    found = []
    for number, thing in enumerate(drawing.things, 1):
        rings = outline(thing.mask)
        group: dict[str, Any] = {"group_id": number} if len(rings) > 1 else {}
        found += [figure("polygon", NAMES[thing.class_id - 1], points=points(r), **group) for r in rings]
    return found


def _figures(cases: Cases) -> None:
    """Boxes and ellipses, turned too; marks; attributes, order, groups of two classes, tags."""
    case = cases.valid("figures")
    case.image("images/a.jpg", color())
    said = '<attribute name="colour">red &amp; blue</attribute><attribute name="whole">false</attribute>'
    figures = [
        figure("box", "box", xtl="4.50", ytl="3.00", xbr="20.00", ybr="15.25", z_order=2),
        figure("box", "box", xtl=24, ytl=4, xbr=44, ybr=16, rotation="30.50", occluded=1),
        figure("ellipse", "disc", cx="12.50", cy="20.25", rx="8.10", ry="4.40", inner=said),
        figure("ellipse", "disc", cx="50.00", cy="18.00", rx="10.00", ry="5.00", rotation="45.00", source="auto"),
        figure("polygon", "box", points="30.00,20.00;40.00,20.00;40.00,30.00", group_id=4),
        figure("polygon", "box", points="44.00,20.00;48.00,20.00;48.00,30.00", group_id=4),
        figure("mask", "disc", rle="0, 2, 2, 4", left=60, top=28, width=4, height=2, group_id=4),
        figure("polyline", "line", points="1.00,1.00;30.00,20.00;60.00,2.50"),
        figure("points", "dot", points="5.00,5.00;6.00,7.00"),
        '    <tag label="sharp" source="manual"></tag>\n',
    ]
    images = [image(0, "a.jpg", (32, 64), figures), image(1, "b.jpg", (32, 64), [])]
    case.image("images/b.jpg", color(80))
    case.text("annotations.xml", page(["box", "disc", "line", "dot"], images))


def _refused(cases: Cases) -> None:
    polygon = figure("polygon", "cat", points="3,3;20,3;20,20")
    broken: dict[str, tuple[str, tuple[str, ...]]] = {
        "unknown-label": (figure("box", "horse", xtl=1, ytl=1, xbr=5, ybr=5), ("a.jpg", "box 2", "horse")),
        "turned-box": (figure("box", "cat", xtl=9, ytl=1, xbr=5, ybr=5), ("a.jpg", "box 2", "xtl")),
        "no-number": (figure("ellipse", "cat", cx="a", cy=1, rx=5, ry=5), ("a.jpg", "ellipse 2", "cx")),
        "two-points": (figure("polygon", "cat", points="1,1;2,2"), ("a.jpg", "polygon 2", "points")),
        "sum": (figure("mask", "cat", rle="1, 2", left=1, top=1, width=4, height=4), ("a.jpg", "mask 2", "rle")),
        "outside": (
            figure("mask", "cat", rle="0, 4", left=64, top=1, width=2, height=2),
            ("a.jpg", "mask 2", "outside"),
        ),
    }
    for name, (wrong, names) in broken.items():
        case = cases.invalid(name, "annotations.xml", *names)
        case.image("images/a.jpg", color())
        case.text("annotations.xml", page(["cat"], [image(0, "a.jpg", (32, 64), [polygon, wrong])]))
    whole = page(["cat"], [image(0, "a.jpg", (32, 64), [polygon])])
    twice = page(["cat"], [image(0, "a.jpg", (32, 64), [])] * 2)
    video = whole.replace("<image ", '<track id="0" label="cat"></track><image ', 1)
    pages: dict[str, tuple[bytes, tuple[str, ...]]] = {
        "truncated": (cut(whole.encode(), 0.8), ("annotations.xml", "line")),
        "climbing": (whole.replace("a.jpg", "../a.jpg").encode(), ("annotations.xml", "../a.jpg")),
        "other-size": (whole.replace('height="32"', 'height="30"').encode(), ("a.jpg", "height 30", "64x32")),
        "size-text": (whole.replace('height="32"', 'height="x"').encode(), ("annotations.xml", "height")),
        "twice": (twice.encode(), ("annotations.xml", "a.jpg", "twice")),
        "video": (video.encode(), ("annotations.xml", "video")),
    }
    for name, (content, names) in pages.items():
        case = cases.invalid(name, *names)
        case.image("images/a.jpg", color())
        case.bytes("annotations.xml", content)
