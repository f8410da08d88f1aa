"""Class files: ids and names asked for, in every encoding of the package, from every kind of source."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from converter import api
from converter.cli.app import run
from converter.errors import SourceError, UsageError
from tests.transforms.sets import CocoSet, blob, code, photo

NAMES = ("car", "truck", "person", "sky")


def coco_set(folder: Path) -> str:
    """Two images; each class once in the first, car and person in the second."""
    made = CocoSet(folder, NAMES)
    for number, used in enumerate([(1, 2, 3, 4), (1, 3)]):
        id = made.image(f"{number}.png", photo(40, 50, number))
        for c in used:
            made.draw(id, code(blob(40, 50, 10 * number + c)), c)
    return made.save()


def semantic_set(folder: Path, values: Any = (0, 1, 2, 3, 4), *, named: bool = True) -> str:
    for each in ("images", "masks"):
        (folder / each).mkdir(parents=True)
    for number in range(2):
        labels = np.random.default_rng(number).choice(np.array(values, np.uint8), (30, 40))
        Image.fromarray(photo(30, 40)).save(folder / f"images/{number}.png")
        Image.fromarray(labels).save(folder / f"masks/{number}.png")
    if named:
        (folder / "classes.json").write_text(json.dumps(dict(enumerate(NAMES, 1))))
    return str(folder)


def write(folder: Path, content: Any, name: str = "classes.yaml") -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


WANTED = {
    "rename": (
        [{"name": "auto", "from": ["car"]}],
        {1: ("auto", {1}), 2: ("truck", {2}), 3: ("person", {3}), 4: ("sky", {4})},
    ),
    "merge": (
        [{"id": 1, "name": "vehicle", "from": ["car", "truck"]}],
        {1: ("vehicle", {1, 2}), 3: ("person", {3}), 4: ("sky", {4})},
    ),
    "merge into one of them": (
        [{"name": "car", "from": ["car", "truck"]}, {"name": "sky", "from": ["sky", 3]}],
        {1: ("car", {1, 2}), 3: ("sky", {3, 4})},
    ),
    "drop": ({"classes": [], "drop": ["sky", "truck"]}, {1: ("car", {1}), 3: ("person", {3})}),
    "reorder": (
        [{"name": "sky"}, {"name": "person"}, {"name": "truck"}, {"name": "car"}],
        {1: ("sky", {4}), 2: ("person", {3}), 3: ("truck", {2}), 4: ("car", {1})},
    ),
    "ids": (
        [{"id": 9, "name": "car"}, {"id": 7, "name": "human", "from": ["person"]}],
        {9: ("car", {1}), 7: ("human", {3}), 2: ("truck", {2}), 4: ("sky", {4})},
    ),
    "all": (
        {
            "classes": [{"id": 2, "name": "human", "from": [3]}, {"id": 1, "name": "vehicle", "from": [1, "truck"]}],
            "drop": ["sky"],
        },
        {1: ("vehicle", {1, 2}), 2: ("human", {3})},
    ),
}


def check_package(out: Path, wanted: dict[int, tuple[str, set[int]]], counts: Counter[int]) -> None:
    """meta.json, index.csv, mask names, coco.json and data.yaml agree with `wanted` {id: (name, old ids)}."""
    expected = Counter({id: sum(counts[o] for o in old) for id, (_, old) in wanted.items()})
    meta = json.loads((out / "meta.json").read_text())
    assert [(c["id"], c["name"]) for c in meta["classes"]] == [(i, wanted[i][0]) for i in sorted(wanted)]
    assert meta["counts"]["per_class"] == {wanted[i][0]: expected[i] for i in wanted}
    with (out / "index.csv").open(newline="") as file:
        rows = [r for r in csv.DictReader(file) if r["class_id"]]
    assert Counter(int(r["class_id"]) for r in rows) == +expected
    assert all(wanted[int(r["class_id"])][0] == r["class_name"] for r in rows)
    numbered = Counter(int(re.findall(r"_(\d+)\.png$", str(p))[0]) for p in (out / "masks").rglob("*.png"))
    assert numbered == +expected
    top = json.loads((out / "coco/coco.json").read_text())
    assert {c["id"]: c["name"] for c in top["categories"]} == {i: n for i, (n, _) in wanted.items()}
    assert Counter(a["category_id"] for a in top["annotations"]) == +expected
    config = yaml.safe_load((out / "yolo/data.yaml").read_text())
    assert config["names"] == {i: wanted[id][0] for i, id in enumerate(sorted(wanted))}
    lines = [line for p in (out / "yolo/labels").rglob("*.txt") for line in p.read_text().splitlines()]
    by_index = Counter(sorted(wanted)[int(line.split()[0])] for line in lines)
    assert by_index == +expected


@pytest.mark.parametrize("case", WANTED)
def test_classes_asked_for_are_in_every_encoding_of_a_coco_set(tmp_path: Path, case: str) -> None:
    content, wanted = WANTED[case]
    source = coco_set(tmp_path / "in")
    api.pack(source, tmp_path / "out", classes=write(tmp_path, content), yolo="boxes")
    check_package(tmp_path / "out", wanted, Counter({1: 2, 2: 1, 3: 2, 4: 1}))


@pytest.mark.parametrize("case", WANTED)
def test_classes_asked_for_by_yolo_indices(tmp_path: Path, case: str) -> None:
    """The files of a yolo set hold indices from 0: ids in `from` are those."""
    content, wanted = WANTED[case]
    api.convert(coco_set(tmp_path / "in"), tmp_path / "yolo", to="yolo-seg")
    old = {"[3]": "[2]", '[1, "truck"]': '[0, "truck"]', '["sky", 3]': '["sky", 2]'}
    content = json.loads(re.sub("|".join(map(re.escape, old)), lambda m: old[m[0]], json.dumps(content)))
    api.pack(tmp_path / "yolo", tmp_path / "out", classes=write(tmp_path, content), yolo="boxes")
    check_package(tmp_path / "out", wanted, Counter({1: 2, 2: 1, 3: 2, 4: 1}))


@pytest.mark.parametrize("case", WANTED)
def test_classes_asked_for_are_in_semantic_masks(tmp_path: Path, case: str) -> None:
    content, wanted = WANTED[case]
    source = semantic_set(tmp_path / "in")
    api.pack(source, tmp_path / "out", classes=write(tmp_path, content))
    to = {old: id for id, (_, olds) in wanted.items() for old in olds}
    meta = json.loads((tmp_path / "out/meta.json").read_text())
    assert {c["id"]: c["name"] for c in meta["classes"]} == {i: n for i, (n, _) in wanted.items()}
    for number in range(2):
        with Image.open(tmp_path / f"in/masks/{number}.png") as image:
            before = np.asarray(image)
        with Image.open(tmp_path / f"out/masks/{number}.png") as image:
            after = np.asarray(image)
        np.testing.assert_array_equal(after, np.vectorize(lambda v: to.get(v, 0))(before))
    top = json.loads((tmp_path / "out/coco/coco.json").read_text())
    assert {c["id"]: c["name"] for c in top["categories"]} == {i: n for i, (n, _) in wanted.items()}
    assert Counter(a["category_id"] for a in top["annotations"]) == Counter(dict.fromkeys(wanted, 2))


def test_a_package_is_known_by_the_ids_that_it_shows(tmp_path: Path) -> None:
    """Its ids came from another numbering; `from` means the ids that stand in the package."""
    file = write(tmp_path, [{"id": 7, "name": "car"}], "first.yaml")
    api.pack(coco_set(tmp_path / "in"), tmp_path / "one", classes=file)
    second = write(tmp_path, [{"id": 1, "name": "auto", "from": [7]}], "second.yaml")
    api.pack(tmp_path / "one", tmp_path / "two", classes=second)
    meta = json.loads((tmp_path / "two/meta.json").read_text())
    assert {c["id"]: c["name"] for c in meta["classes"]} == {1: "auto", 2: "truck", 3: "person", 4: "sky"}


@pytest.mark.parametrize("ending", ["yaml", "json", "csv"])
@pytest.mark.parametrize("kind", ["coco", "semantic", "unnamed", "quirky"])
def test_the_template_changes_nothing(tmp_path: Path, ending: str, kind: str) -> None:
    if kind == "coco":
        source = coco_set(tmp_path / "in")
    elif kind == "quirky":
        made = CocoSet(tmp_path / "in", ("a: b", "yes", '"q"', "#x, y", "7", "ä | ö", "1", " no", "|"))
        made.draw(made.image("a.png", photo(9, 9)), code(blob(9, 9)), 3)
        source = made.save()
    else:
        source = semantic_set(tmp_path / "in", named=kind == "semantic")
    file = tmp_path / f"classes.{ending}"
    assert run(["inspect", source, "--classes-template", str(file)]) == 0
    plain = api.pack(source, tmp_path / "one")
    found = api.pack(source, tmp_path / "two", classes=file)
    assert [(c.id, c.name) for c in plain.classes] == [(c.id, c.name) for c in found.classes]
    one, two = ((tmp_path / n / "index.csv").read_bytes() for n in ("one", "two"))
    assert one == two
    before = file.read_bytes()
    assert run(["inspect", source, "--classes-template", str(file)]) == 2
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([{"name": "vehicle", "from": ["caar"]}], "no class 'caar' .is 'car' meant"),
        ([{"name": "Truk"}], "no class 'Truk' .is 'truck' meant"),
        ({"drop": ["skyy"]}, "no class 'skyy' .is 'sky' meant"),
        ([{"name": "x", "from": [17]}], "no class 17"),
        ([{"name": "a", "from": ["car"]}, {"name": "b", "from": [1]}], "goes to both 'a' and 'b'"),
        ({"classes": [{"name": "a", "from": ["car"]}], "drop": ["car"]}, "goes to both"),
        ([{"id": 2, "name": "a", "from": ["car"]}], "id 2 is declared twice"),
        ([{"name": "truck", "from": ["car"]}], "two classes are called 'truck'"),
        ([{"id": -1, "name": "car"}], "not a whole number from 0"),
        ([{"name": "car"}, {"nam": "x"}], "'nam' is unknown"),
        ([{"name": "car", "color": [1, 2]}], r"\[1, 2\] is no colour"),
        ([{"name": "car", "color": "red"}], "'red' is no colour"),
        ([{"name": "car", "from": {"a": 1}}], "neither a name nor an id"),
        ([{"id": "\u00b2", "name": "car"}], "not a whole number from 0"),
        ([{"id": 2**31, "name": "car"}], "not a whole number from 0"),
        ("{broken", "classes.yaml"),
        ([], "names no class; write a list of"),
        ({"classes": [], "drop": []}, "names no class; write a list of"),
        ({"classes": [{"name": "car"}], "drops": ["sky"]}, "the key 'drops' is unknown; use classes, drop"),
        ({"drop": "car"}, "drop: 'car' is no list; write drop: "),
    ],
)
def test_what_a_file_cannot_mean_is_refused(tmp_path: Path, content: Any, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        api.convert(coco_set(tmp_path / "in"), tmp_path / "out", to="coco", classes=write(tmp_path, content))
    assert not (tmp_path / "out").exists()


def test_an_image_of_8_bits_in_a_set_of_16(tmp_path: Path) -> None:
    source = Path(semantic_set(tmp_path / "in"))
    before = np.array([[0, 300], [4, 0]], np.uint16)
    Image.fromarray(photo(2, 2)).save(source / "images/wide.png")
    Image.fromarray(before).save(source / "masks/wide.png")
    (source / "classes.json").write_text(json.dumps({1: "a", 2: "b", 3: "c", 4: "d", 300: "e"}))
    table = write(tmp_path, [{"id": 9, "name": "e"}, {"id": 400, "name": "d"}])
    api.convert(source, tmp_path / "out", to="semantic-png", classes=table)
    with Image.open(tmp_path / "out/masks/wide.png") as image:
        assert np.asarray(image).tolist() == [[0, 9], [400, 0]]
    with Image.open(source / "masks/0.png") as old, Image.open(tmp_path / "out/masks/0.png") as new:
        labels = np.asarray(old).astype(np.uint16)
        np.testing.assert_array_equal(np.asarray(new), np.where(labels == 4, 400, labels))


def test_pixels_cannot_have_any_id(tmp_path: Path) -> None:
    source = semantic_set(tmp_path / "in")
    for to in ("coco", "semantic-png"):
        with pytest.raises(SourceError, match="the id of 'car' is 70000, and pixels of masks hold 0 to 65535"):
            api.convert(source, tmp_path / "out", to=to, classes=write(tmp_path, [{"id": 70000, "name": "car"}]))
    with pytest.raises(SourceError, match="70000"):
        api.convert(
            source, tmp_path / "out", to="coco", classes=write(tmp_path, [{"id": 70000, "from": [1], "name": "a"}])
        )
    api.convert(
        coco_set(tmp_path / "coco"),
        tmp_path / "out",
        to="coco",
        classes=write(tmp_path, [{"id": 70000, "name": "car"}]),
    )


def test_a_dropped_class_is_a_loss(tmp_path: Path) -> None:
    file = write(tmp_path, {"drop": ["car"]})
    found = api.convert(coco_set(tmp_path / "in"), tmp_path / "out", to="coco", classes=file)
    assert [(x.code, x.image, x.amount) for x in found.losses] == [("class-dropped", f"{i}.png", 1) for i in range(2)]


def test_background_and_ignore_are_declared_in_the_file(tmp_path: Path) -> None:
    source = semantic_set(tmp_path / "in", values=(0, 1, 2, 3))
    (tmp_path / "in/classes.json").write_text(json.dumps({0: "road", 1: "sky", 2: "void2", 3: "car"}))
    content = [
        {"id": 0, "name": "background", "from": ["sky"]},
        {"id": 255, "name": "void", "from": ["void2"]},
        {"id": 1, "name": "road", "from": ["road"]},
    ]
    api.pack(source, tmp_path / "out", classes=write(tmp_path, content))
    meta = json.loads((tmp_path / "out/meta.json").read_text())
    assert (meta["background_id"], meta["ignore_id"]) == (0, 255)
    assert {c["id"]: c["name"] for c in meta["classes"]} == {1: "road", 3: "car"}
    with Image.open(tmp_path / "in/masks/0.png") as before, Image.open(tmp_path / "out/masks/0.png") as after:
        table = np.array([1, 0, 255, 3])
        np.testing.assert_array_equal(np.asarray(after), table[np.asarray(before)])


BACKGROUND, CAR = {"id": 0, "name": "background"}, {"id": 1, "name": "car"}
WHOLE_FILES: dict[str, tuple[Any, dict[int, str], int | None]] = {
    "ignored": ([BACKGROUND, CAR, {"id": 255, "name": "ignore"}], {1: "car"}, 255),
    "void": ([BACKGROUND, CAR, {"id": 255, "name": "void"}], {1: "car"}, 255),
    "by id": ({"0": "background", "1": "car", "255": "ignore"}, {1: "car"}, 255),
    "no background": ([{"id": 0, "name": "sky"}, CAR, {"id": 255, "name": "void"}], {0: "sky", 1: "car"}, 255),
    "a class": ([BACKGROUND, CAR, {"id": 255, "name": "rim"}], {1: "car", 255: "rim"}, None),
    "a list": (["background", "car"], {1: "car"}, 255),
}


@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize("case", WHOLE_FILES)
def test_a_file_that_names_every_value(case: str, named: bool, tmp_path: Path) -> None:
    content, classes, ignored = WHOLE_FILES[case]
    source = semantic_set(tmp_path / "in", values=(0, 1, 255), named=False)
    if named:
        (tmp_path / "in/classes.json").write_text(json.dumps({v: c for v, c in classes.items() if v != 255}))
    api.convert(source, tmp_path / "out", to="semantic-png", classes=write(tmp_path, content))
    meta = json.loads((tmp_path / "out/meta.json").read_text())
    assert {c["id"]: c["name"] for c in meta["classes"]} == classes
    assert (meta["background_id"], meta["ignore_id"]) == (None if 0 in classes else 0, ignored)
    with Image.open(tmp_path / "in/masks/0.png") as before, Image.open(tmp_path / "out/masks/0.png") as after:
        np.testing.assert_array_equal(np.asarray(after), np.asarray(before))


def test_naming_the_background_that_is_one_already_changes_nothing(tmp_path: Path) -> None:
    source = semantic_set(tmp_path / "in")
    content = [{"id": 0, "name": "background"}, {"id": 1, "name": "car"}]
    found = api.convert(source, tmp_path / "out", to="semantic-png", classes=write(tmp_path, content))
    assert [c.name for c in found.classes] == list(NAMES)
    assert not found.losses


def test_dropping_where_every_pixel_has_a_class_is_refused(tmp_path: Path) -> None:
    source = semantic_set(tmp_path / "in", values=(0, 1))
    (tmp_path / "in/classes.json").write_text(json.dumps({0: "road", 1: "sky"}))
    with pytest.raises(UsageError, match="cannot be dropped"):
        api.convert(source, tmp_path / "out", to="semantic-png", classes=write(tmp_path, {"drop": ["sky"]}))


def test_a_single_entry_needs_no_list_around_it(tmp_path: Path) -> None:
    source = coco_set(tmp_path / "in")
    alone = write(tmp_path, {"id": 7, "name": "vehicle", "from": ["car", "truck"]}, "alone.yaml")
    listed = write(tmp_path, [{"id": 7, "name": "vehicle", "from": ["car", "truck"]}], "listed.yaml")
    made = [api.convert(source, tmp_path / t.stem, to="coco", classes=t).classes for t in (alone, listed)]
    assert made[0] == made[1]
    assert (7, "vehicle") in {(c.id, c.name) for c in made[0]}


def test_camvid_named_and_its_void_ignored(tmp_path: Path, data: Path) -> None:
    entries = [{"id": i, "name": n, "from": [i]} for i, n in enumerate(["sky", "building", "pole", "road"])]
    entries += [{"id": 4, "name": "rest", "from": list(range(4, 11))}, {"id": 255, "name": "void", "from": [11]}]
    api.pack(data / "camvid_segnet/CamVid", tmp_path / "out", classes=write(tmp_path, entries))
    meta = json.loads((tmp_path / "out/meta.json").read_text())
    assert (meta["background_id"], meta["ignore_id"]) == (None, 255)
    assert [c["name"] for c in meta["classes"]] == ["sky", "building", "pole", "road", "rest"]
    mask = min((tmp_path / "out/masks").rglob("*.png"))
    source = next((data / "camvid_segnet/CamVid").glob(f"{mask.parent.name}annot/{mask.name}"))
    with Image.open(source) as before, Image.open(mask) as after:
        table = np.array([0, 1, 2, 3, *[4] * 7, 255])
        np.testing.assert_array_equal(np.asarray(after), table[np.asarray(before)])


def test_inspect_shows_what_the_class_file_makes(tmp_path: Path) -> None:
    source, table = coco_set(tmp_path / "in"), tmp_path / "classes.yaml"
    table.write_text("classes:\n- {id: 9, name: vehicle, from: [car, truck]}\ndrop: [sky]\n")
    found = api.inspect(source, classes=table)
    assert {(c.id, c.name): c.instances for c in found.classes} == {(3, "person"): 2, (9, "vehicle"): 3}
    assert [loss.code for loss in found.losses] == ["class-dropped"]
    table.write_text("drop: [nothing]\n")
    with pytest.raises(SourceError, match="no class 'nothing'"):
        api.inspect(source, classes=table)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("id,name,from\n", "names no class; write a header id,name,from"),
        ("id,name,drop\n5,car,truck\n", "the column drop: a CSV drops no classes; write YAML or JSON"),
        ('id,name,from\n5,vehicle,"car,truck"\n', r"no class 'car,truck'.*; several stand with \| between"),
    ],
)
def test_a_csv_that_does_not_do_what_it_seems_to(content: str, said: str, tmp_path: Path) -> None:
    table = tmp_path / "classes.csv"
    table.write_text(content)
    with pytest.raises(SourceError, match=said):
        api.inspect(coco_set(tmp_path / "in"), classes=table)


@pytest.mark.parametrize("cell", ["#102030", '"16,32,48"', "16 32 48", '"[16, 32, 48]"'])
def test_a_csv_may_say_colours(cell: str, tmp_path: Path) -> None:
    table = tmp_path / "classes.csv"
    table.write_text(f"id,name,from,color\n5,vehicle,car|truck,{cell}\n")
    found = api.convert(coco_set(tmp_path / "in"), tmp_path / "out", to="coco", classes=table).classes
    assert next(c.color for c in found if c.name == "vehicle") == (16, 32, 48)
