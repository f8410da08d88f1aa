from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

import converter
from converter.errors import SegpackError
from converter.model import Box, Marks, Polygons
from tests.formats.twins import fixture, objects, real

SET = "2label_multiformat/datasets/via"


def test_the_table_holds_what_the_json_holds():
    """But for the strawberries, which the JSON has twice, as 34 boxes."""
    ours, table = objects(real(SET) / "via_region_data.json"), objects(real(SET) / "via_region_data.csv")
    for name, found in table.items():
        boxes = {(i.class_name, *i.box) for i in found if hasattr(i.shape, "w")}
        assert boxes == {(i.class_name, *i.box) for i in ours[name] if hasattr(i.shape, "w")}
    assert (len(ours["strawberry.jpg"]), len(table["strawberry.jpg"])) == (34, 17)


@pytest.mark.parametrize(
    ("case", "names"),
    [("coins", {"small coin", "large coin"}), ("project", {"box", "disc", "line", "dot"}), ("table", {"box", "disc"})],
)
def test_the_class_is_found_under_any_name(case, names):
    assert {c.name for c in converter.open(fixture("via") / "valid" / case).classes} == names


HEADER = "filename,file_size,file_attributes,region_count,region_id,region_shape_attributes,region_attributes"


def write_table(folder, *attributes):
    """A CSV of boxes with these attributes, as VIA 2 exports it."""
    folder.mkdir(exist_ok=True)
    Image.new("L", (64, 32)).save(folder / "a.png")
    shape = '{""name"":""rect"",""x"":3,""y"":4,""width"":10,""height"":20}'
    rows = [f'a.png,1,"{{}}",{len(attributes)},{n},"{shape}","{a}"' for n, a in enumerate(attributes)]
    (folder / "via_export_csv.csv").write_text("\n".join([HEADER, *rows, ""]))
    return folder


def test_attributes_that_nobody_set_are_undefined_in_a_table(tmp_path):
    said = '{""label"":""cat"",""mood"":undefined,""note"":""is undefined""}'
    (found,) = objects(write_table(tmp_path, said))["a.png"]
    assert (found.class_name, found.attributes) == ("cat", {"attributes": {"note": "is undefined"}})


def test_a_class_that_nobody_set_is_refused_as_in_a_json(tmp_path):
    source = write_table(tmp_path, '{""label"":""cat""}', '{""label"":undefined}')
    with pytest.raises(SegpackError, match="region 2: the attribute 'label' names no class"):
        objects(source)


def test_a_table_beside_a_json_is_told(tmp_path):
    source = write_table(tmp_path / "set", '{""label"":""cat""}')
    box = {"name": "rect", "x": 1, "y": 2, "width": 3, "height": 4}
    regions = [{"shape_attributes": box, "region_attributes": {"label": "dog"}}]
    content = {"a.png1": {"filename": "a.png", "size": 1, "regions": regions, "file_attributes": {}}}
    (source / "via_export_json.json").write_text(json.dumps(content))
    result = converter.convert(source, tmp_path / "out", to="coco")
    (note,) = [n for n in result.notes if n.code == "unused-file"]
    assert "via_export_csv.csv" in note.where
    assert note.message == "it was not read: via_export_json.json was"


def project(**metadata):
    """A project of VIA 3, as its page of images saves it."""
    return {
        "project": {"pid": "__VIA_PROJECT_ID__", "pname": "coins", "vid_list": ["1"]},
        "config": {"file": {"loc_prefix": {"1": "", "2": "", "3": "", "4": ""}}},
        "attribute": {
            "1": {"aname": "class", "anchor_id": "FILE1_Z0_XY1", "type": 4, "options": {"0": "cat", "1": "dog"}},
            "2": {"aname": "note", "anchor_id": "FILE1_Z0_XY1", "type": 1, "options": {}},
        },
        "file": {"1": {"fid": "1", "fname": "a.png", "type": 2, "loc": 1, "src": ""}},
        "metadata": {k: {"vid": "1", "flg": 0, "z": [], **v} for k, v in metadata.items()},
        "view": {"1": {"fid_list": ["1"]}},
    }


def write_project(folder, content):
    Image.new("L", (64, 32)).save(folder / "a.png")
    (folder / "via_project_1Jan2024.json").write_text(json.dumps(content))
    return folder


def test_projects_of_version_3(tmp_path):
    content = project(
        a={"xy": [2, 4, 3, 16, 12], "av": {"1": "0", "2": "left"}},
        b={"xy": [7, 30, 2, 60, 2, 60, 20], "av": {"1": "1"}},
        c={"xy": [3, 32, 16, 5], "av": {"1": "1"}},
        d={"xy": [6, 1, 1, 5, 5, 9, 1], "av": {"1": "0"}},
        e={"xy": [1, 7, 8], "av": {"1": "0"}},
        f={"xy": [], "av": {"2": "of the image"}},
    )
    found = objects(write_project(tmp_path, content))["a.png"]
    assert converter.open(tmp_path).format == "via"
    assert [i.class_name for i in found] == ["cat", "dog", "dog", "cat", "cat"]
    assert found[0].shape == Box(4, 3, 16, 12)
    assert found[1].shape == Polygons([[30, 2, 60, 2, 60, 20]])
    y, x = np.mgrid[:32, :64] + 0.5
    assert np.array_equal(found[2].mask(), (x - 32) ** 2 + (y - 16) ** 2 <= 25)
    assert [i.shape for i in found[3:]] == [Marks("polyline", [1, 1, 5, 5, 9, 1]), Marks("points", [7, 8])]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"file": {"1": {"fname": "a.mp4", "type": 4}}}, "video"),
        ({"metadata": {"a": {"vid": "1", "xy": [12, 1, 2], "av": {"1": "0"}}}}, "region 1: the shape 12 is unknown"),
        ({"metadata": {"a": {"vid": "1", "xy": [2, 1, 2], "av": {"1": "0"}}}}, "region 1: width: None"),
        ({"view": [1]}, "is it a VIA 3 project?"),
    ],
)
def test_what_is_no_project_of_images_is_refused(change, words, tmp_path):
    write_project(tmp_path, project() | change)
    with pytest.raises(SegpackError, match=words):
        list(converter.open(tmp_path))


@pytest.mark.parametrize(
    ("ticked", "words"), [({"cat": True, "dog": True}, r"names several classes \(cat, dog\)"), ({}, "names no class")]
)
def test_boxes_that_are_ticked_have_to_name_one_class(ticked, words, tmp_path):
    Image.new("L", (64, 32)).save(tmp_path / "a.png")
    shape = {"name": "rect", "x": 1, "y": 2, "width": 3, "height": 4}
    regions = [{"shape_attributes": shape, "region_attributes": {"kind": kind}} for kind in ({"cat": True}, ticked)]
    page = {"a.png1": {"filename": "a.png", "size": 1, "regions": regions, "file_attributes": {}}}
    (tmp_path / "via.json").write_text(json.dumps(page))
    with pytest.raises(SegpackError, match=f"region 2: the attribute 'kind' {words}"):
        list(converter.open(tmp_path))


def test_what_is_in_no_view_of_one_file_is_a_loss(tmp_path):
    box = {"xy": [2, 4, 3, 16, 12], "av": {"1": "0"}}
    silent = {"xy": [], "av": {}, "vid": "2"}
    content = project(a=box, b={**box, "vid": "2"}, c={**box, "vid": "3"}, d=silent)
    content["view"] |= {"2": {"fid_list": ["1", "1"]}, "3": {"fid_list": ["9"]}}
    dataset = converter.open(write_project(tmp_path, content))
    assert [len(sample.instances) for sample in dataset] == [1]
    assert [(loss.code, loss.amount) for loss in dataset.losses] == [("annotation-dropped", 2)]


def test_zero_and_false_are_values_of_an_image(tmp_path):
    content = project(a={"xy": [2, 4, 3, 16, 12], "av": {"1": "0"}}, b={"xy": [], "av": {"2": 0}})
    (sample,) = converter.open(write_project(tmp_path, content))
    assert sample.image.extra == {"attributes": {"note": 0}}
