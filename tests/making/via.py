"""VIA fixtures: exports of regions, projects, CSV; classes under any name."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from tests.making.drawings import coins, color, outline
from tests.making.files import Cases, cut

Json = dict[str, Any]
NAMES = ["small coin", "large coin"]


def region(kind: str, attributes: Json, **values: Any) -> Json:
    return {"shape_attributes": {"name": kind} | values, "region_attributes": attributes}


def polygon(ring: Sequence[float], attributes: Json) -> Json:
    return region("polygon", attributes, all_points_x=list(ring[0::2]), all_points_y=list(ring[1::2]))


def entry(name: str, regions: Any, **more: Any) -> tuple[str, Json]:
    return f"{name}999", {"filename": name, "size": 999, "regions": regions, "file_attributes": {}} | more


FIGURES = [
    region("rect", {"kind": "box", "colour": "red"}, x=4, y=3, width=16, height=12),
    region("circle", {"kind": "disc", "colour": ""}, cx=32, cy=16, r=5),
    region("ellipse", {"kind": "disc", "colour": ""}, cx=50, cy=16, rx=10, ry=5, theta=0.5),
    region("polyline", {"kind": "line", "colour": ""}, all_points_x=[1, 30, 60], all_points_y=[1, 20, 2]),
    region("point", {"kind": "dot", "colour": ""}, cx=5, cy=6),
]


def make(cases: Cases) -> None:
    case = cases.valid("coins")
    entries = []
    for drawing in coins():
        case.image(drawing.name, drawing.pixels)
        regions = [
            polygon(ring, {"label": NAMES[t.class_id - 1]}) for t in drawing.things for ring in outline(t.mask)[:1]
        ]
        entries.append(entry(drawing.name, regions))
    case.json("via_region_data.json", dict(entries))
    case = cases.valid("project")
    case.image("images/a.jpg", color())
    project = {"_via_settings": {}, "_via_img_metadata": dict([entry("a.jpg", FIGURES)]), "_via_attributes": {}}
    case.json("via_project.json", project)
    case = cases.valid("version-1", class_name="cell")
    case.image("a.jpg", color())
    unnamed = {str(n): polygon([2, 2, 30, 4, 20, 28], {}) for n in range(2)}
    case.json("via_region_data.json", dict([entry("a.jpg", unnamed, fileref="", base64_img_data="")]))
    case = cases.valid("table")
    case.image("a.jpg", color())
    case.image("b.jpg", color(70))
    rows: list[list[object]] = [
        [
            "filename",
            "file_size",
            "file_attributes",
            "region_count",
            "region_id",
            "region_shape_attributes",
            "region_attributes",
        ]
    ]
    ticked = [
        FIGURES[0] | {"region_attributes": {"type": {"box": True, "disc": False}}},
        FIGURES[1] | {"region_attributes": {"type": {"disc": True}}},
    ]
    for n, found in enumerate(ticked):
        parts = [json.dumps(found[k]) for k in ("shape_attributes", "region_attributes")]
        rows.append(["a.jpg", 999, "{}", 2, n, *parts])
    rows.append(["b.jpg", 999, '{"place": "north"}', 0, 0, "{}", "{}"])
    case.csv("via_region_data.csv", rows)
    _refused(cases)


def _refused(cases: Cases) -> None:
    good = polygon([2, 2, 30, 4, 20, 28], {"label": "cat"})
    broken: dict[str, tuple[Json, tuple[str, ...]]] = {
        "no-class": (polygon([2, 2, 30, 4, 20, 28], {}), ("region 2", "label")),
        "two-points": (polygon([2, 2, 30, 4], {"label": "cat"}), ("region 2", "all_points")),
        "uneven": (
            region("polygon", {"label": "cat"}, all_points_x=[1, 2, 3], all_points_y=[1]),
            ("region 2", "length"),
        ),
        "unknown-shape": (region("cube", {"label": "cat"}), ("region 2", "cube")),
        "negative": (region("rect", {"label": "cat"}, x=1, y=1, width=-2, height=3), ("region 2", "width")),
        "text": (region("circle", {"label": "cat"}, cx="a", cy=1, r=3), ("region 2", "cx")),
    }
    for name, (wrong, names) in broken.items():
        case = cases.invalid(name, "via.json", *names)
        case.image("a.jpg", color())
        case.json("via.json", dict([entry("a.jpg", [good, wrong])]))
    tops: dict[str, tuple[Json, tuple[str, ...]]] = {
        "missing": (dict([entry("gone.jpg", [good])]), ("gone.jpg", "--images")),
        "no-name": (dict([entry("", [good])]), ("via.json", "filename")),
        "climbing": (dict([entry("../a/../../b.jpg", [good])]), ("via.json", "../a")),
        "twice": (dict([entry("a.jpg", [good]), ("b", entry("a.jpg", [good])[1])]), ("via.json", "a.jpg", "twice")),
    }
    for name, (top, names) in tops.items():
        case = cases.invalid(name, *names)
        case.image("a.jpg", color())
        case.json("via.json", top)
    case = cases.invalid("truncated", "via.json")
    case.image("a.jpg", color())
    case.json("via.json", dict([entry("a.jpg", [good])]))
    (case.root / "via.json").write_bytes(cut((case.root / "via.json").read_bytes(), 0.95))
