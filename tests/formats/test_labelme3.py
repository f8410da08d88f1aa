from __future__ import annotations

import shutil

from PIL import Image

import converter
from converter.model import Box
from tests.formats.twins import check_torture, fixture, objects


def test_every_mask_is_the_one_that_was_drawn():
    """RGBA with soft edges, gray, and cut out at the box."""
    check_torture(fixture("labelme3") / "valid" / "masks", ("small coin", "large coin"))


def test_parts_are_one_object_and_deleted_ones_are_gone():
    found = objects(fixture("labelme3") / "valid" / "parts")["a.jpg"]
    assert [isinstance(i.shape, Box) for i in found] == [True, False]
    assert found[1].mask().sum() > 50


def test_masks_lie_beside_annotations_too(tmp_path):
    """Datumaro keeps Annotations/<subset>/, Images/<subset>/ and Masks/<subset>/ side by side."""
    source = fixture("labelme3") / "valid" / "masks"
    for path in (p for p in source.rglob("*") if p.is_file()):
        kind = "Masks" if "Masks" in path.parts else "Annotations" if path.suffix == ".xml" else "Images"
        target = tmp_path / kind / "train" / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    check_torture(tmp_path, ("small coin", "large coin"))


def test_collections_side_by_side_may_have_images_of_one_name(tmp_path):
    """The web tool keeps Annotations/<collection>/ and Images/<collection>/."""
    for number, name in enumerate(("street", "street2"), 1):
        for folder in ("Annotations", "Images"):
            (tmp_path / folder / name).mkdir(parents=True)
        Image.new("L", (40, 30 + number)).save(tmp_path / f"Images/{name}/a.png")
        points = "".join(f"<pt><x>{x}</x><y>{y}</y></pt>" for x, y in ((2, 2), (12, 2), (12, 9)))
        page = f"<filename>a.png</filename><object><name>on {name}</name><polygon>{points}</polygon></object>"
        (tmp_path / f"Annotations/{name}/a.xml").write_text(f"<annotation>{page}</annotation>")
    found = {s.image.name: (s.image.height, s.instances[0].class_name) for s in converter.open(tmp_path)}
    assert found == {"street/a.png": (31, "on street"), "street2/a.png": (32, "on street2")}


def test_pixels_of_a_mask_beyond_the_edge_are_told(tmp_path):
    """Of 5 x 4 pixels at 9, 7 an image of 12 x 9 has 3 x 2."""
    (tmp_path / "Masks").mkdir()
    Image.new("L", (5, 4), 255).save(tmp_path / "Masks/m.png")
    Image.new("RGB", (12, 9)).save(tmp_path / "a.png")
    box = "<box><xmin>9</xmin><ymin>7</ymin><xmax>14</xmax><ymax>11</ymax></box>"
    (tmp_path / "a.xml").write_text(
        "<annotation><filename>a.png</filename><imagesize><nrows>9</nrows><ncols>12</ncols></imagesize>"
        f"<object><name>cat</name><id>0</id><segm><mask>m.png</mask>{box}</segm></object></annotation>"
    )
    (sample,) = converter.open(tmp_path)
    assert sample.instances[0].mask().sum() == 6
    assert [(loss.code, loss.amount) for loss in sample.losses] == [("out-of-image", 14)]
