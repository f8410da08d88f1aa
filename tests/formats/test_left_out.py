"""Nothing is left out without being named, and a file that was emptied is not taken for one that is absent."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import PIL.Image
import pytest

import converter
from converter.errors import SourceError
from converter.format import Format, Holds, Reading, ReadOptions
from converter.layouts.images import load_judged
from converter.ledger import Ledger, Skipped
from converter.model import Header, Image, Ref
from converter.storage import open_source
from tests.support import FIXTURES, segpack_here

CLASS_FILES = (
    "labelme/valid/coins/labels.txt",
    "semantic-png/valid/parallel/classes.txt",
    "semantic-png/valid/roboflow/train/_classes.csv",
    "voc/valid/semantic/class_names.txt",
    "yolo-1.1/valid/subsets/obj.names",
    "yolo/valid/classes-txt/classes.txt",
)


@pytest.mark.parametrize("path", CLASS_FILES)
def test_an_emptied_class_file(path: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    format, _, name, *below = path.split("/")
    shutil.copytree(FIXTURES / format / "valid" / name, tmp_path / "set")
    tmp_path.joinpath("set", *below).write_bytes(b"")
    run = segpack_here(capfd, "convert", tmp_path / "set", tmp_path / "out", "--to", "coco")
    assert run.error.endswith(f"{'/'.join(below)}: names no class; write the class names into it, or remove it")


@pytest.mark.parametrize("path", ["yolo-seg/valid/coins/labels", "instance-png/valid/coins/masks/coins-left"])
def test_a_folder_that_may_not_be_read(
    path: str, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    format, _, name, *below = path.split("/")
    shutil.copytree(
        FIXTURES / format / "valid" / name, tmp_path / "set", ignore=shutil.ignore_patterns("*.csv", "*.json")
    )
    closed = tmp_path.joinpath("set", *below)
    scandir = os.scandir

    def ask(folder: str) -> Iterator[os.DirEntry[str]]:
        if folder == os.path.realpath(closed):
            raise PermissionError(errno.EACCES, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr("converter.storage.folder_store.os.scandir", ask)
    run = segpack_here(capfd, "convert", tmp_path / "set", tmp_path / "out", "--to", "coco", "--strict")
    assert run.code == 1
    assert f"{closed}: cannot be read: permission denied (skipped-folder); nothing was written" in run.error
    result = converter.convert(tmp_path / "set", tmp_path / "out", to="coco")
    assert [(x.code, x.image) for x in result.losses] == [("skipped-folder", "/".join(below))]


@pytest.mark.parametrize("format", ["labelme", "labelme3", "supervisely", "voc"])
def test_an_image_that_nothing_speaks_of(format: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "set"
    case = next(p for p in sorted((FIXTURES / format / "valid").iterdir()) if p.is_dir())
    shutil.copytree(case, source)
    known = next(p for p in sorted(source.rglob("*.*")) if p.suffix in {".jpg", ".png"} and "asks" not in str(p.parent))
    lonely = [known.with_name(f"lonely-{n}{known.suffix}") for n in range(5)]
    for path in lonely:
        shutil.copy(known, path)
    run = segpack_here(capfd, "inspect", source, "--json")
    assert sorted(n["where"] for n in run.json["notes"] if n["code"] == "orphan-image") == list(map(str, lonely))
    found = segpack_here(capfd, "check", source, "--json").json["findings"]
    orphans = [f["where"]["file"] for f in found if f["code"] == "orphan-image"]
    assert orphans == [p.relative_to(source).as_posix() for p in lonely]


def test_emptied_lists_of_voc(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(FIXTURES / "voc/valid/full", tmp_path / "set")
    for path in (tmp_path / "set/ImageSets").rglob("*.txt"):
        path.write_bytes(b"")
    notes = segpack_here(capfd, "inspect", tmp_path / "set", "--json").json["notes"]
    left = {n["where"] for n in notes if n["code"] == "no-split"}
    assert left == {p.name for p in (tmp_path / "set/JPEGImages").iterdir()}


@pytest.mark.parametrize("target", ["yolo", "yolo-seg", "yolo-obb", "coco", "lvis", "coco-panoptic", "voc"])
def test_images_in_no_split_beside_images_of_splits(target: str, tmp_path: Path) -> None:
    """A data.yaml names folders of splits: what lies beside them is read by no trainer, and so a loss."""
    shutil.copytree(FIXTURES / "voc/valid/full", tmp_path / "set")
    (tmp_path / "set/ImageSets/Main/val.txt").write_bytes(b"")
    result = converter.convert(tmp_path / "set", tmp_path / "out", to=target)
    lost = sorted(loss.image for loss in result.losses if loss.code == "no-split")
    assert lost == (["borders.jpg", "coins-corner.jpg"] if target.startswith("yolo") else [])
    names = [sample.image.path for sample in converter.open(tmp_path / "out", format=target)]
    assert len(names) == 6 - len(lost)


@pytest.mark.parametrize("apart", [False, True], ids=["beside", "--images"])
def test_yolo_labels_of_a_folder_without_images(apart: bool, tmp_path: Path) -> None:
    source, image = tmp_path / "set", FIXTURES / "coco/valid/coins/images/coins-left.png"
    for folder in ("images/train", "labels/train", "labels/val"):
        (source / folder).mkdir(parents=True)
    shutil.copy(image, source / "images/train")
    (source / "labels/train/coins-left.txt").write_text("0 0.5 0.5 0.2 0.2\n")
    (source / "labels/val/lost.txt").write_text("0 0.5 0.5 0.2 0.2\n0 0.3 0.5 0.2 0.2\n")
    (source / "labels/classes.txt").write_text("coin\n")
    (source / "data.yaml").write_text("train: images/train\nnames: [coin]\n")
    images = (source / "images").rename(tmp_path / "images") if apart else None
    result = converter.convert(source, tmp_path / "out", to="coco", images=images)
    assert [(loss.code, loss.image, loss.amount) for loss in result.losses] == [
        ("orphan-label", "labels/val/lost.txt", 2)
    ]


# What data.yaml says, the image (its label lies beside it in labels/), and whether its rows are lost.
UNNAMED = {
    "another-split": ("train: images/train\nval: images/train\n", "images/test/b.png", True),
    "roboflow": ("train: ../images/train\nval: ../images/train\n", "test/images/b.png", True),
    "beside-a-list": ("train: list.txt\nval: list.txt\n", "images/train/b.png", True),
    "no-splits": ("", "images/test/b.png", False),
}


@pytest.mark.parametrize("case", UNNAMED)
def test_yolo_labels_of_images_that_no_split_names(case, tmp_path, capfd):
    content, other, lost = UNNAMED[case]
    source = tmp_path / "set"
    for path, rows in (("images/train/a.png", 1), (other, 2)):
        image = source / path
        beside = Path(str(image.with_suffix(".txt")).replace("/images/", "/labels/"))
        image.parent.mkdir(parents=True, exist_ok=True)
        beside.parent.mkdir(parents=True, exist_ok=True)
        PIL.Image.new("RGB", (20, 10), "red" if rows == 1 else "blue").save(image)
        beside.write_text("0 0.5 0.5 0.2 0.2\n" * rows)
    (source / "data.yaml").write_text(content + "names: [coin]\n")
    (source / "list.txt").write_text("images/train/a.png\n")
    result = converter.convert(source, tmp_path / "out", to="coco")
    told = [(loss.code, loss.image, loss.amount) for loss in result.losses]
    label = other.replace("images", "labels").replace(".png", ".txt")
    assert told == ([("orphan-label", label, 2)] if lost else [])
    found = segpack_here(capfd, "check", source, "--json").json["findings"]
    assert [f["where"]["file"] for f in found if f["code"] == "orphan-mask"] == ([label] if lost else [])
    # Named itself, the YAML may be one of several for the same images.
    assert converter.convert(source / "data.yaml", tmp_path / "named", to="coco").losses == []


def test_yolo_labels_without_rows_are_none(tmp_path):
    source = tmp_path / "set"
    for folder in ("images/train", "images/test", "labels/train", "labels/test"):
        (source / folder).mkdir(parents=True)
    for path in ("train/a", "test/b"):
        PIL.Image.new("RGB", (20, 10)).save(source / f"images/{path}.png")
    (source / "labels/train/a.txt").write_text("0 0.5 0.5 0.2 0.2\n")
    (source / "labels/test/b.txt").write_text("\n")
    (source / "data.yaml").write_text("train: images/train\nval: images/train\nnames: [coin]\n")
    assert converter.convert(source, tmp_path / "out", to="coco").losses == []


@pytest.mark.parametrize("shared", [False, True])
def test_several_yolo_sets_are_not_taken_for_the_first(shared, tmp_path):
    for name in ("one", "two"):
        for folder in ("images/train", "labels/train"):
            (tmp_path / "set" / name / folder).mkdir(parents=True)
        PIL.Image.new("RGB", (20, 10)).save(tmp_path / "set" / name / "images/train/a.png")
        (tmp_path / "set" / name / "labels/train/a.txt").write_text("0 0.5 0.5 0.2 0.2\n")
        train = "[../one/images/train, ../two/images/train]" if shared else "images/train"
        (tmp_path / "set" / name / "data.yaml").write_text(f"train: {train}\nval: {train}\nnames: [coin]\n")
    if shared:
        assert len(list(converter.open(tmp_path / "set"))) == 2
        return
    wrong = "several YOLO sets, and nothing says which is meant: one/data.yaml, two/data.yaml; name the one file"
    with pytest.raises(SourceError, match=wrong):
        converter.open(tmp_path / "set")
    assert len(list(converter.open(tmp_path / "set/two/data.yaml"))) == 1


@pytest.mark.parametrize(("code", "judged"), [("invalid-polygon", True), ("", True), ("unmapped-class", False)])
@pytest.mark.parametrize("on_error", ["stop", "skip"])
def test_an_error_that_a_format_raises_is_one_of_the_image(on_error, code, judged, tmp_path):
    """So that one from elsewhere need not know how errors are judged."""
    wrong = SourceError("a.txt", "has no rows", remedy="add some", code=code)

    def load(reading, header, ref, ledger):
        raise wrong

    format = Format(name="dots", summary="", page="", holds=Holds(), load=load)
    reading, ledger = Reading(open_source(tmp_path), options=ReadOptions(), on_error=on_error), Ledger(on_error)
    with pytest.raises(Skipped if judged and on_error == "skip" else SourceError):
        load_judged(format, reading, Header("dots", "instance", ()), Ref(Image("a.png"), None), ledger)
    left = [(loss.code, loss.image, loss.message) for loss in ledger.losses]
    assert left == ([("skipped-image", "a.png", str(wrong))] if judged and on_error == "skip" else [])
