"""Label Studio fixtures: percent, brushes, several annotations, references of all kinds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from tests.making.drawings import Mask, coins, color, outline, torture
from tests.making.files import Cases, cut

Json = dict[str, Any]
NAMES = ["small coin", "large coin"]


def brush(mask: Mask) -> list[int]:
    """RGBA as bits: header, then runs of one value (longer ones) or lists of values (shorter ones)."""
    flat = np.repeat(mask.reshape(-1), 4)
    bits = f"{flat.size:032b}{7:05b}{2:04b}{3:04b}{7:04b}{15:04b}"
    edges = [0, *(np.flatnonzero(np.diff(flat)) + 1).tolist(), flat.size]
    for start, end in pairwise(edges):
        value = "11111111" if flat[start] else "00000000"
        if end - start == 4:
            bits += f"0{0:02b}{3:03b}" + value * 4
        else:
            for at in range(start, end, 65536):
                bits += f"1{3:02b}{min(65536, end - at) - 1:016b}" + value
    bits += "0" * (-len(bits) % 8)
    return [int(bits[i : i + 8], 2) for i in range(0, len(bits), 8)]


def result(kind: str, label: str, size: tuple[int, int] = (32, 64), id: str = "r", **value: Any) -> Json:
    return {
        "id": id,
        "type": f"{kind}labels",
        "value": value | {f"{kind}labels": [label]},
        "from_name": kind,
        "to_name": "image",
        "original_width": size[1],
        "original_height": size[0],
        "image_rotation": 0,
    }


def task(id: int, image: str, *annotations: Sequence[Json], **more: Any) -> Json:
    listed = [{"id": 10 * id + n, "result": list(a), "was_cancelled": False} for n, a in enumerate(annotations)]
    return {"id": id, "data": {"image": image}, "annotations": listed} | more


def config(names: Sequence[str]) -> str:
    labels = "".join(f'<Label value="{n}" background="#{i:02x}40ff"/>' for i, n in enumerate(names, 1))
    control = f'<PolygonLabels name="label" toName="image">{labels}</PolygonLabels>'
    return f'<View><Image name="image" value="$image"/>{control}</View>\n'


def percent(value: float, size: int) -> float:
    """What Label Studio's converter (p / 100 * size) makes the same fifth of a pixel of again."""
    tries = [value / size * 100]
    for _ in range(5):  # the nearest may lie just below a tie
        tries.append(math.nextafter(tries[-1], math.inf))
    return next(p for p in tries if int(5 * (p / 100 * size) + 0.5) == int(5 * value + 0.5))


def make(cases: Cases) -> None:
    case = cases.valid("coins")
    tasks = []
    for id, drawing in enumerate(coins(), 5):
        case.image(f"images/{drawing.name}", drawing.pixels)
        size = drawing.pixels.shape[:2]
        results = []
        for n, thing in enumerate(drawing.things):
            ring = outline(thing.mask)[0]
            pairs = zip(ring[0::2], ring[1::2], strict=True)
            points = [[percent(x, size[1]), percent(y, size[0])] for x, y in pairs]
            results.append(result("polygon", NAMES[thing.class_id - 1], size, f"p{n}", points=points, closed=True))
        tasks.append(task(id, f"/data/upload/3/0123abcd-{drawing.name}", results))
    case.json("export.json", tasks)
    case.text("label_config.xml", config(NAMES))
    case = cases.valid("brushes")
    tasks = []
    for id, drawing in enumerate(torture(), 1):
        case.image(f"images/{drawing.name}", drawing.pixels)
        results = [
            result("brush", NAMES[t.class_id - 1], id=f"b{n}", format="rle", rle=brush(t.mask))
            for n, t in enumerate(drawing.things)
        ]
        tasks.append(task(id, f"s3://bucket/photos/{drawing.name}?token=1", results))
    case.json("tasks.json", tasks)
    _figures(cases)
    _refused(cases)


def _figures(cases: Cases) -> None:
    case = cases.valid("figures")
    case.image("images/a.jpg", color())
    case.image("images/b c.png", color(70))
    results = [
        result("rectangle", "box", id="1", x=6.25, y=12.5, width=25, height=50, rotation=0),
        result("rectangle", "box", id="2", x=50, y=12.5, width=25, height=37.5, rotation=30),
        result("ellipse", "disc", id="3", x=25, y=50, radiusX=12.5, radiusY=12.5, rotation=0),
        result("ellipse", "disc", id="4", x=75, y=50, radiusX=12.5, radiusY=12.5, rotation=45),
        result("polygon", "line", id="5", points=[[0, 0], [50, 50], [100, 0]], closed=False),
        result("keypoint", "dot", id="6", x=12.5, y=25, width=0.5),
        {"id": "7", "type": "choices", "value": {"choices": ["sharp"]}, "from_name": "c", "to_name": "image"},
    ]
    first, second = results[:2], results[2:]
    done = task(1, "http://example.org/a.jpg", first, second)
    done["annotations"].append({"id": 99, "was_cancelled": True, "result": results[:1]})
    case.json("tasks.json", [done, task(2, "/data/local-files/?d=set/b%20c.png", [])])
    case = cases.valid("flat")
    case.image("a.jpg", color())
    box = {"x": 6.25, "y": 12.5, "width": 25, "height": 50, "rotation": 0, "rectanglelabels": ["box"]}
    entry = {"id": 4, "image": "/data/upload/a", "label": [box | {"original_width": 64, "original_height": 32}]}
    case.json("min.json", [entry])


def _refused(cases: Cases) -> None:
    good = result("rectangle", "cat", x=10, y=10, width=20, height=20, rotation=0)
    start = brush(np.ones((32, 64), np.bool_))[:8]
    small = brush(np.ones((3, 4), np.bool_))
    broken: dict[str, tuple[Json, tuple[str, ...]]] = {
        "no-label": (good | {"value": {"x": 1, "y": 1, "width": 5, "height": 5}}, ("result 2", "label")),
        "text": (result("rectangle", "cat", x="1", y=1, width=5, height=5), ("result 2", "x")),
        "negative": (result("rectangle", "cat", x=1, y=1, width=-5, height=5), ("result 2", "width")),
        "two-points": (result("polygon", "cat", points=[[1, 1], [2, 2]]), ("result 2", "points")),
        "short-brush": (
            result("brush", "cat", format="rle", rle=start),
            ("result 2", "rle"),
        ),
        "other-brush": (result("brush", "cat", format="rle", rle=small), ("result 2", "rle")),
        "other-size": (good | {"original_width": 63}, ("result 2", "original_width")),
    }
    for name, (wrong, names) in broken.items():
        case = cases.invalid(name, "tasks.json", "[0]", *names)
        case.image("images/a.jpg", color())
        case.json("tasks.json", [task(1, "a.jpg", [good, wrong])])
    lists: dict[str, tuple[list[Json], tuple[str, ...]]] = {
        "no-image": ([task(1, "", [good]) | {"data": {"text": "x"}}], ("tasks.json", "[0]", "image")),
        "twice": ([task(1, "a.jpg", [good]), task(2, "x/a.jpg", [good])], ("tasks.json", "a.jpg")),
        "missing": ([task(1, "gone.jpg", [good])], ("gone.jpg", "--images")),
        "climbing": ([task(1, "../gone.jpg/..", [good])], ("tasks.json", "[0]")),
    }
    for name, (tasks, names) in lists.items():
        case = cases.invalid(name, *names)
        case.image("images/a.jpg", color())
        case.json("tasks.json", tasks)
    case = cases.invalid("truncated", "tasks.json")
    case.image("images/a.jpg", color())
    case.json("tasks.json", [task(1, "a.jpg", [good])])
    (case.root / "tasks.json").write_bytes(cut((case.root / "tasks.json").read_bytes(), 0.9))
