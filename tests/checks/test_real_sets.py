"""What untouched real sets have to say, and one that lacks whole folders; single defects are put in elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

import converter
from tests.checks import small

COCO8 = "ultralytics_coco8/example_datasets/coco8"


@pytest.mark.parametrize(
    "name",
    [
        "dsb2018_stage1",
        "tiny_coco",
        "camvid_segnet",
        COCO8,
        f"{COCO8}-seg",
        "labelme_examples/examples/instance_segmentation/data_dataset_coco",
    ],
)
def test_no_errors_and_no_shift_in_untouched_sets(name: str, data: Path) -> None:
    found = converter.check(data / name, workers=2)
    assert found.ok
    assert not {"shifted-masks", "split-leak", "duplicate-image", "lossy-mask"} & found.counts.keys()


def test_taco_lacks_its_images_and_nothing_else(data: Path) -> None:
    found = converter.check(data / "taco", sample=60, seed=1, workers=2)
    assert {f.code for f in found.findings if f.severity == "error"} == {"missing-image"}
    assert found.counts["missing-image"] == found.images_checked == 60


def test_masks_and_images_taken_from_folders_are_missed(data: Path, tmp_path: Path) -> None:
    root = tmp_path / "set"
    for each in sorted((data / "dsb2018_stage1/stage1_train").iterdir())[:8]:
        small.copied(each, root / "stage1_train" / each.name)
    first, second = sorted((root / "stage1_train").iterdir())[:2]
    lost = {p.relative_to(root).as_posix() for p in (second / "masks").iterdir()}

    def spoil(root: Path) -> None:
        for path in (first / "masks").iterdir():
            path.unlink()
        next((second / "images").iterdir()).unlink()

    found = small.new(root, spoil)
    bare = f"stage1_train/{first.name}/images/{first.name}.png"
    assert ("missing-mask", f"{first.name}.png", None, bare) in found
    assert {file for code, _, _, file in found if code == "orphan-mask"} == lost
    assert {code for code, *_ in found} == {"missing-mask", "orphan-mask"}
