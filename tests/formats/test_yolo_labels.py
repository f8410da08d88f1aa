"""Labels are found where tools other than Ultralytics' put them, and never taken for absent."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

import converter
from converter.errors import SourceError

CONFIG = "train: images/train\nval: images/train\nnames: [cat, dog]\n"
ROW = "1 0.5 0.5 0.2 0.4\n"
# Image -> its label.
TREES = {
    "images/train/a.png": "labels/train/a.txt",
    "images/train/b.png": "labels/train/b.TXT",
    "images/train/C.PNG": "Labels/Train/c.txt",
    "images/train/d.png": "images/train/d.txt",
    "Images/e.PNG": "Labels/e.txt",
    "JPEGImages/f.png": "labels/f.txt",
    "JPEGImages/train/g.png": "labels/train/g.txt",
    "train/Images/h.png": "train/Labels/h.txt",
}


def made(root: Path, image: str, label: str) -> Path:
    for path in (image, label):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (20, 10)).save(root / image, format="PNG")
    (root / label).write_text(ROW)
    return root


@pytest.mark.parametrize("image", TREES)
def test_a_label_is_found(image, tmp_path):
    root = made(tmp_path, image, TREES[image])
    configured = image.startswith("images/train")
    (root / ("data.yaml" if configured else "classes.txt")).write_text(CONFIG if configured else "cat\ndog\n")
    (sample,) = converter.open(root)
    assert [(i.class_name, i.box) for i in sample.instances] == [("dog", (8, 3, 4, 4))]
    assert sample.image.name == Path(image).name
    assert sample.image.split == ("train" if "train" in image and not configured else None)


@pytest.mark.parametrize("image", ["JPEGImages/a.png", "images/a.png", "photos/a.png"])
def test_a_label_of_darknet_is_found_from_its_list(image, tmp_path):
    """Darknet's replace_image_to_label: labels/ in the place of the folder, else beside the image."""
    label = "photos/a.txt" if image.startswith("photos") else "labels/a.txt"
    root = made(tmp_path / "set", image, label)
    (root / "obj.data").write_text("classes=2\ntrain=data/train.txt\nvalid=data/train.txt\nnames=data/obj.names\n")
    (root / "obj.names").write_text("cat\ndog\n")
    (root / "train.txt").write_text(f"data/{image}\n")
    (root / "labels").mkdir(exist_ok=True)
    (root / "labels/other.txt").write_text(ROW)
    result = converter.convert(root, tmp_path / "out", to="coco")
    assert (result.source_format, result.instances) == ("yolo-1.1", result.images)
    assert [x.image for x in result.losses] == ["labels/other.txt"]


def test_texts_beside_images_that_are_no_rows_are_no_labels(tmp_path):
    root = made(tmp_path, "images/train/a.png", "labels/train/a.txt")
    made(root, "images/train/b.png", "images/train/b.txt")
    (root / "images/train/b.txt").write_text("a cat on a mat\n")
    (root / "data.yaml").write_text(CONFIG)
    assert [len(s.instances) for s in converter.open(root)] == [1, 0]


def test_two_files_that_differ_in_case_are_two(tmp_path):
    root = made(tmp_path, "images/train/a.png", "labels/train/a.txt")
    made(root, "images/train/A.png", "labels/train/A.txt")
    (root / "labels/train/A.txt").write_text(ROW * 2)
    (root / "data.yaml").write_text(CONFIG)
    assert [(s.image.name, len(s.instances)) for s in converter.open(root)] == [("A.png", 2), ("a.png", 1)]


@pytest.mark.parametrize("other", ["images/train/A.png", "JPEGImages/train/a.png"])
def test_the_label_of_one_image_is_not_given_to_another(other, tmp_path):
    """Ultralytics reads the other as without objects."""
    root = made(tmp_path, "images/train/a.png", "labels/train/a.txt")
    (root / other).parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (20, 10)).save(root / other)
    (root / "classes.txt").write_text("cat\ndog\n")
    assert sorted((s.image.file, len(s.instances)) for s in converter.open(root)) == sorted(
        [("images/train/a.png", 1), (other, 0)]
    )


def test_of_labels_that_differ_in_case_neither_is_taken(tmp_path):
    root = made(tmp_path / "set", "images/train/a.png", "labels/train/A.txt")
    (root / "labels/train/a.TXT").write_text(ROW * 2)
    (root / "data.yaml").write_text(CONFIG)
    (root / "images/train/b.png").write_bytes((root / "images/train/a.png").read_bytes())
    (root / "labels/train/b.txt").write_text(ROW)
    assert [len(s.instances) for s in converter.open(root)] == [0, 1]
    losses = converter.convert(root, tmp_path / "out", to="coco").losses
    assert [(x.code, x.image) for x in losses] == [
        ("orphan-label", "labels/train/A.txt"),
        ("orphan-label", "labels/train/a.TXT"),
    ]


@pytest.mark.parametrize("count", ["2", "2.0", "'2'"])
def test_counts_of_classes_that_agree(count, tmp_path):
    root = made(tmp_path, "images/train/a.png", "labels/train/a.txt")
    (root / "data.yaml").write_text(CONFIG + f"nc: {count}\n")
    assert len(converter.open(root).classes) == 2


@pytest.mark.parametrize("count", ["[2]", "{0: 2}", "true", "2.5"])
def test_counts_of_classes_that_are_none(count, tmp_path):
    root = made(tmp_path, "images/train/a.png", "labels/train/a.txt")
    (root / "data.yaml").write_text(CONFIG + f"nc: {count}\n")
    with pytest.raises(SourceError, match=r"data\.yaml: nc: nc is .* and there are 2 names; make them agree"):
        converter.open(root)


@pytest.mark.parametrize(("beside", "told"), [(ROW, []), (ROW + ROW, ["label-chosen"]), ("a red cat\n", [])])
def test_a_label_beside_an_image_that_has_another_is_told(beside, told, tmp_path):
    root = made(tmp_path / "set", "images/a.png", "labels/a.txt")
    (root / "classes.txt").write_text("cat\ndog\n")
    (root / "images/a.txt").write_text(beside)
    result = converter.convert(root, tmp_path / "out", to="coco")
    assert (result.instances, result.losses) == (1, [])
    assert [note.code for note in result.notes if note.code == "label-chosen"] == told
