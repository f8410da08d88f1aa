"""YOLO as Ultralytics ships it: the rows that come out are the rows that went in."""

from __future__ import annotations

import numpy as np
import pytest
import yaml

from tests import oracle
from tests.support import segpack


@pytest.mark.parametrize(("name", "format"), [("coco8", "yolo"), ("coco8-seg", "yolo-seg")])
def test_rows_and_names_stay(data, name, format, tmp_path):
    source = data / "ultralytics_coco8" / "example_datasets" / name
    run = segpack("convert", source, tmp_path / "out", "--to", format, "--json")
    assert run.json["losses"] == {}
    names = yaml.safe_load((source / f"{name}.yaml").read_text())["names"]
    written = yaml.safe_load((tmp_path / "out/data.yaml").read_text())
    assert oracle.check_config(written) == list(names.values())
    rows = oracle.yolo_rows(tmp_path / "out")
    labels = sorted(source.glob("labels/*/*.txt"))
    assert len(rows) == len(labels) == 8
    for label in labels:
        expected = [[float(v) for v in line.split()] for line in label.read_text().splitlines()]
        found = rows[f"images/{label.parent.name}/{label.stem}.jpg"]
        assert [names[int(row[0])] for row in expected] == [n for n, _ in found]
        for mine, (_, theirs) in zip(expected, found, strict=True):
            assert np.allclose(mine[1:], theirs, rtol=0, atol=1e-6)


def test_class_ids_in_other_formats_are_the_index_and_one(data, tmp_path):
    source = data / "ultralytics_coco8" / "example_datasets" / "coco8-seg"
    run = segpack("convert", source, tmp_path / "out", "--to", "coco", "--json")
    assert [c["id"] for c in run.json["classes"]] == list(range(1, 81))
    assert [(m["source_id"], m["id"]) for m in run.json["class_ids_changed"]] == [(i, i + 1) for i in range(80)]
