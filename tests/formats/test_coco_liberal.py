"""COCO that is not quite COCO, where it has one meaning: ids as floats, annotations as a mapping."""

from __future__ import annotations

import json
import math

import pytest
from PIL import Image
from pycocotools import mask as coco

import converter
from converter.errors import SourceError
from converter.geometry import shapes

RINGS = {11: [1, 1, 6.5, 1, 6, 5], 12: [2, 2, 8, 2, 8, 7, 2.5, 7], 13: [0, 0, 3, 0, 3, 3]}


def content():
    return {
        "images": [{"id": i, "file_name": f"{i}.png", "width": 9, "height": 8} for i in (1, 2)],
        "annotations": [
            {"id": id, "image_id": 1 + id % 2, "category_id": 3, "segmentation": [ring], "iscrowd": 0}
            for id, ring in RINGS.items()
        ],
        "categories": [{"id": 3, "name": "cell"}, {"id": 5, "name": "debris"}],
    }


def write(folder, what):
    (folder / "coco.json").write_text(json.dumps(what))
    return folder / "coco.json"


def drawn(source, **options):
    """The class and the run lengths of each object by its id, and the ids of the images."""
    opened = converter.open(source, **options)
    found = {i.id: (i.class_id, shapes.mask_of(i.shape, 8, 9).counts) for sample in opened for i in sample.instances}
    return found, [sample.image.id for sample in opened]


def expected():
    """The same by the COCO API."""
    codes = {id: coco.frPyObjects([ring], 8, 9)[0]["counts"] for id, ring in RINGS.items()}
    return {id: (3, counts) for id, counts in codes.items()}, [1, 2]


@pytest.mark.parametrize("unusual", [{}, {"score": 0.5}])
@pytest.mark.parametrize(
    ("kind", "key"),
    [("images", "id"), ("annotations", "id"), ("annotations", "image_id"), ("annotations", "category_id"),
     ("categories", "id")],
)  # fmt: skip
def test_ids_as_a_table_with_a_gap_writes_them(kind, key, unusual, tmp_path):
    what = content()
    what[kind] = [{**entry, key: float(entry[key]), **unusual} for entry in what[kind]]
    assert drawn(write(tmp_path, what)) == expected()


@pytest.mark.parametrize(("key", "said"), [("image_id", "1.5 names no image"), ("category_id", "is no whole number")])
def test_a_fraction_is_nobodys_id(key, said, tmp_path):
    what = content()
    what["annotations"][1][key] = 1.5
    with pytest.raises(SourceError, match=f"annotation 12.*{said}"):
        drawn(write(tmp_path, what))
    found, _ = drawn(tmp_path / "coco.json", on_error="skip")
    assert found.keys() == {11, 13}


def test_a_category_numbered_by_a_fraction(tmp_path):
    what = content()
    what["categories"][1]["id"] = 5.5
    with pytest.raises(SourceError, match=r"categories\[1\]: the id is 5.5, not a whole number"):
        drawn(write(tmp_path, what))


def test_a_crowd_told_by_a_float(tmp_path):
    """As PyLabel's table of pandas writes it, beside keys of its own."""
    what = content()
    for entry, crowd in zip(what["annotations"], (0.0, 1.0, 0.0), strict=True):
        entry |= {"iscrowd": crowd, "pose": None}
    what["annotations"][2].pop("pose")
    found = {i.id: i.iscrowd for sample in converter.open(write(tmp_path, what)) for i in sample.instances}
    assert found == {11: False, 12: True, 13: False}


def test_an_integer_and_a_float_of_one_value_are_one_id(tmp_path):
    what = content()
    what["images"][1]["id"] = 1.0
    with pytest.raises(SourceError, match=r"two images have id 1\.0"):
        drawn(write(tmp_path, what))


def test_a_ring_without_its_outer_list_is_told_by_name(tmp_path):
    what = content()
    what["annotations"][0]["segmentation"] = RINGS[11]
    with pytest.raises(SourceError, match=r"annotation 11 of 2\.png: segmentation: the polygon lacks its outer list"):
        drawn(write(tmp_path, what))


@pytest.mark.parametrize("ring", [[1, 1, 4, 4], [1, 1, 4, 4, 2], [1, 1, 4, 4, 2, 1e9], [1, [2], 3, 4, 5, 6]])
def test_numbers_that_are_no_ring_are_refused(ring, tmp_path):
    what = content()
    what["annotations"][0]["segmentation"] = ring
    with pytest.raises(SourceError, match=r"annotation 11 of 2\.png: segmentation"):
        drawn(write(tmp_path, what))


def test_annotations_as_a_mapping_by_their_ids(tmp_path):
    what = content()
    what["annotations"] = {str(a["id"]): a for a in what["annotations"]}
    assert drawn(write(tmp_path, what)) == expected()


def test_an_empty_mapping_holds_no_annotation(tmp_path):
    assert drawn(write(tmp_path, content() | {"annotations": {}})) == ({}, [1, 2])


def test_a_key_of_a_large_mapping_that_stands_twice(tmp_path):
    """Of equal keys a decoder of JSON keeps one, so that an object would be lost."""
    what = content()
    one = {**what["annotations"][0], "note": "x" * 3000}
    what["annotations"] = {str(i): {**one, "id": i} for i in range(2000)}
    text = json.dumps(what)
    assert len(text) > 5_000_000
    (tmp_path / "coco.json").write_text(text.replace('"7": {', '"8": {'))
    with pytest.raises(SourceError, match="annotations: a key stands twice"):
        drawn(tmp_path / "coco.json")


@pytest.mark.parametrize("value", [{"a": 1}, 3, "x", None])
def test_what_is_no_list_of_annotations(value, tmp_path):
    with pytest.raises(SourceError, match="annotations"):
        drawn(write(tmp_path, content() | {"annotations": value}))


def test_an_id_beyond_all_floats(tmp_path):
    what = content()
    what["annotations"][1]["image_id"] = math.inf
    with pytest.raises(SourceError, match="annotation"):
        drawn(write(tmp_path, what))


@pytest.mark.parametrize("value", [None, "cat", ...])
@pytest.mark.parametrize(("key", "code"), [("category_id", "unmapped-class"), ("image_id", "orphan-mask")])
def test_checks_name_what_an_annotation_lacks(key, code, value, tmp_path):
    what = content()
    what["annotations"][1][key] = value
    if value is ...:
        del what["annotations"][1][key]
    found = converter.check(write(tmp_path, what)).findings
    assert [f.code for f in found if f.code in {"unmapped-class", "orphan-mask", "invalid-polygon"}] == [code]


def test_an_image_that_is_refused_is_spoken_of(tmp_path):
    what = content()
    what["images"][0]["width"] = 0
    Image.new("L", (9, 8)).save(tmp_path / "1.png")
    Image.new("L", (9, 8)).save(tmp_path / "other.png")
    write(tmp_path, what)
    found = [(f.code, f.where.get("file")) for f in converter.check(tmp_path).findings]
    assert ("size-mismatch", "coco.json") in found
    assert [file for code, file in found if code == "orphan-image"] == ["other.png"]


@pytest.mark.parametrize(
    ("images", "annotations", "said"),
    [
        ("im-{}", "{}", "images ('im-1') and annotations ('11')"),
        (None, "ann-{}", "annotations ('ann-11')"),
        ("{}", None, "images ('1')"),
        (None, None, None),
    ],
)
def test_ids_that_are_texts_are_numbered_and_told_once(images, annotations, said, tmp_path):
    what = content()
    for kind, key, form in [
        ("images", "id", images),
        ("annotations", "image_id", images),
        ("annotations", "id", annotations),
    ]:
        for entry in what[kind]:
            entry[key] = form.format(entry[key]) if form else entry[key]
    result = converter.convert(write(tmp_path, what), tmp_path / "out", to="coco", image_files="none")
    told = [note.message for note in result.notes if note.code == "ids-renumbered"]
    assert told == ([f"ids of {said} are no whole numbers: all were numbered anew"] if said else [])


@pytest.mark.parametrize("box", [[3, 2, 0, 4], [3, 2, -1, 4], [7, 7, 1, 0]])
@pytest.mark.parametrize("drawn", [{}, {"segmentation": []}, {"segmentation": {"size": [8, 9], "counts": [72]}}])
def test_the_box_of_what_has_no_pixel_stays_where_it_is(box, drawn, tmp_path):
    what = content()
    del what["annotations"][0]["segmentation"]
    what["annotations"][0] |= {"bbox": box, **drawn}
    result = converter.convert(write(tmp_path, what), tmp_path / "out", to="coco", image_files="none", strict=True)
    written = {a["id"]: a["bbox"] for a in json.loads((tmp_path / "out/coco.json").read_text())["annotations"]}
    assert written[11] == box
    assert not [note for note in result.notes if note.code == "box-computed"]


@pytest.mark.parametrize("target", ["coco", "yolo-seg", "instance-png"])
def test_an_image_that_is_listed_twice_is_told_as_such(target, tmp_path):
    what = content()
    what["images"][1]["file_name"] = "1.png"
    Image.new("L", (9, 8)).save(tmp_path / "1.png")
    with pytest.raises(SourceError, match=r"the image 1\.png is listed twice \(ids 1 and 2\); list it once, with all"):
        converter.convert(write(tmp_path, what), tmp_path / "out", to=target)


@pytest.mark.parametrize("number", ["NaN", "-Infinity"])
@pytest.mark.parametrize("kind", ["coco", "lvis", "coco-panoptic", "coco-results"])
def test_what_is_kept_and_is_no_number_is_told(kind, number, tmp_path):
    converter.convert(
        write(tmp_path, content()), tmp_path / "in", to="coco" if "res" in kind else kind, image_files="none"
    )
    file = next(p for p in (tmp_path / "in").rglob("*.json"))
    text = file.read_text()
    if kind == "coco-results":
        found = [{k: v for k, v in a.items() if k != "id"} | {"score": 0} for a in json.loads(text)["annotations"]]
        (tmp_path / "in/results.json").write_text(json.dumps(found).replace('"score": 0', f'"score": {number}'))
    else:
        file.write_text(text.replace('"category_id":', f'"score":{number},"category_id":'))
    source = tmp_path / "in" / ("results.json" if kind == "coco-results" else "")
    result = converter.convert(source, tmp_path / "out", to="coco", image_files="none", format=kind)
    assert [note.code for note in result.notes].count("not-a-number") == 1
    assert f'"score":"{number}"' in (tmp_path / "out/coco.json").read_text()


def test_a_text_that_says_nan_is_a_text(tmp_path):
    what = content()
    what["annotations"][0]["attributes"] = {"by": "NaN"}
    result = converter.convert(write(tmp_path, what), tmp_path / "out", to="coco", image_files="none")
    assert not result.notes


@pytest.mark.parametrize(
    ("flag", "crowd"), [("0", 0), ("1", 1), ("false", 0), ("True", 1), (0.0, 0), (1.0, 1), (True, 1), (None, 0)]
)
def test_crowds_are_flagged_in_many_ways(flag, crowd, tmp_path):
    what = content()
    what["annotations"][0]["iscrowd"] = flag
    assert not converter.convert(write(tmp_path, what), tmp_path / "out", to="coco", image_files="none").losses
    written = {a["id"]: a["iscrowd"] for a in json.loads((tmp_path / "out/coco.json").read_text())["annotations"]}
    assert written == {11: crowd, 12: 0, 13: 0}


@pytest.mark.parametrize("flag", ["", "no", "2", 0.5, [], {}])
def test_other_flags_are_refused(flag, tmp_path):
    what = content()
    what["annotations"][0]["iscrowd"] = flag
    with pytest.raises(SourceError, match="iscrowd: Expected"):
        converter.convert(write(tmp_path, what), tmp_path / "out", to="coco", image_files="none")


def test_a_file_of_videos_says_so(tmp_path):
    (tmp_path / "instances.json").write_text('{"videos": [{"id": 1}], "annotations": [], "categories": []}')
    with pytest.raises(SourceError, match="has no 'images'; it is of videos"):
        converter.open(tmp_path / "instances.json")


@pytest.mark.parametrize(
    "color", [[255, [], 0], [300, 0, 0], [-1, 0, 0], [0.5, 0.2, 0.1], [True, 0, 0], ["1", "2", "3"], [1, 2, None]]
)
def test_what_is_no_colour_of_a_class_is_a_fact_of_it_as_any_other(color, tmp_path):
    what = content()
    what["categories"][0]["color"] = color
    (tmp_path / "set").mkdir()
    source = write(tmp_path / "set", what)
    converter.convert(source, tmp_path / "coco", to="coco", image_files="none")
    assert json.loads((tmp_path / "coco/coco.json").read_text())["categories"][0]["color"] == color
    for target in ("cvat", "datumaro", "label-studio", "supervisely", "instance-png"):
        result = converter.convert(source, tmp_path / target, to=target, image_files="none")
        assert "metadata-dropped" in {note.code for note in result.notes}
