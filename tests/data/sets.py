"""The real datasets as the tests use them: where they lie, and how segpack is told what they lack."""

from __future__ import annotations

import shutil
from pathlib import Path

CAMVID = [
    *("Sky", "Building", "Pole", "Road", "Pavement", "Tree"),
    *("SignSymbol", "Fence", "Car", "Pedestrian", "Bicyclist", "Unlabelled"),
]


def dsb2018(data: Path, target: Path, count: int | None = None) -> Path:
    """A folder an image; the whole set, or a copy of `count` images spread over it."""
    source = data / "dsb2018_stage1" / "stage1_train"
    if count is None:
        return source
    folders = sorted(p for p in source.iterdir() if p.is_dir())
    for folder in folders[:: len(folders) // count][:count]:
        shutil.copytree(folder, target / folder.name)
    return target


def camvid_classes(target: Path) -> Path:
    """A class file: the masks come without names, and 0 is the sky."""
    file = target / "camvid.yaml"
    file.write_text("".join(f"- {{id: {i}, name: {name}}}\n" for i, name in enumerate(CAMVID)))
    return file
