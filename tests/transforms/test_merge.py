"""Several sets as one, and apart again."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from converter import api
from converter.errors import SourceError, UsageError
from tests.oracle import coco_masks, digest
from tests.support import segpack
from tests.transforms.sets import CocoSet, Result, blob, code, photo, random_set


def coco_set(folder: Path, names: tuple[str, ...], seed: int = 0, images: int = 2) -> str:
    made = CocoSet(folder, names)
    for number in range(images):
        id = made.image(f"{number}.png", photo(30, 40, seed + number))
        for c in range(1, len(names) + 1):
            made.draw(id, code(blob(30, 40, seed + 10 * number + c)), c)
    return made.save()


def content(file: Path, prefix: str = "") -> Counter[tuple[str, str, bool, str]]:
    return Counter(
        (name.removeprefix(prefix), c, crowd, digest(mask))
        for name, masks in coco_masks(file).items()
        for c, crowd, mask in masks
    )


def test_classes_are_united_by_name_and_names_kept_apart(tmp_path: Path) -> None:
    one = coco_set(tmp_path / "one", ("car", "dog"))
    two = coco_set(tmp_path / "two", ("dog", "cat"), 50)
    found = api.merge([one, two], tmp_path / "out", to="coco")
    result = Result(tmp_path / "out")
    assert result.names == {1: "car", 2: "dog", 3: "cat"}
    assert set(result.images) == {"one/0.png", "one/1.png", "two/0.png", "two/1.png"}
    assert {n: i["segpack_source"] for n, i in result.images.items()} == {n: n.partition("/")[0] for n in result.images}
    assert [n.code for n in found.notes] == ["class-ids-united"]
    assert "dog 1 -> 2, cat 2 -> 3" in found.notes[0].message
    assert not found.losses
    assert content(tmp_path / "out/coco.json") == Counter(
        {("one/" + n, *r): k for (n, *r), k in content(tmp_path / "one/coco.json").items()}
    ) + Counter({("two/" + n, *r): k for (n, *r), k in content(tmp_path / "two/coco.json").items()})


def apart(merged: Path, tag: str, target: Path, source: str, **options: Any) -> Any:
    """The set of `tag` taken out of a merged one; it has to be `source` again, by what diff and the files say."""
    found = api.convert(merged, target, to="coco", filter=[f"source={tag}"], **options)
    told = api.diff(source, target)
    assert told.equal, told.counts
    before, after = (json.loads((Path(p) / "coco.json").read_text()) for p in (source, target))
    assert [(c["id"], c["name"]) for c in after["categories"]] == [(c["id"], c["name"]) for c in before["categories"]]
    assert content(target / "coco.json") == content(Path(source) / "coco.json")
    assert not after.keys() - {"images", "annotations", "categories", "segpack_sources"}
    for image in (Path(source) / "images").iterdir():
        assert (target / "images" / image.name).read_bytes() == image.read_bytes()
    return found


@pytest.mark.parametrize("form", ["coco", "lvis", "coco-panoptic", "instance-png", "binary", "rle", "polygon"])
def test_merged_sets_come_apart_again(tmp_path: Path, form: str) -> None:
    """Sets that share names of images and classes, and ids of classes that are not the same."""
    one, two = coco_set(tmp_path / "one", ("car", "dog")), coco_set(tmp_path / "two", ("dog", "cat", "owl"), 50)
    if form == "coco-panoptic":
        one, two = (
            api.convert(source, Path(source).with_suffix(".flat"), to="coco-panoptic").target for source in (one, two)
        )
        one, two = (api.convert(source, Path(source).with_suffix(".coco"), to="coco").target for source in (one, two))
    merged = tmp_path / "merged"
    if form in {"binary", "rle", "polygon"}:
        api.pack([one, two], merged, tags=["real", "synthetic"], mask_encoding=form)  # type: ignore[arg-type]
    else:
        api.merge([one, two], merged, to=form, tags=["real", "synthetic"])
    for tag, source in (("real", one), ("synthetic", two)):
        found = apart(merged, tag, tmp_path / tag, source)
        assert all(loss.code == "filtered-image" for loss in found.losses)
        assert "segpack_source" not in (tmp_path / tag / "coco.json").read_text()


def test_folders_tell_sources_where_nothing_else_does(tmp_path: Path) -> None:
    one, two = coco_set(tmp_path / "one", ("car", "dog")), coco_set(tmp_path / "two", ("dog", "cat"), 50)
    api.merge([one, two], tmp_path / "merged", to="yolo-seg")
    api.convert(tmp_path / "merged", tmp_path / "out", to="coco", filter=["source=two"])
    result = Result(tmp_path / "out")
    assert set(result.images) == {"two/0.png", "two/1.png"}
    assert result.names == {1: "car", 2: "dog", 3: "cat"}
    assert content(tmp_path / "out/coco.json", "two/") == content(Path(two) / "coco.json")


def test_apart_after_more_was_done(tmp_path: Path) -> None:
    """Another set beside it, splits, a format between, classes that were renamed."""
    one, two = coco_set(tmp_path / "one", ("car", "dog")), coco_set(tmp_path / "two", ("dog", "cat"), 50)
    three = coco_set(tmp_path / "three", ("owl",), 80)
    api.merge([one, two], tmp_path / "inner", to="coco")
    api.pack([tmp_path / "inner", three], tmp_path / "outer", split="train=0.5,val=0.5")
    api.convert(tmp_path / "outer", tmp_path / "again", to="coco")
    api.convert(tmp_path / "again", tmp_path / "half", to="coco", filter=["source=inner"])
    assert api.diff(tmp_path / "half", tmp_path / "inner").counts == {}
    found = api.convert(tmp_path / "half", tmp_path / "two again", to="coco", filter=["source!=one"])
    assert [(c.id, c.name) for c in found.classes] == [(1, "dog"), (2, "cat")]
    again = content(tmp_path / "two again/coco.json")
    assert {(name.rpartition("/")[2], *r) for name, *r in again} == set(content(Path(two) / "coco.json"))
    (tmp_path / "classes.yaml").write_text("- {id: 9, name: animal, from: [dog, cat]}")
    api.convert(tmp_path / "inner", tmp_path / "renamed", to="coco", classes=tmp_path / "classes.yaml")
    found = api.convert(tmp_path / "renamed", tmp_path / "x", to="coco", filter=["source=two"])
    assert [(c.id, c.name) for c in found.classes] == [(9, "animal")]
    found = api.convert(tmp_path / "renamed", tmp_path / "y", to="coco", filter=["source=one", "class!=car"])
    assert [(c.id, c.name) for c in found.classes] == [(9, "animal")]


def test_label_maps_apart_again(tmp_path: Path) -> None:
    """Also a set in which every pixel has a class, one with pixels to be ignored, and both in a package."""
    one, first = random_set(tmp_path / "one", {0: "sky", 1: "car"}, 1)
    two, second = random_set(tmp_path / "two", {1: "dog", 2: "car", 255: "void"}, 2)
    api.pack([one, two], tmp_path / "all.zip")
    for tag, labels in (("one", first), ("two", second)):
        api.pack(tmp_path / "all.zip", tmp_path / f"{tag}.pack", filter=[f"source={tag}"])
        with Image.open(tmp_path / f"{tag}.pack/masks/a.png") as image:
            np.testing.assert_array_equal(np.asarray(image), labels)
        meta = json.loads((tmp_path / f"{tag}.pack/meta.json").read_text())
        assert meta["background_id"] == (None if tag == "one" else 0)
        assert meta["ignore_id"] == (None if tag == "one" else 255)
        assert "merged" not in meta["source"]


def test_a_margin_does_not_become_the_class_that_zero_was(tmp_path: Path) -> None:
    one, _ = random_set(tmp_path / "one", {0: "sky", 1: "car"}, 1)
    two, _ = random_set(tmp_path / "two", {1: "dog"}, 2)
    size: dict[str, Any] = {"resize": "90x90", "resize_mode": "letterbox"}
    api.merge([one, two], tmp_path / "all", to="semantic-png", **size)
    with pytest.raises(UsageError, match=r"^a.png: \d+ pixels of 0 would be left without a class"):
        api.convert(tmp_path / "all", tmp_path / "out", to="semantic-png", filter=["source=one"])
    api.convert(tmp_path / "all", tmp_path / "out", to="semantic-png", filter=["source=two"])
    api.convert(two, tmp_path / "alone", to="semantic-png", **size)
    assert api.diff(tmp_path / "out", tmp_path / "alone").equal
    api.merge([one, two], tmp_path / "regions", to="coco", **size)
    found = api.convert(tmp_path / "regions", tmp_path / "painted", to="semantic-png", filter=["source=one"])
    assert "unlabelled" in {x.code for x in found.losses}


def test_a_label_map_among_instances_is_one_again(tmp_path: Path) -> None:
    one = coco_set(tmp_path / "one", ("car", "dog"))
    two, labels = random_set(tmp_path / "two", {1: "dog", 2: "cat", 255: "void"}, 2)
    api.merge([one, two], tmp_path / "all", to="coco")
    api.convert(tmp_path / "all", tmp_path / "out", to="semantic-png", filter=["source=two"])
    with Image.open(tmp_path / "out/masks/a.png") as image:
        np.testing.assert_array_equal(np.asarray(image), labels)
    assert api.diff(two, tmp_path / "out").equal


def test_a_source_that_is_not_there_is_named(tmp_path: Path) -> None:
    one, two = coco_set(tmp_path / "one", ("car",)), coco_set(tmp_path / "two", ("car",), 50)
    api.merge([one, two], tmp_path / "all", to="coco")
    with pytest.raises(UsageError, match="no set is called 'on'; use one of one, two"):
        api.convert(tmp_path / "all", tmp_path / "x", to="coco", filter=["source=on"])


def test_a_record_of_sources_that_is_none_is_refused(tmp_path: Path) -> None:
    one = Path(coco_set(tmp_path / "one", ("car",)))
    top = json.loads((one / "coco.json").read_text())
    for record in ([{"tag": 3}], "two", [{"tag": "a", "task": "x", "classes": []}]):
        (one / "coco.json").write_text(json.dumps({**top, "segpack_sources": record}))
        with pytest.raises(SourceError, match="segpack_sources"):
            api.convert(one, tmp_path / "x", to="coco", filter=["source=a"])


@pytest.mark.parametrize("ids", [(-1, 2), (7, 7), (2**31, 1)])
def test_ids_of_a_record_that_cannot_be_are_left_alone(tmp_path: Path, ids: tuple[int, int]) -> None:
    one, two = coco_set(tmp_path / "one", ("car", "dog")), coco_set(tmp_path / "two", ("cat",), 50)
    api.merge([one, two], tmp_path / "all", to="coco")
    top = json.loads((tmp_path / "all/coco.json").read_text())
    for c, id in zip(top["segpack_sources"][0]["classes"], ids, strict=True):
        c["id"] = id
    (tmp_path / "all/coco.json").write_text(json.dumps(top))
    found = api.convert(tmp_path / "all", tmp_path / "out", to="coco", filter=["source=one"])
    assert [(c.id, c.name) for c in found.classes] == [(1, "car"), (2, "dog")]


def test_each_set_may_have_its_format_named(tmp_path: Path) -> None:
    one = coco_set(tmp_path / "one", ("car",))
    api.convert(coco_set(tmp_path / "two", ("car",), 50), tmp_path / "yolo", to="yolo-seg")
    assert api.merge([one, tmp_path / "yolo"], tmp_path / "out", to="coco", format="coco,yolo-seg").images == 4
    assert api.merge([one, tmp_path / "yolo"], tmp_path / "out2", to="coco", format=",yolo-seg").images == 4
    with pytest.raises(UsageError, match="3 formats for 2 datasets"):
        api.merge([one, tmp_path / "yolo"], tmp_path / "x", to="coco", format="coco,coco,coco")


def test_what_classes_say_of_themselves_otherwise_is_a_loss(tmp_path: Path) -> None:
    one, two = coco_set(tmp_path / "one", ("car", "dog")), coco_set(tmp_path / "two", ("dog", "cat"), 50)
    for source, kind in ((one, "thing"), (two, "animal")):
        top = json.loads((Path(source) / "coco.json").read_text())
        for category in top["categories"]:
            category["supercategory"] = kind
        (Path(source) / "coco.json").write_text(json.dumps(top))
    found = api.merge([one, two], tmp_path / "out", to="coco")
    assert [(loss.code, loss.image, loss.message) for loss in found.losses] == [
        ("metadata-dropped", "two", "the 'supercategory' of its class 'dog' is not that of the sets before it")
    ]


def test_identical_images_are_told(tmp_path: Path) -> None:
    one, two = coco_set(tmp_path / "one", ("car",)), coco_set(tmp_path / "two", ("car",))
    found = api.merge([one, two], tmp_path / "out", to="coco")
    told = [(n.where, n.message) for n in found.notes if n.code == "identical-image"]
    assert told == [(f"two/{i}.png", f"is byte for byte one/{i}.png") for i in range(2)]
    assert found.images == 4


@pytest.mark.parametrize(("old", "new"), [("Traffic Light", "traffic-light"), ("No", "no"), ("a, b: c", "A, b: c")])
def test_what_is_said_of_names_that_may_mean_one_class_unites_them(old: str, new: str, tmp_path: Path) -> None:
    sets, table = (
        [coco_set(tmp_path / "one", (old,)), coco_set(tmp_path / "two", (new,), 50)],
        tmp_path / "classes.yaml",
    )
    with pytest.raises(UsageError) as error:
        api.merge(sets, tmp_path / "out", to="coco")
    table.write_text(str(error.value).partition(", as '")[2].rpartition("', or an entry")[0])
    found = api.merge(sets, tmp_path / "out", to="coco", classes=table)
    assert [c.name for c in found.classes] == [old]


def test_names_that_may_mean_one_class_are_asked_about(tmp_path: Path) -> None:
    one, two = coco_set(tmp_path / "one", ("Traffic Light",)), coco_set(tmp_path / "two", ("traffic-light",), 50)
    with pytest.raises(UsageError, match="one class or two"):
        api.merge([one, two], tmp_path / "out", to="coco")
    (tmp_path / "classes.yaml").write_text("- {name: light, from: [Traffic Light, traffic-light]}")
    found = api.merge([one, two], tmp_path / "out", to="coco", classes=tmp_path / "classes.yaml")
    assert [(c.id, c.name) for c in found.classes] == [(1, "light")]
    assert found.instances == 4


def test_label_maps_are_united(tmp_path: Path) -> None:
    one, first = random_set(tmp_path / "one", {1: "car", 2: "dog"}, 1)
    two, second = random_set(tmp_path / "two", {1: "dog", 2: "cat"}, 2)
    api.merge([one, two], tmp_path / "out", to="semantic-png")
    for name, labels, table in (("one", first, [0, 1, 2]), ("two", second, [0, 2, 3])):
        with Image.open(tmp_path / f"out/masks/{name}/a.png") as image:
            np.testing.assert_array_equal(np.asarray(image), np.array(table)[labels])


def test_a_real_class_0_moves_where_another_set_has_a_background(tmp_path: Path) -> None:
    one, first = random_set(tmp_path / "one", {0: "sky", 1: "car"}, 1)
    two, second = random_set(tmp_path / "two", {1: "dog"}, 2)
    found = api.merge([one, two], tmp_path / "out", to="semantic-png")
    ids = {c.name: c.id for c in found.classes}
    assert 0 not in ids.values()
    for name, labels, table in (("one", first, [ids["sky"], ids["car"]]), ("two", second, [0, ids["dog"]])):
        with Image.open(tmp_path / f"out/masks/{name}/a.png") as image:
            np.testing.assert_array_equal(np.asarray(image), np.array(table)[labels])


def test_a_label_map_among_instances_is_cut_into_regions(tmp_path: Path) -> None:
    one = coco_set(tmp_path / "one", ("car", "dog"))
    two, labels = random_set(tmp_path / "two", {1: "dog", 255: "cat", 7: "hen"}, 2)
    api.merge([one, two], tmp_path / "out", to="coco")
    result = Result(tmp_path / "out")
    found = {result.names[a["category_id"]]: m for a, m in
             zip(result.annotations("two/a.png"), result.masks("two/a.png"), strict=True)}  # fmt: skip
    assert set(found) == {"dog", "cat", "hen"}
    for name, value in (("dog", 1), ("cat", 255), ("hen", 7)):
        np.testing.assert_array_equal(found[name], labels == value)


def test_splits_of_all_are_kept(tmp_path: Path) -> None:
    one, two = coco_set(tmp_path / "one", ("car",)), coco_set(tmp_path / "two", ("car",), 50)
    api.convert(one, tmp_path / "a", to="yolo-seg", split="train=0.5,valid=0.5")
    api.convert(two, tmp_path / "b", to="coco", split="test=1")
    api.pack([tmp_path / "a", tmp_path / "b"], tmp_path / "out")
    meta = json.loads((tmp_path / "out/meta.json").read_text())
    assert meta["counts"]["per_split"] == {"train": 1, "val": 1, "test": 2}
    assert "segpack_source" in meta["encodings"]["coco"]


def test_merge_and_pack_take_several_sets_on_the_command_line(tmp_path: Path) -> None:
    one, two = coco_set(tmp_path / "one", ("car",)), coco_set(tmp_path / "two", ("car",), 50)
    run = segpack("merge", one, two, tmp_path / "out", "--to", "coco", "--source", "real", "--source", "fake", "--json")
    assert run.json["images"] == 4
    assert {n.partition("/")[0] for n in Result(tmp_path / "out").images} == {"real", "fake"}
    assert segpack("pack", one, two, tmp_path / "out.zip", "--json").json["images"] == 4
    assert (
        "name datasets and then where to write" in segpack("merge", one, tmp_path / "x", "--to", "coco", check=2).error
    )


@pytest.mark.parametrize("tags", [["a"], ["a", "a"], ["a/b", "a"], ["", "a"]])
def test_tags_that_make_no_sense_are_refused(tmp_path: Path, tags: list[str]) -> None:
    one, two = coco_set(tmp_path / "one", ("car",)), coco_set(tmp_path / "two", ("car",), 50)
    with pytest.raises(UsageError, match="--source"):
        api.merge([one, two], tmp_path / "x", to="coco", tags=tags)


def test_dsb2018_and_tiny_coco_and_apart_again(tmp_path: Path, data: Path, *, whole: bool) -> None:
    dsb = data / "dsb2018_stage1"
    if not whole:
        for each in sorted((dsb / "stage1_train").iterdir())[:6]:
            shutil.copytree(each, tmp_path / "in/dsb2018_stage1" / each.name)
        dsb = tmp_path / "in/dsb2018_stage1"
    sources = [dsb, data / "tiny_coco"]
    found = api.merge(sources, tmp_path / "all", to="coco")
    assert found.images == 38 + (64 if whole else 6)
    for tag, source in zip(("dsb2018_stage1", "tiny_coco"), sources, strict=True):
        api.convert(source, tmp_path / "plain" / tag, to="coco", image_files="none")
        api.convert(tmp_path / "all", tmp_path / tag, to="coco", filter=[f"source={tag}"])
        assert api.diff(source, tmp_path / tag).equal
        before, after = (json.loads((tmp_path / p / tag / "coco.json").read_text()) for p in ("plain", ""))
        assert after["categories"] == before["categories"]
        assert content(tmp_path / tag / "coco.json") == content(tmp_path / "plain" / tag / "coco.json")
        files = {p.read_bytes() for p in source.rglob("*") if p.suffix in {".jpg", ".png"} and "masks" not in p.parts}
        assert {p.read_bytes() for p in (tmp_path / tag / "images").rglob("*.*")} == files


@pytest.mark.parametrize("strange", [-1, 655_535])
def test_ids_that_no_pixel_has(strange: int, tmp_path: Path) -> None:
    """A class file may declare more than masks can hold: beside a set that uses the class it gets another id."""
    masks: list[Any] = []
    for name, id in (("one", strange), ("two", 7)):
        for folder in ("images", "masks"):
            (tmp_path / name / folder).mkdir(parents=True)
        labels = np.zeros((30, 40), np.uint8)
        labels[3:9, 5:20], labels[20:25, 8:30] = 1, id if id == 7 else 1
        masks.append(labels)
        Image.fromarray(photo(30, 40)).save(tmp_path / name / "images/a.png")
        Image.fromarray(labels).save(tmp_path / name / "masks/a.png")
        (tmp_path / name / "classes.json").write_text(json.dumps({1: "car", id: "plate"}))
    api.merge([tmp_path / "one", tmp_path / "two"], tmp_path / "out", to="semantic-png")
    meta = json.loads((tmp_path / "out/meta.json").read_text())
    ids = {c["name"]: c["id"] for c in meta["classes"]}
    for name, before in zip(("one", "two"), masks, strict=True):
        with Image.open(tmp_path / f"out/masks/{name}/a.png") as image:
            after = np.asarray(image)
        assert np.array_equal(after == ids["car"], before == 1)
        assert np.array_equal(after == ids["plate"], before == 7)
        api.convert(tmp_path / "out", tmp_path / name / "again", to="semantic-png", filter=[f"source={name}"])
        with Image.open(tmp_path / name / "again/masks/a.png") as image:
            assert np.array_equal(np.asarray(image), before)


def test_masks_and_objects_with_ids_that_no_pixel_has(tmp_path: Path) -> None:
    objects = Path(coco_set(tmp_path / "objects", ("car", "dog")))
    content = json.loads((objects / "coco.json").read_text().replace('"category_id": 1', '"category_id": 100000'))
    content["categories"][0]["id"] = 100_000
    (objects / "coco.json").write_text(json.dumps(content))
    api.convert(coco_set(tmp_path / "other", ("car",), 9), tmp_path / "masks", to="semantic-png")
    api.merge([objects, tmp_path / "masks"], tmp_path / "out", to="coco")
    found = Counter(c for masks in coco_masks(tmp_path / "out/coco.json").values() for c, _, _ in masks)
    assert found == {"car": 4, "dog": 2}
